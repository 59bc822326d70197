"""Wires the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quorate.bus import Bus
from quorate.provision import Provisioned
from quorate.service import Service
from quorate.settings import Settings


@asynccontextmanager
async def run(bus: Bus, settings: Settings, _: Provisioned) -> AsyncIterator[None]:
    """Serve until the block is left."""
    yield


service = Service("gateway", run)
