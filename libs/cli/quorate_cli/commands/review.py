"""``quorate review``: a change in, one verdict out."""

import contextlib
import importlib
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

import click

from quorate_cli.change import Change, commit_range, patch_file, staged, working_tree
from quorate_cli.exits import Terminated
from quorate_cli.git import ChangeError
from quorate_cli.local import DATA, known_url, throw_away_broker

if TYPE_CHECKING:
    from quorate.contract.finding import Severity
    from quorate_cli.render import Format

FORMATS = ("text", "json", "markdown", "sarif")
SEVERITIES = ("critical", "high", "medium", "low", "info", "never")


@click.command("review")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--range", "range_", metavar="A..B", help="Review commits: A..B, A...B, or one commit.")
@click.option("--staged", "only_staged", is_flag=True, help="Review what is staged for the next commit.")
@click.option("--patch", metavar="FILE|-", help="Review a patch file, or one from standard input.")
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
@click.option("--agents", "modules", multiple=True, metavar="MODULE", help="Add the agents of a Python module.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
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
) -> None:
    """Review what changed in the git repository at PATH: by default everything since the last commit.

    Runs on its own, without a server. Where `quorate up` runs in this folder, its agents are used.

    \b
    Exit codes:
      0  nothing at or above --fail-on     2  wrong usage, or not a change
      1  something                         3  could not be completed
    """
    if sum((range_ is not None, only_staged, patch is not None)) > 1:
        raise click.UsageError("give at most one of --range, --staged and --patch")
    if output is not None and not output.absolute().parent.is_dir():
        raise click.UsageError(f"--output {output}: there is no folder {output.absolute().parent}")
    from quorate.settings import load

    signal.signal(signal.SIGTERM, _terminate)
    settings = load()
    url = known_url(settings, Path(DATA))
    with throw_away_broker() if url is None else contextlib.nullcontext() as broker:
        # The broker boots and git reads the change while the rest of the program is imported. It is not the change
        # that another thread reads, since Ctrl-C interrupts only this one.
        importing = threading.Thread(target=_import_the_rest, daemon=True)
        importing.start()
        try:
            change = _read_change(path, range_, only_staged, patch)
        except ChangeError as error:
            raise click.UsageError(str(error)) from error
        importing.join()
        from quorate_cli.reviewing import Options, review

        options = Options(
            format=format_,
            fail_on=None if fail_on == "never" else fail_on,
            all_lines=all_lines,
            output=output,
            modules=modules,
            quiet=quiet,
            nothing=_nothing(range_, only_staged, patch),
        )
        code = review(change, settings, url=url, broker=broker, options=options)
    sys.exit(code)


def _import_the_rest() -> None:
    # What is wrong with it is told where it is needed.
    with contextlib.suppress(Exception):
        importlib.import_module("quorate_cli.reviewing")


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _nothing(range_: str | None, only_staged: bool, patch: str | None) -> str:
    """What to say when there is no change."""
    if patch is not None:
        return "the patch is empty"
    if range_ is not None:
        return f"{range_} changes nothing here"
    if only_staged:
        return "nothing is staged here; without --staged everything since the last commit is reviewed"
    return "nothing has changed here since the last commit; --range reviews commits"


def _read_change(path: Path, range_: str | None, only_staged: bool, patch: str | None) -> Change:
    if patch is not None:
        return patch_file(None, sys.stdin.buffer) if patch == "-" else patch_file(Path(patch), None)
    if range_ is not None:
        return commit_range(path, range_)
    return staged(path) if only_staged else working_tree(path)
