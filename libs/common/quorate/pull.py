"""Continuous pull from a durable consumer: always a request outstanding, never more than can be worked on.

nats-py's ``fetch`` asks anew for every batch. Here a request stays open, is topped up before it runs dry, and is
replaced when the broker has been silent for too long: a pull can stay silent for good after the broker was killed.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from quorate.bus import Bus
from quorate.errors import Unavailable

log = logging.getLogger("quorate.pull")

HEARTBEAT_S = 2.0
EXPIRES_S = 4.0
"""Short, because a process that hangs keeps attracting messages until its request expires."""
RETRY_S = 0.2
DRAIN_S = 2.0


@dataclass(slots=True, eq=False)
class Delivery:
    """A message on loan from a consumer until it is acked.

    ``sequence`` is the stream's, ``consumer_sequence`` counts the consumer's deliveries, ``attempt`` counts those of
    this message from 1, ``at`` is when the stream stored it, in seconds since the epoch.
    """

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    consumer_sequence: int
    attempt: int
    at: float
    message: Msg
    beaten_at: float = 0.0

    async def ack(self) -> None:
        await self._reply(b"+ACK")

    async def nak(self, delay_s: float = 0.0) -> None:
        """Hand it back, to be delivered again after ``delay_s``."""
        body = b"-NAK" if not delay_s else b'-NAK {"delay": %d}' % int(delay_s * 1e9)
        await self._reply(body)

    async def in_progress(self) -> None:
        """Ask for more time."""
        await self._reply(b"+WPI")

    async def _reply(self, body: bytes) -> None:
        try:
            await self.message._client.publish(self.message.reply, body)
        except NatsError as error:
            # The broker delivers it again, and every handler stands that.
            log.debug("could not answer for %s: %s", self.subject, error, extra={"action": "pull.reply"})


Handler = Callable[[Delivery], Awaitable[None]]


class Pull:
    """Pulls one durable consumer and runs ``handler`` on every message, ``concurrency`` at a time.

    The handler acks. When it raises, the message is handed back with a delay of ``retry_s`` seconds. While a handler
    runs, the broker is told so every third of ``ack_wait_s``. With ``concurrency=1`` messages are handled strictly
    one after another, and up to ``window`` may be requested at once, which is safe where the consumer itself allows
    only one in flight.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        consumer: str,
        handler: Handler,
        *,
        concurrency: int = 1,
        window: int | None = None,
        ack_wait_s: float = 30.0,
        retry_s: float = 1.0,
        grace_s: float = 10.0,
    ) -> None:
        self._bus = bus
        self._consumer = f"{stream}.{consumer}"
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._consumer}"
        self.name = f"{stream}/{consumer}"
        self._handler = handler
        self._window = window or concurrency
        self._concurrency = concurrency
        self._ack_wait_s = ack_wait_s
        self._retry_s = retry_s
        self._grace_s = grace_s
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._outstanding = 0
        self._heard_at = 0.0
        self._generation = 0
        self._queue: deque[Delivery] = deque()
        self._running: dict[Delivery, asyncio.Task[None]] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        await self._subscribe()
        self._keeper = asyncio.create_task(self._keep(), name=f"pull {self.name}")
        self._bus.watch(self._keeper)

    @property
    def running(self) -> int:
        return len(self._running)

    async def stop(self) -> None:
        """Take no more, hand back what has not begun, give the rest ``grace_s`` to finish, then hand it back too."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
        await self._unsubscribe()
        for delivery in self._queue:
            await delivery.nak()
        self._queue.clear()
        if self._running:
            beating = asyncio.create_task(self._beat_until_idle())
            await asyncio.wait(list(self._running.values()), timeout=self._grace_s)
            beating.cancel()
        unfinished = list(self._running.values())
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _subscribe(self) -> None:
        self._inbox = f"{self._bus.client.new_inbox()}.{secrets.token_hex(2)}"
        self._outstanding = 0
        self._heard_at = time.monotonic()
        self._generation = self._bus.generation
        self._subscription = await self._bus.client.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=0, pending_bytes_limit=0
        )
        await self._top_up()

    async def _unsubscribe(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        with contextlib.suppress(NatsError, Unavailable, TimeoutError):
            if self._bus.client.is_connected:
                # What the broker had sent before it heard of this is still to come, and is handed back. The consumer
                # answers on the same connection, so all of that has arrived when its answer has.
                await self._bus.client._send_unsubscribe(subscription._id)
                await self._bus.request(f"$JS.API.CONSUMER.INFO.{self._consumer}", timeout_s=DRAIN_S)
                async with asyncio.timeout(DRAIN_S):
                    await subscription._pending_queue.join()
        with contextlib.suppress(NatsError):
            await subscription.unsubscribe()

    async def _top_up(self) -> None:
        free = self._window - self._outstanding - len(self._running) - len(self._queue)
        if self._stopping or free <= 0 or (self._outstanding and free < self._window // 2):
            return
        self._outstanding += free
        request = {
            "batch": free,
            "expires": int(EXPIRES_S * 1e9),
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
        }
        try:
            await self._bus.client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)
        except NatsError as error:
            self._outstanding -= free
            log.debug("%s: %s", self.name, error, extra={"action": "pull.request"})

    async def _on_message(self, message: Msg) -> None:
        self._heard_at = time.monotonic()
        if not message.reply.startswith("$JS.ACK."):
            await self._on_status(message)
            return
        self._outstanding = max(0, self._outstanding - 1)
        delivery = _delivery(message)
        if self._stopping:
            await delivery.nak()
        elif any(delivery.sequence == running.sequence for running in self._running):
            # This process slept past the ack wait and is still at it: its answer serves both deliveries.
            log.info("%s: %s came again", self.name, delivery.subject, extra={"action": "pull.again"})
        else:
            delivery.beaten_at = self._heard_at
            self._queue.append(delivery)
            self._run_next()

    async def _on_status(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status == "100" or self._stopping:
            return
        if status == "503" or status is None:
            # Nobody answers for JetStream: it is starting. The keeper asks again.
            self._heard_at = 0.0
            return
        # The request has ended (408 expired, 409 for a reason of the consumer's): what it had not used is free again.
        unused = headers.get("Nats-Pending-Messages")
        self._outstanding = max(0, self._outstanding - int(unused)) if unused else 0
        if status not in ("404", "408"):
            log.info("%s: %s %s", self.name, status, dict(headers), extra={"action": "pull.status"})
            await asyncio.sleep(RETRY_S)
        await self._top_up()

    def _run_next(self) -> None:
        if self._queue and len(self._running) < self._concurrency:
            delivery = self._queue.popleft()
            self._running[delivery] = asyncio.create_task(self._handle(delivery))

    async def _handle(self, delivery: Delivery) -> None:
        try:
            await self._handler(delivery)
        except asyncio.CancelledError:
            await delivery.nak()
            raise
        except Exception:
            log.exception("%s: %s is handed back", self.name, delivery.subject, extra={"action": "pull.failed"})
            await delivery.nak(self._retry_s)
        finally:
            del self._running[delivery]
        if not self._stopping:
            self._run_next()
            await self._top_up()

    async def _beat(self) -> None:
        now = time.monotonic()
        for delivery in [*self._running, *self._queue]:
            if now - delivery.beaten_at >= self._ack_wait_s / 3:
                delivery.beaten_at = now
                await delivery.in_progress()

    async def _beat_until_idle(self) -> None:
        while self._running:
            await self._beat()
            await asyncio.sleep(min(1.0, self._ack_wait_s / 6))

    async def _keep(self) -> None:
        """Send heartbeats for what runs, and replace a pull that has gone silent."""
        while True:
            await asyncio.sleep(min(1.0, self._ack_wait_s / 6))
            try:
                await self._beat()
                await self._renew_if_silent()
            except (NatsError, OSError) as error:
                log.debug("%s: %s", self.name, error, extra={"action": "pull.keep"})

    async def _renew_if_silent(self) -> None:
        silent_s = time.monotonic() - self._heard_at
        if not self._bus.client.is_connected:
            return
        silent = self._outstanding > 0 and silent_s > 3 * HEARTBEAT_S
        if self._subscription is None or silent or self._generation != self._bus.generation:
            log.info("%s: silent for %.1f s, pulling anew", self.name, silent_s, extra={"action": "pull.renewed"})
            await self._unsubscribe()
            await self._subscribe()
        else:
            await self._top_up()


def _delivery(message: Msg) -> Delivery:
    # $JS.ACK.<stream>.<consumer>.<attempt>.<sequence>.<consumer sequence>.<time>.<pending>; with a domain, two
    # tokens come before the stream and one more after the end.
    tokens = message.reply.split(".")
    attempt, sequence, consumer_sequence, at = tokens[4:8] if len(tokens) < 11 else tokens[6:10]
    return Delivery(
        subject=message.subject,
        data=message.data,
        headers=message.headers or {},
        sequence=int(sequence),
        consumer_sequence=int(consumer_sequence),
        attempt=int(attempt),
        at=int(at) / 1e9,
        message=message,
    )
