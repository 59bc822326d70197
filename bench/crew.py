"""The processes of a path, and the CPU time that they use."""

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bench.service import ROLES, SIZES, URL

ROOT = Path(__file__).resolve().parents[1]
START_S = 30.0
END_S = 15.0


class CrewBroken(Exception):
    """A process did not start or has ended; the message holds the end of what it said."""


@dataclass(frozen=True)
class Cpu:
    """Seconds of user and system time since a process began, by role."""

    seconds: dict[str, float]

    def since(self, earlier: "Cpu") -> "Cpu":
        return Cpu({role: used - earlier.seconds[role] for role, used in self.seconds.items()})


class Crew:
    """Router, worker and collector of one path, a process each, while the ``with`` block lasts."""

    def __init__(self, path: str, url: str, folder: Path) -> None:
        self.path = path
        self._url = url
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Crew":
        try:
            for role in ROLES:
                self._processes[role] = self._spawn(role)
            for role in ROLES:
                self._wait_ready(role)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pids(self) -> dict[str, int]:
        return {role: process.pid for role, process in self._processes.items()}

    def check(self) -> None:
        """Raises CrewBroken when a process has ended."""
        for role, process in self._processes.items():
            if process.poll() is not None:
                raise CrewBroken(f"the {role} of {self.path} has ended:\n{self._log(role).read_text()[-3000:]}")

    def cpu(self) -> Cpu:
        return Cpu({role: cpu_of(pid) for role, pid in self.pids.items()})

    def _log(self, role: str) -> Path:
        return self._folder / f"{self.path}-{role}.log"

    def _spawn(self, role: str) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUORATE_")}
        environment |= {URL: self._url, SIZES: str(self._folder / "sizes.json")}
        with self._log(role).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "bench.service", self.path, role],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=environment,
                # Ctrl-C is for the run, which then ends its processes.
                start_new_session=True,
            )

    def _wait_ready(self, role: str) -> None:
        stdout = self._processes[role].stdout
        assert stdout is not None
        readable, _, _ = select.select([stdout], [], [], START_S)
        if not readable or stdout.readline() != b"ready\n":
            raise CrewBroken(f"the {role} of {self.path} did not start:\n{self._log(role).read_text()[-3000:]}")

    def _end(self) -> None:
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        deadline = time.monotonic() + END_S
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._processes.clear()


def cpu_of(pid: int) -> float:
    """User and system time of a process so far, in seconds, to the clock tick (10 ms as a rule)."""
    # The name in parentheses may hold anything, so the fields are counted from behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
