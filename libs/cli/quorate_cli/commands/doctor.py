"""``quorate doctor``: what works here, what does not, and what to do about it."""

import asyncio
import json
import os
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from quorate import __version__
from quorate.bus import Bus, connect
from quorate.contract import subjects
from quorate.contract.health import HEALTH_SUBJECT, Health
from quorate.diagnosis import Diagnosis, installed_diagnoses
from quorate.embedded import BrokerError, find_binary
from quorate.errors import Misconfigured, QuorateError
from quorate.provision import drift, fill_levels
from quorate.registry import live_agents
from quorate.render.clean import one_line
from quorate.service import installed_services
from quorate.settings import Settings, config_path, load
from quorate_cli.exits import INCOMPLETE, OK
from quorate_cli.local import data_option, known_url

HEALTH_WAIT_S = 0.3
POLL_S = 0.1
NEARLY_FULL = 0.8


@click.command("doctor")
@click.option("--wait", "waits", is_flag=True, help="Return when the system in this folder is ready for tasks.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait waits.",
)
@click.option("--service", "services", multiple=True, metavar="NAME", help="Ask for this service only; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array of checks.")
@data_option
def command(waits: bool, timeout: float, services: tuple[str, ...], as_json: bool, data: Path) -> None:
    """Check this installation and, where a system runs (here, or at QUORATE_NATS_URL), that system.

    \b
    Exit codes:
      0  all is well     3  something needs attention
    """
    if waits:
        load()  # What is set wrongly does not mend itself while one waits.
    checks = _wait(data, services, timeout) if waits else [*_installation(), *_system(data, services)]
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = click.style("ok  ", fg="green") if check.ok else click.style("FAIL", fg="red")
            click.echo(f"{mark}  {check.name:<12} {one_line(check.found, 300)}")
            if said := check.hint if check.ok else check.advice:
                click.echo(f"      {'':<12} -> {one_line(said, 300)}")
    sys.exit(OK if all(check.ok for check in checks) else INCOMPLETE)


def _installation() -> list[Diagnosis]:
    """What a review on this machine needs."""
    python = ".".join(map(str, sys.version_info[:3]))
    checks = [Diagnosis("quorate", True, f"{__version__} on Python {python}")]
    try:
        checks.append(Diagnosis("nats-server", True, str(find_binary())))
    except BrokerError as error:
        checks.append(Diagnosis("nats-server", False, "not found", str(error)))
    git = shutil.which("git")
    advice = "install git; reviewing a patch works without"
    checks.append(Diagnosis("git", git is not None, git or "not found", advice))
    try:
        names = sorted(installed_services())
        checks.append(Diagnosis("services", bool(names), ", ".join(names) or "none", "pip install quorate again"))
    except Misconfigured as error:
        checks.append(Diagnosis("services", False, "incomplete", str(error)))
    try:
        load()
        checks.append(Diagnosis("settings", True, str(config_path(os.environ) or "defaults and environment")))
        checks += installed_diagnoses()
    except Misconfigured as error:
        checks.append(Diagnosis("settings", False, "wrong", str(error)))
    return checks


def _system(data: Path, services: tuple[str, ...]) -> list[Diagnosis]:
    try:
        settings = load()
    except Misconfigured:
        return []  # The installation's checks tell.
    url = known_url(settings, data)
    if url is None:
        if services:
            return [Diagnosis("broker", False, "none runs here", "start `quorate up`, or set QUORATE_NATS_URL")]
        return [Diagnosis("broker", True, "none runs here; `quorate review` brings its own")]
    return asyncio.run(_with_bus(url, settings, services))


def _wait(data: Path, services: tuple[str, ...], timeout_s: float) -> list[Diagnosis]:
    """Look until all is well or the time is up; the last state is what is told."""
    deadline = time.monotonic() + timeout_s
    while True:
        checks = _system(data, services or ("router", "collector", "worker"))
        if all(check.ok for check in checks) or time.monotonic() >= deadline:
            return checks
        time.sleep(POLL_S)


async def _with_bus(url: str, settings: Settings, services: tuple[str, ...]) -> list[Diagnosis]:
    try:
        bus = await connect(url, name="doctor", credentials=settings.nats_credentials, timeout_s=3)
    except QuorateError as error:
        return [Diagnosis("broker", False, "no connection", str(error))]
    try:
        return [Diagnosis("broker", True, bus.shown_url), *await _look(bus, settings, services)]
    except QuorateError as error:
        return [Diagnosis("broker", False, bus.shown_url, str(error))]
    finally:
        await bus.close()


async def _look(bus: Bus, settings: Settings, services: tuple[str, ...]) -> list[Diagnosis]:
    healths = await _healths(bus)
    checks = []
    for name in services or ("router", "collector", "worker"):
        mine = [health for health in healths if health.service == name]
        ready = [health for health in mine if health.ready]
        found = f"{len(ready)} ready" if ready else ("starting" if mine else "none answers")
        checks.append(Diagnosis(name, bool(ready), found, f"start one with `quorate up {name}`"))
    if services and "worker" not in services:
        return checks
    differences = await drift(bus, settings)
    found = "; ".join(map(str, differences[:5])) if differences else "as they should be"
    checks.append(Diagnosis("streams", not differences, found, "change the stream, or the setting, so that they agree"))
    full = [name for name in await fill_levels(bus) if name[1] > NEARLY_FULL]
    filled = ", ".join(f"{name} {level:.0%}" for name, level in full) if full else "room in every stream"
    advice = "raise the stream's max_bytes: a full one takes no more tasks"
    checks.append(Diagnosis("storage", not full, filled, advice))
    agents = sorted({heartbeat.card.name for heartbeat in await live_agents(bus)})
    advice = "start a worker: `quorate up worker`"
    checks.append(Diagnosis("agents", bool(agents), ", ".join(agents) or "none", advice))
    dead = (await bus.api(f"STREAM.INFO.{subjects.DEAD}"))["state"]["messages"]
    # Dead letters are news, and nothing that keeps the system from working.
    checks.append(Diagnosis("dead letters", True, f"{dead}; see `quorate dead list`" if dead else "none"))
    return checks


async def _healths(bus: Bus) -> list[Health]:
    """Whoever answers within a moment."""
    replies = await bus.request_many(HEALTH_SUBJECT, wait_s=HEALTH_WAIT_S)
    return [Health.model_validate_json(reply.data) for reply in replies if reply.data]
