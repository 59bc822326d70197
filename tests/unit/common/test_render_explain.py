"""Why each finding was decided so, for people at a terminal."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import AgentCoverage, Contribution, Coverage
from quorate.contract.finding import DecidedFinding, Finding, Objection, Resolved, Vote
from quorate.contract.result import Result, Timings
from quorate.render.explain import MAX_MERGED, UnknownFinding, render
from quorate.render.terminal import Terminal, cells
from quorate.settings import QuorumRule
from quorate_collector.domain.conclude import Policy, decide_findings

OURS = re.compile(r"\x1b\[\d+(;\d+)*m")
WIDE = Terminal(width=200)


def vote(agent: str, **fields: Any) -> Vote:
    known: dict[str, Any] = {
        "agent": agent,
        "lineage": "bandit",
        "rule": "B608",
        "severity": "high",
        "confidence": 0.9,
        "message": f"as {agent} has it",
    }
    return Vote(**(known | fields))


def finding(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f1",
        "path": "src/a.py",
        "line": 3,
        "severity": "high",
        "category": "security",
        "message": "SQL from text",
        "fingerprint": "f1",
        "votes": (vote("bandit"),),
        "decision": "confirmed",
        "reason": "1 lineage (bandit) found it, high needs 1",
    }
    return DecidedFinding(**(known | fields))


def result(*findings: DecidedFinding, **fields: Any) -> Result:
    known: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "state": "completed",
        "verdict": "comment",
        "findings": findings,
        "coverage": Coverage(agents={"bandit": AgentCoverage(state="ok", files=2, elapsed_ms=900)}),
        "timings": Timings(finished_at="2026-01-02T03:04:05Z", elapsed_ms=1_260),
    }
    return Result(**(known | fields))


def test_everything_that_is_known_of_a_finding_is_told() -> None:
    explained = finding(
        votes=(
            vote("bandit"),
            vote("critic", lineage="gpt", rule="", confidence=0.24, weight=0.6, message="Query built from input"),
            vote("guest", lineage="guest", weight=0.0),
        ),
        objections=(Objection(agent="taint", lineage="quorate", confidence=0.8, message="only constants reach it"),),
        decision="demoted",
        reason="high needs 2 votes; bandit 1.0 + gpt 0.6 - quorate 1.0 = 0.6; verification, round 1 of 1: v did not"
        " answer; before: high needs 2 votes; put to v, round 1 of 1",
        issue="f0",
        standing="known",
        since="abc123",
        dismissed=True,
        indirect=True,
    )

    lines = render(result(explained), WIDE).splitlines()

    assert lines[lines.index("HIGH  src/a.py:3") :][:17] == [
        "HIGH  src/a.py:3",
        "  SQL from text",
        "  id f1",
        "  Unconfirmed: high needs 2 votes; bandit 1.0 + gpt 0.6 - quorate 1.0 = 0.6; verification, round 1 of 1: v",
        "    did not answer",
        "  Before: high needs 2 votes; put to v, round 1 of 1",
        "  A comment in the code asks not to hear of it.",
        "  It is caused by the change, outside of the changed lines.",
        "  Known: an earlier review of the series reported it, too; first reported at abc123 as f0",
        "  ✓ bandit (lineage bandit, rule B608): high, confidence 0.9, counts 1",
        '    "as bandit has it"',
        "  ✓ critic (lineage gpt): high, confidence 0.24, counts 0.6",
        '    "Query built from input"',
        "  ✓ guest (lineage guest, rule B608): high, confidence 0.9, does not count",
        '    "as guest has it"',
        "  ✗ taint (lineage quorate) objects: confidence 0.8",
        '    "only constants reach it"',
    ]


def test_a_vote_that_is_not_whole_says_where_its_weight_comes_from() -> None:
    contributions = {
        agent: Contribution(findings=(Finding(path="a.py", line=3, message="SQL", confidence=confidence),))
        for agent, confidence in {"bandit": 0.9, "critic": 0.1, "guest": 0.2}.items()
    }
    rule = QuorumRule(lineages=3)
    policy = Policy(lambda _: rule, weights={"guest": 0.5}, records={"bandit": 0.5, "guest": 0.1})

    text = " ".join(render(result(*decide_findings(contributions, policy)), WIDE).split())

    assert (
        "Unconfirmed: medium needs 3 votes; bandit 0.5 + critic 0.25 + guest 0.25 = 1.0 (bandit 0.5, by its record;"
        " critic 0.25, by a low confidence; guest 0.25, by the operator and a low confidence)"
    ) in text
    assert "✓ guest (lineage guest): medium, confidence 0.2, counts 0.25" in text


def test_the_end_tells_what_was_merged_and_who_looked() -> None:
    merged = finding(
        votes=(vote("bandit"), vote("ruff"), vote("ruff")),
        reason="1 lineage (bandit) found it, high needs 1; merged by similarity 0.31 (lexical)",
    )
    gone = Resolved(issue="i", path="b.py", line=4, severity="low", category="bug", message="Leak", reason="fixed")

    text = render(result(merged, finding(id="f2", line=9), resolved=(gone,)), WIDE)

    assert "Reported by several, or several times (1)\n" in text
    assert "  src/a.py:3: 3 reports by bandit, ruff, merged by similarity 0.31 (lexical)\n" in text
    assert "Gone since the last review (1)\n  b.py:4: Leak: fixed\n" in text
    assert "\nWho looked\n  bandit  ok" in text
    assert text.endswith("\n2 findings (2 high), 1.3 s\n")


def test_decisions_come_in_the_order_in_which_people_should_read_them() -> None:
    decisions = ("withheld", "demoted", "held", "confirmed")
    found = [finding(id=decision, decision=decision, reason=f"why {decision}") for decision in decisions]
    text = render(result(*found), WIDE)
    assert re.findall(r"^\w+ \(1\)$", text, re.MULTILINE) == [
        "Confirmed (1)",
        "Held (1)",
        "Unconfirmed (1)",
        "Withheld (1)",
    ]
    assert all(f"why {decision}" in text for decision in decisions)


def test_a_carried_finding_says_that_nobody_looked_again() -> None:
    text = render(result(finding(standing="carried", since="abc")), WIDE)
    assert "Carried: an earlier review of the series reported it, and nobody has looked again" in text


@pytest.mark.parametrize("id", ["f2", "old"])
def test_one_finding_can_be_explained_alone_by_its_id_or_the_issues(id: str) -> None:
    text = render(result(finding(), finding(id="f2", line=9, issue="old")), WIDE, id)
    assert text.startswith("HIGH  src/a.py:9\n")
    assert "src/a.py:3" not in text
    assert "Who looked" not in text


def test_a_finding_that_is_not_there_is_named_with_where_ids_are_found() -> None:
    with pytest.raises(UnknownFinding, match=r"t1 has no finding nope: `quorate task show t1 --explain` shows all"):
        render(result(finding()), WIDE, "nope")


def test_a_result_without_findings_says_so() -> None:
    assert "There is no finding to explain." in render(result(), WIDE)


def test_of_very_many_merged_findings_the_rest_is_counted() -> None:
    many = [finding(id=f"f{n}", line=n, votes=(vote("a"), vote("b"))) for n in range(1, MAX_MERGED + 8)]
    assert "\n  and 7 more\n" in render(result(*many), WIDE)


def test_there_are_colours_only_where_the_terminal_has_them_and_signs_it_can_show() -> None:
    subject = result(finding())
    assert "\x1b[" not in render(subject, WIDE)
    colored = render(subject, Terminal(color=True, width=200))
    assert OURS.sub("", colored) == render(subject, WIDE)
    assert colored != render(subject, WIDE)
    assert "+ bandit (lineage" in render(subject, Terminal(width=200, encoding="ascii"))


ANYTHING = st.text(max_size=30) | st.sampled_from(["\x1b[31m", "\u202egnp", "a\r\nb", "\udc80", "; before: "])


@given(ANYTHING, st.integers(20, 130))
def test_nothing_that_was_reported_controls_the_terminal_or_is_wider(text: str, width: int) -> None:
    said = vote(text, lineage=text, rule=text, message=text)
    subject = result(
        finding(
            path=f"a{text}",
            message=text,
            votes=(said, said),
            objections=(Objection(agent=text, lineage=text, confidence=0.5, message=text),),
            reason=text,
            issue=text,
            since=text,
            standing="known",
            line=None,
        ),
        resolved=(Resolved(issue=text, path=text, severity="low", category="bug", message=text, reason=text),),
        coverage=Coverage(),
    )
    for line in render(subject, Terminal(width=width)).split("\n"):
        assert line.isprintable()
        # A place is never broken, so that it can be clicked.
        assert cells(line) <= width or line.startswith("HIGH  ")
