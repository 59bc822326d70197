"""The agent `ruff`: bugs and risky calls in Python, found by ruff's rules and by our selection of them."""

import json
import re
from typing import Any

from quorate.contract.finding import Finding
from quorate_worker.adapters.analysis import REVOKE, Analysis, clean, suppressed, told_though_dismissed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.comments import dismissing
from quorate_worker.adapters.deafness import countdown
from quorate_worker.adapters.edits import ruff_fix
from quorate_worker.adapters.expected_errors import is_expected_to_fail
from quorate_worker.adapters.in_tests import security_in_tests
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.ruff_check import ruff_check
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.weaknesses import weakness_of
from quorate_worker.adapters.workspace import Workspace
from quorate_worker.checks.path_kind import in_tests

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
# map, batched and warn without an optional argument (B905, B912, B911, B028), a parameter's name (ASYNC109), an
# unused variable of a loop (B007) and an attribute that is set by its name (B010), mostly to get past a type checker.
# Asserts (S101) are bandit's, which says more of them than that they are there.
IGNORE = "S101,S603,S606,S607,F405,B007,B010,B905,B911,B912,B028,ASYNC109"
# Packages re-export: that is not worth a word.
PER_FILE_IGNORE = "**/__init__.py:F401"

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
    "B008": Rule("bug", "low", 0.6),
    "B009": Rule("style", "low", 0.9),
    "B013": Rule("style", "low", 0.9),
    "B014": Rule("style", "low", 0.9),
    "B019": Rule("performance", "low", 0.7),
    "B024": Rule("style", "low", 0.7),
    "B027": Rule("style", "low", 0.7),
    "B9": Rule("style", "info", 0.8),
    "ASYNC": Rule("bug", "medium", 0.8),
    "ASYNC11": Rule("style", "low", 0.8),
    "ASYNC2": Rule("performance", "medium", 0.8),
    "ASYNC23": Rule("performance", "low", 0.8),
    "ASYNC24": Rule("performance", "low", 0.8),
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
    "S102": Rule("security", "medium", 0.8),
    "S104": Rule("security", "low", 0.5),
    "S105": Rule("secrets", "medium", 0.6),
    "S106": Rule("secrets", "medium", 0.6),
    "S107": Rule("secrets", "medium", 0.6),
    "S108": Rule("security", "low", 0.5),
    "S11": Rule("security", "low", 0.8),
    "S201": Rule("security", "high", 0.8),
    "S310": Rule("security", "low", 0.5),
    "S311": Rule("security", "info", 0.4),
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
# Useless but for the error that a test expects of them.
_ON_PURPOSE = frozenset({"B015", "B018"})
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
        heeding, unheard = await ruff_check(space, sorted(silent), left, *_FLAGS)
        obeying += heeding
        # Of a file that it could not read again nothing was dismissed.
        obeying += (item | {"fix": None} for item in items if item["filename"] in unheard)
    heard = {_identity(item): item for item in obeying}
    for item in items:
        path = item["filename"]
        finding = to_finding(item, path, space)
        if finding.rule == "E902":
            done.unread[path] = finding.message
            continue
        if finding.rule == "invalid-syntax":
            done.unread.setdefault(path, f"syntax error in line {finding.line}: {finding.message}")
        kept = _worth_telling(finding, space)
        if kept is None:
            continue
        finding = kept
        # The fix, too, must obey: that of the deaf run deletes names of an import that a comment keeps.
        obeyed = heard.get(_identity(item))
        comment = "noqa" if obeyed is None else _dismissing(finding, space)
        if comment is not None:
            if not told_though_dismissed(finding):
                continue
            finding = suppressed(finding, comment)
        elif obeyed is not None and finding.rule not in _OWN_MESSAGES:
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


def _worth_telling(finding: Finding, space: Workspace) -> Finding | None:
    """The finding as severe as it is where it stands; none if there it is on purpose."""
    if finding.rule[:1] == "S" and finding.rule[1:].isdigit():
        return security_in_tests(finding, f"B{finding.rule[1:]}")
    if in_tests(finding.path):
        if finding.rule.startswith("ASYNC2") or finding.rule == "B904":  # nobody else waits for it, or asks why
            return None
        if finding.rule in _ON_PURPOSE and is_expected_to_fail(space.lines(finding.path), finding.line or 1):
            return None
    return finding


def _dismissing(finding: Finding, space: Workspace) -> str | None:
    """The comment for bandit that speaks of this finding of one of its tests."""
    if not (finding.rule[:1] == "S" and finding.rule[1:].isdigit()):
        return None
    first, last = finding.line or 1, finding.end_line or 1
    return dismissing("\n".join(space.lines(finding.path)[first - 1 : last]), (f"B{finding.rule[1:]}",))


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
        "Rules that tell of a defect, not of taste; formatting is another agent's. Of the rules about security only "
        "those about running code or commands speak of tests, with low severity. `noqa`, and `nosec` for the S rules, "
        "make a finding a mere note, and nothing at all of one about style."
    ),
)
