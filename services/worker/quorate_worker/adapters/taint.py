"""The agent `taint`: what flows from a request to a place where it does harm, by Quorate's own analysis."""

import json
from typing import Any

from quorate.contract.finding import Clearance, Finding
from quorate_worker.adapters.analysis import Analysis, clean, suppressed, told_though_dismissed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.comments import dismissing
from quorate_worker.adapters.process import PYTHON, ToolFailed
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.weaknesses import BANDIT
from quorate_worker.adapters.workspace import Workspace
from quorate_worker.taint.rules import RULES, VERSION


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run the analysis in a process of its own: the code is hostile, and may take long."""
    paths = json.dumps(list(space.files)).encode()
    output = await space.run([*PYTHON, "-m", "quorate_worker.taint"], timeout_s, stdin=paths, name="taint")
    try:
        report = json.loads(output.stdout) if output.code == 0 else None
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ToolFailed("taint", f"ended with code {output.code} and no report", output.stderr)
    findings = []
    for item in report["findings"]:
        finding = to_finding(item, space)
        comment = _dismissing(finding, space)
        if comment is None:
            findings.append(finding)
        elif told_though_dismissed(finding):
            findings.append(suppressed(finding, comment))
    return Analysis(
        findings,
        [to_clearance(item, space) for item in report.get("cleared", ())],
        dict(report["unread"]),
    )


def to_clearance(item: dict[str, Any], space: Workspace) -> Clearance:
    """One place that the analysis knows to be harmless."""
    path = item["path"]
    return Clearance(
        path=path,
        line=space.line(path, item["line"]),
        end_line=space.line(path, item["end_line"]),
        cwe=item["cwe"],
        message=clean(item["message"]),
        confidence=item["confidence"],
    )


def to_finding(item: dict[str, Any], space: Workspace) -> Finding:
    """One entry of its JSON as a finding."""
    path = item["path"]
    return Finding(
        path=path,
        line=space.line(path, item["line"]),
        end_line=space.line(path, item["end_line"]),
        severity=item["severity"],
        category="security",
        message=clean(item["message"]),
        rule=item["rule"],
        cwe=item["cwe"],
        confidence=item["confidence"],
        evidence=clean(item["evidence"]) or None,
    )


def _dismissing(finding: Finding, space: Workspace) -> str | None:
    """The comment for bandit or ruff that speaks of this weakness: whoever wrote it has decided about it."""
    first = finding.line or 1
    lines = space.lines(finding.path)[first - 1 : finding.end_line or first]
    return dismissing("\n".join(lines), (test for test, cwe in BANDIT.items() if cwe == finding.cwe))


TAINT = Analyzer(
    name="taint",
    description="What flows from a request to a query, a command, a path or a page, within a Python module",
    selection=Selection.of_languages("python"),
    languages=("python",),
    version=VERSION,
    check=check,
    expected_s=0.2,
    rules={
        "": Rule("security", "medium"),
        **{name: Rule("security", rule.severity, 0.9, rule.cwe) for name, rule in RULES.items()},  # type: ignore[arg-type]
    },
    titles={name: f"{rule.title}: {rule.advice}" for name, rule in RULES.items()},
    notes=(
        "Follows values through assignments, calls within the module, containers and text; a constant condition, a "
        "check or an escaping function ends a flow. A value of a request gives a finding of full severity, one of the "
        "command line or the environment a milder one. `# nosec` and `noqa` with ruff's rule for the weakness make a "
        "finding a mere note. What it knows to be harmless it clears: an objection to what others report there."
    ),
)
