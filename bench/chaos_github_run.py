"""One chaos run of pull requests, from the first process to the last receipt."""

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client as NatsClient

from bench.chaos_evidence import api, lagging, queues
from bench.chaos_fleet import Crew, Deeds, Fleet
from bench.chaos_github_agents import left, part, right
from bench.chaos_github_courier import Courier
from bench.chaos_github_evidence import look_at_github
from bench.chaos_github_forge import Forge
from bench.chaos_github_load import Load, Receipts
from bench.chaos_github_plan import CRASHPOINTS, Plan, faults_of
from bench.chaos_github_service import FORGE, PORT
from bench.chaos_plan import Blow
from quorate import Client
from quorate.contract import subjects
from quorate.embedded import EmbeddedBroker
from quorate.errors import QuorateError
from quorate.registry import live_agents

ROLES = {"router": 2, "worker": 2, "collector": 2, "gateway": 2}
SECRET = "the secret of a chaos run's webhook"

TEND_S = 0.02
READY_S = 30.0
TELL_S = 2.0
LOOK_S = 0.5

AGENTS = {left.name, right.name, part.name, "github"}


@dataclass(frozen=True)
class Happened:
    """What a run did. ``chaos`` is when the blows began and ended, in seconds since the epoch; ``quiet_s`` is how
    long it took from then to the last receipt and to empty queues."""

    deeds: Deeds
    broker_kills: int
    chaos: tuple[float, float]
    quiet_s: float
    forced: tuple[str, ...]


class ChaosRun:
    """Carries out a plan over a broker. ``folder`` gets the services' logs and what GitHub looked like in the end.

    ``pause_s`` is how long services wait after an answer of GitHub that tells nothing, and ``timeout_s`` how long the
    last receipt may take after the last story.
    """

    def __init__(self, plan: Plan, broker: EmbeddedBroker, folder: Path, pause_s: float, timeout_s: float) -> None:
        self._plan = plan
        self._broker = broker
        self._folder = folder
        self._pause_s = pause_s
        self._timeout_s = timeout_s
        self._forge = Forge(folder)
        self._fleet: Fleet | None = None
        self._deck = deque(plan.crashpoints)
        self._broker_kills = 0
        self._chaos = (0.0, 0.0)

    async def run(self) -> Happened:
        """Raises an ExceptionGroup of FleetBroken or QuorateError when the run itself came to nothing."""
        # What comes late comes while nobody asks any more, and before anybody asks again.
        await self._forge.start(faults_of(self._plan, late_s=self._pause_s / 3))
        ports = _free_ports(ROLES["gateway"])
        fleet = self._fleet = Fleet(self._broker.url, self._folder, self._crew(ports))
        fleet.start()
        gateways = tuple(f"http://127.0.0.1:{port}" for port in ports)
        client = await nats.connect(
            self._broker.url, name="chaos-load", max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=_ignore
        )
        courier = Courier(self._forge, SECRET, gateways, self._plan)
        receipts = Receipts(client)
        load = Load(self._forge, receipts, self._plan.stories)
        try:
            async with asyncio.TaskGroup() as group:
                forever = [group.create_task(self._tend(fleet))]
                await _until_ready(self._broker.url)
                steady: tuple[Coroutine[Any, Any, None], ...] = (
                    courier.run(),
                    receipts.run(),
                    self._tell(fleet, load, courier, receipts),
                )
                forever += [group.create_task(each) for each in steady]
                async with asyncio.TaskGroup() as doing:
                    doing.create_task(load.run())
                    doing.create_task(self._strike(fleet))
                    doing.create_task(self._strike_broker())
                fleet.tend(wake_all=True)
                fleet.disarm()
                quiet_s = await self._until_quiet(client, courier, load)
                for each in forever:
                    each.cancel()
            forced = await asyncio.to_thread(fleet.close)
            await look_at_github(self._forge, load.pulls, courier.webhooks, self._folder)
        finally:
            await courier.close()
            await client.close()
            await self._forge.close()
        return Happened(fleet.deeds, self._broker_kills, self._chaos, quiet_s, tuple(forced))

    def close(self) -> None:
        """End every process that is left, as after an interruption."""
        with ExitStack() as stack:
            stack.callback(self._forge.kill)
            if self._fleet is not None:
                stack.callback(self._fleet.kill_all)

    def _crew(self, ports: list[int]) -> Crew:
        return Crew(
            roles=ROLES,
            module="bench.chaos_github_service",
            all={
                FORGE: json.dumps({**self._forge.addresses, "pause_s": self._pause_s}),
                "GITHUB_TOKEN": self._forge.token,
                "GITHUB_WEBHOOK_SECRET": SECRET,
            },
            own={f"gateway-{number}": {PORT: str(port)} for number, port in enumerate(ports)},
        )

    async def _tend(self, fleet: Fleet) -> None:
        while True:
            fleet.tend()
            await asyncio.sleep(TEND_S)

    async def _strike(self, fleet: Fleet) -> None:
        begin, began_at = time.monotonic(), time.time()
        for blow in self._plan.blows:
            await asyncio.sleep(max(0.0, begin + blow.at - time.monotonic()))
            self._deal(fleet, blow)
        self._chaos = (began_at, time.time())

    def _deal(self, fleet: Fleet, blow: Blow) -> None:
        crashpoint = None
        if blow.arm:
            # The names take turns, so that none is left out.
            crashpoint = self._deck[0]
            self._deck.rotate(-1)
        targets = fleet.idle(CRASHPOINTS[crashpoint] if crashpoint else None)
        if not targets:
            crashpoint, targets = None, fleet.idle()
        if not targets:
            return
        target = targets[int(blow.chance * len(targets))]
        if blow.what == "stop":
            fleet.stop(target, blow.stop_s)
        else:
            fleet.kill(target, f"{crashpoint}:{blow.arm}" if crashpoint else None)

    async def _strike_broker(self) -> None:
        begin = time.monotonic()
        for at, gone_s in self._plan.broker_kills:
            await asyncio.sleep(max(0.0, begin + at - time.monotonic()))
            await asyncio.to_thread(self._broker.kill)
            await asyncio.sleep(gone_s)
            await asyncio.to_thread(self._broker.restart)
            self._broker_kills += 1

    async def _until_quiet(self, client: NatsClient, courier: Courier, load: Load) -> float:
        """Until everything that happened was taken, has its result, and was written; or until time is up."""
        begin = time.monotonic()
        await courier.idle()
        while time.monotonic() - begin < self._timeout_s:
            try:
                if await _is_quiet(client, sum(len(pull.tasks) for pull in load.pulls)):
                    break
            except (nats.errors.Error, TimeoutError):
                # It was killed a moment ago.
                pass
            await asyncio.sleep(LOOK_S)
        await self._forge.call("settle")
        # What was posted last made events of its own.
        await courier.idle()
        return time.monotonic() - begin

    async def _tell(self, fleet: Fleet, load: Load, courier: Courier, receipts: Receipts) -> None:
        begin = time.monotonic()
        while True:
            await asyncio.sleep(TELL_S)
            deeds = fleet.deeds
            print(
                f"{time.monotonic() - begin:5.0f} s  opened {len(load.pulls)}/{len(self._plan.stories)}"
                f"  told {load.told}  webhooks {len(courier.webhooks)}  receipts {len(receipts.tasks)}"
                f"  kills {deeds.kills}  stops {deeds.stops}"
                f"  crashpoints {len(deeds.crashpoints)}/{len(self._plan.crashpoints)}"
                f"  broker kills {self._broker_kills}/{len(self._plan.broker_kills)}",
                flush=True,
            )


async def _is_quiet(client: NatsClient, tasks: int) -> bool:
    results = (await api(client, f"STREAM.INFO.{subjects.RESULTS}"))["state"]["messages"]
    if results < tasks or any((await queues(client)).values()):
        return False
    return not await lagging(client) and not await lagging(client, subjects.RESULTS)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now; a process that is started again has to find its own free again."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in taken]


async def _until_ready(url: str) -> None:
    """Wait until every agent has announced itself. Raises QuorateError when they do not."""
    deadline = time.monotonic() + READY_S
    async with Client(url) as client:
        while time.monotonic() < deadline:
            try:
                if {heartbeat.card.name for heartbeat in await live_agents(client.bus)} >= AGENTS:
                    return
            except QuorateError:
                # The first service has yet to create the registry.
                pass
            await asyncio.sleep(0.1)
    raise QuorateError(f"no worker announced its agents within {READY_S:g} s; see the logs of the services")


async def _ignore(_: Exception) -> None:
    """Losing the connection is part of the run."""
