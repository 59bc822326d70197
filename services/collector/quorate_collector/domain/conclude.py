"""The conclusion of a step: contributions in, one outcome out."""

import itertools
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic_core import to_json

from quorate.contract.facts import AgentCoverage, Contribution, Coverage, Outcome, Usage
from quorate.contract.finding import SEVERITIES, DecidedFinding
from quorate.verdict import verdict_of
from quorate_collector.domain.dedup import Cluster, Observation, exact, observe
from quorate_collector.domain.lineage import lineage_of
from quorate_collector.domain.merge import merge
from quorate_collector.domain.objections import Objections
from quorate_collector.domain.similarity import LEXICAL, Similarity
from quorate_collector.domain.state import Join
from quorate_collector.domain.vote import Quorum, vote

MAX_UNREAD_BYTES = 100_000
MAX_VERSION = 64
MAX_REASON = 500
MAX_SECRET_LINES = 100


@dataclass(frozen=True)
class Policy:
    """What the operator decided about votes. ``lineages`` maps agents to lineages other than their names.

    ``similarity`` tells which messages mean the same.
    """

    quorum: Quorum
    lineages: Mapping[str, str] = field(default_factory=dict)
    similarity: Similarity = LEXICAL


def conclude(join: Join, contributions: Mapping[str, Contribution], policy: Policy) -> Outcome:
    """``contributions`` are those of the agents that answered in time, by agent."""
    findings = decide_findings(contributions, policy)
    missing = join.missing
    failed = tuple(agent for agent, each in contributions.items() if each.state in ("failed", "timeout"))
    heard = len(contributions) > len(failed)
    coverage = _coverage(join, contributions, policy)
    answers = {agent: each.answer for agent, each in sorted(contributions.items()) if each.answer is not None}
    reviewed = join.kind == "code-review" or bool(findings)
    usage = Usage()
    for contribution in contributions.values():
        usage += contribution.usage
    return Outcome(
        step=join.step,
        attempt=join.attempt,
        state="completed" if heard else "failed",
        partial=bool(missing or failed),
        reason=_reason(missing, failed, contributions),
        verdict=verdict_of(findings, coverage, complete=not missing and not failed) if heard and reviewed else None,
        summary=_summary(findings, coverage, reviewed) if heard else "no agent answered",
        findings=findings,
        answers=answers,
        coverage=coverage,
        missing=missing,
        usage=usage,
    )


def decide_findings(contributions: Mapping[str, Contribution], policy: Policy) -> tuple[DecidedFinding, ...]:
    """Deduplicate, exactly and then by similarity, and vote; the most severe first."""
    observations = [
        observation
        for agent, contribution in contributions.items()
        for observation in observe(agent, contribution.findings, policy.lineages)
    ]
    objections = Objections(contributions, policy.lineages)
    seen: Counter[str] = Counter()
    decided = []
    for cluster in _clusters(observations, objections, policy):
        seen[cluster.fingerprint] += 1
        decided.append(vote(cluster, seen[cluster.fingerprint], policy.quorum, objections.to(cluster)))
    decided = _without_secrets(decided)
    return tuple(sorted(decided, key=lambda finding: SEVERITIES.index(finding.severity)))


def _clusters(observations: list[Observation], objections: Objections, policy: Policy) -> Iterator[Cluster]:
    """What is the same in other words is one, unless a finding that was confirmed would not be any more.

    That happens where another agent thinks it more severe, and more would have to agree.
    """

    def confirmed(cluster: Cluster) -> bool:
        return vote(cluster, 1, policy.quorum, objections.to(cluster)).decision == "confirmed"

    def objectors(cluster: Cluster) -> frozenset[str]:
        return frozenset(objection.agent for objection in objections.to(cluster))

    for cluster in merge(exact(observations), policy.similarity, objectors):
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


def _coverage(join: Join, contributions: Mapping[str, Contribution], policy: Policy) -> Coverage:
    agents: dict[str, AgentCoverage] = {}
    read: set[str] = set()
    unread: set[str] = set()
    room = MAX_UNREAD_BYTES // max(1, len(join.agents))
    for assignee in join.agents:
        lineage = lineage_of(assignee.agent, "", policy.lineages)
        contribution = contributions.get(assignee.agent)
        if contribution is None:
            agents[assignee.agent] = AgentCoverage(
                state="missing",
                version=assignee.version,
                lineage=lineage,
                reason="no answer before the deadline",
            )
            continue
        read.update(contribution.read)
        unread.update(contribution.unread, contribution.changed)
        agents[assignee.agent] = AgentCoverage(
            state=contribution.state,
            version=(contribution.version or assignee.version)[:MAX_VERSION],
            lineage=lineage,
            files=len(contribution.read),
            elapsed_ms=contribution.elapsed_ms,
            outside_change=contribution.outside_change,
            reason=contribution.reason[:MAX_REASON] if contribution.reason else None,
            unread=_reasons(contribution.unread, room),
            unread_total=len(contribution.unread),
        )
    nobody = sorted(unread - read)
    return Coverage(agents=agents, unread=_first(nobody, MAX_UNREAD_BYTES), unread_total=len(nobody))


def _first(paths: list[str], max_bytes: int) -> tuple[str, ...]:
    """As many as fit, written as JSON: a result is one message."""
    sizes = itertools.accumulate(len(to_json(path)) for path in paths)
    return tuple(path for path, size in zip(paths, sizes, strict=True) if size <= max_bytes)


def _reasons(unread: Mapping[str, str], max_bytes: int) -> dict[str, str]:
    """Why files were not read, as far as it fits."""
    reasons = {path: reason[:MAX_REASON] for path, reason in sorted(unread.items())}
    sizes = itertools.accumulate(len(to_json(item)) for item in reasons.items())
    return {path: reasons[path] for path, size in zip(reasons, sizes, strict=True) if size <= max_bytes}


def _reason(missing: tuple[str, ...], failed: tuple[str, ...], contributions: Mapping[str, Contribution]) -> str | None:
    parts = []
    if missing:
        parts.append(f"no answer before the deadline from {', '.join(missing)}")
    parts += [f"{agent}: {contributions[agent].reason or contributions[agent].state}" for agent in failed]
    return "; ".join(parts)[:2_000] or None


def _summary(findings: tuple[DecidedFinding, ...], coverage: Coverage, reviewed: bool) -> str:
    took_part = sum(agent.state == "ok" for agent in coverage.agents.values())
    by = f"{took_part} of {len(coverage.agents)} agents"
    if not reviewed:
        return f"answered by {by}"
    counts = Counter(finding.severity for finding in findings if finding.decision == "confirmed")
    confirmed = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    others = sum(finding.decision != "confirmed" for finding in findings)
    text = f"{confirmed or 'nothing'} found by {by}"
    if others:
        text += f", {others} unconfirmed"
    if coverage.unread_total:
        text += f"; {coverage.unread_total} changed {'file' if coverage.unread_total == 1 else 'files'} unread"
    return text
