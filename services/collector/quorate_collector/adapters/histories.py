"""The histories of series and the track records of tenants: documents of QUORATE_LEDGER, changed by compare-and-set."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import ValidationError

from quorate.bus import HEADER_FRAME, Bus
from quorate.contract import ids, subjects
from quorate.contract.base import Message
from quorate.contract.finding import DecidedFinding, Resolved
from quorate.contract.history import Fate, History, TrackRecord
from quorate.errors import Rejected, Unavailable
from quorate_collector.domain import commands
from quorate_collector.domain.history import MAX_BYTES, bounded, record, redecide, settled
from quorate_collector.domain.track_record import settle

MAX_TRIES = 20
"""Each lost compare-and-set means that another has written: only a crowd can lose so many in a row."""

_HEADERS = 1_000
"""Room for the headers of a message, in bytes."""

Document = TypeVar("Document", bound=Message)


class UnreadableHistory(Rejected):
    """A document of the ledger cannot be read: somebody else has written it. Look at it, and delete its key."""


class Histories:
    """What the reviews of each series have found. With several ``replicas`` of the bucket, its leader is asked.
    ``expiry`` are headers that make the history of a series go when nothing has changed it for long.

    Every method raises Unavailable or StreamFull, which is to say: try again; or UnreadableHistory.
    """

    def __init__(self, bus: Bus, *, replicas: int = 1, expiry: Mapping[str, str] | None = None) -> None:
        self._bus = bus
        self._expiry = expiry
        self._get = bus.get_last if replicas == 1 else bus.get_last_of_leader

    @property
    def _room(self) -> int:
        return min(MAX_BYTES, self._bus.client.max_payload - HEADER_FRAME - _HEADERS)

    async def read(self, tenant: str, series: str) -> History:
        """The history of a series; an empty one where there is none yet."""
        return (await self._read(_history(tenant, series), History(series=series)))[0]

    async def record(
        self,
        tenant: str,
        series: str,
        findings: tuple[DecidedFinding, ...],
        resolved: tuple[Resolved, ...],
        task: str,
        label: str,
        position: int,
    ) -> History:
        """Record a review as it was published, once, and count in the track record what came of its findings.
        ``position`` is that of its assignment in the log."""

        def recorded(history: History) -> History:
            return record(history, findings, resolved, task, label, position, max_bytes=self._room)

        after = await self._change_history(tenant, series, recorded)
        return await self.settle(tenant, after)

    async def redecide(self, tenant: str, series: str, findings: tuple[DecidedFinding, ...]) -> History:
        """Decide what is open anew, as another look at findings of a recorded review was published."""

        def redecided(history: History) -> History:
            return bounded(redecide(history, findings), self._room)

        return await self._change_history(tenant, series, redecided)

    async def command(self, tenant: str, series: str, command: commands.Command) -> str:
        """Carry out a command, once, and return the answer to who gave it."""
        answer = ""

        def apply(history: History) -> History:
            nonlocal answer
            after, answer = commands.apply(history, command, max_bytes=self._room)
            return after

        await self.settle(tenant, await self._change_history(tenant, series, apply))
        return answer

    async def track_record(self, tenant: str) -> TrackRecord:
        """How often the agents of a tenant were right."""
        return (await self._read(_track_record(tenant), TrackRecord()))[0]

    async def settle(self, tenant: str, history: History) -> History:
        """Count the unsettled fates of a history, and then take them out of it.

        Whoever dies in between leaves them to the next one, and the track record knows what it has counted.
        """
        fates: tuple[Fate, ...] = history.unsettled
        if not fates:
            return history
        await self._change(_track_record(tenant), TrackRecord(), lambda track: settle(track, fates))
        return await self._change_history(tenant, history.series, lambda latest: settled(latest, fates))

    async def _change_history(self, tenant: str, series: str, change: Callable[[History], History]) -> History:
        return await self._change(_history(tenant, series), History(series=series), change)

    async def _change(self, subject: str, empty: Document, change: Callable[[Document], Document]) -> Document:
        """Apply a change to the latest document, again where another was first; what changes nothing is not written."""
        for _ in range(MAX_TRIES):
            before, revision = await self._read(subject, empty)
            after = change(before)
            if after == before:
                return before
            headers = self._expiry if isinstance(after, History) else None
            stored = await self._bus.publish(subject, after.encode(), expect_sequence=revision, headers=headers)
            if not stored.taken:
                return after
        raise Unavailable(f"{subject} was changed by others {MAX_TRIES} times in a row")

    async def _read(self, subject: str, empty: Document) -> tuple[Document, int]:
        stored = await self._get(f"KV_{subjects.LEDGER}", subject)
        if stored is None or not stored.data:
            return empty, stored.sequence if stored else 0
        try:
            return type(empty).model_validate_json(stored.data), stored.sequence
        except ValidationError as error:
            raise UnreadableHistory(f"{subject} cannot be read: look at it and delete it ({error})") from error


def _history(tenant: str, series: str) -> str:
    return subjects.history(ids.series_key(tenant, series))


def _track_record(tenant: str) -> str:
    return subjects.track_record(ids.tenant_key(tenant))
