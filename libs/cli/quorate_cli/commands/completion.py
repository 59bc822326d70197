"""``quorate completion``: what a shell needs to complete the commands."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_QUORATE_COMPLETE"
"""Set by the scripts: click then answers with completions. It follows from the name of the program."""


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in your shell.

    \b
    bash  echo 'eval "$(quorate completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(quorate completion zsh)"' >> ~/.zshrc
    fish  quorate completion fish > ~/.config/fish/completions/quorate.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 click knows these three
    click.echo(completion(context.find_root().command, {}, "quorate", VARIABLE).source())
