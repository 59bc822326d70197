"""The agent `detect-secrets`: passwords, tokens and keys in text files of any kind; nothing is sent."""

import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate_worker.adapters.analysis import REVOKE, Analysis, suppressed
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.comments import dismissing
from quorate_worker.adapters.process import PYTHON, ToolFailed, ToolTimeout
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.workspace import Workspace
from quorate_worker.checks.path_kind import in_tests, is_document, is_generated_name

_PROGRAM = Path(__file__).with_name("secret_scan.py")

_RESERVE, _RESERVE_S = 0.2, 2.0
"""What of its time, but no more than so many seconds, is left for reporting what it found."""

# By type as a slug. The other types are patterns of one provider's keys, and those are seldom wrong.
KINDS: dict[str, tuple[Severity, float]] = {
    "base64-high-entropy-string": ("low", 0.4),
    "hex-high-entropy-string": ("low", 0.4),
    "secret-keyword": ("medium", 0.6),
    "basic-auth-credentials": ("high", 0.7),
    "json-web-token": ("medium", 0.7),
    "public-ip-ipv4": ("info", 0.6),
}
# Guesses from a name or from looks: tests and documents are full of made-up ones.
GUESSES = frozenset(
    {"base64-high-entropy-string", "hex-high-entropy-string", "secret-keyword", "basic-auth-credentials"}
)
# Made for the purpose, where they lie among tests.
_FIXTURES = frozenset({"json-web-token", "private-key"})
_PROVIDER: tuple[Severity, float] = ("high", 0.8)
_MESSAGES = {
    "base64-high-entropy-string": "Possible secret: a random-looking string (Base64)",
    "hex-high-entropy-string": "Possible secret: a random-looking string (hexadecimal)",
    "secret-keyword": "Possible hard-coded password, token or key",
    "public-ip-ipv4": "A public IP address",
}


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Scan in a process of its own: the library keeps global settings, and its patterns may take long.

    It stops by itself before its time is up, and what it did not come to is unread.
    """
    ends_at = time.time() + timeout_s - min(timeout_s * _RESERVE, _RESERVE_S)
    asked = json.dumps({"paths": list(space.files), "ends_at": ends_at}).encode()
    output = await space.run([*PYTHON, str(_PROGRAM)], timeout_s, stdin=asked, name="detect-secrets")
    try:
        report = json.loads(output.stdout) if output.code == 0 else None
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ToolFailed("detect-secrets", f"ended with code {output.code} and no report", output.stderr)
    late = dict.fromkeys(report["late"], "detect-secrets had no time left for it")
    stopped = ToolTimeout("detect-secrets", timeout_s) if late else None
    if stopped is not None and len(late) == len(space.files):
        raise stopped
    done = Analysis(unread=report["unread"] | late, stopped_by=stopped)
    for item in report["secrets"]:
        finding = where_it_stands(to_finding(item, space))
        if finding is None:
            continue
        comment = "pragma: allowlist" if item["dismissed"] else _dismissing(finding, item["line"], space)
        done.findings.append(suppressed(finding, comment) if comment else finding)
    done.findings = one_example_of_a_kind(done.findings)
    return done


def where_it_stands(finding: Finding) -> Finding | None:
    """The finding as severe as it is in such a file: a guess is nothing among tests, and a note in a document."""
    if in_tests(finding.path):
        if finding.rule in GUESSES:
            return None
        return finding.model_copy(update={"severity": "info"}) if finding.rule in _FIXTURES else finding
    if _is_example(finding):
        return finding.model_copy(update={"severity": "info"})
    return finding


def one_example_of_a_kind(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with only the first guess of a kind in each document: an example is seldom alone."""
    told: set[tuple[str, str]] = set()
    kept: list[Finding] = []
    for finding in findings:
        place = finding.path, finding.rule
        if place not in told:
            kept.append(finding)
        if _is_example(finding):
            told.add(place)
    return kept


def _is_example(finding: Finding) -> bool:
    return finding.rule in GUESSES and (is_document(finding.path) or is_generated_name(finding.path))


def _dismissing(finding: Finding, line: int, space: Workspace) -> str | None:
    """The comment by which another tool is told that a password in this line of Python is none."""
    if finding.rule != "secret-keyword" or not finding.path.endswith(".py"):
        return None
    return dismissing("".join(space.lines(finding.path)[max(line, 1) - 1 : line]), ("B105", "B106", "B107"))


def to_finding(item: dict[str, Any], space: Workspace) -> Finding:
    """One secret of the scan as a finding; it says what kind of secret, never its value."""
    path, rule = item["path"], slug(item["type"])
    severity, confidence = KINDS.get(rule, _PROVIDER)
    line = space.line(path, max(item["line"], 1))
    return Finding(
        path=path,
        line=line,
        end_line=line,
        severity=severity,
        category="secrets",
        message=_MESSAGES.get(rule) or f"Possible secret: {item['type']}",
        rule=rule,
        cwe=None if rule == "public-ip-ipv4" else 798,
        confidence=confidence,
        suggestion=None if rule == "public-ip-ipv4" else REVOKE,
    )


def slug(kind: str) -> str:
    """`AWS Access Key` as `aws-access-key`."""
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")


DETECT_SECRETS = Analyzer(
    name="detect-secrets",
    description="Passwords, tokens and keys in files of any kind, by detect-secrets",
    homepage="https://github.com/Yelp/detect-secrets",
    program=Program(
        command="detect-secrets",
        distribution="detect-secrets",
        module="detect_secrets",
        is_library=True,
        install="pip install detect-secrets",
    ),
    check=check,
    expected_s=0.25,
    rules={
        "": Rule("secrets", *_PROVIDER, 798),
        **{rule: Rule("secrets", *judged) for rule, judged in KINDS.items()},
    },
    notes=(
        "A finding says what kind of secret it is, never its value. No baseline and no allow list of the change is "
        "obeyed; `pragma: allowlist secret` makes a finding a mere note, as does a comment that tells bandit or ruff "
        "of a password. Among tests only keys in the format of a provider are told; in documents a guess is a note. "
        "Lock files and Swagger files are not read."
    ),
)
