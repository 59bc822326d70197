"""The registry in a real bucket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.agents import AgentCard, AgentHeartbeat
from quorate.embedded import EmbeddedBroker
from quorate.provision import provision
from quorate.registry import Announcer, announce, live_agents, withdraw
from tests.support.system import connected, settings_of, until


@pytest.fixture
async def bus(broker: EmbeddedBroker) -> AsyncIterator[Bus]:
    """Entries expire four heartbeats after the last one: here 0.4 s."""
    async with connected(broker) as connection:
        await provision(connection, settings_of(broker, heartbeat_s=0.1))
        yield connection


def heartbeat(name: str = "a", instance: str = "i", running: int = 0) -> AgentHeartbeat:
    card = AgentCard(name=name, version="1", kinds=("k",))
    return AgentHeartbeat(card=card, instance=instance, concurrency=4, running=running)


async def wait_for(bus: Bus, live: list[AgentHeartbeat]) -> None:
    async def they_are() -> bool:
        return sorted(await live_agents(bus), key=repr) == sorted(live, key=repr)

    await until(they_are)


async def test_every_agent_of_every_process_is_known_by_its_last_heartbeat(bus: Bus) -> None:
    for each in (heartbeat("a"), heartbeat("a", running=3), heartbeat("a", "j"), heartbeat("b")):
        await announce(bus, each)
    live = [heartbeat("a", running=3), heartbeat("a", "j"), heartbeat("b")]
    assert sorted(await live_agents(bus), key=repr) == sorted(live, key=repr)


async def test_who_falls_silent_expires(bus: Bus) -> None:
    await announce(bus, heartbeat())
    assert await live_agents(bus) == [heartbeat()]
    await wait_for(bus, [])


async def test_who_withdraws_is_gone_at_once(bus: Bus) -> None:
    await announce(bus, heartbeat())
    await announce(bus, heartbeat("b"))
    await withdraw(bus, "a", "i")
    assert await live_agents(bus) == [heartbeat("b")]


async def test_an_announcer_keeps_its_agents_alive_until_it_stops(bus: Bus) -> None:
    runs = 0

    def heartbeats() -> list[AgentHeartbeat]:
        nonlocal runs
        runs += 1
        return [heartbeat(running=runs)]

    announcer = Announcer(bus, heartbeats, 0.1)
    await announcer.start()
    assert await live_agents(bus) == [heartbeat(running=1)]

    async def announced_for_longer_than_entries_live() -> bool:
        return (await live_agents(bus))[0].running >= 8

    await until(announced_for_longer_than_entries_live)
    await announcer.stop()
    assert await live_agents(bus) == []


async def test_an_entry_that_cannot_be_read_hides_no_other(bus: Bus) -> None:
    await bus.publish(subjects.registration("x", "i"), b"nonsense")
    await announce(bus, heartbeat())
    assert await live_agents(bus) == [heartbeat()]


async def test_more_agents_than_the_broker_answers_for_at_once_are_all_known(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker))
        await asyncio.gather(*(announce(bus, heartbeat("a", f"i{n}")) for n in range(1_100)))
        assert len(await live_agents(bus)) == 1_100
