"""One process of a path: ``python -m bench.service ours router``. It ends when its standard input does."""

import asyncio
import importlib
import os
import sys
from pathlib import Path

import nats
import uvloop

from bench import floor, raw
from bench.mirror import bench_settings
from bench.sizes import load
from quorate.service import running, until_lost

PATHS = ("ours", "raw", "floor")
ROLES = ("router", "worker", "collector")

URL = "QUORATE_BENCH_URL"
SIZES = "QUORATE_BENCH_SIZES"

ByHand = raw.RawRouter | raw.RawWorker | raw.RawCollector | floor.FloorRouter | floor.FloorWorker | floor.FloorCollector

_BY_HAND: dict[tuple[str, str], type[ByHand]] = {
    ("raw", "router"): raw.RawRouter,
    ("raw", "worker"): raw.RawWorker,
    ("raw", "collector"): raw.RawCollector,
    ("floor", "router"): floor.FloorRouter,
    ("floor", "worker"): floor.FloorWorker,
    ("floor", "collector"): floor.FloorCollector,
}


async def _serve_ours(role: str, url: str) -> None:
    service = importlib.import_module(f"quorate_{role}.app").service
    async with running([service], bench_settings(url), name=service.name) as bus:
        print("ready", flush=True)
        await until_lost(bus)


async def _serve_by_hand(path: str, role: str, url: str) -> None:
    client = await nats.connect(url)
    made = _BY_HAND[path, role](client, client.jetstream(), load(Path(os.environ[SIZES])))
    serving = asyncio.gather(*made.loops())
    await client.flush()
    print("ready", flush=True)
    try:
        await serving
    finally:
        await client.close()


async def _serve(path: str, role: str) -> None:
    url = os.environ[URL]
    serving = asyncio.create_task(_serve_ours(role, url) if path == "ours" else _serve_by_hand(path, role, url))
    # Nothing is ever written there: readable means that the run has ended, however it did.
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], sys.argv[2]))
