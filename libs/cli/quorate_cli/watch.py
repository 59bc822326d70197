"""Review again and again: whenever the change to review is another one."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import click

from quorate.errors import QuorateError
from quorate.render.clean import one_line
from quorate_cli.change import Change
from quorate_cli.exits import Terminated, terminate
from quorate_cli.git import ChangeError
from quorate_cli.local import DATA
from quorate_cli.source import Source

QUIET_MS = 100
"""A save is over when nothing has changed for so long: editors write a file in several steps."""
LONGEST_MS = 2_000
"""Where files change all the time, they are looked at this often."""

LOOK_MS = 1_000
"""How often the watcher looks whether it shall stop."""

MAX_NAMED = 3
_OF_GIT = frozenset({"HEAD", "index"})
"""What git writes when the last commit or what is staged is another one."""


def watch_source(source: Source, review: Callable[[Change], int]) -> NoReturn:
    """Review ``source`` now and after each change of it, until interrupted.

    What is compared is the change itself, as git reads it: ignored files count as little as a save without a
    difference. The first review fails as any; what goes wrong later is told, and the next change tries again.
    """
    last = _first(source)
    stop = threading.Event()
    _show(last, "", review, stop, fails=True)
    for events in _saves(_folders(source.path, last), stop):
        try:
            now = source.read()
        except ChangeError as error:
            click.echo(f"{_clock()}  {error}", err=True)
            continue
        if now != last:
            named = _differing(last, now) or [Path(path).name for _, path in sorted(events)]
            last = now
            _show(now, _named(named), review, stop)
    raise Terminated


def _saves(folders: list[Path], stop: threading.Event) -> Iterator[set[tuple[int, str]]]:
    """What has changed, whenever something has, until it shall stop; at first once in any case.

    Something may have changed before the watch began.
    """
    try:
        from watchfiles import watch
    except ImportError as error:
        raise QuorateError("--watch needs the package watchfiles: pip install watchfiles") from error
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    began = False
    try:
        for events in watch(
            *folders,
            watch_filter=_counts,
            step=QUIET_MS,
            debounce=LONGEST_MS,
            rust_timeout=LOOK_MS,
            stop_event=stop,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if events or not began:
                began = True
                yield {(int(kind), path) for kind, path in events}
    except OSError as error:
        raise QuorateError(
            f"the folder cannot be watched: {error.strerror or error}. Where the system's limit for watched files is "
            "reached, set WATCHFILES_FORCE_POLLING=1"
        ) from error


def _first(source: Source) -> Change:
    try:
        return source.read()
    except ChangeError as error:
        raise click.UsageError(str(error)) from error


def _show(
    change: Change, trigger: str, review: Callable[[Change], int], stop: threading.Event, *, fails: bool = False
) -> None:
    if sys.stdout.isatty():
        click.clear()
    elif trigger:
        click.echo()
    click.echo(f"{_clock()}  {trigger or 'watching; Ctrl-C stops'}\n")
    signal.signal(signal.SIGTERM, terminate)
    try:
        review(change)
    except QuorateError as error:
        if fails:
            raise
        click.echo(f"quorate: {error}", err=True)
    sys.stdout.flush()
    # While it waits, the watcher takes every signal for Ctrl-C: the event tells which one came.
    signal.signal(signal.SIGTERM, lambda *_: stop.set())


def _folders(path: Path, change: Change) -> list[Path]:
    """What is watched: the folder, and git's own one, which tells of commits."""
    folder = path.resolve() if path.is_dir() else path.resolve().parent
    git = change.top / ".git" if change.top else folder
    if git.is_file():  # as in a linked working tree
        git = change.top / git.read_text().removeprefix("gitdir:").strip() if change.top else folder
    return [folder, *([git] if git.is_dir() and not git.is_relative_to(folder) else [])]


def _counts(_kind: object, path: str) -> bool:
    """Whether it may matter that a path has changed."""
    parts = Path(path).parts
    return parts[-1] in _OF_GIT if ".git" in parts else DATA not in parts


def _differing(one: Change, other: Change) -> list[str]:
    """The files whose new contents differ between two changes."""
    names = one.files.keys() | other.files.keys()
    return sorted(name for name in names if one.files.get(name) != other.files.get(name))


def _named(paths: Iterable[str]) -> str:
    names = list(dict.fromkeys(one_line(path) for path in paths))
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED]) or 'something'}{more} changed"


def _clock() -> str:
    return time.strftime("%H:%M:%S")
