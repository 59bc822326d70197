"""Running a tool: nothing comes in that was not given, nothing is left behind."""

import asyncio
import gc
import json
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any

import pytest

from quorate_worker.adapters import process
from quorate_worker.adapters.process import ToolFailed, ToolFlooded, ToolMissing, ToolTimeout, run_tool

# Holds a pipe open in the tool and in its child: the pipe's end is reached when both are dead.
FAMILY = "exec 3>$0; sleep 60 & echo ready >&3; wait"


async def test_what_a_tool_writes_and_its_exit_code_are_returned(tmp_path: Path) -> None:
    output = await run_tool(["sh", "-c", "echo out; echo err >&2; exit 3"], cwd=tmp_path, home=tmp_path, timeout_s=30)

    assert (output.stdout, output.stderr, output.code) == (b"out\n", b"err\n", 3)
    assert 0 <= output.elapsed_ms < 30_000


async def test_a_tool_reads_what_it_is_given_and_else_nothing(tmp_path: Path) -> None:
    given = await run_tool(["cat"], cwd=tmp_path, home=tmp_path, timeout_s=30, stdin=b"x" * 1_000_000)
    nothing = await run_tool(["cat"], cwd=tmp_path, home=tmp_path, timeout_s=30)

    assert given.stdout == b"x" * 1_000_000
    assert nothing.stdout == b""


async def test_a_tool_that_ends_without_reading_its_input_is_no_error(tmp_path: Path) -> None:
    output = await run_tool(["true"], cwd=tmp_path, home=tmp_path, timeout_s=30, stdin=b"x" * 10_000_000)

    assert output.code == 0


async def test_a_tool_inherits_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUORATE_NATS_URL", "GITHUB_TOKEN", "PYTHONPATH", "RUFF_CONFIG", "LD_PRELOAD_TEST"):
        monkeypatch.setenv(name, "from outside")
    home = tmp_path / "home"
    home.mkdir()

    program = "import json, os; print(json.dumps([dict(os.environ), os.getcwd()]))"
    output = await run_tool([sys.executable, "-c", program], cwd=tmp_path, home=home, timeout_s=30)

    variables, folder = json.loads(output.stdout)
    variables.pop("__CF_USER_TEXT_ENCODING", None)  # macOS gives it to every process
    assert sorted(variables) == ["HOME", "LC_ALL", "NO_COLOR", "PATH", "TMPDIR"]
    assert variables["HOME"] == variables["TMPDIR"] == str(home)
    assert folder == os.fspath(tmp_path)


async def test_a_tool_out_of_time_is_killed_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = asyncio.ensure_future(asyncio.to_thread(fifo.read_bytes))

    with pytest.raises(ToolTimeout, match=r"sh was stopped after 1\.0 s: give the task a later deadline"):
        await run_tool(["sh", "-c", FAMILY, str(fifo)], cwd=tmp_path, home=tmp_path, timeout_s=1)

    assert await asyncio.wait_for(reading, 10) == b"ready\n"


async def test_a_canceled_run_leaves_no_process(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    running = asyncio.ensure_future(
        run_tool(["sh", "-c", FAMILY, str(fifo)], cwd=tmp_path, home=tmp_path, timeout_s=60)
    )
    with await asyncio.to_thread(fifo.open, "rb") as pipe:
        assert await asyncio.to_thread(pipe.readline) == b"ready\n"

        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert await asyncio.wait_for(asyncio.to_thread(pipe.read), 10) == b""


async def test_a_run_that_is_canceled_while_it_starts_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    go_on = asyncio.Event()
    start = asyncio.create_subprocess_exec

    async def slow_start(*argv: Any, **options: Any) -> Process:
        process = await start(*argv, **options)
        await go_on.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow_start)
    running = asyncio.ensure_future(
        run_tool(["sh", "-c", FAMILY, str(fifo)], cwd=tmp_path, home=tmp_path, timeout_s=60)
    )
    with await asyncio.to_thread(fifo.open, "rb") as pipe:
        assert await asyncio.to_thread(pipe.readline) == b"ready\n"

        running.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert await asyncio.wait_for(asyncio.to_thread(pipe.read), 10) == b""


def open_files() -> int:
    gc.collect()
    return sum(1 for _ in Path("/dev/fd").iterdir())


@pytest.mark.parametrize("redirection", ["", ">&2"])
async def test_a_tool_that_floods_is_stopped(tmp_path: Path, redirection: str) -> None:
    before = open_files()

    with pytest.raises(ToolFlooded, match="sh was stopped: it wrote more than 1000 bytes"):
        await run_tool(["sh", "-c", f"yes {redirection}"], cwd=tmp_path, home=tmp_path, timeout_s=60, max_output=1000)

    assert open_files() == before


async def test_a_tool_that_writes_until_its_time_is_out_leaves_no_pipe(tmp_path: Path) -> None:
    before = open_files()

    with pytest.raises(ToolTimeout):
        await run_tool(["yes"], cwd=tmp_path, home=tmp_path, timeout_s=0.1, max_output=2**40)

    assert open_files() == before


async def test_output_up_to_the_limit_is_kept(tmp_path: Path) -> None:
    output = await run_tool(["printf", "12345"], cwd=tmp_path, home=tmp_path, timeout_s=30, max_output=5)

    assert output.stdout == b"12345"


async def test_a_missing_tool_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"no-such-tool is not installed where the worker runs"):
        await run_tool(["no-such-tool"], cwd=tmp_path, home=tmp_path, timeout_s=30)


async def test_a_tool_in_the_reviewed_folder_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own-tool").write_text("#!/bin/sh\n")
    (tmp_path / "own-tool").chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".:{tmp_path}")

    with pytest.raises(ToolMissing):
        await run_tool(["own-tool"], cwd=tmp_path, home=tmp_path, timeout_s=30)


async def test_without_time_left_nothing_is_started(tmp_path: Path) -> None:
    with pytest.raises(ToolTimeout):
        await run_tool(["touch", "started"], cwd=tmp_path, home=tmp_path, timeout_s=-1)

    assert not (tmp_path / "started").exists()


def test_a_failure_quotes_the_end_of_what_the_tool_said() -> None:
    message = str(ToolFailed("ruff", "ended with code 2", b"x" * 10_000 + b"unknown rule \xff"))

    assert "ruff ended with code 2; it said: " in message
    assert "unknown rule \N{REPLACEMENT CHARACTER}; run `ruff --version`" in message
    assert len(message) < 700


def test_tools_are_first_looked_for_beside_this_python() -> None:
    assert Path(process.PATH.split(os.pathsep)[0], "ruff").exists()
