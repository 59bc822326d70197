"""Votes against: what an agent says that has looked at the same place."""

from typing import Any

import pytest

from quorate.contract.facts import Contribution
from quorate.contract.finding import Clearance, DecidedFinding, Finding
from quorate.settings import QuorumRule
from quorate_collector.domain.conclude import Policy, decide_findings

SAID = "only constants reach it"


def decided(
    *by: str,
    cleared: dict[str, Any] | None = None,
    clearing: tuple[str, ...] = ("taint",),
    needed: int = 1,
    **fields: Any,
) -> DecidedFinding:
    finding = Finding.model_validate(
        {"path": "a.py", "line": 10, "end_line": 12, "message": "SQL", "severity": "medium", "cwe": 89} | fields
    )
    contributions = {agent: Contribution(findings=(finding,)) for agent in by}
    place = {"path": "a.py", "line": 10, "end_line": 12, "cwe": 89, "message": SAID} | (cleared or {})
    for agent in clearing:
        found = contributions.get(agent, Contribution())
        contributions[agent] = found.model_copy(update={"cleared": (Clearance.model_validate(place),)})
    [one] = decide_findings(contributions, Policy(quorum=lambda _: QuorumRule(lineages=needed)))
    return one


def test_an_objection_takes_a_vote_away_and_says_why() -> None:
    finding = decided("bandit")

    assert finding.decision == "demoted"
    assert finding.reason == (
        f"medium needs 1 lineage more than object, and bandit found it; taint looked and objects: {SAID}"
    )
    [objection] = finding.objections
    assert (objection.agent, objection.lineage, objection.message) == ("taint", "quorate", SAID)
    assert [vote.agent for vote in finding.votes] == ["bandit"]


def test_two_against_one_confirm_and_the_objection_stays_visible() -> None:
    finding = decided("bandit", "other")

    assert finding.decision == "confirmed"
    assert finding.reason == (f"2 lineages (bandit, other) found it, medium needs 1; taint looked and objects: {SAID}")


def test_a_lineage_that_is_on_both_sides_has_no_vote() -> None:
    assert decided("semgrep").decision == "demoted"
    assert decided("semgrep", "bandit").decision == "confirmed"
    assert decided("semgrep", "bandit", needed=2).decision == "demoted"


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param({"path": "b.py"}, id="another file"),
        pytest.param({"cwe": 78}, id="another weakness"),
        pytest.param({"line": 13, "end_line": 13}, id="below"),
        pytest.param({"line": 8, "end_line": 9}, id="above"),
        pytest.param({"line": 10, "end_line": 11}, id="only its beginning"),
        pytest.param({"line": 12, "end_line": 12}, id="only its last line"),
        pytest.param({"confidence": 0.6}, id="by one who is not sure"),
    ],
)
def test_a_clearance_of_something_else_is_no_objection(elsewhere: dict[str, Any]) -> None:
    finding = decided("bandit", cleared=elsewhere)

    assert (finding.decision, finding.objections) == ("confirmed", ())


@pytest.mark.parametrize("lines", [(10, 12), (1, 12), (10, 99), (1, 99)])
def test_a_clearance_of_all_its_lines_is_one(lines: tuple[int, int]) -> None:
    assert decided("bandit", cleared={"line": lines[0], "end_line": lines[1]}).decision == "demoted"


def test_nobody_objects_to_oneself() -> None:
    finding = decided("taint")

    assert (finding.decision, finding.objections) == ("confirmed", ())


def test_agents_of_one_lineage_object_once() -> None:
    finding = decided("bandit", "other", clearing=("taint", "semgrep"))

    assert [objection.agent for objection in finding.objections] == ["semgrep", "taint"]
    assert finding.decision == "confirmed"


def test_a_finding_about_a_whole_file_or_without_a_weakness_is_not_objected_to() -> None:
    assert decided("bandit", line=None, end_line=None).objections == ()
    assert decided("bandit", cwe=None).objections == ()


def test_very_many_clearances_take_no_time_to_look_through() -> None:
    cleared = tuple(
        Clearance(path="a.py", line=line, end_line=line, cwe=89, message=SAID) for line in range(1, 100_001)
    )
    findings = tuple(
        Finding(path="a.py", line=line, message=f"SQL {line}", severity="medium", cwe=89)
        for line in range(1, 100_001, 50)
    )
    contributions = {"taint": Contribution(cleared=cleared), "bandit": Contribution(findings=findings)}

    found = decide_findings(contributions, Policy(quorum=lambda _: QuorumRule(lineages=1)))

    assert {finding.decision for finding in found} == {"demoted"}
    assert len(found) == 2_000
