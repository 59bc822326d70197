"""A result for people at a terminal.

Plain SGR codes instead of rich: importing ``rich.console`` takes about 18 ms more than what the command line
has loaded anyway, all of this 5 ms, and what is needed is one wrap and a handful of colours.
"""

from collections.abc import Iterator, Mapping

from quorate.contract.facts import AgentState
from quorate.contract.finding import DecidedFinding, Decision, Severity
from quorate.contract.result import Result
from quorate_cli.render import account
from quorate_cli.render.terminal import Terminal, cells, wrap

MAX_PROSE = 110
"""Columns: longer lines of prose are hard to read, however wide the terminal is."""
MAX_EXCERPT_LINES = 3
MAX_SUGGESTION_LINES = 8
MAX_UNREAD_SHOWN = 5

_BOLD, _DIM = 1, 2
_RED, _GREEN, _YELLOW, _CYAN = 31, 32, 33, 36
_BADGE = 8
"""Columns of the longest severity."""
_COLORS: dict[Severity, tuple[int, ...]] = {
    "critical": (_BOLD, 37, 41),
    "high": (_BOLD, _RED),
    "medium": (_BOLD, _YELLOW),
    "low": (_CYAN,),
    "info": (_DIM,),
}
_TONES: dict[account.Tone, tuple[str, int]] = {
    "good": ("✓", _GREEN),
    "warn": ("!", _YELLOW),
    "bad": ("✗", _RED),
}
_STATES: dict[AgentState, tuple[str, tuple[int, ...]]] = {
    "ok": ("ok", (_GREEN,)),
    "failed": ("failed", (_RED,)),
    "timeout": ("timeout", (_RED,)),
    "missing": ("missing", (_RED,)),
    "skipped": ("skipped", (_DIM,)),
}
_LEADS: dict[Decision, str] = {
    "confirmed": "",
    "held": "waiting for a decision",
    "demoted": "reported, but not confirmed: they do not count in the verdict",
    "withheld": "kept out of the review",
}


def render(result: Result, files: Mapping[str, str], terminal: Terminal) -> str:
    """The whole result as text: verdict, findings by file, who looked at what, and totals."""
    return "\n".join(_Page(result, files, terminal).lines())


class _Page:
    def __init__(self, result: Result, files: Mapping[str, str], terminal: Terminal) -> None:
        self.result = result
        self.files = files
        self.terminal = terminal
        self.prose = min(terminal.width, MAX_PROSE)
        self.indent = 2 + _BADGE if terminal.width >= 72 else 2
        self._open: tuple[str, list[str]] = ("", [])

    def lines(self) -> Iterator[str]:
        yield from self.verdict()
        for decision in account.DECISIONS:
            findings = account.decided(self.result, decision)
            if findings and _LEADS[decision]:
                yield ""
                yield from self.heading(f"{account.TITLES[decision]} ({len(findings):,})", _LEADS[decision])
            for finding in findings:
                yield ""
                yield from self.finding(finding)
        yield from self.answers()
        yield from self.coverage()
        yield from self.footer()

    def verdict(self) -> Iterator[str]:
        tone, text = account.headline(self.result)
        char, color = _TONES[tone]
        sign = self.terminal.symbol(char)
        for number, line in enumerate(self.wrapped(text, self.prose - 2)):
            yield self.terminal.paint(f"{sign if number == 0 else ' '} {line}", _BOLD, color)
        if self.result.state == "completed" and self.result.reason:
            yield from self.paragraph(self.result.reason, 2)
        # A review's summary says in a sentence what the rest of the page shows.
        if self.result.verdict is None and account.says_more(self.result):
            yield ""
            yield from self.paragraph(self.result.summary, 0)

    def finding(self, finding: DecidedFinding) -> Iterator[str]:
        confirmed = finding.decision == "confirmed"
        badge = (finding.severity.upper() if confirmed else finding.severity).ljust(_BADGE)
        colors = _COLORS[finding.severity] if confirmed else (_DIM,)
        place = self.terminal.line(account.location(finding))
        head = f"{self.terminal.paint(badge, *colors)}  {self.terminal.paint(place, _BOLD)}"
        rules = self.terminal.line(", ".join(finding.rules))
        # The place is never broken, even where it does not fit: a broken one cannot be clicked or copied.
        if rules and 2 + _BADGE + cells(place) + 2 + cells(rules) <= self.prose:
            yield f"{head}  {self.terminal.paint(rules, _DIM)}"
        else:
            yield head
            if rules:
                yield from self.paragraph(rules, self.indent, _DIM)
        yield from self.paragraph(finding.message, self.indent)
        yield from self.excerpt(finding)
        if finding.suggestion:
            yield from self.suggestion(finding.suggestion)
        voices = account.voices(finding)
        if voices:
            yield from self.paragraph(f"by {voices}", self.indent, _DIM)
        if not confirmed:
            yield from self.paragraph(f"{account.TITLES[finding.decision]}: {finding.reason}", self.indent, _YELLOW)

    def excerpt(self, finding: DecidedFinding) -> Iterator[str]:
        content = self.files.get(finding.path)
        # The line of a secret is not shown: what is printed ends up in the logs of build servers.
        if content is None or finding.line is None or finding.category == "secrets":
            return
        if self._open[0] != finding.path:
            self._open = (finding.path, content.split("\n"))
        first = finding.line - 1
        last = min(max(finding.end_line or finding.line, finding.line), first + MAX_EXCERPT_LINES)
        rows = self.terminal.block("\n".join(self._open[1][first:last]), MAX_EXCERPT_LINES)
        margin = min((len(row) - len(row.lstrip(" ")) for row in rows if row), default=0)
        bar = self.terminal.symbol("│")
        digits = len(str(last))
        for number, row in enumerate(rows, finding.line):
            if row:
                prefix = f"{' ' * self.indent}{number:>{digits}} {bar} "
                code = self.terminal.cut(row[margin:], self.terminal.width - cells(prefix))
                yield self.terminal.paint(prefix, _DIM) + code

    def suggestion(self, suggestion: str) -> Iterator[str]:
        rows = [row for row in self.terminal.block(suggestion, MAX_SUGGESTION_LINES) if row]
        arrow = self.terminal.symbol("→")
        if len(rows) == 1:
            yield from self.paragraph(f"{arrow} {suggestion}", self.indent, _GREEN)
            return
        for row in rows:
            prefix = f"{' ' * self.indent}{arrow} "
            yield self.terminal.paint(prefix + self.terminal.cut(row, self.terminal.width - cells(prefix)), _GREEN)
        left = suggestion.count("\n") + 1 - MAX_SUGGESTION_LINES
        if left > 0:
            yield from self.paragraph(f"and {account.plural(left, 'more line')}", self.indent, _DIM)

    def answers(self) -> Iterator[str]:
        if not self.result.answers:
            return
        from pydantic_core import to_json

        for agent, answer in sorted(self.result.answers.items()):
            yield ""
            yield from self.heading(agent)
            text = answer if isinstance(answer, str) else to_json(answer, indent=2).decode()
            for row in text.split("\n"):
                indent = 2 + min(len(row) - len(row.lstrip(" ")), self.prose // 2)
                yield from self.paragraph(row, indent) if row.strip() else [""]

    def coverage(self) -> Iterator[str]:
        agents = account.agents(self.result)
        if agents:
            yield ""
            yield from self.heading("Who looked")
        longest = max((cells(self.terminal.line(name)) for name in agents), default=0)
        name_width = min(longest, self.terminal.width // 3)
        for name, agent in agents.items():
            shown = self.terminal.cut(self.terminal.line(name), name_width)
            shown += " " * (name_width - cells(shown))
            word, colors = _STATES[agent.state]
            took = ""
            if agent.state in {"ok", "timeout", "failed"}:
                took = f"{account.plural(agent.files, 'file'):>9}  {account.duration(agent.elapsed_ms):>8}"
            reason = self.terminal.line(agent.reason or "")
            used = name_width + len("    skipped    ") + len(took)
            fits = bool(reason) and used + cells(reason) <= self.prose
            row = f"  {shown}  {self.terminal.paint(word.ljust(7), *colors)}"
            yield f"{row}  {took}  {self.terminal.paint(reason if fits else '', _DIM)}".rstrip()
            if reason and not fits:
                yield from self.paragraph(reason, 4, _DIM)
        yield from self.unread()

    def unread(self) -> Iterator[str]:
        unread = self.result.coverage.unread
        if not unread:
            return
        yield ""
        yield from self.heading(f"Read by no agent: {account.plural(len(unread), 'file')}")
        for path in unread[:MAX_UNREAD_SHOWN]:
            yield f"  {self.terminal.line(path)}"
        if len(unread) > MAX_UNREAD_SHOWN:
            yield f"  and {len(unread) - MAX_UNREAD_SHOWN:,} more"

    def footer(self) -> Iterator[str]:
        yield ""
        yield from self.paragraph(account.totals(self.result), 0, _BOLD)
        arrow = self.terminal.symbol("→")
        for note in account.notes(self.result):
            for number, line in enumerate(self.wrapped(note, self.prose - 3)):
                yield f"{arrow if number == 0 else ' ' * cells(arrow)} {line}"

    def heading(self, title: str, more: str = "") -> Iterator[str]:
        title = self.terminal.line(title)
        if not more:
            yield self.terminal.paint(title, _BOLD)
        elif cells(title) + 2 + len(more) <= self.prose:
            yield f"{self.terminal.paint(title, _BOLD)}  {self.terminal.paint(more, _DIM)}"
        else:
            yield self.terminal.paint(title, _BOLD)
            yield from self.paragraph(more, 2, _DIM)

    def paragraph(self, text: str, indent: int, *codes: int) -> Iterator[str]:
        for line in self.wrapped(text, self.prose - indent):
            yield " " * indent + self.terminal.paint(line, *codes)

    def wrapped(self, text: str, columns: int) -> Iterator[str]:
        return wrap(self.terminal.line(text), max(1, columns))
