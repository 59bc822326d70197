"""A result as one HTML file, to open, to pass on, or to keep with a build.

It loads nothing and asks nobody: its policy forbids every request and allows its own style and script only, by their
hashes. It is complete without the script, which adds filters and copies links.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from quorate import __version__
from quorate.contract.finding import SEVERITIES, Decision
from quorate.contract.result import Result
from quorate.render import account, html_attendance, html_findings
from quorate.render.html_findings import Shelf
from quorate.render.markup import block, code, plain, prose
from quorate.render.source import Source

MAX_ANSWER_LINES = 400
MAX_COLUMNS = 400

_SIGNS: dict[account.Tone, str] = {"good": "✓", "warn": "!", "bad": "✗"}
_LEADS: dict[Decision, str] = {
    "confirmed": "",
    "held": "Waiting for a decision.",
    "demoted": "Reported, but not confirmed: they do not count in the verdict.",
    "withheld": "Kept out of the review.",
}


def render(result: Result, files: Mapping[str, str]) -> str:
    """The whole document. ``files`` maps paths to contents, for excerpts and for what fixes replace."""
    return "\n".join(_document(result, Source(files, result.findings)))


def _document(result: Result, source: Source) -> Iterator[str]:
    style, script = _asset("review.css"), _asset("review.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    tone, word, text = account.judgement(result)
    shelves = [shelf for decision in account.DECISIONS if (shelf := html_findings.shelf(result, decision)).files]
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f'<meta name="generator" content="quorate {plain(__version__)}">'
    yield f"<title>{plain(word)} – Quorate review</title>"
    yield f"<style>{style}</style>"
    yield "</head>"
    yield "<body>"
    yield '<a class="skip" href="#main">Skip to the findings</a>'
    yield f'<header class="top {tone}"><div class="wrap">'
    yield from _head(result, tone, word, text)
    yield "</div></header>"
    yield '<div class="wrap body">'
    yield from _contents(result, shelves)
    yield '<main id="main" tabindex="-1">'
    yield from html_findings.filters(result)
    for shelf in shelves:
        yield from html_findings.section(shelf, account.TITLES[shelf.decision], _LEADS[shelf.decision], source)
    yield from _answers(result)
    yield from html_attendance.sections(result)
    yield from _about(result)
    yield "</main></div>"
    yield f'<footer class="wrap">Quorate {plain(__version__)}</footer>'
    yield f"<script>{script}</script>"
    yield "</body></html>"


def _head(result: Result, tone: account.Tone, word: str, text: str) -> Iterator[str]:
    yield f'<p class="brand">Quorate <span>{plain(result.kind, 100)}</span></p>'
    yield f'<h1><span class="sign" aria-hidden="true">{_SIGNS[tone]}</span> {plain(word)}</h1>'
    if text:
        yield f'<p class="lede">{prose(text)}</p>'
    if result.state == "completed" and result.reason:
        yield f"<p>{prose(result.reason)}</p>"
    if result.verdict is None and account.says_more(result):
        yield f"<p>{prose(result.summary)}</p>"
    yield '<dl class="tiles">'
    confirmed = [finding.severity for finding in result.findings if finding.decision == "confirmed"]
    for severity in SEVERITIES:
        if severity in confirmed:
            yield _tile(f"{confirmed.count(severity):,}", severity, f"s-{severity}")
    if not confirmed and result.verdict is not None:
        yield _tile("0", "findings")
    for decision in account.DECISIONS[1:]:
        number = sum(finding.decision == decision for finding in result.findings)
        if number:
            yield _tile(f"{number:,}", account.TITLES[decision].lower())
    fixable = sum(map(account.fixable, result.findings))
    if fixable:
        yield _tile(f"{fixable:,}", "fixable")
    readers = sum(agent.state == "ok" for agent in result.coverage.agents.values())
    yield _tile(f"{readers:,}", "agent looked" if readers == 1 else "agents looked")
    yield _tile(account.duration(result.timings.elapsed_ms), "in all")
    yield "</dl>"
    notes = list(account.notes(result))
    if notes:
        yield '<ul class="notes">'
        yield from (f"<li>{prose(note)}</li>" for note in notes)
        yield "</ul>"


def _tile(number: str, name: str, kind: str = "") -> str:
    return f'<div class="tile {kind}"><dt>{plain(name)}</dt><dd>{plain(number)}</dd></div>'


def _contents(result: Result, shelves: list[Shelf]) -> Iterator[str]:
    yield '<nav aria-label="Contents"><ul>'
    for shelf in shelves:
        title = account.TITLES[shelf.decision]
        yield f'<li><a href="#{shelf.decision}">{title}</a> <b>{shelf.total:,}</b><ul>'
        for file in shelf.files[: html_findings.MAX_CONTENTS]:
            yield (
                f'<li><a class="s-{file.worst}" href="#{file.anchor}" title="{plain(file.path, 500)}">'
                f"{plain('/'.join(file.path.split('/')[-2:]), 60)}</a> <b>{len(file.findings):,}</b></li>"
            )
        left = len(shelf.files) - html_findings.MAX_CONTENTS
        if left > 0:
            yield f"<li>and {account.plural(left, 'more file')}</li>"
        yield "</ul></li>"
    for anchor, title in html_attendance.contents(result):
        yield f'<li><a href="#{anchor}">{title}</a></li>'
    yield '<li><a href="#about">About</a></li>'
    yield "</ul></nav>"


def _answers(result: Result) -> Iterator[str]:
    if not result.answers:
        return
    from pydantic_core import to_json

    yield '<section id="answers" aria-labelledby="answers-title"><h2 id="answers-title">Answers</h2>'
    for agent, answer in sorted(result.answers.items()):
        text = answer if isinstance(answer, str) else to_json(answer, indent=2).decode()
        rows = block(text, MAX_ANSWER_LINES, MAX_COLUMNS)
        yield f'<article class="card"><h3>{plain(agent, 200)}</h3><pre class="answer">'
        yield "\n".join(rows) + "</pre></article>"
    yield "</section>"


def _about(result: Result) -> Iterator[str]:
    yield '<section id="about" aria-labelledby="about-title"><h2 id="about-title">About</h2>'
    yield '<dl class="card facts">'
    facts = [
        ("Task", code(result.task_id, 200) if result.task_id else ""),
        ("Submitted", _time(result.timings.submitted_at)),
        ("Started", _time(result.timings.started_at)),
        ("Finished", _time(result.timings.finished_at)),
        ("Took", plain(account.duration(result.timings.elapsed_ms))),
        ("Key", code(result.idempotency_key, 200) if result.idempotency_key else ""),
        ("Labels", ", ".join(code(f"{name}={value}", 200) for name, value in sorted(result.labels.items())[:20])),
        ("Models", plain(account.models(result))),
    ]
    yield from (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts if value)
    yield "</dl></section>"


def _time(moment: str | None) -> str:
    return f"<time>{plain(moment, 40)}</time>" if moment else ""


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8").strip()


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
