"""Wires the worker."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from quorate.agent_definition import Agent
from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.agents import AgentHeartbeat
from quorate.errors import Misconfigured, QuorateError
from quorate.provision import Provisioned, ensure_consumers
from quorate.pull import Pull
from quorate.registry import Announcer
from quorate.service import Service
from quorate.settings import Settings
from quorate.topology import agent_consumer
from quorate_worker.adapters.change_check import check_agent
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.builtin import agents_of, builtin_analyzers, configured_analyzers
from quorate_worker.checks import CHECKS
from quorate_worker.handlers import Worker

log = logging.getLogger("quorate.worker")


def chosen_agents(settings: Settings) -> list[Agent]:
    """The built-in agents, the configured tools and the agents of modules, but for the ones that are switched off."""
    toolbox = Toolbox.of(settings)
    analyzers = [*(builtin_analyzers() if settings.builtin_agents else ()), *configured_analyzers(settings.tools)]
    for analyzer in analyzers:
        if analyzer.name in toolbox.commands and (analyzer.program is None or analyzer.program.is_library):
            raise Misconfigured(f"[agents.{analyzer.name}] command: this agent runs no program that could be elsewhere")
    agents = [analyzer.agent(toolbox) for analyzer in analyzers]
    if settings.builtin_agents:
        agents += [check_agent(module) for module in CHECKS]
    for module in settings.agent_modules:
        agents += agents_of(module)
    by_name = {agent.name: agent for agent in agents}
    return [agent for name, agent in by_name.items() if name not in settings.agents or settings.agents[name].enabled]


@asynccontextmanager
async def run(bus: Bus, settings: Settings, _: Provisioned) -> AsyncIterator[None]:
    """Announce the agents and work on their assignments until the block is left."""
    agents = chosen_agents(settings)
    instance = f"{os.getpid()}-{secrets.token_hex(3)}"
    worker = Worker(bus, Blobs(bus), agents)
    consumers = {agent.name: agent_consumer(agent.name, settings) for agent in agents}
    await ensure_consumers(bus, subjects.WORK, list(consumers.values()))
    pulls = {
        agent.name: Pull(
            bus,
            subjects.WORK,
            consumers[agent.name]["durable_name"],
            worker.handle,
            concurrency=settings.worker_concurrency,
            ack_wait_s=settings.ack_wait_s,
            grace_s=settings.stop_grace_s,
        )
        for agent in agents
    }

    def heartbeats() -> list[AgentHeartbeat]:
        return [
            AgentHeartbeat(
                card=agent.card,
                instance=instance,
                concurrency=settings.worker_concurrency,
                running=pulls[agent.name].running,
            )
            for agent in agents
        ]

    async def on_cancel(message: Msg) -> None:
        try:
            await worker.stop_if_ended(message.data.decode(errors="replace"))
        except QuorateError as error:
            log.info("%s", error, extra={"action": "worker.signal"})

    canceled = await bus.client.subscribe(subjects.CANCEL_SIGNAL, cb=on_cancel)
    announcer = Announcer(bus, heartbeats, settings.heartbeat_s)
    await asyncio.gather(*(pull.start() for pull in pulls.values()))
    await announcer.start()
    try:
        yield
    finally:
        await announcer.stop()
        with contextlib.suppress(NatsError):
            await canceled.unsubscribe()
        await asyncio.gather(*(pull.stop() for pull in pulls.values()))


service = Service("worker", run)
