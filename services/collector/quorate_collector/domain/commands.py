"""Commands: what people ask of a series of reviews, and the answers they get."""

from collections.abc import Sequence
from dataclasses import dataclass

from quorate.contract.finding import SEVERITIES, at_least
from quorate.contract.history import Dismissal, Fate, History, Issue
from quorate.contract.task import ReviewCommandName
from quorate_collector.domain.history import MAX_BYTES, MAX_UNSETTLED, bounded, fate, remembered

MIN_PREFIX = 6
MAX_LISTED = 5
MAX_NAME = 100
MAX_WHY = 300
MAX_SHOWN = 300

HELP = """Write one of these on a line of its own, after /quorate:
- review: review the pull request again
- dismiss ID reason: do not report this finding any more
- undismiss ID: report it again
- explain ID: what is known about a finding
- pause, resume: no reviews of new pushes, and reviews again
- help: this text

ID is the id of a finding, or its first 6 characters or more."""


@dataclass(frozen=True)
class Command:
    """``task`` is the id of the command's own task: it is carried out once. ``finding`` and ``argument`` are what
    follows the name: an id, or the beginning of one, and the rest of the line."""

    name: ReviewCommandName
    by: str
    task: str
    finding: str | None = None
    argument: str = ""


def apply(history: History, command: Command, *, max_bytes: int = MAX_BYTES) -> tuple[History, str]:
    """The history after a command, and the answer to who gave it: text that names what others wrote as it is.

    A command that changes nothing leaves the history as it is and says so; one that is carried out again answers as it
    did before, unless others have changed the matter since.
    """
    after, answer = _apply(history, command)
    return (after if after is history else bounded(after, max_bytes)), answer


def _apply(history: History, command: Command) -> tuple[History, str]:
    match command.name:
        case "pause" | "resume":
            return _pause(history, command)
        case "dismiss" | "undismiss" | "explain":
            issue, answer = _find(history, command)
            if issue is None:
                return history, answer
            if command.name == "explain":
                return history, _explained(issue)
            return (
                _dismiss(history, command, issue) if command.name == "dismiss" else _undismiss(history, command, issue)
            )
        case "review":
            return history, "A new review was asked for."
        case "help":
            return history, HELP


def _pause(history: History, command: Command) -> tuple[History, str]:
    wanted = command.name == "pause"
    if wanted:
        done = "Reviews are paused: new pushes are not reviewed until someone writes /quorate resume."
    else:
        done = "Reviews go on: the next push is reviewed, and /quorate review reviews what is there now."
    if command.task in history.recorded:
        return history, done if history.paused == wanted else "This was done, and changed again since."
    if history.paused == wanted:
        return history, f"Nothing to do: reviews are {'paused already' if wanted else 'not paused'}."
    return _done(history.model_copy(update={"paused": wanted}), command), done


def _dismiss(history: History, command: Command, issue: Issue) -> tuple[History, str]:
    done = (
        f"Dismissed {issue.id} ({_place(issue)}). It is not reported any more; /quorate undismiss {issue.id} undoes it."
    )
    if command.task in history.recorded:
        return history, done if issue.state == "dismissed" else f"{issue.id} was dismissed, and that was undone since."
    if issue.state == "dismissed":
        return history, f"Nothing to do: {issue.id} is dismissed already{_by(issue)}."
    if issue.state == "fixed":
        return history, f"Nothing to do: {issue.id} ({_place(issue)}) was not found any more by the last review."
    dismissal = Dismissal(
        by=_one_line(command.by, MAX_NAME), reason=_one_line(command.argument, MAX_WHY), agents=issue.agents
    )
    after = _with(history, issue, {"state": "dismissed", "dismissal": dismissal})
    return _done(after, command, fate(command.task, issue, "dismissed", wrong=1)), done


def _undismiss(history: History, command: Command, issue: Issue) -> tuple[History, str]:
    done = f"{issue.id} ({_place(issue)}) is reported again from the next review on."
    if command.task in history.recorded:
        return history, done if issue.state != "dismissed" else f"{issue.id} was dismissed again since."
    if issue.state != "dismissed":
        return history, f"Nothing to do: {issue.id} is not dismissed."
    after = _with(history, issue, {"state": "open", "dismissal": None})
    # Others may have reported it since, and were not blamed for it.
    blamed = issue.dismissal.agents if issue.dismissal is not None else ()
    return _done(after, command, fate(command.task, issue, "undismissed", wrong=-1, agents=blamed)), done


def effect(history: History, command: Command) -> dict[str, object]:
    """What a command has done, for those who act on it: ``history`` is the one after it.

    ``applied`` says that it was carried out, ``issue`` whom it was about, and ``blockers`` how many confirmed issues
    are open still that ask for changes.
    """
    issue, _ = _find(history, command)
    blockers = sum(
        each.state == "open" and each.decision == "confirmed" and at_least(each.severity, "high")
        for each in history.issues
    )
    return {
        "applied": command.task in history.recorded,
        "issue": issue.id if issue is not None else None,
        "blockers": blockers,
    }


def _done(history: History, command: Command, *fates: Fate) -> History:
    update = {
        "recorded": remembered(history.recorded, command.task),
        "unsettled": (*history.unsettled, *fates)[-MAX_UNSETTLED:],
    }
    return history.model_copy(update=update)


def _with(history: History, issue: Issue, update: dict[str, object]) -> History:
    changed = issue.model_copy(update=update)
    issues = tuple(changed if each.id == issue.id else each for each in history.issues)
    return history.model_copy(update={"issues": issues})


def _find(history: History, command: Command) -> tuple[Issue | None, str]:
    """The one issue that is meant, or None and what to say."""
    wanted = (command.finding or "").strip().strip("`#").lower()
    if not wanted:
        return None, f"Which finding? Write /quorate {command.name} ID. {_open_ids(history)}"
    for issue in history.issues:
        if issue.id == wanted:
            return issue, ""
    shown = _one_line(wanted, 64)
    if len(wanted) < MIN_PREFIX:
        return None, f"{shown} is too short: write {MIN_PREFIX} characters of the id or more. {_open_ids(history)}"
    # Another review that ran at the same time may have told the same finding by another of its fingerprints.
    meant = [issue for issue in history.issues if any(id.startswith(wanted) for id in (issue.id, *issue.fingerprints))]
    if len(meant) == 1:
        return meant[0], ""
    if meant:
        return None, f"{shown} may be any of {len(meant)} findings; write more of the id.\n{_listed(meant)}"
    return None, f"No finding has the id {shown}. {_open_ids(history)}"


def _open_ids(history: History) -> str:
    found = [issue for issue in history.issues if issue.state == "open"]
    if not found:
        return "No finding is open."
    return f"Open are:\n{_listed(found)}"


def _listed(issues: Sequence[Issue]) -> str:
    """The most severe ones."""
    issues = sorted(issues, key=lambda issue: (SEVERITIES.index(issue.severity), issue.path, issue.line or 0, issue.id))
    rows = [f"- {issue.id}: {issue.severity}, {_place(issue)}: {_one_line(issue.message, 100)}" for issue in issues]
    more = [f"- and {len(rows) - MAX_LISTED:,} more"] if len(rows) > MAX_LISTED else []
    return "\n".join(rows[:MAX_LISTED] + more)


def _explained(issue: Issue) -> str:
    state = {"open": "open", "fixed": "not found any more", "dismissed": f"dismissed{_by(issue)}"}[issue.state]
    weakness = f" Weakness: CWE-{issue.cwe}." if issue.cwe else ""
    return (
        f"{issue.id} is {state}.\n"
        f"- what: {_one_line(issue.message, MAX_SHOWN)}\n"
        f"- where: {_place(issue)}\n"
        f"- weight: {issue.severity} {issue.category}, {issue.decision}.{weakness}\n"
        f"- reported by: {', '.join(issue.agents) or 'nobody that is known'}"
        f"{_ruled(issue)}\n"
        f"- first seen at {issue.first_seen[:12]}, last seen at {issue.last_seen[:12]}"
    )


def _ruled(issue: Issue) -> str:
    return f" ({_one_line(', '.join(issue.rules), MAX_SHOWN)})" if issue.rules else ""


def _by(issue: Issue) -> str:
    if issue.dismissal is None:
        return ""
    return f" by {issue.dismissal.by}" + (f": {issue.dismissal.reason}" if issue.dismissal.reason else "")


def _place(issue: Issue) -> str:
    path = _one_line(issue.path, 200)
    return path if issue.line is None else f"{path}:{issue.line}"


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."
