"""What a baseline does to a result: findings that were there before are put aside, and counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quorate.contract.facts import AgentCoverage
from quorate.contract.finding import DecidedFinding
from quorate.contract.result import Result
from quorate.diff import FileChange, NotADiff, UnsafePath, parse_diff
from quorate.render import account
from quorate.verdict import verdict_of
from quorate_cli.baseline import Baseline, Entry, matched

REASON = "known from the baseline"


@dataclass(frozen=True)
class Known:
    """A baseline, as far as it is about the files of a change.

    ``changes`` has what the diff does to each path.
    """

    name: str
    entries: tuple[Entry, ...]
    changes: Mapping[str, list[FileChange]]

    def touches(self, finding: DecidedFinding) -> bool:
        """Whether the finding is in a changed line, or caused by one."""
        if finding.indirect or finding.line is None:
            return True
        return any(change.touches(finding.line, finding.end_line) for change in self.changes.get(finding.path, ()))


def known_in(baseline: Baseline | None, diff: str) -> Known | None:
    """What the baseline knows of the files in the diff; None if that is nothing."""
    if baseline is None:
        return None
    changes: dict[str, list[FileChange]] = defaultdict(list)
    try:
        for change in parse_diff(diff):
            changes[change.path].append(change)
    except (NotADiff, UnsafePath):
        return None  # The review is refused, and says why.
    entries = tuple(entry for entry in baseline.entries if entry.path in changes)
    return Known(baseline.name, entries, changes) if entries else None


def put_aside(result: Result, known: Known, *, all_lines: bool) -> Result:
    """The result of a review of whole files, with what is known withheld and its conclusions drawn anew.

    It must have the findings of the unchanged lines too: one more of a kind is new, and only the number in the whole
    file tells. Those outside of the changed lines are then left out, and counted, unless ``all_lines`` are asked for.
    """
    # Of several that are the same, those in changed lines are the new ones.
    old = matched(known.entries, sorted(result.findings, key=known.touches))
    withheld = {"decision": "withheld", "reason": f"{REASON} ({known.name})"}
    kept: list[DecidedFinding] = []
    outside: Counter[str] = Counter()
    for finding in result.findings:
        if not all_lines and not known.touches(finding):
            if finding.id not in old:
                outside.update({vote.agent for vote in finding.votes})
        elif finding.id in old and finding.decision != "withheld":
            kept.append(finding.model_copy(update=withheld))
        else:
            kept.append(finding)
    agents = {
        name: agent.model_copy(update={"outside_change": agent.outside_change + outside[name]})
        for name, agent in result.coverage.agents.items()
    }
    coverage = result.coverage.model_copy(update={"agents": agents})
    changed = result.model_copy(update={"findings": tuple(kept), "coverage": coverage})
    new = (finding for finding in kept if not _is_known(finding))
    verdict = result.verdict and verdict_of(new, coverage, complete=not result.partial)
    return changed.model_copy(update={"verdict": verdict, "summary": _summary(changed)})


def for_people(result: Result) -> Result:
    """The result without what the baseline knows, which is told in a sentence instead."""
    shown = tuple(finding for finding in result.findings if not _is_known(finding))
    hidden = len(result.findings) - len(shown)
    if not hidden:
        return result
    are = "is" if hidden == 1 else "are"
    told = f"{account.plural(hidden, 'finding')} {REASON} {are} not shown; --no-baseline shows them"
    return result.model_copy(
        update={"findings": shown, "reason": f"{result.reason}; {told}" if result.reason else told}
    )


def _is_known(finding: DecidedFinding) -> bool:
    return finding.decision == "withheld" and finding.reason.startswith(REASON)


def _summary(result: Result) -> str:
    agents: Iterable[AgentCoverage] = result.coverage.agents.values()
    took_part = sum(agent.state == "ok" for agent in agents)
    confirmed = account.by_severity(account.decided(result, "confirmed"))
    parts = [f"{confirmed or 'nothing new'} found by {took_part} of {len(result.coverage.agents)} agents"]
    hidden = sum(map(_is_known, result.findings))
    others = sum(finding.decision != "confirmed" for finding in result.findings) - hidden
    if others:
        parts.append(f"{others} unconfirmed")
    if hidden:
        parts.append(f"{hidden} {REASON}")
    if result.coverage.unread_total:
        parts.append(f"{account.plural(result.coverage.unread_total, 'changed file')} unread")
    return ", ".join(parts)
