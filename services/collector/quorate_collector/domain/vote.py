"""The vote: what a cluster of observations counts for. Weights, verifiers and rounds have their place here."""

from collections.abc import Callable

from quorate.contract.finding import SEVERITIES, DecidedFinding, Decision, Objection, Severity, Vote
from quorate.contract.fix import Fix
from quorate.settings import QuorumRule
from quorate_collector.domain.dedup import Cluster

Quorum = Callable[[Severity], QuorumRule]
"""What confirms a finding of this severity."""

MAX_OBJECTIONS = 600


def vote(cluster: Cluster, occurrence: int, quorum: Quorum, objections: tuple[Objection, ...] = ()) -> DecidedFinding:
    """``occurrence`` counts equal fingerprints of one result from 1, so that ids are distinct."""
    speaker = cluster.members[0].finding
    severity = min((member.finding.severity for member in cluster.members), key=SEVERITIES.index)
    decision, reason = _decide(cluster.lineages, severity, quorum(severity).lineages, objections)
    fingerprint = cluster.fingerprint
    return DecidedFinding(
        id=fingerprint if occurrence == 1 else f"{fingerprint}-{occurrence}",
        path=speaker.path,
        line=speaker.line,
        end_line=speaker.end_line,
        severity=severity,
        category=speaker.category,
        message=speaker.message,
        cwe=next((m.finding.cwe for m in cluster.members if m.finding.cwe), None),
        indirect=all(member.finding.indirect for member in cluster.members),
        dismissed=any(member.finding.dismissed for member in cluster.members),
        fix=_best_fix(cluster),
        suggestion=next((m.finding.suggestion for m in cluster.members if m.finding.suggestion), None),
        fingerprint=fingerprint,
        rules=tuple(dict.fromkeys(member.finding.rule for member in cluster.members if member.finding.rule)),
        votes=tuple(
            Vote(
                agent=member.agent,
                lineage=member.lineage,
                rule=member.finding.rule,
                severity=member.finding.severity,
                confidence=member.finding.confidence,
                message=member.finding.message,
            )
            for member in cluster.members
        ),
        objections=objections,
        decision=decision,
        reason=f"{reason}; {cluster.merged}" if cluster.merged else reason,
    )


def _best_fix(cluster: Cluster) -> Fix | None:
    """The first safe one, or else the first; none of what a comment in the code wants kept."""
    if any(member.finding.dismissed for member in cluster.members):
        return None
    fixes = [member.finding.fix for member in cluster.members if member.finding.fix is not None]
    return next((fix for fix in fixes if fix.safe), fixes[0] if fixes else None)


def _decide(
    lineages: tuple[str, ...], severity: Severity, needed: int, objections: tuple[Objection, ...]
) -> tuple[Decision, str]:
    """A lineage that objects takes a vote away; one that is on both sides has none."""
    objecting = {objection.lineage for objection in objections}
    left = len(set(lineages) - objecting) - len(objecting - set(lineages))
    names = ", ".join(lineages)
    against = ""
    if objections:
        said = "; ".join(f"{objection.agent} looked and objects: {objection.message}" for objection in objections)
        against = f"; {said}"[:MAX_OBJECTIONS]
    if left >= needed:
        return "confirmed", f"{_count(len(lineages))} ({names}) found it, {severity} needs {needed}{against}"
    if objections:
        return "demoted", f"{severity} needs {_count(needed)} more than object, and {names} found it{against}"
    return "demoted", f"{severity} needs {_count(needed)} to agree, and only {names} found it"


def _count(lineages: int) -> str:
    return "1 lineage" if lineages == 1 else f"{lineages} lineages"
