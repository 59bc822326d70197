"""The command line as a whole: its help, what it refuses before it asks anyone, and how it ends."""

import importlib
import logging
import pkgutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from quorate.errors import ConnectionLost, Misconfigured, QuorateError
from quorate_cli import commands, main
from quorate_cli.exits import Terminated
from quorate_cli.logs import log_to_stderr

WIDTH = 80
TASK = "t" + "0" * 32
USAGE = "Usage: quorate failing [OPTIONS]\nTry 'quorate failing --help' for help.\n\n"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and nobody's settings."""
    for name in ("QUORATE_NATS_URL", "QUORATE_CONFIG", "QUORATE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main.quorate, arguments, input=stdin, env={"COLUMNS": str(WIDTH)})


def all_commands() -> Iterator[tuple[str, ...]]:
    """The names that lead to every command and group, from the outermost."""

    def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from walk(inner, (*path, name))

    yield from walk(main.quorate, ())


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = main.quorate
    for name in path:
        assert isinstance(command, click.Group)
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        command = inner
    return command


@pytest.mark.parametrize("path", list(all_commands()), ids=" ".join)
def test_help_mentions_every_option_and_fits_a_terminal(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help")

    assert shown.exit_code == 0
    assert [line for line in shown.output.splitlines() if len(line) > WIDTH] == []
    told = [line for line in shown.output.splitlines() if not line.startswith("Usage:")]
    assert [line for line in told if line.endswith("...")] == [], "a sentence is cut"
    for parameter in command_at(path).params:
        if isinstance(parameter, click.Option):
            assert all(name in shown.output for name in parameter.opts)
            assert parameter.help, f"{parameter.name} says nothing"


def test_without_arguments_the_help_is_shown() -> None:
    shown = run()

    assert shown.output == run("--help").output
    assert "quorate review" in shown.output


def test_every_command_is_a_module_and_listed() -> None:
    modules = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert modules == set(main.COMMANDS)
    shown = run("--help").output
    for name, told in main.COMMANDS.items():
        assert importlib.import_module(f"quorate_cli.commands.{name}").command.name == name
        assert told in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "No such command 'nowhere'"),
        (["review", "--nowhere"], "No such option '--nowhere'"),
        (["review", "--format", "xml"], "'xml' is not one of"),
        (["up", "--port", "0"], "0 is not in the range"),
        (["up", "nowhere"], "no service nowhere: choose from"),
        (["submit", "nap"], "Missing option '--input'"),
        (["submit", "Nap", "--input", "-"], "'Nap' is no kind of task"),
        (["submit", "a.b", "--input", "-"], "'a.b' is no kind of task"),
        (["submit", "nap\n", "--input", "-"], "is no kind of task"),
        (["submit", "nap", "--input", "absent.json"], "absent.json"),
        (["submit", "nap", "--input", "-", "--deadline", "0"], "is not in the range"),
        (["submit", "nap", "--input", "-", "--label", "a"], "a --label is NAME=VALUE"),
        (["tail", "a.b"], "'a.b' is no kind of task"),
        (["tail", ">"], "'>' is no kind of task"),
        (["tail", "--count", "0"], "0 is not in the range"),
        (["dead", "show", "first"], "'first' is not a valid integer"),
        (["doctor", "--timeout", "-1"], "is not in the range"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(arguments: list[str], said: str) -> None:
    shown = run(*arguments, stdin="{}")

    assert shown.exit_code == 2
    assert said in shown.output


@pytest.mark.parametrize("stdin", ["", "[1]", '"x"', '{"s": NaN}', '{"s": -Infinity}', "{", "[" * 100_000, b"\xff"])
def test_an_input_that_is_no_json_object_is_refused(stdin: str | bytes) -> None:
    shown = run("submit", "nap", "--input", "-", stdin=stdin)

    assert shown.exit_code == 2
    assert "Error: --input -: " in shown.output


@pytest.mark.parametrize("command", ["show", "events", "cancel"])
@pytest.mark.parametrize("id", ["", "*", ">", "nope", TASK + "\n", TASK.upper(), "../x"])
def test_what_is_no_id_of_a_task_is_refused(command: str, id: str) -> None:
    shown = run("task", command, "--", id)

    assert shown.exit_code == 2
    assert "is no id of a task" in shown.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["tail"],
        ["submit", "nap", "--input", "-"],
        ["agents"],
        ["dead", "list"],
        ["dead", "show", "1"],
        ["dead", "replay", "1"],
        ["task", "show", TASK],
        ["task", "events", TASK],
        ["task", "cancel", TASK],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_without_a_system_every_command_says_how_to_have_one(arguments: list[str]) -> None:
    shown = run(*arguments, stdin="{}")

    assert shown.exit_code == 2
    assert "nothing is running here (.quorate/run.json): start it with `quorate up`" in shown.output


# How it ends


class Ended(Exception):
    """Stands in for the end of the process."""

    def __init__(self, code: int) -> None:
        self.code = code


def end(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Run the entry point with a command that ends by an error; returns the exit code."""

    def failing() -> None:
        raise error

    def at_once(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(main.Commands, "get_command", lambda *_: click.Command("failing", callback=failing))
    monkeypatch.setattr(main, "drop_output", lambda: None)
    monkeypatch.setattr("os._exit", at_once)
    monkeypatch.setattr(sys, "argv", ["quorate", "failing"])
    try:
        main.main()
    except Ended as ended:
        return ended.code
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (QuorateError("it rained; wait"), 3, "quorate: it rained; wait\n"),
        (ConnectionLost("gone"), 3, "quorate: gone\n"),
        (Misconfigured("set it right"), 2, "quorate: set it right\n"),
        (ExceptionGroup("", [ExceptionGroup("", [Misconfigured("inner")])]), 2, "quorate: inner\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x.json"),
            3,
            "quorate: No such file or directory: x.json\n",
        ),
        (click.UsageError("like this"), 2, USAGE + "Error: like this\n"),
        (BrokenPipeError(32, "Broken pipe"), 0, ""),
        (KeyboardInterrupt(), 130, "\nstopped\n"),
        (Terminated(), 128 + signal.SIGTERM, "\nstopped\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_is_a_sentence_and_an_exit_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert end(monkeypatch, error) == code
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", said)


def test_what_nobody_expected_is_told_without_its_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end(monkeypatch, RuntimeError("kaput")) == 3
    told = capsys.readouterr().err
    assert told.startswith("quorate: unexpected RuntimeError: kaput")
    assert "Traceback" not in told
    assert "QUORATE_TRACEBACK=1" in told

    monkeypatch.setenv("QUORATE_TRACEBACK", "1")
    assert end(monkeypatch, RuntimeError("kaput")) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("traces", [False, True])
def test_errors_are_logged_with_their_cause_and_with_traces_if_asked(
    traces: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    log_to_stderr(logging.WARNING, traces=traces)
    try:
        raise RuntimeError("kaput")
    except RuntimeError:
        logging.getLogger("quorate.test").exception("%s failed", "it")
    logging.getLogger("quorate.test").info("quiet")

    told = capsys.readouterr().err
    assert "ERROR quorate.test it failed" in told
    assert "RuntimeError: kaput" in told
    assert ("Traceback" in told) == traces
    assert "quiet" not in told
