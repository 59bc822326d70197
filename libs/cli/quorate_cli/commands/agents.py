"""``quorate agents``: who is there."""

import asyncio
import json
from pathlib import Path

import click

from quorate.contract.agents import AgentHeartbeat
from quorate.registry import live_agents
from quorate.render.clean import one_line
from quorate_cli.local import client_of, data_option


@click.command("agents")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@data_option
def command(as_json: bool, data: Path) -> None:
    """List the agents that are alive, in how many workers, and how busy they are."""
    heartbeats = asyncio.run(_agents(data))
    if as_json:
        click.echo(json.dumps([heartbeat.model_dump(mode="json") for heartbeat in heartbeats], indent=2))
        return
    if not heartbeats:
        click.echo("no agent is alive: start some with `quorate up worker`", err=True)
        return
    rows = [("AGENT", "VERSION", "KINDS", "WORKERS", "RUNNING", "WHAT IT DOES")]
    for name in sorted({heartbeat.card.name for heartbeat in heartbeats}):
        mine = [heartbeat for heartbeat in heartbeats if heartbeat.card.name == name]
        card = mine[0].card
        versions = one_line(", ".join(sorted({heartbeat.card.version for heartbeat in mine})), 40)
        kinds = one_line(", ".join(card.kinds), 80)
        running = f"{sum(h.running for h in mine)}/{sum(h.concurrency for h in mine)}"
        rows.append((name, versions, kinds, str(len(mine)), running, one_line(card.description, 80)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


async def _agents(data: Path) -> list[AgentHeartbeat]:
    async with client_of(data) as client:
        return await live_agents(client.bus)
