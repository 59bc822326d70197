"""The client against a whole system."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest
from pydantic import ValidationError

from quorate import Context, agent
from quorate.bus import Stored
from quorate.client import Client, NoResult, UnknownTask
from quorate.contract import subjects
from quorate.contract.facts import Concluded, Submitted
from quorate.contract.finding import Finding
from quorate.contract.ids import TASK_ID, task_id_from_key
from quorate.contract.progress import Progress
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from quorate.errors import Unavailable
from quorate.feed import Feed
from quorate.reducer import Record
from tests.support.system import DIFF, System, system, until


@agent("echo", kinds=["echo", "other"])
async def echo(ctx: Context) -> dict[str, Any]:
    return ctx.input


async def consumers(s: System) -> object:
    return (await s.bus.api("CONSUMER.NAMES.QUORATE_RESULTS"))["consumers"]


def closable(results: AsyncIterator[Result]) -> AsyncGenerator[Result, None]:
    return cast("AsyncGenerator[Result, None]", results)


async def test_a_task_gives_a_result(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        result = await s.run("echo", {"text": "größer"}, labels={"team": "core"}, idempotency_key="k1")
        assert (result.state, result.partial, result.reason) == ("completed", False, None)
        assert result.answers == {"echo": {"text": "größer"}}
        assert (result.kind, result.labels, result.idempotency_key) == ("echo", {"team": "core"}, "k1")
        assert result.timings.submitted_at is not None
        assert result.timings.submitted_at <= result.timings.finished_at


async def test_the_id_that_the_client_computes_is_the_routers(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        with_key = await s.client.submit("echo", {}, idempotency_key="k1")
        without = await s.client.submit("echo", {})
        assert with_key == task_id_from_key("default", "echo", "k1")
        assert TASK_ID.match(without)
        for task in (with_key, without):
            assert (await s.client.result(task, timeout=20)).task_id == task


async def test_the_ids_of_another_tenant_are_others(broker: EmbeddedBroker) -> None:
    async with system(broker, echo, tenant="acme") as s, Client(broker.url, tenant="acme") as client:
        task = await client.submit("echo", {}, idempotency_key="k1")
        assert task == task_id_from_key("acme", "echo", "k1")
        assert (await client.result(task, timeout=20)).task_id == task
        assert (await s.facts(task, Submitted))[0].tenant == "acme"


async def test_the_same_key_and_input_are_one_task(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s, Client(broker.url) as other:
        tasks = await asyncio.gather(
            *(
                client.submit("echo", {"a": 1, "b": 2}, idempotency_key="k1")
                for client in (s.client, other)
                for _ in range(5)
            )
        )
        await s.client.result(tasks[0], timeout=20)
        # Neither does a later one that the broker no longer knows as a duplicate.
        again = {"Nats-Msg-Id": "another"}
        body = b'{"idempotency_key": "k1", "input": {"b": 2, "a": 1}}'
        await s.bus.publish("quorate.submit.echo", body, headers=again)
        await s.run("echo", {}, idempotency_key="last")
        assert len(set(tasks)) == 1
        assert len(await s.results()) == 2
        assert await s.dead_letters() == []


async def test_the_same_key_with_another_input_is_a_dead_letter_and_no_second_result(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        first = await s.client.submit("echo", {"n": 1}, idempotency_key="k1")
        result = await s.client.result(first, timeout=20)
        assert await s.client.submit("echo", {"n": 2}, idempotency_key="k1") == first
        await s.run("echo", {})

        [letter] = await s.dead_letters()
        assert "submitted before with another input" in letter.reason
        assert "'k1'" in letter.reason
        assert len(await s.results()) == 2
        assert await s.client.result(first, timeout=20) == result


async def test_the_same_key_of_another_kind_is_another_task(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        one = await s.run("echo", {}, idempotency_key="k1")
        other = await s.run("other", {}, idempotency_key="k1")
        assert one.task_id != other.task_id


async def test_a_result_that_does_not_come_in_time_is_said_to_be_missing(broker: EmbeddedBroker) -> None:
    async with system(broker, only=[]) as s:
        task = await s.client.submit("echo", {})
        with pytest.raises(NoResult, match=f"{task} has not ended within 0.05 s"):
            await s.client.result(task, timeout=0.05)


async def test_a_result_that_comes_while_it_is_looked_for_is_not_waited_for_any_longer(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.client.RECHECK_S", 30)
    go = asyncio.Event()

    @agent("held", kinds=["held"])
    async def held(ctx: Context) -> int:
        await go.wait()
        return 1

    async with system(broker, held) as s:
        task = await s.client.submit("held", {})
        read = s.bus.get_all

        async def slow_read(stream: str, *filters: str) -> list[Stored]:
            found = await read(stream, *filters)
            if stream == subjects.RESULTS and not go.is_set():
                go.set()
                await until(lambda: read(stream, *filters))
            return found

        monkeypatch.setattr(s.bus, "get_all", slow_read)
        assert (await s.client.result(task, timeout=10)).state == "completed"


async def test_a_result_that_stands_is_given_at_once_and_again(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        result = await s.run("echo", {})
        assert await s.client.result(result.task_id, timeout=1) == result
        async with Client(broker.url) as other:
            assert await other.result(result.task_id, timeout=1) == result


async def test_a_wrong_event_is_refused_before_it_is_sent(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        with pytest.raises(ValidationError, match="priority"):
            await s.client.submit("echo", {}, priority=11)


@pytest.mark.parametrize("size", [700_000, 800_000, 950_000, 3_000_000])
async def test_an_input_of_any_size_arrives(broker: EmbeddedBroker, size: int) -> None:
    """Below 768 KiB in the event and the fact, below 900 KiB in the event only, above it by reference."""

    @agent("size", kinds=["size"])
    async def measure(ctx: Context) -> int:
        return len(ctx.input["text"])

    async with system(broker, measure) as s:
        result = await s.run("size", {"text": "x" * size}, idempotency_key="k1")
        assert result.answers == {"size": size}
        again = await s.client.submit("size", {"text": "x" * size}, idempotency_key="k1")
        assert again == result.task_id
        await s.run("size", {"text": ""})
        assert await s.dead_letters() == []


async def test_results_are_replayed_and_then_come_live(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        kept = [(await s.run("echo", {"n": n})).task_id for n in range(3)]
        await s.run("other", {})
        seen: list[str] = []
        async with asyncio.timeout(20), aclosing(closable(s.client.results("echo", replay=True))) as results:
            async for result in results:
                seen.append(result.task_id)
                if len(seen) == 3:
                    kept.append(await s.client.submit("echo", {"n": 3}))
                if len(seen) == 4:
                    break
        assert seen == kept


async def test_results_of_all_kinds_come_live_without_those_before(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        await s.run("echo", {})
        results = closable(s.client.results())
        async with asyncio.timeout(20), aclosing(results):
            first = asyncio.ensure_future(anext(results))
            # The subscription stands when the broker has a consumer for it.
            await until(lambda: consumers(s))
            task = await s.client.submit("other", {})
            assert (await first).task_id == task


async def test_events_tell_a_task_from_its_beginning_to_its_end(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        task = await s.client.submit("echo", {})
        async with asyncio.timeout(20):
            events = [event async for event in s.client.events(task)]
        types = [event.type for event in events if isinstance(event, Record)]
        assert sorted(types) == ["assigned", "concluded", "contribution", "outcome", "planned", "submitted"]
        assert types[0] == "submitted"
        assert types[-1] == "concluded"
        assert isinstance(events[-1], Record)
        assert isinstance(events[-1].fact, Concluded)
        # Of a task that has ended everything is told again, and then no more.
        async with asyncio.timeout(20):
            again = [event async for event in s.client.events(task)]
        assert [e.type for e in again if isinstance(e, Record)] == types


async def test_progress_reaches_whoever_watches(broker: EmbeddedBroker) -> None:
    told = asyncio.Event()

    @agent("talker", kinds=["talk"])
    async def talker(ctx: Context) -> str:
        await ctx.progress("half")
        await told.wait()
        return "done"

    async with system(broker, talker) as s:
        task = await s.client.submit("talk", {})
        texts = []
        async with asyncio.timeout(20):
            async for event in s.client.events(task):
                if isinstance(event, Progress) and event.type == "agent.progress":
                    texts.append((event.task, event.agent, event.step, event.text))
                    told.set()
        assert texts == [(task, "talker", "work", "half")]


async def test_facts_can_be_read_at_any_time(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        result = await s.run("echo", {})
        facts = await s.client.facts(result.task_id)
        assert [fact.sequence for fact in facts] == sorted(fact.sequence for fact in facts)
        assert facts[0].type == "submitted"
        assert await s.client.facts("unknown") == []


async def test_an_unknown_task_cannot_be_canceled(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate.client.ADMISSION_S", 0.2)
    async with system(broker, echo) as s:
        with pytest.raises(UnknownTask, match="there is no task t0 in the log"):
            await s.client.cancel("t0")


async def test_many_findings_come_by_reference_and_all_of_them_arrive(broker: EmbeddedBroker) -> None:
    @agent("chatty")
    async def chatty(ctx: Context) -> list[Finding]:
        return [Finding(path="x.py", line=1, message=f"{n} " + "x" * 2_000, severity="low") for n in range(900)]

    async with system(broker, chatty) as s:
        result = await s.run("code-review", {"diff": DIFF})
        assert result.findings_ref is not None
        assert len(result.findings) == 900
        [stored] = await s.results()
        assert 0 < len(stored.findings) < 900
        assert "900 low" in result.summary


async def test_a_client_is_used_in_a_block() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        Client("nats://127.0.0.1:9").bus  # noqa: B018


async def test_waiting_for_a_result_outlives_a_restart_of_the_broker(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()

    @agent("slow", kinds=["slow"])
    async def slow(ctx: Context) -> int:
        go.set()
        await restarted.wait()
        return 1

    restarted = asyncio.Event()
    async with system(broker, slow) as s:
        task = await s.client.submit("slow", {})
        waiting = asyncio.create_task(s.client.result(task, timeout=30))
        await go.wait()
        broker.kill()
        await asyncio.to_thread(broker.restart)
        restarted.set()
        assert (await waiting).answers == {"slow": 1}


async def test_without_a_broker_nothing_can_be_submitted(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.bus.PUBLISH_ATTEMPTS", 1)
    async with Client(broker.url) as client:
        with pytest.raises(Unavailable):
            await client.submit("echo", {})


async def test_results_keep_coming_after_the_broker_was_away(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.feed.CHECK_S", 0.1)
    async with system(broker, echo) as s:
        results = closable(s.client.results("echo", replay=True))
        async with asyncio.timeout(30), aclosing(results):
            before = await s.client.submit("echo", {})
            assert (await anext(results)).task_id == before
            broker.kill()
            await asyncio.to_thread(broker.restart)
            async with Client(broker.url) as other:
                after = await other.submit("echo", {})
                assert (await anext(results)).task_id == after


async def feed_of(s: System, replay: bool = True) -> Feed:
    return Feed(s.bus, subjects.RESULTS, ["quorate.results.>"], replay=replay)


async def lose_consumer(s: System, feed: Feed) -> None:
    """The broker forgets the feed's consumer, as in a restart, and the feed makes another."""
    lost = feed._consumer
    await s.bus.api(f"CONSUMER.DELETE.QUORATE_RESULTS.{lost}")

    async def made_anew() -> bool:
        return lost not in cast("list[str]", await consumers(s) or [lost])

    await until(made_anew)


async def test_a_feed_whose_reader_is_slow_loses_nothing_when_it_is_made_anew(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.feed.CHECK_S", 0.05)
    monkeypatch.setattr("quorate.feed.WINDOW", 2)
    async with system(broker, echo) as s:
        tasks = [(await s.run("echo", {"n": n})).task_id for n in range(8)]
        async with asyncio.timeout(8), await feed_of(s) as feed:
            # The first messages fill the queue, the next one waits for room in it.
            while not (feed._queue.full() and feed._pull is not None and feed._pull.running):
                await s.bus.client.flush()
            await lose_consumer(s, feed)
            seen = [(await anext(feed)).subject.rpartition(".")[2] for _ in tasks]
        assert seen == tasks


async def test_a_feed_that_cannot_be_made_anew_at_once_tries_again(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.feed.CHECK_S", 0.05)
    async with system(broker, echo) as s:
        call, failures = s.bus.api, iter([Unavailable("away")])

        async def api(operation: str, *arguments: Any) -> dict[str, Any]:
            if operation.startswith("CONSUMER.CREATE"):
                for failure in failures:
                    raise failure
            return await call(operation, *arguments)

        async with asyncio.timeout(8), await feed_of(s) as feed:
            monkeypatch.setattr(s.bus, "api", api)
            await lose_consumer(s, feed)
            task = (await s.run("echo", {})).task_id
            assert (await anext(feed)).subject.endswith(task)
