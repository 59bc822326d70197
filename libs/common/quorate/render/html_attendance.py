"""Who looked at what, as HTML: a table of agents, those that stayed out, and the files that were not read."""

from collections.abc import Iterator

from quorate.contract.facts import AgentCoverage
from quorate.contract.result import Result
from quorate.render import account, attendance
from quorate.render.markup import code, plain, prose

MAX_FILES = 500
"""Files named in the table of those that were not read."""
MAX_REASON = 500
MAX_NAME = 200


def contents(result: Result) -> Iterator[tuple[str, str]]:
    """Anchor and title of each section there is."""
    if attendance.agents(result):
        yield "agents", "Who looked"
    if _unread(result):
        yield "unread", "Files not read"


def sections(result: Result) -> Iterator[str]:
    """The agents, then the files that some or all of them could not read."""
    if attendance.agents(result):
        yield '<section id="agents" aria-labelledby="agents-title"><h2 id="agents-title">Who looked</h2>'
        yield from _agents(result)
        yield from _others(result)
        yield "</section>"
    if _unread(result):
        yield '<section id="unread" aria-labelledby="unread-title"><h2 id="unread-title">Files not read</h2>'
        yield from _files(result)
        yield "</section>"


def _agents(result: Result) -> Iterator[str]:
    part = attendance.took_part(result)
    if not part:
        return
    slowest = max(1, *(agent.elapsed_ms for agent in part.values()))
    yield '<table class="card agents"><thead><tr><th scope="col">Agent<th scope="col">State<th scope="col">Files'
    yield '<th scope="col">Time<th scope="col">Lineage<th scope="col">Remarks</thead><tbody>'
    for name, agent in part.items():
        version = f" <small>{plain(agent.version, 64)}</small>" if agent.version else ""
        yield (
            f'<tr><th scope="row">{plain(name, MAX_NAME)}{version}<td><span class="state {agent.state}">{agent.state}'
            f"</span><td>{agent.files:,}<td>{_time(agent.elapsed_ms, slowest)}"
            f"<td>{plain(agent.lineage, MAX_NAME)}<td>{' '.join(_remarks(result, agent))}"
        )
    yield "</tbody></table>"


def _time(elapsed_ms: int, slowest: int) -> str:
    width = max(1, round(100 * elapsed_ms / slowest))
    bar = f'<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="{width}" '
    took = account.duration(elapsed_ms) if elapsed_ms >= 100 else f"{elapsed_ms} ms"
    return f'{took}{bar}height="4"/></svg>'


def _remarks(result: Result, agent: AgentCoverage) -> Iterator[str]:
    if agent.reason:
        yield f"<span>{prose(agent.reason, MAX_REASON)}</span>"
    if agent.outside_change:
        yield f"<span>{account.plural(agent.outside_change, 'finding')} outside the changed lines left out</span>"
    groups = attendance.unread_by(result, agent)
    if groups:
        files = account.plural(attendance.count(groups), "file")
        yield f'<a href="#unread">could not read {files} that others read</a>'


def _others(result: Result) -> Iterator[str]:
    idle = attendance.not_needed(result)
    lacking = attendance.not_installed(result)
    if not idle and not lacking:
        return
    yield '<dl class="card facts">'
    if idle:
        yield f"<div><dt>Not needed</dt><dd>{', '.join(plain(name, MAX_NAME) for name in idle)}</dd></div>"
    if lacking:
        yield '<div><dt>Not installed</dt><dd><ul class="bare">'
        for each in lacking:
            names = ", ".join(plain(name, MAX_NAME) for name in each.names)
            yield f"<li>{names}: {code(each.how, MAX_REASON)}</li>"
        yield "</ul></dd></div>"
    yield "</dl>"


def _unread(result: Result) -> bool:
    return bool(attendance.unread_total(result)) or any(
        agent.unread or agent.unread_total for agent in attendance.agents(result).values()
    )


def _files(result: Result) -> Iterator[str]:
    files = attendance.by_file(result)
    nobody = set(result.coverage.unread)
    total = attendance.unread_total(result)
    if total:
        yield f'<p class="lead">{account.plural(total, "file")} of the change read by no agent.</p>'
    yield '<table class="card unread"><thead><tr><th scope="col">File<th scope="col">Not read by'
    yield '<th scope="col">Why</thead><tbody>'
    # Those that nobody read come first: they are what the review says nothing about.
    ranked = sorted(files.items(), key=lambda item: (item[0] not in nobody, item[0]))
    for path, said in ranked[:MAX_FILES]:
        reasons: dict[str, list[str]] = {}
        for name, reason in said.items():
            reasons.setdefault(reason, []).append(name)
        who = "any agent" if path in nobody else ", ".join(plain(name, MAX_NAME) for name in said)
        why = [
            prose(reason, MAX_REASON)
            + (f" ({', '.join(plain(name, MAX_NAME) for name in names)})" if len(reasons) > 1 else "")
            for reason, names in reasons.items()
        ]
        yield f'<tr><th scope="row">{code(path, 1_000)}<td>{who}<td>{"<br>".join(why)}'
    yield "</tbody></table>"
    left = max(len(files), total) - len(ranked[:MAX_FILES])
    if left > 0:
        yield f"<p>and {account.plural(left, 'more file')}</p>"
