"""The client: submit tasks, follow them, and receive results.

async with Client(url) as q:
    task = await q.submit("code-review", {"diff": diff}, idempotency_key="pr-7@a1b2c3")
    result = await q.result(task, timeout=600)
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from quorate.blobs import Blobs
from quorate.bus import Bus, Stored, connect
from quorate.contract import ids, subjects
from quorate.contract.blob import BlobRef
from quorate.contract.facts import CancelRequested, Concluded, Submitted
from quorate.contract.progress import Progress
from quorate.contract.result import Result
from quorate.contract.task import TaskEvent
from quorate.errors import ConnectionLost, QuorateError, Unavailable
from quorate.feed import Feed
from quorate.log import publish_fact, read_facts, record_of
from quorate.reducer import Record
from quorate.service import DEFAULT_URL

INLINE_BYTES = 900 * 1024
OFF_LOOP_SIZE = 10_000
RECHECK_S = 2.0
ADMISSION_S = 10.0
POLL_S = 0.1

Event = Record | Progress
"""A fact of the task's log, or a sign of progress."""


class NoResult(QuorateError):
    """The task did not end in time: wait longer, or look at it with `quorate task show`."""


class UnknownTask(QuorateError):
    """There is no such task in the log: check the id, and that the broker is the right one."""


class Client:
    """One connection for publishers and subscribers.

    ``url`` is the broker's; without it ``QUORATE_NATS_URL`` is used, then nats://127.0.0.1:4222. Task ids are those
    of ``tenant``. Every call may raise ``quorate.errors.Unavailable`` when the broker does not answer.
    """

    def __init__(self, url: str | None = None, *, tenant: str = "default", credentials: str | None = None) -> None:
        self._url = url or os.environ.get("QUORATE_NATS_URL") or DEFAULT_URL
        self._tenant = tenant
        self._credentials = credentials
        self._bus: Bus | None = None

    async def __aenter__(self) -> "Client":
        self._bus = await connect(self._url, name="client", credentials=self._credentials)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._bus is not None:
            await self._bus.close()
            self._bus = None

    @property
    def bus(self) -> Bus:
        if self._bus is None:
            raise RuntimeError("use the client as `async with Client(url) as q:`")
        return self._bus

    async def submit(
        self,
        kind: str,
        input: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        deadline_s: float | None = None,
        priority: int = 0,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Submit a task and return its id once it is stored. The same key and input give the same task again.

        An input that does not fit a message (900 KiB) goes to the object store first, up to 64 MiB. ``deadline_s``
        is in seconds. Raises ``quorate.blobs.BlobTooLarge``, or ValueError for arguments that no task can have.
        """
        if not ids.TOKEN.match(kind):
            raise ValueError(f"{kind!r} cannot be a kind: it is one token of a subject, without blanks, dots, * and >")
        texts = sum(len(value) for value in input.values() if isinstance(value, str | dict | list))
        # A large input, such as a diff of 30 MB, is encoded beside the event loop.
        body = await asyncio.to_thread(_encode, input) if texts > OFF_LOOP_SIZE else _encode(input)
        ref: BlobRef | None = None
        if len(body) > INLINE_BYTES:
            ref = await Blobs(self.bus).put(body)
        event = TaskEvent(
            input=dict(input) if ref is None else None,
            input_ref=ref,
            idempotency_key=idempotency_key,
            deadline_s=deadline_s,
            priority=priority,
            labels=dict(labels or {}),
        )
        if idempotency_key is None:
            message_id = secrets.token_hex(16)
            task = ids.task_id_from_message(message_id)
        else:
            # The input is part of it, or the broker would drop another input under the same key without a word.
            message_id = ids.message_id("submit", self._tenant, kind, idempotency_key, ids.digest(body))
            task = ids.task_id_from_key(self._tenant, kind, idempotency_key)
        await self.bus.publish(
            subjects.submit(kind), event.model_dump_json(exclude_none=True).encode(), message_id=message_id
        )
        return task

    async def cancel(self, task: str, reason: str = "canceled on request") -> bool:
        """Ask for a task to stop; False when it was asked for before. Raises UnknownTask.

        A task that was submitted just now may not be in the log yet, so it is waited for, a few seconds at most.
        """
        for _ in range(round(ADMISSION_S / POLL_S)):
            if await read_facts(self.bus, task, f"{Submitted.type}.*"):
                break
            await asyncio.sleep(POLL_S)
        else:
            raise UnknownTask(f"there is no task {task} in the log: check the id")
        return await publish_fact(self.bus, task, "request", CancelRequested(reason=reason))

    async def facts(self, task: str) -> list[Record]:
        """The task's log so far, oldest first; empty for a task that is not known."""
        return await read_facts(self.bus, task)

    async def result(self, task: str, *, timeout: float | None = None) -> Result:
        """Wait for the task's result, for ``timeout`` seconds at most (None: as long as it takes). Raises NoResult.

        Findings and answers that did not fit the message are fetched.
        """
        arrived = asyncio.Event()

        async def on_message(_: Msg) -> None:
            arrived.set()

        subject = f"quorate.results.*.{task}"
        subscription: Subscription = await self.bus.client.subscribe(subject, cb=on_message)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    arrived.clear()
                    if (result := await self._stored_result(subject)) is not None:
                        return await self._whole(result)
                    # The message is only a hint: it may be lost while the connection is.
                    try:
                        async with asyncio.timeout(RECHECK_S):
                            await arrived.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            raise NoResult(
                f"{task} has not ended within {timeout:g} s; wait longer, or see `quorate task show {task}`"
            ) from None
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def results(self, kind: str = "*", *, replay: bool = False) -> AsyncIterator[Result]:
        """Results as they come, of one kind or all; with ``replay`` those that are kept first. Never ends by itself."""
        feed = Feed(self.bus, subjects.RESULTS, [f"quorate.results.{kind}.*"], replay=replay)
        async with feed:
            async for stored in feed:
                yield await self._whole(Result.model_validate_json(stored.data))

    async def events(self, task: str) -> AsyncIterator[Event]:
        """Facts and progress of a task, from its beginning; ends when the task has ended."""
        queue: asyncio.Queue[Event | Exception] = asyncio.Queue(maxsize=1_000)

        async def read(stream: str, subject: str, decode: Callable[[Stored], Event]) -> None:
            try:
                async with Feed(self.bus, stream, [subject], replay=True) as feed:
                    async for stored in feed:
                        await queue.put(decode(stored))
            except Exception as error:
                # Progress is lossy by design: its stream is gone for a moment after the broker was restarted.
                if stream != subjects.EVENTS or isinstance(error, ConnectionLost):
                    await queue.put(error)

        def progress_of(stored: Stored) -> Event:
            return Progress.model_validate_json(stored.data)

        readers = (
            asyncio.create_task(read(subjects.LOG, subjects.stored_facts(task), record_of)),
            asyncio.create_task(read(subjects.EVENTS, subjects.events(task), progress_of)),
        )
        try:
            while True:
                event = await queue.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Record) and isinstance(event.fact, Concluded):
                    return
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _stored_result(self, subject: str) -> Result | None:
        """The result if it stands. A broker that is away for a moment is no answer; one that stays away is an error."""
        if self.bus.lost.done():
            await self.bus.lost
        try:
            found = await self.bus.get_all(subjects.RESULTS, subject)
        except Unavailable:
            return None
        return Result.model_validate_json(found[0].data) if found else None

    async def _whole(self, result: Result) -> Result:
        blobs = Blobs(self.bus)
        update: dict[str, Any] = {}
        if result.findings_ref is not None:
            update["findings"] = await blobs.get_json(result.findings_ref)
        if result.answers_ref is not None:
            update["answers"] = await blobs.get_json(result.answers_ref)
        return Result.model_validate({**result.model_dump(), **update}) if update else result


def _encode(input: Mapping[str, Any]) -> bytes:
    return ids.canonical_json(dict(input))
