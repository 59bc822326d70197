"""What runs in a folder: the file that `quorate up` leaves, and where the broker is."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from quorate.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from quorate.client import Client
    from quorate.settings import Settings

DATA = ".quorate"


class RunFile(NamedTuple):
    """What `quorate up` of a folder says about itself."""

    nats_url: str
    http_url: str | None
    pid: int


def write_run_file(data: Path, nats_url: str) -> None:
    data.mkdir(parents=True, exist_ok=True)
    keep_out_of_git(data)
    body = {"nats_url": nats_url, "http_url": None, "pid": os.getpid()}
    temporary = data / "run.json.new"
    temporary.write_text(json.dumps(body, indent=2) + "\n")
    temporary.replace(data / "run.json")


def remove_run_file(data: Path) -> None:
    """Only our own: another `quorate up` on the same external broker may have written it anew."""
    running = read_run_file(data)
    if running is not None and running.pid == os.getpid():
        (data / "run.json").unlink(missing_ok=True)


def keep_out_of_git(data: Path) -> None:
    """The folder lies in people's working trees and is nobody's change."""
    ignore = data / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def read_run_file(data: Path) -> RunFile | None:
    """The running `quorate up` of the folder, or None when none runs (a file it left behind does not count)."""
    try:
        body = json.loads((data / "run.json").read_text())
        found = RunFile(str(body["nats_url"]), body.get("http_url"), int(body["pid"]))
        os.kill(found.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def known_url(settings: "Settings", data: Path) -> str | None:
    """The broker to use: the one that is set, else that of the `quorate up` of this folder."""
    if settings.nats_url:
        return settings.nats_url
    running = read_run_file(data)
    return running.nats_url if running else None


def client_of(data: Path) -> "Client":
    """A client of the broker to use, for commands that make no sense without one. Enter it to connect."""
    from quorate.client import Client
    from quorate.settings import load

    settings = load()
    url = known_url(settings, data)
    if url is None:
        raise click.UsageError(
            f"nothing is running here ({data}/run.json): start it with `quorate up`, or set QUORATE_NATS_URL"
        )
    return Client(url, tenant=settings.tenant, credentials=settings.nats_credentials)


@contextmanager
def throw_away_broker() -> Iterator[EmbeddedBroker]:
    """A broker of one's own in a temporary folder, for as long as the block lasts. It boots in the background."""
    with tempfile.TemporaryDirectory(prefix="quorate-", ignore_cleanup_errors=True) as folder:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            # Nothing of it is kept, so there is nothing to wait for.
            broker.kill()
            broker.stop()


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA,
    show_default=True,
    help="The folder of the running `quorate up`.",
)
