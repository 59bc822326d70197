"""What a result comes to, in words: the same for every format that people read.

Nothing here is cleaned: each format passes every word through its own cleaning.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from quorate.contract.facts import AgentCoverage, AgentState
from quorate.contract.finding import SEVERITIES, DecidedFinding, Decision
from quorate.contract.result import Result
from quorate.render import attendance

Tone = Literal["good", "warn", "bad"]

DECISIONS: tuple[Decision, ...] = ("confirmed", "held", "demoted", "withheld")
"""In the order in which people should read them."""

TITLES: dict[Decision, str] = {
    "confirmed": "Confirmed",
    "held": "Held",
    "demoted": "Unconfirmed",
    "withheld": "Withheld",
}

ABSENT: dict[AgentState, str] = {
    "failed": "failed",
    "timeout": "ran out of time",
    "missing": "did not answer",
}
"""The states of an agent that was asked and gave no answer to rely on, and how to say them."""

INDIRECT = "caused by the change, outside of the changed lines"
FIXABLE = "safely fixable"

_VERDICTS = {"approve": "Approved", "comment": "Comments", "request_changes": "Changes requested"}
_STATES = {"completed": "Completed", "failed": "Failed", "canceled": "Canceled", "rejected": "Rejected"}
_MOST_VOICES = 6


def plural(count: int, noun: str) -> str:
    """``1 file``, ``1,234 files``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(milliseconds: int) -> str:
    """``0.1 s``, ``12 s``, ``2 min 5 s``."""
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.1f} s"
    seconds = round(milliseconds / 1000)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"


def rank(finding: DecidedFinding) -> tuple[int, int, str, int]:
    """Sorts what to read first to the front: by decision, severity, path and line."""
    return (
        DECISIONS.index(finding.decision),
        SEVERITIES.index(finding.severity),
        finding.path,
        finding.line or 0,
    )


def decided(result: Result, decision: Decision) -> list[DecidedFinding]:
    """The findings decided so: files with the most severe finding first, then by severity and line."""
    findings = sorted((f for f in result.findings if f.decision == decision), key=rank)
    place: dict[str, int] = {}
    for finding in findings:
        place.setdefault(finding.path, len(place))
    return sorted(findings, key=lambda finding: place[finding.path])


def by_severity(findings: Iterable[DecidedFinding]) -> str:
    """``1 critical, 2 low``; empty if there are none."""
    severities = [finding.severity for finding in findings]
    counts = ((severities.count(severity), severity) for severity in SEVERITIES)
    return ", ".join(f"{count:,} {severity}" for count, severity in counts if count)


def absent(result: Result) -> dict[str, AgentCoverage]:
    """The agents that were asked and gave no answer to rely on. A tool that is not installed is told elsewhere."""
    return {name: agent for name, agent in attendance.took_part(result).items() if agent.state in ABSENT}


def gaps(result: Result) -> str:
    """What was not looked at: ``2 files unread, bandit failed``; empty if all was read by everyone asked."""
    parts = []
    if unread := attendance.unread_total(result):
        parts.append(f"{plural(unread, 'file')} unread")
    parts.extend(_half_read(result))
    missing = absent(result)
    if len(missing) == 1:
        parts.extend(f"{name} {ABSENT[agent.state]}" for name, agent in missing.items())
    elif missing:
        parts.append(f"{plural(len(missing), 'agent')} without an answer")
    return ", ".join(parts)


def headline(result: Result) -> tuple[Tone, str]:
    """The verdict in one line, and whether it is good news."""
    tone, word, text = judgement(result)
    return tone, f"{word}: {text}" if text else word


def judgement(result: Result) -> tuple[Tone, str, str]:
    """Whether it is good news, the verdict in a few words, and what it rests on.

    Nothing found is said only of what was read, and never sounds like an all-clear when something was not.
    """
    if result.state != "completed":
        reason = result.reason or "no reason was given"
        return ("warn" if result.state == "canceled" else "bad"), _STATES[result.state], reason
    if result.verdict == "approve" and not result.partial and not attendance.agents(result) and result.summary:
        return "good", "Nothing to review", result.summary
    missing = gaps(result)
    word = _VERDICTS[result.verdict] if result.verdict else _STATES[result.state]
    if result.partial:
        word += ", but incomplete"
    elif result.verdict == "approve" and (missing or not _readers(result)):
        word += ", with gaps"
    text = "; ".join(filter(None, (_found(result), missing)))
    tone: Tone = "good"
    if missing or result.partial or result.verdict == "comment" or (result.verdict and not _readers(result)):
        tone = "warn"
    if result.verdict == "request_changes":
        tone = "bad"
    return tone, word, text


def next_steps(result: Result) -> Iterator[str]:
    """What to do about a result that is less than it could be, one sentence or two each."""
    states = {agent.state for agent in absent(result).values()}
    if result.state == "rejected":
        yield "Correct the input and submit it again; the same input will be rejected again."
    elif result.state == "canceled":
        yield "Submit it again for a full result."
    elif result.state == "failed":
        yield "Run `quorate doctor` to see what is wrong, then submit it again."
    elif result.partial:
        yield "This is what was known when it ended; run it again for the rest."
    if "timeout" in states:
        yield "Agents that ran out of time may need a longer deadline, or a smaller change."
    if "missing" in states:
        yield "Agents that did not answer may not be running: `quorate agents` lists those that are."
    if "failed" in states and result.state != "failed":
        yield "Agents that failed say why; `quorate doctor` checks what they need."


def voices(finding: DecidedFinding) -> str:
    """Who reported it, what it counts for, and who objects: ``ruff + bandit: 1 vote (lineage bandit)``."""
    names = list(dict.fromkeys(vote.agent for vote in finding.votes))
    lineages = list(dict.fromkeys(vote.lineage for vote in finding.votes if vote.lineage))
    shown = _some(names, " + ")
    if len(names) > 1 and lineages:
        noun = "lineage" if len(lineages) == 1 else "lineages"
        shown += f": {plural(len(lineages), 'vote')} ({noun} {_some(lineages, ', ')})"
    against = list(dict.fromkeys(objection.agent for objection in finding.objections))
    if against:
        shown += f"; {_some(against, ' + ')} {'objects' if len(against) == 1 else 'object'}"
    return shown


def fixable(finding: DecidedFinding) -> bool:
    """Whether ``--fix`` would settle it."""
    return finding.decision == "confirmed" and finding.fix is not None and finding.fix.safe


def location(finding: DecidedFinding) -> str:
    """``path:line``, as terminals and editors make it clickable; the path alone for a whole file."""
    return finding.path if finding.line is None else f"{finding.path}:{finding.line}"


def totals(result: Result) -> str:
    """What was found and what it took: ``2 findings (1 high, 1 low), 1 unconfirmed, 1.3 s``."""
    confirmed = decided(result, "confirmed")
    parts = [plural(len(confirmed), "finding") + (f" ({by_severity(confirmed)})" if confirmed else "")]
    for decision in DECISIONS[1:]:
        count = sum(finding.decision == decision for finding in result.findings)
        if count:
            parts.append(f"{count:,} {TITLES[decision].lower()}")
    parts += filter(None, [models(result)])
    parts.append(duration(result.timings.elapsed_ms))
    return ", ".join(parts)


def models(result: Result) -> str:
    """What models took: ``2 model calls (5,000 tokens, $0.01)``; empty if none was asked."""
    usage = result.usage
    if not usage.llm_calls:
        return ""
    tokens = plural(usage.tokens_in + usage.tokens_out, "token")
    return f"{plural(usage.llm_calls, 'model call')} ({tokens}, ${usage.cost_usd:.2f})"


def notes(result: Result) -> Iterator[str]:
    """What is not in the result, and what to do next, in full sentences."""
    if result.findings_ref is not None:
        ref = result.findings_ref
        yield f"Only the most severe findings are in this result; all are in {ref.bucket}, object {ref.key}."
    safe = sum(map(fixable, result.findings))
    if safe:
        them = "it" if safe == 1 else "them"
        yield f"{plural(safe, 'finding')} can be settled by a safe fix; in a working tree `--fix` applies {them}."
    outside = sum(agent.outside_change for agent in result.coverage.agents.values())
    if outside:
        yield f"{plural(outside, 'finding')} outside the changed lines left out; `--all` asks for them too."
    yield from next_steps(result)


def _found(result: Result) -> str:
    confirmed = decided(result, "confirmed")
    if confirmed:
        return by_severity(confirmed)
    if result.verdict is None:
        return ""
    readers = _readers(result)
    if not readers:
        return "no agent read any file"
    # How the agents' files overlap is not known. The most that one of them read was certainly read.
    files = plural(max(agent.files for agent in readers), "file")
    nothing = "nothing confirmed" if result.findings else "nothing found"
    return f"{nothing} in {files} by {plural(len(readers), 'agent')}"


def _half_read(result: Result) -> Iterator[str]:
    """Who could not read a file that others read."""
    own = {
        name: attendance.count(attendance.unread_by(result, agent))
        for name, agent in attendance.took_part(result).items()
        if agent.state == "ok"
    }
    short = {name: files for name, files in own.items() if files}
    if len(short) == 1:
        yield from (f"{plural(files, 'file')} unread by {name}" for name, files in short.items())
    elif short:
        yield f"{plural(len(short), 'agent')} could not read every file"


def _readers(result: Result) -> list[AgentCoverage]:
    return [agent for agent in result.coverage.agents.values() if agent.state == "ok" and agent.files]


def _some(names: list[str], separator: str) -> str:
    more = [f"{len(names) - _MOST_VOICES} more"] if len(names) > _MOST_VOICES else []
    return separator.join(names[:_MOST_VOICES] + more)


def says_more(result: Result) -> bool:
    """Whether the summary says anything that state and reason, which stand above it, do not."""
    return result.summary not in ("", result.state, f"{result.state}: {result.reason}")
