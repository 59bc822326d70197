"""A result as a SARIF 2.1.0 log, for code scanning and editors.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. What GitHub reads of it, and its
limits:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from quorate import __version__
from quorate.contract.finding import SEVERITIES, DecidedFinding, Severity
from quorate.contract.fix import Edit
from quorate.contract.result import Result
from quorate.render import account, attendance, edits, references
from quorate.render.clean import MAX_LINE, one_line
from quorate.render.fingerprint import line_hashes
from quorate.render.json import printable
from quorate.render.source import Source

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
MAX_RESULTS = 25_000
"""GitHub refuses a run with more; of these it shows the 5,000 most severe."""
MAX_COMPRESSED = 10_000_000
"""GitHub refuses a file that is larger than this once it is compressed with gzip, in bytes."""
MAX_DESCRIPTION = 1_024
MAX_RULE_ID = 255
MAX_UNREAD = 100
MAX_TAGS = 10
"""GitHub shows no more of a rule's tags, and refuses a rule with twice as many."""

Level = Literal["error", "warning", "note"]
Json = dict[str, Any]

_LEVELS: dict[Severity, Level] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
# Within GitHub's bands: critical is above 9.0, high from 7.0, medium from 4.0, low above 0.0.
_SCORES: dict[Severity, str] = {
    "critical": "9.5",
    "high": "8.0",
    "medium": "5.5",
    "low": "2.0",
    "info": "0.5",
}
_PROBLEMS: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "recommendation",
    "info": "recommendation",
}
_SECURITY = {"security", "secrets"}
_NOTICES = {
    "agent-absent": "An agent that was asked gave no answer to rely on.",
    "agent-skipped": "An agent had nothing to do, or could not run here.",
    "file-unread": "No agent read this file.",
    "file-unread-by-agent": "An agent could not read this file; others did.",
    "findings-left-out": "The log does not hold all findings.",
    "incomplete": "The review did not end as planned.",
}


def render(result: Result, files: Mapping[str, str], indent: int | None) -> str:
    """The log as JSON. What is beyond GitHub's limits is left out, least severe first, with a notification.

    Results in ``files``, which maps paths to contents, have the fingerprint that GitHub goes by.
    """
    most = MAX_RESULTS
    while True:
        text = printable(json.dumps(log(result, files, most), indent=indent, ensure_ascii=False))
        size = _compressed(text)
        if size <= MAX_COMPRESSED or not most:
            return text
        kept = min(most, len(result.findings))
        most = min(kept - 1, kept * MAX_COMPRESSED * 9 // (size * 10)) if kept > 1 else 0


def log(result: Result, files: Mapping[str, str], most: int = MAX_RESULTS) -> Json:
    """The log as a JSON object with one run of at most so many results.

    It has no ``automationDetails``: with them, GitHub's upload action would ignore the category that a workflow gives,
    by which several reviews of one commit are kept apart.
    """
    kept = sorted(result.findings, key=account.rank)[:most]
    source = Source(files, result.findings)
    hashes = _hashes(files, kept)
    rules = _rules(kept)
    places = {rule["id"]: place for place, rule in enumerate(rules)}
    driver = {
        "name": "quorate",
        "version": __version__,
        "rules": rules,
        "notifications": [{"id": name, "shortDescription": {"text": text}} for name, text in _NOTICES.items()],
    }
    run: Json = {
        "tool": {"driver": driver},
        "invocations": [_invocation(result, len(kept))],
        # The root's own address is left out: it would tell where on a machine the review ran.
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the reviewed tree."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, places, hashes, source) for finding in kept],
        "properties": _run_properties(result),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _compressed(text: str) -> int:
    """The size with gzip, or more: an upload may compress better, but never worse."""
    raw = text.encode("utf-8", "replace")
    return len(raw) if len(raw) <= MAX_COMPRESSED else len(zlib.compress(raw, 1))


def _hashes(files: Mapping[str, str], findings: Iterable[DecidedFinding]) -> dict[str, list[str]]:
    paths = {finding.path for finding in findings}
    return {path: line_hashes(files[path]) for path in paths if path in files}


def uri(path: str) -> str:
    """The path as a relative URI reference that stays below the root, whatever the path is."""
    # Git's paths are bytes: those that are not UTF-8 arrive as surrogates and leave as the bytes that they
    # were.
    segments = [part for part in path.split("/") if part not in {"", ".", ".."}]
    raw = "/".join(segments).encode("utf-8", "surrogateescape" if _escapes(path) else "replace")
    return quote(raw, safe="/")


def _rule_id(finding: DecidedFinding) -> str:
    # The first rule: GitHub tells alerts apart by it, so it must not change when another agent joins in.
    for rule in finding.rules:
        if name := one_line(rule, MAX_RULE_ID):
            return name
    return f"quorate.{finding.category}"


def _rules(findings: Iterable[DecidedFinding]) -> list[Json]:
    grouped: dict[str, list[DecidedFinding]] = {}
    for finding in findings:
        grouped.setdefault(_rule_id(finding), []).append(finding)
    return [_rule(name, grouped[name]) for name in sorted(grouped)]


def _rule(name: str, findings: list[DecidedFinding]) -> Json:
    categories = sorted({finding.category for finding in findings})
    reporters = sorted({vote.agent for finding in findings for vote in finding.votes})
    by = f", reported by {', '.join(reporters[:10])}" if reporters else ""
    text = one_line(f"{name} ({', '.join(categories)}){by}", MAX_DESCRIPTION)
    severity = min((_weight(finding) for finding in findings), key=SEVERITIES.index)
    secure = bool(_SECURITY & set(categories))
    # Of a rule with too many tags the first stay: those by which GitHub tells security from quality.
    weaknesses = sorted({f"external/cwe/cwe-{finding.cwe:03}" for finding in findings if finding.cwe})
    tags = [*(["security"] if secure else []), *weaknesses, *(name for name in categories if name != "security")]
    properties: Json = {"tags": tags[:MAX_TAGS], "problem.severity": _PROBLEMS[severity]}
    if secure:
        properties["security-severity"] = _SCORES[severity]
    rule: Json = {
        "id": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {
            "text": f"{text}. Quorate counts independent votes: agents whose rule or model comes from one "
            "lineage have one vote. Each result's properties hold its votes and why it was decided so."
        },
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": properties,
    }
    pages = (references.of_rule(finding, name) for finding in findings)
    page = next(filter(None, pages), None) or next(
        (references.weakness(finding.cwe) for finding in findings if finding.cwe), None
    )
    return rule | ({"helpUri": page} if page else {})


def _weight(finding: DecidedFinding) -> Severity:
    """The severity that counts. What was not confirmed must not fail a check that looks at levels."""
    if finding.decision == "confirmed" or SEVERITIES.index(finding.severity) > SEVERITIES.index("low"):
        return finding.severity
    return "low"


def _result(
    finding: DecidedFinding, places: Mapping[str, int], hashes: Mapping[str, list[str]], source: Source
) -> Json:
    name = _rule_id(finding)
    confirmed = finding.decision == "confirmed"
    message = one_line(finding.message) or "no message"
    if finding.indirect:
        message = f"{message} ({account.INDIRECT})"
    result: Json = {
        "ruleId": name,
        "ruleIndex": places[name],
        "level": _LEVELS[_weight(finding)],
        "message": {"text": message if confirmed else f"{account.TITLES[finding.decision]}: {message}"},
        "locations": [_location(finding)],
        "partialFingerprints": _fingerprints(finding, hashes.get(finding.path, [])),
        "properties": {
            "id": one_line(finding.id, MAX_RULE_ID),
            "severity": finding.severity,
            "category": finding.category,
            "decision": finding.decision,
            "reason": one_line(finding.reason),
            "confidence": max((vote.confidence for vote in finding.votes), default=0.0),
            "rules": [one_line(rule, MAX_RULE_ID) for rule in finding.rules],
            "votes": [_vote(finding, vote_at) for vote_at in range(len(finding.votes))],
        },
    }
    if finding.objections:
        result["properties"]["objections"] = [
            {
                "agent": one_line(each.agent, MAX_RULE_ID),
                "lineage": one_line(each.lineage, MAX_RULE_ID),
                "confidence": each.confidence,
                "message": one_line(each.message),
            }
            for each in finding.objections
        ]
    if finding.cwe:
        result["properties"]["cwe"] = finding.cwe
    if finding.suggestion:
        result["properties"]["suggestion"] = _printable(finding.suggestion)
    result.update(_fixes(finding, source))
    if not confirmed:
        # A suppression rather than another `kind`: a result that is not of kind "fail" must have the level
        # "none", and viewers then do not list it, but an unconfirmed finding shall stay in sight.
        # "underReview" does not suppress, it says that nobody has decided for or against it; "accepted" is
        # for what was held back.
        status = "accepted" if finding.decision == "withheld" else "underReview"
        justification = one_line(finding.reason) or account.TITLES[finding.decision]
        result["suppressions"] = [{"kind": "external", "status": status, "justification": justification}]
    return result


def _fingerprints(finding: DecidedFinding, hashes: list[str]) -> Json:
    own = {"quorate/v1": one_line(finding.fingerprint, MAX_RULE_ID)}
    at = (finding.line or 1) - 1
    return own | {"primaryLocationLineHash": hashes[at]} if at < len(hashes) else own


def _fixes(finding: DecidedFinding, source: Source) -> Json:
    fix = edits.showable(finding.fix, finding.path, finding.category, source)
    if fix is None:
        return {}
    description = "A safe fix" if fix.safe else "A fix to look at before it is applied"
    replacements = [_replacement(edit, finding.path, source) for edit in fix.edits]
    change = {"artifactLocation": _artifact(finding.path), "replacements": replacements}
    return {
        "fixes": [{"description": {"text": description}, "artifactChanges": [change], "properties": {"safe": fix.safe}}]
    }


def _replacement(edit: Edit, path: str, source: Source) -> Json:
    # Whole lines: from the start of the first to the start of the one after the last. A last line of the file that
    # has no line end has no line after it either.
    region = {"startLine": edit.line, "startColumn": 1, "endLine": edit.end_line + 1, "endColumn": 1}
    if edit.end_line == source.last(path) >= edit.line and source.ends_open(path):
        end = len(source.line(path, edit.end_line) or "") + 1
        region |= {"endLine": edit.end_line, "endColumn": end}
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}} if edit.text else {"deletedRegion": region}


def _vote(finding: DecidedFinding, at: int) -> Json:
    vote = finding.votes[at]
    entry: Json = {
        "agent": one_line(vote.agent, MAX_RULE_ID),
        "lineage": one_line(vote.lineage, MAX_RULE_ID),
        "rule": one_line(vote.rule, MAX_RULE_ID),
        "severity": vote.severity,
        "confidence": vote.confidence,
    }
    if vote.message != finding.message:
        entry["message"] = one_line(vote.message)
    return entry


def _location(finding: DecidedFinding) -> Json:
    # GitHub requires a region: a finding about the whole file is shown at its first line.
    region = {"startLine": finding.line or 1}
    if finding.line is not None and finding.end_line is not None and finding.end_line >= finding.line:
        region["endLine"] = finding.end_line
    return {"physicalLocation": {"artifactLocation": _artifact(finding.path), "region": region}}


def _artifact(path: str) -> Json:
    return {"uri": uri(path), "uriBaseId": ROOT}


def _invocation(result: Result, kept: int) -> Json:
    invocation: Json = {
        "executionSuccessful": result.state == "completed" and not result.partial,
        "toolExecutionNotifications": list(_notifications(result, kept)),
    }
    times = {"startTimeUtc": result.timings.started_at, "endTimeUtc": result.timings.finished_at}
    invocation.update({name: utc for name, time in times.items() if (utc := _utc(time))})
    return invocation


def _notifications(result: Result, kept: int) -> Iterator[Json]:
    if result.state != "completed" or result.partial:
        reason = result.reason or "no reason was given"
        level: Level = "warning" if result.state == "completed" else "error"
        yield _notice("incomplete", level, f"{result.state}: {reason}")
    for name, agent in attendance.agents(result).items():
        why = f": {agent.reason}" if agent.reason else ""
        if agent.state in account.ABSENT and not attendance.lacks_its_tool(agent):
            yield _notice("agent-absent", "error", f"{name} {account.ABSENT[agent.state]}{why}")
        elif agent.state != "ok":
            yield _notice("agent-skipped", "note", f"{name} was skipped{why}")
    yield from _unread(result)
    left = len(result.findings) - kept
    if left > 0:
        text = f"{account.plural(left, 'finding')} left out, the least severe: GitHub takes no more in one run"
        yield _notice("findings-left-out", "warning", text)
    if result.findings_ref is not None:
        ref = result.findings_ref
        text = f"Only the most severe findings are here; all of them are in {ref.bucket}, object {ref.key}"
        yield _notice("findings-left-out", "warning", text)


def _unread(result: Result) -> Iterator[Json]:
    named = 0
    for group in attendance.unread_by_all(result):
        why = f": {group.reason}" if group.reason else ""
        for path in group.paths[: max(0, MAX_UNREAD - named)]:
            yield _notice("file-unread", "warning", f"No agent read {path}{why}") | _at(path)
            named += 1
    unnamed = attendance.unread_total(result) - named
    if unnamed > 0:
        yield _notice("file-unread", "warning", f"No agent read {account.plural(unnamed, 'more file')}")
    for name, agent in attendance.took_part(result).items():
        for group in attendance.unread_by(result, agent):
            first, more = group.paths[:1], group.count - len(group.paths[:1])
            files = " and ".join([*first, *([account.plural(more, "more file")] if more else [])])
            why = f": {group.reason}" if group.reason else ""
            notice = _notice("file-unread-by-agent", "warning", f"{name} could not read {files}{why}")
            yield notice | _at(*first)


def _at(*paths: str) -> Json:
    locations = [{"physicalLocation": {"artifactLocation": _artifact(path)}} for path in paths]
    return {"locations": locations} if locations else {}


def _notice(name: str, level: Level, text: str) -> Json:
    return {"descriptor": {"id": name}, "level": level, "message": {"text": one_line(text, MAX_LINE)}}


def _run_properties(result: Result) -> Json:
    return {
        "taskId": one_line(result.task_id, MAX_RULE_ID),
        "kind": one_line(result.kind, MAX_RULE_ID),
        "state": result.state,
        "partial": result.partial,
        "verdict": result.verdict,
        "usage": result.usage.model_dump(),
    }


def _utc(time: str | None) -> str | None:
    try:
        moment = datetime.fromisoformat(time or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        # The first and the last day of the calendar, shifted out of it.
        return None


def _printable(text: str) -> str:
    return "\n".join(one_line(line) for line in text[:MAX_LINE].split("\n"))


def _escapes(path: str) -> bool:
    return all("\udc80" <= char <= "\udcff" for char in path if "\ud800" <= char <= "\udfff")
