"""The registry: which agents are alive. An entry expires when its worker stops announcing it."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.agents import AgentCard, AgentHeartbeat
from quorate.errors import QuorateError, Unavailable

log = logging.getLogger("quorate.registry")

WITHDRAW_S = 1.0
_BUCKET = f"KV_{subjects.AGENTS}"


async def announce(bus: Bus, heartbeat: AgentHeartbeat) -> None:
    await bus.publish(subjects.registration(heartbeat.card.name, heartbeat.instance), heartbeat.encode())


async def withdraw(bus: Bus, agent: str, instance: str) -> None:
    """Say at once that an agent is gone, rather than by falling silent. A courtesy: it is tried once."""
    if bus.client.is_connected:
        with suppress(Unavailable):
            subject = subjects.registration(agent, instance)
            await bus.request(subject, headers={"KV-Operation": "DEL"}, timeout_s=WITHDRAW_S)


async def live_agents(bus: Bus) -> list[AgentHeartbeat]:
    """Every agent in every worker that announced itself lately."""
    found = []
    for stored in await bus.get_all(_BUCKET, f"$KV.{subjects.AGENTS}.>"):
        if not stored.data:
            continue
        try:
            heartbeat = AgentHeartbeat.model_validate_json(stored.data)
        except ValueError as error:
            log.warning("%s: %s", stored.subject, error, extra={"action": "registry.unreadable"})
            continue
        # Permissions bind the subject to the publisher, not the body.
        if stored.subject.split(".")[2] == heartbeat.card.name:
            found.append(heartbeat)
    return found


def cards_for(kind: str, heartbeats: Iterable[AgentHeartbeat]) -> tuple[AgentCard, ...]:
    """The agents that serve a kind, one card each (of several versions the one that sorts last), by name."""
    cards: dict[str, AgentCard] = {}
    for card in sorted((heartbeat.card for heartbeat in heartbeats), key=lambda card: card.version):
        if kind in card.kinds:
            cards[card.name] = card
    return tuple(cards[name] for name in sorted(cards))


class Announcer:
    """Keeps a worker's agents in the registry for as long as it runs."""

    def __init__(self, bus: Bus, heartbeats: Callable[[], list[AgentHeartbeat]], every_s: float) -> None:
        self._bus = bus
        self._heartbeats = heartbeats
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._announce_all()
        self._task = asyncio.create_task(self._run(), name="announce agents")
        self._bus.watch(self._task)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for heartbeat in self._heartbeats():
            await withdraw(self._bus, heartbeat.card.name, heartbeat.instance)

    async def _announce_all(self) -> None:
        await asyncio.gather(*(announce(self._bus, heartbeat) for heartbeat in self._heartbeats()))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._announce_all()
            except QuorateError as error:
                log.warning("%s", error, extra={"action": "registry.announce"})
