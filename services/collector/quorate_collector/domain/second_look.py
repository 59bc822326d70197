"""The second look: findings without a quorum, with the ballots of those they were put to."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from quorate.contract.facts import Contribution, Outcome, Question
from quorate.contract.finding import Ballot, DecidedFinding, Objection, Vote
from quorate.settings import QuorumRule
from quorate.verdict import verdict_of
from quorate_collector.domain.conclude import Conclusion, Policy, reason_of, summary_of
from quorate_collector.domain.coverage import coverage_of, looked_again
from quorate_collector.domain.electorate import Electorate, Readers
from quorate_collector.domain.lineage import lineage_of
from quorate_collector.domain.questions import ask
from quorate_collector.domain.state import Join
from quorate_collector.domain.tally import MAX_REASON, tally
from quorate_collector.domain.weights import FULL

_DONE = {"verify": "verification", "discuss": "discussion", "hold": "approval"}

Ballots = Mapping[str, Mapping[str, Ballot]]
"""By finding and agent."""


def conclude_second_look(
    join: Join,
    earlier: Outcome,
    contributions: Mapping[str, Contribution],
    policy: Policy,
    readers: Readers | None = None,
) -> Conclusion:
    """``earlier`` is the outcome that asked, with all of its findings; ``contributions`` are those of the agents that
    were asked and answered in time. ``readers`` are those of the first look, for rules that need a share of them;
    without it the coverage has to do.

    Whoever did not answer does not fail the review: it leaves a finding as it was, and is named.
    """
    asked = {assignee.agent for assignee in join.agents}
    contributions = {agent: each for agent, each in sorted(contributions.items()) if agent in asked}
    readers = Readers.of_coverage(earlier.coverage) if readers is None else readers
    findings, pending = earlier.findings, None
    if earlier.question is not None:
        settled = settle(findings, contributions, policy, earlier.question, readers)
        findings, pending = ask(settled, policy.quorum, earlier.question)
    failed = tuple(agent for agent, each in contributions.items() if each.state in ("failed", "timeout"))
    partial = earlier.partial or bool(join.missing or failed)
    coverage = looked_again(
        earlier.coverage, coverage_of(join, contributions, policy.lineages), _ignored(contributions, earlier.question)
    )
    answers = {agent: each.answer for agent, each in contributions.items() if each.answer is not None}
    now = reason_of(join.missing, failed, contributions)
    reviewed = earlier.verdict is not None
    outcome = Outcome(
        step=join.step,
        attempt=join.attempt,
        state=earlier.state,
        partial=partial,
        reason="; ".join(filter(None, (earlier.reason, now)))[:MAX_REASON] or None,
        verdict=verdict_of(findings, coverage, complete=not partial) if reviewed else None,
        summary=summary_of(findings, coverage, reviewed),
        findings=findings,
        resolved=earlier.resolved,
        answers={**earlier.answers, **answers},
        answers_ref=earlier.answers_ref,
        coverage=coverage,
        missing=tuple(dict.fromkeys((*earlier.missing, *join.missing))),
        usage=sum((each.usage for each in contributions.values()), earlier.usage),
    )
    return Conclusion(outcome, pending)


def settle(
    findings: tuple[DecidedFinding, ...],
    contributions: Mapping[str, Contribution],
    policy: Policy,
    question: Question,
    readers: Readers,
) -> tuple[DecidedFinding, ...]:
    """The findings in their order, those in question decided anew with the ballots."""
    ballots = _cast(contributions, question)
    electorate = policy.electorate(readers)
    asked = frozenset(question.findings)
    return tuple(
        _settled(finding, ballots.get(finding.id, {}), electorate, policy.lineages, question)
        if finding.id in asked and finding.decision == "demoted"
        else finding
        for finding in findings
    )


def _cast(contributions: Mapping[str, Contribution], question: Question) -> Ballots:
    """One ballot of each agent on each finding in question: who contradicts itself has not agreed."""
    cast: dict[str, dict[str, Ballot]] = defaultdict(dict)
    asked = frozenset(question.findings)
    for agent, contribution in sorted(contributions.items()):
        for ballot in sorted(contribution.ballots, key=_doubtful_first):
            if ballot.finding in asked:
                cast[ballot.finding].setdefault(agent, ballot)
    return cast


def _doubtful_first(ballot: Ballot) -> tuple[object, ...]:
    return (ballot.agrees, -ballot.confidence, ballot.message)


def _ignored(contributions: Mapping[str, Contribution], question: Question | None) -> Counter[str]:
    """How many ballots of each agent do not count."""
    counted = Counter(
        agent for cast in (_cast(contributions, question).values() if question is not None else ()) for agent in cast
    )
    cast = Counter({agent: len(each.ballots) for agent, each in contributions.items()})
    return cast - counted


def _settled(
    finding: DecidedFinding,
    ballots: Mapping[str, Ballot],
    electorate: Electorate,
    lineages: Mapping[str, str],
    question: Question,
) -> DecidedFinding:
    rule = electorate.quorum(finding.severity)
    if question.kind == "verify":
        ballots = {agent: ballot for agent, ballot in ballots.items() if agent in rule.verifiers}
    votes, objections = list(finding.votes), list(finding.objections)
    story = []
    for agent, ballot in sorted(ballots.items()):
        before = [vote for vote in votes if vote.agent == agent]
        objected = any(each.agent == agent for each in objections)
        objections = [each for each in objections if each.agent != agent]
        if ballot.agrees:
            votes = _with_vote(votes, before, agent, ballot, finding, electorate, lineages)
            story.append(f"{agent} {_agreed(bool(before), objected)}")
        else:
            # It speaks for the lineage that it had voted as: a change of mind is no second voice.
            lineage = before[0].lineage if before else lineage_of(agent, "", lineages)
            votes = [vote for vote in votes if vote.agent != agent]
            objections.append(
                Objection(agent=agent, lineage=lineage, confidence=ballot.confidence, message=ballot.message)
            )
            story.append(f"{agent} {'withdrew its vote' if before else 'disagreed'}")
    counted = tally(finding.path, finding.severity, votes, objections, electorate, supported="supported it")
    reason = f"{counted.reason}; {_told(story, ballots, rule, question)}; before: {finding.reason}"
    return finding.model_copy(
        update={
            "votes": tuple(votes),
            "objections": tuple(objections),
            "decision": counted.decision,
            "reason": reason[:MAX_REASON],
        }
    )


def _with_vote(
    votes: Sequence[Vote],
    before: Sequence[Vote],
    agent: str,
    ballot: Ballot,
    finding: DecidedFinding,
    electorate: Electorate,
    lineages: Mapping[str, str],
) -> list[Vote]:
    """With a further vote, or with the agent's earlier votes as it holds them now."""

    def weight(lineage: str) -> float:
        return electorate.weigh(agent, lineage, ballot.confidence, finding.severity) / FULL

    if before:
        return [
            vote
            if vote.agent != agent
            else vote.model_copy(
                update={
                    "confidence": ballot.confidence,
                    "weight": weight(vote.lineage),
                    "message": ballot.message or vote.message,
                }
            )
            for vote in votes
        ]
    lineage = lineage_of(agent, "", lineages)
    further = Vote(
        agent=agent,
        lineage=lineage,
        rule="",
        severity=finding.severity,
        confidence=ballot.confidence,
        message=ballot.message,
        weight=weight(lineage),
    )
    return [*votes, further]


def _agreed(voted: bool, objected: bool) -> str:
    if objected:
        return "agreed and withdrew its objection"
    return "stood by it" if voted else "agreed"


def _told(story: list[str], ballots: Mapping[str, Ballot], rule: QuorumRule, question: Question) -> str:
    if question.kind == "verify":
        story = story + [f"{agent} did not answer" for agent in rule.verifiers if agent not in ballots]
    said = ", ".join(story) or "nobody answered"
    return f"{_DONE[question.kind]}, round {question.round} of {rule.rounds}: {said}"
