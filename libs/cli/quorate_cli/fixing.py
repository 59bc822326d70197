"""The safe fixes of a review: which of them go together, and what becomes of the files."""

import symtable
import sys
import warnings
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quorate.contract.finding import DecidedFinding
from quorate.contract.fix import Edit
from quorate.contract.result import Result
from quorate.render import account
from quorate.review import is_language
from quorate_cli.replacing import NotReplaced, replace_file

MAX_TRIES = 32
"""How many fixes of one file are tried one by one if all of them together break it."""


@dataclass(frozen=True)
class FixedFile:
    """A file with the edits that go together, in the order of their lines, and the findings that they settle."""

    path: str
    before: str
    after: str
    edits: tuple[Edit, ...]
    findings: tuple[DecidedFinding, ...]


@dataclass(frozen=True)
class LeftOut:
    """A finding whose safe fix is not applied, and why."""

    finding: DecidedFinding
    reason: str


@dataclass(frozen=True)
class Fixes:
    """What is done about the confirmed findings of a review. ``unsafe`` counts those whose fix is for people only."""

    confirmed: int
    unsafe: int
    files: tuple[FixedFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def fixed(self) -> int:
        """How many findings are settled."""
        return sum(len(file.findings) for file in self.files)

    def remaining(self, result: Result) -> Result:
        """The result without the findings that are settled."""
        settled = {finding.id for file in self.files for finding in file.findings}
        return result.model_copy(
            update={"findings": tuple(finding for finding in result.findings if finding.id not in settled)}
        )


def plan(findings: Iterable[DecidedFinding], texts: Mapping[str, str]) -> Fixes:
    """The fixes of confirmed findings that go together; of two that meet, that of the more severe finding.

    ``texts`` are the reviewed contents by path.
    """
    confirmed = sorted((finding for finding in findings if finding.decision == "confirmed"), key=account.rank)
    by_path: dict[str, list[DecidedFinding]] = defaultdict(list)
    for finding in confirmed:
        if finding.fix is not None and finding.fix.safe:
            by_path[finding.path].append(finding)
    files: list[FixedFile] = []
    left_out: list[LeftOut] = []
    for path, found in sorted(by_path.items()):
        if path not in texts:
            left_out += (LeftOut(finding, "the whole file was not reviewed") for finding in found)
            continue
        file = _File(path, texts[path])
        for finding in found:
            file.take(finding)
        files += file.fixed()
        left_out += file.left_out
    unsafe = sum(finding.fix is not None and not finding.fix.safe for finding in confirmed)
    return Fixes(len(confirmed), unsafe, tuple(files), tuple(left_out))


def carry_out(fixes: Fixes, top: Path, *, write: bool) -> Fixes:
    """Fix the files below ``top`` that are still what was reviewed; without ``write`` only look at them.

    Returns what was done. Each file is replaced as a whole, so that at any time it is the old or the new one.
    """
    files: list[FixedFile] = []
    left_out = list(fixes.left_out)
    for file in fixes.files:
        try:
            replace_file(top, file.path, file.before, file.after, write=write)
        except NotReplaced as error:
            left_out += (LeftOut(finding, str(error)) for finding in file.findings)
        else:
            files.append(file)
    return Fixes(fixes.confirmed, fixes.unsafe, tuple(files), tuple(left_out))


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends, as the contract counts them: they end at ``\\n`` only."""
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


class _File:
    """A file, and the fixes taken for it so far: edits, and the findings that have this same fix."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._lines = lines_of(text)
        self._taken: dict[tuple[Edit, ...], list[DecidedFinding]] = {}
        self._edits: list[Edit] = []
        self.left_out: list[LeftOut] = []

    def take(self, finding: DecidedFinding) -> None:
        """Take the finding's fix, if it fits the file and those taken before."""
        edits = finding.fix.edits if finding.fix is not None else ()
        if edits in self._taken:
            # One fix may settle several findings, such as all unused names of one import.
            self._taken[edits].append(finding)
        elif not all(self._fits(edit) for edit in edits):
            self.left_out.append(LeftOut(finding, "its fix does not fit the file"))
        elif not any(self._changes(edit) for edit in edits):
            self.left_out.append(LeftOut(finding, "its fix changes nothing"))
        elif (met := next(filter(None, map(self._met, edits)), None)) is not None:
            self.left_out.append(LeftOut(finding, f"its fix meets another one in line {met.line}: run again"))
        else:
            self._taken[edits] = [finding]
            for edit in edits:
                insort(self._edits, edit, key=_line)

    def fixed(self) -> list[FixedFile]:
        """The file with the fixes taken, if there are any that leave it whole."""
        if self._taken and is_language(self._path, "python"):
            self._keep_python()
        if not self._taken:
            return []
        edits = _in_order(self._taken)
        findings = tuple(finding for found in self._taken.values() for finding in found)
        return [FixedFile(self._path, self._text, self._after(self._taken), edits, findings)]

    def _fits(self, edit: Edit) -> bool:
        """Whether the file has the lines, and still consists of whole lines afterwards."""
        count = len(self._lines)
        if edit.end_line > count or edit.line > count + 1:
            return False
        if edit.line > count and count and not self._lines[-1].endswith("\n"):
            return False
        return edit.text[-1:] in ("", "\n") or edit.end_line == count

    def _changes(self, edit: Edit) -> bool:
        return "".join(self._lines[edit.line - 1 : edit.end_line]) != edit.text

    def _met(self, edit: Edit) -> Edit | None:
        """An edit taken before that is in the way."""
        at = bisect_left(self._edits, edit.line, key=_line)
        if at < len(self._edits) and self._edits[at].line <= max(edit.line, edit.end_line):
            return self._edits[at]
        if at > 0 and self._edits[at - 1].end_line >= edit.line:
            return self._edits[at - 1]
        return None

    def _keep_python(self) -> None:
        """Drop what breaks the file. A file that is broken is left alone, for no fix of it can be checked."""
        lacking = _lacking(self._text)
        if lacking is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            self._drop(list(self._taken), f"Python {version} cannot parse the file as it is")
            return
        if self._broken(self._taken, lacking) is None:
            return
        # Fixes that are safe by themselves may empty a block together, or remove both of two imports of one name.
        fixes = list(self._taken)
        kept: list[tuple[Edit, ...]] = []
        for edits in fixes[:MAX_TRIES]:
            why = self._broken([*kept, edits], lacking)
            if why is None:
                kept.append(edits)
            else:
                self._drop([edits], f"with its fix {why}{'; run again' if kept else ''}")
        self._drop(fixes[MAX_TRIES:], "another fix broke the file before its own was tried; run again")

    def _broken(self, fixes: Iterable[Sequence[Edit]], lacking: set[str]) -> str | None:
        """What is wrong with the file after these fixes, if it was not before."""
        after = _lacking(self._after(fixes))
        if after is None:
            return "the file could not be parsed any more"
        return next((f"`{name}` would not be defined any more" for name in sorted(after - lacking)), None)

    def _drop(self, dropped: list[tuple[Edit, ...]], reason: str) -> None:
        for edits in dropped:
            self.left_out += (LeftOut(finding, reason) for finding in self._taken.pop(edits))

    def _after(self, fixes: Iterable[Sequence[Edit]]) -> str:
        parts: list[str] = []
        done = 0
        for edit in _in_order(fixes):
            parts += (*self._lines[done : edit.line - 1], edit.text)
            done = edit.end_line
        return "".join((*parts, *self._lines[done:]))


def _in_order(fixes: Iterable[Sequence[Edit]]) -> tuple[Edit, ...]:
    return tuple(sorted((edit for edits in fixes for edit in edits), key=_line))


def _line(edit: Edit) -> int:
    return edit.line


def _lacking(text: str) -> set[str] | None:
    """The names that a Python file uses and does not define, such as those of builtins; None if it is broken."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = symtable.symtable(text.removeprefix("\ufeff"), "file", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    used: set[str] = set()
    defined: set[str] = set()
    scopes = [module]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        for symbol in scope.get_symbols():
            if scope is module or symbol.is_global():
                if symbol.is_referenced():
                    used.add(symbol.get_name())
                if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                    defined.add(symbol.get_name())
    return used - defined
