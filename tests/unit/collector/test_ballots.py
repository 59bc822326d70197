"""The second look: what the ballots of those who were asked make of findings without a quorum."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.blob import BlobRef
from quorate.contract.facts import Assignee, Contribution, Outcome, Question, Usage
from quorate.contract.finding import Ballot, Clearance, DecidedFinding, Finding, Resolved
from quorate.contract.history import AgentRecord
from quorate.settings import QuorumRule
from quorate_collector.domain.conclude import Conclusion, Policy, conclude_first_look
from quorate_collector.domain.electorate import NOBODY, Readers
from quorate_collector.domain.questions import MAX_IN_QUESTION
from quorate_collector.domain.second_look import conclude_second_look, settle
from quorate_collector.domain.state import Join
from quorate_collector.domain.track_record import weight_of
from quorate_collector.domain.weights import SURE

REF = BlobRef(bucket="b", key="k", size=2, sha256="0" * 64)
LEAK = Finding(path="a.py", line=5, message="Leak", severity="critical", cwe=89)
FOUND = Contribution(version="1", findings=(LEAK,), read=("a.py",))
UNSURE = FOUND.model_copy(update={"findings": (LEAK.model_copy(update={"confidence": SURE / 4}),)})
ONLY_A = "critical needs 2 lineages to agree, and only a found it"


def policy(
    otherwise: str = "discuss",
    *,
    weights: Mapping[str, float] | None = None,
    configured: Mapping[str, str] | None = None,
    records: Mapping[str, float] | None = None,
    **rule: Any,
) -> Policy:
    """One rule for all severities, of two lineages; ``configured`` maps agents to lineages."""
    share = {} if "share" in rule else {"lineages": 2}
    one = QuorumRule.model_validate(share | {"otherwise": otherwise} | rule)
    return Policy(quorum=lambda _: one, lineages=configured or {}, weights=weights or {}, records=records or {})


def verify(*verifiers: str, **more: Any) -> Policy:
    return policy("verify", verifiers=verifiers, **more)


def join(step: str, agents: Mapping[str, object], *silent: str, kind: str = "code-review") -> Join:
    asked = tuple(Assignee(agent=agent, version="1") for agent in (*agents, *silent))
    return Join(kind=kind, step=step, attempt=1, agents=asked, answered=tuple(agents))


def first_look(contributions: Mapping[str, Contribution], by: Policy) -> Outcome:
    """The outcome as it is published, with the question that its findings need."""
    return published(conclude_first_look(join("review", contributions), contributions, by))


def published(conclusion: Conclusion) -> Outcome:
    pending = conclusion.question
    if pending is None:
        return conclusion.outcome
    ids = tuple(finding.id for finding in pending.findings)
    question = Question(kind=pending.kind, findings=ids, agents=pending.agents, round=pending.round, ref=REF)
    return conclusion.outcome.model_copy(update={"question": question})


def ballot(finding: DecidedFinding, agrees: bool = True, confidence: float = 0.8, message: str = "seen") -> Ballot:
    return Ballot(finding=finding.id, agrees=agrees, confidence=confidence, message=message)


def says(*ballots: Ballot, **fields: Any) -> Contribution:
    return Contribution(version="2", ballots=ballots, **fields)


def second_look(
    earlier: Outcome,
    contributions: Mapping[str, Contribution],
    by: Policy,
    *silent: str,
    readers: Readers = NOBODY,
) -> Conclusion:
    again = join("verify-1", contributions, *silent, kind="verify")
    return conclude_second_look(again, earlier, contributions, by, readers)


def test_a_verifier_that_agrees_is_a_further_vote_in_its_own_words() -> None:
    by = verify("v")
    earlier = first_look({"a": FOUND}, by)
    [before] = earlier.findings

    conclusion = second_look(earlier, {"v": says(ballot(before, message="the parameter reaches it"))}, by)

    [finding] = conclusion.outcome.findings
    assert (finding.decision, conclusion.question) == ("confirmed", None)
    vote = finding.votes[-1]
    assert (vote.agent, vote.lineage, vote.rule, vote.weight) == ("v", "v", "", 1.0)
    assert (vote.severity, vote.message) == ("critical", "the parameter reaches it")
    assert finding.reason == (
        "2 lineages (a, v) supported it, critical needs 2; verification, round 1 of 1: v agreed;"
        f" before: {ONLY_A}; put to v, round 1 of 1"
    )
    assert conclusion.outcome.verdict == "request_changes"
    assert conclusion.outcome.summary == "1 critical found by 2 of 2 agents"


def test_a_verifier_that_disagrees_objects_and_the_finding_stays_demoted() -> None:
    by = verify("v", "w")
    earlier = first_look({"a": FOUND}, by)
    [before] = earlier.findings

    ballots = {"v": says(ballot(before)), "w": says(ballot(before, False, message="a constant"))}
    conclusion = second_look(earlier, ballots, by)

    [finding] = conclusion.outcome.findings
    assert (finding.decision, conclusion.question) == ("demoted", None)
    assert [(each.agent, each.lineage, each.message) for each in finding.objections] == [("w", "w", "a constant")]
    assert finding.reason == (
        "critical needs 2 lineages more than object, and a, v supported it; w looked and objects: a constant;"
        f" verification, round 1 of 1: v agreed, w disagreed; before: {ONLY_A}; put to v, w, round 1 of 1"
    )


@pytest.mark.parametrize(
    ("by", "confidence", "decision"),
    [
        pytest.param(verify("v"), 0.8, "confirmed", id="by name"),
        pytest.param(verify("v", configured={"v": "a"}), 0.8, "demoted", id="of the lineage that found it"),
        pytest.param(verify("v"), SURE / 2, "demoted", id="unsure"),
        pytest.param(verify("v", weights={"v": 0.5}), 0.8, "demoted", id="of little weight"),
        pytest.param(verify("v", records={"v": 0.5}), 0.8, "demoted", id="of a bad record"),
        pytest.param(verify("v", voters=["a"]), 0.8, "confirmed", id="no voter, but named as one who verifies"),
    ],
)
def test_a_ballot_weighs_what_any_vote_weighs(by: Policy, confidence: float, decision: str) -> None:
    earlier = first_look({"a": FOUND}, by)
    answers = {"v": says(ballot(earlier.findings[0], confidence=confidence))}
    assert second_look(earlier, answers, by).outcome.findings[0].decision == decision


def test_only_who_was_asked_counts() -> None:
    by = verify("v")
    earlier = first_look({"a": FOUND}, by)
    agrees = says(ballot(earlier.findings[0]))

    not_a_verifier = second_look(earlier, {"x": agrees}, by).outcome.findings[0]
    not_assigned = conclude_second_look(join("verify-1", {}), earlier, {"v": agrees}, by, NOBODY).outcome.findings[0]

    assert [vote.agent for vote in not_a_verifier.votes] == [vote.agent for vote in not_assigned.votes] == ["a"]
    assert "v did not answer" in not_a_verifier.reason


def test_ballots_about_anything_else_and_repeated_ones_are_ignored_and_counted() -> None:
    by = verify("v")
    earlier = first_look({"a": FOUND}, by)
    [before] = earlier.findings
    stranger = Ballot(finding="nothing", agrees=True)

    outcome = second_look(
        earlier, {"v": says(ballot(before), stranger, ballot(before, False, message="or not"))}, by
    ).outcome

    [finding] = outcome.findings
    assert (finding.decision, len(finding.votes), len(finding.objections)) == ("demoted", 1, 1), "no is no"
    assert outcome.coverage.agents["v"].reason == (
        "2 ballots are ignored: about no finding that was put to it, or repeated"
    )


def test_a_finding_that_was_not_in_question_stays_as_it_was() -> None:
    by = verify("v")
    other = Finding(path="b.py", line=9, message="Other", severity="critical")
    earlier = first_look({"a": Contribution(findings=(LEAK, other)), "b": Contribution(findings=(other,))}, by)
    confirmed = next(finding for finding in earlier.findings if finding.path == "b.py")

    outcome = second_look(earlier, {"v": says(ballot(confirmed, False))}, by).outcome

    assert next(finding for finding in outcome.findings if finding.path == "b.py") == confirmed
    assert [finding.id for finding in outcome.findings] == [finding.id for finding in earlier.findings]


def test_a_verifier_that_does_not_answer_is_named_and_fails_nothing() -> None:
    by = verify("v", "w")
    earlier = first_look({"a": FOUND}, by)

    failed = Contribution(state="failed", version="2", reason="no model")
    outcome = second_look(earlier, {"w": failed}, by, "v").outcome

    assert (outcome.state, outcome.partial, outcome.missing) == ("completed", True, ("v",))
    assert outcome.reason == "no answer before the deadline from v; w: no model"
    assert outcome.verdict == "comment"
    assert outcome.findings[0].decision == "demoted"
    assert "round 1 of 1: v did not answer, w did not answer" in outcome.findings[0].reason
    assert {name: each.state for name, each in outcome.coverage.agents.items()} == {
        "a": "ok",
        "v": "missing",
        "w": "failed",
    }


def test_who_changes_its_mind_in_a_discussion_withdraws_its_vote() -> None:
    by = policy(configured={"a": "gpt"})
    earlier = first_look({"a": FOUND, "b": FOUND.model_copy(update={"findings": ()})}, by)

    outcome = second_look(earlier, {"a": says(ballot(earlier.findings[0], False, message="I was wrong"))}, by).outcome

    [finding] = outcome.findings
    assert finding.votes == ()
    assert [(each.agent, each.lineage, each.message) for each in finding.objections] == [("a", "gpt", "I was wrong")]
    assert "discussion, round 1 of 1: a withdrew its vote" in finding.reason


def test_who_stands_by_its_vote_does_not_vote_twice_nor_under_another_lineage() -> None:
    """Ruff's S rules are bandit's, whatever ruff says of them in a discussion."""
    found = FOUND.model_copy(update={"findings": (LEAK.model_copy(update={"rule": "S608"}),)})
    by = policy()
    earlier = first_look({"ruff": found}, by)
    [before] = earlier.findings
    assert [vote.lineage for vote in before.votes] == ["bandit"]

    outcome = second_look(
        earlier, {"ruff": says(ballot(before, confidence=1.0, message="")), "bandit": says(ballot(before))}, by
    ).outcome

    [finding] = outcome.findings
    assert finding.decision == "demoted"
    assert [(vote.agent, vote.lineage, vote.confidence) for vote in finding.votes] == [
        ("ruff", "bandit", 0.8),
        ("bandit", "bandit", 0.8),
    ]
    assert finding.votes[0].message == "Leak", "who adds nothing keeps its words"
    assert "bandit agreed, ruff stood by it" in finding.reason


@pytest.mark.parametrize("by", [policy(lineages=1), verify("a", lineages=1)], ids=["discussing", "as verifier"])
def test_a_guess_does_not_confirm_itself_by_a_ballot_that_is_sure(by: Policy) -> None:
    earlier = first_look({"a": UNSURE}, by)
    assert earlier.findings[0].decision == "demoted"

    [finding] = second_look(earlier, {"a": says(ballot(earlier.findings[0], confidence=1.0))}, by).outcome.findings

    assert finding.decision == "demoted"
    assert [(vote.confidence, vote.weight, vote.message) for vote in finding.votes] == [(SURE / 4, 0.25, "seen")]
    assert "a stood by it" in finding.reason


def test_nor_by_withdrawing_its_vote_and_agreeing_again() -> None:
    by = policy(lineages=1, rounds=3, configured={"a": "gpt"})
    earlier = first_look({"a": UNSURE}, by)
    sure = {agrees: {"a": says(ballot(earlier.findings[0], agrees, confidence=1.0))} for agrees in (True, False)}

    withdrawn = published(second_look(earlier, sure[False], by))
    [finding] = second_look(withdrawn, sure[True], by).outcome.findings

    assert finding.decision == "demoted"
    assert [(vote.lineage, vote.weight) for vote in finding.votes] == [("gpt", 0.25)]


def test_who_stands_by_its_vote_less_surely_counts_less() -> None:
    by = policy(rounds=1)
    earlier = first_look({"a": FOUND}, by)
    answers = {
        "a": says(ballot(earlier.findings[0], confidence=SURE / 2)),
        "b": says(ballot(earlier.findings[0])),
    }

    [finding] = second_look(earlier, answers, by).outcome.findings

    assert finding.decision == "demoted"
    assert finding.reason.startswith("critical needs 2 votes; a 0.5 + b 1.0 = 1.5 (a 0.5, by a low confidence); ")


def test_who_comes_back_speaks_for_the_lineage_that_it_had_spoken_for() -> None:
    """Or ruff, which found it as bandit, would be a second voice beside bandit."""
    rule = FOUND.model_copy(update={"findings": (LEAK.model_copy(update={"rule": "S608"}),)})
    by = policy(rounds=3)
    earlier = first_look({"ruff": rule}, by)
    [before] = earlier.findings

    withdrawn = published(second_look(earlier, {"ruff": says(ballot(before, False))}, by))
    answers = {"ruff": says(ballot(before)), "bandit": says(ballot(before))}
    [finding] = second_look(withdrawn, answers, by).outcome.findings

    assert finding.decision == "demoted"
    assert {vote.lineage for vote in finding.votes} == {"bandit"}


def test_who_found_it_by_rules_of_two_lineages_withdraws_the_vote_that_counted() -> None:
    unsure = LEAK.model_copy(update={"rule": "S608", "confidence": SURE / 2})
    two = (unsure, LEAK.model_copy(update={"rule": "F401"}))
    by = policy(lineages=3)
    earlier = first_look({"ruff": FOUND.model_copy(update={"findings": two}), "b": FOUND}, by)
    assert [vote.agent for vote in earlier.findings[0].votes] == ["b", "ruff", "ruff"]

    [finding] = second_look(earlier, {"ruff": says(ballot(earlier.findings[0], False))}, by).outcome.findings

    assert [vote.agent for vote in finding.votes] == ["b"]
    assert [(each.lineage, each.confidence) for each in finding.objections] == [("pyflakes", 0.8)]


def test_dismissals_count_where_votes_are_added_up_and_switch_no_verifier_off_where_one_is_enough() -> None:
    records = {agent: weight_of(AgentRecord(wrong=11)) for agent in "av"}
    nothing = verify("v", lineages=1, records=records)
    assert first_look({"a": FOUND}, nothing).findings[0].decision == "confirmed"

    two = verify("v", records=records)
    earlier = first_look({"a": FOUND}, two)
    [finding] = second_look(earlier, {"v": says(ballot(earlier.findings[0]))}, two).outcome.findings
    assert finding.decision == "demoted"
    assert finding.reason.startswith(
        "critical needs 2 votes; a 0.952 + v 0.952 = 1.904 (a 0.952, by its record; v 0.952, by its record); "
    )


def test_a_weight_that_changed_since_the_first_look_counts_as_it_is_now() -> None:
    before, now = policy(records={"a": 0.5}), policy(records={"a": 0.25})
    earlier = first_look({"a": FOUND}, before)

    [finding] = second_look(earlier, {"b": says(ballot(earlier.findings[0]))}, now).outcome.findings

    assert finding.reason.startswith("critical needs 2 votes; a 0.25 + b 1.0 = 1.25 (a 0.25, by its record); ")
    assert [vote.weight for vote in finding.votes] == [0.25, 1.0]


def test_who_answers_with_findings_in_place_of_ballots_is_named() -> None:
    by = verify("v", "w")
    earlier = first_look({"a": FOUND}, by)
    [before] = earlier.findings

    answers = {"v": FOUND, "w": says(ballot(before), ballot(before), findings=(LEAK, LEAK))}
    outcome = second_look(earlier, answers, by).outcome

    assert [vote.agent for vote in outcome.findings[0].votes] == ["a", "w"]
    assert outcome.coverage.agents["v"].reason == (
        "1 finding is ignored: it was asked for ballots on those that were put to it"
    )
    assert outcome.coverage.agents["w"].reason == (
        "1 ballot is ignored: about no finding that was put to it, or repeated;"
        " 2 findings are ignored: it was asked for ballots on those that were put to it"
    )


def test_who_withdraws_a_vote_speaks_for_the_lineage_that_it_had_voted_as() -> None:
    """Or one lineage, by two of its agents, would be a voice on each side."""
    rule = FOUND.model_copy(update={"findings": (LEAK.model_copy(update={"rule": "S608"}),)})
    own = FOUND.model_copy(update={"findings": (LEAK.model_copy(update={"rule": "B608"}),)})
    by = policy()
    earlier = first_look({"ruff": rule, "bandit": own}, by)

    [finding] = second_look(earlier, {"ruff": says(ballot(earlier.findings[0], False))}, by).outcome.findings

    assert [(each.agent, each.lineage) for each in finding.objections] == [("ruff", "bandit")]
    assert [vote.agent for vote in finding.votes] == ["bandit"]


def test_what_was_not_asked_about_in_the_first_round_is_not_in_a_later_one() -> None:
    by = policy(rounds=2)
    many = tuple(
        LEAK.model_copy(update={"line": n * 30 + 1, "message": f"Leak {n}", "cwe": None})
        for n in range(MAX_IN_QUESTION + 3)
    )
    earlier = first_look({"a": Contribution(findings=many, read=("a.py",))}, by)
    assert earlier.question is not None

    again = second_look(earlier, {"b": says(ballot(earlier.findings[0]))}, by).question

    assert again is not None
    assert {finding.id for finding in again.findings} == set(earlier.question.findings) - {earlier.findings[0].id}


def test_who_objected_and_agrees_withdraws_its_objection() -> None:
    clearance = Clearance(path="a.py", line=5, end_line=5, cwe=89, message="only constants")
    by = policy()
    earlier = first_look({"a": FOUND, "b": Contribution(cleared=(clearance,), read=("a.py",))}, by)
    [before] = earlier.findings
    assert [each.agent for each in before.objections] == ["b"]

    [finding] = second_look(earlier, {"b": says(ballot(before))}, by).outcome.findings

    assert (finding.decision, finding.objections) == ("confirmed", ())
    assert "b agreed and withdrew its objection" in finding.reason


def test_a_discussion_goes_on_until_its_rounds_are_over_and_the_reason_tells_all_of_it() -> None:
    by = policy(rounds=2)
    earlier = first_look({"a": FOUND, "b": Contribution(read=("a.py",))}, by)
    second = second_look(earlier, {"b": says()}, by)
    assert second.question is not None
    assert (second.question.kind, second.question.round) == ("discuss", 2)
    assert second.outcome.findings == second.question.findings

    third = second_look(published(second), {"b": says(ballot(earlier.findings[0], False))}, by)

    [finding] = third.outcome.findings
    assert (finding.decision, third.question) == ("demoted", None)
    assert finding.reason == (
        "critical needs 2 lineages more than object, and a supported it; b looked and objects: seen;"
        " discussion, round 2 of 2: b disagreed; before: critical needs 2 lineages to agree, and only a supported it;"
        f" discussion, round 1 of 2: nobody answered; before: {ONLY_A}; put to discussion, round 1 of 2;"
        " put to discussion, round 2 of 2"
    )


def test_a_discussion_ends_as_soon_as_there_is_a_quorum() -> None:
    by = policy(rounds=5)
    earlier = first_look({"a": FOUND}, by)
    conclusion = second_look(earlier, {"b": says(ballot(earlier.findings[0]))}, by)
    assert (conclusion.outcome.findings[0].decision, conclusion.question) == ("confirmed", None)


def test_only_verifiers_that_have_not_answered_are_worth_a_second_round() -> None:
    by = verify("v", "w", rounds=3)
    earlier = first_look({"a": FOUND}, by)
    [before] = earlier.findings
    against = says(ballot(before, False))

    assert second_look(earlier, {"v": against}, by, "w").question is not None
    assert second_look(earlier, {"v": against, "w": against}, by).question is None


def test_after_the_verifiers_come_the_findings_to_discuss() -> None:
    rules = {
        "critical": QuorumRule(lineages=2, otherwise="discuss"),
        "high": QuorumRule(lineages=2, otherwise="verify", verifiers=("v",)),
    }
    by = Policy(quorum=lambda severity: rules.get(severity, QuorumRule()))
    high = Finding(path="b.py", line=5, message="Other", severity="high")
    earlier = first_look({"a": Contribution(findings=(LEAK, high), read=("a.py",))}, by)
    assert earlier.question is not None
    assert earlier.question.kind == "verify"

    second = second_look(earlier, {"v": says()}, by)
    assert second.question is not None
    assert (second.question.kind, second.question.round) == ("discuss", 1)
    assert [finding.severity for finding in second.question.findings] == ["critical"]
    assert second_look(published(second), {"b": says()}, by).question is None


def test_a_finding_that_was_dismissed_meanwhile_or_carried_is_not_decided_anew() -> None:
    by = verify("v")
    earlier = first_look({"a": FOUND}, by)
    withheld = earlier.findings[0].model_copy(update={"decision": "withheld", "reason": "dismissed by ana"})
    carried = earlier.findings[0].model_copy(update={"id": "old", "standing": "carried"})
    earlier = earlier.model_copy(update={"findings": (withheld, carried)})

    conclusion = second_look(earlier, {"v": says(ballot(withheld), ballot(carried))}, policy("discuss"))

    assert conclusion.outcome.findings == (withheld, carried)
    assert conclusion.question is None


def test_the_outcome_has_everything_of_the_first_look_and_what_the_second_added() -> None:
    by = policy()
    gone = Resolved(issue="i", path="a.py", severity="low", category="bug", message="m", reason="fixed")
    used = {"usage": Usage(llm_calls=1, cost_usd=0.5), "elapsed_ms": 40}
    earlier = first_look({"a": FOUND.model_copy(update=used)}, by).model_copy(
        update={"resolved": (gone,), "partial": True, "missing": ("z",), "reason": "no answer from z"}
    )

    outcome = second_look(
        earlier, {"a": says(**used), "b": says(answer={"x": 1}, usage=Usage(llm_calls=2), elapsed_ms=7)}, by, "c"
    ).outcome

    assert (outcome.step, outcome.attempt, outcome.state) == ("verify-1", 1, "completed")
    assert (outcome.resolved, outcome.missing) == ((gone,), ("z", "c"))
    assert outcome.reason == "no answer from z; no answer before the deadline from c"
    assert outcome.usage == Usage(llm_calls=4, cost_usd=1.0)
    assert outcome.answers == {"b": {"x": 1}}
    assert {name: each.elapsed_ms for name, each in outcome.coverage.agents.items()} == {"a": 80, "b": 7, "c": 0}
    assert outcome.coverage.agents["a"].files == 1
    assert outcome.question is None


def test_an_agent_that_is_silent_when_asked_again_still_took_part() -> None:
    by = policy()
    outcome = second_look(first_look({"a": FOUND}, by), {}, by, "a").outcome
    agent = outcome.coverage.agents["a"]
    assert (agent.state, agent.reason) == ("ok", "asked again: no answer before the deadline")
    assert outcome.partial


def test_a_share_is_that_of_who_read_the_file_at_the_first_look() -> None:
    by = policy("discuss", share=0.5)
    contributions = {"a": FOUND, **{agent: Contribution(read=("a.py",)) for agent in "bc"}}
    contributions |= {agent: Contribution(read=("b.py",)) for agent in "de"}
    earlier = first_look(contributions, by)
    answers = {"b": says(ballot(earlier.findings[0]))}

    [finding] = second_look(earlier, answers, by, readers=Readers(contributions, {})).outcome.findings

    assert finding.reason.startswith("critical needs 2 votes (50 % of 3 lineages that could have voted); a 1.0 + b 1.0")
    assert finding.decision == "confirmed"


# Properties: any first look, put to others who say anything.
STANCES = st.sampled_from([FOUND, UNSURE, Contribution(read=("a.py",))])
STEPS = st.dictionaries(st.sampled_from("abcd"), STANCES, min_size=1, max_size=4)
SAID = st.tuples(st.booleans(), st.sampled_from([0.1, 0.3, 0.9]), st.sampled_from(["", "because"]))
CAST = st.dictionaries(st.sampled_from("abvw"), st.lists(SAID, max_size=3), max_size=4)
POLICIES = st.sampled_from(
    [policy(), policy(rounds=3), verify("v", "w"), policy(weights={"a": 0.4}), policy(configured={"a": "v"})]
)


def cast(ids: list[str], said: Mapping[str, list[tuple[bool, float, str]]]) -> dict[str, Contribution]:
    return {
        agent: says(
            *(
                Ballot(finding=id, agrees=agrees, confidence=sure, message=message)
                for id in ids
                for agrees, sure, message in each
            )
        )
        for agent, each in said.items()
    }


@given(STEPS, CAST, POLICIES, st.data())
def test_the_order_of_contributions_and_ballots_does_not_matter(
    contributions: dict[str, Contribution], said: dict[str, list[tuple[bool, float, str]]], by: Policy, data: Any
) -> None:
    earlier = first_look(contributions, by)
    ids = [*(finding.id for finding in earlier.findings), "unknown"]
    ballots = cast(ids, said)
    shuffled = {
        agent: ballots[agent].model_copy(update={"ballots": tuple(data.draw(st.permutations(ballots[agent].ballots)))})
        for agent in data.draw(st.permutations(sorted(ballots)))
    }
    again = join("verify-1", ballots)
    one, other = (conclude_second_look(again, earlier, each, by, NOBODY) for each in (shuffled, ballots))
    assert one == other


@given(STEPS, CAST, POLICIES, st.sampled_from([0.1, 0.3, 0.9]))
def test_a_further_ballot_in_favour_never_takes_a_confirmed_finding_away_and_one_against_never_confirms(
    contributions: dict[str, Contribution],
    said: dict[str, list[tuple[bool, float, str]]],
    by: Policy,
    confidence: float,
) -> None:
    earlier = first_look(contributions, by)
    if earlier.question is None:
        return
    ids = [finding.id for finding in earlier.findings]

    def confirmed(ballots: Mapping[str, Contribution]) -> bool:
        assert earlier.question is not None
        settled = settle(earlier.findings, ballots, by, earlier.question, NOBODY)
        return any(finding.decision == "confirmed" for finding in settled)

    without = cast(ids, said)
    pro = {**without, "new": says(*(Ballot(finding=id, agrees=True, confidence=confidence) for id in ids))}
    contra = {**without, "new": says(*(Ballot(finding=id, agrees=False, confidence=confidence) for id in ids))}
    assert confirmed(contra) <= confirmed(without) <= confirmed(pro)


@given(STEPS, CAST, POLICIES)
def test_no_finding_is_lost_and_no_agent_counts_on_both_sides(
    contributions: dict[str, Contribution], said: dict[str, list[tuple[bool, float, str]]], by: Policy
) -> None:
    earlier = first_look(contributions, by)
    ballots = cast([finding.id for finding in earlier.findings], said)
    outcome = second_look(earlier, ballots, by).outcome
    assert [finding.id for finding in outcome.findings] == [finding.id for finding in earlier.findings]
    for finding in outcome.findings:
        assert not {vote.agent for vote in finding.votes} & {each.agent for each in finding.objections}
        assert len({each.agent for each in finding.objections}) == len(finding.objections)


@given(STEPS, CAST, st.lists(SAID, min_size=1, max_size=2), POLICIES)
def test_no_ballot_makes_the_vote_of_its_agent_heavier(
    contributions: dict[str, Contribution],
    said: dict[str, list[tuple[bool, float, str]]],
    own: list[tuple[bool, float, str]],
    by: Policy,
) -> None:
    earlier = first_look({**contributions, "a": UNSURE}, by)
    ballots = cast([finding.id for finding in earlier.findings], {**said, "a": own})
    for before, now in zip(earlier.findings, second_look(earlier, ballots, by).outcome.findings, strict=True):
        weights = {vote.agent: vote.weight for vote in before.votes}
        assert all(vote.weight <= weights.get(vote.agent, 1.0) for vote in now.votes)
