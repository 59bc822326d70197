"""Turns a review into GitLab's report of code quality: `python code_quality.py < review.json > gl-code-quality.json`.

The format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. It needs Python alone. What
the baseline knows is left out.
"""

import json
import sys
from typing import Any

SEVERITIES = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}


def issue(finding: dict[str, Any]) -> dict[str, Any]:
    """One finding, as GitLab's merge requests show it."""
    unconfirmed = "" if finding["decision"] == "confirmed" else "Unconfirmed: "
    return {
        "description": f"{unconfirmed}{finding['message']}",
        "check_name": ", ".join(finding["rules"]) or finding["category"],
        "fingerprint": finding["id"],
        "severity": SEVERITIES[finding["severity"]],
        "location": {"path": finding["path"], "lines": {"begin": finding["line"] or 1}},
    }


if __name__ == "__main__":
    found = json.load(sys.stdin)["findings"]
    json.dump([issue(finding) for finding in found if finding["decision"] != "withheld"], sys.stdout, indent=2)
