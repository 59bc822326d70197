"""``quorate task``: one task, what happened to it, and stopping it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import click

from quorate.client import Client, Event, UnknownTask
from quorate.contract.facts import (
    Assigned,
    CancelRequested,
    Concluded,
    Contribution,
    Failed,
    Outcome,
    Planned,
    Submitted,
    TimerFired,
    Written,
)
from quorate.contract.ids import TASK_ID
from quorate.contract.progress import Progress
from quorate.contract.result import iso
from quorate.errors import QuorateError
from quorate.reducer import Record
from quorate.render import FORMATS, Format, explain, render
from quorate.render.clean import one_line
from quorate.render.terminal import Terminal
from quorate_cli.local import client_of, data_option


def _checked(_ctx: click.Context, _parameter: click.Parameter, id: str) -> str:
    if not TASK_ID.fullmatch(id):
        raise click.BadParameter(f"{id!r} is no id of a task: `quorate submit` prints them, and `quorate tail`")
    return id


id_argument = click.argument("id", metavar="ID", callback=_checked)


@click.group("task")
def command() -> None:
    """Look at one task, or cancel it."""


@command.command("show")
@id_argument
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True, help="Of the output."
)
@click.option(
    "--explain", "explained", is_flag=True, help="Why each finding was decided so: votes, weights, objections."
)
@click.option("--finding", metavar="FINDING", help="Explain this one only, by its id.")
@data_option
def show(id: str, format_: Format, explained: bool, finding: str | None, data: Path) -> None:
    """Show the result of a task, or how far it has come."""
    if explained and format_ != "text":
        raise click.UsageError(f"--explain is text: leave --format {format_} away; JSON has every vote anyway")
    if finding is not None and not explained:
        raise click.UsageError("--finding belongs to --explain: give both")
    asyncio.run(_show(data, id, format_, explained, finding))


@command.command("events")
@id_argument
@click.option("--follow", "-f", is_flag=True, help="Wait for more until the task has ended.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@data_option
def events(id: str, follow: bool, as_json: bool, data: Path) -> None:
    """Print what happened to a task, oldest first."""
    asyncio.run(_events(data, id, follow, as_json))


@command.command("cancel", short_help="Stop a task.")
@id_argument
@click.option("--reason", default="canceled on request", show_default=True, help="Kept in the result.")
@data_option
def cancel(id: str, reason: str, data: Path) -> None:
    """Stop a task: what runs for it is stopped, and its result says that it was canceled."""
    asyncio.run(_cancel(data, id, reason))


async def _show(data: Path, id: str, format: Format, explained: bool, finding: str | None) -> None:
    async with client_of(data) as client:
        facts = await _facts(client, id)
        if not any(isinstance(record.fact, Concluded) for record in facts):
            _show_working(id, facts, format)
            return
        result = await client.result(id, timeout=10)
    terminal = Terminal.of(sys.stdout, os.environ)
    if explained:
        click.echo(explain.render(result, terminal, finding), nl=False, color=terminal.color)
        return
    text = render(
        result,
        format,
        color=terminal.color,
        width=terminal.width,
        encoding=terminal.encoding,
        indent=2,
    )
    click.echo(text, nl=False, color=terminal.color)


def _show_working(id: str, facts: list[Record], format: Format) -> None:
    if format == "json":
        click.echo(json.dumps({"task_id": id, "state": "working"}, indent=2))
    elif format == "text":
        click.echo(f"{id}: working")
        for record in facts:
            click.echo(f"  {_line(record)}")
    else:
        raise QuorateError(f"{id} is working: there is nothing yet to show as {format}")


async def _events(data: Path, id: str, follow: bool, as_json: bool) -> None:
    async with client_of(data) as client:
        past = await _facts(client, id)
        if not follow:
            for record in past:
                click.echo(_json(record) if as_json else _line(record))
            return
        async for event in client.events(id):
            click.echo(_json(event) if as_json else _line(event))


async def _cancel(data: Path, id: str, reason: str) -> None:
    async with client_of(data) as client:
        facts = await _facts(client, id)
        if ended := next((record.fact for record in facts if isinstance(record.fact, Concluded)), None):
            raise QuorateError(f"{id} has ended already: {ended.state}")
        asked = await client.cancel(id, reason)
    click.echo("asked to stop" if asked else "was asked to stop before")


async def _facts(client: Client, id: str) -> list[Record]:
    facts = await client.facts(id)
    if not facts:
        raise UnknownTask(
            f"there is no task {id} in the log: check the id, and QUORATE_NATS_URL; one that was submitted just now"
            " may take a moment"
        )
    return facts


def _json(event: Event) -> str:
    if isinstance(event, Progress):
        return event.model_dump_json()
    fact = event.fact.model_dump(mode="json", exclude_none=True)
    told = {"type": event.type, "task": event.task, "key": ".".join(event.key), "at": event.at, "fact": fact}
    return json.dumps(told, ensure_ascii=False)


def _line(event: Event) -> str:
    if isinstance(event, Progress):
        text = one_line(event.text, 200)
        return f"{iso(event.at)}  {event.type:<13} {event.agent} {text}".rstrip()
    return f"{iso(event.at)}  {event.type:<13} {one_line(_told(event), 300)}".rstrip()


def _told(record: Record) -> str:
    match record.fact:
        case Submitted() as fact:
            return (
                f"{fact.kind}, refused: {fact.refusal}" if fact.refusal else f"{fact.kind}, {len(fact.agents)} agents"
            )
        case Planned() as fact:
            return f"{' -> '.join(step.name for step in fact.steps)}: {fact.reason}"
        case Assigned() as fact:
            names = ", ".join(assignee.agent for assignee in fact.agents)
            return f"{fact.step} to {names}, within {fact.deadline_s:g} s"
        case Contribution() as fact:
            ballots = f", {len(fact.ballots)} ballots" if fact.ballots else ""
            said = fact.reason or f"{len(fact.findings)} findings{ballots}, {len(fact.read)} files read"
            return f"{record.key[0]}: {fact.state}, {said}, {fact.elapsed_ms} ms"
        case Outcome() as fact:
            asks = f"; {len(fact.question.findings)} to {fact.question.kind}" if fact.question is not None else ""
            return f"{fact.step}: {fact.state}, {fact.summary}{asks}"
        case TimerFired() as fact:
            return f"the deadline of {fact.step} has passed"
        case CancelRequested() as fact:
            return fact.reason
        case Failed() as fact:
            return f"{fact.service}: {fact.reason}"
        case Written() as fact:
            return f"{record.key[0]}: {' '.join(filter(None, (fact.state, fact.url, fact.note)))}"
        case Concluded() as fact:
            return f"{fact.state}{f', {fact.reason}' if fact.reason else ''}"
        case _:
            return ""
