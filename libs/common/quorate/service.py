"""A service, and running one or several of them in a process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec

from quorate.bus import Bus, connect
from quorate.errors import Misconfigured, QuorateError
from quorate.provision import Provisioned, provision
from quorate.settings import Settings

log = logging.getLogger("quorate.service")

DEFAULT_URL = "nats://127.0.0.1:4222"

Body = Callable[[Bus, Settings, Provisioned], AbstractAsyncContextManager[None]]
"""What a service does on a connection, from entering the context to leaving it."""


@dataclass(frozen=True)
class Service:
    """A name and what runs under it. Services find each other through the broker only.

    ``needs`` are modules without which it cannot run; they come with the extra of its name.
    """

    name: str
    body: Body
    needs: tuple[str, ...] = ()

    @property
    def lacks(self) -> tuple[str, ...]:
        """Those of the modules that are not installed."""
        return tuple(module for module in self.needs if find_spec(module) is None)


def installed_services() -> dict[str, Service]:
    """The services of this installation by name: packages offer them as entry points ``quorate.services``."""
    found = {}
    for entry in entry_points(group="quorate.services"):
        try:
            service = entry.load()
        except ImportError as error:
            raise Misconfigured(
                f"the service {entry.name} needs {error.name}: pip install 'quorate[{entry.name}]'"
            ) from error
        found[entry.name] = service
    return found


@asynccontextmanager
async def running(services: Sequence[Service], settings: Settings, *, name: str = "services") -> AsyncIterator[Bus]:
    """Connect, provision and run the services on one connection; they stop in reverse order."""
    bus = await connect(
        settings.nats_url or DEFAULT_URL,
        name=name,
        credentials=settings.nats_credentials,
        max_disconnected_s=settings.max_disconnected_s,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        provisioned = await provision(bus, settings)
        stack.enter_context(_provisioning_again(bus, settings))
        for service in services:
            await stack.enter_async_context(service.body(bus, settings, provisioned))
            log.info("%s is running", service.name, extra={"action": "service.started"})
        yield bus


@contextmanager
def _provisioning_again(bus: Bus, settings: Settings) -> Iterator[None]:
    """A broker that comes back has lost what it kept in memory only, such as the stream of progress."""
    tasks: set[asyncio.Task[None]] = set()

    async def again() -> None:
        try:
            await provision(bus, settings)
        except QuorateError as error:
            log.warning("%s", error, extra={"action": "service.provision"})

    def on_renewed() -> None:
        task = asyncio.ensure_future(again())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    bus.on_renewed = on_renewed
    try:
        yield
    finally:
        bus.on_renewed = lambda: None
        for task in tasks:
            task.cancel()


async def until_lost(bus: Bus) -> None:
    """Wait for as long as the connection can be had. Raises ConnectionLost when it cannot."""
    await asyncio.shield(bus.lost)
