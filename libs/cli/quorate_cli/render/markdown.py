"""A result as a comment on a pull request, in GitHub's Markdown.

Whatever came with the change is escaped: it pings nobody, refers to no issue, links nowhere, shows no image
and cannot break out of its place. GitHub looks for mentions and references after it has resolved backslashes,
but not in code, and a zero-width space after the sign keeps it from seeing one.
"""

import re
from collections.abc import Iterable, Iterator

from quorate.contract.finding import DecidedFinding, Decision, Severity
from quorate.contract.result import Result
from quorate_cli.render import account
from quorate_cli.render.clean import lines, one_line

MAX_LENGTH = 65_536
"""GitHub's limit for a comment; counted in UTF-16 units here, the strictest reading of "characters"."""
MAX_MESSAGE = 1_000
MAX_REASON = 500
MAX_NAME = 200
MAX_AGENTS_LENGTH = 10_000
"""What the table of agents may take of the comment."""
MAX_ANSWERS = 20
MAX_UNREAD = 50
MAX_VOTES = 12
MAX_SUGGESTION_LINES = 12

_TONES: dict[account.Tone, str] = {"good": "✅", "warn": "⚠️", "bad": "❌"}
_SEVERITIES: dict[Severity, str] = {"critical": "🟥", "high": "🟧", "medium": "🟨", "low": "🟦", "info": "⬜"}
_LEADS: dict[Decision, str] = {
    "confirmed": "",
    "held": "waiting for a decision",
    "demoted": "reported, but not confirmed; not counted in the verdict",
    "withheld": "kept out of the review",
}
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>()#+\-.!~$&=])")
# After these GitHub would see a mention, a reference to an issue, a link or an address.
_SIGNS = re.compile(r"@|#|(?<=GH)-|www(?=\.)|:(?=//)", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_NOTHING = "\u200b"


def render(result: Result) -> str:
    """The comment. Findings that do not fit are left out, the least severe first, and counted."""
    head = "\n".join(_head(result))
    tail = "\n".join(_coverage(result))
    room = MAX_LENGTH - _length(head) - _length(tail) - _OVERHEAD
    shown = _fitting(sorted(result.findings, key=account.rank), room)
    left = len(result.findings) - len(shown)
    kept = result.model_copy(update={"findings": tuple(shown)})
    body = "\n".join([*_findings(kept), *_left_out(left), *_votes(shown)])
    return f"{head}\n{body}\n{tail}\n"


_OVERHEAD = 1_500
"""Units kept for headings, details blocks and the note on what was left out."""


def escaped(text: str, limit: int = MAX_MESSAGE) -> str:
    """Text from anywhere as Markdown that shows it as it is, on one line."""
    return _escape(one_line(text, limit))


def code(text: str, limit: int = MAX_NAME) -> str:
    """Text from anywhere as a code span on one line."""
    return _span(one_line(text, limit) or " ")


def prose(text: str, limit: int = MAX_MESSAGE) -> str:
    """Text from anywhere, escaped, except that what stands between single backticks becomes code.

    Not for cells of tables, where a pipe ends even code.
    """
    parts = _QUOTED.split(one_line(text, limit))
    return "".join(_span(part) if at % 2 else _escape(part) for at, part in enumerate(parts))


def _escape(line: str) -> str:
    # The sign, then what separates it from the rest: written as an entity, so that the comment's source shows
    # it.
    marked = _SIGNS.sub(lambda match: match.group() + _NOTHING, line)
    # A pipe as an entity too: whether a backslash before it counts in a table depends on those before that
    # one.
    return _PUNCTUATION.sub(r"\\\1", marked).replace(_NOTHING, "&#8203;").replace("|", "&#124;")


def _span(line: str) -> str:
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _head(result: Result) -> Iterator[str]:
    tone, text = account.headline(result)
    yield f"## {_TONES[tone]} {escaped(text)}"
    if result.state == "completed" and result.reason:
        yield f"\n{escaped(result.reason, MAX_REASON)}"
    if result.verdict is None and account.says_more(result):
        yield f"\n{escaped(result.summary)}"
    yield f"\n{escaped(account.totals(result))}"
    for note in account.notes(result):
        yield f"\n> {prose(note)}"
    for agent in sorted(result.answers)[:MAX_ANSWERS]:
        yield f"\n{code(agent)} answered; its answer is in the JSON result."


def _findings(result: Result) -> Iterator[str]:
    for decision in account.DECISIONS:
        findings = account.decided(result, decision)
        if not findings:
            continue
        if decision == "confirmed":
            yield from _by_file(findings)
        else:
            title = f"{account.TITLES[decision]} ({len(findings):,}): {_LEADS[decision]}"
            yield from _details(title, _by_file(findings))


def _by_file(findings: list[DecidedFinding]) -> Iterator[str]:
    path = None
    for finding in findings:
        if finding.path != path:
            path = finding.path
            yield _file_heading(path)
        yield _finding(finding)


def _file_heading(path: str) -> str:
    return f"\n**{code(path)}**\n"


def _finding(finding: DecidedFinding) -> str:
    rows = [f"- {_SEVERITIES[finding.severity]} **{finding.severity}**"]
    if finding.line is not None:
        rows[0] += f" line {finding.line}"
    rows[0] += f": {prose(finding.message)}"
    if finding.suggestion:
        rows.extend(_suggestion(finding.suggestion))
    facts = [code(rule) for rule in finding.rules[:MAX_VOTES]]
    voices = account.voices(finding)
    if voices:
        facts.append(f"by {escaped(voices, MAX_REASON)}")
    if facts:
        rows.append(f"  <br>{' '.join(facts)}")
    if finding.decision != "confirmed":
        rows.append(f"  <br>*{account.TITLES[finding.decision]}:* {prose(finding.reason, MAX_REASON)}")
    return "\n".join(rows)


def _suggestion(suggestion: str) -> Iterator[str]:
    rows = [row[:MAX_REASON] for row in lines(suggestion, MAX_SUGGESTION_LINES)]
    if len(rows) == 1:
        yield f"  <br>→ {prose(suggestion)}"
        return
    # No language on the fence: a block marked as a suggestion would offer to commit it with one click.
    fence = "`" * max(3, _longest_run("\n".join(rows)) + 1)
    yield f"\n  {fence}"
    yield from (f"  {row}".rstrip() for row in rows)
    yield f"  {fence}\n"


def _votes(findings: Iterable[DecidedFinding]) -> Iterator[str]:
    rows = [row for finding in findings for row in _vote_rows(finding)]
    if rows:
        header = [
            "",
            "| finding | agent | lineage | rule | severity | confidence |",
            "|---|---|---|---|---|---|",
        ]
        yield from _details("Votes", [*header, *rows])


def _vote_rows(finding: DecidedFinding) -> Iterator[str]:
    for vote in finding.votes[:MAX_VOTES]:
        names = (account.location(finding), vote.agent, vote.lineage, vote.rule)
        cells = " | ".join(escaped(name, MAX_NAME) for name in names)
        yield f"| {cells} | {vote.severity} | {vote.confidence:.2f} |"
    if len(finding.votes) > MAX_VOTES:
        yield f"| and {len(finding.votes) - MAX_VOTES:,} more votes | | | | | |"


def _coverage(result: Result) -> Iterator[str]:
    rows = list(_agents(result))
    unread = result.coverage.unread
    if unread:
        rows += ["", f"Read by no agent: {account.plural(len(unread), 'file')}", ""]
        rows += [f"- {code(path)}" for path in unread[:MAX_UNREAD]]
    if len(unread) > MAX_UNREAD:
        rows.append(f"- and {len(unread) - MAX_UNREAD:,} more")
    if rows:
        yield from _details("Who looked at what", rows)


def _agents(result: Result) -> Iterator[str]:
    agents = account.agents(result)
    if agents:
        yield from ("", "| agent | version | state | files | time | |", "|---|---|---|--:|--:|---|")
    room = MAX_AGENTS_LENGTH
    for shown, (name, agent) in enumerate(agents.items()):
        names = f"{escaped(name, MAX_NAME)} | {escaped(agent.version, MAX_NAME)}"
        took = f"{agent.files:,} | {account.duration(agent.elapsed_ms)}"
        row = f"| {names} | {agent.state} | {took} | {escaped(agent.reason or '', MAX_REASON)} |"
        room -= _length(row) + 1
        if room < 0:
            yield f"| and {len(agents) - shown:,} more | | | | | |"
            return
        yield row


def _details(title: str, body: Iterable[str]) -> Iterator[str]:
    # The empty lines make GitHub read what is inside as Markdown again.
    yield f"\n<details><summary>{title}</summary>\n"
    yield from body
    yield "\n</details>"


def _left_out(count: int) -> Iterator[str]:
    if count:
        noun = "finding is" if count == 1 else "findings are"
        yield f"\n**{count:,} more {noun} left out here**, the least severe: a comment has no room for them. "
        yield "The JSON result holds them."


def _fitting(ranked: list[DecidedFinding], room: int) -> list[DecidedFinding]:
    shown: list[DecidedFinding] = []
    headed: set[tuple[str, str]] = set()
    for finding in ranked:
        place = (finding.decision, finding.path)
        parts = [_finding(finding), *_vote_rows(finding)]
        if place not in headed:
            parts.append(_file_heading(finding.path))
            headed.add(place)
        # One for each line end.
        room -= sum(_length(part) + 1 for part in parts)
        if room < 0:
            break
        shown.append(finding)
    return shown


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
