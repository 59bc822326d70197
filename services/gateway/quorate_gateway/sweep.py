"""The sweep: webhooks that did not arrive are asked for again, since GitHub never sends one twice by itself."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from pydantic import Field, TypeAdapter, ValidationError

from quorate.bus import ApiError, Bus, Stored
from quorate.contract import subjects
from quorate.contract.base import Message, Part
from quorate.contract.intake import explain
from quorate.errors import Misconfigured, Rejected, Retryable
from quorate_gateway.domain.missed import Delivery, missed
from quorate_gateway.ports import GitHub

log = logging.getLogger("quorate.gateway")

SUBJECT = f"$KV.{subjects.LEDGER}.sweep"
BUCKET = f"KV_{subjects.LEDGER}"
DELIVERIES = "/app/hook/deliveries"
OWN = ""
"""In place of a repository: what is about the App itself is asked in its own name."""

MAX_DELIVERIES = 1_000
PAGE = 100


class _Told(Part):
    """An attempt as GitHub tells of it."""

    id: int
    guid: str = Field(min_length=1, max_length=128)
    delivered_at: datetime
    status_code: int = 0


_LIST = TypeAdapter(list[_Told])


class Swept(Message):
    """How far the sweep has come: the last delivery that was seen, and how often each was asked for."""

    cursor: int = 0
    asked: dict[str, int] = Field(default_factory=dict)


class Sweep:
    """One round at a time, by one of all gateways: whoever changes the entry in the ledger does it.

    ``now`` tells the time in seconds since the epoch.
    """

    def __init__(self, bus: Bus, github: GitHub, now: Callable[[], float]) -> None:
        self._bus = bus
        self._github = github
        self._now = now
        self._seen: int | None = None

    async def run(self, every_s: float) -> None:
        """Round after round; a failed one is made up for by the next."""
        while True:
            try:
                await self.round()
            except (Retryable, Rejected, ApiError, Misconfigured, ValueError) as error:
                log.warning("missed webhooks: %s", error, extra={"action": "gateway.sweep"})
            await asyncio.sleep(every_s)

    async def round(self) -> int:
        """How many deliveries were asked for. 0 also where another gateway has made the round since our last one."""
        entry = await self._bus.get_last_of_leader(BUCKET, SUBJECT)
        sequence = entry.sequence if entry else 0
        if self._seen is not None and sequence != self._seen:
            self._seen = sequence
            return 0
        swept = _read(entry)
        mine = await self._bus.publish(SUBJECT, swept.encode(), expect_sequence=sequence)
        if mine.sequence is None:
            self._seen = sequence
            return 0
        self._seen = mine.sequence
        found = missed(await self._deliveries(swept.cursor), swept.cursor, swept.asked, self._now())
        for delivery in found.again:
            await self._ask_for(delivery)
        # Only now: a round that was cut short is made again.
        done = Swept(cursor=found.cursor, asked=found.asked)
        written = await self._bus.publish(SUBJECT, done.encode(), expect_sequence=mine.sequence)
        self._seen = written.sequence or mine.sequence
        return len(found.again)

    async def _deliveries(self, cursor: int) -> list[Delivery]:
        """The newest deliveries: one page where that reaches back to the cursor."""
        found = await self._listed(PAGE)
        if len(found) < PAGE or min(each.id for each in found) <= cursor:
            return found
        return await self._listed(MAX_DELIVERIES)

    async def _listed(self, limit: int) -> list[Delivery]:
        try:
            told = _LIST.validate_python(await self._github.pages(DELIVERIES, repo=OWN, limit=limit))
        except ValidationError as error:
            raise ValueError(f"GitHub's list of deliveries cannot be read: {explain(error)}") from error
        return [Delivery(each.id, each.guid, each.delivered_at.timestamp(), each.status_code) for each in told]

    async def _ask_for(self, delivery: Delivery) -> None:
        log.info("%s is asked for again", delivery.guid, extra={"action": "gateway.redeliver"})
        try:
            await self._github.write("POST", f"{DELIVERIES}/{delivery.id}/attempts", repo=OWN)
        except Rejected as error:
            # One that cannot be sent again must not keep the others from it.
            log.warning("%s: %s", delivery.guid, error, extra={"action": "gateway.redeliver"})


def _read(entry: Stored | None) -> Swept:
    if entry is None or not entry.data:
        return Swept()
    try:
        return Swept.model_validate_json(entry.data)
    except ValueError as error:
        log.warning("%s: %s", SUBJECT, error, extra={"action": "gateway.sweep"})
        return Swept()
