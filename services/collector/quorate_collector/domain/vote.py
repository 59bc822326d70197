"""The vote: what a cluster of observations counts for."""

from quorate.contract.finding import SEVERITIES, DecidedFinding, Objection, Vote
from quorate.contract.fix import Fix
from quorate_collector.domain.dedup import Cluster
from quorate_collector.domain.electorate import Electorate
from quorate_collector.domain.tally import tally
from quorate_collector.domain.weights import FULL


def vote(
    cluster: Cluster, occurrence: int, electorate: Electorate, objections: tuple[Objection, ...] = ()
) -> DecidedFinding:
    """``occurrence`` counts equal fingerprints of one result from 1, so that ids are distinct."""
    speaker = cluster.members[0].finding
    severity = min((member.finding.severity for member in cluster.members), key=SEVERITIES.index)
    votes = tuple(
        Vote(
            agent=member.agent,
            lineage=member.lineage,
            rule=member.finding.rule,
            severity=member.finding.severity,
            confidence=member.finding.confidence,
            message=member.finding.message,
            weight=electorate.weigh(member.agent, member.lineage, member.finding.confidence, severity) / FULL,
        )
        for member in cluster.members
    )
    counted = tally(speaker.path, severity, votes, objections, electorate)
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
        votes=votes,
        objections=objections,
        decision=counted.decision,
        reason=f"{counted.reason}; {cluster.merged}" if cluster.merged else counted.reason,
    )


def _best_fix(cluster: Cluster) -> Fix | None:
    """The first safe one, or else the first; none of what a comment in the code wants kept."""
    if any(member.finding.dismissed for member in cluster.members):
        return None
    fixes = [member.finding.fix for member in cluster.members if member.finding.fix is not None]
    return next((fix for fix in fixes if fix.safe), fixes[0] if fixes else None)
