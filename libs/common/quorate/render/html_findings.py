"""The findings of a review as HTML: by decision, then by file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from quorate.contract.finding import SEVERITIES, DecidedFinding, Decision, Severity
from quorate.contract.result import Result
from quorate.render import account, edits, references
from quorate.render.clean import lines
from quorate.render.markup import block, code, link, plain, plain_line, prose
from quorate.render.source import Source

MAX_CONTENTS = 100
"""Files named in the table of contents."""
MAX_MESSAGE = 2_000
MAX_PATH = 1_000
MAX_NAME = 200
MAX_VOTES = 20
MAX_HIT_LINES = 8
CONTEXT_LINES = 2
MAX_CODE_LINES = 60
MAX_COLUMNS = 400

_PLAIN_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_HIDDEN = "not shown: a secret"


@dataclass(frozen=True)
class FileFindings:
    """The findings of one decision in one file, and the anchors of the file and of each of them."""

    path: str
    anchor: str
    findings: list[DecidedFinding]
    anchors: list[str]
    voters: list[str]

    @property
    def worst(self) -> Severity:
        return min((finding.severity for finding in self.findings), key=SEVERITIES.index)


@dataclass(frozen=True)
class Shelf:
    """The findings that were decided so, by file."""

    decision: Decision
    files: list[FileFindings]

    @property
    def total(self) -> int:
        return sum(len(file.findings) for file in self.files)


def voters(result: Result) -> list[str]:
    """The agents that reported anything, by name; a filter knows them by their places."""
    return sorted({vote.agent for finding in result.findings for vote in finding.votes})


def shelf(result: Result, decision: Decision) -> Shelf:
    """The findings that were decided so, with anchors that no two of them share."""
    places = {name: at for at, name in enumerate(voters(result))}
    grouped: dict[str, list[DecidedFinding]] = {}
    for finding in account.decided(result, decision):
        grouped.setdefault(finding.path, []).append(finding)
    ids = [finding.id for finding in result.findings]
    sound = len(set(ids)) == len(ids) and all(map(_PLAIN_ID.fullmatch, ids))
    files = []
    number = 0
    for at, (path, findings) in enumerate(grouped.items(), start=1):
        anchors = []
        who = []
        for finding in findings:
            number += 1
            # The finding's own id, where it is sound, makes a link that outlives another rendering.
            anchors.append(f"f-{finding.id}" if sound else f"{decision}-finding-{number}")
            who.append(" ".join(str(places[name]) for name in dict.fromkeys(vote.agent for vote in finding.votes)))
        files.append(FileFindings(path, f"{decision}-{at}", findings, anchors, who))
    return Shelf(decision, files)


def filters(result: Result) -> Iterator[str]:
    """What the script filters by. Without the script it stays hidden, as it would do nothing."""
    if not result.findings:
        return
    yield '<form id="filters" class="card" hidden aria-label="Filter the findings">'
    yield '<fieldset><legend>Severity</legend><div class="chips">'
    for at, severity in enumerate(SEVERITIES):
        count = sum(finding.severity == severity for finding in result.findings)
        if count:
            yield (
                f'<label class="chip s-{severity}"><input type="checkbox" name="severity" value="{at}" checked> '
                f"{severity} <b>{count:,}</b></label>"
            )
    if any(map(account.fixable, result.findings)):
        yield '<label class="chip"><input type="checkbox" name="fixable"> only fixable</label>'
    yield "</div></fieldset>"
    yield '<label class="field">Agent <select name="agent"><option value="">any</option>'
    yield from (f'<option value="{at}">{plain(name, 60)}</option>' for at, name in enumerate(voters(result)))
    yield "</select></label>"
    yield '<label class="field">File <input type="search" name="file" placeholder="part of a path"></label>'
    yield '<p class="tools"><output id="shown" aria-live="polite"></output>'
    yield '<button type="button" id="fold">Collapse all</button></p></form>'


def section(shelf: Shelf, title: str, lead: str, source: Source) -> Iterator[str]:
    """One decision's findings."""
    yield f'<section id="{shelf.decision}" class="shelf" aria-labelledby="{shelf.decision}-title">'
    yield f'<h2 id="{shelf.decision}-title">{title} <b>{shelf.total:,}</b></h2>'
    if lead:
        yield f'<p class="lead">{lead}</p>'
    for file in shelf.files:
        worst = ", ".join(
            f"{count} {name}"
            for name in SEVERITIES
            if (count := sum(finding.severity == name for finding in file.findings))
        )
        yield f'<details open class="file card" id="{file.anchor}"><summary><h3 class="path">{_path(file.path)}</h3>'
        yield f'<span class="count">{worst}</span></summary>'
        for finding, anchor, who in zip(file.findings, file.anchors, file.voters, strict=True):
            yield from _finding(finding, anchor, who, source)
        yield "</details>"
    yield "</section>"


def _path(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"<span>{plain(folder + slash, MAX_PATH)}</span>{plain(name, MAX_PATH)}" if slash else plain(path, MAX_PATH)


def _finding(finding: DecidedFinding, anchor: str, who: str, source: Source) -> Iterator[str]:
    fixable = account.fixable(finding)
    yield (
        f'<article class="finding s-{finding.severity}" id="{anchor}" '
        f'data-s="{SEVERITIES.index(finding.severity)}" data-a="{who}"{" data-x" if fixable else ""}>'
    )
    yield (
        f'<h4><span class="badge">{finding.severity}</span> {prose(finding.message, MAX_MESSAGE)} '
        f'<a class="anchor" href="#{anchor}" title="Link to this finding" aria-label="Link to this finding">#</a></h4>'
    )
    yield f'<p class="meta">{" ".join(_facts(finding, fixable))}</p>'
    if finding.decision != "confirmed":
        yield f'<p class="why"><b>{account.TITLES[finding.decision]}:</b> {prose(finding.reason)}</p>'
    yield from _excerpt(finding, source)
    yield from _suggestion(finding)
    yield from _fix(finding, source)
    yield from _votes(finding)
    yield "</article>"


def _facts(finding: DecidedFinding, fixable: bool) -> Iterator[str]:
    if finding.line is None:
        yield "<span>whole file</span>"
    elif finding.end_line is None or finding.end_line <= finding.line:
        yield f"<span>line {finding.line:,}</span>"
    else:
        yield f"<span>lines {finding.line:,} to {finding.end_line:,}</span>"
    for rule in finding.rules[:MAX_VOTES]:
        page = references.of_rule(finding, rule)
        yield link(page, code(rule, MAX_NAME)) if page else code(rule, MAX_NAME)
    if finding.cwe:
        yield link(references.weakness(finding.cwe), f"CWE-{finding.cwe}")
    yield f"<span>{finding.category}</span>"
    voices = account.voices(finding)
    if voices:
        yield f"<span>by {plain(voices, MAX_PATH)}</span>"
    if fixable:
        yield f'<span class="tag fixable">{account.FIXABLE}</span>'
    if finding.indirect:
        yield f'<span class="tag indirect">{account.INDIRECT}</span>'


def _excerpt(finding: DecidedFinding, source: Source) -> Iterator[str]:
    if finding.line is None or finding.category == "secrets" or finding.line > source.last(finding.path):
        return
    first = finding.line
    last = min(max(finding.end_line or first, first), first + MAX_HIT_LINES - 1, source.last(finding.path))
    shown: list[tuple[int, str | None]] = []
    for number in range(max(1, first - CONTEXT_LINES), min(last + CONTEXT_LINES, source.last(finding.path)) + 1):
        hit = first <= number <= last
        line = source.line(finding.path, number) if hit else source.around(finding.path, number)
        shown.append((number, None if line is None else lines(line, 1)[0]))
    # Empty lines around what was found say nothing.
    while shown[0][1] == "" and shown[0][0] < first:
        shown.pop(0)
    while shown[-1][1] == "" and shown[-1][0] > last:
        shown.pop()
    margin = min((len(line) - len(line.lstrip(" ")) for _, line in shown if line), default=0)
    rows = (
        f'<span{" class=h" if first <= number <= last else ""} data-n="{number}">'
        f"{f'<i>{_HIDDEN}</i>' if line is None else plain_line(line[margin:], MAX_COLUMNS)}</span>"
        for number, line in shown
    )
    yield f'<pre class="src">{"".join(rows)}</pre>'


def _suggestion(finding: DecidedFinding) -> Iterator[str]:
    if not finding.suggestion or not finding.suggestion.strip():
        return
    rows = block(finding.suggestion, MAX_CODE_LINES, MAX_MESSAGE)
    if len(rows) == 1:
        yield f'<p class="suggestion">{prose(finding.suggestion, MAX_MESSAGE)}</p>'
        return
    left = finding.suggestion.count("\n") + 1 - len(rows)
    more = f"\n… {account.plural(left, 'more line')}" if left else ""
    yield '<div class="suggestion"><pre>' + "\n".join(rows) + f"{more}</pre></div>"


def _fix(finding: DecidedFinding, source: Source) -> Iterator[str]:
    if finding.fix is None:
        return
    fix = edits.showable(finding.fix, finding.path, finding.category, source)
    safe = "safe: the same behaviour but for the defect" if finding.fix.safe else "look before you apply it"
    yield f"<details class=fix><summary>Fix, {safe}</summary>"
    if fix is None:
        yield f"<p>{_HIDDEN}</p></details>"
        return
    room = MAX_CODE_LINES
    for edit in fix.edits:
        rows = [
            f'<span class={"d" if row.sign == "-" else "a"} data-n="{row.number or ""}">{row.sign} '
            f"{plain_line(lines(row.text, 1)[0], MAX_COLUMNS)}</span>"
            for row, _ in zip(edits.rows(edit, finding.path, source), range(room + 1), strict=False)
        ]
        cut = "<span>…</span>" if len(rows) > room else ""
        yield f'<p>{edits.title(edit)}</p><pre class="src">{"".join(rows[:room])}{cut}</pre>'
        room -= len(rows)
        if room <= 0:
            break
    yield "</details>"


def _votes(finding: DecidedFinding) -> Iterator[str]:
    if not finding.votes:
        return
    agents = account.plural(len({vote.agent for vote in finding.votes}), "agent")
    lineages = account.plural(len({vote.lineage for vote in finding.votes}), "lineage")
    against = f", {account.plural(len(finding.objections), 'objection')}" if finding.objections else ""
    yield f"<details class=votes><summary>Votes: {agents}, {lineages}{against}</summary>"
    if finding.decision == "confirmed":
        yield f"<p>{prose(finding.reason)}</p>"
    yield "<table><thead><tr><th>Agent<th>Lineage<th>Rule<th>Severity<th>Confidence<th>Message</thead><tbody>"
    for vote in finding.votes[:MAX_VOTES]:
        message = "as above" if vote.message == finding.message else prose(vote.message, MAX_MESSAGE)
        yield (
            f"<tr><td>{plain(vote.agent, MAX_NAME)}<td>{plain(vote.lineage, MAX_NAME)}<td>{code(vote.rule, MAX_NAME)}"
            f"<td>{vote.severity}<td>{vote.confidence:.2f}<td>{message}"
        )
    for objection in finding.objections[:MAX_VOTES]:
        yield (
            f"<tr class=against><td>{plain(objection.agent, MAX_NAME)}<td>{plain(objection.lineage, MAX_NAME)}<td>"
            f"<td>objects<td>{objection.confidence:.2f}<td>{prose(objection.message, MAX_MESSAGE)}"
        )
    yield "</tbody></table>"
    left = max(0, len(finding.votes) - MAX_VOTES) + max(0, len(finding.objections) - MAX_VOTES)
    if left:
        yield f"<p>and {account.plural(left, 'more vote')}</p>"
    yield "</details>"
