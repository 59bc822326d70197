import io
import os
import struct
import sys
from typing import Any

import pytest

from quorate.render.terminal import Terminal


class Stream(io.StringIO):
    def __init__(self, tty: bool, encoding: str | None = "utf-8") -> None:
        super().__init__()
        self._tty = tty
        self._name = encoding

    def isatty(self) -> bool:
        return self._tty

    @property
    def encoding(self) -> Any:
        return self._name


@pytest.mark.parametrize(
    ("tty", "environ", "color"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_terminals_and_can_be_refused(tty: bool, environ: dict[str, str], color: bool) -> None:
    assert Terminal.of(Stream(tty), environ).color is color


@pytest.mark.parametrize(
    ("columns", "width"), [("120", 120), ("5", 20), ("0", 80), ("", 80), ("wide", 80), ("-9", 80), ("²", 80)]
)
def test_the_width_is_what_columns_says_or_80(columns: str, width: int) -> None:
    assert Terminal.of(Stream(False), {"COLUMNS": columns}).width == width


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
@pytest.mark.parametrize(("columns", "width"), [(0, 80), (5, 20), (132, 132)])
def test_the_width_is_the_terminals_own_if_it_has_one(columns: int, width: int) -> None:
    import fcntl
    import termios

    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with os.fdopen(theirs, "w", encoding="utf-8") as stream:
            assert Terminal.of(stream, {}) == Terminal(color=True, width=width)
    finally:
        os.close(ours)


@pytest.mark.parametrize(
    ("encoding", "known"), [("utf-8", "utf-8"), ("cp1252", "cp1252"), (None, "utf-8"), ("nonsense", "ascii")]
)
def test_an_encoding_that_python_does_not_know_is_taken_for_ascii(encoding: str | None, known: str) -> None:
    assert Terminal.of(Stream(True, encoding), {}).encoding == known


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 5, "漢字…"), ("漢字漢", 4, "漢…"), ("abc", 0, "")],
)
def test_cutting_counts_columns(text: str, columns: int, shown: str) -> None:
    assert Terminal().cut(text, columns) == shown
