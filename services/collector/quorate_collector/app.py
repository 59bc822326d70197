"""Wires the collector."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.errors import Misconfigured
from quorate.provision import Provisioned
from quorate.runner import Runner
from quorate.service import Service
from quorate.settings import Settings
from quorate_collector.domain.state import CollectorCommand, CollectorState
from quorate_collector.handlers import CollectorReducer
from quorate_collector.ports import Writer

GITHUB = "github"


@asynccontextmanager
async def run(bus: Bus, settings: Settings, provisioned: Provisioned) -> AsyncIterator[None]:
    """Reduce the log and write results until the block is left."""
    blobs = Blobs(bus)
    runner = Runner[CollectorState, CollectorCommand](
        bus, CollectorReducer(bus, blobs, settings), provisioned.partitions, settings
    )
    writings = []
    for writer in writers(settings, os.environ, bus, blobs):
        from quorate_collector.writing import Writing

        writings.append(Writing(bus, blobs, writer, settings))
    try:
        # Before the first result, since a writer's consumer begins with what comes after it.
        for writing in writings:
            await writing.start()
        await runner.start()
        yield
    finally:
        await asyncio.gather(runner.stop(), *(writing.stop() for writing in writings))


def writers(settings: Settings, environ: Mapping[str, str], bus: Bus, blobs: Blobs) -> Iterator[Writer]:
    """Everyone whom results are told to. Raises Misconfigured."""
    # Each is imported when there is one: a review of a working tree has 0.7 s in all.
    for name, each in settings.writers.items():
        if name == GITHUB:
            raise Misconfigured(f"[writers.{name}] has the name of the writer of reviews: give it another")
        if each.folder is not None:
            from quorate_collector.adapters.file_writer import FileWriter

            yield FileWriter(name, each)
        else:
            from quorate_collector.adapters.http_writer import HttpWriter, read_secret

            yield HttpWriter(name, each, read_secret(name, each))
    if settings.github.write:
        from quorate.github.credentials import credentials_of

        if credentials_of(settings.github, environ) is not None:
            from quorate_collector.adapters.github_writer import github_writer

            if (writer := github_writer(settings, environ, bus, blobs)) is not None:
                yield writer


service = Service("collector", run)
