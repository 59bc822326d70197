"""``quorate dead``: messages that nobody could process."""

import asyncio
import json
import secrets
from pathlib import Path

import click

from quorate.bus import ApiError, Bus
from quorate.contract import subjects
from quorate.contract.result import iso
from quorate.dead_letters import DeadLetter, read_dead_letter
from quorate.errors import QuorateError
from quorate.render.clean import one_line, visible
from quorate_cli.local import client_of, data_option

SHOWN = 100
REPLAYABLE = (subjects.INTAKE, subjects.WORK)

_WHY_NOT_THIS = (
    "its task has failed for good, since a log is never written twice; submit the task again under a new key"
)
_WHY_NOT = {
    subjects.RESULTS: "what a writer could not write is not sent again by itself, for that could be the second time;"
    " the reason says what to do (`quorate dead show`)"
}


@click.group("dead")
def command() -> None:
    """Look at messages that nobody could process, and replay them. They are kept for 30 days."""


@command.command("list", short_help="List them, the newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, without bodies.")
@data_option
def list_(as_json: bool, data: Path) -> None:
    """List them, the newest first: number, time, stream, subject, reason."""
    letters = asyncio.run(_latest(data))
    if not letters and not as_json:
        click.echo("no dead letters", err=True)
    for letter in letters:
        if as_json:
            click.echo(json.dumps(_fields(letter)))
        else:
            click.echo(
                f"{letter.sequence}  {iso(letter.at)}  {one_line(letter.subject, 80)}  {one_line(letter.reason, 200)}"
            )


@command.command("show", short_help="Show one of them.")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with the body as text.")
@data_option
def show(number: int, as_json: bool, data: Path) -> None:
    """Show one of them with its headers and its body."""
    letter = asyncio.run(_one(data, number))
    body = letter.body.decode(errors="backslashreplace")
    if as_json:
        click.echo(json.dumps({**_fields(letter), "body": body}, indent=2))
        return
    for name, value in _fields(letter).items():
        click.echo(f"{name}: {one_line(str(value), 2_000)}")
    click.echo()
    click.echo("\n".join(visible(line) for line in body.split("\n")))


@command.command("replay", short_help="Publish one of them again.")
@click.argument("number", type=click.IntRange(min=1))
@data_option
def replay(number: int, data: Path) -> None:
    """Publish one of them again where it came from, and take it out of the dead letters."""
    letter = asyncio.run(_replay(data, number))
    click.echo(f"{letter.subject}: published again")


def _fields(letter: DeadLetter) -> dict[str, object]:
    return {
        "number": letter.sequence,
        "at": iso(letter.at),
        "stream": letter.stream,
        "subject": letter.subject,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "headers": letter.headers,
        "bytes": len(letter.body),
        "cut": letter.cut,
    }


async def _latest(data: Path) -> list[DeadLetter]:
    async with client_of(data) as client:
        state = (await client.bus.api(f"STREAM.INFO.{subjects.DEAD}"))["state"]
        letters: list[DeadLetter] = []
        for sequence in range(state["last_seq"], max(0, state["first_seq"] - 1), -1):
            if len(letters) == SHOWN:
                click.echo(f"the newest {SHOWN} of {state['messages']}", err=True)
                break
            if (letter := await _read(client.bus, sequence)) is not None:
                letters.append(letter)
        return letters


async def _one(data: Path, number: int) -> DeadLetter:
    async with client_of(data) as client:
        return await _existing(client.bus, number)


async def _replay(data: Path, number: int) -> DeadLetter:
    async with client_of(data) as client:
        letter = await _existing(client.bus, number)
        if letter.stream not in REPLAYABLE:
            raise QuorateError(f"{number} is from {letter.stream}: {_WHY_NOT.get(letter.stream, _WHY_NOT_THIS)}")
        if letter.cut:
            raise QuorateError(f"{number} was too large to be kept whole: publish the original again")
        kept = {name: value for name, value in letter.headers.items() if not name.lower().startswith("nats-")}
        # A new id: under the old one the broker would take it for the message that it has seen.
        await client.bus.publish(letter.subject, letter.body, message_id=f"replay-{secrets.token_hex(8)}", headers=kept)
        await client.bus.api(f"STREAM.MSG.DELETE.{subjects.DEAD}", {"seq": number, "no_erase": True})
        return letter


async def _existing(bus: Bus, number: int) -> DeadLetter:
    letter = await _read(bus, number)
    if letter is None:
        raise QuorateError(f"there is no dead letter {number}: see `quorate dead list`")
    return letter


async def _read(bus: Bus, sequence: int) -> DeadLetter | None:
    try:
        stored = await bus.get_sequence(subjects.DEAD, sequence)
    except ApiError:
        return None
    return read_dead_letter(stored) if stored else None
