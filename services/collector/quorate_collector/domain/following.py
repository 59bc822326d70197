"""Following: what a review of a series says of what the reviews before it have found."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from quorate.contract.finding import SEVERITIES, DecidedFinding, Resolved
from quorate.contract.history import History, Issue
from quorate_collector.domain.looked import Looked
from quorate_collector.domain.matching import Match, Matches, match

MAX_REASON = 2_000
MAX_WHY = 600
MAX_SHA = 12

MAX_RESOLVED_BYTES = 128 * 1024
"""What is told as gone stands in the result itself, with much else, and a message ends at 1 MiB."""

TOO_MUCH = "it is gone; the next review tells so, since this one has no room for all that is"


@dataclass(frozen=True)
class Followed:
    """The findings of a review as they stand in the series, the most severe first, and what is gone."""

    findings: tuple[DecidedFinding, ...]
    resolved: tuple[Resolved, ...]


def follow(history: History, decided: tuple[DecidedFinding, ...], looked: Looked, label: str) -> Followed:
    """``label`` is the commit that was reviewed, or the task where no commit is known.

    An open issue that was not found again is resolved if every agent that ever reported it looked again; else it is
    carried, as it was decided; so is for now what is gone and finds no room to be told. A dismissed one that was found
    again is withheld, and otherwise stays remembered. One that was fixed and is found again is known, since when it was
    first reported.
    """
    findings = sorted(decided, key=_place)
    matches = match(history.issues, findings, looked)
    taken = {issue.id for issue in history.issues}
    followed = []
    for at, finding in enumerate(findings):
        if (known := matches.found.get(at)) is not None:
            followed.append(_known(finding, known, looked))
            continue
        issue = unique(finding.id, finding.fingerprint, taken)
        taken.add(issue)
        followed.append(finding.model_copy(update={"issue": issue, "standing": "new", "since": label}))
    carried, resolved = _unseen(history, matches, looked, {finding.id for finding in findings})
    ranked = sorted([*followed, *carried], key=lambda finding: SEVERITIES.index(finding.severity))
    return Followed(tuple(ranked), tuple(resolved))


def without_dismissed(history: History, findings: tuple[DecidedFinding, ...]) -> tuple[DecidedFinding, ...]:
    """The findings of an earlier look as they stand now: what was dismissed since is withheld."""
    dismissed = {issue.id: issue for issue in history.issues if issue.state == "dismissed"}
    return tuple(
        finding.model_copy(update=_withheld(finding, Match(dismissed[finding.issue], exact=True)))
        if finding.issue in dismissed and finding.decision != "withheld"
        else finding
        for finding in findings
    )


def unique(wanted: str, fingerprint: str, taken: Collection[str]) -> str:
    """An id that is not taken: the one that is wanted, or else the fingerprint with a number."""
    number = 2
    while wanted in taken:
        wanted = f"{fingerprint}-{number}"
        number += 1
    return wanted


def _place(finding: DecidedFinding) -> tuple[object, ...]:
    return finding.path, finding.line or 0, finding.end_line or 0, finding.id


def _known(finding: DecidedFinding, known: Match, looked: Looked) -> DecidedFinding:
    issue = known.issue
    update: dict[str, object] = {"issue": issue.id, "standing": "known", "since": issue.first_seen}
    if issue.state == "dismissed":
        update |= _withheld(finding, known)
    elif issue.state == "fixed":
        update["reason"] = f"{finding.reason}; it was gone before, and is back"[:MAX_REASON]
    elif why := _upheld(finding, issue, looked):
        update |= {"decision": "confirmed", "reason": f"{finding.reason}; {why}"[:MAX_REASON]}
    return finding.model_copy(update=update)


def _withheld(finding: DecidedFinding, known: Match) -> dict[str, object]:
    return {"decision": "withheld", "reason": f"{_dismissed(known)}; {finding.reason}"[:MAX_REASON]}


def _dismissed(known: Match) -> str:
    dismissal = known.issue.dismissal
    who = f"dismissed by {dismissal.by}" if dismissal else "dismissed"
    why = f": {dismissal.reason}" if dismissal and dismissal.reason else ""
    return f"{who}{why}" if known.exact else f"like {known.issue.id}, {who}{why}"


def _upheld(finding: DecidedFinding, issue: Issue, looked: Looked) -> str:
    """Why a finding that was confirmed stays so with fewer votes: who voted for it has not looked again.

    Not against an objection, nor for a higher severity than was confirmed.
    """
    if issue.decision != "confirmed" or finding.decision == "confirmed" or finding.objections:
        return ""
    if SEVERITIES.index(finding.severity) < SEVERITIES.index(issue.severity):
        return ""
    voted = {vote.agent for vote in finding.votes}
    absent = [why for agent in issue.agents if agent not in voted and (why := looked.absence(agent, finding.path))]
    return f"it was confirmed before, and {', '.join(absent)}"[:MAX_WHY] if absent else ""


def _unseen(
    history: History, matches: Matches, looked: Looked, ids: set[str]
) -> tuple[list[DecidedFinding], list[Resolved]]:
    """The open issues that were not found again, as carried findings and as resolved ones, the most severe first."""
    found = {each.issue.id for each in matches.found.values()}
    carried, resolved, room = [], [], MAX_RESOLVED_BYTES
    for issue in sorted(history.issues, key=_weight):
        if issue.state != "open" or issue.id in found:
            continue
        path = matches.moved.get(issue.path, issue.path)
        why = ", ".join(_absent(issue, path, looked))
        gone = _resolved(issue, path, looked)
        if not why and (size := len(gone.model_dump_json().encode()) + 1) > room:
            why = TOO_MUCH
        if why:
            carried.append(_carried(issue, path, why, ids))
            ids.add(carried[-1].id)
        else:
            room -= size
            resolved.append(gone)
    return carried, resolved


def _weight(issue: Issue) -> tuple[object, ...]:
    return SEVERITIES.index(issue.severity), issue.path, issue.line or 0, issue.id


def _absent(issue: Issue, path: str, looked: Looked) -> Iterator[str]:
    """Why it cannot be said that an issue is gone. Whose issue is not known can be said by nobody but by all."""
    for agent in issue.agents or sorted(looked.asked):
        if (why := looked.absence(agent, path)) is not None:
            yield why
    if not issue.agents and not looked.asked:
        yield "nobody was asked"


def _carried(issue: Issue, path: str, why: str, ids: Collection[str]) -> DecidedFinding:
    reason = f"carried over, last seen at {_short(issue.last_seen)}: {why}"
    return DecidedFinding(
        id=unique(issue.id, issue.id, ids),
        path=path,
        line=issue.line,
        end_line=issue.end_line,
        severity=issue.severity,
        category=issue.category,
        message=issue.message,
        cwe=issue.cwe,
        fingerprint=issue.fingerprints[-1] if issue.fingerprints else issue.id,
        rules=issue.rules,
        decision=issue.decision,
        reason=reason[:MAX_WHY],
        issue=issue.id,
        standing="carried",
        since=issue.first_seen,
    )


def _resolved(issue: Issue, path: str, looked: Looked) -> Resolved:
    agents = ", ".join(issue.agents) or "every agent"
    gone = f"{path} is no longer part of the change, and {agents} reported nothing there"
    return Resolved(
        issue=issue.id,
        path=path,
        line=issue.line,
        severity=issue.severity,
        category=issue.category,
        message=issue.message,
        reason=(gone if looked.left_change(path) else f"{agents} looked again and did not find it")[:MAX_WHY],
    )


def _short(label: str) -> str:
    return label[:MAX_SHA]
