"""``quorate up``: the services in the foreground, with a broker if none is given."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path

import click

from quorate.bus import without_secrets
from quorate.embedded import EmbeddedBroker
from quorate.errors import Misconfigured
from quorate.service import Service, installed_services
from quorate.settings import Settings, load
from quorate_cli.local import DATA, agent_files, keep_out_of_git, run_file
from quorate_cli.logs import log_to_stderr

CHECK_BROKER_S = 0.5
BOOT_S = 120.0
"""A large store takes the broker a while to recover."""


@click.command("up")
@click.argument("services", nargs=-1, metavar="[SERVICES]...")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="PORT", help="Of the broker; by default any that is free."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA,
    show_default=True,
    help="Where the broker keeps its data.",
)
@click.option("--agents", "modules", multiple=True, metavar="MODULE", help="Run the agents of a Python module.")
@click.option("--verbose", "-v", is_flag=True, help="Log what happens, with stack traces.")
def command(services: tuple[str, ...], port: int | None, data: Path, modules: tuple[str, ...], verbose: bool) -> None:
    """Run SERVICES (router, worker, collector, gateway; all of them by default) until stopped with Ctrl-C.

    Starts a broker of its own, with its data in this folder, unless QUORATE_NATS_URL names one. Run it as often as
    you like against one broker: the services share the work.
    """
    log_to_stderr(logging.INFO if verbose else logging.WARNING, traces=verbose)
    settings = load()
    installed = installed_services()
    if unknown := [name for name in services if name not in installed]:
        raise click.UsageError(f"no service {', '.join(unknown)}: choose from {', '.join(sorted(installed))}")
    chosen = [installed[name] for name in (services or sorted(installed))]
    for service in chosen:
        if service.lacks:
            said = f"{service.name} needs {', '.join(service.lacks)}: pip install 'quorate[{service.name}]'"
            if services:
                raise Misconfigured(said)
            click.echo(f"without {said}", err=True)
    chosen = [service for service in chosen if not service.lacks]
    settings = settings.model_copy(update={"agent_modules": (*settings.agent_modules, *agent_files(modules))})
    if settings.nats_url and port is not None:
        raise click.UsageError("--port is for a broker of one's own, and QUORATE_NATS_URL names another")
    with contextlib.nullcontext() if settings.nats_url else _own_broker(data, port) as broker:
        url = settings.nats_url or (broker.url if broker else "")
        with _run_file(data) as write:
            _run(chosen, settings.model_copy(update={"nats_url": url}), broker, write)


@contextlib.contextmanager
def _run_file(data: Path) -> Iterator[Callable[[str, str | None], None]]:
    with contextlib.ExitStack() as stack:
        try:
            write = stack.enter_context(run_file(data))
        except OSError as error:
            # A container's file system may be read-only; there QUORATE_NATS_URL tells where the broker is.
            click.echo(f"{data}/run.json cannot be written: {error.strerror}", err=True)
            yield lambda _nats_url, _http_url: None
            return
        yield write


@contextlib.contextmanager
def _own_broker(data: Path, port: int | None) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(data, port=port)
    broker.start()
    keep_out_of_git(data)
    try:
        broker.wait_ready(BOOT_S)
        yield broker
    finally:
        broker.stop()


def _run(
    services: Sequence[Service],
    settings: Settings,
    broker: EmbeddedBroker | None,
    write: Callable[[str, str | None], None],
) -> None:
    try:
        from quorate.application import Application
    except ImportError as error:
        raise Misconfigured(
            f"the services need {error.name}: pip install 'quorate[router,worker,collector,gateway]'"
        ) from error
    url = settings.nats_url or ""

    def on_ready(told: Mapping[str, str]) -> None:
        http_url = told.get("http_url")
        write(url, http_url)
        names = ", ".join(service.name for service in services)
        for line in filter(None, (without_secrets(url), http_url)):
            click.echo(line)
        click.echo(f"ready: {names} (pid {os.getpid()}); Ctrl-C stops")

    async def run() -> None:
        application = Application(services, settings, on_ready=on_ready)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(_keep_alive(broker))
            await application.run()
            keeping.cancel()

    try:
        _run_loop(run())
    except* Exception as group:
        # What ends the services is one error; the group is the event loop's way of carrying it.
        raise group.exceptions[0] from None


async def _keep_alive(broker: EmbeddedBroker | None) -> None:
    """Start our broker again should it die; the services wait for it meanwhile."""
    while broker is not None:
        await asyncio.sleep(CHECK_BROKER_S)
        if not broker.alive:
            click.echo("the broker has died; starting it again", err=True)
            await asyncio.to_thread(broker.restart, BOOT_S)


def _run_loop(main: Coroutine[None, None, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
