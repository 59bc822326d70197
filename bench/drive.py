"""Publishing tasks on a path and waiting for their results, as another system would."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from typing import Protocol

import nats
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from bench.crew import Cpu, Crew, cpu_of
from bench.mirror import FLOOR, raw_name, waiting
from bench.sizes import Sizes, fill
from quorate.bus import Bus
from quorate.client import Client
from quorate.contract import subjects
from quorate.contract.result import Result

RESULT_S = 30.0
SETTLE_S = 10.0


class Publisher(Protocol):
    """How a task is submitted on a path, where its result appears, and what reads it."""

    client: NatsClient
    results: str
    queues: tuple[str, ...]

    async def submit(self, kind: str, number: int) -> str: ...

    def state_of(self, message: Msg) -> str: ...


class OurPublisher:
    """A client of ours."""

    results: str = "quorate.results.*.*"
    queues: tuple[str, ...] = (subjects.INTAKE, subjects.WORK, subjects.TIMERS)

    def __init__(self, ours: Client) -> None:
        self._ours = ours
        self.client = ours.bus.client

    async def submit(self, kind: str, number: int) -> str:
        return await self._ours.submit(kind, {"number": number})

    def state_of(self, message: Msg) -> str:
        return Result.model_validate_json(message.data).state


class HandPublisher:
    """Plain nats-py; ``prefix`` is that of the path's subjects."""

    def __init__(self, client: NatsClient, submit: str, results: str, queues: tuple[str, ...], sizes: dict[str, Sizes]):
        self.client = client
        self.results = results
        self.queues = queues
        self._js = client.jetstream()
        self._submit = submit
        self._sizes = sizes

    async def submit(self, kind: str, number: int) -> str:
        name = secrets.token_hex(16)
        body = fill({"input": {"number": number}}, self._sizes[kind]["submit"][0])
        await self._js.publish(f"{self._submit}.{kind}", body, timeout=5, headers={"Nats-Msg-Id": name})
        return "t" + name

    def state_of(self, message: Msg) -> str:
        state: str = json.loads(message.data)["state"]
        return state


async def by_hand(path: str, url: str, sizes: dict[str, Sizes]) -> HandPublisher:
    client = await nats.connect(url)
    if path == "raw":
        queues = tuple(map(raw_name, OurPublisher.queues))
        return HandPublisher(client, "rawnats.submit", "rawnats.results.*.*", queues, sizes)
    return HandPublisher(client, "floor.intake", "floor.results.*.*", FLOOR[:3], sizes)


@dataclass(frozen=True)
class Segment:
    """What one stretch of tasks took, in seconds; ``cpu`` is by role, and by ``publisher`` and ``broker``."""

    latencies: list[float]
    seconds: float
    cpu: dict[str, float]


class Drive:
    """Runs stretches of tasks on one path."""

    def __init__(self, crew: Crew, publisher: Publisher, bus: Bus, broker_pid: int) -> None:
        self.path = crew.path
        self._crew = crew
        self._publisher = publisher
        self._bus = bus
        self._broker_pid = broker_pid
        self._results: dict[str, asyncio.Future[None]] = {}

    async def listen(self) -> None:
        await self._publisher.client.subscribe(self._publisher.results, cb=self._on_result)
        await self._publisher.client.flush()

    async def run(self, kind: str, tasks: int, *, in_flight: int = 1) -> Segment:
        """Submit ``tasks`` tasks, the next one as soon as fewer than ``in_flight`` are underway."""
        numbers = iter(range(tasks))
        latencies: list[float] = []

        async def submit_all() -> None:
            # The stretch is shared: whoever has its result takes the next number.
            latencies.extend([await self._one(kind, number) for number in numbers])

        before = self._cpu()
        own = time.process_time()
        began = time.perf_counter()
        await asyncio.gather(*(submit_all() for _ in range(in_flight)))
        seconds = time.perf_counter() - began
        own = time.process_time() - own
        # What follows a result, such as acks and purges, belongs to the task too.
        await self._settle()
        cpu = self._cpu().since(before).seconds
        return Segment(latencies, seconds, {**cpu, "publisher": own})

    async def _one(self, kind: str, number: int) -> float:
        began = time.perf_counter()
        task = await self._publisher.submit(kind, number)
        result = self._result(task)
        if not result.done():
            try:
                async with asyncio.timeout(RESULT_S):
                    await result
            except TimeoutError:
                self._crew.check()
                raise RuntimeError(f"{task} on {self.path} had no result within {RESULT_S:g} s") from None
        del self._results[task]
        return time.perf_counter() - began

    def _result(self, task: str) -> asyncio.Future[None]:
        if task not in self._results:
            self._results[task] = asyncio.get_running_loop().create_future()
        return self._results[task]

    async def _on_result(self, message: Msg) -> None:
        result = self._result(message.subject.rpartition(".")[2])
        if result.done():
            return
        state = self._publisher.state_of(message)
        if state == "completed":
            result.set_result(None)
        else:
            result.set_exception(RuntimeError(f"a task on {self.path} ended as {state}"))

    def _cpu(self) -> Cpu:
        return Cpu({**self._crew.cpu().seconds, "broker": cpu_of(self._broker_pid)})

    async def _settle(self) -> None:
        """Wait until the queues are empty: then every message is acked and every timer taken back."""
        deadline = time.monotonic() + SETTLE_S
        for queue in self._publisher.queues:
            while left := await waiting(self._bus, queue):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{left} messages are left in {queue} after {SETTLE_S:g} s")
                await asyncio.sleep(0.005)
