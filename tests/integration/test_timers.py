"""Deadlines against a real broker."""

import asyncio
import time

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import TimerFired
from quorate.embedded import EmbeddedBroker
from quorate.log import publish_fact, read_fact
from quorate.provision import provision
from quorate.timers import TimerRelay, clear_timers, set_timer
from tests.support.system import connected, dead_letters, emptied, settings_of, until

TIMER = TimerFired(name="review", step="review")


async def fired(bus: Bus, task: str, name: str = "review", timeout_s: float = 10) -> TimerFired:
    """The timer as a fact of the task's log, once it stands there."""

    async def stands() -> bool:
        return await read_fact(bus, task, name, TimerFired) is not None

    await until(stands, timeout_s)
    fact = await read_fact(bus, task, name, TimerFired)
    assert fact is not None
    return fact


async def waiting(bus: Bus) -> int:
    info = await bus.api("STREAM.INFO.QUORATE_TIMERS", {"subjects_filter": "quorate.timers.waiting.>"})
    return len(info["state"].get("subjects") or {})


async def relay(broker: EmbeddedBroker, bus: Bus) -> TimerRelay:
    await provision(bus, settings_of(broker))
    running = TimerRelay(bus, settings_of(broker))
    await running.start()
    return running


async def test_a_timer_becomes_a_fact_at_its_time(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        at = time.time() + 0.3
        await set_timer(bus, "t1", TimerFired(name="review~2", step="review", attempt=2), at)
        assert await waiting(bus) == 1

        fact = await fired(bus, "t1", "review~2")

        assert fact == TimerFired(name="review~2", step="review", attempt=2)
        assert time.time() >= at
        assert await waiting(bus) == 0
        await running.stop()


async def test_a_time_that_has_passed_fires_at_once(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        await set_timer(bus, "t1", TIMER, time.time() - 3600)
        assert await fired(bus, "t1", timeout_s=3) == TIMER
        await running.stop()


async def test_a_cleared_timer_does_not_fire(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        for task in ("t1", "t2"):
            await set_timer(bus, task, TIMER, time.time() + 0.4)
        await clear_timers(bus, "t1")
        assert await waiting(bus) == 1
        # The other one was set for the same time, so this one would have fired by now.
        await fired(bus, "t2")
        assert await read_fact(bus, "t1", "review", TimerFired) is None
        await running.stop()


async def test_a_timer_that_is_set_twice_fires_once(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        at = time.time() + 0.2
        await set_timer(bus, "t1", TIMER, at)
        await set_timer(bus, "t1", TIMER, at)
        assert await waiting(bus) == 1
        assert await fired(bus, "t1") == TIMER
        await running.stop()


async def test_a_timer_survives_a_kill_of_the_broker(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        await set_timer(bus, "t1", TIMER, time.time() + 0.5)
        broker.kill()
        await asyncio.to_thread(broker.restart)
        async with connected(broker) as other:
            assert await fired(other, "t1") == TIMER
        await running.stop()


async def test_a_timer_that_fired_while_nobody_relayed_is_relayed_later(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker))
        await set_timer(bus, "t1", TIMER, time.time() - 1)
        running = await relay(broker, bus)
        assert await fired(bus, "t1") == TIMER
        await running.stop()


async def test_a_timer_whose_fact_stands_already_is_acked(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        await publish_fact(bus, "t1", "review", TimerFired(name="review", step="another"))
        await set_timer(bus, "t1", TIMER, time.time() - 1)
        await set_timer(bus, "t2", TIMER, time.time() - 1)
        await fired(bus, "t2")
        await emptied(bus, "QUORATE_TIMERS")
        assert (await fired(bus, "t1")).step == "another"
        await running.stop()


async def test_what_is_not_a_timer_is_buried(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        running = await relay(broker, bus)
        await bus.publish(subjects.fired("t1", "review"), b"not a timer")
        await set_timer(bus, "t2", TIMER, time.time() - 1)
        await fired(bus, "t2")
        await emptied(bus, "QUORATE_TIMERS")
        [letter] = await dead_letters(bus)
        assert (letter.stream, letter.subject, letter.body) == (
            "QUORATE_TIMERS",
            "quorate.timers.fired.t1.review",
            b"not a timer",
        )
        assert letter.reason.startswith("not a timer:")
        await running.stop()
