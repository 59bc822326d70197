"""A feed: a stream's messages in order, without an ack, from now or from the beginning.

Made of an ephemeral pull consumer that is made anew, behind the last message seen, when it falls silent or is gone:
an ephemeral consumer does not outlive a restart of the broker.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from quorate.bus import ApiError, Bus, Stored
from quorate.errors import Unavailable
from quorate.pull import Delivery, Pull
from quorate.topology import NANOSECOND

log = logging.getLogger("quorate.feed")

WINDOW = 500
INACTIVE_S = 30
CHECK_S = 5.0


class Feed:
    """Iterate over it inside ``async with``."""

    def __init__(self, bus: Bus, stream: str, filters: Sequence[str], *, replay: bool) -> None:
        self._bus = bus
        self._stream = stream
        self._filters = list(filters)
        self._replay = replay
        self._queue: asyncio.Queue[Stored] = asyncio.Queue(maxsize=WINDOW)
        self._last = 0
        self._consumer = ""
        self._pull: Pull | None = None
        self._check: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Feed":
        await self._begin()
        self._check = asyncio.create_task(self._keep(), name=f"feed {self._stream}")
        self._bus.watch(self._check)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._check is not None:
            self._check.cancel()
        await self._end()

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> Stored:
        """The next message. Raises ConnectionLost when the broker stays away."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        getting = asyncio.ensure_future(self._queue.get())
        try:
            either: set[asyncio.Future[Any]] = {getting, self._bus.lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                await self._bus.lost
            return await getting
        finally:
            getting.cancel()

    async def _begin(self) -> None:
        self._consumer = f"feed-{secrets.token_hex(6)}"
        config: dict[str, Any] = {
            "name": self._consumer,
            "filter_subjects": self._filters,
            "ack_policy": "none",
            "replay_policy": "instant",
            "inactive_threshold": INACTIVE_S * NANOSECOND,
            "mem_storage": True,
            "num_replicas": 1,
        }
        if self._last:
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": self._last + 1}
        else:
            config["deliver_policy"] = "all" if self._replay else "new"
        await self._bus.api(
            f"CONSUMER.CREATE.{self._stream}.{self._consumer}",
            {"stream_name": self._stream, "config": config, "action": "create"},
        )
        self._pull = Pull(self._bus, self._stream, self._consumer, self._take, window=WINDOW, grace_s=0)
        await self._pull.start()

    async def _end(self) -> None:
        if self._pull is not None:
            await self._pull.stop()
            self._pull = None
        try:
            await self._bus.api(f"CONSUMER.DELETE.{self._stream}.{self._consumer}")
        except (ApiError, Unavailable):
            # It goes by itself once nobody pulls.
            return

    async def _take(self, delivery: Delivery) -> None:
        if delivery.sequence <= self._last:
            return
        stored = Stored(delivery.subject, delivery.sequence, delivery.data, delivery.headers, delivery.at)
        await self._queue.put(stored)
        # Not before it is in the queue: a new consumer begins behind this one.
        self._last = delivery.sequence

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                if not await self._is_there():
                    await self._end()
                    await self._begin()
            except (ApiError, Unavailable) as error:
                log.info("%s: %s", self._stream, error, extra={"action": "feed.keep"})

    async def _is_there(self) -> bool:
        try:
            await self._bus.api(f"CONSUMER.INFO.{self._stream}.{self._consumer}")
        except ApiError:
            return False
        return True
