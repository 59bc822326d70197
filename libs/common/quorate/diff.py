"""A unified diff as data: which files a change touches and which lines it adds.

``unidiff`` 1.0.1 was measured first: it takes 2 s for 30 MB, but refuses git's own output for a path with a
blank (``+++ b/a b.py<TAB>``), leaves quoted paths quoted and reads garbage as an empty change. Hence this
parser, which scans by position, in linear time: 0.2 s for the same.

A combined diff of a merge (``diff --cc``, ``@@@``) is not parsed but refused with ``NotADiff``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FileChange", "Hunk", "NotADiff", "Status", "UnsafePath", "check_path", "parse_diff"]

Status = Literal["added", "modified", "deleted", "renamed", "copied", "mode"]

MAX_PARTS = 1_000_000
"""Most files, hunks and added ranges of one diff together: three bytes of a made-up one cost a hundred."""

MAX_PATH = 4096
"""Longest path in characters: PATH_MAX of Linux."""


class NotADiff(ValueError):
    """The text is no unified diff, or a damaged one; the message says what was found and what to do."""


class UnsafePath(ValueError):
    """The diff names a path that leaves the repository or enters its ``.git``; the message names it."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One ``@@`` block. ``added`` holds inclusive 1-based ranges of the new file's added lines, ascending.

    ``body`` is where its first line begins in the text of the diff, in characters.
    """

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    added: tuple[tuple[int, int], ...]
    body: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a diff does to one file. A file that becomes a symlink gives two of them: deleted, then added.

    path: the new path, of a deletion the old one; relative, with "/". Bytes that are not UTF-8 are lone
        surrogates (``surrogateescape``), so replace them before the path goes into JSON.
    old_path: None for an added file, else the path before the change (the same one unless renamed or copied).
    hunks: in the order of their lines, never overlapping; empty for binary, mode-only and empty files.
    added_text: the whole content of an added text file, exact to a missing newline at its end, or None.
    patch: which patch of a series it is from, counted from 0.
    converted: whether every line of the diff ends in a "\\r" that is a mailer's and not the file's.
    """

    path: str
    old_path: str | None
    status: Status
    binary: bool
    submodule: bool
    symlink: bool
    hunks: tuple[Hunk, ...]
    added_text: str | None
    patch: int = field(default=0, compare=False)
    converted: bool = field(default=False, compare=False)

    def touches(self, line: int, end_line: int | None = None) -> bool:
        """Whether ``line`` (to ``end_line``, inclusive; 1-based, new side) meets an added line."""
        last = line if end_line is None else end_line
        at = bisect_left(self.hunks, line, key=lambda hunk: hunk.new_start + max(hunk.new_lines, 1) - 1)
        while at < len(self.hunks) and self.hunks[at].new_start <= last:
            added = self.hunks[at].added
            near = bisect_left(added, line, key=lambda lines: lines[1])
            if near < len(added) and added[near][0] <= last:
                return True
            at += 1
        return False

    @property
    def added_lines(self) -> int:
        """How many lines the change adds to this file."""
        return sum(last - first + 1 for hunk in self.hunks for first, last in hunk.added)


def parse_diff(text: str) -> tuple[FileChange, ...]:
    """Read the output of ``git diff``, ``git show``, ``git format-patch`` or ``diff -u``, any prefixes.

    Lines end at "\\n" only. A file may occur more than once, as in a series of patches.
    Raises NotADiff (empty, no diff in it, damaged, a merge's combined diff) and UnsafePath.
    """
    if not text or text.isspace():
        raise NotADiff("The diff is empty: give the output of `git diff` or `diff -u`.")
    changes = tuple(_Parser(text).changes())
    if not changes:
        found = text.lstrip()[:60].split("\n", 1)[0]
        if _MERGE.match(text):
            raise NotADiff(f"No diff below {found!r}, a merge: give it as `git diff MERGE^1 MERGE` prints it.")
        raise NotADiff(f"No diff in the text that begins {found!r}: give the output of `git diff` or `diff -u`.")
    return changes


def check_path(path: str) -> str:
    """The path without "." parts; UnsafePath if on any system it leads out of the repository."""
    if len(path) > MAX_PATH:
        raise UnsafePath(f"The path {_short(path)} is longer than {MAX_PATH} characters.")
    if "\0" in path:
        raise UnsafePath(f"The path {_short(path)} has a NUL in it.")
    if path.startswith(("/", "\\")) or (path[1:2] == ":" and path[0].isascii() and path[0].isalpha()):
        raise UnsafePath(f"The path {_short(path)} is absolute: give paths inside the repository.")
    parts = path.replace("\\", "/").split("/")  # here a backslash is part of a name, on Windows it separates
    for part in parts:
        if part == "..":
            raise UnsafePath(f"The path {_short(path)} leaves the repository by '..'.")
        # Windows and macOS ignore case, Windows also blanks and dots at the end and what follows a colon.
        if part.partition(":")[0].rstrip(" .").casefold() in (".git", "git~1"):
            raise UnsafePath(f"The path {_short(path)} is inside .git: a change has nothing there.")
    if "." in parts or "" in parts:
        path = "/".join(part for part in path.split("/") if part not in ("", "."))
    if not path:
        raise UnsafePath("The diff names no file: a path is empty.")
    return path


_HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@")
_HEADER = re.compile(r"^(?:diff --|--- |@@|Binary files |Submodule )", re.MULTILINE)
_SUBMODULE = re.compile(r"Submodule (.+) ([0-9a-f]{7,64})\.\.\.?([0-9a-f]{7,64})(?::| \(|$)")
_ENVELOPE = re.compile(r"^(?:From |Subject: |commit [0-9a-f]{7}|# HG changeset patch)", re.MULTILINE)
_MERGE = re.compile(r"\s*commit [0-9a-f]{7,64}\b.*\nMerge: ")
_NOTHING = "/dev/null"
_KEPT = " \n\r"  # what a line of both sides begins with; mailers cut the blank of an empty one
_EMPTY_BLOBS = ("e69de29", "473a0f4")  # of SHA-1 and SHA-256 repositories
_EPOCH = ("1970-01-01 ", "1969-12-31 ")  # `diff -N` of a file that does not exist, in any time zone
_EXTENDED = {
    "old mode ": "old_mode",
    "new mode ": "new_mode",
    "deleted file mode ": "deleted_mode",
    "new file mode ": "created_mode",
    "copy from ": "copy_from",
    "copy to ": "copy_to",
    "rename from ": "rename_from",
    "rename to ": "rename_to",
    "index ": "index",
    "similarity index ": "similarity",
    "dissimilarity index ": "similarity",
}


@dataclass(slots=True)
class _Header:
    """The lines above a file's hunks, as written; ``line`` is the position where they begin."""

    line: int
    names: str | None = None  # of `diff --git`, both together
    old: str | None = None  # of `---`
    new: str | None = None  # of `+++`
    old_mode: str = ""
    new_mode: str = ""
    deleted_mode: str = ""
    created_mode: str = ""
    copy_from: str = ""
    copy_to: str = ""
    rename_from: str = ""
    rename_to: str = ""
    index: str = ""
    similarity: str = ""
    binary: bool = False
    converted: bool = False

    @property
    def says_nothing(self) -> bool:
        """git writes a bare ``diff --git`` line for a file whose time stamp changed and nothing else."""
        modes = self.old_mode or self.deleted_mode or self.created_mode
        return not (self.old or self.binary or modes or self.copy_to or self.rename_to or self.index)


class _Parser:
    """One pass over the text; a method takes a line's position and returns the one after what it read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts = 0
        self._patch = 0

    def changes(self) -> Iterator[FileChange]:
        text = self._text
        pos = scanned = 0
        unfinished = False  # whether a change was read of the patch that is being counted
        while found := _HEADER.search(text, pos):
            pos = found.start()
            change: FileChange | None = None
            if unfinished and _ENVELOPE.search(text, scanned, pos):
                self._patch += 1
                unfinished = False
            scanned = pos
            if text.startswith("diff --git ", pos):
                change, pos = self._git_file(pos)
            elif text.startswith("--- ", pos) and self._is_plain_header(pos):
                change, pos = self._plain_file(pos)
            elif text.startswith("Binary files ", pos):
                change, pos = self._plain_binary(pos)
            elif text.startswith("Submodule ", pos):
                change, pos = self._submodule(pos)
            else:
                self._refuse_combined(pos)
                if text.startswith("@@ -", pos):
                    raise NotADiff(f"Line {self._number(pos)}: a hunk without the name of its file above it.")
                pos = self._next(pos)
            if change is not None:
                self._count(pos)
                scanned, unfinished = pos, True
                yield change

    # Lines

    def _next(self, pos: int) -> int:
        end = self._text.find("\n", pos)
        return len(self._text) if end < 0 else end + 1

    def _line(self, pos: int) -> str:
        """The line without its end. A "\\r" there is a mailer's: git quotes one that belongs to a path."""
        end = self._text.find("\n", pos)
        line = self._text[pos:] if end < 0 else self._text[pos:end]
        return line.removesuffix("\r")

    def _number(self, pos: int) -> int:
        return self._text.count("\n", 0, pos) + 1

    def _count(self, pos: int) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise NotADiff(f"Line {self._number(pos)}: more than {MAX_PARTS:,} files, hunks and ranges: split it.")

    def _refuse_combined(self, pos: int) -> None:
        text = self._text
        after = self._next(pos)
        combined = text.startswith(("diff --cc ", "diff --combined "), pos) and text.startswith(
            ("index ", "mode ", "new file ", "deleted file "), after
        )
        if combined or text.startswith("@@@ -", pos):
            raise NotADiff(
                f"Line {self._number(pos)}: a combined diff of a merge: give the diff to one parent, "
                "as `git diff MERGE^1 MERGE` or `git show --first-parent MERGE` print it."
            )

    def _is_plain_header(self, pos: int) -> bool:
        """``--- `` also begins messages and removed SQL comments: a header has ``+++ `` and ``@@`` below."""
        second = self._next(pos)
        return self._text.startswith("+++ ", second) and self._text.startswith("@@ -", self._next(second))

    # Files

    def _git_file(self, pos: int) -> tuple[FileChange | None, int]:
        text = self._text
        header = _Header(pos, names=self._line(pos)[len("diff --git ") :])
        pos = self._next(pos)
        while pos < len(text):
            line = self._line(pos)
            field = next((prefix for prefix in _EXTENDED if line.startswith(prefix)), None)
            if field is None:
                break
            setattr(header, _EXTENDED[field], line[len(field) :])
            pos = self._next(pos)
        if text.startswith("Binary files ", pos) or text.startswith("GIT binary patch", pos):
            header.binary = True
            pos = self._next(pos)  # the lines of a binary patch have no blanks: none is taken for a header
        elif text.startswith("--- ", pos) and text.startswith("+++ ", self._next(pos)):
            return self._plain_file(pos, header)
        if header.says_nothing:
            return None, pos
        return self._change(header, (), None), pos

    def _plain_file(self, pos: int, header: _Header | None = None) -> tuple[FileChange, int]:
        header = header or _Header(pos)
        header.old = self._line(pos)[4:]
        pos = self._next(pos)
        header.new = self._line(pos)[4:]
        header.converted = self._text.endswith("\r", pos, self._next(pos) - 1)
        pos = self._next(pos)
        if not self._text.startswith("@@ -", pos):
            self._refuse_combined(pos)
            raise NotADiff(f"Line {self._number(pos)}: no hunk (`@@ -1,2 +1,3 @@`) below `+++`: is it cut off?")
        hunks: list[Hunk] = []
        added_text: str | None = None
        while self._text.startswith("@@ -", pos):
            hunk, added_text, pos = self._hunk(pos, hunks[-1] if hunks else None)
            hunks.append(hunk)
            self._refuse_excess(pos)
        if added_text is not None and header.converted:
            added_text = added_text.replace("\r\n", "\n")  # git's headers have no "\r": it is not the file's
        return self._change(header, tuple(hunks), added_text), pos

    def _plain_binary(self, pos: int) -> tuple[FileChange | None, int]:
        """``Binary files A and B differ`` of ``diff -r``; not taken if a name has " and " in it."""
        line = self._line(pos)
        old, _, new = line.removeprefix("Binary files ").removesuffix(" differ").partition(" and ")
        if not line.endswith(" differ") or not old or not new or " and " in new:
            return None, self._next(pos)
        return self._change(_Header(pos, old=old, new=new, binary=True), (), None), self._next(pos)

    def _submodule(self, pos: int) -> tuple[FileChange | None, int]:
        """``Submodule PATH OLD..NEW:`` of ``--submodule=log``; commits and a list of what they say follow it."""
        after = self._next(pos)
        match = _SUBMODULE.match(self._line(pos)) if after - pos < 2 * MAX_PATH else None
        if match is None:
            return None, after
        path = check_path(match[1])
        status: Status = "deleted" if not match[3].strip("0") else "modified" if match[2].strip("0") else "added"
        old_path = None if status == "added" else path
        return FileChange(path, old_path, status, False, True, False, (), None, self._patch), after

    def _change(self, header: _Header, hunks: tuple[Hunk, ...], added_text: str | None) -> FileChange:
        old, new = self._paths(header)
        if hunks and header.names is None:
            first = hunks[0]
            if _stamp(header.old).startswith(_EPOCH) and first.old_start == 0 == first.old_lines:
                old = None
            elif _stamp(header.new).startswith(_EPOCH) and first.new_start == 0 == first.new_lines:
                new = None
        path = new or old
        if path is None:
            raise NotADiff(f"Line {self._number(header.line)}: both sides are {_NOTHING}: no file is named.")
        status = _status(header, old, new, hunks)
        if status == "added" and hunks and (len(hunks) > 1 or hunks[0].old_lines or hunks[0].new_start != 1):
            line = self._number(header.line)
            raise NotADiff(f"Line {line}: {_short(path)} is new, but its hunks need an old content.")
        if status == "deleted" and any(hunk.new_lines for hunk in hunks):
            line = self._number(header.line)
            raise NotADiff(f"Line {line}: {_short(path)} is deleted, but its hunks leave lines in it.")
        modes = {header.old_mode, header.new_mode, header.deleted_mode, header.created_mode}
        modes.add(header.index.partition(" ")[2])
        submodule = "160000" in modes
        symlink = "120000" in modes
        if status != "added" or header.binary or submodule or symlink:
            added_text = None
        elif not hunks and (not header.index or header.index.partition("..")[2].startswith(_EMPTY_BLOBS)):
            added_text = ""
        old_path = None if status == "added" else old
        kind = (header.binary, submodule, symlink)
        return FileChange(path, old_path, status, *kind, hunks, added_text, self._patch, header.converted)

    # Paths

    def _paths(self, header: _Header) -> tuple[str | None, str | None]:
        """The checked old and new path; None where the file does not exist."""
        old = None if header.old is None else _unquote(header.old.partition("\t")[0])
        new = None if header.new is None else _unquote(header.new.partition("\t")[0])
        source, target = header.rename_from or header.copy_from, header.rename_to or header.copy_to
        if source and target:
            names = _unquote(source), _unquote(target)
        elif header.names is not None and (same := _same_name(header.names)):
            names = same, same
        elif old is None or new is None:
            raise NotADiff(
                f"Line {self._number(header.line)}: cannot tell the path in {_short(header.names or '')}: "
                "make the diff with `--src-prefix=a/ --dst-prefix=b/`."
            )
        else:
            left, right = _strip_prefixes(old, new)
            return left and check_path(left), right and check_path(right)
        for written, name in ((old, names[0]), (new, names[1])):
            if written not in (None, _NOTHING, name) and not (written or "").endswith("/" + name):
                raise NotADiff(
                    f"Line {self._number(header.line)}: the header names {_short(name)}, but --- or +++ "
                    f"{_short(written or '')}: make the diff again."
                )
        before = None if header.created_mode or old == _NOTHING else names[0]
        after = None if header.deleted_mode or new == _NOTHING else names[1]
        return before and check_path(before), after and check_path(after)

    # Hunks

    def _hunk_header(self, pos: int, previous: Hunk | None) -> tuple[int, int, int, int]:
        match = _HUNK.match(self._text, pos)
        if match is None:
            raise NotADiff(f"Line {self._number(pos)}: {_short(self._line(pos))} is not a hunk header.")
        old_start, new_start = int(match[1]), int(match[3])
        old_lines = 1 if match[2] is None else int(match[2])
        new_lines = 1 if match[4] is None else int(match[4])
        if (old_lines and not old_start) or (new_lines and not new_start):
            raise NotADiff(f"Line {self._number(pos)}: lines are counted from 1, but the hunk begins at 0.")
        # A hunk without new lines names the line before it.
        if previous and new_start + (not new_lines) < previous.new_start + previous.new_lines:
            raise NotADiff(f"Line {self._number(pos)}: the hunk begins before the one above it ends.")
        return old_start, old_lines, new_start, new_lines

    def _hunk(self, pos: int, previous: Hunk | None) -> tuple[Hunk, str | None, int]:
        """The hunk, the new content if it removes and keeps nothing, and the position after it."""
        text = self._text
        at = pos
        old_start, old_lines, new_start, new_lines = self._hunk_header(pos, previous)
        self._count(pos)
        old_left, new_left, number = old_lines, new_lines, new_start
        run = 0  # where the added lines that are being read begin
        whole = True
        added: list[tuple[int, int]] = []
        find, size = text.find, len(text)
        body = end = pos = self._next(pos)
        while old_left > 0 or new_left > 0:
            sign = text[pos : pos + 1]
            if sign == "+":
                run = run or number
                number += 1
                new_left -= 1
            elif sign == "-":
                old_left -= 1
            elif sign == "\\":
                whole = False
            elif sign in _KEPT and sign:
                if run:
                    self._count(pos)
                    added.append((run, number - 1))
                    run = 0
                number += 1
                old_left -= 1
                new_left -= 1
            else:
                break
            end = find("\n", pos)
            if end < 0:
                end = size
            pos = end + 1
        if old_left or new_left:
            raise NotADiff(
                f"Line {self._number(at)}: the hunk announces {old_lines} old and {new_lines} new lines "
                f"and has {old_lines - old_left} and {new_lines - new_left}: cut off or edited; make it again."
            )
        if run:
            self._count(pos)
            added.append((run, number - 1))
        unended = text.startswith("\\", pos)
        content: str | None = None
        if whole and new_lines and not old_lines:
            content = text[body + 1 : end].replace("\n+", "\n") + ("" if unended else "\n")
        hunk = Hunk(old_start, old_lines, new_start, new_lines, tuple(added), body)
        return hunk, content, min(self._next(pos) if unended else pos, size)

    def _refuse_excess(self, pos: int) -> None:
        """More lines than announced would be lines that nobody reviews. ``-- `` begins a mail's signature."""
        text = self._text
        if not text.startswith(("+", "-", " "), pos) or self._line(pos) in ("-- ", "--"):
            return
        if not (text.startswith("--- ", pos) and self._is_plain_header(pos)):
            raise NotADiff(f"Line {self._number(pos)}: more lines than the hunk above announces: make the diff again.")


def _status(header: _Header, old: str | None, new: str | None, hunks: tuple[Hunk, ...]) -> Status:
    if old is None:
        return "added"
    if new is None:
        return "deleted"
    if header.rename_to:
        return "renamed"
    if header.copy_to:
        return "copied"
    if header.new_mode and not (hunks or header.binary or header.index):
        return "mode"
    return "modified"


def _stamp(side: str | None) -> str:
    return (side or "").partition("\t")[2]


def _same_name(names: str) -> str | None:
    """The path in ``a/PATH b/PATH``, whatever blanks it has; without rename lines both sides have the same.

    None if they differ, or have prefixes of different length (then ``---`` and ``+++`` decide).
    """
    middle, odd = divmod(len(names) - 1, 2)
    if odd or names[middle : middle + 1] != " ":
        return None
    left, right = _unquote(names[:middle]), _unquote(names[middle + 1 :])
    if left == right:
        return left
    left, right = left.partition("/")[2], right.partition("/")[2]
    return left if left == right and left else None


def _strip_prefixes(old: str, new: str) -> tuple[str | None, str | None]:
    """Paths of ``---`` and ``+++`` without a/ and b/, or git's i/ w/ c/ o/ 1/ 2/ if the sides show a pair."""
    if _NOTHING in (old, new):
        return (
            None if old == _NOTHING else old.removeprefix("a/"),
            None if new == _NOTHING else new.removeprefix("b/"),
        )
    prefixes = old[:2], new[:2]
    mnemonic = all(len(p) == 2 and p[0] in "abiwco12" and p[1] == "/" for p in prefixes)
    if prefixes == ("a/", "b/") or (mnemonic and prefixes[0] != prefixes[1] and old[2:] == new[2:]):
        return old[2:], new[2:]
    return old, new


_ESCAPE = re.compile(rb"\\([0-3][0-7][0-7]|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def _unquote(path: str) -> str:
    """Undo git's C-style quotes, ``"\\303\\244.py"``; a path without quotes is returned as it is."""
    if len(path) < 2 or path[0] != '"' or path[-1] != '"':
        return path
    if len(path) > 4 * MAX_PATH:  # four characters are the most that one byte takes in quotes
        raise UnsafePath(f"The path {_short(path)} is longer than {MAX_PATH} characters.")
    try:
        raw = path[1:-1].encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UnsafePath(f"The path {_short(path)} is not valid Unicode: rename the file.") from None

    def plain(escape: re.Match[bytes]) -> bytes:
        code = escape[1]
        return bytes((int(code, 8),)) if len(code) == 3 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, raw).decode("utf-8", "surrogateescape")


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:60] + "…" + text[-30:])
