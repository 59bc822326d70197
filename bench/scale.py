"""What partitions and collectors give: a log full of contributions, concluded as fast as can be.

``python -m bench.scale --partitions 1,4,16 --collectors 1,2`` fills the log of a fresh broker for each pair, starts the
collectors, and measures from the first outcome to the last one. Every task must have its outcome, or the run fails.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nats.aio.msg import Msg

from bench.crew import ROOT, cpu_of
from quorate.bus import Bus, connect
from quorate.contract import subjects
from quorate.contract.facts import Assigned, Assignee, Contribution, Outcome
from quorate.contract.finding import Finding
from quorate.contract.ids import task_id_from_message
from quorate.embedded import EmbeddedBroker
from quorate.log import publish_fact
from quorate.provision import provision
from quorate.service import running, until_lost
from quorate.settings import Settings

AGENTS = tuple(f"agent-{number}" for number in range(8))
AT_ONCE = 256
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Measured:
    """One run: ``seconds`` from the first outcome to the last, CPU seconds of the collectors and of the broker."""

    partitions: int
    collectors: int
    outcomes: int
    seconds: float
    collector_cpu_s: float
    broker_cpu_s: float

    @property
    def rate(self) -> float:
        return (self.outcomes - 1) / self.seconds

    @property
    def cores(self) -> float:
        """How many cores were busy with it, on average."""
        return (self.collector_cpu_s + self.broker_cpu_s) / self.seconds


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    if options.collect:
        asyncio.run(_collect(options.collect))
        return 0
    pairs = list(itertools.product(options.partitions, options.collectors))
    print(f"{options.tasks} tasks of {len(AGENTS)} agents; {os.cpu_count()} cores", flush=True)
    print(f"{'partitions':>10} {'collectors':>10} {'outcomes/s':>10} {'times':>6} {'cores busy':>10}", flush=True)
    first: float | None = None
    for partitions, collectors in pairs:
        measured = asyncio.run(_measure(partitions, collectors, options.tasks))
        first = first or measured.rate
        print(
            f"{partitions:>10} {collectors:>10} {measured.rate:>10,.0f} {measured.rate / first:>6.2f}"
            f" {measured.cores:>10.2f}",
            flush=True,
        )
    return 0


async def _measure(partitions: int, collectors: int, tasks: int) -> Measured:
    with (
        tempfile.TemporaryDirectory(prefix="quorate-scale-") as folder,
        EmbeddedBroker(Path(folder) / "broker") as broker,
    ):
        bus = await connect(broker.url, name="scale")
        try:
            await provision(bus, Settings(partitions=partitions))
            await _fill(bus, tasks)
            return await _drain(bus, broker, partitions, collectors, tasks)
        finally:
            await bus.close()


async def _fill(bus: Bus, tasks: int) -> None:
    """An assignment and all contributions of every task, as router and workers leave them."""
    assignees = tuple(Assignee(agent=agent, version="1") for agent in AGENTS)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with places:
            task = task_id_from_message(f"scale-{number}")
            assigned = Assigned(kind="scale", step="work", agents=assignees, deadline_s=600)
            await publish_fact(bus, task, "work", assigned)
            for agent in AGENTS:
                finding = Finding(path="a.py", line=number % 50 + 1, message=f"Finding {number % 7}", category="bug")
                await publish_fact(bus, task, f"{agent}.work", Contribution(version="1", findings=(finding,)))

    await asyncio.gather(*map(one, range(tasks)))


async def _drain(bus: Bus, broker: EmbeddedBroker, partitions: int, collectors: int, tasks: int) -> Measured:
    came: list[float] = []
    done = asyncio.Event()
    cpu: list[tuple[float, float]] = []
    processes: list[subprocess.Popen[bytes]] = []

    def used() -> tuple[float, float]:
        return sum(cpu_of(each.pid) for each in processes), cpu_of(broker.pid)

    async def on_outcome(_: Msg) -> None:
        came.append(time.perf_counter())
        if len(came) in (1, tasks):
            cpu.append(used())
        if len(came) == tasks:
            done.set()

    await bus.client.subscribe(f"quorate.log.*.{Outcome.type}.>", cb=on_outcome)
    await bus.client.flush()
    with _processes(broker.url, collectors) as started:
        processes += started
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
    stored = await bus.get_all(subjects.LOG, f"quorate.log.*.*.{Outcome.type}.>")
    if len(stored) != tasks:
        raise RuntimeError(f"{tasks} tasks have {len(stored)} outcomes")
    (collector_0, broker_0), (collector_1, broker_1) = cpu
    return Measured(partitions, collectors, tasks, came[-1] - came[0], collector_1 - collector_0, broker_1 - broker_0)


@contextlib.contextmanager
def _processes(url: str, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUORATE_")}
    command = [sys.executable, "-m", "bench.scale", "--collect", url]
    started = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


async def _collect(url: str) -> None:
    """One collector in this process, until it is killed."""
    from quorate_collector.app import service

    async with running([service], Settings(nats_url=url), name="collector") as bus:
        await until_lost(bus)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--partitions", type=_numbers, default=[1, 2, 4, 8, 16], help="such as 1,4,16")
    parser.add_argument("--collectors", type=_numbers, default=[1, 2], help="processes, such as 1,2")
    parser.add_argument("--tasks", type=int, default=2_000, help="in each run (default %(default)s)")
    parser.add_argument("--collect", metavar="URL", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
