"""The files of a change, each of them once, and which of them a program wrote."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from quorate.diff import FileChange
from quorate.review import Review
from quorate_worker.checks.path_kind import is_generated_name, says_generated

_HEAD = 3_000  # characters
_HEAD_LINES = 10


def changed_files(review: Review) -> Iterator[FileChange]:
    """What the diff does to each path; of a series of patches the last word, but a file that was new stays new."""
    for path in dict.fromkeys(change.path for change in review.changes):
        change = review.change_of(path)
        if change is None:  # a later patch of the series renames it
            continue
        if change.status == "modified" and review.old_path(path) is None:
            change = replace(change, status="added")
        yield change


def is_generated(review: Review, path: str, added: Mapping[int, str]) -> bool:
    """Whether a program wrote the file: by its name, or by what its first lines say, as far as they are known."""
    if is_generated_name(path):
        return True
    text = review.text(path)
    if text is not None:
        return says_generated(text[:_HEAD].split("\n"))
    return says_generated(line for number, line in islice(added.items(), _HEAD) if number <= _HEAD_LINES)
