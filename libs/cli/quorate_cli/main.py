"""The command ``quorate``. Each command is a module of its own, imported when it is used."""

import importlib
import sys

import click

from quorate import __version__

COMMANDS = {
    "review": "Review a change with every agent that is there.",
    "up": "Run the services, with a broker if none is given.",
    "submit": "Submit a task of any kind.",
    "tail": "Print results as they come.",
    "task": "Look at one task, or cancel it.",
    "agents": "List the agents that are alive.",
    "dead": "Look at messages that nobody could process.",
    "doctor": "Check the installation and the running system.",
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
\b
Start here:
  quorate review                  review what you changed since the last commit
  quorate review --range main..   review a branch
  quorate up                      keep the services running in this folder
""",
)
@click.version_option(__version__, prog_name="quorate")
def quorate() -> None:
    """Many agents look at the same thing; one verdict says what they concluded."""


def main() -> None:
    """The entry point. What goes wrong is told in a sentence; the exit code says what kind of thing it was."""
    from quorate.errors import Misconfigured, QuorateError

    try:
        quorate.main(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(130)
    except QuorateError as error:
        click.echo(f"quorate: {error}", err=True)
        sys.exit(2 if isinstance(error, Misconfigured) else 3)
    except BrokenPipeError:
        # Whoever read our output has gone, as `| head` does; that is no error.
        sys.stderr.close()
        sys.exit(0)
