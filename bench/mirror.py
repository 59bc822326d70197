"""The streams of the paths that ours is compared with: the very same settings under other names.

The names are of the same length, so that the same messages take the same room.
"""

import json
from typing import Any

from bench.noop import NAMES
from quorate import topology
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.settings import Settings
from quorate_collector.handlers import CollectorReducer
from quorate_router.handlers import RouterReducer

PARTITIONS = topology.DEFAULT_PARTITIONS

WRITTEN = (
    subjects.INTAKE,
    subjects.LOG,
    subjects.WORK,
    subjects.RESULTS,
    subjects.TIMERS,
    f"KV_{subjects.STATE}",
)
"""The streams that a task writes to. Agents that are done at once tell no progress."""

FLOOR = ("FLOOR_INTAKE", "FLOOR_WORK", "FLOOR_DONE", "FLOOR_RESULTS")


def bench_settings(url: str) -> Settings:
    """The settings of our services: the defaults, with other agents."""
    return Settings(nats_url=url, builtin_agents=False, agent_modules=("bench.noop",))


def raw_name(name: str) -> str:
    return name.replace("QUORATE_", "RAWNATS_")


async def create_mirrors(bus: Bus, settings: Settings) -> None:
    """Create the streams and consumers of the raw path and of the floor."""
    wanted = {config["name"]: config for config in topology.streams(settings, PARTITIONS)}
    for name in WRITTEN:
        await _stream(bus, _renamed(wanted[name]))
    for partition in range(PARTITIONS):
        for reducer in (RouterReducer, CollectorReducer):
            consumer = topology.reducer_consumer(reducer.name, partition, reducer.facts, settings)
            await _consumer(bus, raw_name(subjects.LOG), _renamed(consumer))
    await _consumer(bus, raw_name(subjects.INTAKE), _renamed(topology.intake_consumer(settings)))
    for agent in NAMES:
        await _consumer(bus, raw_name(subjects.WORK), _renamed(topology.agent_consumer(agent, settings)))
    await _create_floor(bus, settings, wanted[subjects.WORK])


async def _create_floor(bus: Bus, settings: Settings, queue: dict[str, Any]) -> None:
    for name in FLOOR:
        config = {**queue, "name": name, "subjects": [f"{name.lower().replace('_', '.')}.>"]}
        if name == "FLOOR_RESULTS":
            config["retention"] = "limits"
        await _stream(bus, config)
    for stream in ("FLOOR_INTAKE", "FLOOR_DONE"):
        filtered = {"filter_subject": f"{stream.lower().replace('_', '.')}.*"}
        await _consumer(bus, stream, {**topology.intake_consumer(settings), **filtered})
    for agent in NAMES:
        filtered = {"filter_subject": f"floor.work.{agent}"}
        await _consumer(bus, "FLOOR_WORK", {**topology.agent_consumer(agent, settings), **filtered})


def _renamed(config: dict[str, Any]) -> dict[str, Any]:
    renamed: dict[str, Any] = json.loads(raw_name(json.dumps(config)).replace("quorate.", "rawnats."))
    return renamed


async def _stream(bus: Bus, config: dict[str, Any]) -> None:
    await bus.api(f"STREAM.CREATE.{config['name']}", config)


async def _consumer(bus: Bus, stream: str, config: dict[str, Any]) -> None:
    body = {"stream_name": stream, "config": config, "action": "create"}
    await bus.api(f"CONSUMER.CREATE.{stream}.{config['durable_name']}", body)


async def written(bus: Bus, name: str) -> tuple[int, int]:
    """How many messages a stream has ever stored, and how many bytes it holds."""
    state = (await bus.api(f"STREAM.INFO.{name}"))["state"]
    return int(state["last_seq"]), int(state["bytes"])


async def waiting(bus: Bus, name: str) -> int:
    """How many messages a queue holds."""
    return int((await bus.api(f"STREAM.INFO.{name}"))["state"]["messages"])
