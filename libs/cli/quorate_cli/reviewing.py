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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click

from quorate.client import Client
from quorate.contract.facts import Assigned, Coverage
from quorate.contract.finding import Severity
from quorate.contract.progress import Progress
from quorate.contract.result import Result, Timings, iso
from quorate.diff import NotADiff, UnsafePath, parse_diff
from quorate.embedded import EmbeddedBroker
from quorate.errors import QuorateError
from quorate.render import Format, render
from quorate.render.terminal import Terminal
from quorate.service import installed_services, running
from quorate.settings import Settings
from quorate_cli.baseline import Baseline
from quorate_cli.change import Change
from quorate_cli.exits import OK, Terminated, drop_output, exit_code, lacking_agents, terminate
from quorate_cli.known import for_people, known_in, put_aside
from quorate_cli.local import agent_files
from quorate_cli.logs import log_to_stderr
from quorate_cli.progress import ProgressView

GRACE_S = 30.0
"""How long after its deadline a review is still waited for."""

CANCEL_S = 1.0
"""How long whoever gives up waits for a shared system to hear of it."""


@dataclass(frozen=True)
class Options:
    """What the command line said about the review.

    ``fail_on`` is None when no finding is to fail it. ``nothing`` is what to say of an empty change. ``also`` are
    further files to write, each in its format. What ``baseline`` knows is put aside. ``fix`` says whether safe
    fixes are written to the working tree, or only shown.
    """

    format: Format
    fail_on: Severity | None
    all_lines: bool
    output: Path | None
    modules: tuple[str, ...]
    quiet: bool
    nothing: str
    also: tuple[tuple[Format, Path], ...] = ()
    baseline: Baseline | None = None
    fix: Literal["write", "show"] | None = None


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
        _write_others(_nothing_changed(options.nothing), options, files={})
        return OK
    result = obtain(change, settings, url=url, broker=broker, options=options)
    files = _contents(change, options)
    _write_others(result, options, files=files)
    try:
        _print(result, options, files=files)
    except BrokenPipeError:
        # Whoever read it has gone; the verdict stands.
        drop_output()
    for lacking in lacking_agents(result, settings.required_agents):
        click.echo(f"quorate: {lacking}, and required_agents names it", err=True)
    if options.fix is not None and change.top is not None:
        result = _fix(result, change, change.top, options)
    return exit_code(result, options.fail_on, settings.required_agents)


def obtain(
    change: Change, settings: Settings, *, url: str | None, broker: EmbeddedBroker | None, options: Options
) -> Result:
    """The result of a change that is not empty, from ``broker`` or from the running system at ``url``."""
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
                # What is told here is told to whoever sits here.
                "github": settings.github.model_copy(update={"write": False}),
                "writers": {},
            }
        )
    elif options.modules:
        raise click.UsageError("--agents has no effect on a running system: give it to `quorate up`")
    else:
        settings = settings.model_copy(update={"nats_url": url})
    known = known_in(options.baseline, change.diff)
    # What the baseline has is counted in whole files.
    asked = options if known is None else replace(options, all_lines=True)
    try:
        result = asyncio.run(_review(change, settings, ephemeral=broker is not None, options=asked))
    except asyncio.CancelledError:
        raise Terminated from None
    finally:
        # The event loop has left the signal to the system, which would end us without a word.
        signal.signal(signal.SIGTERM, terminate)
    return result if known is None else put_aside(result, known, all_lines=options.all_lines)


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
    """What excerpts and fixes begin with: the files that were read, and those that a diff adds."""
    if options.format == "json" and options.fix is None and not options.also:
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


def _write_others(result: Result, options: Options, *, files: dict[str, str]) -> None:
    for format, file in options.also:
        text = render(_for(format, result), format, files=files, indent=2)
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise QuorateError(f"the review could not be written to {file}: {error.strerror}") from error


def _for(format: Format, result: Result) -> Result:
    """Programs get what the baseline knows as withheld findings, people in a sentence."""
    return result if format in ("json", "sarif") else for_people(result)


def _print(result: Result, options: Options, *, files: dict[str, str]) -> None:
    stream = sys.stdout
    terminal = Terminal.of(stream, os.environ)
    to_file = options.output is not None
    text = render(
        _for(options.format, result),
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
        # click would take the colours away where FORCE_COLOR wants them.
        click.echo(text, nl=False, color=terminal.color)


def _fix(result: Result, change: Change, top: Path, options: Options) -> Result:
    """Apply the safe fixes, or show them; returns what is left. Standard output stays what its format says."""
    from quorate_cli import showing_fixes as shown
    from quorate_cli.fixing import carry_out, plan

    write = options.fix == "write"
    fixes = carry_out(plan(result.findings, _contents(change, options)), top, write=write)
    stream = sys.stdout if options.format == "text" and options.output is None else sys.stderr
    text = shown.render(fixes, result.findings, Terminal.of(stream, os.environ), written=write)
    try:
        click.echo(text, nl=False, file=stream)
    except BrokenPipeError:
        drop_output()
    return fixes.remaining(result) if write else result


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
