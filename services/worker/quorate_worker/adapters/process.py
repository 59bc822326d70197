"""Running one outside tool: a clean environment, bounded time, bounded output, and nothing left behind."""

import asyncio
import os
import shutil
import signal
import sys
import sysconfig
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
MAX_OUTPUT = 64 * MIB
PATH = os.pathsep.join((sysconfig.get_path("scripts"), "/usr/local/bin", "/usr/bin", "/bin"))
"""Where tools are looked for: beside this Python first, where those are that were installed with us."""

PYTHON = (sys.executable, "-I", "-X", "utf8")
"""This Python, for tools that are modules: with -I no module of the reviewed code can be imported, and none of its
`sitecustomize`."""

_REAP_S = 5.0
_TAIL = 500


class ToolError(Exception):
    """A tool did not do its work; the message says why and what to do."""


class ToolMissing(ToolError):
    """The tool is not installed beside this Python, nor on the system."""

    def __init__(self, tool: str) -> None:
        super().__init__(f"{tool} is not installed where the worker runs")


class ToolTimeout(ToolError):
    """The tool was killed because its time was up."""

    def __init__(self, tool: str, seconds: float) -> None:
        super().__init__(
            f"{tool} was stopped after {seconds:.1f} s: give the task a later deadline, or split the change"
        )


class ToolFlooded(ToolError):
    """The tool was killed because it wrote more than is kept."""

    def __init__(self, tool: str, limit: int) -> None:
        super().__init__(f"{tool} was stopped: it wrote more than {limit} bytes; split the change")


class ToolFailed(ToolError):
    """The tool ended with an error of its own, or with output that nobody understands."""

    def __init__(self, tool: str, what: str, stderr: bytes = b"") -> None:
        said = stderr.decode("utf-8", "replace").strip()[-_TAIL:]
        super().__init__(
            f"{tool} {what}"
            + (f"; it said: {said}" if said else "")
            + f"; run `{tool} --version` where the worker runs, and report this if that works"
        )


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a finished tool left: its streams, its exit code (negative: the signal) and its time in ms."""

    stdout: bytes
    stderr: bytes
    code: int
    elapsed_ms: int


async def run_tool(
    argv: Sequence[str],
    *,
    cwd: Path,
    home: Path,
    timeout_s: float,
    stdin: bytes | None = None,
    max_output: int = MAX_OUTPUT,
    name: str | None = None,
) -> ToolOutput:
    """Run ``argv`` to its end and return what it wrote; any exit code is the caller's to judge.

    It inherits no variable, so neither tokens nor settings reach it. ``home`` is its home and its temporary
    folder, apart from ``cwd``: reviewed code must not be found as ``~/.config``. Without ``stdin`` its input
    is closed. Each stream may hold ``max_output`` bytes. ``name`` is what messages call it. On a timeout, on
    too much output and on cancellation its whole process group is killed.

    Raises ToolMissing, ToolTimeout and ToolFlooded.
    """
    name = name or Path(argv[0]).name
    executable = shutil.which(argv[0], path=PATH)
    if executable is None:
        raise ToolMissing(name)
    if timeout_s <= 0:
        raise ToolTimeout(name, 0)
    started = time.perf_counter()
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            executable,
            *argv[1:],
            cwd=cwd,
            env={
                "PATH": PATH,
                "HOME": str(home),
                "TMPDIR": str(home),
                "LC_ALL": "C.UTF-8",
                "NO_COLOR": "1",
            },
            stdin=DEVNULL if stdin is None else PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    )
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Canceled while it starts, asyncio would kill the process alone and let its children live.
        with suppress(OSError):
            await _end(await starting)
        raise
    ended = False
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr, _ = await asyncio.gather(
                _read(process, process.stdout, max_output),
                _read(process, process.stderr, max_output),
                _feed(process.stdin, stdin),
            )
            code = await process.wait()
        ended = True
    except TimeoutError:
        raise ToolTimeout(name, timeout_s) from None
    finally:
        if not ended:
            await _end(process)
    if max(len(stdout), len(stderr)) > max_output:
        raise ToolFlooded(name, max_output)
    return ToolOutput(stdout, stderr, code, round((time.perf_counter() - started) * 1000))


async def _read(process: Process, stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """All that the stream holds; what exceeds the limit ends the process, and is cut one byte beyond it."""
    data = bytearray()
    while stream is not None and (chunk := await stream.read(MIB)):
        if len(data) <= limit:
            data += chunk[: limit + 1 - len(data)]
            if len(data) > limit:
                _kill(process)
    return bytes(data)


async def _end(process: Process) -> None:
    _kill(process)
    # A process in an uninterruptible call dies later; nobody waits for it longer than this.
    with suppress(TimeoutError):
        await asyncio.wait_for(_reap(process), _REAP_S)


async def _reap(process: Process) -> None:
    """Wait for a killed process. A pipe is closed only when it has been read to its end."""
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(MIB):
            pass
    await process.wait()


async def _feed(stream: asyncio.StreamWriter | None, data: bytes | None) -> None:
    if stream is None or data is None:
        return
    # A tool may end before it has read everything; its exit code tells, not the broken pipe.
    with suppress(BrokenPipeError, ConnectionResetError):
        stream.write(data)
        await stream.drain()
    stream.close()


def _kill(process: Process) -> None:
    """Kill the group: a tool's children would otherwise outlive it and hold its pipes open."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
