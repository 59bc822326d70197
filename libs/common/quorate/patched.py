"""One changed file with its lines: what was removed and added, which lines correspond, and the old content again.

A diff holds a line's text once. Nothing is copied until it is asked for: hunks know where they begin in the diff.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from quorate.diff import FileChange, Hunk, NotADiff

__all__ = ["PatchedFile", "chains"]

MAX_SERIES = 20_000_000
"""Most lines of one file's patches, times their number: a series is composed patch by patch."""

_REST = 1 << 60  # what follows the last hunk is unchanged, however long it is

Block = tuple[int, int, int]
"""Lines that a patch keeps: the first one's old number, its new number, and how many there are."""


class PatchedFile:
    """What one diff, or the patches of a series one after the other, do to one file.

    Lines are without the "\\n" that ends them; a "\\r" before it is the line's own.
    """

    def __init__(self, diff: str, patches: Sequence[FileChange]) -> None:
        self._diff = diff
        self._patches = tuple(patches)

    @property
    def old_path(self) -> str | None:
        """Where the old content was, None if there was none."""
        return self._patches[0].old_path

    def added(self) -> dict[int, str]:
        """The text of each added line that is still there in the end, by its number in the new content."""
        found: dict[int, str] = {}
        later: list[Block] | None = None
        for patch in reversed(self._patches):
            for sign, _, number, text in _numbered(self._diff, patch):
                last = number if later is None else _mapped(later, number, 0)
                if sign == "+" and last is not None:
                    found[last] = text
            kept = _kept(self._diff, patch) if len(self._patches) > 1 else []
            later = kept if later is None else _composed(kept, later)
        return dict(sorted(found.items()))

    def removed(self) -> dict[int, str]:
        """The text of each line of the old content that is not kept, by its number there."""
        found: dict[int, str] = {}
        earlier: list[Block] | None = None
        for patch in self._patches:
            for sign, number, _, text in _numbered(self._diff, patch):
                first = number if earlier is None else _mapped(earlier, number, 1)
                if sign == "-" and first is not None:
                    found[first] = text
            kept = _kept(self._diff, patch) if len(self._patches) > 1 else []
            earlier = kept if earlier is None else _composed(earlier, kept)
        return dict(sorted(found.items()))

    def touches(self, line: int, end_line: int | None = None) -> bool:
        """Whether ``line`` (to ``end_line``, inclusive; 1-based, new side) meets an added line."""
        if len(self._patches) == 1:
            return self._patches[0].touches(line, end_line)
        near = bisect_left(self._added_numbers, line)
        return near < len(self._added_numbers) and self._added_numbers[near] <= (end_line or line)

    def old_line(self, number: int) -> int | None:
        """The old number of a line of the new content; None if it was added, or cannot be told."""
        return _mapped(self._blocks, number, 1)

    def new_line(self, number: int) -> int | None:
        """The new number of a line of the old content; None if it was removed, or cannot be told."""
        return _mapped(self._blocks, number, 0)

    def before(self, after: str | None) -> str | None:
        """The old content, made from the new one (None of a deleted file) by undoing the patches, last one first.

        None if there was none, if the diff does not hold it (binary files, symbolic links, submodules, content
        that was left out), and if the new content is not the one that the diff leads to.
        """
        if after is None and self._patches[-1].status != "deleted":
            return None
        content = after
        for patch in reversed(self._patches):
            if patch.binary or patch.submodule or patch.symlink:
                return None
            if patch.status == "deleted":
                # Of an empty file, and of one whose lines were left out (`git diff -D`), there are no hunks.
                content = "" if content is None and patch.hunks else None
            content = None if content is None else _undone(self._diff, patch, content)
            if content is None:
                return None
            if patch.status == "added":
                content = None
        return content

    @cached_property
    def _added_numbers(self) -> tuple[int, ...]:
        return tuple(self.added())

    @cached_property
    def _blocks(self) -> list[Block]:
        blocks = _kept(self._diff, self._patches[0])
        for patch in self._patches[1:]:
            blocks = _composed(blocks, _kept(self._diff, patch))
        return blocks


def chains(changes: Sequence[FileChange]) -> dict[str, tuple[FileChange, ...]]:
    """Which changes lead to each path, in their order; a path that a later patch of a series renames is left out.

    Within one patch all old paths are of the same old tree: there two files can exchange their names. A copy
    begins anew. Raises NotADiff for a series that is too much to compose.
    """
    found: dict[str, list[FileChange]] = {}
    replaced: dict[str, list[FileChange]] = {}  # by the patch that is being read
    patch = 0
    for change in changes:
        if change.patch != patch:
            patch, replaced = change.patch, {}
        path, source = change.path, change.old_path or ""
        former = found.get(path, [])
        chain: list[FileChange] = []
        if change.status == "renamed":
            chain = replaced.pop(source, [])
            if not chain and source in found and found[source][-1].patch < patch:
                chain = found.pop(source)
        elif change.status in ("modified", "mode", "deleted") or (former and former[-1].status == "deleted"):
            chain = former
        if former and former is not chain and former[-1].patch < patch:
            replaced[path] = former
        chain.append(change)
        found[path] = chain
    for path, chain in found.items():
        if len(chain) > 1 and len(chain) * sum(_lines(change) for change in chain) > MAX_SERIES:
            raise NotADiff(
                f"{len(chain):,} patches change {path[:100]!r}: give one diff of them all, as `git diff BASE HEAD` "
                "prints it."
            )
    return {path: tuple(chain) for path, chain in found.items()}


def _lines(change: FileChange) -> int:
    return 1 + sum(hunk.old_lines + hunk.new_lines for hunk in change.hunks)


def _body(diff: str, hunk: Hunk, converted: bool) -> Iterator[tuple[str, str, bool]]:
    """Of each line the sign (" ", "-", "+"), its text, and whether the file ends behind it without a newline."""
    old_left, new_left, pos = hunk.old_lines, hunk.new_lines, hunk.body
    while old_left > 0 or new_left > 0:
        end = diff.find("\n", pos)
        end = len(diff) if end < 0 else end
        sign, start = diff[pos], pos + 1
        if sign == "\\":
            pos = end + 1
            continue
        if sign not in "+- ":  # a mailer cut the blank of an empty line
            sign, start = " ", pos
        old_left -= sign != "+"
        new_left -= sign != "-"
        last = end - 1 if converted and diff.endswith("\r", start, end) else end
        pos = end + 1
        yield sign, diff[start:last], diff.startswith("\\", pos)


def _begin(hunk: Hunk) -> tuple[int, int]:
    """The numbers of the first old and new line; a hunk without lines on a side names the line before it."""
    return hunk.old_start + (not hunk.old_lines), hunk.new_start + (not hunk.new_lines)


def _numbered(diff: str, change: FileChange) -> Iterator[tuple[str, int, int, str]]:
    """Of each line in the hunks the sign, its old and new number (of one side the next line's), and its text."""
    for hunk in change.hunks:
        old, new = _begin(hunk)
        for sign, text, _ in _body(diff, hunk, change.converted):
            yield sign, old, new, text
            old += sign != "+"
            new += sign != "-"


def _kept(diff: str, change: FileChange) -> list[Block]:
    """The lines that a change keeps, ascending on both sides; none if it does not say, or contradicts itself."""
    if change.binary or change.status in ("added", "deleted"):
        return []
    if not change.hunks and change.status == "modified":
        return []
    blocks: list[Block] = []
    old = new = 1
    for hunk in change.hunks:
        old_start, new_start = _begin(hunk)
        if old_start < old or old_start - old != new_start - new:
            return []
        length = new_start - new
        for sign, _, _ in _body(diff, hunk, change.converted):
            if sign == " ":
                length += 1
                continue
            if length:
                blocks.append((old, new, length))
            old += length + (sign == "-")
            new += length + (sign == "+")
            length = 0
        if length:
            blocks.append((old, new, length))
            old += length
            new += length
    blocks.append((old, new, _REST))
    return blocks


def _composed(first: list[Block], second: list[Block]) -> list[Block]:
    """What both of two patches keep, the one after the other."""
    blocks: list[Block] = []
    i = j = 0
    while i < len(first) and j < len(second):
        old, between, length = first[i]
        before, new, count = second[j]
        start, end = max(between, before), min(between + length, before + count)
        if start < end:
            blocks.append((old + start - between, new + start - before, end - start))
        if between + length < before + count:
            i += 1
        else:
            j += 1
    return blocks


def _mapped(blocks: list[Block], number: int, side: int) -> int | None:
    """The number on the other side of a line of the old (``side`` 0) or the new (1) content."""
    at = bisect_right(blocks, number, key=lambda block: block[side]) - 1
    if at < 0 or number >= blocks[at][side] + blocks[at][2]:
        return None
    return number - blocks[at][side] + blocks[at][1 - side]


def _undone(diff: str, change: FileChange, after: str) -> str | None:
    """The content before a change ("" if there was none); None if the content after it is another one."""
    if not change.hunks:
        told = change.status in ("renamed", "copied", "mode") or (change.status == "added" and not after)
        return after if told else None
    undoing = _Undoing(after)
    for hunk in change.hunks:
        if not undoing.undo(diff, hunk, change.converted):
            return None
    before = undoing.content()
    return None if change.status == "added" and before else before


class _Undoing:
    """Walks along the new content and writes the old one."""

    def __init__(self, after: str) -> None:
        self._new = after.split("\n")
        self._new_ended = self._new[-1] == ""
        if self._new_ended:
            self._new.pop()
        self._read = 0
        self._old: list[str] = []
        self._old_ended = True

    def undo(self, diff: str, hunk: Hunk, converted: bool) -> bool:
        """Undo one hunk; False if it does not fit."""
        new, old = self._new, self._old
        old_start, new_start = _begin(hunk)
        first = new_start - 1
        if not self._old_ended or first < self._read or first + hunk.new_lines > len(new):
            return False
        self._copy(first)
        if len(old) != old_start - 1 or (first and first == len(new) and not self._new_ended):
            return False
        for sign, text, unended in _body(diff, hunk, converted):
            if not self._old_ended and sign != "+":
                return False
            if sign != "-":
                if new[self._read] != text or unended != (self._read + 1 == len(new) and not self._new_ended):
                    return False
                self._read += 1
            if sign != "+":
                old.append(text)
                self._old_ended = not unended
        return True

    def content(self) -> str | None:
        """The old content, when all hunks are undone; None if lines follow one that has no newline."""
        if self._read < len(self._new):
            if not self._old_ended:
                return None
            self._copy(len(self._new))
            self._old_ended = self._new_ended
        return "\n".join(self._old) + ("\n" if self._old and self._old_ended else "")

    def _copy(self, end: int) -> None:
        self._old += self._new[self._read : end]
        self._read = end
