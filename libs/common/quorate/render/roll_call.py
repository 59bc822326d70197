"""Who looked at what, for people at a terminal."""

from collections.abc import Iterator

from quorate.contract.facts import AgentCoverage, AgentState
from quorate.contract.result import Result
from quorate.render import account, attendance
from quorate.render.attendance import Unread
from quorate.render.page import BOLD, DIM, GREEN, RED, YELLOW, Page
from quorate.render.terminal import cells

MAX_REASONS = 5
MAX_PATHS = 3
MAX_UNREAD = 8
"""Paths that no agent read and that are named each on its own line, when they all have one reason."""

_STATES: dict[AgentState, tuple[str, tuple[int, ...]]] = {
    "ok": ("ok", (GREEN,)),
    "failed": ("failed", (RED,)),
    "timeout": ("timeout", (RED,)),
    "missing": ("missing", (RED,)),
    "skipped": ("skipped", (DIM,)),
}


def lines(result: Result, page: Page) -> Iterator[str]:
    """The agents that took part with what they could not read, the others by name, and what nobody read."""
    if attendance.agents(result):
        yield ""
        yield from page.heading("Who looked")
    part = attendance.took_part(result)
    reading = {name: agent for name, agent in part.items() if not _judged_the_change(result, agent)}
    longest = max((cells(page.terminal.line(name)) for name in reading), default=0)
    width = min(longest, page.terminal.width // 3)
    for name, agent in reading.items():
        yield from _row(name, agent, width, page)
        yield from _groups(attendance.unread_by(result, agent), 6, page)
    if others := [page.terminal.line(name) for name in part if name not in reading]:
        yield from page.paragraph(f"On the change itself: {', '.join(others)}", 2, hanging=2)
    yield from _others(result, page)
    yield from _unread(result, page)


def _judged_the_change(result: Result, agent: AgentCoverage) -> bool:
    """Whether an agent did its work without reading a file, and what it could not read is told below anyway."""
    told = agent.unread.keys() <= set(result.coverage.unread) and agent.unread_total == len(agent.unread)
    return result.kind == "code-review" and agent.state == "ok" and not agent.files and told


def _row(name: str, agent: AgentCoverage, width: int, page: Page) -> Iterator[str]:
    shown = page.terminal.cut(page.terminal.line(name), width)
    shown += " " * (width - cells(shown))
    word, colors = _STATES[agent.state]
    took = ""
    if agent.state in {"ok", "timeout", "failed"}:
        took = f"{account.plural(agent.files, 'file'):>9}  {account.duration(agent.elapsed_ms):>8}"
    reason = page.terminal.line(agent.reason or "")
    used = width + len("    skipped    ") + len(took)
    fits = bool(reason) and used + cells(reason) <= page.prose
    row = f"  {shown}  {page.terminal.paint(word.ljust(7), *colors)}"
    yield f"{row}  {took}  {page.terminal.paint(reason if fits else '', DIM)}".rstrip()
    if reason and not fits:
        yield from page.paragraph(reason, 4, DIM)


def _groups(groups: list[Unread], indent: int, page: Page) -> Iterator[str]:
    """What one agent could not read: a line for each reason, the most frequent first."""
    if not groups:
        return
    yield from page.paragraph(f"could not read {account.plural(attendance.count(groups), 'file')}:", 4, YELLOW)
    ranked = sorted(groups, key=lambda group: -group.count)
    for group in ranked[:MAX_REASONS]:
        yield from page.paragraph(_said(group), indent, DIM, hanging=2)
    left = attendance.count(ranked[MAX_REASONS:])
    if left:
        yield from page.paragraph(f"and {left:,} more", indent, DIM)


def _said(group: Unread) -> str:
    named = ", ".join(group.paths[:MAX_PATHS])
    left = group.count - len(group.paths[:MAX_PATHS])
    files = named if not left else f"{named} and {left:,} more" if named else f"{left:,} more"
    return f"{files}: {group.reason}" if group.reason else files


def _others(result: Result, page: Page) -> Iterator[str]:
    idle = attendance.not_needed(result)
    lacking = attendance.not_installed(result)
    if idle:
        yield from page.paragraph(f"Not needed: {', '.join(idle)}", 2, DIM, hanging=2)
    if lacking:
        known = "; ".join(f"{', '.join(each.names)} ({each.how})" for each in lacking)
        yield from page.paragraph(f"Not installed: {known}", 2, DIM, hanging=2)


def _unread(result: Result, page: Page) -> Iterator[str]:
    groups = attendance.unread_by_all(result)
    if not groups:
        return
    total = attendance.unread_total(result)
    yield ""
    yield page.terminal.paint(f"Read by no agent: {account.plural(total, 'file')}", BOLD, YELLOW)
    room = MAX_UNREAD
    left = total
    for group in groups:
        shown = group.paths[:room]
        if not shown:
            break
        if group.reason:
            yield from page.paragraph(f"{group.reason}:", 2, DIM, hanging=2)
        for path in shown:
            yield f"  {'  ' if group.reason else ''}{page.terminal.line(path)}"
        room -= len(shown)
        left -= len(shown)
    if left:
        yield f"  and {left:,} more"
