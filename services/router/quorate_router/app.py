"""Wires the router."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.provision import Provisioned, ensure_consumers
from quorate.pull import Pull
from quorate.runner import Runner
from quorate.service import Service
from quorate.settings import Settings
from quorate.timers import TimerRelay
from quorate.topology import intake_consumer
from quorate_router.domain.state import RouterCommand, RouterState
from quorate_router.handlers import RouterReducer
from quorate_router.intake import IntakeHandler

INTAKE_CONCURRENCY = 64


@asynccontextmanager
async def run(bus: Bus, settings: Settings, provisioned: Provisioned) -> AsyncIterator[None]:
    """Admit tasks, reduce the log and relay timers until the block is left."""
    consumer = intake_consumer(settings)
    await ensure_consumers(bus, subjects.INTAKE, [consumer])
    blobs = Blobs(bus)
    intake = IntakeHandler(bus, blobs, settings, provisioned.intake_identity)
    parts = (
        Runner[RouterState, RouterCommand](bus, RouterReducer(bus, blobs, settings), provisioned.partitions, settings),
        TimerRelay(bus, settings),
        Pull(
            bus,
            subjects.INTAKE,
            consumer["durable_name"],
            intake.handle,
            concurrency=INTAKE_CONCURRENCY,
            ack_wait_s=settings.ack_wait_s,
            grace_s=settings.stop_grace_s,
        ),
    )
    for part in parts:
        await part.start()
    try:
        yield
    finally:
        for part in reversed(parts):
            await part.stop()


service = Service("router", run)
