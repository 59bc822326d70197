"""Writing, showing and pruning a baseline."""

import contextlib
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import click

from quorate.contract.finding import SEVERITIES
from quorate.contract.result import Result
from quorate.errors import QuorateError
from quorate.render import account, attendance
from quorate.render.clean import one_line
from quorate.settings import load
from quorate_cli.baseline import DEFAULT, Baseline, Entry, baseline_of, dump, joined, matched
from quorate_cli.baseline_source import read_baseline
from quorate_cli.change import Change, all_files
from quorate_cli.exits import terminate
from quorate_cli.git import ChangeError
from quorate_cli.local import DATA, known_url, throw_away_broker
from quorate_cli.logs import log_to_stderr
from quorate_cli.repository import open_repository
from quorate_cli.reviewing import Options, obtain

MAX_NAMED = 5


def write(path: Path, file: Path | None, modules: tuple[str, ...], quiet: bool) -> None:
    """Review all tracked files below ``path`` and keep what is found; what the file has of other paths stays."""
    change = _change(path)
    file = file or _top_of(change) / DEFAULT
    is_below = _scope(path, _top_of(change))
    before = read_baseline(file) if file.exists() else None
    found = baseline_of(_reviewed(change, modules, quiet))
    rest = [entry for entry in before.entries if not is_below(entry.path)] if before else []
    now = Baseline(joined(found.entries, rest), {**(before.agents if before and rest else {}), **found.agents})
    _save(now, file)
    click.echo(f"{_told(now.entries)} written to {_shown(file)}{_difference(before, now)}")
    if before is None:
        click.echo("Commit it: reviews of commits read the baseline of the commit that they compare with.")


def show(file: Path | None) -> None:
    """Print what a baseline has, by file."""
    baseline = read_baseline(file or _default())
    path = None
    for entry in baseline.entries:
        if entry.path != path:
            path = entry.path
            click.echo(one_line(path))
        times = f" ×{entry.count}" if entry.count > 1 else ""
        message = f"  {entry.message}" if entry.message else ""
        click.echo(f"  {entry.severity:<8}  {one_line(f'{entry.rule}{times}{message}')}")
    agents = ", ".join(f"{name} {version}" for name, version in sorted(baseline.agents.items()))
    click.echo(f"{_told(baseline.entries)}, found by {one_line(agents) or 'nobody'}")


def prune(path: Path, file: Path | None, modules: tuple[str, ...], quiet: bool) -> None:
    """Remove what no longer occurs below ``path``. Raises QuorateError when that cannot be told."""
    change = _change(path)
    file = file or _top_of(change) / DEFAULT
    before = read_baseline(file)
    result = _reviewed(change, modules, quiet)
    # A tool that is not here finds nothing, which does not mean that there is nothing.
    able = {name for name, agent in result.coverage.agents.items() if agent.state in ("ok", "skipped")}
    if gone := sorted(before.agents.keys() - able):
        raise QuorateError(
            f"nothing was removed: {', '.join(gone)} looked when the baseline was written and did not now. "
            "Install what is missing, or write the baseline anew"
        )
    counts = Counter(entry.fingerprint for entry in matched(before.entries, result.findings).values())
    unread = set(result.coverage.unread) | set(change.unreadable)
    is_below = _scope(path, _top_of(change))
    left = []
    for entry in before.entries:
        count = entry.count
        if is_below(entry.path) and entry.path not in unread:
            count = counts[entry.fingerprint]
        if count:
            left.append(entry.model_copy(update={"count": count}))
    now = replace(before, entries=tuple(left))
    if now.entries == before.entries:
        click.echo(f"Nothing to remove: all of {_told(before.entries)} still occur")
        return
    _save(now, file)
    click.echo(f"{_told(now.entries)} left in {_shown(file)}{_difference(before, now)}")


def _change(path: Path) -> Change:
    try:
        return all_files(path)
    except ChangeError as error:
        raise click.UsageError(str(error)) from error


def _top_of(change: Change) -> Path:
    assert change.top is not None  # noqa: S101 only a patch has none
    return change.top


def _default() -> Path:
    try:
        with open_repository(Path()) as repository:
            return repository.top / DEFAULT
    except ChangeError as error:
        raise click.UsageError(f"{error} Or name the baseline with --file.") from error


def _scope(path: Path, top: Path) -> Callable[[str], bool]:
    """Whether a path of the repository is ``path`` or below it."""
    here = path.resolve().relative_to(top.resolve()).as_posix()
    return lambda name: here in (".", name) or name.startswith(f"{here}/")


def _reviewed(change: Change, modules: tuple[str, ...], quiet: bool) -> Result:
    """The result of a review that everyone who was asked took part in. Raises QuorateError for any other."""
    if not change.diff:
        raise click.UsageError("git tracks no file here: `git add` some, or name another PATH")
    signal.signal(signal.SIGTERM, terminate)
    log_to_stderr(logging.ERROR)
    settings = load()
    options = Options(
        format="text",
        fail_on=None,
        all_lines=False,
        output=None,
        modules=modules,
        quiet=quiet,
        nothing="",
    )
    url = known_url(settings, Path(DATA))
    with throw_away_broker() if url is None else contextlib.nullcontext() as broker:
        result = obtain(change, settings, url=url, broker=broker, options=options)
    if result.state != "completed" or result.partial:
        why = one_line(result.reason or "no reason was given").rstrip(" .:")
        raise QuorateError(
            f"no baseline without a complete review, and this one is {result.state}"
            f"{' in part' if result.partial else ''}: {why}. "
            "Go folder by folder if it takes too long: what a baseline has of other paths stays"
        )
    lacking = [name for each in attendance.not_installed(result) for name in each.names]
    if lacking:
        click.echo(f"not installed, so nothing is known of what these would find: {', '.join(lacking)}", err=True)
    unread = sorted({*result.coverage.unread, *change.unreadable})
    if unread:
        named = ", ".join(map(one_line, unread[:MAX_NAMED])) + (", …" if len(unread) > MAX_NAMED else "")
        click.echo(f"read by no agent, so nothing is known of {account.plural(len(unread), 'file')}: {named}", err=True)
    return result


def _save(baseline: Baseline, file: Path) -> None:
    """Written whole or not at all."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        temporary.write_text(dump(baseline), encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise QuorateError(f"the baseline could not be written to {file}: {error.strerror or error}") from error


def _shown(file: Path) -> str:
    """As short as it can be named from here."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def _told(entries: Iterable[Entry]) -> str:
    """``4 findings (1 high, 3 low)``."""
    counts: Counter[str] = Counter()
    for entry in entries:
        counts[entry.severity] += entry.count
    by_severity = ", ".join(f"{counts[severity]:,} {severity}" for severity in SEVERITIES if counts[severity])
    return account.plural(counts.total(), "finding") + (f" ({by_severity})" if by_severity else "")


def _difference(before: Baseline | None, now: Baseline) -> str:
    """``: 2 more, 1 gone``."""
    if before is None:
        return ""
    old = Counter({entry.fingerprint: entry.count for entry in before.entries})
    new = Counter({entry.fingerprint: entry.count for entry in now.entries})
    added, removed = (new - old).total(), (old - new).total()
    return f": {added:,} more, {removed:,} gone" if added or removed else ": as before"
