"""The chaos run of pull requests: from the webhook to the review, while processes die and GitHub's answers are lost.

``python -m bench.chaos_github --pulls 500 --kills 150 --ambiguous 0.1 --seed 1`` exits 0 when every invariant held and
enough happened to show it, else 1. A run that failed keeps its folder, and ``--audit FOLDER`` reads it once more.
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

from bench.chaos import STORE_BYTES
from bench.chaos_command import carry_out
from bench.chaos_fleet import Deeds
from bench.chaos_github_audit import audit
from bench.chaos_github_evidence import Traces, collect_traces
from bench.chaos_github_plan import Plan, plan_run
from bench.chaos_github_report import Report
from bench.chaos_github_run import ChaosRun, Happened
from bench.chaos_service import ACK_WAIT_S
from quorate.embedded import EmbeddedBroker
from quorate.github.client import BROKEN_S


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 all held, 1 something did not, 130 interrupted."""
    options = _parse(arguments)
    # Losing the broker is what this is about, and no news.
    for name in ("quorate", "nats", "httpx2"):
        logging.getLogger(name).setLevel(logging.ERROR)
    size = {name: getattr(options, name) for name in ("seed", "pulls", "kills", "broker_kills", "ambiguous", "pace")}
    return carry_out(
        "bench.chaos_github",
        options,
        size,
        run=lambda folder: judge(run_chaos(folder, size, options.pause, options.timeout)),
        again=lambda folder: judge(reopen(folder)),
        evidence="logs/, github.json and journal.json",
    )


@dataclass(frozen=True)
class Case:
    """A run that is over, ready to be judged."""

    plan: Plan
    happened: Happened
    seconds: float
    traces: Traces


def run_chaos(folder: Path, size: dict[str, Any], pause_s: float, timeout_s: float) -> Case:
    """Carry out a run in ``folder``. ``size`` is what ``plan_run`` takes but for the wait for an ack.

    No process outlives the call. Raises what kept the run from taking place: FleetBroken or QuorateError, in an
    ExceptionGroup.
    """
    began = time.monotonic()
    plan = plan_run(**size, ack_wait_s=ACK_WAIT_S)
    folder.mkdir(parents=True, exist_ok=True)
    with EmbeddedBroker(folder / "broker", max_store=STORE_BYTES) as broker:
        with closing(ChaosRun(plan, broker, folder, pause_s, timeout_s)) as run:
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
    return Report(case.plan, case.happened, case.traces.github, audit(case.traces), case.seconds)


def _case(folder: Path, url: str) -> Case:
    kept = json.loads((folder / "run.json").read_text())
    size, seconds, deeds = kept.pop("size"), kept.pop("seconds"), kept.pop("deeds")
    return Case(
        plan=plan_run(**size, ack_wait_s=ACK_WAIT_S),
        happened=Happened(**kept, deeds=Deeds(**deeds)),
        seconds=seconds,
        traces=asyncio.run(collect_traces(url, folder)),
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos_github", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--pulls", type=int, default=500, help="pull requests to open (default %(default)s)")
    parser.add_argument("--kills", type=int, default=150, help="kill -9 and stops (default %(default)s)")
    parser.add_argument(
        "--ambiguous", type=float, default=0.1, help="share of writes to GitHub that meet a fault (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of stories, blows and faults (default %(default)s)")
    parser.add_argument("--broker-kills", type=int, default=4, help="kill -9 of the broker (default %(default)s)")
    parser.add_argument("--pace", type=float, default=0.6, help="blows a second on average (default %(default)s)")
    parser.add_argument(
        "--pause",
        type=float,
        default=BROKEN_S,
        help="seconds that a service waits after an answer that tells nothing (default %(default)s, as in production)",
    )
    parser.add_argument(
        "--timeout", type=float, default=240.0, help="seconds from the last story to the last receipt (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--data", type=Path, help="run in this folder, which must be new")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a run that passed, too")
    parser.add_argument("--audit", type=Path, metavar="FOLDER", help="only audit the folder of an earlier run")
    options = parser.parse_args(arguments)
    if options.pulls < 1 or options.kills < 0 or options.broker_kills < 0 or options.pace <= 0 or options.pause <= 0:
        parser.error("give at least one pull request, a pace and a pause above 0, and no negative number")
    if not 0 <= options.ambiguous <= 0.5:
        parser.error("--ambiguous is a share from 0 to 0.5: with more no write would ever come to an end")
    if options.data is not None and options.data.exists() and any(options.data.iterdir()):
        parser.error(f"{options.data} is not empty: the audit would take what lies there for part of the run")
    return options


if __name__ == "__main__":
    sys.exit(main())
