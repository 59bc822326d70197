"""``quorate init``: a settings file to begin with."""

import contextlib
import os
from pathlib import Path

import click

from quorate.diagnosis import installed_diagnoses
from quorate.errors import Misconfigured, QuorateError
from quorate.render.clean import one_line
from quorate_cli.template import template

NEXT = """\
What to do next:
  quorate review              review what you changed since the last commit
  quorate baseline write      in old code: know what is there, and hear of new findings only
  quorate doctor              see what works here, and what is missing
docs/how-to/adopt.md goes through all of it, with a hook for git and a job for CI."""


@click.command("init")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.  [default: quorate/quorate.toml in your configuration folder]",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(output: Path | None, force: bool) -> None:
    """Write a settings file in which every setting is explained, and its default commented out.

    By default it is the file that is read by itself: yours. A file in a repository never is.
    """
    usual = _usual()
    file = output or usual
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already: look into it, or write over it with --force")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(template(), encoding="utf-8")
    except OSError as error:
        raise QuorateError(f"the settings could not be written to {file}: {error.strerror or error}") from error
    click.echo(f"written: {file}")
    named = os.environ.get("QUORATE_CONFIG")
    if Path(named or usual).resolve() != file.resolve():
        click.echo(f"It counts where it is named: export QUORATE_CONFIG={file.resolve()}")
    # What is wrong with other settings is what `quorate doctor` tells.
    with contextlib.suppress(Misconfigured):
        for diagnosis in installed_diagnoses():
            click.echo(f"{diagnosis.name}: {one_line(diagnosis.found)}")
            if more := diagnosis.hint or diagnosis.advice:
                click.echo(f"  {one_line(more)}")
    click.echo(f"\n{NEXT}")


def _usual() -> Path:
    """Where the settings are looked for when nothing names another file."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path(os.environ.get("HOME", "~")).expanduser() / ".config")
    return Path(home) / "quorate" / "quorate.toml"
