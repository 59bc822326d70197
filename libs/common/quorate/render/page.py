"""A page of text on a terminal: paragraphs and headings of words from anywhere."""

from collections.abc import Iterator

from quorate.render.terminal import Terminal, cells, wrap

MAX_PROSE = 110
"""Columns: longer lines of prose are hard to read, however wide the terminal is."""

BOLD, DIM = 1, 2
RED, GREEN, YELLOW, CYAN = 31, 32, 33, 36


class Page:
    """Writes for one terminal; every method yields lines that are safe to print on it."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.prose = min(terminal.width, MAX_PROSE)

    def wrapped(self, text: str, columns: int) -> Iterator[str]:
        """Lines of at most so many columns."""
        return wrap(self.terminal.line(text), max(1, columns))

    def paragraph(self, text: str, indent: int, *codes: int, hanging: int = 0) -> Iterator[str]:
        """The text in these colours, ``indent`` columns from the left; lines after the first ``hanging`` more."""
        lines = wrap(self.terminal.line(text), max(1, self.prose - indent - hanging))
        for number, line in enumerate(lines):
            yield " " * (indent + (hanging if number else 0)) + self.terminal.paint(line, *codes)

    def heading(self, title: str, more: str = "") -> Iterator[str]:
        """A title, and what is to be said about it beside or below."""
        title = self.terminal.line(title)
        if not more:
            yield self.terminal.paint(title, BOLD)
        elif cells(title) + 2 + len(more) <= self.prose:
            yield f"{self.terminal.paint(title, BOLD)}  {self.terminal.paint(more, DIM)}"
        else:
            yield self.terminal.paint(title, BOLD)
            yield from self.paragraph(more, 2, DIM)
