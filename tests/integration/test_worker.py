"""The worker in a whole system: whatever an agent does, its assignment is answered."""

import asyncio
import hashlib
from typing import Any

import pytest

from quorate import Context, Contribution, agent
from quorate.agent_definition import Agent
from quorate.contract import subjects
from quorate.contract.agents import AgentHeartbeat
from quorate.contract.facts import AgentCoverage, Concluded
from quorate.contract.finding import Finding
from quorate.contract.work import Assignment
from quorate.embedded import EmbeddedBroker
from quorate.log import publish_fact, read_fact
from quorate.provision import ensure_consumers
from quorate.pull import Delivery, Pull
from quorate.registry import announce
from quorate.topology import agent_consumer
from tests.support.system import DIFF, System, emptied, services, system


def returning(value: Any, **options: Any) -> Agent:
    @agent("mine", kinds=["k", "code-review"], **options)
    async def mine(ctx: Context) -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    return mine


async def contribution_of(s: System, task: str, name: str = "mine", run: str = "work") -> Contribution | None:
    return await read_fact(s.bus, task, f"{name}.{run}", Contribution)


async def work_done(s: System) -> None:
    """An ack is not answered, so it may be on its way still."""
    await emptied(s.bus, subjects.WORK)


async def assign(s: System, task: str, **changed: Any) -> None:
    wanted = {"task": task, "kind": "k", "step": "work", "agent": "mine", "deadline_at": 2e9, "input": {"a": 1}}
    await s.bus.publish(subjects.work("mine"), Assignment.model_validate(wanted | changed).encode())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(ValueError("no luck"), "ValueError: no luck", id="an error"),
        pytest.param(AssertionError(), "AssertionError", id="an error without words"),
        pytest.param(RuntimeError("x" * 10**6), "RuntimeError: xxx", id="an error with many words"),
        pytest.param(ValueError("\ud800"), "ValueError", id="an error with half a character"),
        pytest.param(ExceptionGroup("two", [ValueError(), KeyError()]), "ExceptionGroup: two", id="several errors"),
        pytest.param(object(), "not JSON", id="an object"),
        pytest.param({"a": {1: object()}}, "not JSON", id="an object within"),
        pytest.param(SystemExit(3), "SystemExit: 3", id="an exit"),
        pytest.param(asyncio.CancelledError(), "canceled itself", id="a cancellation of its own"),
        pytest.param([Finding(path="x", message="m"), 5], "findings and other things", id="findings and other things"),
        pytest.param(TimeoutError("the forge is slow"), "the forge is slow", id="a time-out of its own"),
    ],
)
async def test_an_agent_that_fails_is_told_of_and_does_not_run_again(
    broker: EmbeddedBroker, value: Any, reason: str
) -> None:
    runs = []

    @agent("mine", kinds=["k"], version="3")
    async def mine(ctx: Context) -> Any:
        runs.append(ctx.task)
        if isinstance(value, BaseException):
            raise value
        return value

    async with system(broker, mine) as s:
        result = await s.run("k")
        coverage = result.coverage.agents["mine"]
        assert (result.state, coverage.state, coverage.version) == ("failed", "failed", "3")
        assert coverage.reason is not None
        assert reason in coverage.reason
        assert len(coverage.reason) <= 2_000
        assert result.reason is not None
        assert result.reason.startswith("mine: ")
        assert runs == [result.task_id]
        await work_done(s)


async def test_an_agent_that_takes_too_long_is_stopped(broker: EmbeddedBroker) -> None:
    stopped = asyncio.Event()

    @agent("mine", kinds=["k"], timeout_s=0.05)
    async def mine(ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with system(broker, mine) as s:
        result = await s.run("k")
        assert stopped.is_set()
        coverage = result.coverage.agents["mine"]
        assert (coverage.state, coverage.reason) == ("timeout", "gave up after 0.05 s")
        assert result.state == "failed"


async def test_a_failure_of_one_agent_leaves_the_others_their_say(broker: EmbeddedBroker) -> None:
    @agent("good", kinds=["k"])
    async def good(ctx: Context) -> int:
        return 1

    async with system(broker, returning(ValueError("no")), good) as s:
        result = await s.run("k")
        assert (result.state, result.partial, result.answers) == ("completed", True, {"good": 1})
        assert result.reason == "mine: ValueError: no"


@pytest.mark.parametrize("size", [200_000, 300_000, 2_000_000])
async def test_an_answer_of_any_size_arrives(broker: EmbeddedBroker, size: int) -> None:
    async with system(broker, returning({"text": "x" * size})) as s:
        result = await s.run("k")
        assert result.answers == {"mine": {"text": "x" * size}}
        contribution = await contribution_of(s, result.task_id)
        assert contribution is not None
        assert (contribution.body_ref is not None) == (size > 256 * 1024)


async def test_an_answer_that_is_too_large_to_go_at_all_fails_with_the_reason(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.blobs.MAX_BLOB_BYTES", 400_000)
    async with system(broker, returning("x" * 500_000)) as s:
        result = await s.run("k")
        assert result.state == "failed"
        assert result.reason is not None
        assert "may go by reference" in result.reason


async def test_an_own_contribution_that_stands_already_is_not_made_again(broker: EmbeddedBroker) -> None:
    runs = []

    @agent("mine", kinds=["k"])
    async def mine(ctx: Context) -> None:
        runs.append(ctx.task)

    async with system(broker, mine, only=["worker"]) as s:
        await publish_fact(s.bus, "t1", "mine.work", Contribution(answer="first"))
        await assign(s, "t1")
        await assign(s, "t2")
        await work_done(s)
        assert runs == ["t2"]
        assert await contribution_of(s, "t1") == Contribution(answer="first")


async def test_another_attempt_is_another_assignment(broker: EmbeddedBroker) -> None:
    async with system(broker, returning(5), only=["worker"]) as s:
        await publish_fact(s.bus, "t1", "mine.work", Contribution(answer="first"))
        await assign(s, "t1", attempt=2)
        await work_done(s)
        contribution = await contribution_of(s, "t1", run="work~2")
        assert contribution is not None
        assert contribution.answer == 5


async def test_nothing_runs_for_a_task_that_has_ended(broker: EmbeddedBroker) -> None:
    async with system(broker, returning(5), only=["worker"]) as s:
        await publish_fact(s.bus, "t1", "task", Concluded(kind="k", state="canceled"))
        await assign(s, "t1")
        await work_done(s)
        assert await contribution_of(s, "t1") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"{}",
        Assignment(task="t1", kind="k", step="work", agent="another", deadline_at=1).encode(),
    ],
)
async def test_work_that_is_no_assignment_is_buried(broker: EmbeddedBroker, body: bytes) -> None:
    async with system(broker, returning(5), only=["worker"]) as s:
        await s.bus.publish(subjects.work("mine"), body)
        await assign(s, "t2")
        await work_done(s)
        [letter] = await s.dead_letters()
        assert (letter.stream, letter.subject, letter.body) == ("QUORATE_WORK", "quorate.work.mine", body)
        assert "not an assignment of this worker" in letter.reason
        assert await contribution_of(s, "t2") is not None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"input_ref": {"key": "k", "sha256": "0" * 64, "size": 5}}, "there is no object k"),
        ({"input": None, "input_ref": {"bucket": "X", "key": "k", "sha256": "0" * 64, "size": 5}}, "not in 'X'"),
    ],
)
async def test_an_input_that_cannot_be_had_fails_the_assignment(
    broker: EmbeddedBroker, event: dict[str, Any], reason: str
) -> None:
    async with system(broker, returning(5), only=["worker"]) as s:
        await assign(s, "t1", **({"input": None} | event))
        await work_done(s)
        contribution = await contribution_of(s, "t1")
        assert contribution is not None
        assert contribution.state == "failed"
        assert contribution.reason is not None
        assert reason in contribution.reason


async def test_an_assignment_that_ends_its_worker_again_and_again_is_answered_as_failed(broker: EmbeddedBroker) -> None:
    """The broker counts the deliveries; here they are handed back in place of a worker that dies."""
    async with system(broker, only=["router", "collector"], agents_wait_s=20) as s:
        await ensure_consumers(s.bus, subjects.WORK, [agent_consumer("mine", s.settings)])
        card = returning(5).card
        await announce(s.bus, AgentHeartbeat(card=card, instance="dying", concurrency=1))
        task = await s.client.submit("k", {})
        handed_back = asyncio.Event()

        async def die(delivery: Delivery) -> None:
            await delivery.nak()
            if delivery.attempt >= 5:
                handed_back.set()

        pull = Pull(s.bus, subjects.WORK, "agent-mine", die, grace_s=0)
        await pull.start()
        await asyncio.wait_for(handed_back.wait(), 20)
        await pull.stop()
        async with services(s.settings, "worker", agents=[returning(5)]):
            result = await s.client.result(task, timeout=20)
        assert result.state == "failed"
        assert result.reason is not None
        assert "5 attempts" in result.reason


async def test_a_review_has_the_coverage_of_its_agent(broker: EmbeddedBroker) -> None:
    found = [Finding(path="x.py", line=1, message="bad"), Finding(path="x.py", line=90, message="elsewhere")]
    async with system(broker, returning(found, version="7")) as s:
        result = await s.run("code-review", {"diff": DIFF, "files": {"x.py": "b\n"}})
        coverage = result.coverage.agents["mine"]
        expected = AgentCoverage(state="ok", version="7", lineage="mine", files=1, outside_change=1)
        assert coverage.model_copy(update={"elapsed_ms": 0}) == expected
        assert [(each.path, each.line, each.message) for each in result.findings] == [("x.py", 1, "bad")]
        unread = await s.run("code-review", {"diff": DIFF})
        assert unread.coverage.unread == ("x.py",)


async def test_an_agent_of_a_stopped_worker_is_run_by_another(broker: EmbeddedBroker) -> None:
    started = asyncio.Event()
    instances = []

    def made(name: str) -> Agent:
        @agent("mine", kinds=["k"])
        async def mine(ctx: Context) -> str:
            instances.append(name)
            if name == "first":
                started.set()
                await asyncio.Event().wait()
            return name

        return mine

    async with system(broker, only=["router", "collector"], agents_wait_s=20, ack_wait_s=30.0, stop_grace_s=0) as s:
        async with services(s.settings, "worker", agents=[made("first")]):
            task = await s.client.submit("k", {})
            await started.wait()
        async with services(s.settings, "worker", agents=[made("second")]):
            result = await s.client.result(task, timeout=15)
        assert result.answers == {"mine": "second"}
        assert instances == ["first", "second"]


async def test_a_switched_off_agent_is_not_asked(broker: EmbeddedBroker) -> None:
    @agent("off", kinds=["k"])
    async def off(ctx: Context) -> int:
        return 0

    async with system(broker, returning(5), off, agents={"off": {"enabled": False}}) as s:
        assert (await s.run("k")).answers == {"mine": 5}


async def test_no_more_runs_of_an_agent_at_once_than_the_operator_allows(broker: EmbeddedBroker) -> None:
    inside, most = 0, 0
    full, go = asyncio.Event(), asyncio.Event()

    @agent("mine", kinds=["k"])
    async def mine(ctx: Context) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside == 3:
            full.set()
        await go.wait()
        inside -= 1

    async with system(broker, mine, worker_concurrency=3) as s:
        tasks = [await s.client.submit("k", {}) for _ in range(9)]
        await asyncio.wait_for(full.wait(), 10)
        go.set()
        for task in tasks:
            await s.client.result(task, timeout=20)
        assert most == 3


async def test_progress_is_never_an_error(broker: EmbeddedBroker) -> None:
    @agent("mine", kinds=["k"])
    async def mine(ctx: Context) -> str:
        await ctx.progress("x" * 3_000_000)
        await ctx.progress("\ud800")
        return hashlib.sha256(b"").hexdigest()

    async with system(broker, mine) as s:
        assert (await s.run("k")).state == "completed"
