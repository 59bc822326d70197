"""Fixes as text for people: what they change, which are left out, and what that comes to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quorate.contract.finding import DecidedFinding
from quorate.contract.fix import Edit
from quorate.render import account
from quorate.render.clean import MAX_LINE, encodable, visible
from quorate.render.source import Source
from quorate.render.terminal import Terminal
from quorate_cli.fixing import FixedFile, Fixes, lines_of

CONTEXT = 3
MAX_LEFT_OUT = 20
_BOLD, _DIM, _RED, _GREEN, _CYAN = 1, 2, 31, 32, 36
_COLORS = {"-": (_RED,), "+": (_GREEN,), " ": ()}
_HIDDEN = "(not shown: it may hold a secret)\n"


def render(fixes: Fixes, findings: Iterable[DecidedFinding], terminal: Terminal, *, written: bool) -> str:
    """The diff of the fixes and a summary, ending in a line end. ``findings`` are all that the review has.

    It is for people: characters that do not print are shown as such, and lines of secrets are not shown.
    """
    source = Source({file.path: file.before for file in fixes.files}, findings)
    lines: list[str] = []
    for file in fixes.files:
        lines += ("", *_diff(file, source, terminal))
    if fixes.left_out:
        lines += ("", *_left_out(fixes, terminal))
    lines += ("", *(terminal.paint(line, _BOLD) for line in _summary(fixes, written=written)))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Change:
    """Lines ``start`` to before ``end`` (from 0) become others."""

    start: int
    end: int
    lines: list[str]


def _diff(file: FixedFile, source: Source, terminal: Terminal) -> Iterator[str]:
    old = lines_of(file.before)
    changes = [change for edit in file.edits if (change := _least(edit, old)).lines or change.start < change.end]
    name = terminal.line(file.path)
    yield terminal.paint(f"--- {name}", _BOLD)
    yield terminal.paint(f"+++ {name}", _BOLD)
    shift = 0
    for hunk in _hunks(changes):
        first, last = max(0, hunk[0].start - CONTEXT), min(len(old), hunk[-1].end + CONTEXT)
        grown = sum(len(change.lines) - (change.end - change.start) for change in hunk)
        before, after = _range(first, last - first), _range(first + shift, last - first + grown)
        yield terminal.paint(f"@@ -{before} +{after} @@", _CYAN)
        shift += grown
        for sign, line in _signed(hunk, file.path, range(first, last), old, source):
            text = visible(line.rstrip("\r\n").expandtabs(4)[:MAX_LINE])
            yield terminal.paint(encodable(f"{sign}{text}", terminal.encoding), *_COLORS[sign])
            if not line.endswith("\n"):
                yield terminal.paint("\\ No newline at end of file", _DIM)


def _least(edit: Edit, old: list[str]) -> _Change:
    """An edit without the lines that it keeps."""
    new = lines_of(edit.text)
    start, end = edit.line - 1, edit.end_line
    same = 0
    while same < len(new) and start < end and new[same] == old[start]:
        same, start = same + 1, start + 1
    kept = len(new)
    while kept > same and start < end and new[kept - 1] == old[end - 1]:
        kept, end = kept - 1, end - 1
    return _Change(start, end, new[same:kept])


def _hunks(changes: list[_Change]) -> Iterator[list[_Change]]:
    """The changes in groups, each with those that its context reaches."""
    hunk: list[_Change] = []
    for change in changes:
        if hunk and change.start - hunk[-1].end > 2 * CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _range(start: int, count: int) -> str:
    """As a unified diff has it: no line is at the line before."""
    return f"{start + 1}" if count == 1 else f"{start + (count > 0)},{count}"


def _signed(hunk: list[_Change], path: str, shown: range, old: list[str], source: Source) -> Iterator[tuple[str, str]]:
    def context(first: int, end: int) -> Iterator[tuple[str, str]]:
        for number in range(first, end):
            yield " ", _HIDDEN if source.around(path, number + 1) is None else old[number]

    at = shown.start
    for change in hunk:
        yield from context(at, change.start)
        # What takes the place of a secret may hold it as well.
        secret = any(source.is_secret(path, number + 1) for number in range(change.start, change.end))
        yield from (("-", _HIDDEN if secret else old[number]) for number in range(change.start, change.end))
        yield from (("+", _HIDDEN if secret else line) for line in change.lines)
        at = change.end
    yield from context(at, shown.stop)


def _left_out(fixes: Fixes, terminal: Terminal) -> Iterator[str]:
    for left in fixes.left_out[:MAX_LEFT_OUT]:
        rule = f" {left.finding.rules[0]}" if left.finding.rules else ""
        yield terminal.line(f"Not fixed: {account.location(left.finding)}{rule}: {left.reason}")
    more = len(fixes.left_out) - MAX_LEFT_OUT
    if more > 0:
        yield f"and {more:,} more"


def _summary(fixes: Fixes, *, written: bool) -> Iterator[str]:
    if not fixes.confirmed:
        yield "There is nothing to fix."
        return
    left = fixes.confirmed - fixes.fixed
    told = f"{'Fixed' if written else 'Would fix'} {fixes.fixed:,} of {account.plural(fixes.confirmed, 'finding')}"
    if fixes.files:
        told += f" in {account.plural(len(fixes.files), 'file')}"
        if left:
            told += f"; {left:,} {'is' if left == 1 else 'are'} left" if written else f"; {left:,} would be left"
        yield f"{told}. " + ("The review is of the files before." if written else "Nothing was changed: --fix does it.")
    else:
        yield f"{told}." if fixes.left_out else f"{told}: none has a safe fix."
    if fixes.unsafe == 1:
        yield "1 has a fix that may change behaviour: apply it by hand."
    elif fixes.unsafe:
        yield f"{fixes.unsafe:,} have fixes that may change behaviour: apply them by hand."
