"""The agent `bandit`: security problems in Python, by bandit's tests."""

import json
import re
from typing import Any

from quorate.contract.finding import Category, Finding, Severity
from quorate_worker.adapters.analysis import REVOKE, Analysis, clean, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.weaknesses import weakness_of
from quorate_worker.adapters.workspace import Workspace

# Every file that was sent is to be read, whatever its suffix. Left out as noise: importing subprocess (B404),
# and each call of it without a shell (B603, B606) or without a full path (B607). Tests assert.
_CONFIG = """\
include: ["*"]
skips: [B404, B603, B606, B607]
assert_used:
  skips: ["*/test_*.py", "*_test.py", "*/conftest.py", "*/tests/*", "*/test/*"]
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
_NOSEC = re.compile(r"#\s*nosec\b:?\s*([^#\n\r]*)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_TEST = re.compile(r"\bB\d{3}\b|\b[a-z]+(?:_[a-z0-9]+)+\b")


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
        finding = to_finding(item, space)
        text = space.files[finding.path]
        silenced = "nosec" in text and is_dismissed(item, text)
        done.findings.append(suppressed(finding, "nosec") if silenced else finding)
    return done


def to_finding(item: dict[str, Any], space: Workspace) -> Finding:
    """One entry of bandit's JSON as a finding."""
    path, rule = _path(item["filename"]), item["test_id"]
    lines = [item["line_number"], *item["line_range"]]
    category: Category = "secrets" if rule in SECRETS else "security"
    return Finding(
        path=path,
        line=space.line(path, max(min(lines), 1)),
        end_line=space.line(path, max(*lines, 1)),
        severity=SEVERITIES.get(item["issue_severity"], "info"),
        category=category,
        message=SECRETS.get(rule) or clean(item["issue_text"]),
        rule=rule,
        cwe=weakness_of(rule) or (item.get("issue_cwe") or {}).get("id"),
        confidence=CONFIDENCES.get(item["issue_confidence"], 0.5),
        suggestion=REVOKE if rule in SECRETS else None,
    )


def is_dismissed(item: dict[str, Any], text: str) -> bool:
    """Whether a `# nosec` in the finding's lines speaks of it: of all tests, or of this one by id or name."""
    numbers = item["line_range"] or [item["line_number"]]
    lines = _LINE_END.split(text)[min(numbers) - 1 : max(numbers)]
    for comment in _NOSEC.finditer("\n".join(lines)):
        tests = _TEST.findall(comment.group(1))
        if not tests or item["test_id"] in tests or item["test_name"] in tests:
            return True
    return False


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
        "Severity and confidence are bandit's own. Left out: imports of subprocess (B404) and its calls without a "
        "shell (B603, B606) or a full path (B607); asserts in tests. `# nosec` makes a finding a mere note."
    ),
)
