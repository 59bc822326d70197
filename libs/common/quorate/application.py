"""Services as a FastStream application: life cycle, signals, health over request/reply, AsyncAPI.

The log, the intake and the work queues are pulled by ``quorate.pull``; the decision record on FastStream says why.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from faststream import FastStream
from faststream.nats import NatsBroker
from faststream.specification import AsyncAPI
from nats.errors import Error as NatsError

from quorate import __version__
from quorate.contract.health import HEALTH_SUBJECT, Health
from quorate.errors import ConnectionLost
from quorate.service import DEFAULT_URL, Service, running
from quorate.settings import Settings


def _spare_the_garbage_collector() -> None:
    """What is loaded by now stays: looking through it again and again took 8 % of a busy service's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


class Application:
    """Runs services until a signal comes or the broker is gone for good."""

    def __init__(
        self,
        services: Sequence[Service],
        settings: Settings,
        *,
        on_ready: Callable[[Mapping[str, str]], Awaitable[None] | None] = lambda _: None,
    ) -> None:
        """``on_ready`` is given what the services tell, such as the ``http_url`` of the gateway."""
        self._services = services
        self._settings = settings
        self._on_ready = on_ready
        self._ready = False
        self._told: Mapping[str, str] = {}
        self._lost: ConnectionLost | None = None
        names = "+".join(service.name for service in services)
        options: dict[str, Any] = {}
        if settings.nats_credentials:
            options["user_credentials"] = settings.nats_credentials
        self._broker = NatsBroker(
            settings.nats_url or DEFAULT_URL,
            name=f"quorate-{names}-health",
            max_reconnect_attempts=-1,
            logger=None,
            description="The broker of Quorate",
            **options,
        )
        for service in services:
            self._answer_health(service.name)
        self.faststream = FastStream(
            self._broker,
            lifespan=self._lifespan,
            logger=None,
            specification=AsyncAPI(title=f"Quorate: {names}", version=__version__),
        )

    async def run(self) -> None:
        """Block until stopped. Raises ConnectionLost when the broker stayed away."""
        try:
            await self.faststream.run()
        except NatsError:
            # Without a broker FastStream cannot take its leave either; that is not what went wrong.
            if self._lost is None:
                raise
        if self._lost is not None:
            raise self._lost

    def _answer_health(self, name: str) -> None:
        @self._broker.subscriber(HEALTH_SUBJECT, title=f"health of {name}")
        async def health() -> Health:
            """Everyone who runs answers, so that who asks sees all replicas."""
            http_url = self._told.get("http_url") if name == "gateway" else None
            return Health(service=name, version=__version__, pid=os.getpid(), ready=self._ready, http_url=http_url)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with running(self._services, self._settings) as bus:
            watch = asyncio.ensure_future(asyncio.shield(bus.lost))
            watch.add_done_callback(self._on_lost)
            _spare_the_garbage_collector()
            self._ready = True
            self._told = bus.told
            if (pending := self._on_ready(bus.told)) is not None:
                await pending
            try:
                yield
            finally:
                self._ready = False
                watch.remove_done_callback(self._on_lost)
                watch.cancel()

    def _on_lost(self, watch: "asyncio.Future[None]") -> None:
        if not watch.cancelled() and isinstance(error := watch.exception(), ConnectionLost):
            self._lost = error
            self.faststream.exit()
