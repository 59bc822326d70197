"""One chaos run, from the first process to the last result: load, blows and upkeep at the same time."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import nats

from bench.chaos_agents import echo, moody, quick, slow
from bench.chaos_evidence import until_quiet
from bench.chaos_fleet import Deeds, Fleet
from bench.chaos_load import Load, Observer
from bench.chaos_plan import Blow, Plan
from bench.chaos_service import TASK_DEADLINE_S
from quorate import Client
from quorate.contract import subjects
from quorate.embedded import EmbeddedBroker
from quorate.errors import QuorateError
from quorate.registry import live_agents

TEND_S = 0.02
READY_S = 30.0
TELL_S = 5.0
LOOK_S = 0.5

AGENTS = {each.name for each in (echo, moody, quick, slow)}


@dataclass(frozen=True)
class Happened:
    """What a run did. ``chaos`` is when the blows began and ended, in seconds since the epoch; ``quiet_s`` is how
    long the queues took to drain after the last result."""

    deeds: Deeds
    broker_kills: int
    retried: int
    chaos: tuple[float, float]
    quiet_s: float
    forced: tuple[str, ...]


class ChaosRun:
    """Carries out a plan over a broker. ``folder`` gets the services' logs, the agents' notes and what was heard.

    A timeout is in seconds, from the last submission to the last result.
    """

    def __init__(self, plan: Plan, broker: EmbeddedBroker, folder: Path, timeout_s: float) -> None:
        self._plan = plan
        self._broker = broker
        self._folder = folder
        self._timeout_s = timeout_s
        self._fleet = Fleet(broker.url, folder)
        self._deck = deque(plan.crashpoints)
        self._broker_kills = 0
        self._chaos = (0.0, 0.0)

    async def run(self) -> Happened:
        """Raises an ExceptionGroup of FleetBroken, NotTaken or QuorateError when the run itself came to nothing."""
        self._fleet.start()
        async with asyncio.TaskGroup() as group:
            tending = group.create_task(self._tend())
            async with (
                Client(self._broker.url) as client,
                Observer(self._broker.url, self._folder / "heard.jsonl") as observer,
            ):
                await _until_ready(client)
                load = Load(client, self._plan.orders)
                telling = group.create_task(self._tell(client, load))
                async with asyncio.TaskGroup() as doing:
                    doing.create_task(load.run())
                    doing.create_task(self._strike())
                    doing.create_task(self._strike_broker())
                self._fleet.tend(wake_all=True)
                self._fleet.disarm()
                await self._until_all_ended(client)
                quiet_s = await self._until_quiet()
                await observer.hear_out()
                telling.cancel()
            tending.cancel()
        forced = await asyncio.to_thread(self._fleet.close)
        return Happened(self._fleet.deeds, self._broker_kills, load.retried, self._chaos, quiet_s, tuple(forced))

    def close(self) -> None:
        """End every process that is left, as after an interruption."""
        self._fleet.kill_all()

    async def _tend(self) -> None:
        while True:
            self._fleet.tend()
            await asyncio.sleep(TEND_S)

    async def _strike(self) -> None:
        begin, began_at = time.monotonic(), time.time()
        for blow in self._plan.blows:
            await asyncio.sleep(max(0.0, begin + blow.at - time.monotonic()))
            self._deal(blow)
        self._chaos = (began_at, time.time())

    def _deal(self, blow: Blow) -> None:
        crashpoint = None
        if blow.arm:
            # The names take turns, so that none is left out.
            crashpoint = self._deck[0]
            self._deck.rotate(-1)
        targets = self._fleet.idle(crashpoint.partition(".")[0] if crashpoint else None)
        if not targets:
            crashpoint, targets = None, self._fleet.idle()
        if not targets:
            return
        target = targets[int(blow.chance * len(targets))]
        if blow.what == "stop":
            self._fleet.stop(target, blow.stop_s)
        else:
            self._fleet.kill(target, f"{crashpoint}:{blow.arm}" if crashpoint else None)

    async def _strike_broker(self) -> None:
        begin = time.monotonic()
        for at, gone_s in self._plan.broker_kills:
            await asyncio.sleep(max(0.0, begin + at - time.monotonic()))
            await asyncio.to_thread(self._broker.kill)
            await asyncio.sleep(gone_s)
            await asyncio.to_thread(self._broker.restart)
            self._broker_kills += 1

    async def _until_all_ended(self, client: Client) -> None:
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            if await _ended(client) == len(self._plan.orders):
                return
            await asyncio.sleep(LOOK_S)

    async def _until_quiet(self) -> float:
        connection = await nats.connect(self._broker.url, name="chaos-quiet")
        try:
            # A timer that a killed router could not take back goes off at its task's deadline.
            return await until_quiet(connection, TASK_DEADLINE_S + 15.0)
        finally:
            await connection.close()

    async def _tell(self, client: Client, load: Load) -> None:
        begin = time.monotonic()
        while True:
            await asyncio.sleep(TELL_S)
            ended, deeds = await _ended(client), self._fleet.deeds
            print(
                f"{time.monotonic() - begin:5.0f} s  submitted {load.submitted}/{len(self._plan.orders)}"
                f"  ended {'?' if ended is None else ended}  kills {deeds.kills}  stops {deeds.stops}"
                f"  crashpoints {len(deeds.crashpoints)}/{len(self._plan.crashpoints)}"
                f"  broker kills {self._broker_kills}/{len(self._plan.broker_kills)}",
                flush=True,
            )


async def _ended(client: Client) -> int | None:
    """How many results there are; None while the broker does not say."""
    try:
        info = await client.bus.api(f"STREAM.INFO.{subjects.RESULTS}")
    except QuorateError:
        return None
    return int(info["state"]["messages"])


async def _until_ready(client: Client) -> None:
    """Wait until every agent has announced itself. Raises QuorateError when they do not."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if {heartbeat.card.name for heartbeat in await live_agents(client.bus)} >= AGENTS:
                return
        except QuorateError:
            # The first service has yet to create the registry.
            pass
        await asyncio.sleep(0.1)
    raise QuorateError(f"no worker announced its agents within {READY_S:g} s; see the logs of the services")
