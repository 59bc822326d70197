"""Facts that no service can process: their task fails with the reason, and everything else goes on."""

import asyncio

import pytest

from quorate import Context, agent
from quorate.contract.facts import Failed
from quorate.embedded import EmbeddedBroker
from tests.support.system import system


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate.runner.POISON_AFTER_S", 0.1)


@pytest.mark.parametrize(
    ("key", "readers"),
    [
        ("contribution.held.work", {"collector"}),
        ("contribution.stranger.work", {"collector"}),
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
