"""Where in a diff a forge lets one comment: lines of the new side that the diff shows."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quorate.diff import FileChange, Hunk


@dataclass(frozen=True, slots=True)
class Anchor:
    """Lines of the new side, all in one hunk. ``start_line`` is None where it is the same as ``line``, the last one."""

    path: str
    line: int
    start_line: int | None = None

    def fields(self) -> dict[str, str | int]:
        """As the fields of a comment in a review on GitHub."""
        fields: dict[str, str | int] = {"path": self.path, "line": self.line, "side": "RIGHT"}
        if self.start_line is not None:
            fields |= {"start_line": self.start_line, "start_side": "RIGHT"}
        return fields


class Anchors:
    """The lines of a diff that can be commented on."""

    def __init__(self, changes: Iterable[FileChange] = ()) -> None:
        # A file that becomes a link is deleted and added: the later one is what the new side has.
        self._hunks = {
            change.path: [hunk for hunk in change.hunks if hunk.new_lines]
            for change in changes
            if change.status != "deleted" and _is_text(change.path)
        }

    def of(self, path: str, line: int | None, end_line: int | None = None) -> Anchor | None:
        """Where a finding on these lines is shown, or None where the diff does not show them.

        A range that leaves its hunk is shown on its first line, and one that begins above the hunks on the first line
        that the diff has of it.
        """
        if line is None:
            return None
        last = line if end_line is None else max(line, end_line)
        if (exact := self.exactly(path, line, last)) is not None:
            return exact
        for hunk in self._from(path, line):
            if hunk.new_start > last:
                return None
            return Anchor(path, max(line, hunk.new_start))
        return None

    def exactly(self, path: str, first: int, last: int) -> Anchor | None:
        """These lines and no others, or None where no hunk has them all."""
        for hunk in self._from(path, first):
            if hunk.new_start <= first <= last <= _end(hunk):
                return Anchor(path, last, None if first == last else first)
            break
        return None

    def _from(self, path: str, line: int) -> Iterator[Hunk]:
        """The hunks that end at the line or below it."""
        hunks = self._hunks.get(path, [])
        at = bisect_right(hunks, line - 1, key=_end)
        yield from hunks[at:]


def _end(hunk: Hunk) -> int:
    return hunk.new_start + hunk.new_lines - 1


def _is_text(path: str) -> bool:
    """Whether the path can be sent at all: bytes that are not UTF-8 are lone surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
