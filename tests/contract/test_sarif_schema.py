import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from quorate.contract.blob import BlobRef
from quorate.contract.facts import AgentCoverage, Coverage, Usage
from quorate.contract.finding import DecidedFinding, Vote
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render import render

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(SCHEMA)
# jsonschema checks these formats only with further packages; both are stricter here than the standards.
RELATIVE_URI = re.compile(r"(?:[\w.~/-]|%[0-9A-F]{2})*", re.ASCII)
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

ANYTHING = st.text(alphabet=st.characters(), max_size=30) | st.sampled_from(
    [
        "",
        "\x1b[31m",
        "\udc80",
        "\ud800x",
        "a\nb\u2028",
        '"}]',
        "%SRCROOT%",
        "//evil/x",
        "../..",
        "http://x",
        "{0}",
    ]
)

EDITS = st.builds(
    lambda line, more, text: Edit(line=line, end_line=line + more, text=text),
    st.integers(1, 4),
    st.integers(-1, 2),
    ANYTHING.map(lambda text: text.encode("utf-8", "replace").decode()),
)
FIXES = st.none() | st.builds(lambda edit, safe: Fix(edits=(edit,), safe=safe), EDITS, st.booleans())


def vote(agent: str, lineage: str, rule: str, message: str) -> Vote:
    return Vote(agent=agent, lineage=lineage, rule=rule, severity="high", confidence=0.9, message=message)


def finding(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f1",
        "path": "src/auth.py",
        "line": 2,
        "severity": "high",
        "category": "secrets",
        "message": "Possible hardcoded password",
        "fingerprint": "abc",
        "rules": ("S105", "B105"),
        "votes": (vote("ruff", "bandit", "S105", "m"), vote("bandit", "bandit", "B105", "m")),
        "decision": "confirmed",
        "reason": "one vote is enough",
    }
    return DecidedFinding(**(known | fields))


def result(**fields: Any) -> Result:
    known: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "state": "completed",
        "timings": Timings(started_at="2026-01-02T03:04:05Z", finished_at="2026-01-02T03:04:06.5+01:00"),
    }
    return Result(**(known | fields))


def values(node: Any, name: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name and isinstance(value, str):
                yield value
            yield from values(value, name)
    elif isinstance(node, list):
        for item in node:
            yield from values(item, name)


def assert_valid(page: str) -> None:
    page.encode("utf-8")
    log = json.loads(page)
    VALIDATOR.validate(log)
    assert all(RELATIVE_URI.fullmatch(uri) for uri in values(log, "uri"))
    assert all(UTC_TIME.fullmatch(time) for name in ("startTimeUtc", "endTimeUtc") for time in values(log, name))
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        # GitHub's own limits and what it requires beyond the schema.
        assert 0 < len(rule["id"]) <= 255
        assert 0 < len(rule["shortDescription"]["text"]) <= 1_024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1_024
        assert rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 10
        assert rule.get("helpUri", "https://").startswith("https://")
    assert all(entry["message"]["text"] for entry in log["runs"][0]["results"])


def test_the_schema_is_a_schema_and_refuses_what_is_not_sarif() -> None:
    Draft4Validator.check_schema(SCHEMA)
    log = json.loads(render(result(findings=(finding(),)), "sarif"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not VALIDATOR.is_valid(log)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"findings": (finding(), finding())},
        {"findings": tuple(finding(decision=decision) for decision in ("demoted", "withheld", "held"))},
        {"findings": (finding(path="", line=None, rules=(), votes=(), reason="", fingerprint=""),)},
        {"state": "failed", "reason": "no agent answered", "missing": ("ruff", "bandit")},
        {"state": "rejected", "reason": "not a diff"},
        {"partial": True, "verdict": "comment", "usage": Usage(llm_calls=2, cost_usd=0.1)},
        {"coverage": Coverage(agents={"mypy": AgentCoverage(state="timeout")}, unread=("a", "b") * 99)},
        {"findings": (finding(cwe=89, fix=Fix(edits=(Edit(line=2, end_line=2, text="x\n"),)), category="bug"),)},
        {"findings_ref": BlobRef(key="k", sha256="0" * 64, size=1)},
        {"timings": Timings(started_at="soon", finished_at="")},
    ],
)
def test_logs_are_valid(fields: dict[str, Any], indent: int | None) -> None:
    assert_valid(render(result(**fields), "sarif", indent=indent))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_logs_are_valid_whatever_the_result_says(data: st.DataObject) -> None:
    def word() -> str:
        return data.draw(ANYTHING)

    lines = st.none() | st.integers(1, 9)
    findings = tuple(
        finding(
            id=word(),
            path=word(),
            line=data.draw(lines),
            end_line=data.draw(lines),
            message=word(),
            suggestion=word(),
            fingerprint=word(),
            rules=tuple(data.draw(st.lists(ANYTHING, max_size=3))),
            votes=(vote(word(), word(), word(), word()),),
            cwe=data.draw(st.none() | st.integers(1, 2_000)),
            indirect=data.draw(st.booleans()),
            category=data.draw(st.sampled_from(["bug", "security", "secrets"])),
            fix=data.draw(FIXES),
            decision=data.draw(st.sampled_from(["confirmed", "demoted", "withheld"])),
            reason=word(),
        )
        for _ in range(data.draw(st.integers(0, 3)))
    )
    subject = result(
        task_id=word(),
        kind=word(),
        state=data.draw(st.sampled_from(["completed", "failed"])),
        reason=word(),
        findings=findings,
        coverage=Coverage(agents={word(): AgentCoverage(state="failed", reason=word())}, unread=(word(),)),
        missing=(word(),),
        timings=Timings(started_at=word(), finished_at=word()),
    )
    files = {finding.path: word() + "\n" + word() for finding in findings}
    assert_valid(render(subject, "sarif", files=files))
