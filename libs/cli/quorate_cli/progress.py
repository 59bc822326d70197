"""Who is running right now, on stderr, while a review runs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TextIO

from quorate.contract.progress import Progress
from quorate.render.account import duration, plural
from quorate.render.terminal import DEFAULT_WIDTH, Terminal, cells

MAX_AGENTS = 200
"""More than this many are not shown: names come from messages."""
MIN_REDRAW_S = 0.1
MAX_NOTE = 120

_BOLD, _DIM, _GREEN = 1, 2, 32
_CLEAR = "\r\x1b[2K"


@dataclass
class _Agent:
    state: str = "waiting"
    since: float = 0.0
    findings: int = 0
    elapsed_ms: int = 0
    note: str = ""


class ProgressView:
    """On a terminal one line that is drawn again and again; elsewhere one line per finished agent.

    ``clock`` gives seconds and never goes back (``time.monotonic``). The view draws when it is told
    something: whoever waits calls ``refresh`` now and then, about once a second, so that running times move.
    A stream that cannot be written to ends the display, not the review.
    """

    def __init__(
        self,
        stream: TextIO,
        is_tty: bool,
        color: bool,
        clock: Callable[[], float],
        *,
        width: int = DEFAULT_WIDTH,
        encoding: str = "utf-8",
    ) -> None:
        self._stream = stream
        self._tty = is_tty
        self._terminal = Terminal(color=color and is_tty, width=width, encoding=encoding)
        self._clock = clock
        self._agents: dict[str, _Agent] = {}
        self._finished: set[tuple[str, str]] = set()
        self._drawn_at: float | None = None
        self._closed = False

    def start(self, agents: Iterable[str]) -> None:
        """These agents were asked. Others may still turn up."""
        for name in agents:
            self._agent(name)
        self._draw()

    def update(self, progress: Progress) -> None:
        """Take in a sign of life. The same one twice, or one after the end, changes nothing."""
        agent = self._agent(progress.agent)
        key = (progress.step, progress.agent)
        if self._closed or agent is None or key in self._finished:
            return
        agent.note = progress.text
        agent.findings = progress.findings
        if progress.type == "agent.finished":
            self._finished.add(key)
            agent.state, agent.elapsed_ms = "done", progress.elapsed_ms
            if not self._tty:
                self._write(self._report(progress.agent, agent) + "\n")
            self._draw()
            return
        if agent.state != "running":
            # By this clock, not by the worker's, which may be another machine's.
            agent.state, agent.since = "running", self._clock()
            self._draw()
            return
        self.refresh()

    def refresh(self) -> None:
        """Draw again, at most ten times a second."""
        if self._drawn_at is None or self._clock() - self._drawn_at >= MIN_REDRAW_S:
            self._draw()

    def close(self) -> None:
        """Take the line away again; what follows starts on an empty one."""
        if self._tty and self._drawn_at is not None and not self._closed:
            self._write(_CLEAR)
        self._closed = True

    def _agent(self, name: str) -> _Agent | None:
        if name not in self._agents and len(self._agents) < MAX_AGENTS:
            self._agents[name] = _Agent()
        return self._agents.get(name)

    def _draw(self) -> None:
        if self._tty and not self._closed and self._agents:
            self._drawn_at = self._clock()
            self._write(_CLEAR + self._line())

    def _line(self) -> str:
        # The last column stays free: some terminals break the line as soon as it is used.
        room = self._terminal.width - 1
        dot = f" {self._terminal.symbol('·')} "
        all_of_them = [self._status(name, agent) for name, agent in self._agents.items()]
        line = dot.join(all_of_them)
        if cells(line) > room:
            done = sum(agent.state == "done" for agent in self._agents.values())
            unfinished = [(name, agent) for name, agent in self._agents.items() if agent.state != "done"]
            # Those that run come first: they are what one waits for.
            unfinished.sort(key=lambda entry: entry[1].state != "running")
            line = dot.join([f"{done} of {len(self._agents)} done", *(self._status(*entry) for entry in unfinished)])
            return self._terminal.cut(line, room)
        if self._terminal.color:
            return dot.join(self._painted(status) for status in all_of_them)
        return line

    def _painted(self, status: str) -> str:
        name, _, rest = status.partition(" ")
        code = _GREEN if rest.startswith("done") else _DIM
        return f"{self._terminal.paint(name, _BOLD)} {self._terminal.paint(rest, code)}"

    def _status(self, name: str, agent: _Agent) -> str:
        shown = self._terminal.line(name)
        if agent.state == "done":
            return f"{shown} done {plural(agent.findings, 'finding')} {duration(agent.elapsed_ms)}"
        if agent.state == "running":
            note = f" ({self._terminal.line(agent.note[:MAX_NOTE])})" if agent.note else ""
            return f"{shown} running {max(0, int(self._clock() - agent.since))} s{note}"
        return f"{shown} waiting"

    def _report(self, name: str, agent: _Agent) -> str:
        text = f"{name}: {plural(agent.findings, 'finding')} in {duration(agent.elapsed_ms)}"
        if agent.note:
            text += f" ({agent.note[:MAX_NOTE]})"
        return self._terminal.cut(self._terminal.line(text), max(self._terminal.width, DEFAULT_WIDTH))

    def _write(self, text: str) -> None:
        if self._closed:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._closed = True
