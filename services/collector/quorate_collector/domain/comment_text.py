"""A finding in words, as a comment on its line or as an entry of a list, in GitHub's Markdown.

All that came with the change goes through ``quorate.render.markdown``, which lets it ping nobody, refer to nothing and
stay in its place, or into a block of code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from quorate.contract.finding import DecidedFinding, Resolved, Severity
from quorate.contract.fix import Edit
from quorate.render import account, edits
from quorate.render.clean import lines, visible
from quorate.render.fence import fenced
from quorate.render.markdown import code, escaped, prose
from quorate.render.source import Source
from quorate_collector.domain import markers
from quorate_collector.domain.anchors import Anchor, Anchors

MAX_MESSAGE = 4_000
MAX_SHORT = 300
MAX_VOICES = 500
MAX_RULES = 6
MAX_ROWS = 20
MAX_COLUMNS = 500
MAX_SUGGESTED = 100
"""Lines that a suggestion replaces, or brings, at most: what is committed with one click must be easy to read."""

_SEVERITIES: dict[Severity, str] = {"critical": "🟥", "high": "🟧", "medium": "🟨", "low": "🟦", "info": "⬜"}
_ISSUE = re.compile(r"[\w.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on lines of the diff: on this finding of the result, by which people know this issue."""

    finding: str
    issue: str
    anchor: Anchor
    body: str


def issue_of(finding: DecidedFinding) -> str:
    """The id under which people know the finding, over all reviews of the pull request."""
    issue = finding.issue or finding.id
    return issue if _ISSUE.fullmatch(issue) else finding.fingerprint


def comment(finding: DecidedFinding, anchors: Anchors, source: Source) -> Comment | None:
    """The finding as a comment on its lines, or None where the diff does not show them.

    A safe fix becomes a suggestion that one click commits; the comment then stands on the lines that it replaces.
    """
    anchor = anchors.of(finding.path, finding.line, finding.end_line)
    if anchor is None:
        return None
    rows = [f"{_SEVERITIES[finding.severity]} **{finding.severity}**: {prose(finding.message, MAX_MESSAGE)}"]
    edit = _suggested(finding, source)
    exact = edit and anchors.exactly(finding.path, edit.line, edit.end_line)
    if edit and exact:
        anchor = exact
        rows.append(fenced(_lines_of(edit), "suggestion"))
    else:
        rows.extend(_advice(finding, source))
    if finding.indirect:
        rows.append(f"*{account.INDIRECT}*")
    issue = issue_of(finding)
    rows.append(f"<sub>{_facts(finding)} · not right? {_answer(issue)}</sub>")
    rows.append(markers.finding(issue))
    return Comment(finding.id, issue, anchor, "\n\n".join(rows))


def item(finding: DecidedFinding, source: Source) -> str:
    """The finding as an entry of a list under the name of its file."""
    place = f" line {finding.line}" if finding.line is not None else ""
    mark = _SEVERITIES[finding.severity]
    rows = [f"- {mark} **{finding.severity}**{place}: {prose(finding.message, MAX_MESSAGE // 4)}"]
    for block in _advice(finding, source):
        rows += ["", *(f"  {row}".rstrip() for row in block.split("\n")), ""]
    if finding.decision != "confirmed":
        rows.append(f"  <br>*{account.TITLES[finding.decision]}:* {prose(finding.reason, MAX_SHORT)}")
    rows.append(f"  <br><sub>{_facts(finding)} · {code(issue_of(finding))}</sub>")
    return "\n".join(rows)


def line_of(finding: DecidedFinding) -> str:
    """The finding on one line, for a list of those that people know already."""
    mark = _SEVERITIES[finding.severity]
    return f"- {mark} **{finding.severity}** {code(account.location(finding))}: {prose(finding.message, MAX_SHORT)}"


def line_of_fixed(resolved: Resolved) -> str:
    """What is gone, on one line."""
    place = resolved.path if resolved.line is None else f"{resolved.path}:{resolved.line}"
    return f"- {code(place)}: {prose(resolved.message, MAX_SHORT)} ({prose(resolved.reason, MAX_SHORT)})"


def _suggested(finding: DecidedFinding, source: Source) -> Edit | None:
    """The one edit that replaces the very lines that the finding is about, if anyone may commit it unseen."""
    fix = edits.showable(finding.fix, finding.path, finding.category, source)
    if fix is None or not fix.safe or len(fix.edits) != 1 or finding.line is None:
        return None
    [edit] = fix.edits
    last = finding.end_line or finding.line
    if not edit.line <= edit.end_line or edit.line > last or edit.end_line < finding.line:
        return None
    if edit.end_line - edit.line >= MAX_SUGGESTED or edit.text.count("\n") > MAX_SUGGESTED:
        return None
    # What does not print would be committed unseen, and a carriage return would be lost on the way.
    plain = all(visible(line.replace("\t", "")) == line.replace("\t", "") for line in edit.text.split("\n"))
    return edit if plain else None


def _lines_of(edit: Edit) -> list[str]:
    """The lines that a suggestion brings; none deletes those that it stands on."""
    return edit.text.removesuffix("\n").split("\n") if edit.text else []


def _advice(finding: DecidedFinding, source: Source) -> Iterator[str]:
    """What to do about it, as blocks that can be read and not be committed with one click."""
    if finding.suggestion:
        rows = [row[:MAX_COLUMNS] for row in lines(finding.suggestion, MAX_ROWS)]
        yield f"→ {prose(finding.suggestion, MAX_MESSAGE // 4)}" if len(rows) == 1 else fenced(rows)
    fix = edits.showable(finding.fix, finding.path, finding.category, source)
    if fix is None:
        return
    shown: list[str] = []
    for edit in fix.edits:
        shown.append(f"@@ {edits.title(edit)} @@")
        changed = edits.rows(edit, finding.path, source)
        shown.extend(f"{row.sign}{lines(row.text, 1)[0][:MAX_COLUMNS]}" for row in islice(changed, MAX_ROWS + 1))
        if len(shown) > MAX_ROWS:
            shown = [*shown[:MAX_ROWS], "@@ and more @@"]
            break
    yield fenced(shown, "diff")


def _facts(finding: DecidedFinding) -> str:
    parts = [code(rule) for rule in finding.rules[:MAX_RULES]]
    if voices := account.voices(finding):
        parts.append(escaped(voices, MAX_VOICES))
    return " · ".join(parts) or "no votes"


def _answer(issue: str) -> str:
    return code(f"/quorate dismiss {issue} reason")
