"""The check `todo`: work that a new comment leaves for later, without saying where it is kept track of."""

import re
from collections.abc import Iterator
from itertools import islice

from quorate.contract.finding import Finding
from quorate.review import Review
from quorate_worker.checks.changed_files import is_generated
from quorate_worker.checks.comments import comment_lines, has_comments
from quorate_worker.checks.path_kind import vendored_folder
from quorate_worker.checks.rule import Findings, Rule

NAME = "todo"
VERSION = "1"
DESCRIPTION = "New TODO and FIXME comments that name neither an issue nor an owner"

RULES: dict[str, Rule] = {
    "todo": Rule("docs", "info", 0.8, "A new TODO or XXX comment names no issue, no owner and no version."),
    "fixme": Rule("docs", "low", 0.8, "A new FIXME or HACK comment names no issue, no owner and no version."),
}

_WORD = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
# The first word of a comment's line, or before a colon: elsewhere people write about to-dos ("the TODO list").
_TAG = re.compile(
    r"(?:\A[^\w\n]{0,20}+(?P<first>TODO|FIXME|XXX|HACK)(?=[\s:(,!]|\Z)"
    r"|\b(?P<later>TODO|FIXME|XXX|HACK)(?=:))(?P<rest>.*)",
    re.DOTALL,
)
_OWNED = re.compile(r"\s?\(\s*[^\s)]|:?\s*@\w")
_REFERENCE = re.compile(
    r"#[0-9]|\bGH-?[0-9]|\bhttps?://|\b(?!UTF-|ISO-|SHA-)[A-Z][A-Z0-9]{1,9}-[0-9]"
    r"|\b(?:[Ii]ssue|[Bb]ug|[Tt]icket|PR|RFC|PEP) ?[0-9]"
    # Or when: the version that it waits for, by which it is found when that comes.
    r"|\bv?[0-9]{1,4}\.[0-9x]|\b(?:PY|py|[Pp]ython) ?[23]\.?[0-9]"
)
_LONGEST = 2_000
_MOST = 1_000  # of one file: enough to say that there are too many


def check(review: Review) -> list[Finding]:
    """Findings for comments in added lines. One that is only moved, within the change, is not new."""
    findings = Findings(RULES)
    if not _WORD.search(review.input.diff or ""):
        return []
    moved: set[str] | None = None
    for path in review.paths:
        if not has_comments(path) or vendored_folder(path):
            continue
        added = review.added(path)
        if not any(_WORD.search(line) for line in added.values()) or is_generated(review, path, added):
            continue
        if moved is None:
            moved = _removed(review)
        for number, tag in islice(_tags(path, added, review.text(path)), _MOST):
            if added[number].strip() in moved:
                continue
            findings.add(
                "todo" if tag in ("TODO", "XXX") else "fixme",
                path,
                f"A comment with {tag} names neither an issue nor an owner: who will find it again?",
                line=number,
                suggestion="Name the issue that keeps track of it, such as `#123` or its address, or do it now",
            )
    return findings.all()


def _removed(review: Review) -> set[str]:
    return {
        line.strip()
        for path in dict.fromkeys(change.path for change in review.changes)
        for line in review.removed(path).values()
        if len(line) <= _LONGEST and _WORD.search(line)
    }


def _tags(path: str, added: dict[int, str], whole: str | None) -> Iterator[tuple[int, str]]:
    """Added comment lines with a tag and without a reference there or in the comment's next line."""
    for first, text in _pieces(added, whole):
        waiting: tuple[int, str] | None = None
        for offset, comment in comment_lines(path, text):
            number = first + offset - 1
            if waiting:
                follows = number == waiting[0] + 1 and _TAG.match(comment[:_LONGEST]) is None
                if not (follows and _REFERENCE.search(comment[:_LONGEST])):
                    yield waiting
                waiting = None
            if number in added and (tag := _open_tag(comment[:_LONGEST])):
                waiting = number, tag
        if waiting:
            yield waiting


def _open_tag(comment: str) -> str | None:
    """The tag of a comment line that names neither an issue nor an owner."""
    match = _TAG.match(comment) or _TAG.search(comment)
    if match is None or _OWNED.match(match["rest"]) or _REFERENCE.search(comment):
        return None
    return match["first"] or match["later"]


def _pieces(added: dict[int, str], whole: str | None) -> Iterator[tuple[int, str]]:
    """The whole file if it was sent, for a block comment may begin above; else each run of added lines."""
    if whole is not None:
        yield 1, whole
        return
    run: list[str] = []
    first = 0
    for number, line in added.items():
        if run and number != first + len(run):
            yield first, "\n".join(run)
            run = []
        if not run:
            first = number
        run.append(line)
    if run:
        yield first, "\n".join(run)
