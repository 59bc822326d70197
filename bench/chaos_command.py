"""What the two chaos runs have in common as commands: they judge a run or an earlier one, and keep what failed."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from bench.chaos_fleet import FleetBroken
from bench.chaos_load import NotTaken
from quorate.errors import QuorateError


class Judged(Protocol):
    """A report on a run."""

    @property
    def passed(self) -> bool: ...
    def text(self) -> str: ...
    def as_json(self) -> dict[str, Any]: ...


def carry_out(
    module: str,
    options: argparse.Namespace,
    size: dict[str, Any],
    *,
    run: Callable[[Path], Judged],
    again: Callable[[Path], Judged],
    evidence: str,
) -> int:
    """The exit status: 0 all held, 1 something did not, 130 interrupted.

    ``run`` carries out a run in a folder and judges it, ``again`` judges an earlier one; ``evidence`` names what the
    folder of a run holds beside the broker's data.
    """
    # A run that is told to end has to end its processes first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.audit is not None:
        report = again(options.audit)
        print(report.text())
        return 0 if report.passed else 1
    folder = options.data or Path(tempfile.mkdtemp(prefix="quorate-chaos-"))
    status = 1
    try:
        report = run(folder)
        print(report.text(), json.dumps(report.as_json()), sep="\n")
        if options.json is not None:
            options.json.write_text(json.dumps(report.as_json()) + "\n")
        status = 0 if report.passed else 1
    except* (FleetBroken, NotTaken, QuorateError) as errors:
        print(f"the run came to nothing: {_first(errors)}", file=sys.stderr)
    except* KeyboardInterrupt:
        print("interrupted; every process has been ended", file=sys.stderr)
        status = 130
    if status == 0 and not options.keep:
        shutil.rmtree(folder)
        return status
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in size.items())
    print(f"kept {folder}: the broker's data, {evidence}")
    if (folder / "run.json").exists():
        print(f"the audit again: python -m {module} --audit {folder}")
    print(f"the run again:   python -m {module} {flags}")
    return status


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
