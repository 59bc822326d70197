"""A review from a change to an exit code: run the services if nobody does, submit, watch, print."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from quorate.client import Client
from quorate.contract.facts import Assigned, Coverage
from quorate.contract.finding import Severity
from quorate.contract.progress import Progress
from quorate.contract.result import Result, Timings, iso
from quorate.diff import NotADiff, UnsafePath, parse_diff
from quorate.embedded import EmbeddedBroker
from quorate.errors import QuorateError
from quorate.service import installed_services, running
from quorate.settings import Settings
from quorate_cli.change import Change
from quorate_cli.exits import OK, Terminated, drop_output, exit_code, lacking_agents
from quorate_cli.local import agent_files
from quorate_cli.logs import log_to_stderr
from quorate_cli.progress import ProgressView
from quorate_cli.render import Format, render
from quorate_cli.render.terminal import Terminal

GRACE_S = 30.0
"""How long after its deadline a review is still waited for."""

CANCEL_S = 1.0
"""How long whoever gives up waits for a shared system to hear of it."""


@dataclass(frozen=True)
class Options:
    """What the command line said about the review.

    ``fail_on`` is None when no finding is to fail it. ``nothing`` is what to say of an empty change.
    """

    format: Format
    fail_on: Severity | None
    all_lines: bool
    output: Path | None
    modules: tuple[str, ...]
    quiet: bool
    nothing: str


def review(
    change: Change, settings: Settings, *, url: str | None, broker: EmbeddedBroker | None, options: Options
) -> int:
    """Review the change on ``broker``, which nobody else uses, or on the running system at ``url``."""
    log_to_stderr(logging.ERROR)
    if not change.diff.strip():
        if options.format == "text" and options.output is None:
            click.echo(f"Nothing to review: {options.nothing}")
        else:
            _print(_nothing_changed(options.nothing), options, files={})
        return OK
    if broker is not None:
        broker.wait_ready()
        # One partition is enough for one task, and nothing of it needs to outlive this process.
        settings = settings.model_copy(
            update={
                "nats_url": broker.url,
                "partitions": 1,
                "memory_storage": True,
                "agents_wait_s": 0.0,
                "agent_modules": (*settings.agent_modules, *agent_files(options.modules)),
                "stop_grace_s": 0.0,
            }
        )
    elif options.modules:
        raise click.UsageError("--agents has no effect on a running system: give it to `quorate up`")
    else:
        settings = settings.model_copy(update={"nats_url": url})
    try:
        result = asyncio.run(_review(change, settings, ephemeral=broker is not None, options=options))
    except asyncio.CancelledError:
        raise Terminated from None
    try:
        _print(result, options, files=_contents(change, options))
    except BrokenPipeError:
        # Whoever read it has gone; the verdict stands.
        drop_output()
    for lacking in lacking_agents(result, settings.required_agents):
        click.echo(f"quorate: {lacking}, and required_agents names it", err=True)
    return exit_code(result, options.fail_on, settings.required_agents)


async def _review(change: Change, settings: Settings, *, ephemeral: bool, options: Options) -> Result:
    if (reviewing := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, reviewing.cancel)
    async with (
        _services(settings) if ephemeral else contextlib.nullcontext(),
        Client(settings.nats_url, tenant=settings.tenant, credentials=settings.nats_credentials) as client,
    ):
        task = await client.submit("code-review", _input(change, options), deadline_s=settings.review_deadline_s)
        watching = asyncio.create_task(_watch(client, task, options))
        try:
            return await client.result(task, timeout=settings.review_deadline_s + GRACE_S)
        except asyncio.CancelledError:
            # The user gave up: so do the agents of a shared system. Ours end with us.
            if not ephemeral:
                with contextlib.suppress(QuorateError, TimeoutError):
                    async with asyncio.timeout(CANCEL_S):
                        await client.cancel(task, "the reviewer was interrupted")
            raise
        finally:
            watching.cancel()
            # What the display dies of is nobody's concern: the result is there, or tells what is wrong.
            await asyncio.gather(watching, return_exceptions=True)


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[None]:
    installed = installed_services()
    # The worker comes first, so that its agents are registered when the router plans.
    async with running([installed[name] for name in ("worker", "collector", "router")], settings):
        yield


def _input(change: Change, options: Options) -> dict[str, Any]:
    value = {
        "diff": change.diff,
        "files": change.files,
        "repo": change.repo,
        "base_sha": change.base_sha,
        "head_sha": change.head_sha,
        "title": change.title,
        "scope": "all" if options.all_lines else None,
    }
    return {key: item for key, item in value.items() if item is not None}


def _contents(change: Change, options: Options) -> dict[str, str]:
    """What excerpts are taken from: the files that were read, and those that a diff adds."""
    if options.format != "text":
        return change.files
    try:
        parsed = parse_diff(change.diff)
    except (NotADiff, UnsafePath):
        return change.files
    return {**{file.path: file.added_text for file in parsed if file.added_text is not None}, **change.files}


async def _watch(client: Client, task: str, options: Options) -> None:
    """Show who is running, until canceled."""
    if options.quiet:
        return
    terminal = Terminal.of(sys.stderr, os.environ)
    view = ProgressView(
        sys.stderr,
        sys.stderr.isatty(),
        terminal.color,
        time.monotonic,
        width=terminal.width,
        encoding=terminal.encoding,
    )

    async def refresh() -> None:
        while True:
            await asyncio.sleep(1)
            view.refresh()

    refreshing = asyncio.create_task(refresh())
    try:
        async for event in client.events(task):
            if isinstance(event, Progress):
                view.update(event)
            elif isinstance(event.fact, Assigned):
                view.start(assignee.agent for assignee in event.fact.agents)
    finally:
        refreshing.cancel()
        view.close()


def _print(result: Result, options: Options, *, files: dict[str, str]) -> None:
    stream = sys.stdout
    terminal = Terminal.of(stream, os.environ)
    to_file = options.output is not None
    text = render(
        result,
        options.format,
        files=files,
        color=terminal.color and not to_file,
        width=terminal.width,
        encoding="utf-8" if to_file else terminal.encoding,
        indent=2 if stream.isatty() or to_file else None,
    )
    if options.output is not None:
        try:
            options.output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise QuorateError(f"the review could not be written to {options.output}: {error.strerror}") from error
        click.echo(f"{result.summary}: written to {options.output}", err=True)
    else:
        click.echo(text, nl=False)


def _nothing_changed(summary: str) -> Result:
    return Result(
        task_id="",
        kind="code-review",
        state="completed",
        verdict="approve",
        summary=summary,
        coverage=Coverage(),
        timings=Timings(finished_at=iso(time.time())),
    )
