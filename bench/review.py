"""What `quorate review` costs against running the same tools by hand: one after another, and all at once.

The change adds 1, 100 and 1,000 files of the standard library of this Python, real code of many authors, to an empty
repository. Each size is reviewed with an empty cache, again with what it then holds, and after one more file came.
Trust the ratios: all are taken in one run, interleaved.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from quorate_worker.adapters.performance import SELECT as PERFORMANCE
from quorate_worker.adapters.ruff import IGNORE, SELECT

SIZES = (1, 100, 1_000)
ROUNDS = {1: 7, 100: 3, 1_000: 1}
LARGEST = 60_000
"""Bytes: the few files of the standard library above that are tables."""

PYTHON = (sys.executable, "-I", "-X", "utf8")
BIN = Path(sysconfig.get_path("scripts"))

LISTED = f"find . -name '*.py' | {sys.executable} -c 'import json, sys; print(json.dumps(sys.stdin.read().split()))'"

TOOLS: dict[str, tuple[str, ...]] = {
    "ruff": (
        str(BIN / "ruff"),
        "check",
        "--isolated",
        "--no-cache",
        "-q",
        "--output-format=json",
        f"--select={SELECT}",
        f"--ignore={IGNORE}",
        ".",
    ),
    "performance": (
        str(BIN / "ruff"),
        "check",
        "--isolated",
        "--no-cache",
        "-q",
        "--output-format=json",
        f"--select={PERFORMANCE}",
        ".",
    ),
    "format": (str(BIN / "ruff"), "format", "--isolated", "--no-cache", "-q", "--check", "."),
    "bandit": (*PYTHON, "-m", "bandit", "-r", "-q", "-f", "json", "."),
    "detect-secrets": (*PYTHON, "-m", "detect_secrets", "scan", "--all-files", "."),
    "mypy": (
        *PYTHON,
        "-m",
        "mypy",
        "--config-file=",
        "--no-site-packages",
        "--ignore-missing-imports",
        "--follow-imports=silent",
        "--no-incremental",
        "--cache-dir=/dev/null",
        "--scripts-are-modules",
        "--explicit-package-bases",
        ".",
    ),
    "complexity": (*PYTHON, "-m", "lizard", "--csv", "."),
    "taint": ("/bin/sh", "-c", f"{LISTED} | {' '.join(PYTHON)} -m quorate_worker.taint"),
}
"""The same tools as a person would run them over the folder, with our selection of rules where there is one."""


class Cost(NamedTuple):
    """Wall clock and CPU time in seconds; CPU time is that of all child processes, user and system."""

    wall_s: float
    cpu_s: float


def main() -> None:
    arguments = _arguments()
    sizes = tuple(int(size) for size in arguments.sizes.split(","))
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as folder:
        report = [_measure(Path(folder) / str(size), size, arguments.rounds or ROUNDS.get(size, 1)) for size in sizes]
    print(_table(report))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.review", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of files (default: %(default)s)")
    parser.add_argument("--rounds", type=int, help="of each size; by default 7, 3 and 1")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    parsed = parser.parse_args()
    if parsed.rounds is not None and parsed.rounds < 1:
        parser.error("--rounds: at least one")
    return parsed


def _measure(folder: Path, size: int, rounds: int) -> dict[str, object]:
    tree = folder / "tree"
    files = _fill(tree, size)
    taken: dict[str, list[Cost]] = {name: [] for name in ("cold", "cached", "one more", "in turn", "at once")}
    single: dict[str, list[Cost]] = {name: [] for name in TOOLS}
    for number in range(rounds):
        print(f"{size:,} files, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        shutil.rmtree(folder / "cache", ignore_errors=True)
        taken["cold"].append(_cost(lambda: _review(tree, folder)))
        taken["cached"].append(_cost(lambda: _review(tree, folder)))
        (tree / "one_more.py").write_text(f"import os\n\n\ndef number():\n    return {number}\n")
        taken["one more"].append(_cost(lambda: _review(tree, folder)))
        (tree / "one_more.py").unlink()
        for name, command in TOOLS.items():
            single[name].append(_cost(lambda command=command: _run([command], tree)))
        each = [costs[-1] for costs in single.values()]
        taken["in turn"].append(Cost(sum(cost.wall_s for cost in each), sum(cost.cpu_s for cost in each)))
        taken["at once"].append(_cost(lambda: _run(list(TOOLS.values()), tree)))
    slowest = max((statistics.median(cost.wall_s for cost in costs), name) for name, costs in single.items())
    return {
        "files": size,
        "bytes": files,
        "rounds": rounds,
        **{name: _median(costs) for name, costs in taken.items()},
        "slowest": {"tool": slowest[1], "wall_s": round(slowest[0], 3)},
        "tools": {name: _median(costs) for name, costs in single.items()},
    }


def _median(costs: Sequence[Cost]) -> dict[str, float]:
    return {
        "wall_s": round(statistics.median(cost.wall_s for cost in costs), 3),
        "cpu_s": round(statistics.median(cost.cpu_s for cost in costs), 3),
    }


def _fill(tree: Path, size: int) -> int:
    """An empty repository with so many files that are not in it yet; returns their bytes."""
    library = Path(sysconfig.get_path("stdlib"))
    candidates = sorted(
        path
        for path in library.rglob("*.py")
        if 500 < path.stat().st_size < LARGEST and not {"site-packages", "lib2to3", "test", "tests"} & set(path.parts)
    )
    if len(candidates) < size:
        candidates += sorted(path for path in (library / "test").rglob("test_*.py") if path.stat().st_size < LARGEST)
    if len(candidates) < size:
        sys.exit(f"this Python's standard library has only {len(candidates)} files to take: ask for fewer with --sizes")
    step = len(candidates) / size
    total = 0
    for number in range(size):
        source = candidates[int(number * step)]
        target = tree / source.relative_to(library)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        total += target.stat().st_size
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    return total


def _review(tree: Path, folder: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    command = [str(BIN / "quorate"), "review", "--quiet", "--fail-on=never", "--format=json"]
    subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, check=True)


def _run(commands: Sequence[Sequence[str]], tree: Path) -> None:
    running = [
        subprocess.Popen(command, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    for process in running:
        process.wait()


def _cost(work: Callable[[], None]) -> Cost:
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    cpu, started = spent(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - started, spent() - cpu)


def _table(report: Sequence[dict[str, object]]) -> str:
    lines = [
        f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}; medians, wall s (CPU s); tools: {', '.join(TOOLS)}",
        "",
    ]
    head = ("files", "in turn", "at once", "review", "again", "one more", "review / at once", "over the slowest tool")
    rows = [head]
    for each in report:

        def cell(name: str, each: dict[str, object] = each) -> str:
            cost: dict[str, float] = each[name]  # type: ignore[assignment]
            return f"{cost['wall_s']:.2f} ({cost['cpu_s']:.2f})"

        cold: dict[str, float] = each["cold"]  # type: ignore[assignment]
        by_hand: dict[str, float] = each["at once"]  # type: ignore[assignment]
        slowest: dict[str, float] = each["slowest"]  # type: ignore[assignment]
        rows.append(
            (
                f"{each['files']:,}",
                cell("in turn"),
                cell("at once"),
                cell("cold"),
                cell("cached"),
                cell("one more"),
                f"{cold['wall_s'] / by_hand['wall_s']:.2f}",
                f"{cold['wall_s'] - slowest['wall_s']:+.2f} s ({slowest['tool']})",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines += ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
