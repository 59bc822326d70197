"""A result with every decision explained: who said what, what it counted for, and why a finding stands as it does."""

import re
from collections.abc import Iterator

from quorate.contract.finding import DecidedFinding, Objection, Vote
from quorate.contract.result import Result
from quorate.errors import QuorateError
from quorate.render import account, roll_call
from quorate.render.page import BOLD, DIM, GREEN, RED, YELLOW, Page
from quorate.render.terminal import Terminal

MAX_MERGED = 50
"""Merged findings that are listed at the end."""
MAX_NAMED = 20

_INDENT = 2
_WORDS = 4
"""Columns before what an agent said."""
_BEFORE = "; before: "
"""Between a decision and the one that it replaced."""
_SIMILAR = re.compile(r"merged by similarity \d\.\d\d \([\w .+-]{1,60}\)")
_COLORS = {"confirmed": GREEN, "held": YELLOW, "demoted": YELLOW, "withheld": DIM}
_STANDS = {
    "known": "an earlier review of the series reported it, too",
    "carried": "an earlier review of the series reported it, and nobody has looked again, so it still stands",
}


class UnknownFinding(QuorateError):
    """The result has no finding with this id; the message says where ids are found."""


def render(result: Result, terminal: Terminal, finding: str | None = None) -> str:
    """Every finding with the votes behind it; with ``finding``, an id, only this one. Raises UnknownFinding."""
    page = _Explanation(result, terminal)
    lines = page.whole() if finding is None else page.one(finding)
    return "\n".join(lines).rstrip("\n") + "\n"


class _Explanation(Page):
    def __init__(self, result: Result, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.result = result

    def whole(self) -> Iterator[str]:
        yield from self.paragraph(account.headline(self.result)[1], 0, BOLD)
        for decision in account.DECISIONS:
            findings = account.decided(self.result, decision)
            if findings:
                yield ""
                yield from self.paragraph(f"{account.TITLES[decision]} ({len(findings):,})", 0, BOLD)
            for finding in findings:
                yield ""
                yield from self.finding(finding)
        if not self.result.findings:
            yield ""
            yield from self.paragraph("There is no finding to explain.", 0)
        yield from self.resolved()
        yield from self.merged()
        yield from roll_call.lines(self.result, self)
        yield ""
        yield from self.paragraph(account.totals(self.result), 0, BOLD)

    def one(self, id: str) -> Iterator[str]:
        found = [finding for finding in self.result.findings if id in (finding.id, finding.issue)]
        if not found:
            raise UnknownFinding(
                f"{self.result.task_id} has no finding {self.terminal.line(id)}: `quorate task show"
                f" {self.result.task_id} --explain` shows all with their ids"
            )
        for finding in found:
            yield from self.finding(finding)

    def finding(self, finding: DecidedFinding) -> Iterator[str]:
        place = self.terminal.line(account.location(finding))
        yield f"{self.terminal.paint(finding.severity.upper(), BOLD)}  {self.terminal.paint(place, BOLD)}"
        yield from self.paragraph(finding.message, _INDENT)
        yield from self.paragraph(f"id {finding.id}", _INDENT, DIM)
        decision, *earlier = finding.reason.split(_BEFORE)
        title = account.TITLES[finding.decision]
        yield from self.paragraph(f"{title}: {decision}", _INDENT, _COLORS[finding.decision], hanging=2)
        for reason in earlier:
            yield from self.paragraph(f"Before: {reason}", _INDENT, DIM, hanging=2)
        yield from self.standing(finding)
        for vote in finding.votes:
            yield from self.vote(vote)
        for objection in finding.objections:
            yield from self.objection(objection)

    def standing(self, finding: DecidedFinding) -> Iterator[str]:
        """What is to be said of it beside the vote."""
        if finding.dismissed:
            yield from self.paragraph("A comment in the code asks not to hear of it.", _INDENT, YELLOW)
        if finding.indirect:
            yield from self.paragraph(f"It is {account.INDIRECT}.", _INDENT, YELLOW)
        since = f"first reported at {finding.since}" if finding.since else ""
        issue = f"as {finding.issue}" if finding.issue and finding.issue != finding.id else ""
        first = " ".join(filter(None, (since, issue)))
        told = "; ".join(filter(None, (_STANDS.get(finding.standing), first)))
        if told:
            yield from self.paragraph(f"{finding.standing.capitalize()}: {told}", _INDENT, hanging=2)

    def vote(self, vote: Vote) -> Iterator[str]:
        rule = f", rule {vote.rule}" if vote.rule else ""
        counts = f"counts {vote.weight:.3g}" if vote.weight else "does not count"
        head = f"{vote.agent} (lineage {vote.lineage}{rule}): {vote.severity}, confidence {vote.confidence:g}, {counts}"
        sign = self.terminal.symbol("✓")
        yield from self.paragraph(f"{sign} {head}", _INDENT, *(() if vote.weight else (DIM,)), hanging=2)
        yield from self.words(vote.message)

    def objection(self, objection: Objection) -> Iterator[str]:
        head = f"{objection.agent} (lineage {objection.lineage}) objects: confidence {objection.confidence:g}"
        yield from self.paragraph(f"{self.terminal.symbol('✗')} {head}", _INDENT, RED, hanging=2)
        yield from self.words(objection.message)

    def words(self, message: str) -> Iterator[str]:
        if message:
            yield from self.paragraph(f'"{message}"', _WORDS, DIM, hanging=1)

    def resolved(self) -> Iterator[str]:
        if not self.result.resolved:
            return
        yield ""
        yield from self.paragraph(f"Gone since the last review ({len(self.result.resolved):,})", 0, BOLD)
        for gone in self.result.resolved:
            place = gone.path if gone.line is None else f"{gone.path}:{gone.line}"
            yield from self.paragraph(f"{place}: {gone.message}: {gone.reason}", _INDENT, hanging=2)

    def merged(self) -> Iterator[str]:
        """Which findings were reported more than once, and which of them in other words."""
        several = [finding for finding in self.result.findings if len(finding.votes) > 1]
        if not several:
            return
        yield ""
        yield from self.paragraph(f"Reported by several, or several times ({len(several):,})", 0, BOLD)
        for finding in sorted(several, key=account.rank)[:MAX_MERGED]:
            names = list(dict.fromkeys(vote.agent for vote in finding.votes))
            more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
            by = f"{account.plural(len(finding.votes), 'report')} by {', '.join(names[:MAX_NAMED])}{more}"
            similar = _SIMILAR.search(finding.reason)
            how = f", {similar[0]}" if similar else ""
            yield from self.paragraph(f"{account.location(finding)}: {by}{how}", _INDENT, hanging=2)
        if len(several) > MAX_MERGED:
            yield from self.paragraph(f"and {len(several) - MAX_MERGED:,} more", _INDENT, DIM)
