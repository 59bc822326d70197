"""What the collector's writing needs: writers, and what a writer is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from quorate.contract.ledger import Receipt
from quorate.contract.result import Result
from quorate.errors import Retryable


class Later(Retryable):
    """The write cannot be done, or not be judged, for now: it is tried again after ``retry_after_s`` seconds, and
    with None after a time that grows."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Write:
    """What a writer is going to do: ``key`` is the place in the ledger, ``digest`` the hash of what is to be told."""

    key: str
    digest: str


class Claim(Protocol):
    """The right to write to a place, until another process takes it over."""

    @property
    def fresh(self) -> bool:
        """Whether nobody can have begun this write before."""
        ...

    @property
    def epoch(self) -> int:
        """How often this write was taken up, this time included."""
        ...

    @property
    def notes(self) -> dict[str, Any]:
        """The writer's own memory of this place."""
        ...

    async def note(self, notes: Mapping[str, Any]) -> None:
        """Replace the notes. Raises Overtaken when the right has passed to another process.

        Every step outside that cannot be undone comes after a note. ``{"begun": true}`` among the notes says that such
        a step may have been taken: a write that is given up then counts as ``unknown``, otherwise as ``failed``.
        """
        ...


class Writer(Protocol):
    """Tells results to one place outside."""

    @property
    def name(self) -> str:
        """A token of subjects, such as ``github``, or the operator's name of it."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of results that concern it; empty: all."""
        ...

    def write_of(self, result: Result) -> Write | None:
        """What is to be done, or None when this result does not concern it. Raises Rejected.

        The result is as it was published: findings that did not fit are not there yet.
        """
        ...

    async def write(self, result: Result, claim: Claim) -> Receipt:
        """Do it, with the whole result. With ``claim.fresh`` False it first finds out what came of earlier attempts.

        Raises Retryable (the write is tried again, and the ledger says where it stands; an attribute
        ``retry_after_s`` says when) or Rejected (trying again cannot help).
        """
        ...

    async def close(self) -> None: ...
