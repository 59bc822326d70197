"""A collector that is killed or stopped while it writes: what it wrote stands once, or it is said to be unknown."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import Written
from quorate.contract.ledger import LedgerEntry
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from quorate.log import read_facts
from quorate.provision import ensure_consumers, provision
from quorate.render import render
from quorate.settings import Settings
from quorate.topology import writer_consumer
from tests.support.crashing import OF_WRITERS
from tests.support.receiving import Receiver, all_acked, result_of, subject_of
from tests.support.system import connected, dead_letters, services, settings_of, until

ROOT = Path(__file__).parents[2]
NAME = "out"
CONSUMER = f"writer-{NAME}"
RESULT = result_of("one")


def of_system(broker: EmbeddedBroker, **writer: Any) -> Settings:
    return settings_of(broker, partitions=1, ack_wait_s=0.5, writers={NAME: writer})


@asynccontextmanager
async def child(settings: Settings, tmp_path: Path, crashpoint: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """A collector in a process of its own."""
    writers = json.dumps({name: each.model_dump(exclude_none=True) for name, each in settings.writers.items()})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.crashing", str(settings.nats_url), str(tmp_path / "runs"), writers),
        cwd=ROOT,
        env={**os.environ, "QUORATE_CRASHPOINT": crashpoint},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def prepared(bus: Bus, settings: Settings) -> None:
    await provision(bus, settings)
    await ensure_consumers(bus, subjects.RESULTS, [writer_consumer(NAME, settings)])


async def publish(bus: Bus, result: Result) -> None:
    await bus.publish(subject_of(result), result.encode(), headers=result.headers())


async def entry_of(bus: Bus, result: Result) -> LedgerEntry:
    stored = await bus.get_last(f"KV_{subjects.LEDGER}", subjects.writes(NAME, result.task_id))
    assert stored is not None
    return LedgerEntry.model_validate_json(stored.data)


async def killed_and_redelivered(broker: EmbeddedBroker, settings: Settings, tmp_path: Path, crashpoint: str) -> str:
    """Kill the collector at the crashpoint, let another one take over; what is known of the write in the end."""
    async with connected(broker) as bus:
        await prepared(bus, settings)
        await publish(bus, RESULT)
        async with child(settings, tmp_path, crashpoint) as process:
            _, errors = await asyncio.wait_for(process.communicate(), 30)
            assert process.returncode == -signal.SIGKILL, errors.decode()
        async with services(settings, "collector"):
            await until(lambda: all_acked(bus, subjects.RESULTS, CONSUMER))
        entry = await entry_of(bus, RESULT)
        [record] = await read_facts(bus, RESULT.task_id, "written.>")
        assert isinstance(record.fact, Written)
        assert record.key == (NAME,)
        assert (entry.intent, entry.done[RESULT.task_id].state) == (None, record.fact.state)
        assert len(await dead_letters(bus)) == (0 if record.fact.state == "done" else 1)
        return record.fact.state


FILE = ["writing.claimed", "file_writer.filled", "file_writer.linked", "writing.written", "writing.finished"]
HTTP = ["writing.claimed", "http_writer.begun", "writing.written", "writing.finished"]


def test_every_crashpoint_of_writers_has_its_test() -> None:
    assert {*FILE, *HTTP} == set(OF_WRITERS)


@pytest.mark.parametrize("crashpoint", FILE)
async def test_a_killed_collector_leaves_exactly_one_file(
    broker: EmbeddedBroker, tmp_path: Path, crashpoint: str
) -> None:
    folder = tmp_path / "results"
    settings = of_system(broker, folder=str(folder))
    assert await killed_and_redelivered(broker, settings, tmp_path, crashpoint) == "done"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        f"k-{RESULT.task_id}.json": render(RESULT, "json")
    }


@pytest.mark.parametrize("crashpoint", HTTP)
async def test_a_killed_collector_sends_exactly_once_where_the_receiver_can_be_asked(
    broker: EmbeddedBroker, tmp_path: Path, crashpoint: str
) -> None:
    with Receiver() as receiver:
        settings = of_system(broker, url=receiver.url, check_url=receiver.check_url, timeout_s=0.5)
        assert await killed_and_redelivered(broker, settings, tmp_path, crashpoint) == "done"
        assert len(receiver.requests) == 1
        assert len(receiver.asked) == (1 if crashpoint in ("http_writer.begun", "writing.written") else 0)


@pytest.mark.parametrize(
    ("crashpoint", "state", "sent"),
    [
        ("writing.claimed", "done", 1),
        ("http_writer.begun", "unknown", 0),
        ("writing.written", "unknown", 1),
        ("writing.finished", "done", 1),
    ],
)
async def test_a_killed_collector_never_sends_twice_where_nobody_can_be_asked(
    broker: EmbeddedBroker, tmp_path: Path, crashpoint: str, state: str, sent: int
) -> None:
    with Receiver() as receiver:
        settings = of_system(broker, url=receiver.url, timeout_s=0.5)
        assert await killed_and_redelivered(broker, settings, tmp_path, crashpoint) == state
        assert len(receiver.requests) == sent


async def test_a_stopped_collector_that_wakes_up_after_a_takeover_changes_nothing(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    other = result_of("two")
    with Receiver() as receiver:
        settings = of_system(broker, url=receiver.url, check_url=receiver.check_url, timeout_s=0.5)
        async with connected(broker) as bus:
            await prepared(bus, settings)
            await publish(bus, RESULT)
            async with child(settings, tmp_path) as process:
                # It has sent, and sleeps before it hears the answer.
                receiver.on_post = lambda: os.kill(process.pid, signal.SIGSTOP)
                assert await asyncio.to_thread(receiver.wait_for, 1)
                async with services(settings, "collector"):
                    await until(lambda: all_acked(bus, subjects.RESULTS, CONSUMER))
                told = await entry_of(bus, RESULT)
                assert told.done[RESULT.task_id].note == "an earlier attempt had arrived, as check_url says"
                receiver.on_post = lambda: None
                os.kill(process.pid, signal.SIGCONT)
                # It goes on with the next one, and has long ended the first when it is done.
                await publish(bus, other)
                await until(lambda: all_acked(bus, subjects.RESULTS, CONSUMER))
                assert (await entry_of(bus, other)).done[other.task_id].state == "done"
            assert await entry_of(bus, RESULT) == told
            assert len(await read_facts(bus, RESULT.task_id, "written.>")) == 1
            assert [request.headers["X-Quorate-Task"] for request in receiver.requests] == [
                RESULT.task_id,
                other.task_id,
            ]
