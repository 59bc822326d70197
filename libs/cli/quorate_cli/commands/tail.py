"""``quorate tail``: results as they come."""

import asyncio
from pathlib import Path

import click

from quorate.contract.ids import KIND
from quorate.render.clean import one_line
from quorate_cli.local import client_of, data_option


@click.command("tail")
@click.argument("kind", default="*")
@click.option("--replay", is_flag=True, help="Begin with the results that are kept.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N results.")
@data_option
def command(kind: str, replay: bool, as_json: bool, count: int | None, data: Path) -> None:
    """Print the results of KIND, or of every kind, one line each, until stopped with Ctrl-C."""
    if kind != "*" and not KIND.fullmatch(kind):
        raise click.UsageError(f"{kind!r} is no kind of task: give one such as code-review, or none for all")
    asyncio.run(_tail(data, kind, replay, as_json, count))


async def _tail(data: Path, kind: str, replay: bool, as_json: bool, count: int | None) -> None:
    async with client_of(data) as client:
        async for result in client.results(kind, replay=replay):
            if as_json:
                click.echo(result.model_dump_json())
            else:
                click.echo(
                    f"{result.timings.finished_at}  {result.task_id}  {result.kind}  {result.state:<9}"
                    f"  {one_line(result.summary, 200)}"
                )
            if count is not None and (count := count - 1) == 0:
                return
