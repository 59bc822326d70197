"""What a result comes to on a pull request: a review, a word below the last one, or nothing.

A finding is told once, by the id of its issue: as a comment on its line where it is confirmed and the diff shows the
line, else in the body of the review. Nothing is lost: what there is no room for is counted.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from quorate.contract.facts import Verdict
from quorate.contract.finding import DecidedFinding, Resolved, at_least
from quorate.contract.result import Result
from quorate.render import account, attendance
from quorate.render.fence import width
from quorate.render.markdown import code, escaped, prose
from quorate.render.source import Source
from quorate_collector.domain.anchors import Anchors
from quorate_collector.domain.comment_text import Comment, comment, issue_of, item, line_of, line_of_fixed
from quorate_collector.domain.notes import Event, Notes

MAX_BODY = 60_000
"""GitHub takes 65,536 characters; a line on later reviews must still find room."""
MAX_LISTED = 20
MAX_LIST = 8_000
"""What a list of findings that people know may take, in UTF-16 units."""
MAX_GAPS = 5_000
"""What the words on files and agents that are missing may take, in UTF-16 units."""
MAX_PATHS = 20
MAX_REASON = 300

_TONES: dict[account.Tone, str] = {"good": "✅", "warn": "⚠️", "bad": "❌"}
_EVENTS: dict[Verdict, Event] = {"approve": "APPROVE", "comment": "COMMENT", "request_changes": "REQUEST_CHANGES"}
_HEADINGS = {
    "confirmed": "Not on a line of the diff, or too many for comments",
    "held": "Waiting for a person to decide",
    "demoted": "Unconfirmed: reported, but too few agree",
}

Manner = Literal["review", "update"]


@dataclass(frozen=True)
class Publication:
    """What is to be told. ``news`` are findings that people do not know of as they stand, the first to read first;
    ``standing`` those that they know and that are still there; ``fixed`` those that they know and that are gone."""

    result: Result
    head: str
    manner: Manner
    event: Event
    first: bool
    news: tuple[DecidedFinding, ...]
    standing: tuple[DecidedFinding, ...]
    fixed: tuple[Resolved, ...]
    fixed_before: int
    withheld: int
    comments: tuple[Comment, ...]
    source: Source


@dataclass(frozen=True)
class Draft:
    """A review as it is sent: ``body`` still lacks its mark. ``told`` has the issues that it tells, and whether they
    are confirmed."""

    comments: tuple[Comment, ...]
    body: str
    told: dict[str, bool]


def event_of(verdict: Verdict | None, *, approve: bool, own: bool) -> Event:
    """What the review does. Nobody can approve a pull request of their own, or request changes of it."""
    event: Event = _EVENTS[verdict] if verdict is not None else "COMMENT"
    return "COMMENT" if own or (event == "APPROVE" and not approve) else event


def publication(
    result: Result,
    notes: Notes,
    anchors: Anchors,
    source: Source,
    *,
    head: str,
    event: Event,
    max_inline: int,
) -> Publication:
    """Decide what is told of a completed review of the commit ``head``."""
    shown = [finding for finding in sorted(result.findings, key=account.rank) if finding.decision != "withheld"]
    news: list[DecidedFinding] = []
    standing: list[DecidedFinding] = []
    for finding in shown:
        known = notes.is_told(issue_of(finding), confirmed=finding.decision == "confirmed")
        (standing if known else news).append(finding)
    found = {issue_of(finding) for finding in result.findings}
    over = {issue for issue, told in notes.told.items() if told.open and issue not in found}
    fixed = tuple(resolved for resolved in result.resolved if resolved.issue in over)
    last = notes.reviews[-1] if notes.reviews else None
    changed = last is None or bool(news or over) or last.verdict != result.verdict or _is_lifted(result, notes)
    return Publication(
        result=result,
        head=head,
        manner="review" if changed else "update",
        event=event,
        first=last is None,
        news=tuple(news),
        standing=tuple(standing),
        fixed=fixed,
        fixed_before=len(over) - len({resolved.issue for resolved in fixed}),
        withheld=len(result.findings) - len(shown),
        comments=tuple(_comments(news, anchors, source, max_inline)),
        source=source,
    )


def _is_lifted(result: Result, notes: Notes) -> bool:
    """Whether changes are requested and the review that last did so was dismissed, so that it blocks no more."""
    if result.verdict != "request_changes":
        return False
    demands = [posted for posted in notes.reviews if posted.verdict == "request_changes"]
    return bool(demands) and demands[-1].dismissed


def draft(publication: Publication, unanchored: Collection[str] = ()) -> Draft:
    """The review, with the comments on these issues in its body, since the forge did not take them on their lines."""
    comments = tuple(each for each in publication.comments if each.issue not in unanchored)
    inline = {each.finding for each in comments}
    told = {each.issue: True for each in comments}
    rest = [finding for finding in publication.news if finding.id not in inline]
    head = "\n\n".join(_head(publication))
    foot = _foot(publication)
    room = MAX_BODY - width(head) - width(foot) - _OVERHEAD
    fitting, left = _fitting(rest, publication.source, room)
    for finding, _ in fitting:
        issue = issue_of(finding)
        told[issue] = told.get(issue, False) or finding.decision == "confirmed"
    for finding in left:
        # To have been counted is enough for what does not count; what is confirmed waits for the next review.
        if finding.decision == "demoted":
            told.setdefault(issue_of(finding), False)
    body = "\n\n".join([head, *_sections(fitting), *_left_out(len(left), publication.result.task_id), foot])
    return Draft(comments, body, told)


_OVERHEAD = 1_500
"""Units kept for headings and for the word on what was left out."""


def update_line(head: str) -> str:
    """The word below the last review when there is nothing new."""
    return f"<sub>Up to {code(head[:10])}: nothing new.</sub>"


def failure(result: Result) -> str:
    """The comment on a review that could not be done."""
    reason = prose(result.reason or result.state, MAX_REASON * 3)
    return f"The review could not be done: {reason}\n\n`/quorate review` tries again."


def _comments(news: Iterable[DecidedFinding], anchors: Anchors, source: Source, max_inline: int) -> Iterator[Comment]:
    issues: set[str] = set()
    for finding in news:
        if len(issues) >= max_inline:
            return
        if finding.decision != "confirmed" or issue_of(finding) in issues:
            continue
        if (made := comment(finding, anchors, source)) is not None:
            issues.add(made.issue)
            yield made


def _head(publication: Publication) -> Iterator[str]:
    result = publication.result
    tone, text = account.headline(result)
    yield f"### {_TONES[tone]} {escaped(text)}"
    yield _changes(publication)
    if result.partial and result.reason:
        yield f"> {prose(result.reason, MAX_REASON)}"
    blockers = [f for f in publication.standing if f.decision == "confirmed" and at_least(f.severity, "high")]
    if blockers:
        yield "**Still open and blocking**"
        yield _list([line_of(finding) for finding in blockers])
    if publication.fixed or publication.fixed_before:
        before = publication.fixed_before
        earlier = [f"- {before:,} noticed by a review that was not posted, as a push superseded it"] if before else []
        yield "<details><summary>Fixed</summary>"
        yield _list([*(line_of_fixed(resolved) for resolved in publication.fixed), *earlier])
        yield "</details>"
    if gaps := list(_gaps(result)):
        yield "\n".join(gaps)


def _changes(publication: Publication) -> str:
    counts = [f"{len(publication.news):,} new"]
    if not publication.first:
        fixed = len(publication.fixed) + publication.fixed_before
        counts += [f"{fixed:,} fixed", f"{len(publication.standing):,} still open"]
    if publication.withheld:
        counts.append(f"{publication.withheld:,} withheld")
    since = "First review" if publication.first else "Since the last review"
    return f"{since}, at {code(publication.head[:10])}: {', '.join(counts)}."


def _list(rows: list[str]) -> str:
    shown, room = 0, MAX_LIST
    for row in rows[:MAX_LISTED]:
        room -= width(row) + 1
        if room < 0:
            break
        shown += 1
    more = [f"- and {len(rows) - shown:,} more"] if len(rows) > shown else []
    return "\n".join([*rows[:shown], *more])


def _gaps(result: Result) -> Iterator[str]:
    """What was not looked at, each on a line of a quotation."""
    room = MAX_GAPS
    for row in _gap_rows(result):
        room -= width(row) + 1
        if room < 0:
            yield "> - and more; the result of the task has all"
            return
        yield row


def _gap_rows(result: Result) -> Iterator[str]:
    if total := attendance.unread_total(result):
        yield f"> **Read by no agent: {account.plural(total, 'file')}**"
    for group in attendance.unread_by_all(result):
        named = ", ".join(code(path) for path in group.paths[:MAX_PATHS])
        hidden = group.count - min(len(group.paths), MAX_PATHS)
        more = f"{' and ' if named else ''}{hidden:,} more" if hidden else ""
        yield f"> - {named}{more}" + (f": {prose(group.reason, MAX_REASON)}" if group.reason else "")
    for name, agent in account.absent(result).items():
        reason = f": {prose(agent.reason, MAX_REASON)}" if agent.reason else ""
        yield f"> - {code(name)} {account.ABSENT[agent.state]}{reason}"


def _foot(publication: Publication) -> str:
    task = code(publication.result.task_id)
    return f"<sub>Task {task} · dismiss a finding by `/quorate dismiss ID reason` · `/quorate help`</sub>"


def _fitting(
    findings: Iterable[DecidedFinding], source: Source, room: int
) -> tuple[list[tuple[DecidedFinding, str]], list[DecidedFinding]]:
    """What there is room for, with its text, in the order given; and the rest from the first that does not fit."""
    findings = list(findings)
    fitting: list[tuple[DecidedFinding, str]] = []
    headed: set[tuple[str, str]] = set()
    for at, finding in enumerate(findings):
        text = item(finding, source)
        room -= width(text) + 1
        if (place := (finding.decision, finding.path)) not in headed:
            headed.add(place)
            room -= width(_file(finding.path)) + 4
        if room < 0:
            return fitting, findings[at:]
        fitting.append((finding, text))
    return fitting, []


def _sections(fitting: list[tuple[DecidedFinding, str]]) -> Iterator[str]:
    for decision, heading in _HEADINGS.items():
        chosen = [(finding, text) for finding, text in fitting if finding.decision == decision]
        if not chosen:
            continue
        listed = "\n".join(_by_file(chosen))
        if decision == "demoted":
            yield f"<details><summary>{heading} ({len(chosen):,})</summary>\n{listed}\n\n</details>"
        else:
            yield f"**{heading}**\n{listed}"


def _by_file(chosen: Iterable[tuple[DecidedFinding, str]]) -> Iterator[str]:
    by_path: dict[str, list[str]] = {}
    for finding, text in chosen:
        by_path.setdefault(finding.path, []).append(text)
    for path, texts in by_path.items():
        yield _file(path)
        yield from texts


def _file(path: str) -> str:
    return f"\n**{code(path)}**\n"


def _left_out(count: int, task: str) -> Iterator[str]:
    if count:
        yield f"**And {count:,} more**, the least severe: a review has no room for them. Task {code(task)} has all."
