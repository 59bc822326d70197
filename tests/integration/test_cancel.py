"""Cancellation: what runs is stopped, and the task ends as canceled."""

import asyncio

from quorate import Context, agent
from quorate.client import Client
from quorate.contract import subjects
from quorate.contract.facts import Concluded, Outcome
from quorate.embedded import EmbeddedBroker
from tests.support.system import emptied, services, system


class Runs:
    """An agent that never ends, and what became of its runs."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.tasks: list[str] = []

        @agent("endless", kinds=["k"])
        async def endless(ctx: Context) -> None:
            self.tasks.append(ctx.task)
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.stopped.set()

        self.agent = endless


async def test_canceling_stops_the_agent_and_ends_the_task(broker: EmbeddedBroker) -> None:
    runs = Runs()
    async with system(broker, runs.agent) as s:
        task = await s.client.submit("k", {})
        await runs.started.wait()

        assert await s.client.cancel(task, "the branch is gone")

        result = await s.client.result(task, timeout=10)
        assert (result.state, result.reason, result.verdict) == ("canceled", "the branch is gone", None)
        await asyncio.wait_for(runs.stopped.wait(), 10)
        await emptied(s.bus, "QUORATE_WORK")
        assert await s.facts(task, Concluded) == [Concluded(kind="k", state="canceled", reason="the branch is gone")]
        assert await s.facts(task, Outcome) == []
        assert runs.tasks == [task]


async def test_the_worker_that_runs_it_is_stopped_wherever_it_is(broker: EmbeddedBroker) -> None:
    runs = Runs()
    async with (
        system(broker, only=["router", "collector"], agents_wait_s=20) as s,
        services(s.settings, "worker", agents=[runs.agent]),
        Client(broker.url) as other,
    ):
        task = await s.client.submit("k", {})
        await runs.started.wait()
        assert await other.cancel(task)
        await asyncio.wait_for(runs.stopped.wait(), 10)


async def test_the_first_request_counts(broker: EmbeddedBroker) -> None:
    runs = Runs()
    async with system(broker, runs.agent) as s:
        task = await s.client.submit("k", {})
        assert await s.client.cancel(task, "first")
        assert not await s.client.cancel(task, "second")
        assert (await s.client.result(task, timeout=10)).reason == "first"


async def test_a_task_that_has_ended_stays_as_it_is(broker: EmbeddedBroker) -> None:
    @agent("quick", kinds=["k"])
    async def quick(ctx: Context) -> int:
        return 1

    async with system(broker, quick) as s:
        result = await s.run("k")
        assert await s.client.cancel(result.task_id)
        await s.run("k")
        assert await s.client.result(result.task_id, timeout=5) == result
        assert len(await s.facts(result.task_id, Concluded)) == 1


async def test_a_signal_for_a_task_that_has_not_ended_stops_nothing(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()
    started = asyncio.Event()

    @agent("held", kinds=["k"])
    async def held(ctx: Context) -> int:
        started.set()
        await go.wait()
        return 1

    async with system(broker, held) as s:
        task = await s.client.submit("k", {})
        await started.wait()
        await s.bus.client.publish(subjects.CANCEL_SIGNAL, task.encode())
        await s.bus.client.publish(subjects.CANCEL_SIGNAL, b"\xff")
        await s.bus.client.flush()
        go.set()
        assert (await s.client.result(task, timeout=10)).state == "completed"


async def test_work_that_waits_is_not_begun_after_the_cancellation(broker: EmbeddedBroker) -> None:
    runs = Runs()
    async with system(broker, only=["router", "collector"], agents_wait_s=20, worker_concurrency=1) as s:
        async with services(s.settings, "worker", agents=[runs.agent]):
            first = await s.client.submit("k", {})
            await runs.started.wait()
            second = await s.client.submit("k", {})
            assert await s.client.cancel(second)
            assert (await s.client.result(second, timeout=10)).state == "canceled"
            assert await s.client.cancel(first)
            await emptied(s.bus, "QUORATE_WORK")
        assert runs.tasks == [first]


async def test_the_timers_of_a_canceled_task_are_taken_back(broker: EmbeddedBroker) -> None:
    runs = Runs()
    async with system(broker, runs.agent) as s:
        task = await s.client.submit("k", {})
        await runs.started.wait()
        await s.client.cancel(task)
        await s.client.result(task, timeout=10)
        await emptied(s.bus, "QUORATE_TIMERS")
