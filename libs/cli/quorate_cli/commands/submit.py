"""``quorate submit``: a task of any kind."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from quorate.contract.ids import KIND
from quorate_cli.exits import INCOMPLETE, OK
from quorate_cli.local import client_of, data_option


@click.command("submit")
@click.argument("kind")
@click.option("--input", "source", required=True, metavar="FILE|-", help="The task's input: a JSON object.")
@click.option("--key", metavar="KEY", help="Idempotency key: the same key and input are the same task.")
@click.option("--deadline", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Time it may take.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="Echoed in the result; repeatable.")
@click.option("--wait", is_flag=True, help="Wait for the result and print it.")
@data_option
def command(
    kind: str,
    source: str,
    key: str | None,
    deadline: float | None,
    labels: tuple[str, ...],
    wait: bool,
    data: Path,
) -> None:
    """Submit a task of KIND and print its id; with --wait, print the result as JSON instead.

    \b
    Exit codes with --wait:
      0  completed     3  failed, canceled or rejected
    """
    if not KIND.fullmatch(kind):
        raise click.UsageError(f"{kind!r} is no kind of task: one is lower-case letters, digits, - and _")
    value = _read(source)
    pairs = [label.partition("=") for label in labels]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.UsageError("a --label is NAME=VALUE")
    named = {name: text for name, _, text in pairs}
    try:
        code = asyncio.run(_submit(data, kind, value, key, deadline, named, wait))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise click.UsageError(f"this cannot be submitted: {problems}") from error
    except (PydanticSerializationError, UnicodeEncodeError) as error:
        raise click.UsageError(f"this cannot be submitted: {error}") from error
    sys.exit(code)


def _read(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        value = json.loads(text.decode(), parse_constant=_refuse)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise click.UsageError(f"--input {source}: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError(f'--input {source}: a JSON object is needed, such as {{"diff": "…"}}')
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


async def _submit(
    data: Path,
    kind: str,
    value: dict[str, Any],
    key: str | None,
    deadline: float | None,
    labels: dict[str, str],
    wait: bool,
) -> int:
    async with client_of(data) as client:
        task = await client.submit(kind, value, idempotency_key=key, deadline_s=deadline, labels=labels)
        if not wait:
            click.echo(task)
            return OK
        click.echo(task, err=True)
        result = await client.result(task)
    click.echo(result.model_dump_json(indent=2))
    return OK if result.state == "completed" else INCOMPLETE
