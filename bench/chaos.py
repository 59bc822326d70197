"""The chaos run: kill every process of Quorate at random, again and again, then audit what the streams hold.

``python -m bench.chaos --tasks 600 --kills 150 --seed 1`` exits 0 when every invariant held and enough happened to
show it, else 1. A run that failed keeps its folder, and ``--audit FOLDER`` reads it once more.
"""

import argparse
import asyncio
import json
import logging
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.chaos_audit import audit
from bench.chaos_command import carry_out
from bench.chaos_evidence import Evidence, Run, collect, read_runs
from bench.chaos_fleet import Deeds
from bench.chaos_load import read_heard
from bench.chaos_plan import Plan, plan_run
from bench.chaos_report import Report
from bench.chaos_run import ChaosRun, Happened
from bench.chaos_service import ACK_WAIT_S
from quorate.embedded import EmbeddedBroker

STORE_BYTES = 12 * 1024**3


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 all held, 1 something did not, 130 interrupted."""
    options = _parse(arguments)
    # Losing the broker is what this is about, and no news.
    logging.getLogger("quorate").setLevel(logging.ERROR)
    size = {
        "seed": options.seed,
        "tasks": options.tasks,
        "kills": options.kills,
        "broker_kills": options.broker_kills,
        "pace": options.pace,
    }
    return carry_out(
        "bench.chaos",
        options,
        size,
        run=lambda folder: judge(run_chaos(folder, size, options.timeout)),
        again=lambda folder: judge(reopen(folder)),
        evidence="logs/, runs.jsonl and heard.jsonl",
    )


@dataclass(frozen=True)
class Case:
    """A run that is over, ready to be judged: what was planned, what was done, and what can be read afterwards."""

    plan: Plan
    happened: Happened
    seconds: float
    evidence: Evidence
    heard: dict[str, list[bytes]]
    runs: tuple[Run, ...]


def run_chaos(folder: Path, size: dict[str, Any], timeout_s: float) -> Case:
    """Carry out a run in ``folder``. ``size`` has ``seed``, ``tasks``, ``kills``, ``broker_kills`` and ``pace``.

    No process outlives the call. Raises what kept the run from taking place: FleetBroken, NotTaken or QuorateError,
    in an ExceptionGroup.
    """
    began = time.monotonic()
    plan = plan_run(**size, ack_wait_s=ACK_WAIT_S)
    folder.mkdir(parents=True, exist_ok=True)
    with EmbeddedBroker(folder / "broker", max_store=STORE_BYTES) as broker:
        with closing(ChaosRun(plan, broker, folder, timeout_s)) as run:
            happened = asyncio.run(run.run())
        kept = {"size": size, "seconds": time.monotonic() - began, **asdict(happened)}
        (folder / "run.json").write_text(json.dumps(kept))
        return _case(folder, broker.url)


def reopen(folder: Path) -> Case:
    """Read the folder of an earlier run. Raises OSError when it is not one."""
    if not (folder / "run.json").is_file():
        raise FileNotFoundError(f"{folder} is not the folder of a chaos run that came to its end")
    with EmbeddedBroker(folder / "broker", max_store=STORE_BYTES) as broker:
        return _case(folder, broker.url)


def judge(case: Case) -> Report:
    verdict = audit(case.plan.orders, case.evidence, case.heard, case.runs, case.happened.chaos)
    return Report(case.plan, case.happened, verdict, case.seconds)


def _case(folder: Path, url: str) -> Case:
    kept = json.loads((folder / "run.json").read_text())
    size, seconds, deeds = kept.pop("size"), kept.pop("seconds"), kept.pop("deeds")
    return Case(
        plan=plan_run(**size, ack_wait_s=ACK_WAIT_S),
        happened=Happened(**kept, deeds=Deeds(**deeds)),
        seconds=seconds,
        evidence=asyncio.run(collect(url)),
        heard=read_heard(folder / "heard.jsonl"),
        runs=read_runs(folder / "runs.jsonl"),
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=600, help="tasks to submit (default %(default)s)")
    parser.add_argument("--kills", type=int, default=150, help="kill -9 and stops (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of tasks and blows (default %(default)s)")
    parser.add_argument("--broker-kills", type=int, default=5, help="kill -9 of the broker (default %(default)s)")
    parser.add_argument("--pace", type=float, default=1.0, help="blows a second on average (default %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, help="seconds from the last blow to the last result (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--data", type=Path, help="run in this folder, which must be new")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a run that passed, too")
    parser.add_argument("--audit", type=Path, metavar="FOLDER", help="only audit the folder of an earlier run")
    options = parser.parse_args(arguments)
    if options.tasks < 1 or options.kills < 0 or options.broker_kills < 0 or options.pace <= 0:
        parser.error("give at least one task, a pace above 0, and no negative number")
    if options.data is not None and options.data.exists() and any(options.data.iterdir()):
        parser.error(f"{options.data} is not empty: the audit would take what lies there for part of the run")
    return options


if __name__ == "__main__":
    sys.exit(main())
