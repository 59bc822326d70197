"""SARIF 2.1.0, which many analyzers can write: https://docs.oasis-open.org/sarif/sarif/v2.1.0."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.command import Parser, reviewed_path
from quorate_worker.adapters.edits import Unit, sarif_fix
from quorate_worker.adapters.process import ToolOutput
from quorate_worker.adapters.rules import Rules, judge
from quorate_worker.adapters.workspace import Workspace

_CWE = re.compile(r"\bcwe-0*([1-9]\d{0,4})\b", re.IGNORECASE)


def sarif_parser(rules: Rules, severities: Mapping[str, Severity] | None = None) -> Parser:
    """A parser for a SARIF log on standard output. ``severities`` maps levels (error, warning, note, none)
    to ours; without it the rules decide."""

    def parse(output: ToolOutput, space: Workspace) -> Analysis:
        done = Analysis()
        for run in json.loads(output.stdout)["runs"]:
            _heed(run.get("invocations") or (), space, done)
            unit: Unit = "utf16" if run.get("columnKind") == "utf16CodeUnits" else "codepoint"
            described = run["tool"]["driver"].get("rules") or []
            by_id = {rule["id"]: rule for rule in described}
            for result in run.get("results") or ():
                if result.get("kind", "fail") != "fail" or result.get("suppressions"):
                    continue
                at = result.get("ruleIndex")
                named = described[at] if isinstance(at, int) and 0 <= at < len(described) else {}
                rule = str(result.get("ruleId") or (result.get("rule") or {}).get("id") or named.get("id") or "")
                done.findings.extend(_findings(result, rule, by_id.get(rule) or named, unit, space))
        return done

    def _findings(
        result: dict[str, Any], rule: str, about: dict[str, Any], unit: Unit, space: Workspace
    ) -> Iterator[Finding]:
        judged = judge(rules, rule)
        level = result.get("level") or (about.get("defaultConfiguration") or {}).get("level") or "warning"
        for location in (result.get("locations") or ())[:1]:
            place = location.get("physicalLocation") or {}
            uri = str((place.get("artifactLocation") or {}).get("uri") or "")
            path = reviewed_path(uri, space)
            if path is None:
                continue
            fixes = (
                sarif_fix(fix, space.files[path], uri=uri, unit=unit, safe=False) for fix in result.get("fixes") or ()
            )
            region = place.get("region") or {}
            first = int(region.get("startLine") or 0)
            last = int(region.get("endLine") or first)
            # A region that ends before the first column of a line does not touch that line.
            if last > first and region.get("endColumn") == 1:
                last -= 1
            yield Finding(
                path=path,
                line=space.line(path, first) if first else None,
                end_line=space.line(path, last) if first else None,
                severity=(severities or {}).get(level, judged.severity),
                category=judged.category,
                message=clean(str((result.get("message") or {}).get("text") or rule or "no message").strip()),
                rule=rule,
                confidence=judged.confidence,
                cwe=judged.cwe or _weakness(about),
                # SARIF does not say whether a fix may be applied unseen.
                fix=next(filter(None, fixes), None),
            )

    return parse


def _heed(invocations: Iterable[dict[str, Any]], space: Workspace, done: Analysis) -> None:
    """What the tool says of itself: files that it stumbled over are unread. Raises ValueError if all of it failed."""
    for invocation in invocations:
        for notification in invocation.get("toolExecutionNotifications") or ():
            if notification.get("level") != "error":
                continue
            said = clean(str((notification.get("message") or {}).get("text") or "an error without a message"))
            places = [location.get("physicalLocation") or {} for location in notification.get("locations") or ()]
            uris = [str((place.get("artifactLocation") or {}).get("uri") or "") for place in places]
            paths = [path for uri in uris if (path := reviewed_path(uri, space)) is not None]
            if not paths:
                raise ValueError(said)
            done.unread |= dict.fromkeys(paths, said)
        if invocation.get("executionSuccessful") is False and not done.unread:
            raise ValueError("it says that it was not successful")


def _weakness(about: dict[str, Any]) -> int | None:
    tags = (about.get("properties") or {}).get("tags") or ()
    return next((int(match.group(1)) for tag in tags if (match := _CWE.search(str(tag)))), None)
