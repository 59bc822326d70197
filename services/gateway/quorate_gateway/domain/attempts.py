"""Which of the tasks of one key a submission is: mostly the first, and the next one where that came to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quorate.contract.task import FinalState
from quorate_gateway.domain.webhooks import Submit

MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class Known:
    """A task that stands in the log: which delivery it came from, the base that it compares with, and how it ended:
    canceled also while that is only asked for."""

    task: str
    delivery: str
    base_sha: str | None
    state: FinalState | None


class Attempt(NamedTuple):
    """The number of the task, from 1. It is ``new``, or the ``same`` delivery made it before, or it is there for
    ``another`` reason."""

    number: int
    standing: Literal["new", "same", "another"]


def key_of(key: str, number: int) -> str:
    return key if number == 1 else f"{key}~{number}"


def attempt_of(submit: Submit, known: Sequence[Known], delivery: str) -> Attempt:
    """Which one it is, given those that stand already, in their order.

    A delivery that comes again is the task that it was, also when that has been canceled since. For any other the
    newest counts: it is the one that people see.
    """
    for number, each in enumerate(known, 1):
        if each.delivery == delivery:
            return Attempt(number, "same")
    if not known:
        return Attempt(1, "new")
    newest = known[-1]
    other_base = submit.again == "if the base changed" and newest.base_sha != submit.input.get("base_sha")
    stands = newest.state in (None, "completed") and not other_base
    if submit.again == "never" or stands or len(known) >= MAX_ATTEMPTS:
        return Attempt(len(known), "another")
    return Attempt(len(known) + 1, "new")
