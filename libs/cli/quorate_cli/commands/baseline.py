"""``quorate baseline``: findings that a team knows about, so that reviews tell of new ones only."""

import importlib
from pathlib import Path
from types import ModuleType

import click

path_argument = click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
file_option = click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The baseline.  [default: .quorate-baseline.json at the top of the repository]",
)
agents_option = click.option(
    "--agents", "modules", multiple=True, metavar="MODULE", help="Add the agents of a Python module."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress.")


@click.group("baseline")
def command() -> None:
    """Look at what is known of old code, or write it down.

    `quorate review` does not show what the baseline has, and says how many findings these are.
    """


@command.command("write")
@path_argument
@file_option
@agents_option
@quiet_option
def write(path: Path, file: Path | None, modules: tuple[str, ...], quiet: bool) -> None:
    """Keep as known what is found below PATH now.

    Every tracked file there is reviewed, whole. What the baseline has of other paths stays.
    """
    baselining().write(path, file, modules, quiet)


@command.command("show")
@file_option
def show(file: Path | None) -> None:
    """Print what the baseline has, by file."""
    baselining().show(file)


@command.command("prune")
@path_argument
@file_option
@agents_option
@quiet_option
def prune(path: Path, file: Path | None, modules: tuple[str, ...], quiet: bool) -> None:
    """Remove what no longer occurs below PATH. Nothing is added."""
    baselining().prune(path, file, modules, quiet)


def baselining() -> ModuleType:
    """Imported when a command runs: completing its name takes a fifth of the time."""
    return importlib.import_module("quorate_cli.baselining")
