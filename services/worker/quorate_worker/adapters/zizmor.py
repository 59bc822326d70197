"""The agent `zizmor`: what an attacker can use in GitHub's workflows, actions and Dependabot settings."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import countdown
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace

_FLAGS = (
    "--offline",
    "--no-config",
    "--no-ignores",
    "--no-progress",
    "--no-exit-codes",
    "--persona=regular",
    "--collect=all",
    "--color=never",
    "--format=json-v1",
)

SEVERITIES: Mapping[str, Severity] = {"High": "high", "Medium": "medium", "Low": "low", "Informational": "info"}
CONFIDENCES = {"High": 0.9, "Medium": 0.7, "Low": 0.4}

# Severity and confidence are the tool's own, but for those of _SEVERITIES.
RULES: dict[str, Rule] = {
    "": Rule("security", "medium", 0.7),
    "archived-uses": Rule("workflow", "low", 0.8),
    "artipacked": Rule("security", "low", 0.4, 522),
    "bot-conditions": Rule("security", "high", 0.8, 290),
    "cache-poisoning": Rule("security", "high", 0.4, 349),
    "concurrency-limits": Rule("workflow", "low", 0.8),
    "dangerous-triggers": Rule("security", "high", 0.7, 829),
    "dependabot-cooldown": Rule("workflow", "info", 0.8),
    "dependabot-execution": Rule("security", "high", 0.9, 829),
    "excessive-permissions": Rule("security", "medium", 0.7, 250),
    "github-app": Rule("security", "medium", 0.7, 250),
    "github-env": Rule("security", "high", 0.4, 94),
    "hardcoded-container-credentials": Rule("secrets", "high", 0.9, 798),
    "insecure-commands": Rule("security", "high", 0.9, 77),
    "misfeature": Rule("workflow", "low", 0.8),
    "obfuscation": Rule("workflow", "low", 0.9, 506),
    "overprovisioned-secrets": Rule("security", "medium", 0.9, 522),
    "secrets-inherit": Rule("security", "medium", 0.9, 522),
    "secrets-outside-env": Rule("workflow", "low", 0.7),
    "self-hosted-runner": Rule("security", "medium", 0.4),
    "superfluous-actions": Rule("workflow", "info", 0.8),
    "template-injection": Rule("security", "high", 0.9, 94),
    "undocumented-permissions": Rule("workflow", "info", 0.8),
    "unpinned-images": Rule("dependency", "low", 0.8, 829),
    "unpinned-uses": Rule("dependency", "medium", 0.9, 829),
    "unredacted-secrets": Rule("security", "medium", 0.9, 532),
    "unsound-condition": Rule("workflow", "medium", 0.9, 670),
    "unsound-contains": Rule("security", "medium", 0.8, 697),
    "use-trusted-publishing": Rule("workflow", "info", 0.8, 522),
}
_SEVERITIES: Mapping[str, Severity] = {
    "artipacked": "low",
    "dependabot-cooldown": "info",
    "unpinned-images": "low",
    "unpinned-uses": "medium",
    "use-trusted-publishing": "info",
}
# Whoever runs these workflows trusts GitHub already.
_OF_GITHUB = re.compile(r"[\s\"']*(?:actions|github)/")

_COMPLETED = re.compile(r"\bcompleted \./(.+)$", re.MULTILINE)
_WARNING = re.compile(r"\bWARN\b.*?zizmor::[\w:]+: (.+)$", re.MULTILINE)
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_SUFFIXES = (".yml", ".yaml")
_WIDE = 12
"""Lines of a place that is rather the whole job than what is wrong with it."""


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run zizmor over the files under their own paths, for those say what they are."""
    left = countdown(timeout_s)
    done = Analysis()
    for path, text in space.files.items():
        if not path.endswith(_SUFFIXES):
            done.unread[path] = "GitHub and zizmor read files that end with .yml or .yaml only"
        elif text.startswith("\ufeff"):
            # Takes a byte order mark for a document of its own.
            (space.tree / path).write_text(text[1:], encoding="utf-8", errors="replace", newline="")

    async def results_of(paths: Sequence[str]) -> list[tuple[list[dict[str, Any]], set[str], str]]:
        output = await space.run([*space.program, *_FLAGS, *(f"./{path}" for path in paths)], left(), name="zizmor")
        said = _COLOR.sub("", output.stderr.decode("utf-8", "replace"))
        if output.code != 0 and "no inputs collected" in said:
            return [([], set(), said)]
        try:
            items = json.loads(output.stdout) if output.code == 0 else None
        except ValueError:
            items = None
        if not isinstance(items, list):
            first = said.partition("Stack backtrace")[0].strip()
            raise ToolFailed("zizmor", f"ended with code {output.code} and no report", first.encode())
        return [(items, set(_COMPLETED.findall(said)), said)]

    paths = [path for path in space.files if path not in done.unread]
    results, failed = await all_or_alone(paths, results_of) if paths else ([], {})
    done.unread |= failed
    completed: set[str] = set()
    for items, read, _ in results:
        completed |= read
        for item in items:
            done.findings += to_findings(item, space)
    for path in paths:
        if path not in completed and path not in done.unread:
            # Its warnings do not name the file.
            [(_, _, said)] = await results_of([path])
            why = next(iter(_WARNING.findall(said)), "zizmor left it out")
            done.unread[path] = clean(why.replace("file://./", ""))
    return done


def to_findings(item: dict[str, Any], space: Workspace) -> list[Finding]:
    """One entry of its JSON as a finding; none if its place is not in a file under review."""
    rule = str(item["ident"])
    judged = judge(RULES, rule)
    determined = item["determinations"]
    severity = _SEVERITIES.get(rule) or SEVERITIES.get(determined["severity"], "info")
    for place in item["locations"]:
        symbolic, concrete = place["symbolic"], place["concrete"]
        path = str(symbolic["key"].get("Local", {}).get("verbatim_path", "")).removeprefix("./")
        if symbolic["kind"] != "Primary" or path not in space.files:
            continue
        first, last = _lines(concrete["location"], space.files[path])
        if rule == "unpinned-uses" and _OF_GITHUB.match(concrete["feature"]):
            severity = "low"
        finding = Finding(
            path=path,
            line=first,
            end_line=last,
            severity=severity,
            category=judged.category,
            message=clean(f"{item['desc']}: {symbolic['annotation']}"),
            rule=rule,
            confidence=CONFIDENCES.get(determined["confidence"], 0.5),
            cwe=judged.cwe,
            suggestion=next((clean(str(fix["title"])) for fix in item.get("fixes") or ()), None),
        )
        return [suppressed(finding, "zizmor: ignore") if item.get("ignored") else finding]
    return []


def _lines(location: dict[str, Any], text: str) -> tuple[int, int]:
    """From 1, of the diff: it counts `\\n` only, and from 0."""
    start, end = location["start_point"], location["end_point"]
    count = max(text.count("\n") + (not text.endswith("\n")), 1)
    first = min(start["row"] + 1, count)
    last = min(end["row"] + 1 - (end["column"] == 0 and end["row"] > start["row"]), count)
    return first, last if last - first < _WIDE else first


ZIZMOR = Analyzer(
    name="zizmor",
    description="What an attacker can use in GitHub's workflows, actions and Dependabot settings",
    homepage="https://docs.zizmor.sh",
    program=Program(command="zizmor", distribution="zizmor", install="pip install zizmor"),
    selection=Selection(
        noun="GitHub workflow",
        patterns=(
            ".github/workflows/*.yml",
            ".github/workflows/*.yaml",
            ".github/dependabot.yml",
            ".github/dependabot.yaml",
            "action.yml",
            "action.yaml",
        ),
    ),
    languages=("yaml",),
    check=check,
    batch=100,
    expected_s=0.1,
    rules=RULES,
    notes=(
        "Runs offline: audits that ask GitHub are left out, as are those of its pedantic and auditor personas. An "
        "unpinned action is of low severity if it is GitHub's own. `zizmor: ignore` makes a finding a mere note, and "
        "no configuration of the change is obeyed."
    ),
)
