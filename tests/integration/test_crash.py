"""A service that is killed at any named place: its task still ends exactly once."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from quorate.blobs import Blobs
from quorate.contract import subjects
from quorate.contract.agents import AgentCard
from quorate.contract.facts import Submitted
from quorate.embedded import EmbeddedBroker
from quorate.provision import provision
from quorate.reducer import Record
from quorate_router.handlers import RouterReducer
from tests.support.crashing import AGENTS, OF_GITHUB, OF_WRITERS, agents
from tests.support.system import System, connected, emptied, services, settings_of, system, until

ROOT = Path(__file__).parents[2]

CRASHPOINTS = [
    "router.admitted",
    "router.submitted",
    # A router's first fact hands the work out, its second concludes the task.
    "router.decided",
    "router.committed",
    "router.assigned",
    "router.published",
    "router.decided:2",
    "router.committed:2",
    "router.published:2",
    "worker.started",
    "worker.finished",
    "worker.contributed",
    # A collector's first fact opens the join, its third closes it.
    "collector.decided",
    "collector.committed",
    "collector.published",
    "collector.decided:3",
    "collector.committed:3",
    "collector.published:3",
]


def test_every_crashpoint_of_the_services_has_its_test() -> None:
    found = set()
    for path in [*ROOT.glob("libs/common/**/*.py"), *ROOT.glob("services/**/*.py")]:
        for name in re.findall(r'crashpoints\.reached\(f?"([^"]+)"\)', path.read_text(encoding="utf-8")):
            reducers = ("router", "collector") if "{reducer.name}" in name else ("",)
            found |= {name.replace("{reducer.name}", reducer) for reducer in reducers}
    # Those of writers are in test_writing_crash, those of pull requests in test_github_crash.
    assert found == {name.partition(":")[0] for name in CRASHPOINTS} | {*OF_WRITERS, *OF_GITHUB}


async def all_acked(s: System) -> bool:
    infos = [await s.bus.api(f"CONSUMER.INFO.QUORATE_LOG.{name}-0") for name in ("router", "collector")]
    return not any(info["num_ack_pending"] or info["num_pending"] for info in infos)


@pytest.mark.parametrize("crashpoint", CRASHPOINTS)
async def test_a_task_ends_exactly_once_although_its_services_are_killed(
    broker: EmbeddedBroker, tmp_path: Path, crashpoint: str
) -> None:
    runs = tmp_path / "runs"
    runs.touch()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.crashing", broker.url, str(runs)),
        cwd=ROOT,
        env={**os.environ, "QUORATE_CRASHPOINT": crashpoint},
        stderr=subprocess.PIPE,
    )
    try:
        async with system(broker, only=[], partitions=1, ack_wait_s=0.5) as s:
            task = await s.client.submit("k", {}, idempotency_key="k1")
            _, errors = await asyncio.wait_for(child.communicate(), 30)
            assert child.returncode == -signal.SIGKILL, errors.decode()
            # What was on its way to the dead process is redelivered to whoever comes next.
            async with services(s.settings, "router", "worker", "collector", agents=agents(runs)):
                result = await s.client.result(task, timeout=20)
                await emptied(s.bus, subjects.WORK)
                await until(lambda: all_acked(s))

            assert (result.state, result.partial) == ("completed", False)
            assert result.answers == {name: name for name in AGENTS}
            assert len(await s.results()) == 1
            facts = Counter((record.type, record.key) for record in await s.client.facts(task))
            expected: dict[Any, int] = {
                ("submitted", ("task",)): 1,
                ("planned", ("plan",)): 1,
                ("assigned", ("work",)): 1,
                **{("contribution", (name, "work")): 1 for name in AGENTS},
                ("outcome", ("work",)): 1,
                ("concluded", ("task",)): 1,
            }
            assert facts == expected
            assert await s.dead_letters() == []
            ran = Counter(runs.read_text().split("\n")[:-1])
            assert set(ran) == {f"{task} {name}" for name in AGENTS}
            # Whoever is killed while an agent runs has it run again; here both had contributed before.
            if crashpoint.endswith((":2", ":3")):
                assert set(ran.values()) == {1}
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


async def test_an_outbox_that_is_carried_out_again_sends_nothing_twice(broker: EmbeddedBroker) -> None:
    cards = tuple(AgentCard(name=name, version="1", kinds=("k",)) for name in AGENTS)
    submitted = Submitted(kind="k", input={}, input_digest="d", agents=cards)
    async with connected(broker) as bus:
        settings = settings_of(broker)
        await provision(bus, settings)
        reducer = RouterReducer(bus, Blobs(bus), settings)
        record = Record("t1", "submitted", ("task",), time.time(), 1, submitted)
        decision = reducer.decide(None, record)
        assert decision.state is not None
        for _ in range(2):
            await reducer.carry_out(decision.commands, decision.state, record)
        stored = {
            stream: (await bus.api(f"STREAM.INFO.{stream}"))["state"]["messages"]
            for stream in (subjects.LOG, subjects.WORK, subjects.TIMERS)
        }
        assert stored == {subjects.LOG: 2, subjects.WORK: len(AGENTS), subjects.TIMERS: 1}
