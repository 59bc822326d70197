"""The history of a series: what its reviews have found, recorded review by review, within bounds."""

from collections.abc import Iterable, Mapping

from quorate.contract.finding import SEVERITIES, DecidedFinding, Resolved
from quorate.contract.history import MAX_ISSUES, MAX_MESSAGE, MAX_NAMES, MAX_RECORDED, Fate, History, Issue
from quorate.contract.ids import message_id
from quorate_collector.domain.matching import MAX_RULE

MAX_BYTES = 900_000
"""What an encoded history may take: a value of a bucket is one message, and those end at 1 MiB."""

MAX_UNSETTLED = 1_000

_CUTS = (MAX_MESSAGE, 200, 80)
"""Characters of a message that are kept, as long as the history fits so."""


def record(
    history: History,
    findings: tuple[DecidedFinding, ...],
    resolved: tuple[Resolved, ...],
    task: str,
    label: str,
    position: int,
    *,
    max_bytes: int = MAX_BYTES,
) -> History:
    """The history after a review. ``findings`` and ``resolved`` are those that ``follow`` gave and that were published.
    Where findings show that a file was renamed, what was dismissed in it is so under its new name too.

    A task is recorded once. When another review of the series was recorded since these findings were followed, what
    both found is one issue, what either found is kept, and a dismissal in between stands. ``position`` is that of the
    review's assignment in the log: one that began before another that was recorded knows nothing newer, and changes
    nothing any more.
    """
    if task in history.recorded:
        return history
    recorded = remembered(history.recorded, task)
    if position < history.position:
        return bounded(history.model_copy(update={"recorded": recorded}), max_bytes)
    issues = {issue.id: issue for issue in history.issues}
    moved = _moves(issues, findings)
    issues = {id: _moved(issue, moved) for id, issue in issues.items()}
    fates = []
    homes = _homes(issues, findings, resolved)
    for finding in findings:
        home = homes[finding.id]
        known = issues.get(home)
        if finding.standing == "carried":
            continue
        if known is not None and known.state == "fixed":
            fates.append(fate(task, known, "back", right=-1))
        issues[home] = _seen(known, home, finding, label)
    for each in resolved:
        gone = issues.get(each.issue)
        if gone is not None and gone.state == "open":
            # To the end: so the first of the fixed ones is the one that was fixed first.
            del issues[gone.id]
            issues[gone.id] = gone.model_copy(update={"state": "fixed"})
            fates.append(fate(task, gone, "fixed", right=1))
    after = history.model_copy(
        update={
            "position": position,
            "issues": tuple(issues.values()),
            "recorded": recorded,
            "unsettled": (*history.unsettled, *fates)[-MAX_UNSETTLED:],
        }
    )
    return bounded(after, max_bytes)


def redecide(history: History, findings: Iterable[DecidedFinding]) -> History:
    """The history after another look at findings of a review that is recorded: what is open is decided as they are.

    Nothing else changes. Above all, who agreed is not one of those that reported it: nobody would ask them to look
    again, and it would never be gone.
    """
    decisions = {finding.issue: finding.decision for finding in findings}
    issues = tuple(
        issue.model_copy(update={"decision": decisions[issue.id]})
        if issue.state == "open" and decisions.get(issue.id, issue.decision) != issue.decision
        else issue
        for issue in history.issues
    )
    return history if issues == history.issues else history.model_copy(update={"issues": issues})


def remembered(recorded: tuple[str, ...], task: str) -> tuple[str, ...]:
    return (*recorded, task)[-MAX_RECORDED:]


def fate(
    task: str, issue: Issue, what: str, *, right: int = 0, wrong: int = 0, agents: tuple[str, ...] | None = None
) -> Fate:
    """What a task made of an issue, for the track record; an event of its own. It counts for those that reported the
    issue, unless ``agents`` says for whom."""
    counts_for = issue.agents if agents is None else agents
    return Fate(event=message_id(task, issue.id, what)[:16], agents=counts_for, right=right, wrong=wrong)


def settled(history: History, fates: Iterable[Fate]) -> History:
    """The history without the fates that the track record has."""
    events = {each.event for each in fates}
    left = tuple(each for each in history.unsettled if each.event not in events)
    return history if left == history.unsettled else history.model_copy(update={"unsettled": left})


def bounded(history: History, max_bytes: int = MAX_BYTES) -> History:
    """The history with as many issues as there may be, and with shorter messages or fewer issues if it is too large.

    Of the issues those go first that are missed least: what was fixed, the oldest first; then what is open, the least
    severe first; and last what was dismissed, which would come back.
    """
    if len(history.issues) > MAX_ISSUES:
        history = _without(history, sorted(history.issues, key=_worth)[: len(history.issues) - MAX_ISSUES])
    for cut in _CUTS:
        if len(history.encode()) <= max_bytes:
            return history
        shorter = tuple(issue.model_copy(update={"message": issue.message[:cut]}) for issue in history.issues)
        history = history.model_copy(update={"issues": shorter})
    excess = len(history.encode()) - max_bytes
    dropped = []
    for issue in sorted(history.issues, key=_worth):
        if excess <= 0:
            break
        excess -= len(issue.model_dump_json(exclude_none=True).encode())
        dropped.append(issue)
    return _without(history, dropped)


def _without(history: History, dropped: Iterable[Issue]) -> History:
    ids = {issue.id for issue in dropped}
    return history.model_copy(update={"issues": tuple(issue for issue in history.issues if issue.id not in ids)})


def _worth(issue: Issue) -> tuple[int, int]:
    """What is dropped first comes first. Sorting keeps the order of the history, the oldest first."""
    if issue.state == "open":
        return 1, -SEVERITIES.index(issue.severity)
    return (0 if issue.state == "fixed" else 2), 0


def _homes(
    issues: dict[str, Issue], findings: tuple[DecidedFinding, ...], resolved: tuple[Resolved, ...]
) -> dict[str, str]:
    """By the id of a finding the id of its issue.

    That is the one it was given, unless another review has recorded the same meanwhile under another id. What is
    dismissed is no such home: it would hide what ``follow`` has told apart from it.
    """
    spoken_for = {finding.issue for finding in findings} | {each.issue for each in resolved}
    others: dict[str, list[Issue]] = {}
    for issue in issues.values():
        if issue.id not in spoken_for and issue.state != "dismissed":
            for fingerprint in issue.fingerprints:
                others.setdefault(fingerprint, []).append(issue)
    homes = {}
    for finding in findings:
        homes[finding.id] = finding.issue
        same = others.get(finding.fingerprint)
        if same and finding.issue not in issues and finding.standing != "carried":
            nearest = min(same, key=lambda issue: abs((issue.line or 0) - (finding.line or 0)))
            same.remove(nearest)
            homes[finding.id] = nearest.id
    return homes


def _moves(issues: Mapping[str, Issue], findings: Iterable[DecidedFinding]) -> dict[str, str]:
    """The renames that findings show: all that is told of a file's issues is told of one other file."""
    paths: dict[str, set[str]] = {}
    for finding in findings:
        if finding.issue in issues:
            paths.setdefault(issues[finding.issue].path, set()).add(finding.path)
    only = {old: next(iter(news)) for old, news in paths.items() if len(news) == 1}
    return {old: new for old, new in only.items() if old != new}


def _moved(issue: Issue, moved: Mapping[str, str]) -> Issue:
    return issue.model_copy(update={"path": moved[issue.path]}) if issue.path in moved else issue


def _seen(known: Issue | None, id: str, finding: DecidedFinding, label: str) -> Issue:
    """The issue as the finding shows it. One that is dismissed stays so, and keeps what had been decided before and
    how severe it was: nobody has dismissed more than that."""
    agents = tuple(dict.fromkeys(vote.agent for vote in finding.votes))
    place = {
        "path": finding.path,
        "line": finding.line,
        "end_line": finding.end_line,
        "severity": finding.severity,
        "category": finding.category,
        "message": finding.message[:MAX_MESSAGE],
        "cwe": finding.cwe,
        "rules": tuple(dict.fromkeys(rule[:MAX_RULE] for rule in finding.rules))[:MAX_NAMES],
        "last_seen": label,
    }
    if known is None:
        return Issue.model_validate(
            place
            | {
                "id": id,
                "fingerprints": (finding.fingerprint,),
                "agents": agents[:MAX_NAMES],
                "decision": finding.decision,
                "first_seen": finding.since or label,
            }
        )
    earlier = tuple(each for each in known.fingerprints if each != finding.fingerprint)
    place["fingerprints"] = (*earlier, finding.fingerprint)[-MAX_NAMES:]
    # Who reported it before may not have looked this time, and still has to before it can be called gone.
    place["agents"] = (*agents, *(agent for agent in known.agents if agent not in agents))[:MAX_NAMES]
    if known.state != "dismissed":
        place |= {"decision": finding.decision, "state": "open"}
    else:
        place["severity"] = known.severity
    return known.model_copy(update=place)
