"""``quorate review``: a change in, one verdict out."""

import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from quorate_cli.change import Change
from quorate_cli.exits import terminate
from quorate_cli.git import ChangeError
from quorate_cli.local import DATA, known_url, throw_away_broker
from quorate_cli.source import Source

if TYPE_CHECKING:
    from quorate.contract.finding import Severity
    from quorate.render import Format
    from quorate.settings import Settings
    from quorate_cli.reviewing import Options

FORMATS = ("text", "json", "markdown", "sarif", "html")
SEVERITIES = ("critical", "high", "medium", "low", "info", "never")


def files_by_format(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, Path], ...]:
    """``FORMAT=FILE`` as a pair, each."""
    pairs = [value.partition("=") for value in values]
    for format_, _, file in pairs:
        if format_ not in FORMATS or not file:
            wanted = f"give {'|'.join(FORMATS)}=FILE, such as sarif=review.sarif"
            raise click.BadParameter(wanted, param=parameter)
        if not Path(file).absolute().parent.is_dir():
            raise click.BadParameter(f"there is no folder {Path(file).absolute().parent}", param=parameter)
    return tuple((format_, Path(file)) for format_, _, file in pairs)


@click.command("review")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--range", "range_", metavar="A..B", help="Review commits: A..B, A...B, or one commit.")
@click.option("--staged", "only_staged", is_flag=True, help="Review what is staged for the next commit.")
@click.option("--patch", metavar="FILE|-", help="Review a patch file, or one from standard input.")
@click.option("--all-files", is_flag=True, help="Review every tracked file, whole.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Of the output.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="high",
    show_default=True,
    help="Exit with 1 when a confirmed finding is at least this severe.",
)
@click.option("--all", "all_lines", is_flag=True, help="Also show findings outside the changed lines.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@click.option(
    "--also",
    multiple=True,
    metavar="FORMAT=FILE",
    callback=files_by_format,
    help="Write to a file in another format, too.",
)
@click.option(
    "--baseline",
    "named_baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Hide what this baseline knows.  [default: .quorate-baseline.json of the repository]",
)
@click.option("--no-baseline", is_flag=True, help="Show what the baseline knows, too.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes of what is shown to the working tree.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--agents", "modules", multiple=True, metavar="MODULE", help="Add the agents of a Python module.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.option("--watch", is_flag=True, help="Review again whenever the change has changed.")
def command(
    path: Path,
    range_: str | None,
    only_staged: bool,
    patch: str | None,
    format_: "Format",
    fail_on: "Severity | Literal['never']",
    all_lines: bool,
    output: Path | None,
    modules: tuple[str, ...],
    quiet: bool,
    all_files: bool,
    also: tuple[tuple["Format", Path], ...],
    named_baseline: Path | None,
    no_baseline: bool,
    watch: bool,
    fix: bool,
    diff: bool,
) -> None:
    """Review what changed in the git repository at PATH: by default everything since the last commit.

    Runs on its own, without a server. Where `quorate up` runs in this folder, its agents are used.

    \b
    Exit codes:
      0  nothing at or above --fail-on     2  wrong usage, or not a change
      1  something                         3  could not be completed
    """
    source = Source(path, range_, only_staged, patch, all_files)
    if source.is_ambiguous:
        raise click.UsageError("give at most one of --range, --staged, --patch and --all-files")
    if named_baseline is not None and no_baseline:
        raise click.UsageError("give --baseline or --no-baseline")
    if output is not None and not output.absolute().parent.is_dir():
        raise click.UsageError(f"--output {output}: there is no folder {output.absolute().parent}")
    if watch and (range_ is not None or patch is not None or all_files):
        raise click.UsageError("--watch goes with the working tree or with --staged: nothing else changes by itself")
    if watch and (format_ != "text" or output is not None or also):
        raise click.UsageError("--watch shows reviews in the terminal: it goes with no --format, --output or --also")
    if fix or diff:
        _refuse_fixing(source, watch)
    from quorate.settings import load

    signal.signal(signal.SIGTERM, terminate)
    settings = load()

    def options(change: Change) -> "Options":
        from quorate_cli.baseline_source import find_baseline
        from quorate_cli.reviewing import Options

        return Options(
            format=format_,
            fail_on=None if fail_on == "never" else fail_on,
            all_lines=all_lines,
            output=output,
            modules=modules,
            quiet=quiet,
            nothing=source.nothing,
            also=also,
            baseline=None if no_baseline else find_baseline(change, named_baseline),
            fix="show" if diff else "write" if fix else None,
        )

    if watch:
        from quorate_cli.watch import watch_source

        watch_source(source, lambda change: _review(lambda: change, settings, options))
    sys.exit(_review(source.read, settings, options))


def _review(read: Callable[[], Change], settings: "Settings", options: Callable[[Change], "Options"]) -> int:
    """One review; returns the exit code."""
    url = known_url(settings, Path(DATA))
    with throw_away_broker() if url is None else contextlib.nullcontext() as broker:
        # The broker boots and git reads the change while the rest of the program is imported. It is not the change
        # that another thread reads, since Ctrl-C interrupts only this one.
        importing = threading.Thread(target=_import_the_rest, daemon=True)
        importing.start()
        try:
            change = read()
        except ChangeError as error:
            raise click.UsageError(str(error)) from error
        importing.join()
        from quorate_cli.reviewing import review

        return review(change, settings, url=url, broker=broker, options=options(change))


def _refuse_fixing(source: Source, watch: bool) -> None:
    """Only what is reviewed as it lies in the working tree can be fixed there."""
    if source.range is not None or source.patch is not None:
        raise click.UsageError("--fix and --diff go with the working tree: leave out --range and --patch")
    if source.staged:
        raise click.UsageError(
            "--fix and --diff go with the working tree: leave out --staged, and `git add` the files afterwards"
        )
    if watch:
        raise click.UsageError("--fix and --diff go without --watch: no file is changed while you write it")


def _import_the_rest() -> None:
    # What is wrong with it is told where it is needed.
    with contextlib.suppress(Exception):
        importlib.import_module("quorate_cli.reviewing")
