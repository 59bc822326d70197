"""Reviews of pull requests by several tools, and which of their findings a judge matched to which known issue.

The file is JSON: ``{"prs": [{"pr": URL, "golden": COUNT, "tools": {TOOL: [FINDING]}}]}``, where a finding is ``{"text",
"path", "line", "golden": [ID]}``; ``path`` and ``line`` may be null.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.errors import QuorateError


class BadReviews(QuorateError):
    """The file is none of labelled reviews."""


@dataclass(frozen=True)
class Labelled:
    """What a tool found, with the known issues ("goldens") that a judge took it for: mostly none or one."""

    tool: str
    text: str
    goldens: frozenset[str]
    path: str = ""
    line: int | None = None


@dataclass(frozen=True)
class PullRequest:
    """``goldens`` counts the known issues, found or not."""

    name: str
    repository: str
    goldens: int
    findings: tuple[Labelled, ...]

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(sorted({finding.tool for finding in self.findings}))


def load(path: Path) -> list[PullRequest]:
    """Raises BadReviews."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        pulls = [_pull(entry) for entry in content["prs"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadReviews(f"{path}: {error!r}: give a file as bench/reviews_data.py describes it") from error
    if not any(finding.goldens for pull in pulls for finding in pull.findings):
        raise BadReviews(f"{path}: no finding is matched to a known issue, so there is nothing to measure")
    return pulls


def _pull(entry: dict[str, Any]) -> PullRequest:
    found = tuple(
        Labelled(tool, each["text"], frozenset(each["golden"]), each.get("path") or "", each.get("line"))
        for tool, findings in sorted(entry["tools"].items())
        for each in findings
    )
    # A fork made for one tool is the same code: owner/project-tool.
    project = entry["pr"].rstrip("/").split("/")[-3]
    for tool in entry["tools"]:
        project = project.removesuffix(f"-{tool}")
    return PullRequest(entry["pr"], project, int(entry["golden"]), found)
