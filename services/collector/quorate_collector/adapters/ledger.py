"""The ledger of a writer: the bucket QUORATE_LEDGER, changed by compare-and-set only."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.ledger import LedgerEntry, Receipt
from quorate.errors import Rejected, Retryable
from quorate_collector.domain import claims

MAX_TRIES = 5


class Busy(Retryable):
    """Another task's write to this place is underway: its turn comes after it."""


class Overtaken(Retryable):
    """Another process has taken this write over: stop, and touch nothing more."""


class Unreadable(Rejected):
    """An entry of the ledger cannot be read: somebody else has written it. Look at it, and delete its key."""


class Ledger:
    """What one writer has written. With several ``replicas`` of the bucket, its leader is asked. ``expiry`` are headers
    that make an entry go when nothing has changed it for long."""

    def __init__(
        self,
        bus: Bus,
        writer: str,
        *,
        replicas: int = 1,
        expiry: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bus = bus
        self._writer = writer
        self._get = bus.get_last if replicas == 1 else bus.get_last_of_leader
        self._expiry = expiry
        self._clock = clock

    async def claim(self, key: str, task: str, digest: str) -> "Claim | None":
        """Take up the write of ``task`` to the place ``key``; None when it has its receipt already.

        An open intent of the same task is taken over. Raises Busy while another task's is open, Overtaken when another
        process takes this one up at the same moment, Unreadable, TooLarge or Unavailable.
        """
        for attempt in range(MAX_TRIES):
            entry, revision, at = await self.read(key)
            if attempt and entry.intent is not None and entry.intent.task == task:
                raise Overtaken(f"the write of {task} was taken up by another process at the same moment")
            decision = claims.claim(entry, task, digest, idle_s=self._clock() - at)
            match decision:
                case claims.Told():
                    return None
                case claims.Occupied(other):
                    raise Busy(f"the write of {other} to the same place comes first")
                case claims.Granted():
                    if (stored := await self.write(key, decision.entry, revision)) is not None:
                        return Claim(self, key, task, decision, stored)
        raise Busy(f"the entry {key} of {self._writer} changes too fast")

    async def receipt(self, key: str, task: str) -> Receipt | None:
        """What came of a task's write, or None while that is open."""
        return (await self.read(key))[0].done.get(task)

    async def settle(self, key: str, task: str, note: str) -> Receipt:
        """Give up on a task that could not be claimed, and return the receipt that stands then.

        Raises Busy, Unreadable, TooLarge or Unavailable.
        """
        for _ in range(MAX_TRIES):
            entry, revision, _at = await self.read(key)
            settled = claims.settled(entry, task, note)
            if settled is None:
                return entry.done[task]
            if await self.write(key, settled, revision) is not None:
                return settled.done[task]
        raise Busy(f"the entry {key} of {self._writer} changes too fast")

    async def read(self, key: str) -> tuple[LedgerEntry, int, float]:
        """An entry with its revision and the time of its last change, in seconds since the epoch."""
        stored = await self._get(f"KV_{subjects.LEDGER}", subjects.writes(self._writer, key))
        if stored is None:
            return LedgerEntry(), 0, self._clock()
        if not stored.data:
            return LedgerEntry(), stored.sequence, stored.at
        try:
            return LedgerEntry.model_validate_json(stored.data), stored.sequence, stored.at
        except ValidationError as error:
            raise Unreadable(
                f"the ledger's entry writes.{self._writer}.{key} cannot be read: look at it and delete it ({error})"
            ) from error

    async def write(self, key: str, entry: LedgerEntry, revision: int) -> int | None:
        """Store an entry over ``revision``; its own revision, or None when another was first."""
        subject = subjects.writes(self._writer, key)
        stored = await self._bus.publish(subject, entry.encode(), expect_sequence=revision, headers=self._expiry)
        return stored.sequence


class Claim:
    """The right to write to a place, until another process takes it over."""

    def __init__(self, ledger: Ledger, key: str, task: str, granted: claims.Granted, revision: int) -> None:
        self.fresh = granted.fresh
        self.epoch = granted.epoch
        self._ledger = ledger
        self._key = key
        self._task = task
        self._entry = granted.entry
        self._revision = revision

    @property
    def notes(self) -> dict[str, Any]:
        return dict(self._entry.notes)

    async def note(self, notes: Mapping[str, Any]) -> None:
        """Replace the notes. Raises Overtaken, Unavailable, or TooLarge."""
        await self._change(lambda entry: claims.noted(entry, self._task, self.epoch, notes))

    async def finish(self, receipt: Receipt, notes: Mapping[str, Any] | None = None) -> None:
        """Close the intent with its receipt, and replace the notes if there are any. Raises as ``note`` does."""
        await self._change(lambda entry: claims.finished(entry, self._task, self.epoch, receipt, notes))

    async def _change(self, change: Callable[[LedgerEntry], LedgerEntry | None]) -> None:
        for _ in range(MAX_TRIES):
            changed = change(self._entry)
            if changed is None:
                raise Overtaken(f"the write of {self._task} was taken over by another process")
            revision = await self._ledger.write(self._key, changed, self._revision)
            if revision is not None:
                self._entry, self._revision = changed, revision
                return
            # Another task's receipt may have come in between, which leaves this intent as it is.
            self._entry, self._revision, _at = await self._ledger.read(self._key)
        raise Busy(f"the entry {self._key} changes too fast")
