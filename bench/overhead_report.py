"""What a run of the overhead benchmark found, as a table for people and as JSON."""

import os
import platform
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.drive import Segment
from bench.noop import KINDS
from bench.service import PATHS, ROLES
from quorate.embedded import find_binary

Round = dict[tuple[str, str], dict[str, Segment]]
"""The segments of one round: by kind and mode, then by path."""

Measured = list[Round]

Number = Callable[[Segment], float]

CLIENTS = ("publisher", *ROLES)


@dataclass(frozen=True)
class Row:
    """One line of the table. ``name`` says what and in which unit; ``values`` holds one number per round and path."""

    name: str
    values: dict[str, list[float]]
    digits: int

    def median(self, path: str) -> float:
        return statistics.median(self.values[path])

    def ratio(self, to: str) -> float:
        """How much more than ``to`` ours takes: the median of the rounds' ratios. Rates are turned around."""
        pairs = zip(self.values["ours"], self.values[to], strict=True)
        ratios = [theirs / ours if self.name.endswith("tasks/s") else ours / theirs for ours, theirs in pairs]
        return statistics.median(ratios)


@dataclass(frozen=True)
class Report:
    """A finished run; ``tasks`` is the size of a stretch, ``seconds`` what the whole took."""

    measured: Measured
    tasks: int
    in_flight: int
    machine: dict[str, str]
    seconds: float

    def rows(self) -> list[Row]:
        one, eight = KINDS
        return [
            self._row("one task, p50 ms", one, "sequential", _latency(50), 2),
            self._row("one task, p99 ms", one, "sequential", _latency(99), 2),
            self._row("fan-out to 8, p50 ms", eight, "sequential", _latency(50), 2),
            self._row("fan-out to 8, p99 ms", eight, "sequential", _latency(99), 2),
            self._row(f"one agent, {self.in_flight} in flight, tasks/s", one, "in flight", _rate, 0),
            self._row(f"fan-out to 8, {self.in_flight} in flight, tasks/s", eight, "in flight", _rate, 0),
            self._row("CPU per subtask, sequential, clients µs", eight, "sequential", _cpu(eight, CLIENTS), 0),
            self._row("CPU per subtask, sequential, broker µs", eight, "sequential", _cpu(eight, ("broker",)), 0),
            self._row("CPU per subtask, in flight, clients µs", eight, "in flight", _cpu(eight, CLIENTS), 0),
            self._row("CPU per subtask, in flight, broker µs", eight, "in flight", _cpu(eight, ("broker",)), 0),
            *(self._row(f"  of that: {role} µs", eight, "in flight", _cpu(eight, (role,)), 0) for role in CLIENTS),
        ]

    def table(self) -> str:
        lines = [
            f"{len(self.measured)} rounds in {self.seconds:.0f} s; medians of the rounds and of their ratios;"
            " a subtask is one agent's share of a fan-out to 8",
            *(f"{name}: {value}" for name, value in self.machine.items()),
            "",
            f"{'':44}{'ours':>9}{'raw':>9}{'floor':>9}{'ours/raw':>10}{'ours/floor':>12}",
        ]
        for row in self.rows():
            values = "".join(f"{row.median(path):>9,.{row.digits}f}" for path in PATHS)
            lines.append(f"{row.name:44}{values}{row.ratio('raw'):>10.2f}{row.ratio('floor'):>12.2f}")
        lines.append("")
        lines.append("ratios above 1: ours takes that much more, or does that much less in a second")
        lines.append("raw: plain nats-py, the same messages to the same kinds of streams, compared after every round")
        lines.append("floor: the same four hops over work queues, nothing kept but in memory")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Every row with its medians, ratios and the rounds' numbers, in the unit that its name says."""
        return {
            "machine": self.machine,
            "rounds": len(self.measured),
            "tasks": self.tasks,
            "in_flight": self.in_flight,
            "seconds": round(self.seconds, 1),
            "rows": [
                {
                    "name": row.name.strip(),
                    "median": {path: round(row.median(path), 4) for path in PATHS},
                    "ratio": {to: round(row.ratio(to), 4) for to in PATHS[1:]},
                    "rounds": {path: [round(value, 4) for value in row.values[path]] for path in PATHS},
                }
                for row in self.rows()
            ],
        }

    def _row(self, name: str, kind: str, mode: str, number: Number, digits: int) -> Row:
        values = {path: [number(each[kind, mode][path]) for each in self.measured] for path in PATHS}
        return Row(name, values, digits)


def _latency(percent: int) -> Number:
    """In milliseconds."""

    def latency(segment: Segment) -> float:
        return 1_000 * statistics.quantiles(segment.latencies, n=100, method="inclusive")[percent - 1]

    return latency


def _rate(segment: Segment) -> float:
    return len(segment.latencies) / segment.seconds


def _cpu(kind: str, roles: tuple[str, ...]) -> Number:
    """In microseconds for each agent's share."""

    def cpu(segment: Segment) -> float:
        used = sum(segment.cpu[role] for role in roles)
        return 1e6 * used / (len(segment.latencies) * KINDS[kind])

    return cpu


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    server = subprocess.run([find_binary(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    packages = ", ".join(f"{name} {version(name)}" for name in ("nats-py", "uvloop", "pydantic"))
    return {
        "machine": f"{os.cpu_count()} × {_processor()}, load {os.getloadavg()[0]:.1f}, {platform.platform(terse=True)}",
        "software": f"Python {platform.python_version()}, {packages}, {server}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
