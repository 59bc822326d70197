"""Instructions: how far each instruction of a Dockerfile goes."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict

_ESCAPE = re.compile(r"#\s*escape\s*=\s*`", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?([\"']?)([A-Za-z_]\w*)\1")
_MAX_HEREDOCS = 100
"""Of one instruction; the others are not looked for."""


class Instructions:
    """The instructions of one Dockerfile. Lines count from 1, and only ``\\n`` ends one. ``count`` is how many it has.

    The whole file is looked at once: a tool may have something to say of each of its lines.
    """

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.removesuffix("\n").split("\n")]
        self.count = len(lines)
        self._lasts = _lasts(lines, _escape(lines))
        self._heredocs = [
            (at, word)
            for at, line in enumerate(lines)
            if "<<" in line and not line.startswith("#")
            for _, word in _HEREDOC.findall(line)
        ]
        words = {word for _, word in self._heredocs}
        self._ends: dict[str, list[int]] = defaultdict(list)
        for at, line in enumerate(lines):
            if line in words:
                self._ends[line].append(at)

    def end(self, line: int) -> int:
        """The last line of the instruction that begins in this one."""
        first = line - 1
        last = self._lasts[first]
        begin = bisect_left(self._heredocs, (first, ""))
        for at, word in self._heredocs[begin : begin + _MAX_HEREDOCS]:
            if at > self._lasts[first]:
                break
            # Without an end it is no heredoc, but text that looks like one.
            ends = self._ends[word]
            behind = bisect_right(ends, last)
            if behind < len(ends):
                last = ends[behind]
        return last + 1


def _escape(lines: list[str]) -> str:
    """What continues a line: only comments may stand before the one that says so."""
    for line in lines:
        if line and not line.startswith("#"):
            break
        if _ESCAPE.match(line):
            return "`"
    return "\\"


def _lasts(lines: list[str], escape: str) -> list[int]:
    """For each line, from 0, the last one that continues it. Comments and empty lines in between end nothing."""
    lasts = list(range(len(lines)))
    follows = len(lines) - 1
    for at in reversed(range(len(lines))):
        if lines[at].endswith(escape):
            lasts[at] = lasts[follows]
        if lines[at] and not lines[at].startswith("#"):
            follows = at
    return lasts
