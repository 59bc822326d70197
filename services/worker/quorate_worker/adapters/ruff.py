"""The agent `ruff`: bugs and risky calls in Python, found by ruff's rules and by our selection of them."""

import json
import re
from typing import Any

from quorate.contract.finding import Finding
from quorate_worker.adapters.analysis import REVOKE, Analysis, clean, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import countdown
from quorate_worker.adapters.edits import ruff_fix
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.ruff_check import ruff_check
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.weaknesses import weakness_of
from quorate_worker.adapters.workspace import Workspace

# Rules that tell of a defect, not of taste: what fails when it runs (E9, F, PLE), what likely does not do as
# its author thought (B, PLW, RUF), what an attacker can use (S), what blocks or loses a coroutine (ASYNC,
# RUF006), what was left in by mistake (T10). Formatting, naming and typing belong to a project's own linter.
SELECT = (
    "E9,E722,F,B,S,ASYNC,PLE,T10,"
    "PLW0127,PLW0128,PLW0129,PLW0131,PLW0133,PLW0177,PLW0245,PLW0711,PLW1501,PLW1507,PLW1508,PLW1509,PLW2101,"
    "RUF006,RUF008,RUF009,RUF016,RUF018,RUF024,RUF026,RUF030,RUF032,RUF033,RUF034,RUF048,RUF049,"
    "LOG007,LOG014,SIM115"
)
# Left out as noise: every subprocess call (S603, S606, S607), a star import again at each use (F405), zip,
# map, batched and warn without an optional argument (B905, B912, B911, B028), a parameter's name (ASYNC109).
IGNORE = "S603,S606,S607,F405,B905,B911,B912,B028,ASYNC109"
# Tests assert and packages re-export: neither is worth a word.
PER_FILE_IGNORE = ",".join(
    [f"**/{name}:S101" for name in ("test_*.py", "*_test.py", "conftest.py", "tests/**", "test/**")]
    + ["**/__init__.py:F401"]
)

_FLAGS = (f"--select={SELECT}", f"--ignore={IGNORE}", f"--per-file-ignores={PER_FILE_IGNORE}")

# The longest prefix of a rule decides.
RULES: dict[str, Rule] = {
    "": Rule("other", "low", 0.7),
    "invalid-syntax": Rule("bug", "high", 0.95),
    "E9": Rule("bug", "high", 0.95),
    "E722": Rule("bug", "medium", 0.8),
    "F": Rule("bug", "medium", 0.9),
    "F401": Rule("style", "low", 0.95),
    "F403": Rule("style", "low", 0.9),
    "F541": Rule("style", "low", 0.95),
    "F7": Rule("bug", "high", 0.95),
    "F722": Rule("bug", "medium", 0.6),
    "F82": Rule("bug", "high", 0.9),
    "F84": Rule("style", "low", 0.9),
    "B": Rule("bug", "medium", 0.8),
    "B007": Rule("style", "low", 0.8),
    "B008": Rule("bug", "low", 0.6),
    "B009": Rule("style", "low", 0.9),
    "B010": Rule("style", "low", 0.9),
    "B013": Rule("style", "low", 0.9),
    "B014": Rule("style", "low", 0.9),
    "B019": Rule("performance", "low", 0.7),
    "B024": Rule("style", "low", 0.7),
    "B027": Rule("style", "low", 0.7),
    "B9": Rule("style", "low", 0.8),
    "ASYNC": Rule("bug", "medium", 0.8),
    "ASYNC11": Rule("style", "low", 0.8),
    "ASYNC2": Rule("performance", "medium", 0.8),
    "LOG": Rule("bug", "low", 0.8),
    "PLE": Rule("bug", "high", 0.9),
    "PLE13": Rule("bug", "medium", 0.8),
    "PLE25": Rule("bug", "low", 0.8),
    "PLE2502": Rule("security", "high", 0.8),
    "PLW": Rule("bug", "medium", 0.8),
    "RUF": Rule("bug", "medium", 0.8),
    "SIM": Rule("bug", "low", 0.7),
    "T10": Rule("bug", "medium", 0.9),
    "S": Rule("security", "medium", 0.7),
    "S101": Rule("security", "low", 0.8),
    "S102": Rule("security", "medium", 0.8),
    "S104": Rule("security", "low", 0.5),
    "S105": Rule("secrets", "medium", 0.6),
    "S106": Rule("secrets", "medium", 0.6),
    "S107": Rule("secrets", "medium", 0.6),
    "S108": Rule("security", "low", 0.5),
    "S11": Rule("security", "low", 0.8),
    "S201": Rule("security", "high", 0.8),
    "S310": Rule("security", "low", 0.5),
    "S311": Rule("security", "low", 0.4),
    "S501": Rule("security", "high", 0.8),
    "S602": Rule("security", "high", 0.9),
    "S604": Rule("security", "high", 0.7),
    "S605": Rule("security", "high", 0.8),
    "S608": Rule("security", "medium", 0.6),
    "S701": Rule("security", "high", 0.8),
}

# What these rules quote may be the secret itself.
_OWN_MESSAGES = {
    "S105": "Hard-coded password or token",
    "S106": "Hard-coded password or token as an argument",
    "S107": "Hard-coded password or token as a default",
    "B033": "A set repeats an item",
    "B035": "A dictionary comprehension always writes the same key",
    "F601": "A dictionary repeats a key",
}
_SILENCE = re.compile(r"noqa|ruff", re.IGNORECASE)


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run ruff deaf to the comments that silence it, and once more obeying them if there are any.

    A file that cannot be parsed is unread, for hardly a rule ran over it; its syntax error is a finding too.
    """
    left = countdown(timeout_s)
    items, failed = await ruff_check(space, list(space.files), left, *_FLAGS, "--ignore-noqa")
    done = Analysis(unread=failed)
    silent = {path for path, text in space.files.items() if path not in failed and _SILENCE.search(text)}
    obeying = [item for item in items if item["filename"] not in silent]
    if silent:
        obeying += (await ruff_check(space, sorted(silent), left, *_FLAGS))[0]
    heard = {_identity(item): item for item in obeying}
    for item in items:
        path = item["filename"]
        finding = to_finding(item, path, space)
        if finding.rule == "E902":
            done.unread[path] = finding.message
            continue
        if finding.rule == "invalid-syntax":
            done.unread.setdefault(path, f"syntax error in line {finding.line}: {finding.message}")
        # The fix, too, must obey: that of the deaf run deletes names of an import that a comment keeps.
        obeyed = heard.get(_identity(item))
        if obeyed is None:
            finding = suppressed(finding, "noqa")
        elif finding.rule not in _OWN_MESSAGES:
            finding = finding.model_copy(update={"fix": ruff_fix(obeyed, space.files[path])})
        done.findings.append(finding)
    return done


def to_finding(item: dict[str, Any], path: str, space: Workspace) -> Finding:
    """One entry of ruff's JSON as a finding."""
    rule = item["code"] or item["name"]
    category, severity, confidence, _ = judge(RULES, rule)
    message = _OWN_MESSAGES.get(rule) or item["message"]
    if severity == "high" and "seems safe" in message:  # ruff saw that only literals reach the shell
        severity = "low"
    start, end = item["location"], item["end_location"]
    # A range that ends before the first column of a line does not touch that line.
    last = end["row"] - (end["column"] == 1 and end["row"] > start["row"])
    fix = (item["fix"] or {}).get("message")
    suggestion = REVOKE if category == "secrets" else None if rule in _OWN_MESSAGES else fix
    return Finding(
        path=path,
        line=space.line(path, start["row"]),
        end_line=space.line(path, last),
        severity=severity,
        category=category,
        message=clean(message),
        rule=rule,
        cwe=weakness_of(rule),
        confidence=confidence,
        suggestion=suggestion and clean(suggestion),
    )


def _identity(item: dict[str, Any]) -> str:
    return json.dumps([item["filename"], item["code"], item["location"], item["message"]])


RUFF = Analyzer(
    name="ruff",
    description="Bugs and risky calls in Python, by ruff's rules",
    homepage="https://docs.astral.sh/ruff",
    program=Program(command="ruff", distribution="ruff", install="pip install ruff"),
    selection=Selection.of_languages("python"),
    languages=("python",),
    check=check,
    batch=5_000,
    expected_s=0.05,
    rules=RULES,
    notes=(
        "Rules that tell of a defect, not of taste; formatting is another agent's. `noqa` makes a finding a mere note."
    ),
)
