"""The command ``quorate``. Each command is a module of its own, imported when it is used."""

import contextlib
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import click

from quorate import __version__
from quorate.errors import QuorateError
from quorate_cli.exits import INTERRUPTED, OK, TERMINATED, Terminated, code_of, drop_output, root_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "review": "Review a change with every agent that is there.",
    "init": "Write a settings file to begin with.",
    "up": "Run the services, with a broker if none is given.",
    "submit": "Submit a task of any kind.",
    "tail": "Print results as they come.",
    "task": "Look at one task, or cancel it.",
    "agents": "List the agents that are alive.",
    "dead": "Look at messages that nobody could process.",
    "baseline": "Know old findings, so that reviews tell of new ones.",
    "doctor": "Check the installation and the running system.",
    "completion": "Print what a shell needs to complete commands.",
}


class Commands(click.Group):
    """Loads a command on first use: a review starts in a tenth of the time that all of them take."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"quorate_cli.commands.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[Any]]":
        """As click does it, without importing every command to learn its name."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=told) for name, told in COMMANDS.items() if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has gone, as `| head` does; that is no error. click would make it one.
            drop_output()
            ctx.exit(OK)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
\b
Start here:
  quorate review                 review what you changed since the last commit
  quorate review --range main..  review a branch
  quorate up                     keep the services running in this folder
""",
)
@click.version_option(__version__, prog_name="quorate")
def quorate() -> None:
    """Many agents look at the same thing; one verdict says what they concluded."""


def main() -> None:
    """The entry point. What goes wrong is told in a sentence; the exit code says what kind of thing it was."""
    _open_missing_streams()
    try:
        quorate.main(prog_name="quorate", standalone_mode=False)
    except click.Abort as error:
        click.echo("stopped", err=True)
        _end_at_once(TERMINATED if isinstance(error.__cause__, Terminated) else INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        cause = root_of(error)
        if isinstance(cause, OSError):
            drop_output()
        if os.environ.get("QUORATE_TRACEBACK"):
            traceback.print_exception(error)
        click.echo(f"quorate: {_told(cause)}", err=True)
        sys.exit(code_of(cause))


def _told(error: BaseException) -> str:
    if isinstance(error, QuorateError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return (
        f"unexpected {type(error).__name__}: {error}. Please report it, with what QUORATE_TRACEBACK=1 makes it print."
    )


def _end_at_once(code: int) -> NoReturn:
    """End without waiting for threads: interrupted in an import, this one may have left locked what they wait for."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _open_missing_streams() -> None:
    """Started with closed streams, as some daemons do it, Python has none, and files opened later take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 for as long as the process lasts
