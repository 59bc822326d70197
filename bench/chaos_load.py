"""The outside of a chaos run: a publisher that submits and cancels, and a subscriber that hears every result."""

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import nats
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from bench.chaos_plan import KIND, Order
from quorate import Client
from quorate.client import UnknownTask
from quorate.contract import subjects
from quorate.contract.task import TaskEvent
from quorate.errors import Retryable

PATIENCE_S = 60.0
RETRY_S = 0.2


class NotTaken(Exception):
    """The broker did not take a submission for a minute: the run says nothing about the services."""


@dataclass
class Load:
    """Submits orders at their times, over one client, however long the broker makes it wait."""

    client: Client
    orders: tuple[Order, ...]
    submitted: int = 0
    repeated: int = 0
    retried: int = 0
    canceled: int = 0
    _underway: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> None:
        """Return when all has been sent. Raises NotTaken."""
        begin = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for order in self.orders:
                await asyncio.sleep(max(0.0, begin + order.at - time.monotonic()))
                group.create_task(self._carry_out(order))

    async def _carry_out(self, order: Order) -> None:
        await self._submit(order)
        self.submitted += 1
        async with asyncio.TaskGroup() as group:
            if order.cancel_after_s is not None:
                group.create_task(self._cancel(order.task, order.cancel_after_s))
            if order.again is not None:
                group.create_task(self._repeat(order))

    async def _submit(self, order: Order, *, other: bool = False) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                await self.client.submit(
                    KIND,
                    order.other_input if other else order.input,
                    idempotency_key=order.key,
                    deadline_s=order.deadline_s,
                    labels={"number": str(order.number)},
                )
                return
            except Retryable as error:
                await self._wait(deadline, order, error)

    async def _repeat(self, order: Order) -> None:
        await asyncio.sleep(order.again_after_s)
        if order.again == "raw":
            await self._submit_raw(order)
        else:
            await self._submit(order, other=order.again == "other")
        self.repeated += 1

    async def _submit_raw(self, order: Order) -> None:
        """As a publisher without the client would: no message id, so only the task's own identity tells it again."""
        event = TaskEvent(
            input=order.input,
            idempotency_key=order.key,
            deadline_s=order.deadline_s,
            labels={"number": str(order.number)},
        )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                await self.client.bus.publish(subjects.submit(KIND), event.model_dump_json(exclude_none=True).encode())
                return
            except Retryable as error:
                await self._wait(deadline, order, error)

    async def _cancel(self, task: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                await self.client.cancel(task)
            except (UnknownTask, Retryable):
                # It lies in the intake still, or the broker is away.
                await asyncio.sleep(RETRY_S)
                continue
            self.canceled += 1
            return

    async def _wait(self, deadline: float, order: Order, error: Exception) -> None:
        if time.monotonic() > deadline:
            raise NotTaken(f"{order.key} was not taken within {PATIENCE_S:g} s: {error}") from error
        self.retried += 1
        await asyncio.sleep(RETRY_S)


class Observer:
    """A plain subscriber to all results, as anyone may be: no stream, no ack, on a connection of its own.

    Results that are published while its connection is down escape it, as they would anyone.
    """

    def __init__(self, url: str, file: Path) -> None:
        self._url = url
        self._file = file
        self._client: NatsClient | None = None
        self.heard: dict[str, list[bytes]] = defaultdict(list)

    async def __aenter__(self) -> "Observer":
        self._client = await nats.connect(
            self._url,
            name="chaos-observer",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.05,
            error_cb=_ignore,
        )
        await self._client.subscribe("quorate.results.>", cb=self._on_result)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()
        with self._file.open("w") as file:
            for subject, bodies in self.heard.items():
                file.write(json.dumps([subject, [body.decode() for body in bodies]]) + "\n")

    async def hear_out(self) -> None:
        """Wait until everything that the broker has sent so far has been heard."""
        if self._client is not None:
            with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError):
                await self._client.flush(5)

    async def _on_result(self, message: Msg) -> None:
        self.heard[message.subject].append(message.data)


def read_heard(file: Path) -> dict[str, list[bytes]]:
    """What an earlier run's observer had heard, from the folder of that run."""
    heard = {}
    for line in file.read_text().splitlines():
        subject, bodies = json.loads(line)
        heard[subject] = [body.encode() for body in bodies]
    return heard


async def _ignore(_: Exception) -> None:
    """Losing the connection is part of the run."""
