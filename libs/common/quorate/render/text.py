"""A result for people at a terminal.

Plain SGR codes instead of rich: importing ``rich.console`` takes about 18 ms more than what the command line
has loaded anyway, all of this 5 ms, and what is needed is one wrap and a handful of colours.
"""

from collections.abc import Iterator, Mapping

from quorate.contract.finding import DecidedFinding, Decision, Severity
from quorate.contract.result import Result
from quorate.render import account, roll_call
from quorate.render.page import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Page
from quorate.render.source import Source
from quorate.render.terminal import Terminal, cells

MAX_EXCERPT_LINES = 3
MAX_SUGGESTION_LINES = 8
MANY = 15
"""With more findings than this, those of low severity are told in brief."""
MAX_MINOR = 30
"""With more findings of low severity than this, not all of them are shown."""
SHOWN_MINOR = 20

_MINOR: frozenset[Severity] = frozenset({"low", "info"})
_BADGE = 8
"""Columns of the longest severity."""
_COLORS: dict[Severity, tuple[int, ...]] = {
    "critical": (BOLD, 37, 41),
    "high": (BOLD, RED),
    "medium": (BOLD, YELLOW),
    "low": (CYAN,),
    "info": (DIM,),
}
_TONES: dict[account.Tone, tuple[str, int]] = {
    "good": ("✓", GREEN),
    "warn": ("!", YELLOW),
    "bad": ("✗", RED),
}
_LEADS: dict[Decision, str] = {
    "confirmed": "",
    "held": "waiting for a decision",
    "demoted": "reported, but not confirmed: they do not count in the verdict",
    "withheld": "kept out of the review",
}


def render(result: Result, files: Mapping[str, str], terminal: Terminal) -> str:
    """The whole result as text: verdict, findings by file, who looked at what, and totals."""
    return "\n".join(_Review(result, files, terminal).lines())


class _Review(Page):
    def __init__(self, result: Result, files: Mapping[str, str], terminal: Terminal) -> None:
        super().__init__(terminal)
        self.result = result
        self.source = Source(files, result.findings)
        self.indent = 2 + _BADGE if terminal.width >= 72 else 2
        self.brief = len(result.findings) > MANY
        minor = sum(finding.severity in _MINOR for finding in result.findings)
        self.room = SHOWN_MINOR if minor > MAX_MINOR else minor

    def lines(self) -> Iterator[str]:
        yield from self.verdict()
        for decision in account.DECISIONS:
            findings = account.decided(self.result, decision)
            if findings and _LEADS[decision]:
                yield ""
                yield from self.heading(f"{account.TITLES[decision]} ({len(findings):,})", _LEADS[decision])
            yield from self.findings(findings)
        yield from self.answers()
        yield from roll_call.lines(self.result, self)
        yield from self.footer()

    def verdict(self) -> Iterator[str]:
        tone, text = account.headline(self.result)
        char, color = _TONES[tone]
        sign = self.terminal.symbol(char)
        for number, line in enumerate(self.wrapped(text, self.prose - 2)):
            yield self.terminal.paint(f"{sign if number == 0 else ' '} {line}", BOLD, color)
        if self.result.state == "completed" and self.result.reason:
            yield from self.paragraph(self.result.reason, 2)
        # A review's summary says in a sentence what the rest of the page shows.
        if self.result.verdict is None and account.says_more(self.result):
            yield ""
            yield from self.paragraph(self.result.summary, 0)

    def findings(self, findings: list[DecidedFinding]) -> Iterator[str]:
        left = 0
        last: DecidedFinding | None = None
        for finding in findings:
            minor = finding.severity in _MINOR
            if minor and not self.room:
                left += 1
                continue
            self.room -= minor
            brief = minor and self.brief
            # What is told in brief stands together by file.
            if last is None or not brief or last.severity not in _MINOR or last.path != finding.path:
                yield ""
            yield from self.in_brief(finding) if brief else self.finding(finding)
            last = finding
        if left:
            yield ""
            more = f"{account.plural(left, 'more finding')} of low or info severity"
            yield from self.paragraph(f"{more}: `--format html` and `--format json` show all of them", 0, DIM)

    def in_brief(self, finding: DecidedFinding) -> Iterator[str]:
        """One line, if it fits; otherwise the message below its place."""
        head, used = self.head(finding)
        message = self.terminal.line(finding.message)
        rules = self.terminal.line(", ".join(finding.rules))
        marks = [account.FIXABLE] * account.fixable(finding) + [account.INDIRECT] * finding.indirect
        more = ", ".join(filter(None, (rules, *marks)))
        if used + 2 + cells(message) + 2 + cells(more) <= self.prose:
            yield f"{head}  {message}  {self.terminal.paint(more, DIM)}".rstrip()
        else:
            yield from self.headed(head, used, more)
            yield from self.paragraph(message, self.indent)
        yield from self.decision(finding)

    def headed(self, head: str, used: int, more: str) -> Iterator[str]:
        """Severity and place, with more beside them if it fits, or below."""
        # The place is never broken, even where it does not fit: a broken one cannot be clicked or copied.
        if more and used + 2 + cells(more) <= self.prose:
            yield f"{head}  {self.terminal.paint(more, DIM)}"
        else:
            yield head
            yield from self.paragraph(more, self.indent, DIM)

    def head(self, finding: DecidedFinding) -> tuple[str, int]:
        """Severity and place, and their width."""
        confirmed = finding.decision == "confirmed"
        badge = (finding.severity.upper() if confirmed else finding.severity).ljust(_BADGE)
        colors = _COLORS[finding.severity] if confirmed else (DIM,)
        place = self.terminal.line(account.location(finding))
        return f"{self.terminal.paint(badge, *colors)}  {self.terminal.paint(place, BOLD)}", _BADGE + 2 + cells(place)

    def decision(self, finding: DecidedFinding) -> Iterator[str]:
        """Why it was not confirmed."""
        if finding.decision != "confirmed":
            yield from self.paragraph(f"{account.TITLES[finding.decision]}: {finding.reason}", self.indent, YELLOW)

    def finding(self, finding: DecidedFinding) -> Iterator[str]:
        head, used = self.head(finding)
        yield from self.headed(head, used, self.terminal.line(", ".join(finding.rules)))
        yield from self.paragraph(finding.message, self.indent)
        yield from self.excerpt(finding)
        yield from self.remedy(finding)
        if finding.indirect:
            yield from self.paragraph(account.INDIRECT, self.indent, YELLOW)
        voices = account.voices(finding)
        if voices:
            yield from self.paragraph(f"by {voices}", self.indent, DIM)
        yield from self.decision(finding)

    def excerpt(self, finding: DecidedFinding) -> Iterator[str]:
        if finding.line is None or not self.source.has(finding.path):
            return
        first = finding.line
        last = min(max(finding.end_line or first, first), first + MAX_EXCERPT_LINES - 1)
        found = [self.source.line(finding.path, number) for number in range(first, last + 1)]
        rows = [self.terminal.block(line or "", 1)[0] for line in found]
        margin = min((len(row) - len(row.lstrip(" ")) for row in rows if row), default=0)
        bar = self.terminal.symbol("│")
        digits = len(str(last))
        for number, row in enumerate(rows, first):
            if row:
                prefix = f"{' ' * self.indent}{number:>{digits}} {bar} "
                code = self.terminal.cut(row[margin:], self.terminal.width - cells(prefix))
                yield self.terminal.paint(prefix, DIM) + code

    def remedy(self, finding: DecidedFinding) -> Iterator[str]:
        """What to do about it: a suggestion, a fix, or both."""
        arrow = self.terminal.symbol("→")
        suggestion = finding.suggestion or ""
        fixable = account.FIXABLE if account.fixable(finding) else ""
        rows = [row for row in self.terminal.block(suggestion, MAX_SUGGESTION_LINES) if row]
        if len(rows) <= 1:
            said = suggestion.strip()
            text = f"{said} ({fixable})" if said and fixable else said or fixable
            if text:
                yield from self.paragraph(f"{arrow} {text}", self.indent, GREEN, hanging=cells(arrow) + 1)
            return
        for row in rows:
            prefix = f"{' ' * self.indent}{arrow} "
            yield self.terminal.paint(prefix + self.terminal.cut(row, self.terminal.width - cells(prefix)), GREEN)
        left = suggestion.count("\n") + 1 - MAX_SUGGESTION_LINES
        if left > 0:
            yield from self.paragraph(f"and {account.plural(left, 'more line')}", self.indent, DIM)
        if fixable:
            yield from self.paragraph(f"{arrow} {fixable}", self.indent, GREEN)

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

    def footer(self) -> Iterator[str]:
        yield ""
        yield from self.paragraph(account.totals(self.result), 0, BOLD)
        arrow = self.terminal.symbol("→")
        for note in account.notes(self.result):
            yield from self.paragraph(f"{arrow} {note}", 0, hanging=cells(arrow) + 1)
