"""A result as a comment on a pull request, in GitHub's Markdown.

Whatever came with the change is escaped: it pings nobody, refers to no issue, links nowhere, shows no image
and cannot break out of its place. GitHub looks for mentions and references after it has resolved backslashes,
but not in code, and a zero-width space after the sign keeps it from seeing one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from quorate.contract.finding import DecidedFinding, Decision, Severity
from quorate.contract.result import Result
from quorate.render import account, attendance, edits
from quorate.render.attendance import Unread
from quorate.render.clean import lines, one_line
from quorate.render.source import Source

MAX_LENGTH = 65_536
"""GitHub's limit for a comment; counted in UTF-16 units here, the strictest reading of "characters"."""
MAX_MESSAGE = 1_000
MAX_REASON = 500
MAX_NAME = 200
MAX_AGENTS_LENGTH = 10_000
"""What the table of agents may take of the comment."""
MAX_ANSWERS = 20
MAX_UNREAD_LENGTH = 5_000
"""What the list of files that were not read may take of the comment."""
MAX_UNREAD = 50
MAX_PATHS = 10
MAX_TOOLS = 40
MAX_VOTES = 12
MAX_SUGGESTION_LINES = 12
MAX_FIX_LINES = 20

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


def render(result: Result, files: Mapping[str, str]) -> str:
    """The comment. Findings that do not fit are left out, the least severe first, and counted.

    ``files`` maps paths to contents: with them a fix shows what it replaces.
    """
    source = Source(files, result.findings)
    head = "\n".join(_head(result))
    tail = "\n".join(_coverage(result))
    room = MAX_LENGTH - _length(head) - _length(tail) - _OVERHEAD
    shown = _fitting(sorted(result.findings, key=account.rank), source, room)
    left = len(result.findings) - len(shown)
    kept = result.model_copy(update={"findings": tuple(shown)})
    body = "\n".join([*_findings(kept, source), *_left_out(left), *_votes(shown)])
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


def _findings(result: Result, source: Source) -> Iterator[str]:
    for decision in account.DECISIONS:
        findings = account.decided(result, decision)
        if not findings:
            continue
        if decision == "confirmed":
            yield from _by_file(findings, source)
        else:
            title = f"{account.TITLES[decision]} ({len(findings):,}): {_LEADS[decision]}"
            yield from _details(title, _by_file(findings, source))


def _by_file(findings: list[DecidedFinding], source: Source) -> Iterator[str]:
    path = None
    for finding in findings:
        if finding.path != path:
            path = finding.path
            yield _file_heading(path)
        yield _finding(finding, source)


def _file_heading(path: str) -> str:
    return f"\n**{code(path)}**\n"


def _finding(finding: DecidedFinding, source: Source) -> str:
    rows = [f"- {_SEVERITIES[finding.severity]} **{finding.severity}**"]
    if finding.line is not None:
        rows[0] += f" line {finding.line}"
    rows[0] += f": {prose(finding.message)}"
    if finding.suggestion:
        rows.extend(_suggestion(finding.suggestion))
    rows.extend(_fix(finding, source))
    facts = [code(rule) for rule in finding.rules[:MAX_VOTES]]
    voices = account.voices(finding)
    if voices:
        facts.append(f"by {escaped(voices, MAX_REASON)}")
    if account.fixable(finding):
        facts.append(f"· {escaped(account.FIXABLE)}")
    if facts:
        rows.append(f"  <br>{' '.join(facts)}")
    if finding.indirect:
        rows.append(f"  <br>*{account.INDIRECT}*")
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


def _fix(finding: DecidedFinding, source: Source) -> Iterator[str]:
    """What goes and what comes, as a block that can be read and not be committed with one click."""
    fix = edits.showable(finding.fix, finding.path, finding.category, source)
    if fix is None:
        return
    rows: list[str] = []
    for edit in fix.edits:
        rows.append(f"@@ {edits.title(edit)} @@")
        changed = (f"{row.sign}{lines(row.text[:MAX_REASON], 1)[0]}" for row in edits.rows(edit, finding.path, source))
        rows.extend(islice(changed, MAX_FIX_LINES + 1))
        if len(rows) > MAX_FIX_LINES:
            rows = [*rows[:MAX_FIX_LINES], "@@ and more @@"]
            break
    fence = "`" * max(3, _longest_run("\n".join(rows)) + 1)
    yield f"\n  {fence}diff"
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
    for objection in finding.objections[:MAX_VOTES]:
        names = (account.location(finding), objection.agent, objection.lineage, "")
        cells = " | ".join(escaped(name, MAX_NAME) for name in names)
        yield f"| {cells} | objects | {objection.confidence:.2f} |"
    if len(finding.votes) > MAX_VOTES:
        yield f"| and {len(finding.votes) - MAX_VOTES:,} more votes | | | | | |"


def _coverage(result: Result) -> Iterator[str]:
    rows = [*_agents(result), *_others(result), *_unread(result)]
    if rows:
        yield from _details("Who looked at what", rows)


def _others(result: Result) -> Iterator[str]:
    idle = attendance.not_needed(result)
    if idle:
        more = f" and {len(idle) - MAX_TOOLS:,} more" if len(idle) > MAX_TOOLS else ""
        yield f"\nNot needed: {', '.join(code(name, 60) for name in idle[:MAX_TOOLS])}{more}"
    lacking = attendance.not_installed(result)
    if lacking:
        yield "\nNot installed:\n"
    for each in lacking[:MAX_TOOLS]:
        yield f"- {', '.join(code(name, 60) for name in each.names[:MAX_PATHS])}: {code(each.how, MAX_REASON)}"
    if len(lacking) > MAX_TOOLS:
        yield f"- and {len(lacking) - MAX_TOOLS:,} more"


def _unread(result: Result) -> Iterator[str]:
    room = MAX_UNREAD_LENGTH
    total = attendance.unread_total(result)
    if total:
        yield f"\nRead by no agent: {account.plural(total, 'file')}\n"
        for group in attendance.unread_by_all(result):
            shorter = (_row(group, most) for most in (MAX_UNREAD, MAX_PATHS))
            row = next((row for row in shorter if _length(row) < room), "")
            if not row:
                yield "- and more"
                break
            yield row
            room -= _length(row) + 1
    for name, agent in attendance.took_part(result).items():
        groups = attendance.unread_by(result, agent)
        if not groups:
            continue
        rows = [
            f"\n{code(name)} could not read {account.plural(attendance.count(groups), 'file')}:\n",
            *(_row(group, MAX_PATHS) for group in groups),
        ]
        room -= sum(_length(row) + 1 for row in rows)
        if room < 0:
            yield "\nOther agents could not read every file either; the JSON result says which."
            return
        yield from rows


def _row(group: Unread, most: int) -> str:
    named = [code(path) for path in group.paths[:most]]
    left = group.count - len(named)
    names = ", ".join(named) + (f"{' and ' if named else ''}{left:,} more" if left else "")
    return f"- {names}: {prose(group.reason, MAX_REASON)}" if group.reason else f"- {names}"


def _agents(result: Result) -> Iterator[str]:
    agents = attendance.took_part(result)
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


def _fitting(ranked: list[DecidedFinding], source: Source, room: int) -> list[DecidedFinding]:
    shown: list[DecidedFinding] = []
    headed: set[tuple[str, str]] = set()
    for finding in ranked:
        place = (finding.decision, finding.path)
        parts = [_finding(finding, source), *_vote_rows(finding)]
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
