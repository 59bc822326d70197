"""One service of a chaos run in a process of its own: ``python -m bench.chaos_service router``."""

import asyncio
import ctypes
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable

from quorate.service import Service, running, until_lost
from quorate.settings import Settings

ACK_WAIT_S = 2.0
TASK_DEADLINE_S = 30.0
PARTITIONS = 8

_PR_SET_PDEATHSIG = 1


def chaos_settings(url: str | None = None) -> Settings:
    """The settings of every process of the run, and of the audit, which decides once more what they decided."""
    return Settings(
        nats_url=url,
        partitions=PARTITIONS,
        ack_wait_s=ACK_WAIT_S,
        task_deadline_s=TASK_DEADLINE_S,
        agents_wait_s=10.0,
        builtin_agents=False,
        agent_modules=("bench.chaos_agents",),
        worker_concurrency=8,
        stop_grace_s=2.0,
    )


def main(settings_of: Callable[[str], Settings] = chaos_settings) -> None:
    """Serve until SIGTERM. The name of the service is the first argument, and the pid of the parent the second."""
    role, parent = sys.argv[1], int(sys.argv[2])
    die_with(parent)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    service: Service = importlib.import_module(f"quorate_{role}.app").service
    asyncio.run(_serve(service, settings_of(os.environ["QUORATE_NATS_URL"])))


async def _serve(service: Service, settings: Settings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running([service], settings, name=service.name) as bus:
        waits = [asyncio.ensure_future(until_lost(bus)), asyncio.ensure_future(stop.wait())]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in pending:
            each.cancel()
        for each in done:
            each.result()


def die_with(parent: int) -> None:
    """Let the kernel kill this process when the run ends however it ends, also while it is stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the run that started this process is gone")


if __name__ == "__main__":
    main()
