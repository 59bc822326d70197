"""Exit codes, and when each is due."""

from collections.abc import Collection

from quorate.contract.finding import Severity, at_least
from quorate.contract.result import Result

OK = 0
FOUND = 1
USAGE = 2
INCOMPLETE = 3


def exit_code(result: Result, fail_on: Severity | None, required: Collection[str]) -> int:
    """``fail_on`` is the least severe finding that counts (None: none does); ``required`` agents must have answered.

    Only what is confirmed or held for a person counts: a demoted finding is shown and stops nobody.
    """
    if result.state == "rejected":
        return USAGE
    if result.state != "completed":
        return INCOMPLETE
    if any(agent not in result.coverage.agents for agent in required):
        return INCOMPLETE
    if any(result.coverage.agents[agent].state not in ("ok", "skipped") for agent in required):
        return INCOMPLETE
    counts = (finding for finding in result.findings if finding.decision in ("confirmed", "held"))
    if fail_on is not None and any(at_least(finding.severity, fail_on) for finding in counts):
        return FOUND
    return OK
