"""Wires the gateway."""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

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
from quorate_gateway.extra import INSTALL, PACKAGES, lacking

if TYPE_CHECKING:
    from quorate.github import GitHub
    from quorate_gateway.agent import GitHubAgent

log = logging.getLogger("quorate.gateway")

NO_CREDENTIALS = "pull requests are not read here: set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY"


@asynccontextmanager
async def run(bus: Bus, settings: Settings, _: Provisioned) -> AsyncIterator[None]:
    """Take webhooks and, with credentials, serve as the agent "github", until the block is left."""
    if names := lacking():
        raise Misconfigured(f"the gateway needs {', '.join(names)}: {INSTALL}")
    from quorate.github import GitHub, credentials_of, webhook_secret_of
    from quorate_gateway.adapters.pull_requests import PullRequests
    from quorate_gateway.agent import GitHubAgent
    from quorate_gateway.asking import Asking
    from quorate_gateway.handlers import NO_SECRET, Webhook
    from quorate_gateway.http import application, serving
    from quorate_gateway.tasks import Tasks

    credentials = credentials_of(settings.github, os.environ)
    tasks = Tasks(bus, settings.tenant)
    webhook = Webhook(tasks, settings.github, webhook_secret_of(settings.github, os.environ))
    # Half of what GitHub needs is a mistake; without any of it, someone uses Quorate for something else.
    level = logging.INFO if credentials is None and not webhook.is_open else logging.WARNING
    if not webhook.is_open:
        log.log(level, "%s", NO_SECRET, extra={"action": "gateway.closed"})
    if credentials is None:
        log.log(level, "%s", NO_CREDENTIALS, extra={"action": "gateway.anonymous"})
    async with AsyncExitStack() as stack:
        if credentials is not None:
            github = GitHub(settings.github, credentials)
            stack.push_async_callback(github.close)
            asking = Asking(github, tasks, settings.github)
            agent = GitHubAgent(bus, Blobs(bus), PullRequests(github, settings.github), asking)
            await stack.enter_async_context(working(bus, settings, agent))
            if github.is_app and settings.github.sweep_s > 0:
                await stack.enter_async_context(_sweeping(bus, settings, github))
        await stack.enter_async_context(
            serving(
                bus,
                application(bus, webhook),
                settings.http_host,
                settings.http_port,
                grace_s=settings.stop_grace_s,
            )
        )
        yield


@asynccontextmanager
async def working(bus: Bus, settings: Settings, agent: "GitHubAgent") -> AsyncIterator[None]:
    """Announce the agent and have it work on its assignments."""
    from quorate_gateway.agent import CARD

    consumer = agent_consumer(CARD.name, settings)
    await ensure_consumers(bus, subjects.WORK, [consumer])
    pull = Pull(
        bus,
        subjects.WORK,
        consumer["durable_name"],
        agent.handle,
        concurrency=settings.worker_concurrency,
        ack_wait_s=settings.ack_wait_s,
        grace_s=settings.stop_grace_s,
    )
    instance = f"{os.getpid()}-{secrets.token_hex(3)}"

    def heartbeats() -> list[AgentHeartbeat]:
        concurrency = settings.worker_concurrency
        return [AgentHeartbeat(card=CARD, instance=instance, concurrency=concurrency, running=pull.running)]

    async def on_cancel(message: Msg) -> None:
        try:
            await agent.stop_if_ended(message.data.decode(errors="replace"))
        except QuorateError as error:
            log.info("%s", error, extra={"action": "gateway.signal"})

    canceled = await bus.client.subscribe(subjects.CANCEL_SIGNAL, cb=on_cancel)
    announcer = Announcer(bus, heartbeats, settings.heartbeat_s)
    await pull.start()
    await announcer.start()
    try:
        yield
    finally:
        await announcer.stop()
        with contextlib.suppress(NatsError):
            await canceled.unsubscribe()
        await pull.stop()


@asynccontextmanager
async def _sweeping(bus: Bus, settings: Settings, github: "GitHub") -> AsyncIterator[None]:
    from quorate_gateway.sweep import Sweep

    sweep = asyncio.create_task(Sweep(bus, github, time.time).run(settings.github.sweep_s), name="sweep webhooks")
    bus.watch(sweep)
    try:
        yield
    finally:
        sweep.cancel()
        await asyncio.wait({sweep})


service = Service("gateway", run, needs=PACKAGES)
