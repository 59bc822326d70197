"""The agent `complexity`: functions that the change makes harder to follow, in many languages."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.analysis import Analysis, clean, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.process import PYTHON, ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace
from quorate_worker.checks.path_kind import is_generated_name, vendored_folder

_PROGRAM = Path(__file__).with_name("complexity_scan.py")

MAX_COMPLEXITY = 15
MUCH_COMPLEXITY = 25
MAX_LINES = 100
MAX_PARAMETERS = 8

NOTABLE = 1.1
"""An old function is told of only if it grew by more than a tenth."""

MUCH_GROWTH = 5
"""Complexity that a change has to add to an old function to be more than a note; twice as much may be medium."""

RULES: dict[str, Rule] = {
    "": Rule("complexity", "low", 0.9),
    "complexity": Rule("complexity", "low", 0.9, 1121),
    "length": Rule("complexity", "info", 0.9, 1080),
    "parameters": Rule("complexity", "info", 0.9, 1064),
}

# What the library knows by another suffix.
_LIKE = {".pyw": ".py", ".mts": ".ts", ".cts": ".ts", ".h++": ".hpp", ".c++": ".cpp"}
_SUFFIXES = (
    ".c .cc .cpp .cxx .h .hh .hpp .cs .java .js .cjs .mjs .jsx .ts .tsx .py .rb .php .swift .scala .go .lua .rs .kt "
    ".kts .vue .pl .pm .gd .zig .sol"
)
_FORGIVEN = re.compile(r"#\s*lizard forgive", re.IGNORECASE)
_FORGIVEN_BEFORE = re.compile(r"#\s*lizard forgive global|GENERATED CODE", re.IGNORECASE)


class Function(NamedTuple):
    """What was measured. ``line`` and ``end_line`` are from 1."""

    name: str
    line: int
    end_line: int
    complexity: int
    lines: int
    parameters: int

    @property
    def measures(self) -> tuple[int, int, int]:
        return self.complexity, self.lines, self.parameters


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Measure the files as they are and as they were, and tell of the functions that became worse."""
    before = [path for path in space.files if path in space.before]
    texts = [(path, space.files[path]) for path in space.files] + [(path, space.before[path]) for path in before]
    asked = {"texts": [(_suffix(path), text.removeprefix("\ufeff")) for path, text in texts]}
    stdin = json.dumps(asked).encode()
    output = await space.run([*PYTHON, str(_PROGRAM)], timeout_s, stdin=stdin, name="lizard")
    try:
        report = json.loads(output.stdout) if output.code == 0 else None
    except ValueError:
        report = None
    if not isinstance(report, list) or len(report) != len(texts):
        raise ToolFailed("lizard", f"ended with code {output.code} and no report", output.stderr)
    measured = [[Function(*item) for item in entry.get("functions", ())] for entry in report]
    old = dict(zip(before, measured[len(space.files) :], strict=True))
    done = Analysis()
    for path, entry, functions in zip(space.files, report, measured, strict=False):
        if "unread" in entry:
            done.unread[path] = clean(entry["unread"])
            continue
        if vendored_folder(path) or is_generated_name(path):
            continue  # nobody here is going to split them
        for function, was in paired(functions, old.get(path, ())):
            if (finding := to_finding(path, function, was, space, known=path in old)) is not None:
                done.findings.append(finding)
    return done


def paired(new: Iterable[Function], old: Iterable[Function]) -> list[tuple[Function, Function | None]]:
    """Each function with what it was: of the same name, unchanged if there is one, else the next in order."""
    left: dict[str, list[Function]] = defaultdict(list)
    for function in old:
        left[function.name].append(function)
    found: dict[int, Function] = {}
    functions = list(new)
    for number, function in enumerate(functions):
        same = next((was for was in left[function.name] if was.measures == function.measures), None)
        if same is not None:
            left[function.name].remove(same)
            found[number] = same
    for number, function in enumerate(functions):
        if number not in found and left[function.name]:
            found[number] = left[function.name].pop(0)
    return [(function, found.get(number)) for number, function in enumerate(functions)]


def to_finding(
    path: str, function: Function, was: Function | None, space: Workspace, *, known: bool = True
) -> Finding | None:
    """One finding for all that became worse; None if nothing did.

    It spans a function that changed. Where the old content is not known only its head counts, lest every edit shows
    what was there before.
    """
    complexity, lines, parameters = was.measures if was is not None else (0, 0, 0)
    worse: list[tuple[str, str]] = []
    if _is_worse(function.complexity, complexity, MAX_COMPLEXITY):
        before = f", was {complexity}" if was else ""
        worse.append(
            ("complexity", f"a cyclomatic complexity of {function.complexity} (over {MAX_COMPLEXITY}{before})")
        )
    if _is_worse(function.lines, lines, MAX_LINES):
        before = f", were {lines}" if was else ""
        worse.append(("length", f"{function.lines} lines of code (over {MAX_LINES}{before})"))
    if _is_worse(function.parameters, parameters, MAX_PARAMETERS):
        before = f", were {parameters}" if was else ""
        worse.append(("parameters", f"{function.parameters} parameters (over {MAX_PARAMETERS}{before})"))
    if not worse:
        return None
    rule = worse[0][0]
    severity = RULES[rule].severity
    if rule == "complexity":
        severity = _severity(function.complexity, function.complexity - complexity)
    text = space.files[path]
    count = max(text.count("\n") + (not text.endswith("\n")), 1)
    line = min(max(function.line, 1), count)
    end_line = min(max(function.end_line, line), count)
    finding = Finding(
        path=path,
        line=line,
        end_line=end_line if known else line,
        severity=severity,
        category="complexity",
        message=clean(f"`{function.name}` has {' and '.join(what for _, what in worse)}"),
        rule=rule,
        confidence=RULES[rule].confidence,
        cwe=RULES[rule].cwe,
        suggestion="Split it into parts that can be read and tested on their own" if rule != "parameters" else None,
    )
    return suppressed(finding, "lizard forgives") if _is_forgiven(text, line, end_line) else finding


def _is_worse(now: int, before: int, limit: int) -> bool:
    return now > limit and now > before * NOTABLE


def _severity(complexity: int, growth: int) -> Severity:
    """What the change added to the function counts, not what was there."""
    if complexity > MUCH_COMPLEXITY and growth >= 2 * MUCH_GROWTH:
        return "medium"
    return "low" if growth >= MUCH_GROWTH else "info"


def _is_forgiven(text: str, line: int, end_line: int) -> bool:
    if not (_FORGIVEN.search(text) or _FORGIVEN_BEFORE.search(text)):
        return False
    lines = text.split("\n")
    return bool(
        _FORGIVEN.search("\n".join(lines[line - 1 : end_line])) or _FORGIVEN_BEFORE.search("\n".join(lines[:end_line]))
    )


def _suffix(path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    return _LIKE.get(suffix, suffix)


COMPLEXITY = Analyzer(
    name="complexity",
    description="Functions that the change makes harder to follow, in many languages, measured by lizard",
    homepage="https://github.com/terryyin/lizard",
    program=Program(
        command="lizard", distribution="lizard", module="lizard", is_library=True, install="pip install lizard"
    ),
    selection=Selection(noun="source file", suffixes=frozenset((*_SUFFIXES.split(), *_LIKE))),
    check=check,
    per_file=False,
    expected_s=0.1,
    rules=RULES,
    notes=(
        f"One finding for a function of a cyclomatic complexity over {MAX_COMPLEXITY} (medium over "
        f"{MUCH_COMPLEXITY}), of more than {MAX_LINES} lines of code or of more than {MAX_PARAMETERS} parameters, and "
        "only if it is new or became worse: a note below five more branches than before, and nothing if it grew by no "
        "more than a tenth, or lies in a folder of other people's or of built code. `lizard forgives` and `GENERATED "
        "CODE` make a finding a mere note."
    ),
)
