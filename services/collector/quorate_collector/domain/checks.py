"""A result as a check of a commit: green or red, with notes on the lines."""

from typing import Any, Literal

from quorate.contract.finding import DecidedFinding, Severity
from quorate.contract.result import Result
from quorate.render import account
from quorate.render.clean import one_line
from quorate.render.fence import width
from quorate.render.markdown import render

NAME = "Quorate"
CONTEXT = "quorate"
MAX_TEXT = 65_535
MAX_TITLE = 200
MAX_DESCRIPTION = 140
MAX_MESSAGE = 4_000
MAX_ANNOTATIONS = 500
PER_REQUEST = 50
"""Annotations that GitHub takes at once."""

Conclusion = Literal["success", "failure", "action_required"]
StatusState = Literal["success", "failure", "error"]
Json = dict[str, Any]

_LEVELS: dict[Severity, str] = {
    "critical": "failure",
    "high": "failure",
    "medium": "warning",
    "low": "notice",
    "info": "notice",
}


def conclusion(result: Result) -> Conclusion:
    """Never neutral, which people read as green: what could not be done, or waits for a person, asks for an action."""
    if result.state != "completed":
        return "action_required"
    if result.verdict == "request_changes":
        return "failure"
    return "action_required" if any(finding.decision == "held" for finding in result.findings) else "success"


def status_state(result: Result) -> StatusState:
    """The conclusion in the words of commit statuses, which cannot ask for an action."""
    if result.state != "completed":
        return "error"
    return "success" if conclusion(result) == "success" else "failure"


def check_output(result: Result) -> Json:
    """Title, summary and text of a check run, within GitHub's limits."""
    _, title = account.headline(result)
    return {
        "title": one_line(title, MAX_TITLE) or NAME,
        "summary": _cut(render(result, {})),
    }


def description(result: Result) -> str:
    """The one line of a commit status."""
    _, title = account.headline(result)
    return one_line(title, MAX_DESCRIPTION)


def annotations(result: Result) -> list[Json]:
    """The confirmed findings on their lines, the most severe first."""
    confirmed = (f for f in sorted(result.findings, key=account.rank) if f.decision == "confirmed" and f.line)
    return [_annotation(finding) for finding, _ in zip(confirmed, range(MAX_ANNOTATIONS), strict=False)]


def _annotation(finding: DecidedFinding) -> Json:
    first = finding.line or 1
    return {
        "path": finding.path.encode("utf-8", "replace").decode(),
        "start_line": first,
        "end_line": max(first, finding.end_line or first),
        "annotation_level": _LEVELS[finding.severity],
        "title": one_line(f"{finding.severity}: {', '.join(finding.rules[:3])}", MAX_TITLE),
        "message": one_line(finding.message, MAX_MESSAGE),
    }


def _cut(text: str) -> str:
    """What is too long loses its end, with a word that it did."""
    if width(text) <= MAX_TEXT:
        return text
    # Two units for each character at most, and no half of a pair.
    kept = text.encode("utf-16-le", "surrogatepass")[: (MAX_TEXT - 100) * 2].decode("utf-16-le", "ignore")
    return f"{kept}\n\n(cut: the result of the task has the rest)"
