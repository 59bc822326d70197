"""What runs in a folder: the file that `quorate up` leaves, and where the broker is."""

import fcntl
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from quorate.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from quorate.client import Client
    from quorate.settings import Settings

DATA = ".quorate"
LOCK = "run.lock"


class RunFile(NamedTuple):
    """What `quorate up` of a folder says about itself."""

    nats_url: str
    http_url: str | None
    pid: int


@contextmanager
def run_file(data: Path) -> Iterator[Callable[[str, str | None], None]]:
    """Hold the folder's run file for as long as the block lasts; what is given writes it, with the URLs of the broker
    and of the gateway, if one runs.

    Of several `quorate up` in one folder, which an external broker allows, the first one holds it.
    """
    data.mkdir(parents=True, exist_ok=True)
    keep_out_of_git(data)
    with (data / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield lambda _nats_url, _http_url: None
            return

        def write(nats_url: str, http_url: str | None) -> None:
            body = {"nats_url": nats_url, "http_url": http_url, "pid": os.getpid()}
            temporary = data / "run.json.new"
            temporary.unlink(missing_ok=True)
            # The URL of an external broker may hold a password.
            temporary.touch(0o600)
            temporary.write_text(json.dumps(body, indent=2) + "\n")
            temporary.replace(data / "run.json")

        try:
            yield write
        finally:
            (data / "run.json").unlink(missing_ok=True)


def keep_out_of_git(data: Path) -> None:
    """The folder lies in people's working trees and is nobody's change."""
    ignore = data / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def read_run_file(data: Path) -> RunFile | None:
    """The running `quorate up` of the folder, or None when none runs.

    The file is believed only while its writer holds the lock beside it, and only if it is our own: a folder under
    review may hold a file that names somebody else's broker, and nobody can put a held lock into a repository.
    """
    try:
        if not _is_held(data / LOCK) or (data / "run.json").stat().st_uid != os.getuid():
            return None
        body = json.loads((data / "run.json").read_text())
        return RunFile(str(body["nats_url"]), body.get("http_url"), int(body["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_held(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def agent_files(modules: Iterable[str]) -> tuple[str, ...]:
    """Modules named on the command line: one that lies in the current folder becomes the path of its file."""
    found = []
    for name in modules:
        file = Path(name if name.endswith(".py") else name.replace(".", "/") + ".py")
        found.append(str(file.resolve()) if file.is_file() else name)
    return tuple(found)


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
    folder = tempfile.TemporaryDirectory(prefix="quorate-", ignore_cleanup_errors=True)
    broker = EmbeddedBroker(Path(folder.name))
    try:
        broker.start()
        yield broker
    finally:
        # Nothing of it is kept, so there is nothing to wait for; and whoever gives up now must not leave a half of it.
        with _undisturbed():
            broker.kill()
            broker.stop()
            folder.cleanup()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that come within the block count when it ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA,
    show_default=True,
    help="The folder of the running `quorate up`.",
)
