"""Wires the collector."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.provision import Provisioned
from quorate.runner import Runner
from quorate.service import Service
from quorate.settings import Settings
from quorate_collector.domain.state import CollectorCommand, CollectorState
from quorate_collector.handlers import CollectorReducer


@asynccontextmanager
async def run(bus: Bus, settings: Settings, provisioned: Provisioned) -> AsyncIterator[None]:
    """Reduce the log until the block is left."""
    runner = Runner[CollectorState, CollectorCommand](
        bus, CollectorReducer(bus, Blobs(bus), settings), provisioned.partitions, settings
    )
    await runner.start()
    try:
        yield
    finally:
        await runner.stop()


service = Service("collector", run)
