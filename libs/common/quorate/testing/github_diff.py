"""What ``git diff --raw -p`` tells, by file, and which lines of it can be commented on.

It is read apart from ``quorate.diff`` on purpose: a double that shares a parser with what it tests shares its errors.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Side = Literal["LEFT", "RIGHT"]
STATUSES = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(frozen=True)
class Anchor:
    """A line of the diff: its hunk, its position below the first ``@@``, and its number on the other side, if any."""

    hunk: int
    position: int
    other: int | None
    shown: str = field(compare=False)


@dataclass(frozen=True)
class ChangedFile:
    """``patch`` begins at the first ``@@``; None where git shows no lines: binary, or nothing but the name or mode."""

    path: str
    previous: str | None
    status: str
    sha: str
    old_mode: str
    new_mode: str
    patch: str | None
    size: int

    @cached_property
    def anchors(self) -> dict[tuple[Side, int], Anchor]:
        """Every line that the diff shows, by side and number; a context line is on both."""
        found: dict[tuple[Side, int], Anchor] = {}
        old = new = 0
        hunk = -1
        shown = ""
        for position, line in enumerate((self.patch or "").split("\n")):
            if (head := _HUNK.match(line)) and self.patch:
                old, new, hunk, shown = int(head[1]), int(head[3]), hunk + 1, line
                continue
            if line.startswith("\\") or not self.patch:
                continue
            shown += "\n" + line
            kind = line[:1]
            if kind != "+":
                found["LEFT", old] = Anchor(hunk, position, None if kind == "-" else new, shown)
            if kind != "-":
                found["RIGHT", new] = Anchor(hunk, position, None if kind == "+" else old, shown)
            old += kind != "+"
            new += kind != "-"
        return found

    @cached_property
    def _counts(self) -> tuple[int, int]:
        lines = (self.patch or "").split("\n")
        return sum(line[:1] == "+" for line in lines), sum(line[:1] == "-" for line in lines)

    @property
    def additions(self) -> int:
        return self._counts[0]

    @property
    def deletions(self) -> int:
        return self._counts[1]

    def moved(self, line: int) -> int | None:
        """Where a line of the old file is in the new one; None when it was removed or changed."""
        if anchor := self.anchors.get(("LEFT", line)):
            return anchor.other
        shift = 0
        for head in _HUNK.finditer(self.patch or ""):
            if head.start() and (self.patch or "")[head.start() - 1] != "\n":
                continue
            start, count = int(head[1]), int(head[2] or 1)
            if start + max(count, 1) > line:
                break
            shift += int(head[4] or 1) - count
        return line + shift


def parse(told: bytes) -> tuple[bytes, tuple[ChangedFile, ...]]:
    """The text of the diff, and its files. A file that becomes a link has its two patches in one."""
    raw, _, text = told.partition(b"\n\n")  # git puts a newline in a name into quotes
    sections = re.split(rb"(?m)^(?=diff --git )", text)[1:]
    files = []
    for line in raw.splitlines():
        if not line.startswith(b":"):
            continue
        marks, *names = line[1:].split(b"\t")
        old_mode, new_mode, old_sha, new_sha, status = marks.decode().split()
        own = b"".join(sections.pop(0) for _ in range(2 if status == "T" else 1) if sections)
        # Nothing follows a name in quotes but the next name, so a split at tabs is safe.
        paths = [_unquoted(name) for name in names]
        removed = status == "D"
        files.append(
            ChangedFile(
                path=paths[-1],
                previous=paths[0] if len(paths) > 1 else None,
                status=STATUSES[status[0]],
                sha=old_sha if removed else new_sha,
                old_mode=old_mode,
                new_mode=new_mode,
                patch=_patch(own),
                size=len(own),
            )
        )
    return text, tuple(files)


def _patch(section: bytes) -> str | None:
    start = section.find(b"\n@@ ")
    return section[start + 1 :].decode("utf-8", "replace").removesuffix("\n") if start >= 0 else None


def _unquoted(name: bytes) -> str:
    if name[:1] == b'"' and name[-1:] == b'"':

        def plain(escape: re.Match[bytes]) -> bytes:
            code = escape[1]
            return bytes((int(code, 8),)) if len(code) == 3 else _ESCAPES.get(code, code)

        name = re.sub(rb"\\([0-7]{3}|.)", plain, name[1:-1])
    return name.decode("utf-8", "surrogateescape")
