"""The verdict of a review, from what was found and what was read."""

from collections.abc import Iterable

from quorate.contract.facts import Coverage, Verdict
from quorate.contract.finding import DecidedFinding, at_least


def verdict_of(findings: Iterable[DecidedFinding], coverage: Coverage, *, complete: bool) -> Verdict:
    """Nothing is approved that was not read, by everyone who was asked; notes (severity info) stop nobody, unless it is
    the code itself that asks not to hear of them: a change does not approve itself.

    ``complete`` says that every agent that was asked answered without failing. What a person or the policy withholds is
    no remark, but for what the code itself dismisses; what is held waits for a person, and nothing is approved before.
    """
    findings = tuple(findings)
    if any(finding.decision == "confirmed" and at_least(finding.severity, "high") for finding in findings):
        return "request_changes"
    read = complete and not coverage.unread_total and any(agent.state == "ok" for agent in coverage.agents.values())
    remarks = any(map(_is_remark, findings))
    return "comment" if remarks or not read else "approve"


def _is_remark(finding: DecidedFinding) -> bool:
    if finding.dismissed or finding.decision == "held":
        return True
    return finding.decision != "withheld" and at_least(finding.severity, "low")
