"""The agent `zizmor`: what an attacker can use in GitHub's workflows, actions and Dependabot settings."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import countdown
from quorate_worker.adapters.process import ToolError, ToolFailed
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

# Where no action is tied to a commit, each new one of GitHub's that is not is no news.
_PINNED = re.compile(r"\buses:\s*[\"']?[\w./-]+@[0-9a-f]{40}\b")
_COMPLETED = re.compile(r"\bcompleted (.+)$", re.MULTILINE)
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_SUFFIXES = (".yml", ".yaml")
_WIDE = 12
"""Lines of a place that is rather the whole job than what is wrong with it."""


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run zizmor over copies: only names that no change can know tell in its log which files it has read."""
    left = countdown(timeout_s)
    done = Analysis()
    for path in space.files:
        if not path.endswith(_SUFFIXES):
            done.unread[path] = "GitHub and zizmor read files that end with .yml or .yaml only"
    copies = _copies(space, [path for path in space.files if path not in done.unread])

    async def results_of(names: Sequence[str]) -> list[tuple[list[dict[str, Any]], set[str], str]]:
        output = await space.run([*space.program, *_FLAGS, *names], left(), name="zizmor")
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

    results, failed = await all_or_alone(list(copies), results_of) if copies else ([], {})
    done.unread |= {copies[name]: why for name, why in failed.items()}
    completed: set[str] = set()
    for items, read, _ in results:
        completed |= read
        for item in items:
            done.findings += to_findings(item, copies, space)
    for name in copies.keys() - completed - failed.keys():
        try:
            # Its warnings do not name the file.
            [(_, _, said)] = await results_of([name])
        except ToolError:
            said = ""
        why = _warning(said) or "zizmor left it out"
        done.unread[copies[name]] = clean(why.replace(f"file://{name}", copies[name]))
    return done


def _copies(space: Workspace, paths: Sequence[str]) -> dict[str, str]:
    """The path of each copy; its name tells what the path told: whether it is a workflow, or what else."""
    copies: dict[str, str] = {}
    for number, path in enumerate(paths):
        folder = space.home / "copies" / str(number)
        folder.mkdir(parents=True)
        copy = folder / f"{_kind(path.lower())}.yml"
        # It takes a byte order mark for a document of its own.
        copy.write_bytes(space.files[path].removeprefix("\ufeff").encode("utf-8", "replace"))
        copies[str(copy)] = path
    return copies


def _kind(path: str) -> str:
    if path.startswith(".github/workflows/"):
        return "workflow"
    return PurePosixPath(path).stem


def _warning(said: str) -> str:
    """The first warning of its log; empty without one."""
    for line in said.splitlines():
        _, found, rest = line.partition(" WARN ")
        if found:
            return rest.partition(" zizmor::")[2].partition(": ")[2]
    return ""


def to_findings(item: dict[str, Any], copies: Mapping[str, str], space: Workspace) -> list[Finding]:
    """One entry of its JSON as a finding; none if its place is not in a file under review."""
    rule = str(item["ident"])
    judged = judge(RULES, rule)
    determined = item["determinations"]
    severity = _SEVERITIES.get(rule) or SEVERITIES.get(determined["severity"], "info")
    for place in item["locations"]:
        symbolic, concrete = place["symbolic"], place["concrete"]
        path = copies.get(str(symbolic["key"].get("Local", {}).get("verbatim_path", "")))
        if symbolic["kind"] != "Primary" or path is None:
            continue
        first, last = _lines(concrete["location"], space.last_line(path))
        if rule == "unpinned-uses" and _OF_GITHUB.match(concrete["feature"]):
            severity = "low" if _PINNED.search(space.files[path]) else "info"
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


def _lines(location: dict[str, Any], count: int) -> tuple[int, int]:
    """From 1 to ``count``, of the diff: it counts `\\n` only, and from 0."""
    start, end = location["start_point"], location["end_point"]
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
        "unpinned action is of low severity if it is GitHub's own, and a note where no other is pinned. `zizmor: "
        "ignore` makes a finding a mere note, and no configuration of the change is obeyed."
    ),
)
