"""The connection to the broker, and the few JetStream requests that everything else is made of.

Replies come in over one wildcard subscription, so a publish costs one message out and one in. nats-py's own
``publish`` does the same for one message at a time; reading several subjects in one request and pulling without
end (ADR-37) are not in it.
"""

import asyncio
import base64
import contextlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import nats
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from quorate.errors import ConnectionLost, QuorateError, StreamFull, TooLarge, Unavailable

log = logging.getLogger("quorate.bus")

REQUEST_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 10.0
MAX_DISCONNECTED_S = 60.0
CLOSE_TIMEOUT_S = 2.0
PUBLISH_ATTEMPTS = 4
PAGE = 500
HEADER_FRAME = 16
MAX_SUBJECT = 2_000

_WRONG_LAST_SEQUENCE = 10071
_NO_MESSAGE = 10037
_STREAM_FULL = (10077, 10047, 10023)


Answer = TypeVar("Answer")


class Stored(NamedTuple):
    """A message as a stream holds it: ``at`` is the broker's time in seconds since the epoch."""

    subject: str
    sequence: int
    data: bytes
    headers: Mapping[str, str]
    at: float


class Published(NamedTuple):
    """What the stream answered. ``sequence`` is None when the subject's slot had been taken by another message."""

    sequence: int | None
    duplicate: bool

    @property
    def taken(self) -> bool:
        return self.sequence is None


class ApiError(QuorateError):
    """The broker refused a request of the JetStream API."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"the broker refused the request: {description} ({code})")
        self.code = code


class Bus:
    """One connection. Make it with :func:`connect`."""

    def __init__(self, client: NatsClient, lost: asyncio.Future[None], shown_url: str) -> None:
        self.client = client
        self.lost = lost
        self.shown_url = shown_url
        self.generation = 0
        """Counts reconnections: what a server held for this connection, such as a pull, is gone with each."""
        self.told: dict[str, str] = {}
        """What the services on this connection tell whoever runs them, such as the ``http_url`` of the gateway."""
        self.on_renewed: Callable[[], None] = lambda: None
        """Called after a reconnection, for what must be made anew then."""
        self._prefix = f"{client.new_inbox()}."
        self._waiting: dict[str, asyncio.Future[Msg] | Callable[[Msg], None]] = {}
        self._asked: set[asyncio.Future[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._token = 0

    async def open(self) -> None:
        # The waits are bounded by their own timeouts, so the subscription needs no limit that would drop replies.
        await self.client.subscribe(f"{self._prefix}*", cb=self._on_reply, pending_msgs_limit=0, pending_bytes_limit=0)

    def watch(self, task: asyncio.Task[None]) -> None:
        """End the service when a task that it cannot do without ends by an error: it must not look alive then."""

        def on_done(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s ended", task.get_name(), exc_info=error, extra={"action": "bus.task_failed"})
                self.fail(ConnectionLost(f"{task.get_name()} ended by an error: {error}"))

        task.add_done_callback(on_done)

    def renewed(self) -> None:
        """The connection was lost and is back: answers to what was asked before will not come any more."""
        self.generation += 1
        self.on_renewed()
        for done in self._asked:
            if not done.done():
                done.set_exception(Unavailable("the connection to the broker was interrupted"))

    def fail(self, error: ConnectionLost) -> None:
        if not self.lost.done():
            self.lost.set_exception(error)
            # Whoever waits for it sees the error; where nobody does, it was logged.
            self.lost.exception()

    async def _on_reply(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject[len(self._prefix) :])
        if isinstance(waiting, asyncio.Future):
            if not waiting.done():
                waiting.set_result(message)
        elif waiting is not None:
            waiting(message)

    async def request(
        self,
        subject: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Msg:
        """One message out, one reply in. Raises Unavailable when nobody answers in time."""
        done: asyncio.Future[Msg] = self._loop.create_future()
        reply = await self._ask(subject, body, headers, timeout_s, done, done)
        if _status(reply) == "503":
            raise Unavailable(f"nothing answers on {subject}: is JetStream enabled, and does the stream exist?")
        return reply

    async def _request_all(self, subject: str, body: Mapping[str, Any]) -> list[Msg]:
        """One message out, and replies up to the one with a status, which is the last of the list."""
        done: asyncio.Future[list[Msg]] = self._loop.create_future()
        replies: list[Msg] = []

        def on_reply(message: Msg) -> None:
            replies.append(message)
            if not done.done() and _status(message) is not None:
                done.set_result(replies)

        return await self._ask(subject, json.dumps(body).encode(), None, REQUEST_TIMEOUT_S, on_reply, done)

    async def _ask(
        self,
        subject: str,
        body: bytes,
        headers: dict[str, str] | None,
        timeout_s: float,
        waiting: asyncio.Future[Msg] | Callable[[Msg], None],
        done: asyncio.Future[Answer],
    ) -> Answer:
        """Publish with a reply subject of its own, whose messages ``waiting`` takes, and wait for ``done``."""
        self._token += 1
        token = str(self._token)
        self._waiting[token] = waiting
        self._asked.add(done)
        timer = self._loop.call_later(timeout_s, _give_up, done, subject, timeout_s)
        try:
            await self.client.publish(subject, body, reply=self._prefix + token, headers=headers)
            return await done
        except MaxPayloadError as error:
            raise TooLarge(f"{len(body):,} bytes for {subject} are more than the broker takes") from error
        except NatsError as error:
            raise Unavailable(f"could not reach the broker on {subject}: {error}") from error
        finally:
            timer.cancel()
            self._asked.discard(done)
            del self._waiting[token]

    async def request_many(self, subject: str, body: bytes = b"", *, wait_s: float) -> list[Msg]:
        """One message out, and the replies of everyone who answers within ``wait_s``."""
        self._token += 1
        token, replies = str(self._token), list[Msg]()
        self._waiting[token] = replies.append
        try:
            await self.client.publish(subject, body, reply=self._prefix + token)
            await asyncio.sleep(wait_s)
        except NatsError as error:
            raise Unavailable(f"could not reach the broker on {subject}: {error}") from error
        finally:
            del self._waiting[token]
        return [reply for reply in replies if _status(reply) is None]

    async def api(self, operation: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call the JetStream API, for example ``STREAM.INFO.X``. Raises ApiError with the broker's error code."""
        reply = await self.request(f"$JS.API.{operation}", json.dumps(body).encode() if body is not None else b"")
        answer: dict[str, Any] = json.loads(reply.data)
        if "error" in answer:
            error = answer["error"]
            raise ApiError(error.get("err_code", error.get("code", 0)), error.get("description", "unknown"))
        return answer

    async def publish(
        self,
        subject: str,
        body: bytes,
        *,
        message_id: str | None = None,
        expect_sequence: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Published:
        """Publish to a stream and wait until it is stored.

        ``expect_sequence`` is the last sequence that the subject must have (0: none); where it has another, nothing
        is stored and the answer is ``taken``. Tries again a few times with the same id when no answer comes, since
        a publish that timed out may still have been stored. Raises StreamFull, TooLarge or Unavailable.
        """
        out = dict(headers or {})
        if message_id is not None:
            out["Nats-Msg-Id"] = message_id
        if expect_sequence is not None:
            out["Nats-Expected-Last-Subject-Sequence"] = str(expect_sequence)
        size = len(body) + sum(len(key) + len(value) + 4 for key, value in out.items()) + HEADER_FRAME
        if size > self.client.max_payload or len(subject) > MAX_SUBJECT:
            # nats-py leaves the headers out of account, and the broker ends a connection that sends too much.
            raise TooLarge(f"{size:,} bytes for {subject} are more than the broker's {self.client.max_payload:,}")
        for attempt in range(PUBLISH_ATTEMPTS):
            try:
                reply = await self.request(subject, body, headers=out or None)
            except Unavailable:
                if attempt == PUBLISH_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.05 * 4**attempt)
                continue
            return _publish_answer(subject, reply)
        raise AssertionError("unreachable: the loop returns or raises")

    async def put_once(self, subject: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> bool:
        """Store the first message of a subject; False when there is one already, which is then the one that counts."""
        return not (await self.publish(subject, body, expect_sequence=0, headers=headers)).taken

    async def get_last(self, stream: str, subject: str) -> Stored | None:
        """The last message stored on a literal subject, or None."""
        return _found(stream, await self.request(f"$JS.API.DIRECT.GET.{stream}.{subject}"))

    async def get_last_of_leader(self, stream: str, subject: str) -> Stored | None:
        """Like ``get_last``, and never an older message: with several replicas the nearest one may be behind."""
        try:
            answer = await self.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
        except ApiError as error:
            if error.code == _NO_MESSAGE:
                return None
            raise
        found = answer["message"]
        data = base64.b64decode(found.get("data", ""))
        return Stored(found["subject"], int(found["seq"]), data, {}, parse_time(found["time"]))

    async def get_sequence(self, stream: str, sequence: int) -> Stored | None:
        """The message with this number in the stream, or None."""
        body = json.dumps({"seq": sequence}).encode()
        return _found(stream, await self.request(f"$JS.API.DIRECT.GET.{stream}", body))

    async def get_all(self, stream: str, *filters: str) -> list[Stored]:
        """The last message of every subject that matches, in the order of the stream."""
        found: list[Stored] = []
        page: dict[str, Any] = {}
        while True:
            body = {"multi_last": list(filters), **page}
            replies = await self._request_all(f"$JS.API.DIRECT.GET.{stream}", body)
            status = _status(replies[-1])
            if status == "413":
                # More subjects than the broker answers for at once.
                return await self._get_pages(stream, filters)
            if status not in ("204", "404"):
                raise Unavailable(f"{stream} could not be read: {status}")
            found += [_stored(message) for message in replies[:-1]]
            end = replies[-1].headers or {}
            if len(replies) == 1 or end.get("Nats-Num-Pending", "0") == "0":
                return found
            # More bytes than the broker sends at once: the rest, as of the same moment.
            page = {"seq": found[-1].sequence + 1, "up_to_seq": int(end["Nats-UpTo-Sequence"])}

    async def _get_pages(self, stream: str, filters: Sequence[str]) -> list[Stored]:
        """Like ``get_all``, page by page; for streams that keep one message per subject."""
        found: dict[int, Stored] = {}
        for each in filters:
            sequence = 1
            while True:
                body = {"seq": sequence, "next_by_subj": each, "batch": PAGE}
                replies = await self._request_all(f"$JS.API.DIRECT.GET.{stream}", body)
                page = [_stored(message) for message in replies[:-1]]
                found.update((stored.sequence, stored) for stored in page)
                if len(page) < PAGE:
                    break
                sequence = page[-1].sequence + 1
        return [found[sequence] for sequence in sorted(found)]

    async def close(self) -> None:
        """Flush what is underway and close."""
        if not self.lost.done():
            self.lost.cancel()
        # A request instead of a flush: nats-py's read loop dies of a flush that was given up.
        if self.client.is_connected:
            with contextlib.suppress(Unavailable):
                await self.request("$JS.API.INFO", timeout_s=CLOSE_TIMEOUT_S)
        # Of a connection that is gone, asyncio's transport raises OSError and uvloop's RuntimeError.
        with contextlib.suppress(OSError, RuntimeError, NatsError):
            await self.client.close()


def _give_up(done: asyncio.Future[Any], subject: str, timeout_s: float) -> None:
    if not done.done():
        done.set_exception(Unavailable(f"no answer from the broker on {subject} within {timeout_s:g} s"))


def _publish_answer(subject: str, reply: Msg) -> Published:
    answer = json.loads(reply.data)
    error = answer.get("error")
    if error is None:
        return Published(answer["seq"], bool(answer.get("duplicate")))
    code = error.get("err_code", 0)
    if code == _WRONG_LAST_SEQUENCE:
        return Published(None, False)
    if code in _STREAM_FULL:
        raise StreamFull(f"{subject} was refused: {error.get('description')}; free space or raise the limit")
    if error.get("code") == 503:
        raise Unavailable(f"{subject} was refused for now: {error.get('description')}")
    raise ApiError(code, f"{subject}: {error.get('description')}")


def _status(message: Msg) -> str | None:
    # A header block that cannot be parsed as a dict arrives as another type; its status is then not an error.
    headers = message.headers
    return headers.get("Status") if headers else None


def _found(stream: str, reply: Msg) -> Stored | None:
    status = _status(reply)
    if status == "404":
        return None
    if status is not None:
        raise Unavailable(f"{stream} could not be read: {status}")
    return _stored(reply)


def _stored(message: Msg) -> Stored:
    headers = {str(key): str(value) for key, value in (message.headers or {}).items()}
    return Stored(
        subject=headers.pop("Nats-Subject"),
        sequence=int(headers.pop("Nats-Sequence")),
        data=message.data,
        headers=headers,
        at=parse_time(headers.pop("Nats-Time-Stamp")),
    )


def parse_time(stamp: str) -> float:
    """Seconds since the epoch of the broker's RFC 3339 time, which has up to nine decimals."""
    from datetime import datetime

    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + (float(f"0.{fraction}") if fraction else 0.0)


def without_secrets(url: str) -> str:
    """A broker's URL, or a list of them, as it may be shown: without users and passwords."""
    shown = []
    for each in url.split(","):
        scheme, separator, rest = each.rpartition("://")
        shown.append(f"{scheme}{separator}{rest.rpartition('@')[2]}")
    return ",".join(shown)


async def connect(
    url: str,
    *,
    name: str,
    credentials: str | None = None,
    max_disconnected_s: float = MAX_DISCONNECTED_S,
    timeout_s: float = CONNECT_TIMEOUT_S,
) -> Bus:
    """Connect, and keep reconnecting for ``max_disconnected_s`` seconds whenever the connection is lost.

    After that ``bus.lost`` fails with ConnectionLost, which ends the service: a process that can no longer hear
    must not look alive. Raises Unavailable when the first connection fails.
    """
    loop = asyncio.get_running_loop()
    lost: asyncio.Future[None] = loop.create_future()
    deadline: asyncio.TimerHandle | None = None
    client: NatsClient | None = None
    bus: Bus | None = None
    last_error: Exception | None = None

    def give_up(reason: str) -> None:
        if bus is not None:
            bus.fail(ConnectionLost(reason))

    async def on_disconnect() -> None:
        nonlocal deadline
        if client is not None and client.is_closed:
            return
        log.warning("disconnected from the broker", extra={"action": "bus.disconnected"})
        if deadline is None:
            deadline = loop.call_later(
                max_disconnected_s,
                give_up,
                f"the broker was gone for {max_disconnected_s:g} s; is it running?",
            )

    async def on_reconnect() -> None:
        nonlocal deadline
        log.info("reconnected to the broker", extra={"action": "bus.reconnected"})
        if bus is not None:
            bus.renewed()
        if deadline is not None:
            deadline.cancel()
            deadline = None

    async def on_closed() -> None:
        give_up("the connection to the broker was closed")

    async def on_error(error: Exception) -> None:
        nonlocal last_error
        last_error = error
        log.info("%s", error, extra={"action": "bus.error"})

    try:
        # With endless reconnects nats-py also tries the first connection endlessly; this bounds it.
        async with asyncio.timeout(timeout_s):
            client = await nats.connect(
                url,
                name=f"quorate-{name}-{secrets.token_hex(3)}",
                connect_timeout=5,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,
                ping_interval=10,
                max_outstanding_pings=3,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
                closed_cb=on_closed,
                error_cb=on_error,
                user_credentials=credentials,
            )
    except (TimeoutError, NatsError, OSError) as error:
        raise Unavailable(
            f"no connection to the broker at {without_secrets(url)}: {last_error or error!r};"
            " start one with `quorate up`, or set QUORATE_NATS_URL"
        ) from error
    bus = Bus(client, lost, without_secrets(url))
    await bus.open()
    return bus
