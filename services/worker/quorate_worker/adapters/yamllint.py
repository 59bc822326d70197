"""The agent `yamllint`: YAML that cannot be read, or that is read as something other than it seems."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from quorate.contract.finding import Finding
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import COMMENT, Copies, Left, countdown, deaf_and_heard, deafened
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.template import is_template
from quorate_worker.adapters.workspace import Workspace

# Defects only: how YAML is laid out and quoted belongs to a project's own linter. Octal numbers are numbers of
# another value to YAML 1.2, and for file modes `0o` is no way out.
_CONFIG = """\
yaml-files: ["*"]
rules:
  anchors: {forbid-undeclared-aliases: true, forbid-duplicated-anchors: true, forbid-unused-anchors: false}
  key-duplicates: {forbid-duplicated-merge-keys: false}
  octal-values: {forbid-implicit-octal: true, forbid-explicit-octal: false}
"""

RULES: dict[str, Rule] = {
    "": Rule("bug", "low", 0.7),
    "anchors": Rule("bug", "medium", 0.9),
    "key-duplicates": Rule("bug", "medium", 0.95),
    "octal-values": Rule("bug", "low", 0.5),
    "syntax": Rule("bug", "high", 0.9),
}

_ENTRY = re.compile(
    r"(?P<name>\d+):(?P<line>\d+):\d+: \[\w+\] (?P<message>.*?)(?: \((?P<rule>[a-z-]+)\))?\n?", re.DOTALL
)
_DIRECTIVE = re.compile(r"\byamllint(?!\S)")
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class _Problem(NamedTuple):
    """One entry of its output; ``copy`` is the file that it names."""

    copy: str
    line: int
    message: str
    rule: str


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run yamllint deaf to the comments that silence it, and once more obeying them if there are any.

    A file that is no YAML is unread, and its syntax error is a finding unless it is the template of a YAML file.
    """
    left = countdown(timeout_s)
    config = space.home / "yamllint.yaml"
    config.write_text(_CONFIG)
    deaf = {path: deafened(text, _DIRECTIVE, COMMENT) for path, text in space.files.items()}

    async def run(texts: Mapping[str, str], folder: str) -> Analysis:
        return await _run(space, texts, folder, left)

    return await deaf_and_heard(space.files, deaf, run, "yamllint disable")


async def _run(space: Workspace, texts: Mapping[str, str], folder: str, left: Left) -> Analysis:
    # It counts lines in two ways, and is silent about all that lies behind a line that ends in one of them only.
    even = {path: _BREAK.sub(_to_newline, text) for path, text in texts.items()}
    copies = Copies.of(space, even, folder)
    argv = (*space.program, f"--config-file={space.home / 'yamllint.yaml'}", "--format=parsable")

    async def problems_in(names: Sequence[str]) -> list[_Problem]:
        output = await space.run([*argv, *names], left(), name="yamllint")
        # A failure of Python's ends with code 1 as well.
        if output.code not in (0, 1) or output.stderr:
            last = output.stderr.strip().rpartition(b"\n" if b"Error: " not in output.stderr else b"Error: ")[2]
            raise ToolFailed("yamllint", f"ended with code {output.code}", last)
        return list(_problems(output.stdout.decode("utf-8", "replace"), copies.folder))

    problems, failed = await all_or_alone(list(copies.paths), problems_in)
    done = Analysis(unread={copies.paths[name]: why for name, why in failed.items()})
    lines: dict[str, list[int]] = {}
    for problem in problems:
        path = copies.paths[problem.copy]
        if path not in lines:
            lines[path] = diff_lines(space.files[path])
        finding = to_finding(path, lines[path][min(problem.line, len(lines[path])) - 1], problem)
        if finding.rule == "syntax":
            done.unread[path] = f"line {finding.line}: {finding.message}"
            if is_template(space.files[path]):
                continue
        done.findings.append(finding)
    return done


def _problems(output: str, folder: Path) -> Iterator[_Problem]:
    """What it prints of the files in the folder.

    It quotes keys as they are, and those may hold line ends: the name of the folder, which no change can know, tells
    where an entry begins.
    """
    for entry in re.split(rf"^{re.escape(str(folder))}/", output, flags=re.MULTILINE):
        match = _ENTRY.fullmatch(entry)
        if match is not None:
            message = " ".join(match["message"].split())
            yield _Problem(f"{folder}/{match['name']}", int(match["line"]), message, match["rule"] or "")


def _to_newline(end: re.Match[str]) -> str:
    return end.group() if end.group().endswith("\n") else "\n"


def to_finding(path: str, line: int, problem: _Problem) -> Finding:
    """One entry of its output as a finding in this line of the diff."""
    judged = judge(RULES, problem.rule)
    return Finding(
        path=path,
        line=line,
        end_line=line,
        severity=judged.severity,
        category=judged.category,
        message=clean(problem.message) or problem.rule or "no message",
        rule=problem.rule,
        confidence=judged.confidence,
        cwe=judged.cwe,
    )


def diff_lines(text: str) -> list[int]:
    """For each line of YAML, which more characters end than `\\n`, the line of the diff."""
    lines = [1]
    for end in _BREAK.finditer(text):
        # What lies behind the last line end is no line of the diff.
        if end.end() < len(text):
            lines.append(lines[-1] + end.group().endswith("\n"))
    return lines


YAMLLINT = Analyzer(
    name="yamllint",
    description="YAML that cannot be read, or that is read as something other than it seems",
    homepage="https://yamllint.readthedocs.io",
    program=Program(command="yamllint", distribution="yamllint", module="yamllint", install="pip install yamllint"),
    selection=Selection.of_languages("yaml", noun="YAML file"),
    languages=("yaml",),
    check=check,
    batch=100,
    expected_s=0.15,
    rules=RULES,
    notes=(
        "Syntax errors, repeated keys, aliases of nothing, anchors defined twice, and numbers with a leading zero; "
        "nothing about layout. Templates of YAML files (Helm, Jinja) that are no YAML by themselves are unread, "
        "without a finding. `yamllint disable` makes a finding a mere note; no configuration of the change is obeyed."
    ),
)
