"""The processes of a chaos run: started, killed, stopped, and started again at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos_agents import RUNS_FILE

ROOT = Path(__file__).resolve().parents[1]
ROLES = {"router": 2, "collector": 2, "worker": 3}

MAX_FALLS = 60
"""A service that ends by itself so often is broken, and restarting it would hide that."""

PATIENCE_S = 5.0


class FleetBroken(Exception):
    """A service does not stay up; its log says why."""


@dataclass(frozen=True)
class Crew:
    """Which processes there are: so many of each role, all served by ``module``. Of the environment ``all`` is for each
    process, and ``own`` for the one of that name, such as ``gateway-0``."""

    roles: Mapping[str, int] = field(default_factory=lambda: ROLES)
    module: str = "bench.chaos_service"
    all: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class Slot:
    """The place of one process. ``armed`` is the crashpoint at which it will die, ``wakes_at`` when it is stopped."""

    name: str
    role: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    armed: str | None = None
    expected: bool = False
    wakes_at: float | None = None
    starts: int = 0


@dataclass
class Deeds:
    """What was really done to the processes. ``falls`` are ends that nobody had asked for, with the log's last line."""

    kills: int = 0
    stops: int = 0
    crashpoints: dict[str, int] = field(default_factory=dict)
    falls: list[str] = field(default_factory=list)

    @property
    def blows(self) -> int:
        return self.kills + self.stops


class Fleet:
    """Call ``tend`` often: it starts again what died, and wakes up what has been stopped for long enough."""

    def __init__(self, url: str, folder: Path, crew: Crew | None = None) -> None:
        self._url = url
        self._crew = crew or Crew()
        self._runs = folder / "runs.jsonl"
        logs = folder / "logs"
        logs.mkdir(exist_ok=True)
        self.deeds = Deeds()
        self.slots = [
            Slot(name=f"{role}-{number}", role=role, log=logs / f"{role}-{number}.log")
            for role, count in self._crew.roles.items()
            for number in range(count)
        ]

    def start(self) -> None:
        for slot in self.slots:
            self._spawn(slot, None)

    def idle(self, role: str | None = None) -> list[Slot]:
        """The slots that a blow may hit: running, not asleep, and not about to die by themselves."""
        return [
            slot
            for slot in self.slots
            if slot.wakes_at is None
            and slot.armed is None
            and slot.process is not None
            and slot.process.poll() is None
            and role in (None, slot.role)
        ]

    def kill(self, slot: Slot, crashpoint: str | None = None) -> None:
        """Kill it as the kernel would, and start its successor, with ``name:count`` as its crashpoint."""
        self._replace(slot, crashpoint)
        self.deeds.kills += 1

    def stop(self, slot: Slot, seconds: float) -> None:
        """Stop it in the middle of whatever it does; it goes on from there ``seconds`` later."""
        assert slot.process is not None
        slot.process.send_signal(signal.SIGSTOP)
        slot.wakes_at = time.monotonic() + seconds
        self.deeds.stops += 1

    def tend(self, *, wake_all: bool = False) -> list[str]:
        """One round over all processes; the names of the crashpoints that were hit since the last one."""
        hit = []
        for slot in self.slots:
            if slot.process is None:
                continue
            if slot.wakes_at is not None and (wake_all or time.monotonic() >= slot.wakes_at):
                slot.process.send_signal(signal.SIGCONT)
                slot.wakes_at = None
            status = slot.process.poll()
            if status is None:
                continue
            if status == -signal.SIGKILL and slot.armed is not None:
                hit.append(slot.armed)
                self.deeds.crashpoints[slot.armed] = self.deeds.crashpoints.get(slot.armed, 0) + 1
            else:
                self._note_fall(slot, status)
            slot.wakes_at = None
            self._spawn(slot, None)
        return hit

    def disarm(self) -> None:
        """Replace what still waits to die, for the run is about to be judged."""
        for slot in self.slots:
            if slot.armed is not None and slot.process is not None and slot.process.poll() is None:
                self._replace(slot, None)

    def kill_all(self) -> None:
        """End every process at once."""
        for slot in self.slots:
            if slot.process is not None:
                slot.process.kill()
                slot.process.wait(PATIENCE_S)
                slot.process = None

    def close(self) -> list[str]:
        """End every process in order, by force where SIGTERM does not do; the names of those that needed it."""
        living = [slot for slot in self.slots if slot.process is not None and slot.process.poll() is None]
        for slot in living:
            assert slot.process is not None
            slot.process.terminate()
            slot.process.send_signal(signal.SIGCONT)
        forced = []
        deadline = time.monotonic() + PATIENCE_S
        for slot in living:
            assert slot.process is not None
            try:
                slot.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                forced.append(slot.name)
                slot.process.kill()
                slot.process.wait(PATIENCE_S)
        for slot in self.slots:
            slot.process = None
        return forced

    def _replace(self, slot: Slot, crashpoint: str | None) -> None:
        assert slot.process is not None
        slot.process.kill()
        slot.process.wait(PATIENCE_S)
        self._spawn(slot, crashpoint)

    def _spawn(self, slot: Slot, crashpoint: str | None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUORATE_")}
        path = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        environment |= {
            "PYTHONPATH": os.pathsep.join(path),
            "QUORATE_NATS_URL": self._url,
            RUNS_FILE: str(self._runs),
            **self._crew.all,
            **self._crew.own.get(slot.name, {}),
        }
        slot.armed = None
        if crashpoint is not None:
            environment["QUORATE_CRASHPOINT"] = crashpoint
            slot.armed = crashpoint.partition(":")[0]
        slot.starts += 1
        with slot.log.open("ab") as log:
            slot.process = subprocess.Popen(
                [sys.executable, "-m", self._crew.module, slot.role, str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                # Ctrl-C is for the run, which then ends its processes in order.
                start_new_session=True,
            )

    def _note_fall(self, slot: Slot, status: int) -> None:
        lines = slot.log.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "no log")
        self.deeds.falls.append(f"{slot.name} ended with {status}: {last[:300]}")
        if len(self.deeds.falls) > MAX_FALLS:
            raise FleetBroken(f"{slot.name} does not stay up, its log is {slot.log}: {self.deeds.falls[-1]}")
