"""The terminal that text is written for."""

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from quorate.render.clean import encodable, lines, one_line

_PLAIN = {"✓": "+", "✗": "x", "!": "!", "│": "|", "·": "-", "…": "...", "→": "->", "?": "?"}
DEFAULT_WIDTH = 80
MIN_WIDTH = 20


@dataclass(frozen=True)
class Terminal:
    """Whether it takes colours, its width in columns, and its encoding."""

    color: bool = False
    width: int = DEFAULT_WIDTH
    encoding: str = "utf-8"

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str]) -> "Terminal":
        """What ``stream`` is. ``NO_COLOR`` (https://no-color.org) turns colours off, ``FORCE_COLOR`` on."""
        tty = stream.isatty()
        color = tty and environ.get("TERM") != "dumb"
        if environ.get("FORCE_COLOR"):
            color = True
        if environ.get("NO_COLOR"):
            color = False
        return cls(color=color, width=_width(stream, environ), encoding=_encoding(stream))

    def symbol(self, char: str) -> str:
        """The character, or what stands for it where the encoding has none."""
        try:
            char.encode(self.encoding)
        except UnicodeEncodeError:
            return _PLAIN[char]
        return char

    def line(self, text: str) -> str:
        """Text from anywhere, safe to print on one line."""
        return encodable(one_line(text), self.encoding)

    def block(self, text: str, most: int) -> list[str]:
        """Lines of code from anywhere, safe to print."""
        return [encodable(line, self.encoding) for line in lines(text, most)]

    def paint(self, text: str, *codes: int) -> str:
        """The text in the colours of these SGR codes, if there are colours."""
        if not (self.color and text and codes):
            return text
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m"

    def cut(self, text: str, columns: int) -> str:
        """As much of the text as fits, with a sign that there was more."""
        if cells(text) <= columns:
            return text
        more = self.symbol("…")
        room = max(0, columns - cells(more))
        return next(_pieces(text, room), "") + more if room else more[:columns]


def cells(text: str) -> int:
    """How many columns the text takes: East Asian wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def wrap(text: str, columns: int) -> Iterator[str]:
    """Lines of at most ``columns`` columns, broken at spaces, or within words that are longer than a line."""
    line, used = "", 0
    for word in text.split():
        need = cells(word)
        if line and used + 1 + need <= columns:
            line, used = f"{line} {word}", used + 1 + need
            continue
        if line:
            yield line
        pieces = [word] if need <= columns else list(_pieces(word, columns))
        yield from pieces[:-1]
        line = pieces[-1]
        used = cells(line)
    if line:
        yield line


def _pieces(text: str, columns: int) -> Iterator[str]:
    piece, used = "", 0
    for char in text:
        need = _cells(char)
        if piece and used + need > columns:
            yield piece
            piece, used = "", 0
        piece, used = piece + char, used + need
    if piece:
        yield piece


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return max(MIN_WIDTH, int(columns))
    try:
        known = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        # Not a terminal, or a stream with no file behind it.
        return DEFAULT_WIDTH
    # Terminals of containers and build servers often have no size.
    return max(MIN_WIDTH, known) if known else DEFAULT_WIDTH


def _encoding(stream: TextIO) -> str:
    name = getattr(stream, "encoding", None) or "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "ascii"
    return str(name)
