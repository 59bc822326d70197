"""Completion in a real shell, as a user has it after sourcing the script."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate_cli.main import COMMANDS
from tests.e2e.support import Shell, shell

ASK = """
source <(quorate completion bash)
COMP_WORDS=(%s) COMP_CWORD=%d
_quorate_completion quorate
printf '%%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def quorate(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path) as opened:
        yield opened


def completed(quorate: Shell, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    quoted = " ".join(f"'{word}'" for word in ("quorate", *words))
    done = quorate.run(["bash", "-euc", ASK % (quoted, len(words))])
    assert done.code == 0, done.err
    assert done.err == ""
    return done.out.split()


def test_bash_completes_commands(quorate: Shell) -> None:
    assert completed(quorate, "rev") == ["review"]
    assert completed(quorate, "") == list(COMMANDS)


def test_bash_completes_what_belongs_to_a_command(quorate: Shell) -> None:
    assert completed(quorate, "review", "--sta") == ["--staged"]
    assert completed(quorate, "review", "--fail-on", "cr") == ["critical"]
    assert completed(quorate, "baseline", "") == ["prune", "show", "write"]
    assert completed(quorate, "completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize(("name", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_script_is_one_of_its_shell(quorate: Shell, name: str, check: list[str]) -> None:
    done = quorate("completion", name)
    assert (done.code, done.err) == (0, "")
    assert "_QUORATE_COMPLETE" in done.out
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed, so its script was not read by it")
    quorate.write("script", done.out)
    assert quorate.run([name, *check, "script"]).code == 0


def test_a_shell_that_is_not_known_is_refused(quorate: Shell) -> None:
    assert quorate("completion", "tcsh").code == 2


def test_the_names_of_commands_are_completed_without_importing_any(quorate: Shell) -> None:
    """Each command takes up to a quarter of a second to import, and a key is pressed."""
    program = (
        "import json, os, sys\n"
        "from quorate_cli.main import quorate\n"
        "try:\n    quorate.main(prog_name='quorate')\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps([n for n in sys.modules if n.startswith(('quorate_cli.commands', 'pydantic', 'nats'))]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=quorate.environment | {"_QUORATE_COMPLETE": "bash_complete", "COMP_WORDS": "quorate ", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    *offered, imported = done.stdout.splitlines()
    assert [line.partition(",")[2] for line in offered] == list(COMMANDS)
    assert json.loads(imported) == []
