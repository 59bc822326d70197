"""Exit codes, when each is due, and what else there is to say about how a command ends."""

import os
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from quorate.errors import Misconfigured

if TYPE_CHECKING:
    from quorate.contract.finding import Severity
    from quorate.contract.result import Result

OK = 0
FOUND = 1
USAGE = 2
INCOMPLETE = 3
INTERRUPTED = 130
TERMINATED = 143
"""These two are 128 and the signal, as shells have it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what Ctrl-C does, with another exit code."""


def exit_code(result: "Result", fail_on: "Severity | None", required: Collection[str]) -> int:
    """``fail_on`` is the least severe finding that counts (None: none does); ``required`` agents must have answered.

    Only what is confirmed or held for a person counts: a demoted finding is shown and stops nobody.
    """
    from quorate.contract.finding import at_least

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


def root_of(error: BaseException) -> BaseException:
    """The error itself; of a group, which is the event loop's way of carrying errors, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def code_of(error: BaseException) -> int:
    """The exit code of a command that ended by this error."""
    return USAGE if isinstance(error, Misconfigured) else INCOMPLETE


def drop_output() -> None:
    """Forget what could not be written to standard output, or it would fail once more when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
