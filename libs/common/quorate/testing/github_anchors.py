"""Where a review comment may stand, and where it is after a push."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from quorate.testing.github_diff import ChangedFile, Side
from quorate.testing.github_http import unprocessable
from quorate.testing.github_state import Pull, Repository, ReviewComment


@dataclass(frozen=True)
class Place:
    """Lines of one side of a file in the diff, within one hunk."""

    path: str
    side: Side
    line: int
    start_side: Side | None
    start_line: int | None
    position: int
    diff_hunk: str


def place(repository: Repository, pull: Pull, head: str, wanted: dict[str, Any]) -> Place:
    """The place that a comment asks for in the diff up to ``head``.

    Raises Problem 422, which does not say which comment it is about.
    """
    file = repository.file(pull, str(wanted.get("path")), head)
    if file is None or file.patch is None:
        raise unprocessable("Path could not be resolved")
    side: Any = wanted.get("side", "RIGHT")
    line: Any = wanted.get("line")
    if line is None and wanted.get("position") is not None:
        side, line = _at_position(file, wanted["position"])
    anchor = file.anchors.get((side, line)) if _is_line(line) else None
    if anchor is None:
        raise unprocessable("Line could not be resolved")
    start_line, start_side = wanted.get("start_line"), wanted.get("start_side")
    if start_line is not None:
        start_side = start_side or side
        start = file.anchors.get((start_side, start_line)) if _is_line(start_line) else None
        if start is None:
            raise unprocessable("Start line could not be resolved")
        if start.hunk != anchor.hunk:
            raise unprocessable("Start line must be part of the same hunk as the line.")
        if start.position >= anchor.position:
            raise unprocessable("Start line must precede the end line.")
    elif start_side is not None:
        start_side = None
    return Place(file.path, side, line, start_side, start_line, anchor.position, anchor.shown)


def _is_line(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _at_position(file: ChangedFile, position: Any) -> tuple[Side, int | None]:
    for (side, line), anchor in sorted(file.anchors.items(), key=lambda item: item[0][0], reverse=True):
        if anchor.position == position:
            return side, line
    return "RIGHT", None


def follow(repository: Repository, pull: Pull, comments: Iterable[ReviewComment], before: tuple[str, str]) -> None:
    """Move the comments to where their lines are now; one whose lines were changed, or have left the diff, is outdated.

    ``before`` is the merge base and the head that their lines are of.
    """
    sides: dict[Side, tuple[str, str]] = {
        "LEFT": (before[0], repository.merge_base(pull)),
        "RIGHT": (before[1], pull.head),
    }
    for comment in comments:
        if comment.line is not None:
            _follow(repository, pull, comment, sides)


def _follow(repository: Repository, pull: Pull, comment: ReviewComment, sides: dict[Side, tuple[str, str]]) -> None:
    def now(line: int | None, side: Side) -> int | None:
        old, new = sides[side]
        if line is None or old == new:
            return line
        changes = repository.git.diff(old, new).files
        file = next((file for file in changes if (file.previous or file.path) == comment.path), None)
        return line if file is None else file.moved(line)

    line = now(comment.line, comment.side)
    start = now(comment.start_line, comment.start_side or comment.side)
    file = repository.file(pull, comment.path)
    anchor = file.anchors.get((comment.side, line)) if file is not None and line is not None else None
    if anchor is None or (comment.start_line is not None and start is None):
        comment.line = comment.start_line = comment.position = None
        return
    comment.line, comment.start_line, comment.position = line, start, anchor.position
    comment.commit = pull.head
