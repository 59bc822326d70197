"""What a finding is worth among tests: they run for developers only, over data of their own."""

from quorate.contract.finding import Finding, at_least
from quorate_worker.checks.path_kind import in_tests

# Of bandit's tests: what runs code or commands, or unpacks archives, wherever it stands.
_RUNS = frozenset({"B102", "B202", "B602", "B604", "B605", "B609", "B615"})


def security_in_tests(finding: Finding, test: str) -> Finding | None:
    """The finding of this test of bandit (``B602``), if it means anything where it stands.

    Tests assert, have made-up passwords, speak to servers of their own and read what they have just written. What
    runs commands is of low severity there.
    """
    if not in_tests(finding.path):
        return finding
    if test not in _RUNS:
        return None
    return finding.model_copy(update={"severity": "low"}) if at_least(finding.severity, "low") else finding
