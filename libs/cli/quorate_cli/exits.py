"""Exit codes, when each is due, and what else there is to say about how a command ends."""

import os
import sys
from collections.abc import Collection
from types import FrameType
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


def terminate(_number: int, _frame: FrameType | None) -> None:
    """The handler of SIGTERM."""
    raise Terminated


def exit_code(result: "Result", fail_on: "Severity | None", required: Collection[str]) -> int:
    """``fail_on`` is the least severe finding that counts (None: none does); ``required`` agents must have answered.

    Only what is confirmed or held for a person counts: a demoted finding is shown and stops nobody.
    """
    from quorate.contract.finding import at_least

    if result.state == "rejected":
        return USAGE
    if result.state != "completed":
        return INCOMPLETE
    if lacking_agents(result, required):
        return INCOMPLETE
    counts = (finding for finding in result.findings if finding.decision in ("confirmed", "held"))
    if fail_on is not None and any(at_least(finding.severity, fail_on) for finding in counts):
        return FOUND
    return OK


def lacking_agents(result: "Result", required: Collection[str]) -> list[str]:
    """What is wrong with each required agent that did not answer; nothing of a review that ended otherwise."""
    if result.state != "completed":
        return []
    agents = result.coverage.agents
    absent = [f"{name} was not there" for name in required if name not in agents]
    silent = [(name, agents[name].state) for name in required if name in agents]
    return absent + [f"{name}: {state}" for name, state in silent if state not in ("ok", "skipped")]


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
