"""The agent `performance`: Python that does more than it needs to, by some of ruff's rules and by a few of our own."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quorate.contract.finding import Finding
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import countdown, dismissed
from quorate_worker.adapters.edits import ruff_fix
from quorate_worker.adapters.process import PYTHON, ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.ruff_check import ruff_check
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace
from quorate_worker.checks.path_kind import in_tests

_PROGRAM = Path(__file__).with_name("performance_scan.py")

# Left out: `try` in a loop (PERF203), which costs nothing since Python 3.11.
SELECT = "PERF101,PERF102,PERF401,PERF402,PERF403,C413,C414,C415,C419,RUF015,RUF017,PLC0206,PLR1733,PLR1736,FURB192"

RULES: dict[str, Rule] = {
    "": Rule("performance", "low", 0.7),
    "C41": Rule("performance", "low", 0.8),
    "C415": Rule("bug", "medium", 0.8),
    "PERF1": Rule("performance", "info", 0.8),
    "PERF4": Rule("performance", "info", 0.7),
    "PLC0206": Rule("performance", "info", 0.8),
    "PLR173": Rule("performance", "info", 0.8),
    "FURB192": Rule("performance", "low", 0.8),
    "RUF015": Rule("performance", "low", 0.8),
    "RUF017": Rule("performance", "medium", 0.9),
    "compile-in-loop": Rule("performance", "info", 0.8),
    "concat-in-loop": Rule("performance", "medium", 0.7),
    "insert-at-front": Rule("performance", "low", 0.6),
    "list-search-in-loop": Rule("performance", "low", 0.7),
    "pop-at-front": Rule("performance", "low", 0.6),
    "query-in-loop": Rule("performance", "medium", 0.6, 1073),
    "request-in-loop": Rule("performance", "low", 0.5),
    "string-grown-in-loop": Rule("performance", "info", 0.6, 1046),
}
_SILENCE = re.compile(r"noqa|ruff", re.IGNORECASE)


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run ruff deaf to the comments that silence it, once more obeying them if there are any, and our own scan."""
    left = countdown(timeout_s)

    async def scan(paths: Sequence[str]) -> list[dict[str, Any]]:
        stdin = json.dumps(list(paths)).encode()
        output = await space.run([*PYTHON, str(_PROGRAM)], left(), stdin=stdin, name="performance")
        report = _json(output.stdout) if output.code == 0 else None
        if not isinstance(report, dict):
            raise ToolFailed("performance", f"ended with code {output.code} and no report", output.stderr)
        return [report]

    # Python's own parser ends with the process for some of what it cannot read.
    reports, failed = await all_or_alone(list(space.files), scan)
    done = Analysis(unread=failed)
    for report in reports:
        done.unread |= {path: clean(str(why)) for path, why in report["unread"].items()}
        done.findings += (_finding(item, space) for item in report["findings"])
    readable = [path for path in space.files if path not in done.unread]
    items, failed = await ruff_check(space, readable, left, f"--select={SELECT}", "--ignore-noqa")
    done.unread |= failed
    findings = _of_ruff(items, space)
    silent = {path for path in readable if path not in failed and _SILENCE.search(space.files[path])}
    if silent:
        items, unheard = await ruff_check(space, sorted(silent), left, f"--select={SELECT}")
        silent -= unheard.keys()
        heard = [*_of_ruff(items, space), *(finding for finding in findings if finding.path not in silent)]
        findings = dismissed(findings, heard, "noqa")
    done.findings += findings
    # How long a test takes is no concern of a review.
    done.findings = [item for item in done.findings if item.category != "performance" or not in_tests(item.path)]
    return done


def _finding(item: dict[str, Any], space: Workspace) -> Finding:
    judged = judge(RULES, item["rule"])
    return Finding(
        path=item["path"],
        line=space.line(item["path"], item["line"]),
        end_line=space.line(item["path"], item["end_line"]),
        severity=judged.severity,
        category=judged.category,
        message=clean(item["message"]),
        rule=item["rule"],
        confidence=judged.confidence,
        cwe=judged.cwe,
    )


def _of_ruff(items: list[dict[str, Any]], space: Workspace) -> list[Finding]:
    """What ruff found; a file that cannot be parsed is told by the agent `ruff`, and is unread here."""
    known = (item for item in items if item["code"] and judge(RULES, item["code"]) is not RULES[""])
    return [_ruff_finding(item, space) for item in known]


def _ruff_finding(item: dict[str, Any], space: Workspace) -> Finding:
    path = item["filename"]
    judged = judge(RULES, item["code"])
    start, end = item["location"], item["end_location"]
    # A range that ends before the first column of a line does not touch that line.
    last = end["row"] - (end["column"] == 1 and end["row"] > start["row"])
    suggestion = (item["fix"] or {}).get("message")
    return Finding(
        path=path,
        line=space.line(path, start["row"]),
        end_line=space.line(path, last),
        severity=judged.severity,
        category=judged.category,
        message=clean(item["message"]),
        rule=item["code"],
        confidence=judged.confidence,
        cwe=judged.cwe,
        suggestion=suggestion and clean(suggestion),
        fix=ruff_fix(item, space.files[path]),
    )


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


PERFORMANCE = Analyzer(
    name="performance",
    description="Python that does more than it needs to: queries and copies in loops, and what ruff knows of that",
    homepage="https://docs.astral.sh/ruff/rules/#perflint-perf",
    program=Program(command="ruff", distribution="ruff", install="pip install ruff"),
    selection=Selection.of_languages("python"),
    languages=("python",),
    check=check,
    batch=2_000,
    expected_s=0.1,
    rules=RULES,
    notes=(
        "Beside ruff's rules it tells of queries and requests at each turn of a loop, of lists that are searched or "
        "moved again and again, and of text and data frames that grow by copies. It goes by names such as `cursor`; a "
        "loop over a `range` counts as trying again. `noqa` makes a finding of ruff's rules a mere note."
    ),
)
