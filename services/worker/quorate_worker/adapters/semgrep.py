"""The agent `semgrep`: risks in Python, JavaScript, TypeScript, Go and Java, by semgrep with rules of our own."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from quorate.contract.finding import Category, Finding, Severity
from quorate.review import LANGUAGES
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import countdown
from quorate_worker.adapters.process import ToolError, ToolFailed, ToolFlooded, ToolOutput, ToolTimeout
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace

FOLDER = Path(__file__).with_name("semgrep_rules")

_FLAGS = (
    "scan",
    "--experimental",  # without its part in Python, which takes ten times as long to start
    "--metrics=off",
    "--disable-version-check",
    "--no-git-ignore",
    "--disable-nosem",
    "--no-rewrite-rule-ids",
    "--quiet",
    "--json",
    "--jobs=1",
    "--timeout=3",
    "--timeout-threshold=2",
    "--max-target-bytes=0",
)
ALONE_S = 20.0
"""For a file that is put before it by itself."""

# What decides is the suffix.
_SUFFIXES = {
    **dict.fromkeys(LANGUAGES["python"], ".py"),
    **dict.fromkeys(LANGUAGES["javascript"], ".js"),
    ".jsx": ".jsx",
    ".ts": ".ts",
    ".mts": ".ts",
    ".cts": ".ts",
    ".tsx": ".tsx",
    ".go": ".go",
    ".java": ".java",
}
_SEVERITIES = frozenset(get_args(Severity))
_CATEGORIES = frozenset(get_args(Category))
_LEVELS: Mapping[str, Severity] = {"ERROR": "high", "WARNING": "medium", "INFO": "low"}

_NOSEM = re.compile(r"(?:#|//|/\*)\s*nosem(?:grep)?\b(?:\s*:\s*([\w.,\- \t]+))?", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run semgrep over copies under other names: no `.semgrepignore` and no name of the change leaves one out."""
    left = countdown(timeout_s)
    copies = _copies(space)
    argv = (*space.program, *_FLAGS, f"--config={FOLDER}")

    async def reports_of(names: Sequence[str]) -> list[dict[str, Any]]:
        # The slowest of many must leave time for the others.
        limit_s = min(left(), ALONE_S) if len(names) == 1 else left() / 2
        try:
            output = await space.run([*argv, *names], limit_s, name="semgrep")
        except (ToolTimeout, ToolFlooded) as error:
            if left() <= 0:
                raise
            raise ToolFailed("semgrep", f"gave up: {error}") from error
        report = _report(output)
        # An error that is of no file is one of the rules.
        for wrong in report["errors"]:
            if PurePosixPath(wrong.get("path", "")).name not in copies:
                raise ToolError(f"semgrep cannot use its rules; install them again: {clean(str(wrong.get('message')))}")
        return [report]

    reports, failed = await all_or_alone([str(space.home / "code" / name) for name in copies], reports_of)
    done = Analysis(unread={copies[PurePosixPath(name).name]: why for name, why in failed.items()})
    scanned: set[str] = set()
    results: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for report in reports:
        scanned.update(copies[PurePosixPath(name).name] for name in report["paths"]["scanned"])
        for error in report["errors"]:
            done.unread.setdefault(copies[PurePosixPath(error["path"]).name], _reason(error))
        for item in report["results"]:
            results[copies[PurePosixPath(item["path"]).name]].append(item)
    for path, items in results.items():
        lines = _LINE_END.split(space.files[path])
        for item in items:
            finding = to_finding(path, item, space)
            done.findings.append(suppressed(finding, "nosemgrep") if is_dismissed(item, lines) else finding)
    for path in space.files.keys() - scanned - done.unread.keys():
        done.unread[path] = "semgrep left it out"
    return done


def _copies(space: Workspace) -> dict[str, str]:
    """The path of each copy's name; the names tell nothing but the language."""
    folder = space.home / "code"
    folder.mkdir()
    # Without one of its own it takes a list of folders and names that are left out.
    (folder / ".semgrepignore").write_text("")
    paths: dict[str, str] = {}
    for number, (path, text) in enumerate(space.files.items()):
        name = f"{number}{_SUFFIXES[PurePosixPath(path.lower()).suffix]}"
        # Behind a byte order mark it overlooks the first line.
        (folder / name).write_bytes(text.removeprefix("\ufeff").encode("utf-8", "replace"))
        paths[name] = path
    return paths


def _report(output: ToolOutput) -> dict[str, Any]:
    try:
        report = json.loads(output.stdout)
    except ValueError:
        report = None
    if not (isinstance(report, dict) and {"results", "errors", "paths"} <= report.keys()):
        raise ToolFailed("semgrep", f"ended with code {output.code} and no report", output.stderr)
    return report


def _reason(error: dict[str, Any]) -> str:
    kind = error.get("type")
    name = str(kind[0] if isinstance(kind, list) else kind)
    lines = sorted(span["start"]["line"] for span in error.get("spans") or ())
    return clean(f"{name}{f' in line {lines[0]}' if lines else ''}: semgrep could not read all of it")


def to_finding(path: str, item: dict[str, Any], space: Workspace) -> Finding:
    """One entry of its JSON as a finding, judged by the metadata of its rule."""
    about = item["extra"]
    rule = "quorate." + str(item["check_id"]).rpartition("quorate.")[2]
    metadata = about.get("metadata") or {}
    category, severity = str(metadata.get("category")), str(metadata.get("severity"))
    start, end = item["start"], item["end"]
    # A range that ends before the first column of a line does not touch that line.
    last = end["line"] - (end["col"] == 1 and end["line"] > start["line"])
    return Finding(
        path=path,
        line=space.line(path, max(start["line"], 1)),
        end_line=space.line(path, max(last, start["line"], 1)),
        severity=severity if severity in _SEVERITIES else _LEVELS.get(about.get("severity", ""), "medium"),  # type: ignore[arg-type]
        category=category if category in _CATEGORIES else "security",  # type: ignore[arg-type]
        message=clean(str(about["message"]).strip()) or rule,
        rule=rule,
        confidence=float(metadata.get("confidence", 0.7)),
        cwe=int(str(metadata["cwe"]).removeprefix("CWE-").partition(":")[0]) if "cwe" in metadata else None,
    )


def is_dismissed(item: dict[str, Any], lines: Sequence[str]) -> bool:
    """Whether a `nosemgrep` speaks of all rules or of this one: in the finding's line, or alone in the one before."""
    number = item["start"]["line"]
    before = lines[number - 2].strip() if 2 <= number <= len(lines) + 1 else ""
    candidates = [*lines[number - 1 : number], *([before] if before.startswith(("#", "//", "/*")) else [])]
    for text in candidates:
        for comment in _NOSEM.finditer(text):
            named = re.split(r"[,\s]+", (comment.group(1) or "").strip())
            if named == [""] or any(str(item["check_id"]).endswith(name) for name in named if name):
                return True
    return False


SEMGREP = Analyzer(
    name="semgrep",
    description="Risks in Python, JavaScript, TypeScript, Go and Java, by semgrep with rules of our own",
    homepage="https://semgrep.dev",
    program=Program(
        command="semgrep",
        install="pipx install semgrep",
        # Asked for its version alone it also asks its maker for the newest, and waits minutes where no network is.
        version_arguments=("--version", "--disable-version-check"),
    ),
    selection=Selection(
        noun="Python, JavaScript, TypeScript, Go or Java file",
        suffixes=frozenset(_SUFFIXES),
    ),
    languages=("python", "javascript", "typescript", "go", "java"),
    check=check,
    batch=50,
    expected_s=1.0,
    rules={"quorate.": Rule("security", "medium", 0.7), "": Rule("security", "medium", 0.7)},
    notes=(
        "The rules are in `adapters/semgrep_rules`, each with its severity, confidence and CWE; none is fetched. Many "
        "follow what a request sends within one function. `nosemgrep` makes a finding a mere note, and no "
        "`.semgrepignore` of the change is obeyed. It has an environment of its own, for its pins conflict with ours."
    ),
)
