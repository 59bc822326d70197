"""What a tool would change, given by characters, as a fix of whole lines."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, islice
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from quorate.contract.fix import Edit, Fix

Unit = Literal["codepoint", "utf16", "utf8"]
"""What a tool counts: characters, as Python does, or the code units or bytes of an encoding."""

MAX_EDITS = 1_000
"""Of one fix, as its tool gives them; those of one line count once against the limit of the contract."""

_BOM = "\ufeff"
_LINE_END = re.compile(r"\r\n|\r|\n")
_SARIF_LINE_END = re.compile(r"\r?\n")
_DIFF_LINE_END = re.compile(r"\n")


class ColumnEdit(NamedTuple):
    """From a row and column to before another, both from 1, becomes ``content``; columns are characters.

    Rows end at ``\\n``, ``\\r\\n`` and ``\\r``, and a byte order mark has no column: ruff counts like this.
    """

    row: int
    column: int
    end_row: int
    end_column: int
    content: str


class OffsetEdit(NamedTuple):
    """From an offset to before another, both from 0, becomes ``content``."""

    start: int
    end: int
    content: str


def fix_of(text: str, edits: Iterable[ColumnEdit], *, safe: bool) -> Fix | None:
    """The fix that does to ``text`` what the edits do, exact to its line ends and to a missing last one.

    None if they overlap, do not fit the text, are beyond the limits of a fix, or change nothing.
    """
    return _by_rows(text, edits, _LINE_END, "codepoint", safe=safe)


def fix_of_offsets(text: str, edits: Iterable[OffsetEdit], *, unit: Unit, safe: bool) -> Fix | None:
    """The same for offsets into the text, which count a byte order mark."""
    found = list(islice(edits, MAX_EDITS + 1))
    index = _index(text, unit)
    starts = [index.character(edit.start) for edit in found]
    ends = [index.character(edit.end) for edit in found]
    return _fix(text, zip(starts, ends, (edit.content for edit in found), strict=True), safe=safe)


def ruff_fix(item: dict[str, Any], text: str) -> Fix | None:
    """The fix in one entry of ruff's JSON; None without one, and for one that ruff only wants to be looked at."""
    fix = item.get("fix")
    if not fix or fix["applicability"] not in ("safe", "unsafe"):
        return None
    edits = (
        ColumnEdit(
            edit["location"]["row"],
            edit["location"]["column"],
            edit["end_location"]["row"],
            edit["end_location"]["column"],
            edit["content"],
        )
        for edit in fix["edits"]
    )
    return fix_of(text, edits, safe=fix["applicability"] == "safe")


def sarif_fix(fix: dict[str, Any], text: str, *, uri: str, unit: Unit, safe: bool) -> Fix | None:
    """A ``fix`` object of SARIF 2.1.0, if it changes the file at ``uri`` only, by lines and columns or characters.

    ``unit`` is what the run's ``columnKind`` says. Whether it may be applied unseen SARIF does not tell.
    """
    changes = fix.get("artifactChanges") or []
    if len(changes) != 1 or changes[0].get("artifactLocation", {}).get("uri") != uri:
        return None
    replacements = [
        (change["deletedRegion"], change.get("insertedContent", {"text": ""}).get("text"))
        for change in islice(changes[0].get("replacements", []), MAX_EDITS + 1)
    ]
    if any(content is None for _, content in replacements):
        return None  # its content is binary
    if all("startLine" in region for region, _ in replacements):
        rows = _rows(text, _SARIF_LINE_END)
        edits = (ColumnEdit(*_columns(region, rows, text, unit), content) for region, content in replacements)
        return _by_rows(text, edits, _SARIF_LINE_END, unit, safe=safe)
    if all(region.get("charOffset", -1) >= 0 for region, _ in replacements):
        by_offset = (
            OffsetEdit(region["charOffset"], region["charOffset"] + region.get("charLength", 0), content)
            for region, content in replacements
        )
        return fix_of_offsets(text, by_offset, unit=unit, safe=safe)
    return None


def _columns(region: dict[str, Any], rows: tuple[int, ...], text: str, unit: Unit) -> tuple[int, int, int, int]:
    """A region with what it leaves out: it begins with its first line and ends with its last, before the line end."""
    first = region["startLine"]
    last = region.get("endLine", first)
    column = region.get("endColumn", 0)
    if not column and 0 < last < len(rows):
        row = _SARIF_LINE_END.split(text[rows[last - 1] : rows[last]], maxsplit=1)[0]
        column = 1 + _index(row, unit).length
    return first, region.get("startColumn", 1), last, column


def _by_rows(
    text: str, edits: Iterable[ColumnEdit], line_end: re.Pattern[str], unit: Unit, *, safe: bool
) -> Fix | None:
    rows = _rows(text, line_end)

    def offset(row: int, column: int) -> int:
        """-1 for a place that the text does not have."""
        if not (0 < row < len(rows) and column > 0):
            return -1
        begin = rows[row - 1] + (row == 1 and text.startswith(_BOM))
        if unit != "codepoint":
            within = _index(text[begin : rows[row]], unit).character(column - 1)
            return -1 if within < 0 else begin + within
        at = begin + column - 1
        return at if at <= rows[row] else -1

    found = list(islice(edits, MAX_EDITS + 1))
    places = ((offset(edit.row, edit.column), offset(edit.end_row, edit.end_column), edit.content) for edit in found)
    return _fix(text, places, safe=safe)


@lru_cache(maxsize=8)  # a tool reports all that it has about one file in a row
def _rows(text: str, line_end: re.Pattern[str]) -> tuple[int, ...]:
    """Where each row begins, and at last where the text ends."""
    return (0, *(found.end() for found in line_end.finditer(text)), len(text))


class _Index:
    """Where a character begins, by the number of units before it."""

    def __init__(self, text: str, unit: Unit) -> None:
        self._starts: list[int] | None = None
        self.length = len(text)
        if unit != "codepoint" and not text.isascii():
            width = _utf16_width if unit == "utf16" else _utf8_width
            self._starts = list(accumulate(map(width, text), initial=0))
            self.length = self._starts[-1]

    def character(self, offset: int) -> int:
        """-1 for an offset outside of the text or within a character."""
        if not 0 <= offset <= self.length:
            return -1
        if self._starts is None:
            return offset
        at = bisect_left(self._starts, offset)
        return at if self._starts[at] == offset else -1


@lru_cache(maxsize=4)  # of the whole text, or of the line that one finding after the other is in
def _index(text: str, unit: Unit) -> _Index:
    return _Index(text, unit)


def _utf16_width(char: str) -> int:
    return 1 + (char > "\uffff")


def _utf8_width(char: str) -> int:
    return 1 + (char > "\x7f") + (char > "\u07ff") + (char > "\uffff")


def _fix(text: str, edits: Iterable[tuple[int, int, str]], *, safe: bool) -> Fix | None:
    """From edits by characters of the text, -1 being none of them."""
    # The sort is stable: what is inserted at one place stays in its order.
    ordered = sorted(edits, key=lambda edit: edit[:2])
    if not ordered or len(ordered) > MAX_EDITS:
        return None
    done = 0
    for start, end, _ in ordered:
        if start < done or end < start or end > len(text):
            return None
        done = end
    try:
        changed = (_edit(text, *block) for block in _blocks(text, ordered) if block[2] != text[block[0] : block[1]])
        return Fix(edits=tuple(changed), safe=safe)
    except ValidationError:
        return None  # too many, too large, none at all, or text that cannot be sent


def _edit(text: str, start: int, end: int, new: str) -> Edit:
    # A tool may have a fix for each line of a file.
    rows = _rows(text, _DIFF_LINE_END)
    line = bisect_right(rows, start, hi=len(rows) - 1)
    lines = text.count("\n", start, end) + (start < end and text[end - 1] != "\n")
    return Edit(line=line, end_line=line - 1 + lines, text=new)


def _blocks(text: str, edits: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Whole lines, apart from each other, and what becomes of them."""
    begin = done = 0
    parts: list[str] = []
    for start, end, content in edits:
        if parts and _line_start(text, start) > (last := _block_end(text, done, parts)):
            yield begin, last, "".join((*parts, text[done:last]))
            parts = []
        if not parts:
            begin = done = _line_start(text, start)
        parts += (text[done:start], content)
        done = end
    last = _block_end(text, done, parts)
    yield begin, last, "".join((*parts, text[done:last]))


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _block_end(text: str, done: int, parts: list[str]) -> int:
    """Where the lines end that are replaced up to ``done``: there, if whole lines take the place of whole lines."""
    written = next((part for part in reversed(parts) if part), "\n")
    if done == len(text) or (_line_start(text, done) == done and written.endswith("\n")):
        return done
    end = text.find("\n", done)
    return len(text) if end < 0 else end + 1
