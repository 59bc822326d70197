"""A fix as lines that go and lines that come."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from quorate.contract.fix import Edit, Fix
from quorate.render.source import Source

Sign = Literal["-", "+"]


@dataclass(frozen=True)
class Row:
    """One line of an edit; ``number`` is that of the file's line for what goes, None for what comes."""

    sign: Sign
    number: int | None
    text: str


def title(edit: Edit) -> str:
    """Where the edit applies: ``line 3``, ``lines 3 to 5``, ``before line 3``."""
    if edit.end_line < edit.line:
        return f"before line {edit.line:,}"
    return f"line {edit.line:,}" if edit.end_line == edit.line else f"lines {edit.line:,} to {edit.end_line:,}"


def rows(edit: Edit, path: str, source: Source) -> Iterator[Row]:
    """The lines that go, as far as the file is known, then those that come."""
    for number in range(edit.line, min(edit.end_line, source.last(path)) + 1):
        yield Row("-", number, source.line(path, number) or "")
    if edit.text:
        yield from (Row("+", None, line) for line in edit.text.removesuffix("\n").split("\n"))


def showable(fix: Fix | None, path: str, category: str, source: Source) -> Fix | None:
    """The fix if it may be shown: one of a secret would show the secret."""
    return fix if fix is not None and category != "secrets" and source.may_show(path, fix) else None
