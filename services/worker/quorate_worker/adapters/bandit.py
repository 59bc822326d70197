"""The agent `bandit`: security problems in Python, by bandit's tests."""

import json
import re
from typing import Any

from quorate.contract.finding import Category, Finding, Severity
from quorate_worker.adapters.analysis import REVOKE, Analysis, clean, suppressed, told_though_dismissed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.comments import dismissing
from quorate_worker.adapters.in_tests import security_in_tests
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.weaknesses import weakness_of
from quorate_worker.adapters.workspace import Workspace

# Every file that was sent is to be read, whatever its suffix. Left out as noise: importing what is only risky where it
# is called, for the calls are told (B401 to B411), and each call of subprocess without a shell (B603, B606) or without
# a full path (B607).
_CONFIG = """\
include: ["*"]
skips: [B401, B402, B403, B404, B405, B406, B407, B408, B409, B410, B411, B603, B606, B607]
"""
# Bandit obeys a `.bandit` that it finds in the tree, unless it is given another one.
_INI = "[bandit]\n"

_FLAGS = (
    "--recursive",
    "--quiet",
    "--exit-zero",
    "--ignore-nosec",
    "--format=json",
    "--exclude=",  # by default folders such as `.tox` are left out
)

SEVERITIES: dict[str, Severity] = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low"}
CONFIDENCES = {"HIGH": 0.9, "MEDIUM": 0.7, "LOW": 0.4}

# The tool's messages quote the secret.
SECRETS = {
    "B105": "Hard-coded password or token",
    "B106": "Hard-coded password or token as an argument",
    "B107": "Hard-coded password or token as a default",
}
# It only tells the type checker, and the reader, what a value is.
_NARROWS = re.compile(
    r"\s*assert\s+(?:[A-Za-z_][\w.]*(?:\s+is\s+not\s+None)?|isinstance\([^()]*(?:\([^()]*\)[^()]*)?\))\s*(?:,|#|\Z)"
)
# Then it is a check that goes with `python -O`, and whoever wrote it counts on it.
_GUARDS = re.compile(
    r"admin|permi(?:t|ssion)|auth(?!or(?!i))|allowed|owner|staff|role|privilege|\bcan_|access|csrf|logged_?in",
    re.IGNORECASE,
)
# Those of which most calls are harmless: whether a number is to be a secret is not told by the call.
_SEVERITIES: dict[str, Severity] = {"B101": "info", "B311": "info"}
# They are about a default, and their place is the whole function.
_OF_SIGNATURES = frozenset({"B107", "B503"})


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run bandit over the whole folder. What it cannot parse is unread, with its own words as the reason."""
    config, ini = space.home / "bandit.yaml", space.home / "bandit.ini"
    config.write_text(_CONFIG)
    ini.write_text(_INI)
    output = await space.run(
        [*space.program, *_FLAGS, f"--configfile={config}", f"--ini={ini}", "."], timeout_s, name="bandit"
    )
    try:
        report = json.loads(output.stdout) if output.code == 0 else None
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ToolFailed("bandit", f"ended with code {output.code} and no report", output.stderr)
    seen = {_path(name) for name in report["metrics"]}
    done = Analysis(unread={path: "bandit left it out" for path in space.files if path not in seen})
    done.unread |= {_path(error["filename"]): str(error["reason"]) for error in report["errors"]}
    for item in report["results"]:
        finding = security_in_tests(to_finding(item, space), item["test_id"])
        if finding is None:
            continue
        lines = _lines_of(item, space.lines(finding.path))
        if item["test_id"] == "B101":
            if _GUARDS.search(lines):
                finding = finding.model_copy(update={"severity": "low"})
            elif _NARROWS.match(lines):
                continue
        comment = dismissing(lines, (item["test_id"],), (item["test_name"],))
        if comment is None:
            done.findings.append(finding)
        elif told_though_dismissed(finding):
            done.findings.append(suppressed(finding, comment))
    return done


def to_finding(item: dict[str, Any], space: Workspace) -> Finding:
    """One entry of bandit's JSON as a finding."""
    path, rule = _path(item["filename"]), item["test_id"]
    lines = [item["line_number"], *item["line_range"]]
    if rule in _OF_SIGNATURES:
        lines = [item["line_number"]]
    category: Category = "secrets" if rule in SECRETS else "security"
    return Finding(
        path=path,
        line=space.line(path, max(min(lines), 1)),
        end_line=space.line(path, max(*lines, 1)),
        severity=_SEVERITIES.get(rule) or SEVERITIES.get(item["issue_severity"], "info"),
        category=category,
        message=SECRETS.get(rule) or clean(item["issue_text"]),
        rule=rule,
        cwe=weakness_of(rule) or (item.get("issue_cwe") or {}).get("id"),
        confidence=CONFIDENCES.get(item["issue_confidence"], 0.5),
        suggestion=REVOKE if rule in SECRETS else None,
    )


def _lines_of(item: dict[str, Any], lines: list[str]) -> str:
    numbers = item["line_range"] or [item["line_number"]]
    return "\n".join(lines[min(numbers) - 1 : max(numbers)])


def _path(name: str) -> str:
    return name.removeprefix("./")


BANDIT = Analyzer(
    name="bandit",
    description="Security problems in Python, by bandit's tests",
    homepage="https://bandit.readthedocs.io",
    program=Program(command="bandit", distribution="bandit", module="bandit", install="pip install bandit"),
    selection=Selection.of_languages("python"),
    languages=("python",),
    check=check,
    expected_s=0.3,
    rules={
        "": Rule("security", "medium", 0.7),
        **dict.fromkeys(SECRETS, Rule("secrets", "medium", 0.7, 798)),
    },
    notes=(
        "Severity and confidence are bandit's own, but for random numbers (B311) and for an `assert` (B101) that "
        "guards no access, which are notes. Left out: imports (B401 to B411), calls of subprocess without a shell "
        "(B603, B606) or a full path (B607), and an `assert` that only says what type a value is. Among tests only "
        "what runs code or commands is told, with low severity. `# nosec`, and `# noqa` with the number of ruff's "
        "rule of the same kind, make a finding a mere note."
    ),
)
