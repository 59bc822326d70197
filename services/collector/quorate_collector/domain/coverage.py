"""Who took part in a step, and what nobody read."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic_core import to_json

from quorate.contract.facts import AgentCoverage, Contribution, Coverage
from quorate_collector.domain.lineage import lineage_of
from quorate_collector.domain.state import Join

MAX_UNREAD_BYTES = 100_000
MAX_VERSION = 64
MAX_REASON = 500


@dataclass(frozen=True)
class Ignored:
    """How much an agent said to no effect when it was asked about findings: it can only cast ballots, one on each."""

    ballots: int = 0
    findings: int = 0


def coverage_of(join: Join, contributions: Mapping[str, Contribution], configured: Mapping[str, str]) -> Coverage:
    """``configured`` maps agents to the lineages that the operator gave them."""
    agents: dict[str, AgentCoverage] = {}
    read: set[str] = set()
    unread: set[str] = set()
    room = MAX_UNREAD_BYTES // max(1, len(join.agents))
    for assignee in join.agents:
        lineage = lineage_of(assignee.agent, "", configured)
        contribution = contributions.get(assignee.agent)
        if contribution is None:
            agents[assignee.agent] = AgentCoverage(
                state="missing",
                version=assignee.version,
                lineage=lineage,
                reason="no answer before the deadline",
            )
            continue
        read.update(contribution.read)
        unread.update(contribution.unread, contribution.changed)
        agents[assignee.agent] = AgentCoverage(
            state=contribution.state,
            version=(contribution.version or assignee.version)[:MAX_VERSION],
            lineage=lineage,
            files=len(contribution.read),
            elapsed_ms=contribution.elapsed_ms,
            outside_change=contribution.outside_change,
            reason=contribution.reason[:MAX_REASON] if contribution.reason else None,
            unread=_reasons(contribution.unread, room),
            unread_total=len(contribution.unread),
        )
    nobody = sorted(unread - read)
    return Coverage(agents=agents, unread=_first(nobody, MAX_UNREAD_BYTES), unread_total=len(nobody))


def looked_again(first: Coverage, second: Coverage, ignored: Mapping[str, Ignored]) -> Coverage:
    """The coverage of a review whose findings were put to further agents, or to the same ones once more.

    Files are those of the first look: to judge a finding is not to review its file. ``ignored`` is by agent what it
    said to no effect.
    """
    agents = dict(first.agents)
    for agent, now in second.agents.items():
        reason = "; ".join(filter(None, (now.reason, *_in_vain(ignored.get(agent, Ignored())))))
        before = agents.get(agent)
        if before is None:
            agents[agent] = now.model_copy(update={"reason": reason[:MAX_REASON] or None})
            continue
        said = f"asked again: {reason}" if reason else ""
        agents[agent] = before.model_copy(
            update={
                "elapsed_ms": before.elapsed_ms + now.elapsed_ms,
                "reason": "; ".join(filter(None, (before.reason, said)))[:MAX_REASON] or None,
            }
        )
    return first.model_copy(update={"agents": agents})


def _in_vain(ignored: Ignored) -> Iterator[str]:
    if ignored.ballots:
        yield f"{_are(ignored.ballots, 'ballot')} ignored: about no finding that was put to it, or repeated"
    if ignored.findings:
        yield f"{_are(ignored.findings, 'finding')} ignored: it was asked for ballots on those that were put to it"


def _are(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number:,} {noun}s are"


def _first(paths: list[str], max_bytes: int) -> tuple[str, ...]:
    """As many as fit, written as JSON: a result is one message."""
    sizes = itertools.accumulate(len(to_json(path)) for path in paths)
    return tuple(path for path, size in zip(paths, sizes, strict=True) if size <= max_bytes)


def _reasons(unread: Mapping[str, str], max_bytes: int) -> dict[str, str]:
    """Why files were not read, as far as it fits."""
    reasons = {path: reason[:MAX_REASON] for path, reason in sorted(unread.items())}
    sizes = itertools.accumulate(len(to_json(item)) for item in reasons.items())
    return {path: reasons[path] for path, size in zip(reasons, sizes, strict=True) if size <= max_bytes}
