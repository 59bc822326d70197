"""The agent `format`: changed Python files that are no longer laid out as they were, by ruff's formatter."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from quorate.contract.finding import Finding
from quorate.contract.fix import Edit, Fix
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import Copies, Left, countdown
from quorate_worker.adapters.layout import differs_by_more_than_breaks
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace

WIDTHS = (88, 120, 100, 79)
"""Lengths of a line that projects choose, the most common first."""

RULES: dict[str, Rule] = {"": Rule("style", "info", 0.8)}

_FLAGS = (
    "--isolated",
    "--no-cache",
    # Which quotes a project likes cannot be told.
    "--config=format.quote-style = 'preserve'",
)
_UNPARSED = re.compile(r"^error: Failed to parse (?P<file>.+?):(?P<line>\d+):\d+: (?P<why>.+)$", re.MULTILINE)
_BOM = "\ufeff"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Judge a file by the widths under which its old content was formatted; a new one by those of all the others.

    Without an old file that was formatted nothing says that the project formats its code, and nothing is judged.
    """
    left = countdown(timeout_s)
    before = {path: space.before[path] for path in space.files if space.before.get(path)}
    fitting: dict[str, set[int]] = defaultdict(set)
    for width in WIDTHS:
        after = await _formatted(space, "old", before, width, left, Analysis())
        for path, text in before.items():
            if after.get(path) == _written(text):
                fitting[path].add(width)
    common = set(WIDTHS).intersection(*fitting.values())
    if before and set(fitting) == set(before):
        fitting |= {path: common for path in space.files if path not in space.before}
    done = Analysis()
    outcomes: dict[str, set[str]] = defaultdict(set)
    for width in WIDTHS:
        texts = {path: space.files[path] for path, widths in fitting.items() if width in (common & widths or widths)}
        for path, laid_out in (await _formatted(space, "new", texts, width, left, done)).items():
            outcomes[path].add(laid_out)
    for path, ways in outcomes.items():
        widest = max(common & fitting[path] or fitting[path])
        if all(_is_unlike(_written(space.files[path]), way, widest) for way in ways):
            done.findings.append(to_finding(path, space.files[path], sorted(ways)))
    return done


def _is_unlike(text: str, way: str, width: int) -> bool:
    old, new = _LINE.findall(text), _LINE.findall(way)
    first = _alike(old, new)
    last = _alike(old[first:][::-1], new[first:][::-1])
    return differs_by_more_than_breaks(old[first : len(old) - last], new[first : len(new) - last], width)


def to_finding(path: str, text: str, ways: Sequence[str]) -> Finding:
    """One finding from the first to the last line that differs: of one statement both ends belong together.

    ``ways`` is how it could be; there is only a fix if there is only one.
    """
    old, new = _LINE.findall(_written(text)), _LINE.findall(ways[0])
    first = _alike(old, new)
    last = _alike(old[first:][::-1], new[first:][::-1])
    begin, end = first + 1, len(old) - last
    line = min(begin, max(len(old), 1))
    try:
        edit = Edit(line=begin, end_line=end, text="".join(new[first : len(new) - last]))
        fix = Fix(edits=(edit,), safe=True) if len(ways) == 1 and _written(text) == text else None
    except ValidationError:
        fix = None  # it is too large
    return Finding(
        path=path,
        line=line,
        end_line=max(line, end),
        severity=RULES[""].severity,
        category=RULES[""].category,
        message="Not formatted as the code of this project is",
        rule="unformatted",
        confidence=RULES[""].confidence,
        suggestion="Run the formatter of the project",
        fix=fix,
    )


async def _formatted(
    space: Workspace, side: str, texts: Mapping[str, str], width: int, left: Left, done: Analysis
) -> dict[str, str]:
    """The texts as the formatter writes them; those that it cannot read are unread in ``done``."""
    if not texts:
        return {}
    # Of a byte order mark it makes nothing.
    bare = {path: text.removeprefix(_BOM) for path, text in texts.items()}
    copies = Copies.of(space, bare, f"{side}-{width}", keep_suffix=True)
    suffixes = {Path(copy).suffix[1:] for copy in copies.paths}
    extensions = (f"--extension={suffix}:python" for suffix in sorted(suffixes - {"py", "pyi"}))
    argv = (*space.program, "format", *_FLAGS, f"--line-length={width}", *extensions)

    async def write(names: Sequence[str]) -> list[str]:
        output = await space.run([*argv, *names], left(), name="ruff")
        said = output.stderr.decode("utf-8", "replace")
        unread = {match["file"]: f"line {match['line']}: {match['why']}" for match in _UNPARSED.finditer(said)}
        if output.code not in (0, 2) or (output.code == 2 and not unread):
            raise ToolFailed("ruff", f"ended with code {output.code}", output.stderr)
        for name in names:
            why = next((why for file, why in unread.items() if name.endswith(file)), None)
            if why is not None:
                done.unread[copies.paths[name]] = clean(why)
        return [name for name in names if copies.paths[name] not in done.unread]

    names, failed = await all_or_alone(list(copies.paths), write)
    done.unread |= {copies.paths[name]: why for name, why in failed.items()}
    return await asyncio.to_thread(_read, copies, names, texts)


def _read(copies: Copies, names: Sequence[str], texts: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        path = copies.paths[name]
        mark = _BOM if texts[path].startswith(_BOM) else ""
        found[path] = mark + Path(name).read_bytes().decode("utf-8", "replace")
    return found


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines the two begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _written(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


FORMAT = Analyzer(
    name="format",
    description="Changed Python files that are no longer laid out as they were, by ruff's formatter",
    homepage="https://docs.astral.sh/ruff/formatter",
    program=Program(command="ruff", distribution="ruff", install="pip install ruff"),
    selection=Selection.of_languages("python"),
    languages=("python",),
    check=check,
    per_file=False,
    expected_s=0.1,
    rules=RULES,
    notes=(
        "Judges only files whose old content was as ruff or Black format it, with lines of 79, 88, 100 or 120 "
        "characters, and new ones if that is so of all others in the change. Where lines are broken is not judged, "
        "unless they are too long: formatters, and versions of one, differ in that. `fmt: off` and `fmt: skip` are "
        "obeyed: they are about layout, and hide no defect."
    ),
)
