"""``quorate review``: a change in, one verdict out."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from quorate_cli.change import Change, commit_range, patch_file, staged, working_tree
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
    url = known_url(Path(DATA))
    with throw_away_broker() if url is None else nullcontext() as broker, ThreadPoolExecutor(1) as beside:
        # The broker boots and git reads the change while the rest of the program is imported.
        reading = beside.submit(_read_change, path, range_, only_staged, patch)
        from quorate_cli.reviewing import Options, review

        try:
            change = reading.result()
        except ChangeError as error:
            raise click.UsageError(str(error)) from error
        options = Options(
            format=format_,
            fail_on=None if fail_on == "never" else fail_on,
            all_lines=all_lines,
            output=output,
            modules=modules,
            quiet=quiet,
        )
        code = review(change, url=url, broker=broker, options=options)
    sys.exit(code)


def _read_change(path: Path, range_: str | None, only_staged: bool, patch: str | None) -> Change:
    if patch is not None:
        return patch_file(None, sys.stdin.buffer) if patch == "-" else patch_file(Path(patch), None)
    if range_ is not None:
        return commit_range(path, range_)
    return staged(path) if only_staged else working_tree(path)
