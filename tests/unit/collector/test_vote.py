"""What a cluster of observations counts for."""

from typing import Any

import pytest

from quorate.contract.finding import Finding, Vote
from quorate.contract.fix import Edit, Fix
from quorate.settings import QuorumRule
from quorate_collector.domain.dedup import Cluster, exact, observe
from quorate_collector.domain.electorate import Electorate
from quorate_collector.domain.tally import Tally, tally
from quorate_collector.domain.vote import vote

ONE = Electorate(lambda _: QuorumRule())


def cluster(*agents: str, lineages: dict[str, str] | None = None, **fields: Any) -> Cluster:
    found = Finding.model_validate({"path": "a.py", "line": 5, "message": "Leak", "severity": "critical"} | fields)
    [one] = exact([each for agent in agents for each in observe(agent, [found], lineages or {})])
    return one


@pytest.mark.parametrize(
    ("agents", "lineages", "needed", "decision", "reason"),
    [
        (["a"], {}, 1, "confirmed", "1 lineage (a) found it, critical needs 1"),
        (["a", "b"], {}, 2, "confirmed", "2 lineages (a, b) found it, critical needs 2"),
        (["a"], {}, 2, "demoted", "critical needs 2 lineages to agree, and only a found it"),
        (
            ["a", "b"],
            {"a": "gpt", "b": "gpt"},
            2,
            "demoted",
            "critical needs 2 lineages to agree, and only gpt found it",
        ),
        (["a", "b", "c"], {"a": "gpt", "b": "gpt"}, 2, "confirmed", "2 lineages (c, gpt) found it, critical needs 2"),
        (["a", "b"], {}, 3, "demoted", "critical needs 3 lineages to agree, and only a, b found it"),
    ],
)
def test_lineages_vote_and_agents_do_not(
    agents: list[str], lineages: dict[str, str], needed: int, decision: str, reason: str
) -> None:
    decided = vote(cluster(*agents, lineages=lineages), 1, Electorate(lambda _: QuorumRule(lineages=needed)))
    assert (decided.decision, decided.reason) == (decision, reason)


@pytest.mark.parametrize("order", [("bandit", "pyflakes"), ("pyflakes", "bandit")])
def test_of_equal_votes_of_one_agent_that_of_the_first_lineage_by_name_counts(order: tuple[str, str]) -> None:
    known: dict[str, Any] = {"agent": "ruff", "rule": "", "severity": "high", "confidence": 0.8, "message": "Leak"}
    counted = tally("a.py", "high", [Vote(lineage=each, **known) for each in order], (), ONE)
    assert counted == Tally("confirmed", "1 lineage (bandit) found it, high needs 1")


def test_the_quorum_is_that_of_the_highest_severity() -> None:
    low = observe("a", [Finding(path="a.py", line=5, message="Leak", severity="low", confidence=0.9)], {})
    high = observe("b", [Finding(path="a.py", line=5, message="Leak", severity="high", confidence=0.5)], {})
    [one] = exact([*low, *high])
    asked: list[str] = []

    def quorum(severity: str) -> QuorumRule:
        asked.append(severity)
        return QuorumRule()

    decided = vote(one, 1, Electorate(quorum))

    assert (decided.severity, set(asked)) == ("high", {"high"})
    assert decided.votes[0].severity == "low", "the votes keep what each agent said"


def test_a_decided_finding_shows_every_vote_in_its_own_words() -> None:
    one = observe("a", [Finding(path="a.py", line=5, message="Leak.", rule="R1", confidence=0.9)], {})
    other = observe(
        "b", [Finding(path="a.py", line=5, end_line=6, message="leak", rule="R2", suggestion="close")], {"b": "gpt"}
    )
    [both] = exact([*one, *other])

    decided = vote(both, 1, ONE)

    assert [(v.agent, v.lineage, v.rule, v.message, v.confidence) for v in decided.votes] == [
        ("a", "a", "R1", "Leak.", 0.9),
        ("b", "gpt", "R2", "leak", 0.8),
    ]
    assert (decided.message, decided.line, decided.end_line) == ("Leak.", 5, None)
    assert (decided.rules, decided.suggestion) == (("R1", "R2"), "close")


def test_equal_fingerprints_of_one_result_get_ids_of_their_own() -> None:
    one = cluster("a")
    assert vote(one, 1, ONE).id == one.fingerprint
    assert vote(one, 2, ONE).id == f"{one.fingerprint}-2"
    assert vote(one, 2, ONE).fingerprint == one.fingerprint


def test_a_safe_fix_goes_before_others_and_only_what_all_call_indirect_is() -> None:
    edits = (Edit(line=5, end_line=5, text="x\n"),)
    both = Cluster(
        members=[
            *observe("a", [Finding(path="a.py", message="m", fix=Fix(edits=edits), indirect=True)], {}),
            *observe("b", [Finding(path="a.py", message="m", fix=Fix(edits=edits, safe=True), cwe=78)], {}),
        ]
    )

    decided = vote(both, 1, ONE)

    assert decided.fix == Fix(edits=edits, safe=True)
    assert (decided.indirect, decided.cwe) == (False, 78)
