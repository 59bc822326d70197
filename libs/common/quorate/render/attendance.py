"""Who looked at what: who took part, who was not needed, who is not installed, and which files stayed unread, and why.

Nothing here is cleaned: each format passes every word through its own cleaning.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quorate.contract.facts import AgentCoverage
from quorate.contract.result import Result

_NOT_INSTALLED = re.compile(r"(?P<tool>\S.{0,99}?) is not installed: +(?P<how>\S.*)", re.DOTALL)
_NO_FILE = re.compile(r"no\b", re.IGNORECASE)
_MOST_REASONS = 2


@dataclass(frozen=True)
class Unread:
    """Files that were not read for one reason. ``more`` counts further ones, whose names are not known."""

    paths: tuple[str, ...]
    reason: str
    more: int = 0

    @property
    def count(self) -> int:
        return len(self.paths) + self.more


@dataclass(frozen=True)
class Lacking:
    """Agents that one installation would bring, each with its tool where that has another name."""

    names: tuple[str, ...]
    how: str


def agents(result: Result) -> dict[str, AgentCoverage]:
    """Who was asked and how it went, those who did not answer included, by name."""
    known = dict(result.coverage.agents)
    for name in result.missing:
        known.setdefault(name, AgentCoverage(state="missing"))
    return dict(sorted(known.items()))


def lacks_its_tool(agent: AgentCoverage) -> bool:
    """Whether it stayed out because its tool is not installed, and its reason says how to install it."""
    return agent.state in {"skipped", "missing"} and _NOT_INSTALLED.fullmatch(agent.reason or "") is not None


def was_not_needed(agent: AgentCoverage) -> bool:
    """Whether the change had nothing for it."""
    return agent.state == "skipped" and (not agent.reason or _NO_FILE.match(agent.reason) is not None)


def took_part(result: Result) -> dict[str, AgentCoverage]:
    """The agents there is something to say about: those that looked, and those that were expected to."""
    asked = agents(result)
    return {name: agent for name, agent in asked.items() if not (lacks_its_tool(agent) or was_not_needed(agent))}


def not_needed(result: Result) -> list[str]:
    """The names of the agents that the change had nothing for."""
    return [name for name, agent in agents(result).items() if was_not_needed(agent)]


def not_installed(result: Result) -> list[Lacking]:
    """The agents whose tools are not installed, by what would install them."""
    grouped: dict[str, list[str]] = {}
    for name, agent in agents(result).items():
        match = _NOT_INSTALLED.fullmatch(agent.reason or "")
        if match is not None and lacks_its_tool(agent):
            tool = match["tool"]
            grouped.setdefault(match["how"], []).append(name if tool == name else f"{name} with {tool}")
    return [Lacking(tuple(names), how) for how, names in grouped.items()]


def unread_total(result: Result) -> int:
    """How many changed files no agent read."""
    return max(len(result.coverage.unread), result.coverage.unread_total)


def unread_by_all(result: Result) -> list[Unread]:
    """The changed files that no agent read, by reason; the reason is empty where no agent gave any."""
    reasons = {path: "; ".join(_said(result, path)) for path in result.coverage.unread}
    groups = _by_reason(reasons)
    more = unread_total(result) - len(result.coverage.unread)
    return groups if more <= 0 else [*groups, Unread((), "", more)]


def unread_by(result: Result, agent: AgentCoverage) -> list[Unread]:
    """The files that this agent could not read, by reason, other than those that no agent read."""
    nobody = set(result.coverage.unread)
    groups = _by_reason({path: reason for path, reason in agent.unread.items() if path not in nobody})
    # Where not all are named, as many of them as possible are taken for files that nobody read: what is said to be
    # this agent's own is then true, if not all of the truth.
    unnamed = agent.unread_total - len(agent.unread)
    elsewhere = unread_total(result) - len(nobody & agent.unread.keys())
    more = unnamed - elsewhere
    return groups if more <= 0 else [*groups, Unread((), "", more)]


def by_file(result: Result) -> dict[str, dict[str, str]]:
    """Each file that some agent could not read, with these agents and their reasons."""
    files: dict[str, dict[str, str]] = {path: {} for path in result.coverage.unread}
    for name, agent in agents(result).items():
        for path, reason in agent.unread.items():
            files.setdefault(path, {})[name] = reason
    return dict(sorted(files.items()))


def count(groups: Iterable[Unread]) -> int:
    """How many files these are."""
    return sum(group.count for group in groups)


def _said(result: Result, path: str) -> list[str]:
    said = (agent.unread.get(path, "") for agent in agents(result).values())
    return list(dict.fromkeys(filter(None, said)))[:_MOST_REASONS]


def _by_reason(reasons: Mapping[str, str]) -> list[Unread]:
    grouped: dict[str, list[str]] = {}
    for path, reason in reasons.items():
        grouped.setdefault(reason, []).append(path)
    return [Unread(tuple(paths), reason) for reason, paths in grouped.items()]
