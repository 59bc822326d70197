"""The conclusion of a step: contributions in, one outcome out."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from quorate.contract.facts import Contribution, Coverage, Outcome, Usage
from quorate.contract.finding import SEVERITIES, DecidedFinding, Decision
from quorate.verdict import verdict_of
from quorate_collector.domain.coverage import coverage_of
from quorate_collector.domain.dedup import Cluster, Observation, exact, observe
from quorate_collector.domain.electorate import Electorate, Quorum, Readers
from quorate_collector.domain.following import Followed
from quorate_collector.domain.merge import merge
from quorate_collector.domain.objections import Objections
from quorate_collector.domain.questions import PendingQuestion, ask
from quorate_collector.domain.similarity import LEXICAL, Similarity
from quorate_collector.domain.state import Join
from quorate_collector.domain.vote import vote

MAX_SECRET_LINES = 100

_OTHERS: dict[Decision, str] = {"demoted": "unconfirmed", "held": "held", "withheld": "withheld"}


@dataclass(frozen=True)
class Policy:
    """What the operator decided about votes. ``lineages`` maps agents to lineages other than their names.

    ``similarity`` tells which messages mean the same. ``weights`` is what the operator says that an agent's vote counts
    for, from 0 to 1, and ``records`` what its measured record says, which counts for an agent that is not in
    ``weights``, and only where a rule needs more than one vote, or a share.
    """

    quorum: Quorum
    lineages: Mapping[str, str] = field(default_factory=dict)
    similarity: Similarity = LEXICAL
    weights: Mapping[str, float] = field(default_factory=dict)
    records: Mapping[str, float] = field(default_factory=dict)

    def electorate(self, readers: Readers) -> Electorate:
        return Electorate(self.quorum, self.weights, self.records, readers)


Follow = Callable[[tuple[DecidedFinding, ...]], Followed]
"""What a series of reviews makes of the findings of one."""


def _alone(findings: tuple[DecidedFinding, ...]) -> Followed:
    """A review that is none of a series."""
    return Followed(findings, ())


@dataclass(frozen=True)
class Conclusion:
    """An outcome, and what has to be asked before it is the last word; its ``question`` is not yet set.

    Until there is an answer the findings in question are demoted, and their reasons say so.
    """

    outcome: Outcome
    question: PendingQuestion | None = None


def conclude_first_look(
    join: Join, contributions: Mapping[str, Contribution], policy: Policy, follow: Follow = _alone
) -> Conclusion:
    """``contributions`` are those of the agents that answered in time, by agent. ``follow`` tells how the findings
    stand in their series: what was dismissed there, or is carried over, is put to nobody.
    """
    missing = join.missing
    failed = tuple(agent for agent, each in contributions.items() if each.state in ("failed", "timeout"))
    heard = len(contributions) > len(failed)
    followed = follow(decide_findings(contributions, policy))
    findings, question = followed.findings, None
    if heard:
        findings, question = ask(findings, policy.quorum)
    coverage = coverage_of(join, contributions, policy.lineages)
    answers = {agent: each.answer for agent, each in sorted(contributions.items()) if each.answer is not None}
    reviewed = join.kind == "code-review" or bool(findings)
    usage = Usage()
    for contribution in contributions.values():
        usage += contribution.usage
    outcome = Outcome(
        step=join.step,
        attempt=join.attempt,
        state="completed" if heard else "failed",
        partial=bool(missing or failed),
        reason=reason_of(missing, failed, contributions),
        verdict=verdict_of(findings, coverage, complete=not missing and not failed) if heard and reviewed else None,
        summary=summary_of(findings, coverage, reviewed) if heard else "no agent answered",
        findings=findings,
        resolved=followed.resolved,
        answers=answers,
        coverage=coverage,
        missing=missing,
        usage=usage,
    )
    return Conclusion(outcome, question)


def decide_findings(contributions: Mapping[str, Contribution], policy: Policy) -> tuple[DecidedFinding, ...]:
    """Deduplicate, exactly and then by similarity, and vote; the most severe first."""
    observations = [
        observation
        for agent, contribution in contributions.items()
        for observation in observe(agent, contribution.findings, policy.lineages)
    ]
    objections = Objections(contributions, policy.lineages)
    electorate = policy.electorate(Readers(contributions, policy.lineages))
    seen: Counter[str] = Counter()
    decided = []
    for cluster in _clusters(observations, objections, policy.similarity, electorate):
        seen[cluster.fingerprint] += 1
        decided.append(vote(cluster, seen[cluster.fingerprint], electorate, objections.to(cluster)))
    decided = _without_secrets(decided)
    return tuple(sorted(decided, key=lambda finding: SEVERITIES.index(finding.severity)))


def _clusters(
    observations: list[Observation], objections: Objections, similarity: Similarity, electorate: Electorate
) -> Iterator[Cluster]:
    """What is the same in other words is one, unless a finding that was confirmed would not be any more.

    That happens where another agent thinks it more severe, and more would have to agree.
    """

    def confirmed(cluster: Cluster) -> bool:
        return vote(cluster, 1, electorate, objections.to(cluster)).decision == "confirmed"

    def objectors(cluster: Cluster) -> frozenset[str]:
        return frozenset(objection.agent for objection in objections.to(cluster))

    for cluster in merge(exact(observations), similarity, objectors):
        if cluster.parts and any(map(confirmed, cluster.parts)) and not confirmed(cluster):
            yield from cluster.parts
        else:
            yield cluster


def _without_secrets(decided: list[DecidedFinding]) -> list[DecidedFinding]:
    """A fix repeats the lines that it changes: none of a line that may hold a secret."""
    lines: dict[str, list[int]] = defaultdict(list)
    for finding in decided:
        if finding.category == "secrets" and finding.line is not None:
            last = min(finding.end_line or finding.line, finding.line + MAX_SECRET_LINES)
            lines[finding.path].extend(range(finding.line, last + 1))
    for numbers in lines.values():
        numbers.sort()

    def repeats_one(finding: DecidedFinding) -> bool:
        secret = lines.get(finding.path, [])
        edits = finding.fix.edits if finding.fix is not None else ()
        return any(bisect_left(secret, edit.line) < bisect_right(secret, edit.end_line) for edit in edits)

    return [finding.model_copy(update={"fix": None}) if repeats_one(finding) else finding for finding in decided]


def reason_of(
    missing: tuple[str, ...], failed: tuple[str, ...], contributions: Mapping[str, Contribution]
) -> str | None:
    parts = []
    if missing:
        parts.append(f"no answer before the deadline from {', '.join(missing)}")
    parts += [f"{agent}: {contributions[agent].reason or contributions[agent].state}" for agent in failed]
    return "; ".join(parts)[:2_000] or None


def summary_of(findings: tuple[DecidedFinding, ...], coverage: Coverage, reviewed: bool) -> str:
    took_part = sum(agent.state == "ok" for agent in coverage.agents.values())
    by = f"{took_part} of {len(coverage.agents)} agents"
    if not reviewed:
        return f"answered by {by}"
    counts = Counter(finding.severity for finding in findings if finding.decision == "confirmed")
    confirmed = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    text = f"{confirmed or 'nothing'} found by {by}"
    others = Counter(_OTHERS[finding.decision] for finding in findings if finding.decision in _OTHERS)
    text += "".join(f", {others[word]} {word}" for word in _OTHERS.values() if others[word])
    if coverage.unread_total:
        text += f"; {coverage.unread_total} changed {'file' if coverage.unread_total == 1 else 'files'} unread"
    return text
