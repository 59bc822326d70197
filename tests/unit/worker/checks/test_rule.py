"""How many findings a check may give, and how it says that there were more."""

from typing import get_args

from quorate.contract.finding import Category, Severity
from quorate_worker.checks import CHECKS
from quorate_worker.checks.rule import MAX_PER_FILE, MAX_PER_RULE, Findings, Rule

RULES = {"one": Rule("bug", "low", 0.5, "A sentence.", cwe=59)}


def test_a_finding_is_what_its_rule_says_unless_told_otherwise() -> None:
    findings = Findings(RULES)
    findings.add("one", "a", "plain", line=3)
    findings.add("one", "a", "special", severity="high", confidence=0.0)

    plain, special = findings.all()
    assert (plain.severity, plain.category, plain.confidence, plain.cwe, plain.line) == ("low", "bug", 0.5, 59, 3)
    assert (special.severity, special.confidence) == ("high", 0.0)


def test_the_last_finding_of_a_file_says_how_many_more_there_are() -> None:
    findings = Findings(RULES)
    for number in range(MAX_PER_FILE + 7):
        findings.add("one", "a", "here", line=number + 1)
    findings.add("one", "b", "there")

    *others, last, other_file = findings.all()
    assert len(others) == MAX_PER_FILE - 1
    assert {finding.message for finding in others} == {"here"}
    assert last.message == "here (7 more in this file are not listed)"
    assert other_file.message == "there"


def test_the_last_finding_of_a_rule_says_how_many_more_the_change_has() -> None:
    findings = Findings(RULES)
    for number in range(MAX_PER_RULE + 1_000):
        findings.add("one", f"file{number}", "here")

    kept = findings.all()
    assert len(kept) == MAX_PER_RULE
    assert kept[-1].message == "here (1000 more in the change are not listed)"


def test_a_message_may_not_become_long() -> None:
    findings = Findings(RULES)
    findings.add("one", "a", "x" * 100_000)

    assert len(findings.all()[0].message) == 2_000


def test_every_check_describes_itself_and_its_rules() -> None:
    assert [check.NAME for check in CHECKS] == sorted({check.NAME for check in CHECKS})
    for check in CHECKS:
        assert check.VERSION
        assert check.DESCRIPTION
        assert check.RULES
        for name, rule in check.RULES.items():
            assert rule.description[0].isupper(), name
            assert rule.description.endswith("."), name
            assert rule.category in get_args(Category)
            assert rule.severity in get_args(Severity)
            assert 0 < rule.confidence < 1
