"""The second look: findings without a quorum, with the ballots of those they were put to."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from quorate.contract.facts import Contribution, Outcome, Question
from quorate.contract.finding import Ballot, DecidedFinding, Objection, Severity, Vote
from quorate.settings import QuorumRule
from quorate.verdict import verdict_of
from quorate_collector.domain.conclude import Conclusion, Policy, reason_of, summary_of
from quorate_collector.domain.coverage import Ignored, coverage_of, looked_again
from quorate_collector.domain.electorate import Electorate, Readers
from quorate_collector.domain.lineage import lineage_of
from quorate_collector.domain.questions import ask
from quorate_collector.domain.state import Join
from quorate_collector.domain.tally import MAX_REASON, one_of_each, tally
from quorate_collector.domain.weights import FULL

_DONE = {"verify": "verification", "discuss": "discussion"}

Ballots = Mapping[str, Mapping[str, Ballot]]
"""By finding and agent."""


def conclude_second_look(
    join: Join,
    earlier: Outcome,
    contributions: Mapping[str, Contribution],
    policy: Policy,
    readers: Readers,
) -> Conclusion:
    """``earlier`` is the outcome that asked, with all of its findings; ``contributions`` are those of the agents that
    were asked and answered in time. ``readers`` are those of the first look, and may be NOBODY where no rule needs a
    share of them (``needs_readers``).

    Whoever did not answer does not fail the review: it leaves a finding as it was, and is named.
    """
    asked = {assignee.agent for assignee in join.agents}
    contributions = {agent: each for agent, each in sorted(contributions.items()) if agent in asked}
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


def _ignored(contributions: Mapping[str, Contribution], question: Question | None) -> dict[str, Ignored]:
    """What of each agent does not count."""
    counted = Counter(
        agent for cast in (_cast(contributions, question).values() if question is not None else ()) for agent in cast
    )
    return {
        agent: Ignored(len(each.ballots) - counted[agent], len(each.findings)) for agent, each in contributions.items()
    }


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
        votes, objections, did = _heard(agent, ballot, finding.severity, votes, objections, lineages)
        story.append(f"{agent} {did}")
    # What an agent counts for may have changed since the first look, for votes as for objections.
    votes = [_weighed(vote, finding.severity, electorate) for vote in votes]
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


def _heard(
    agent: str,
    ballot: Ballot,
    severity: Severity,
    votes: list[Vote],
    objections: list[Objection],
    lineages: Mapping[str, str],
) -> tuple[list[Vote], list[Objection], str]:
    """The votes and objections with this ballot, and what its agent did by it."""
    voted = [vote for vote in votes if vote.agent == agent]
    objected = [each for each in objections if each.agent == agent]
    spoken: list[Vote | Objection] = [*one_of_each(voted), *objected]
    # It speaks for the lineage that it had spoken for: a change of mind is no second voice.
    lineage = spoken[0].lineage if spoken else lineage_of(agent, "", lineages)
    # And it is no surer than it was, or a guess could confirm itself.
    confidence = min([ballot.confidence, *(each.confidence for each in spoken)])
    objections = [each for each in objections if each.agent != agent]
    if not ballot.agrees:
        votes = [vote for vote in votes if vote.agent != agent]
        objections.append(Objection(agent=agent, lineage=lineage, confidence=confidence, message=ballot.message))
        return votes, objections, "withdrew its vote" if voted else "disagreed"
    if voted:
        votes = [_standing_by(vote, ballot) if vote.agent == agent else vote for vote in votes]
        return votes, objections, "stood by it"
    further = Vote(
        agent=agent, lineage=lineage, rule="", severity=severity, confidence=confidence, message=ballot.message
    )
    return [*votes, further], objections, "agreed and withdrew its objection" if objected else "agreed"


def _standing_by(vote: Vote, ballot: Ballot) -> Vote:
    confidence = min(vote.confidence, ballot.confidence)
    return vote.model_copy(update={"confidence": confidence, "message": ballot.message or vote.message})


def _weighed(vote: Vote, severity: Severity, electorate: Electorate) -> Vote:
    weight = electorate.weigh(vote.agent, vote.lineage, vote.confidence, severity)
    return vote.model_copy(update={"weight": weight / FULL})


def _told(story: list[str], ballots: Mapping[str, Ballot], rule: QuorumRule, question: Question) -> str:
    if question.kind == "verify":
        story = story + [f"{agent} did not answer" for agent in rule.verifiers if agent not in ballots]
    said = ", ".join(story) or "nobody answered"
    return f"{_DONE[question.kind]}, round {question.round} of {rule.rounds}: {said}"
