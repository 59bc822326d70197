"""Output of a finding on each line, as most tools can write it: `path:line:column: message`."""

import re
from collections.abc import Mapping

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.command import Parser, reviewed_path
from quorate_worker.adapters.process import ToolOutput
from quorate_worker.adapters.rules import Rules, judge
from quorate_worker.adapters.workspace import Workspace

MAX_LINE = 10_000


def lines_parser(pattern: re.Pattern[str], rules: Rules, severities: Mapping[str, Severity] | None = None) -> Parser:
    """A parser for lines that ``pattern`` matches from their beginning; others are skipped.

    A tool that ends with an error and finds nothing in the change has not done its work, whatever it wrote.

    Its groups: path and message, and where there are any line, end_line, rule and severity. ``severities`` maps the
    tool's words to ours and goes before the severity of the rule.
    """

    def parse(output: ToolOutput, space: Workspace) -> Analysis:
        done = Analysis()
        matched = 0
        for text in output.stdout.decode("utf-8", "replace").split("\n"):
            match = pattern.match(text[:MAX_LINE].rstrip("\r"))
            if match is None:
                continue
            matched += 1
            parts = match.groupdict()
            path = reviewed_path(parts["path"], space)
            if path is None:
                continue
            rule = parts.get("rule") or ""
            judged = judge(rules, rule)
            line = int(parts["line"]) if parts.get("line") else None
            last = int(parts["end_line"]) if parts.get("end_line") else line
            done.findings.append(
                Finding(
                    path=path,
                    line=space.line(path, max(line, 1)) if line is not None else None,
                    end_line=space.line(path, max(last, 1)) if last is not None else None,
                    severity=(severities or {}).get((parts.get("severity") or "").lower(), judged.severity),
                    category=judged.category,
                    message=clean(parts["message"].strip()) or rule or "no message",
                    rule=rule,
                    confidence=judged.confidence,
                    cwe=judged.cwe,
                )
            )
        if matched and not done.findings:
            raise ValueError(f"none of its {matched} findings is in a file of the change")
        if output.code and not done.findings:
            raise ValueError(f"exit code {output.code}, and no line is as expected")
        return done

    return parse
