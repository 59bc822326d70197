"""The platform's overhead: our path against plain nats-py that does the same durable writes, and against the floor.

All three run interleaved on one broker, so that what else the machine does hits them alike: trust the ratios.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import uvloop

from bench import raw
from bench.crew import Crew
from bench.drive import Drive, OurPublisher, Publisher, Segment, by_hand
from bench.mirror import WRITTEN, bench_settings, create_mirrors, raw_name, written
from bench.noop import KINDS
from bench.overhead_report import Measured, Report, machine
from bench.service import PATHS
from bench.sizes import LISTENED, Scale, Sizes, save
from quorate.bus import Bus
from quorate.client import Client
from quorate.contract import subjects
from quorate.embedded import EmbeddedBroker
from quorate.errors import QuorateError
from quorate.provision import provision

IN_FLIGHT = 32
WARM_UP = 64
MAX_ROUNDS = 8
BUDGET_S = 130.0
"""No round begins later than this, unless a number of rounds was asked for."""

STORE_BYTES = 64 * 1024**3
"""What the streams reserve together, not what they use."""

BYTES_MAY_DIFFER = 0.02

IGNORED = ("events", "control")
"""Progress that nobody waits for, which an agent tells only when it is slow."""

SIZED = (subjects.LOG, subjects.RESULTS, f"KV_{subjects.STATE}")
"""The streams that keep what was written, so that their sizes can be compared."""


def main() -> None:
    arguments = _arguments()
    if not Path("/proc/self/stat").exists():
        sys.exit("the benchmark reads the CPU time of processes from /proc: run it on Linux")
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as folder, ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker(Path(folder) / "broker", max_store=STORE_BYTES))
        try:
            report = uvloop.run(_measure(broker, Path(folder), arguments.rounds, arguments.tasks))
        except QuorateError as error:
            sys.exit(f"the benchmark could not be run: {error}")
    print(report.table())
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"{MAX_ROUNDS}, or what begins within {BUDGET_S:g} s")
    parser.add_argument("--tasks", type=int, default=300, help="in a stretch with 32 in flight (default: 300)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number here")
    return parser.parse_args()


async def _measure(broker: EmbeddedBroker, folder: Path, rounds: int | None, tasks: int) -> Report:
    began = time.monotonic()
    settings = bench_settings(broker.url)
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(Client(broker.url))
        await provision(ours.bus, settings)
        crews = {"ours": stack.enter_context(Crew("ours", broker.url, folder))}
        sizes = {kind: await _weigh(ours, kind) for kind in KINDS}
        save(folder / "sizes.json", sizes)
        await create_mirrors(ours.bus, settings)
        publishers: dict[str, Publisher] = {"ours": OurPublisher(ours)}
        for path in PATHS[1:]:
            crews[path] = stack.enter_context(Crew(path, broker.url, folder))
            publishers[path] = await by_hand(path, broker.url, sizes)
            stack.push_async_callback(publishers[path].client.close)
        drives = {path: Drive(crews[path], publishers[path], ours.bus, broker.pid) for path in PATHS}
        for drive in drives.values():
            await drive.listen()
            for kind in KINDS:
                await drive.run(kind, WARM_UP, in_flight=8)
        measured: Measured = []
        orders = itertools.cycle(itertools.permutations(PATHS))
        limit = MAX_ROUNDS if rounds is None else rounds
        while len(measured) < limit and (rounds is not None or time.monotonic() - began < BUDGET_S or not measured):
            measured.append(await _round(ours.bus, drives, next(orders), tasks))
            print(f"round {len(measured)}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return Report(measured, tasks, IN_FLIGHT, machine(), time.monotonic() - began)


async def _weigh(ours: Client, kind: str) -> Sizes:
    """The sizes of the messages of one task of ours."""
    await ours.result(await ours.submit(kind, {"number": 1_000}), timeout=30)
    scale = Scale()
    listening = [await ours.bus.client.subscribe(subject, cb=scale.weigh) for subject in LISTENED]
    await ours.bus.client.flush()
    await ours.result(await ours.submit(kind, {"number": 1_000}), timeout=30)
    async with asyncio.timeout(30):
        await scale.complete.wait()
    for subscription in listening:
        await subscription.unsubscribe()
    seen = {name: len(sizes) for name, sizes in scale.sizes.items() if name not in IGNORED}
    by_hand = raw.writes(KINDS[kind])
    assert seen == by_hand, f"bring bench/raw.py in line: for a task of {kind} ours wrote {seen} and raw {by_hand}"
    return dict(scale.sizes)


async def _round(
    bus: Bus, drives: Mapping[str, Drive], order: Sequence[str], tasks: int
) -> dict[tuple[str, str], dict[str, Segment]]:
    """Every measurement once on every path; what is compared is run back to back."""
    before = await _written(bus)
    found: dict[tuple[str, str], dict[str, Segment]] = {}
    for kind, agents in KINDS.items():
        for mode, count, in_flight in (
            ("sequential", max(tasks // (2 if agents == 1 else 3), 20), 1),
            ("in flight", tasks * (2 if agents == 1 else 1), IN_FLIGHT),
        ):
            segments = {}
            for path in order:
                segments[path] = await drives[path].run(kind, count, in_flight=in_flight)
            found[kind, mode] = segments
    _compare(before, await _written(bus))
    return found


async def _written(bus: Bus) -> dict[str, tuple[int, int]]:
    names = [*WRITTEN, *map(raw_name, WRITTEN)]
    return {name: await written(bus, name) for name in names}


def _compare(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> None:
    """Ours and raw must have written the same number of messages to every stream, of the same size."""
    grown = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
    for name in WRITTEN:
        (ours, our_bytes), (theirs, their_bytes) = grown[name], grown[raw_name(name)]
        assert ours == theirs > 0, f"{name}: ours wrote {ours} messages and raw {theirs}"
        if name in SIZED:
            assert abs(our_bytes - their_bytes) <= BYTES_MAY_DIFFER * their_bytes, (
                f"{name}: ours wrote {our_bytes} bytes and raw {their_bytes}"
            )


if __name__ == "__main__":
    main()
