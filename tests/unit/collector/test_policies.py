"""Weights, voters, shares, and what happens without a quorum."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import AgentCoverage, Assignee, Contribution, Coverage
from quorate.contract.finding import SEVERITIES, Clearance, DecidedFinding, Finding, Resolved
from quorate.settings import Quorum, QuorumRule
from quorate.verdict import verdict_of
from quorate_collector.domain.conclude import Conclusion, Policy, conclude_first_look, decide_findings
from quorate_collector.domain.electorate import NOBODY, needs_readers
from quorate_collector.domain.following import Followed
from quorate_collector.domain.questions import MAX_IN_QUESTION
from quorate_collector.domain.similarity import Lexical
from quorate_collector.domain.state import Join
from quorate_collector.domain.weights import FULL, SURE, shown, weight_of

SAID = "only constants reach it"
AGENTS = "abcdef"


def leak(severity: str = "critical", confidence: float = 0.8, **fields: Any) -> Finding:
    known = {"path": "a.py", "line": 5, "message": "Leak", "cwe": 89, "severity": severity, "confidence": confidence}
    return Finding.model_validate(known | fields)


def clears(confidence: float = 0.8) -> Contribution:
    place = Clearance(path="a.py", line=5, end_line=5, cwe=89, message=SAID, confidence=confidence)
    return Contribution(cleared=(place,), read=("a.py",))


def finds(confidence: float = 0.8, **fields: Any) -> Contribution:
    return Contribution(findings=(leak(confidence=confidence, **fields),), read=("a.py",))


def twice(rule: str, other: str, first: float = 0.8) -> Contribution:
    """One agent that says the same with two rules; ``first`` is the confidence of the first."""
    return Contribution(findings=(leak(rule=rule, confidence=first), leak(rule=other)), read=("a.py",))


def policy(
    weights: Mapping[str, float] | None = None,
    configured: Mapping[str, str] | None = None,
    records: Mapping[str, float] | None = None,
    **rule: Any,
) -> Policy:
    """One rule for all severities; ``configured`` maps agents to lineages."""
    one = QuorumRule.model_validate(rule)
    return Policy(quorum=lambda _: one, lineages=configured or {}, weights=weights or {}, records=records or {})


def decided(contributions: Mapping[str, Contribution], by: Policy) -> DecidedFinding:
    [one] = decide_findings(contributions, by)
    return one


def first_look(contributions: Mapping[str, Contribution], by: Policy, **more: Any) -> Conclusion:
    agents = tuple(Assignee(agent=agent, version="1") for agent in contributions)
    join = Join(kind="code-review", step="review", attempt=1, agents=agents, answered=tuple(contributions))
    return conclude_first_look(join, contributions, by, **more)


@pytest.mark.parametrize(
    ("confidence", "own", "weight"),
    [(1.0, 1.0, 1_000), (SURE, 1.0, 1_000), (SURE / 2, 1.0, 500), (0.0, 1.0, 0), (SURE / 2, 0.5, 250), (0.9, 0.0, 0)],
)
def test_a_vote_weighs_how_sure_it_is_times_what_its_agent_counts_for(
    confidence: float, own: float, weight: int
) -> None:
    assert weight_of(confidence, own) == weight
    assert policy({"a": own}).electorate(NOBODY).weigh("a", "a", confidence, "high") == weight
    assert policy({"a": own}, voters=["b"]).electorate(NOBODY).weigh("a", "a", confidence, "high") == 0
    assert policy({"a": own}, voters=["b", "gpt"]).electorate(NOBODY).weigh("a", "gpt", confidence, "high") == weight


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_weight_is_never_below_nothing_nor_above_a_whole_vote(confidence: float, own: float) -> None:
    weight = weight_of(confidence, own)
    assert 0 <= weight <= FULL
    assert weight <= weight_of(1.0, own)
    assert float(shown(weight)) == weight / FULL


@pytest.mark.parametrize(
    ("contributions", "by", "decision", "reason"),
    [
        pytest.param(
            {"a": finds(), "b": finds(SURE * 0.6)},
            policy(lineages=2),
            "demoted",
            "critical needs 2 votes; a 1.0 + b 0.6 = 1.6 (b 0.6, by a low confidence)",
            id="one is not sure",
        ),
        pytest.param(
            {"a": finds(), "b": finds(SURE * 0.6), "c": finds(SURE * 0.4)},
            policy(lineages=2),
            "confirmed",
            "critical needs 2 votes; a 1.0 + b 0.6 + c 0.4 = 2.0 (b 0.6, by a low confidence; c 0.4, by a low"
            " confidence)",
            id="two halves are one",
        ),
        pytest.param(
            {"a": finds(), "b": finds()},
            policy(records={"b": 0.25}, lineages=2),
            "demoted",
            "critical needs 2 votes; a 1.0 + b 0.25 = 1.25 (b 0.25, by its record)",
            id="one has a bad record",
        ),
        pytest.param(
            {"a": finds(), "b": finds(SURE / 2)},
            policy({"b": 0.5}, records={"b": 0.1}, lineages=2),
            "demoted",
            "critical needs 2 votes; a 1.0 + b 0.25 = 1.25 (b 0.25, by the operator and a low confidence)",
            id="what the operator says goes before the record",
        ),
        pytest.param(
            {"a": finds(), "b": finds()},
            policy({"b": 1.0}, records={"b": 0.1}, lineages=2),
            "confirmed",
            "2 lineages (a, b) found it, critical needs 2",
            id="also where it says that a vote is whole",
        ),
        pytest.param(
            {"a": finds()},
            policy(records={"a": 0.1}),
            "confirmed",
            "1 lineage (a) found it, critical needs 1",
            id="a record switches nobody off where one vote is enough",
        ),
        pytest.param(
            {"a": finds()},
            policy({"a": 0.9}),
            "demoted",
            "critical needs 1 vote; a 0.9 = 0.9 (a 0.9, by the operator)",
            id="the operator does",
        ),
        pytest.param(
            {"a": finds(), "b": Contribution(read=("a.py",))},
            policy(records={"a": 0.5}, share=0.5),
            "demoted",
            "critical needs 1 vote (50 % of 2 lineages that could have voted); a 0.5 = 0.5 (a 0.5, by its record)",
            id="under a share records count",
        ),
        pytest.param(
            {"ruff": twice("S608", "F401")},
            policy(lineages=2),
            "demoted",
            "critical needs 2 lineages to agree, and only bandit found it",
            id="one agent with rules of two lineages is one",
        ),
        pytest.param(
            {"ruff": twice("S608", "F401"), "b": Contribution(read=("a.py",))},
            policy(share=0.6),
            "demoted",
            "critical needs 2 votes (60 % of 2 lineages that could have voted); bandit 1.0 = 1.0",
            id="and could have voted as one",
        ),
        pytest.param(
            {"ruff": twice("S608", "F401", SURE / 2), "b": finds()},
            policy(lineages=2),
            "confirmed",
            "2 lineages (b, pyflakes) found it, critical needs 2",
            id="with its heaviest vote",
        ),
        pytest.param(
            {"a": finds(SURE / 2), "b": finds(), "c": finds(SURE / 2)},
            policy(None, {"a": "gpt", "b": "gpt"}, lineages=2),
            "demoted",
            "critical needs 2 votes; c 0.5 + gpt 1.0 = 1.5 (a 0.5, by a low confidence; c 0.5, by a low confidence)",
            id="a lineage has the heaviest vote of its agents",
        ),
        pytest.param(
            {"a": finds(), "b": finds(), "c": clears()},
            policy({"c": 0.4}, lineages=2),
            "demoted",
            "critical needs 2 votes; a 1.0 + b 1.0 - c 0.4 = 1.6 (c 0.4, by the operator);"
            f" c looked and objects: {SAID}",
            id="objections have weights",
        ),
        pytest.param(
            {"a": finds(SURE / 2), "b": finds(), "c": clears()},
            policy(None, {"a": "gpt", "c": "gpt"}),
            "confirmed",
            "critical needs 1 vote; b 1.0 = 1.0 (a 0.5, by a low confidence); on both sides, so without a vote: gpt;"
            f" c looked and objects: {SAID}",
            id="on both sides without a vote",
        ),
        pytest.param(
            {"a": finds(), "b": finds(), "c": finds()},
            policy(lineages=2, voters=["a", "gpt"]),
            "demoted",
            "critical needs 2 votes; a 1.0 = 1.0; not counted: b (not among the voters), c (not among the voters)",
            id="not everyone may vote",
        ),
        pytest.param(
            {"a": finds(), "b": finds(), "c": clears()},
            policy({"c": 0.0}, lineages=2),
            "confirmed",
            "critical needs 2 votes; a 1.0 + b 1.0 = 2.0; not counted: c (by the operator);"
            f" c looked and objects: {SAID}",
            id="nor object",
        ),
        pytest.param(
            {"a": finds()},
            policy({"a": 0.0}),
            "demoted",
            "critical needs 1 vote; no vote counts; not counted: a (by the operator)",
            id="nobody may vote",
        ),
        pytest.param(
            {"a": finds(), "b": Contribution(read=("a.py",)), "c": Contribution(read=("b.py",))},
            policy(share=0.5),
            "confirmed",
            "critical needs 1 vote (50 % of 2 lineages that could have voted); a 1.0 = 1.0",
            id="half of those who read the file",
        ),
        pytest.param(
            {"a": finds(), "b": Contribution(read=("a.py",)), "c": Contribution(read=("a.py",))},
            policy(share=0.5),
            "demoted",
            "critical needs 2 votes (50 % of 3 lineages that could have voted); a 1.0 = 1.0",
            id="half of three are two",
        ),
        pytest.param(
            {"a": finds(), **{agent: Contribution(read=("a.py",)) for agent in "bc"}},
            policy(None, {"b": "gpt", "c": "gpt"}, share=0.5),
            "confirmed",
            "critical needs 1 vote (50 % of 2 lineages that could have voted); a 1.0 = 1.0",
            id="readers of one lineage are one",
        ),
        pytest.param(
            {
                "a": finds(),
                "b": Contribution(state="failed", read=("a.py",)),
                "c": Contribution(read=("a.py",)),
                "d": Contribution(read=("a.py",)),
            },
            policy({"d": 0.0}, share=1.0, voters=["a", "b", "d"]),
            "confirmed",
            "critical needs 1 vote (100 % of 1 lineage that could have voted); a 1.0 = 1.0",
            id="who failed or may not vote could not have voted",
        ),
        pytest.param(
            {"ruff": finds(rule="S608"), "bandit": Contribution(read=("a.py",))},
            policy(share=1.0),
            "confirmed",
            "critical needs 1 vote (100 % of 1 lineage that could have voted); bandit 1.0 = 1.0",
            id="who votes counts with the lineage of its vote",
        ),
        pytest.param(
            {"a": finds()}, policy(lineages=2, otherwise="withhold"), "withheld", None, id="withheld by policy"
        ),
        pytest.param({"a": finds()}, policy(lineages=2, otherwise="hold"), "held", None, id="held for a person"),
    ],
)
def test_votes_are_added_up_by_the_rule_and_the_reason_says_how(
    contributions: Mapping[str, Contribution], by: Policy, decision: str, reason: str | None
) -> None:
    one = decided(contributions, by)
    assert one.decision == decision
    assert reason is None or one.reason == reason


def test_a_share_that_comes_out_even_is_not_rounded_up() -> None:
    """In floats .28 x 25 is a little more than 7."""
    voters = {f"voter-{number}": finds() for number in range(7)}
    readers = {f"reader-{number}": Contribution(read=("a.py",)) for number in range(18)}
    assert decided({**voters, **readers}, policy(share=0.28)).decision == "confirmed"


def test_readers_are_needed_where_any_rule_has_a_share() -> None:
    assert not needs_readers(Quorum().of)
    assert needs_readers(Quorum(info=QuorumRule(share=0.5)).of)


def test_what_is_withheld_or_held_says_so_in_its_reason() -> None:
    withheld = decided({"a": finds()}, policy(lineages=2, otherwise="withhold"))
    held = decided({"a": finds()}, policy(lineages=2, otherwise="hold"))
    only = "critical needs 2 lineages to agree, and only a found it"
    assert withheld.reason == f"{only}; withheld, as the policy wants it"
    assert held.reason == f"{only}; held for a person to decide"


def test_the_votes_show_what_they_counted_for() -> None:
    one = decided({"a": finds(), "b": finds(SURE / 2), "c": finds()}, policy({"c": 1 / 3}, voters=["a", "b", "c"]))
    assert {vote.agent: vote.weight for vote in one.votes} == {"a": 1.0, "b": 0.5, "c": 0.333}


def test_what_has_no_quorum_is_put_to_the_verifiers_and_demoted_until_they_have_answered() -> None:
    ask = policy(lineages=2, otherwise="verify", verifiers=["v", "w"], rounds=2)
    conclusion = first_look({"a": finds()}, ask)

    [finding] = conclusion.outcome.findings
    assert finding.decision == "demoted"
    assert finding.reason == "critical needs 2 lineages to agree, and only a found it; put to v, w, round 1 of 2"
    assert conclusion.question is not None
    assert (conclusion.question.kind, conclusion.question.agents, conclusion.question.round) == (
        "verify",
        ("v", "w"),
        1,
    )
    assert conclusion.question.findings == (finding,)
    assert conclusion.outcome.question is None, "only who writes the object knows its reference"


def test_only_findings_of_a_severity_whose_rule_says_so_are_put_to_anyone() -> None:
    quorum = Quorum(
        critical=QuorumRule(lineages=2, otherwise="discuss"),
        high=QuorumRule(lineages=2, otherwise="verify", verifiers=("v",)),
        medium=QuorumRule(lineages=2, otherwise="verify", verifiers=("w",)),
        low=QuorumRule(lineages=2),
        info=QuorumRule(otherwise="verify", verifiers=("x",)),
    )
    found = Contribution(findings=tuple(leak(each, line=n * 50 + 1, cwe=n + 1) for n, each in enumerate(SEVERITIES)))
    question = first_look({"a": found}, Policy(quorum=quorum.of)).question

    assert question is not None
    assert (question.kind, question.agents) == ("verify", ("v", "w")), "to verify comes first, to discuss later"
    assert [finding.severity for finding in question.findings] == ["high", "medium"]


def test_a_discussion_is_put_to_all_who_can() -> None:
    question = first_look({"a": finds()}, policy(lineages=2, otherwise="discuss", rounds=3)).question
    assert question is not None
    assert (question.kind, question.agents, question.round) == ("discuss", (), 1)
    assert question.findings[0].reason.endswith("; put to discussion, round 1 of 3")


def test_of_very_many_the_most_severe_are_put_to_others_and_the_rest_is_told() -> None:
    rule = QuorumRule(lineages=2, otherwise="discuss")
    findings = tuple(
        leak("low" if number < 30 else "high", line=number * 20 + 1, message=f"Leak {number}", cwe=None)
        for number in range(30 + MAX_IN_QUESTION)
    )
    conclusion = first_look({"a": Contribution(findings=findings)}, Policy(quorum=lambda _: rule))

    assert conclusion.question is not None
    assert {finding.severity for finding in conclusion.question.findings} == {"high"}
    assert len(conclusion.question.findings) == MAX_IN_QUESTION
    rest = [finding for finding in conclusion.outcome.findings if finding.severity == "low"]
    assert all(finding.reason.endswith("put to nobody: only 50 findings of a review are") for finding in rest)


def test_nobody_is_asked_about_a_step_in_which_everyone_failed() -> None:
    failed = finds().model_copy(update={"state": "failed"})
    conclusion = first_look({"a": failed}, policy(lineages=2, otherwise="discuss"))
    assert (conclusion.outcome.state, conclusion.question) == ("failed", None)
    assert "put to" not in conclusion.outcome.findings[0].reason


def test_what_the_series_has_dismissed_or_carries_over_is_put_to_nobody_and_moves_the_verdict() -> None:
    gone = Resolved(issue="i", path="a.py", severity="low", category="bug", message="m", reason="fixed")

    def follow(findings: tuple[DecidedFinding, ...]) -> Followed:
        [found] = findings
        dismissed = found.model_copy(update={"decision": "withheld", "reason": "dismissed by ana"})
        return Followed((dismissed, found.model_copy(update={"id": "old", "standing": "carried"})), (gone,))

    conclusion = first_look({"a": finds()}, policy(lineages=2, otherwise="discuss"), follow=follow)

    assert conclusion.question is None
    assert [finding.standing for finding in conclusion.outcome.findings] == ["new", "carried"]
    assert conclusion.outcome.resolved == (gone,)
    assert conclusion.outcome.summary == "nothing found by 1 of 1 agents, 1 unconfirmed, 1 withheld"


def test_the_summary_tells_what_is_held_and_what_is_withheld() -> None:
    quorum = Quorum(
        critical=QuorumRule(lineages=2, otherwise="hold"), high=QuorumRule(lineages=2, otherwise="withhold")
    )
    found = Contribution(findings=(leak("critical"), leak("high", line=90, message="Other"), leak("low", line=190)))
    outcome = first_look({"a": found}, Policy(quorum=quorum.of)).outcome
    assert outcome.summary == "1 low found by 1 of 1 agents, 1 held, 1 withheld"


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"decision": "confirmed"}, "request_changes"),
        ({"decision": "confirmed", "severity": "low"}, "comment"),
        ({"decision": "confirmed", "severity": "info"}, "approve"),
        ({"decision": "confirmed", "severity": "info", "dismissed": True}, "comment"),
        ({"decision": "demoted"}, "comment"),
        ({"decision": "withheld"}, "approve"),
        ({"decision": "withheld", "severity": "info", "dismissed": True}, "comment"),
        ({"decision": "withheld", "severity": "low", "dismissed": True}, "comment"),
        ({"decision": "held"}, "comment"),
        ({"decision": "held", "severity": "info"}, "comment"),
        ({"decision": "confirmed", "standing": "carried"}, "request_changes"),
    ],
)
def test_the_verdict_is_moved_by_nothing_withheld_but_what_the_code_dismisses_and_waits_for_what_is_held(
    fields: dict[str, Any], verdict: str
) -> None:
    one = decided({"a": finds(severity="high")}, policy()).model_copy(update=fields)
    coverage = Coverage(agents={"a": AgentCoverage(state="ok", files=1)})
    assert verdict_of([one], coverage, complete=True) == verdict


# Properties: agents that report, clear or only read one place, each as sure as may be.
SURENESS = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0])
STANCES = st.one_of(
    st.builds(finds, SURENESS),
    st.builds(clears, st.sampled_from([0.7, 1.0])),
    st.just(Contribution(read=("a.py",))),
)
STEPS = st.dictionaries(st.sampled_from(AGENTS), STANCES, max_size=6)
RULES = st.one_of(
    st.builds(lambda n: {"lineages": n}, st.integers(1, 3)),
    st.builds(lambda share: {"share": share}, st.sampled_from([0.1, 0.34, 0.5, 1.0])),
)
WEIGHTS = st.dictionaries(st.sampled_from(AGENTS), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
LINEAGES = st.dictionaries(st.sampled_from(AGENTS), st.sampled_from(["gpt", "claude"]))
VOTERS = st.sampled_from([(), ("a", "b", "c"), ("gpt", "d")])
POLICIES = st.builds(
    lambda rule, weights, lineages, records, voters: policy(weights, lineages, records, voters=voters, **rule),
    *(RULES, WEIGHTS, LINEAGES, WEIGHTS, VOTERS),
)


def is_confirmed(contributions: Mapping[str, Contribution], by: Policy) -> bool:
    return any(each.decision == "confirmed" for each in decide_findings(contributions, by))


@given(STEPS, POLICIES, st.data())
def test_the_order_of_contributions_does_not_matter(
    contributions: dict[str, Contribution], by: Policy, data: Any
) -> None:
    another = {agent: contributions[agent] for agent in data.draw(st.permutations(sorted(contributions)))}
    assert decide_findings(another, by) == decide_findings(contributions, by)


@given(STEPS, POLICIES, SURENESS)
def test_a_vote_of_a_further_lineage_never_takes_a_confirmed_finding_away(
    contributions: dict[str, Contribution], by: Policy, confidence: float
) -> None:
    """It has read the file either way."""
    silent = {**contributions, "new": Contribution(read=("a.py",))}
    voting = {**contributions, "new": finds(confidence)}
    assert is_confirmed(voting, by) >= is_confirmed(silent, by)


@given(STEPS, POLICIES, st.sampled_from([0.7, 1.0]), st.sampled_from([None, "gpt"]))
def test_an_objection_never_confirms(
    contributions: dict[str, Contribution], by: Policy, confidence: float, lineage: str | None
) -> None:
    configured = {**by.lineages, "new": lineage} if lineage else by.lineages
    by = Policy(by.quorum, configured, weights=by.weights, records=by.records)
    silent = {**contributions, "new": Contribution(read=("a.py",))}
    objecting = {**contributions, "new": clears(confidence)}
    assert is_confirmed(objecting, by) <= is_confirmed(silent, by)


@given(STEPS, WEIGHTS, LINEAGES)
def test_no_record_takes_away_what_one_vote_confirms(
    contributions: dict[str, Contribution], records: dict[str, float], lineages: dict[str, str]
) -> None:
    measured = decide_findings(contributions, policy(None, lineages, records))
    assert measured == decide_findings(contributions, policy(None, lineages))


@given(STEPS, POLICIES)
def test_every_weight_that_is_shown_is_between_nothing_and_one(
    contributions: dict[str, Contribution], by: Policy
) -> None:
    votes = [vote for each in decide_findings(contributions, by) for vote in each.votes]
    assert all(0 <= vote.weight <= 1 for vote in votes)


SEVERAL = st.dictionaries(
    st.sampled_from(AGENTS),
    st.builds(
        lambda found, cleared: Contribution(findings=tuple(found), cleared=cleared.cleared, read=("a.py",)),
        st.lists(
            st.builds(leak, st.sampled_from(SEVERITIES), st.sampled_from([0.5, 0.8]), line=st.sampled_from([5, 40])),
            max_size=3,
        ),
        st.sampled_from([clears(), Contribution()]),
    ),
    max_size=6,
)


@given(SEVERAL, LINEAGES)
def test_where_all_are_sure_and_nothing_is_configured_lineages_are_counted(
    contributions: dict[str, Contribution], lineages: dict[str, str]
) -> None:
    """Similarity is off, so that what is merged is not decided by the counting itself."""
    by = Policy(quorum=Quorum().of, lineages=lineages, similarity=Lexical(2.0, 2.0))
    for finding in decide_findings(contributions, by):
        voting = {vote.lineage for vote in finding.votes}
        objecting = {objection.lineage for objection in finding.objections}
        left = len(voting - objecting) - len(objecting - voting)
        needed = 2 if finding.severity == "critical" else 1
        assert finding.decision == ("confirmed" if left >= needed else "demoted")
        assert all(vote.weight == 1.0 for vote in finding.votes)
