"""A whole system of a test's own: real broker, real services, agents written in the test."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from quorate.agent_definition import Agent
from quorate.bus import Bus, Stored, connect
from quorate.client import Client
from quorate.contract import subjects
from quorate.contract.facts import Fact
from quorate.contract.result import Result
from quorate.dead_letters import DeadLetter, read_dead_letter
from quorate.embedded import EmbeddedBroker
from quorate.log import read_facts
from quorate.pull import Delivery
from quorate.service import installed_services, running
from quorate.settings import Settings

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"
ALL = ("router", "worker", "collector")

_numbers = itertools.count()


def settings_of(broker: EmbeddedBroker, **changed: Any) -> Settings:
    """Settings that lose no time: few partitions, and redelivery after a second."""
    quick = {
        "nats_url": broker.url,
        "partitions": 2,
        "ack_wait_s": 1.0,
        "agents_wait_s": 0.0,
        "stop_grace_s": 0.2,
        "builtin_agents": False,
        "task_deadline_s": 60.0,
        "review_deadline_s": 60.0,
    }
    return Settings.model_validate(quick | changed)


@dataclass
class System:
    """Services that run, and a client beside them on a connection of its own."""

    settings: Settings
    client: Client
    http_url: str | None = None

    @property
    def bus(self) -> Bus:
        return self.client.bus

    async def run(self, kind: str, input: dict[str, Any] | None = None, **options: Any) -> Result:
        """Submit a task and wait for its result."""
        return await self.client.result(await self.client.submit(kind, input or {}, **options), timeout=20)

    async def facts(self, task: str, type: type[Fact]) -> list[Any]:
        return [record.fact for record in await read_facts(self.bus, task, f"{type.type}.>")]

    async def results(self) -> list[Result]:
        stored = await self.bus.get_all(subjects.RESULTS, "quorate.results.>")
        return [Result.model_validate_json(each.data) for each in stored]

    async def dead_letters(self) -> list[DeadLetter]:
        return await dead_letters(self.bus)


async def until(holds: Callable[[], Awaitable[object]], timeout_s: float = 10) -> None:
    """Ask the broker again and again until it says so: an ack, for one, is not answered and may be on its way."""
    async with asyncio.timeout(timeout_s):
        while not await holds():  # noqa: ASYNC110 - the broker has no event for it
            await asyncio.sleep(0.01)


async def emptied(bus: Bus, stream: str) -> None:
    """Wait until a work queue is empty: everything in it was acked."""

    async def is_empty() -> bool:
        return not (await bus.api(f"STREAM.INFO.{stream}"))["state"]["messages"]

    await until(is_empty, timeout_s=30)


@asynccontextmanager
async def connected(broker: EmbeddedBroker, **options: Any) -> AsyncIterator[Bus]:
    bus = await connect(broker.url, name="test", **options)
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def services(settings: Settings, *names: str, agents: Sequence[Agent] = ()) -> AsyncIterator[Bus]:
    """These services on one connection; the worker has these agents."""
    module = ModuleType(f"agents_of_a_test_{next(_numbers)}")
    for number, agent in enumerate(agents):
        setattr(module, f"agent_{number}", agent)
    sys.modules[module.__name__] = module
    if agents:
        settings = settings.model_copy(update={"agent_modules": (module.__name__,)})
    installed = installed_services()
    try:
        async with running([installed[name] for name in names], settings) as bus:
            yield bus
    finally:
        del sys.modules[module.__name__]


@asynccontextmanager
async def system(
    broker: EmbeddedBroker, *agents: Agent, only: Sequence[str] = ALL, **settings: Any
) -> AsyncIterator[System]:
    """All services, or ``only`` some of them, with these agents and settings."""
    chosen = settings_of(broker, **settings)
    async with services(chosen, *only, agents=agents) as bus, Client(broker.url) as client:
        yield System(chosen, client, bus.told.get("http_url"))


async def dead_letters(bus: Bus) -> list[DeadLetter]:
    """All of them, oldest first."""
    state = (await bus.api(f"STREAM.INFO.{subjects.DEAD}"))["state"]
    letters = []
    for sequence in range(state["first_seq"], state["first_seq"] + state["messages"]):
        stored = await stored_at(bus, subjects.DEAD, sequence)
        letters.append(read_dead_letter(stored))
    return letters


async def stored_at(bus: Bus, stream: str, sequence: int) -> Stored:
    """The message at a place of a stream."""
    from quorate.bus import _stored

    reply = await bus.request(f"$JS.API.DIRECT.GET.{stream}", b'{"seq": %d}' % sequence)
    return _stored(reply)


class Received:
    """A handler that acks, and lets a test wait for what it was given."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._arrived = asyncio.Condition()

    async def __call__(self, delivery: Delivery) -> None:
        await delivery.ack()
        async with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()

    async def wait_for(self, count: int, timeout_s: float = 15) -> list[Delivery]:
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.deliveries) >= count)
        return self.deliveries

    async def wait_for_all(self, numbers: range, timeout_s: float = 15) -> None:
        """Until each of these has come: a lost ack brings one of them twice."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: {str(number) for number in numbers} <= set(self.bodies))

    @property
    def bodies(self) -> list[str]:
        return [delivery.data.decode() for delivery in self.deliveries]
