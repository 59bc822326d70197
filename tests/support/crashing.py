"""Services in a process of their own, which dies at the crashpoint named in its environment.

``python -m tests.support.crashing URL RUNS`` runs router, worker and collector; its agents append a line for each run
to the file RUNS. With WRITERS, the writers of the settings as JSON, it runs the collector alone.
"""

import asyncio
import json
import sys
from pathlib import Path

from quorate import Context, agent
from quorate.agent_definition import Agent
from quorate.service import installed_services, running
from quorate.settings import Settings

AGENTS = ("one", "two")

OF_WRITERS = (
    "writing.claimed",
    "writing.written",
    "writing.finished",
    "file_writer.filled",
    "file_writer.linked",
    "http_writer.begun",
)
"""Crashpoints that only a collector with a writer comes by."""

OF_GITHUB = (
    "gateway.submitted",
    "gateway.answered",
    "gateway.contributed",
    "collector.concluded",
    "github.reviewed",
    "github.submitted",
    "github.checked",
)
"""Crashpoints on the way of a pull request."""


def agents(runs: Path) -> list[Agent]:
    """Two agents that tell of every run."""

    def made(name: str) -> Agent:
        @agent(name, kinds=["k"])
        async def run(ctx: Context) -> str:
            with runs.open("a") as log:
                log.write(f"{ctx.task} {name}\n")
            return name

        return run

    return [made(name) for name in AGENTS]


async def main(url: str, runs: Path, writers: str = "") -> None:
    for made in agents(runs):
        setattr(sys.modules[__name__], f"agent_{made.name}", made)
    settings = Settings(
        nats_url=url,
        partitions=1,
        ack_wait_s=0.5,
        agents_wait_s=20,
        stop_grace_s=0,
        builtin_agents=False,
        agent_modules=(__name__,),
        task_deadline_s=60,
        writers=json.loads(writers or "{}"),
    )
    services = installed_services()
    names = ("collector",) if writers else ("router", "worker", "collector")
    async with running([services[name] for name in names], settings):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
