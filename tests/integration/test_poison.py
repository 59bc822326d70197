"""Facts that no service can process: their task fails with the reason, and everything else goes on."""

import asyncio

import pytest

from quorate import Context, Contribution, agent
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Failed
from quorate.embedded import EmbeddedBroker
from quorate.log import publish_fact
from tests.support.system import system, until


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate.runner.POISON_AFTER_S", 0.1)


@pytest.mark.parametrize(
    ("key", "readers"),
    [
        ("timer.work", {"collector"}),
        ("outcome.work", {"router"}),
        ("cancel.request", {"router", "collector"}),
        ("assigned.more", {"collector"}),
    ],
)
async def test_a_fact_that_cannot_be_read_fails_its_task_only(
    broker: EmbeddedBroker, key: str, readers: set[str]
) -> None:
    go = asyncio.Event()
    started = asyncio.Event()

    @agent("held", kinds=["k"])
    async def held(ctx: Context) -> int:
        if ctx.input:
            started.set()
            await go.wait()
        return 1

    async with system(broker, held, partitions=1) as s:
        bad = await s.client.submit("k", {"bad": True})
        await started.wait()
        await s.bus.publish(f"quorate.log.{bad}.{key}", b"\xff")
        good = await s.run("k")
        result = await s.client.result(bad, timeout=10)
        go.set()

        assert good.state == "completed"
        assert (result.state, result.kind) == ("failed", "k")
        assert result.reason is not None
        assert any(f"the {service} could not process" in result.reason for service in readers)
        assert "quorate dead list" in result.reason
        letters = await s.dead_letters()
        assert {letter.body for letter in letters} == {b"\xff"}
        assert {failed.service for failed in await s.facts(bad, Failed)} <= readers
        assert len([each for each in await s.results() if each.task_id == bad]) == 1


async def test_a_submission_that_cannot_be_read_ends_as_failed(broker: EmbeddedBroker) -> None:
    @agent("quick", kinds=["k"])
    async def quick(ctx: Context) -> int:
        return 1

    async with system(broker, quick, partitions=1) as s:
        await s.bus.publish("quorate.log.t1.submitted.task", b"{}")
        assert (await s.run("k")).state == "completed"
        result = await s.client.result("t1", timeout=10)
        assert (result.state, result.kind) == ("failed", "unknown")


async def test_an_unknown_type_of_fact_disturbs_nobody(broker: EmbeddedBroker) -> None:
    @agent("quick", kinds=["k"])
    async def quick(ctx: Context) -> int:
        return 1

    async with system(broker, quick, partitions=1) as s:
        await s.bus.publish("quorate.log.t1.rumour.x", b"{}")
        assert (await s.run("k")).state == "completed"
        assert await s.dead_letters() == []


@pytest.mark.parametrize(("author", "state"), [("held", "failed"), ("stranger", "completed")])
async def test_a_contribution_that_cannot_be_read_fails_its_agent_only(
    broker: EmbeddedBroker, author: str, state: str
) -> None:
    """Anyone who may contribute could otherwise fail every task, also one that was never given to them."""
    go = asyncio.Event()
    started = asyncio.Event()

    @agent("held", kinds=["k"])
    async def held(ctx: Context) -> int:
        started.set()
        await go.wait()
        return 1

    async with system(broker, held, partitions=1) as s:
        task = await s.client.submit("k", {})
        await started.wait()
        await s.bus.publish(f"quorate.log.{task}.contribution.{author}.work", b"\xff")
        await s.bus.publish("quorate.log.unknown.contribution.held.work", b"\xff")
        go.set()
        result = await s.client.result(task, timeout=10)
        assert result.state == state
        assert (state == "completed") == (result.reason is None)
        assert {letter.body for letter in await s.dead_letters()} == {b"\xff"}
        assert [each.task_id for each in await s.results()] == [task]


async def test_a_contribution_that_cannot_be_read_is_a_failure_of_its_agent_only(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()

    @agent("held", kinds=["k"])
    async def held(ctx: Context) -> int:
        await go.wait()
        return 1

    @agent("good", kinds=["k"])
    async def good(ctx: Context) -> int:
        return 2

    async with system(broker, held, good) as s:
        task = await s.client.submit("k", {})

        async def stands() -> bool:
            return "assigned" in {record.type for record in await s.client.facts(task)}

        await until(stands)
        for name in ("held", "stranger"):
            await s.bus.publish(f"quorate.log.{task}.contribution.{name}.work", b"\xff")
        result = await s.client.result(task, timeout=10)
        go.set()

        assert (result.state, result.partial, result.answers) == ("completed", True, {"good": 2})
        assert {name: each.state for name, each in result.coverage.agents.items()} == {"good": "ok", "held": "failed"}
        assert result.reason is not None
        assert result.reason.startswith("held: not a contribution")
        assert {letter.body for letter in await s.dead_letters()} == {b"\xff"}
        assert await s.facts(task, Failed) == []


async def test_a_report_that_is_lost_is_a_failure_of_its_agent_only(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()

    @agent("held", kinds=["k"])
    async def held(ctx: Context) -> int:
        await go.wait()
        return 1

    @agent("good", kinds=["k"])
    async def good(ctx: Context) -> int:
        return 2

    async with system(broker, held, good) as s:
        task = await s.client.submit("k", {})

        async def stands() -> bool:
            return "assigned" in {record.type for record in await s.client.facts(task)}

        await until(stands)
        lost = Contribution(body_ref=BlobRef(key="gone", sha256="0" * 64, size=5))
        await publish_fact(s.bus, task, "held.work", lost)
        result = await s.client.result(task, timeout=10)
        go.set()

        assert (result.state, result.partial, result.answers) == ("completed", True, {"good": 2})
        assert result.reason is not None
        assert result.reason.startswith("held: its report is lost")
