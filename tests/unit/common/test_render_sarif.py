import gzip
import json
import random
from typing import Any

import pytest

from quorate import __version__
from quorate.contract.blob import BlobRef
from quorate.contract.facts import AgentCoverage, Coverage
from quorate.contract.finding import DecidedFinding, Objection, Vote
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render import sarif


def finding(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f1",
        "path": "src/auth.py",
        "line": 2,
        "severity": "high",
        "category": "bug",
        "message": "Possible hardcoded password",
        "fingerprint": "abc",
        "rules": ("S105", "B105"),
        "votes": (
            Vote(
                agent="ruff",
                lineage="bandit",
                rule="S105",
                severity="high",
                confidence=0.9,
                message="in other words",
            ),
        ),
        "decision": "confirmed",
        "reason": "one vote is enough",
    }
    return DecidedFinding(**(known | fields))


def result(*findings: DecidedFinding, **fields: Any) -> Result:
    known: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "state": "completed",
        "timings": Timings(finished_at="2026-01-02T03:04:05Z"),
    }
    return Result(**(known | fields), findings=findings)


def run_of(subject: Result) -> dict[str, Any]:
    [run] = sarif.log(subject, {})["runs"]
    return dict(run)


def notices(subject: Result) -> list[tuple[str, str, str]]:
    [invocation] = run_of(subject)["invocations"]
    return [
        (notice["descriptor"]["id"], notice["level"], notice["message"]["text"])
        for notice in invocation["toolExecutionNotifications"]
    ]


def test_the_driver_is_quorate_with_its_version() -> None:
    driver = run_of(result())["tool"]["driver"]
    assert (driver["name"], driver["version"], driver["rules"]) == ("quorate", __version__, [])


def test_a_finding_becomes_a_result_with_its_votes() -> None:
    [entry] = run_of(result(finding(end_line=4, suggestion="Read it\nfrom elsewhere.")))["results"]
    assert entry == {
        "ruleId": "S105",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "Possible hardcoded password"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "src/auth.py", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 2, "endLine": 4},
                }
            }
        ],
        "partialFingerprints": {"quorate/v1": "abc"},
        "properties": {
            "id": "f1",
            "severity": "high",
            "category": "bug",
            "decision": "confirmed",
            "reason": "one vote is enough",
            "confidence": 0.9,
            "rules": ["S105", "B105"],
            "votes": [
                {
                    "agent": "ruff",
                    "lineage": "bandit",
                    "rule": "S105",
                    "severity": "high",
                    "confidence": 0.9,
                    "message": "in other words",
                }
            ],
            "suggestion": "Read it\nfrom elsewhere.",
        },
    }


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "note"), ("info", "note")],
)
def test_levels_follow_severities(severity: str, level: str) -> None:
    [entry] = run_of(result(finding(severity=severity)))["results"]
    assert entry["level"] == level


@pytest.mark.parametrize(
    ("severity", "score"),
    [("critical", "9.5"), ("high", "8.0"), ("medium", "5.5"), ("low", "2.0"), ("info", "0.5")],
)
@pytest.mark.parametrize("category", ["security", "secrets"])
def test_security_rules_have_githubs_tag_and_score(category: str, severity: str, score: str) -> None:
    [rule] = run_of(result(finding(category=category, severity=severity)))["tool"]["driver"]["rules"]
    assert rule["properties"]["tags"] == list(dict.fromkeys(["security", category]))
    assert rule["properties"]["security-severity"] == score


def test_other_rules_have_no_score() -> None:
    [rule] = run_of(result(finding(category="style")))["tool"]["driver"]["rules"]
    assert rule["properties"] == {"tags": ["style"], "problem.severity": "error"}


def test_results_point_at_their_rules() -> None:
    run = run_of(result(finding(rules=("Z1",)), finding(rules=("A1",)), finding(rules=()), finding(rules=(" ", "A1"))))
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["A1", "Z1", "quorate.bug"]
    assert sorted(entry["ruleId"] for entry in run["results"]) == ["A1", "A1", "Z1", "quorate.bug"]
    assert all(rules[entry["ruleIndex"]] == entry["ruleId"] for entry in run["results"])


@pytest.mark.parametrize(
    ("decision", "status", "title"),
    [
        ("demoted", "underReview", "Unconfirmed"),
        ("held", "underReview", "Held"),
        ("withheld", "accepted", "Withheld"),
    ],
)
def test_what_was_not_confirmed_stays_in_the_log_and_fails_no_check(decision: str, status: str, title: str) -> None:
    run = run_of(result(finding(decision=decision, severity="critical", category="security", reason="too few")))
    [entry] = run["results"]
    assert entry["level"] == "note"
    assert entry["message"]["text"] == f"{title}: Possible hardcoded password"
    assert entry["suppressions"] == [{"kind": "external", "status": status, "justification": "too few"}]
    [rule] = run["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == "2.0"


@pytest.mark.parametrize(
    ("line", "end_line", "region"),
    [
        (None, None, {"startLine": 1}),
        (None, 5, {"startLine": 1}),
        (3, None, {"startLine": 3}),
        (3, 2, {"startLine": 3}),
        (3, 3, {"startLine": 3, "endLine": 3}),
    ],
)
def test_every_result_has_a_region(line: int | None, end_line: int | None, region: dict[str, int]) -> None:
    [entry] = run_of(result(finding(line=line, end_line=end_line)))["results"]
    assert entry["locations"][0]["physicalLocation"]["region"] == region


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("src/a.py", "src/a.py"),
        ("a b#c?d%e.py", "a%20b%23c%3Fd%25e.py"),
        ("http://evil/x", "http%3A/evil/x"),
        ("//evil/x", "evil/x"),
        ("/etc/passwd", "etc/passwd"),
        ("../../up.py", "up.py"),
        ("a/./../b", "a/b"),
        ("C:\\x", "C%3A%5Cx"),
        ("ü.py", "%C3%BC.py"),
        ("latin\udcfc.py", "latin%FC.py"),
        ("broken\ud800.py", "broken%3F.py"),
        ("new\nline\x1b", "new%0Aline%1B"),
        ("", ""),
    ],
)
def test_paths_become_uris_that_stay_below_the_root(path: str, uri: str) -> None:
    assert sarif.uri(path) == uri


def test_notifications_tell_what_was_not_looked_at() -> None:
    agents = {
        "eslint": AgentCoverage(state="skipped", reason="no JavaScript"),
        "mypy": AgentCoverage(state="failed", reason="crashed"),
        "ruff": AgentCoverage(state="ok", files=1),
        "slow": AgentCoverage(state="timeout"),
    }
    subject = result(coverage=Coverage(agents=agents, unread=("a b.bin",)), missing=("judge",))
    assert notices(subject) == [
        ("agent-skipped", "note", "eslint was skipped: no JavaScript"),
        ("agent-absent", "error", "judge did not answer"),
        ("agent-absent", "error", "mypy failed: crashed"),
        ("agent-absent", "error", "slow ran out of time"),
        ("file-unread", "warning", "No agent read a b.bin"),
    ]
    last = run_of(subject)["invocations"][0]["toolExecutionNotifications"][-1]
    assert last["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.bin"


def test_unread_files_beyond_a_hundred_are_counted() -> None:
    subject = result(coverage=Coverage(unread=tuple(f"{number}.bin" for number in range(103))))
    assert len(notices(subject)) == 101
    assert notices(subject)[-1] == ("file-unread", "warning", "No agent read 3 more files")


@pytest.mark.parametrize(
    ("fields", "successful", "told"),
    [
        ({}, True, []),
        ({"partial": True, "reason": "late"}, False, [("incomplete", "warning", "completed: late")]),
        ({"state": "failed", "reason": "nobody"}, False, [("incomplete", "error", "failed: nobody")]),
        ({"state": "rejected"}, False, [("incomplete", "error", "rejected: no reason was given")]),
    ],
)
def test_the_invocation_tells_how_it_ended(
    fields: dict[str, Any], successful: bool, told: list[tuple[str, str, str]]
) -> None:
    subject = result(**fields)
    assert run_of(subject)["invocations"][0]["executionSuccessful"] is successful
    assert notices(subject) == told


@pytest.mark.parametrize(
    ("time", "utc"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
        ("2026-01-02T03:04:05.678901+01:00", "2026-01-02T02:04:05.678Z"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000Z"),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_utc_or_left_out(time: str, utc: str | None) -> None:
    [invocation] = run_of(result(timings=Timings(finished_at=time)))["invocations"]
    assert invocation.get("endTimeUtc") == utc


def logged(text: str) -> dict[str, Any]:
    [run] = json.loads(text)["runs"]
    return dict(run)


def test_what_exceeds_githubs_limit_is_left_out_least_severe_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sarif.MAX_RESULTS == 25_000
    monkeypatch.setattr(sarif, "MAX_RESULTS", 2)
    severities = ["info", "critical", "low", "high"]
    subject = result(*(finding(severity=severity) for severity in severities))
    run = logged(sarif.render(subject, {}, None))
    assert [entry["properties"]["severity"] for entry in run["results"]] == ["critical", "high"]
    [notice] = run["invocations"][0]["toolExecutionNotifications"]
    assert (notice["descriptor"]["id"], notice["level"]) == ("findings-left-out", "warning")
    assert notice["message"]["text"].startswith("2 findings left out")


def test_what_was_not_confirmed_is_left_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 1)
    subject = result(finding(severity="critical", decision="demoted"), finding(severity="low"))
    run = logged(sarif.render(subject, {}, None))
    assert [entry["properties"]["decision"] for entry in run["results"]] == ["confirmed"]


def test_a_log_that_is_too_large_for_github_loses_its_least_severe_results(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sarif.MAX_COMPRESSED == 10_000_000
    monkeypatch.setattr(sarif, "MAX_COMPRESSED", 20_000)
    numbers = random.Random(7)
    subject = result(
        *(
            finding(severity="critical" if at < 3 else "low", message=numbers.randbytes(400).hex(), votes=())
            for at in range(200)
        )
    )
    text = sarif.render(subject, {}, None)
    assert len(gzip.compress(text.encode())) <= 20_000
    run = logged(text)
    assert [entry["level"] for entry in run["results"]][:4] == ["error", "error", "error", "note"]
    [notice] = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"].startswith(f"{200 - len(run['results'])} findings left out")


def test_a_log_that_stays_too_large_has_no_results_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_COMPRESSED", 10)
    assert logged(sarif.render(result(finding(), finding()), {}, None))["results"] == []


def test_weaknesses_are_tags_as_codeql_writes_them_and_the_rule_has_a_page() -> None:
    [rule] = run_of(result(finding(cwe=89, category="security"), finding(cwe=1333)))["tool"]["driver"]["rules"]
    assert rule["properties"]["tags"] == ["security", "external/cwe/cwe-089", "external/cwe/cwe-1333", "bug"]
    assert rule["helpUri"] == "https://docs.astral.sh/ruff/rules/S105"


@pytest.mark.parametrize(
    ("agent", "rule", "cwe", "page"),
    [
        ("shellcheck", "SC2086", 78, "https://www.shellcheck.net/wiki/SC2086"),
        ("mine", "R1", 78, "https://cwe.mitre.org/data/definitions/78.html"),
        ("mine", "R1", None, None),
        ("ruff", "../../evil", None, None),
        ("mypy", 'x" onclick=', None, None),
    ],
)
def test_the_page_of_a_rule_is_one_of_ours_or_none(agent: str, rule: str, cwe: int | None, page: str | None) -> None:
    vote = Vote(agent=agent, lineage=agent, rule=rule, severity="low", confidence=1, message="m")
    [described] = run_of(result(finding(rules=(rule,), votes=(vote,), cwe=cwe)))["tool"]["driver"]["rules"]
    assert described.get("helpUri") == page


def test_a_rule_has_no_more_tags_than_github_shows() -> None:
    subject = result(*(finding(cwe=number, category="security") for number in range(1, 40)))
    [rule] = run_of(subject)["tool"]["driver"]["rules"]
    assert rule["properties"]["tags"][:2] == ["security", "external/cwe/cwe-001"]
    assert len(rule["properties"]["tags"]) == 10


def test_a_fix_replaces_whole_lines() -> None:
    edits = (
        Edit(line=1, end_line=0, text="first\n"),
        Edit(line=2, end_line=3, text="new\r\n"),
        Edit(line=4, end_line=4, text=""),
    )
    [entry] = run_of(result(finding(path="a.py", fix=Fix(edits=edits, safe=True))))["results"]
    [fix] = entry["fixes"]
    [change] = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "a.py"
    assert change["replacements"] == [
        {"deletedRegion": region(1, 1, 1, 1), "insertedContent": {"text": "first\n"}},
        {"deletedRegion": region(2, 1, 4, 1), "insertedContent": {"text": "new\r\n"}},
        {"deletedRegion": region(4, 1, 5, 1)},
    ]
    assert fix["properties"] == {"safe": True}


def region(line: int, column: int, end_line: int, end_column: int) -> dict[str, int]:
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def test_a_fix_of_a_last_line_without_an_end_stays_within_the_file() -> None:
    subject = result(finding(path="a.py", fix=Fix(edits=(Edit(line=2, end_line=2, text="b\n"),))))
    [entry] = logged(sarif.render(subject, {"a.py": "one\ntwo"}, None))["results"]
    assert entry["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"] == region(2, 1, 2, 4)


def test_a_fix_of_a_secret_is_left_out() -> None:
    fix = Fix(edits=(Edit(line=1, end_line=1, text="password = 1\n"),), safe=True)
    [entry] = run_of(result(finding(category="secrets", fix=fix)))["results"]
    assert "fixes" not in entry


def test_with_the_files_results_have_the_fingerprint_that_github_goes_by() -> None:
    content = "Lorem ipsum dolor sit amet.\n" * 10
    findings = (finding(line=2), finding(line=None), finding(line=99), finding(path="unknown.py"))
    entries = logged(sarif.render(result(*findings), {"src/auth.py": content}, None))["results"]
    assert sorted(entry["partialFingerprints"].get("primaryLocationLineHash", "") for entry in entries) == [
        "",
        "",
        "a7f2ff13bc495cf2:1",
        "a7f2ff13bc495cf2:2",
    ]
    assert all(entry["partialFingerprints"]["quorate/v1"] == "abc" for entry in entries)


def test_the_category_is_left_to_the_workflow() -> None:
    assert "automationDetails" not in run_of(result(finding()))


def test_what_the_change_causes_elsewhere_says_so() -> None:
    [entry] = run_of(result(finding(indirect=True)))["results"]
    assert entry["message"]["text"].endswith(" (caused by the change, outside of the changed lines)")


def test_what_one_agent_could_not_read_and_which_tools_lack_is_notified() -> None:
    agents = {
        "mypy": AgentCoverage(
            state="ok", files=1, unread={"a.py": "syntax error", "b.py": "syntax error", "c.py": "x"}, unread_total=3
        ),
        "semgrep": AgentCoverage(state="missing", reason="semgrep is not installed: pipx install semgrep"),
    }
    subject = result(coverage=Coverage(agents=agents, unread=("c.py",), unread_total=1))
    assert notices(subject) == [
        ("agent-skipped", "note", "semgrep was skipped: semgrep is not installed: pipx install semgrep"),
        ("file-unread", "warning", "No agent read c.py: x"),
        ("file-unread-by-agent", "warning", "mypy could not read a.py and 1 more file: syntax error"),
    ]


def test_findings_that_are_elsewhere_are_mentioned() -> None:
    subject = result(findings_ref=BlobRef(key="t1/findings", sha256="0" * 64, size=1))
    [(name, _, text)] = notices(subject)
    assert name == "findings-left-out"
    assert "QUORATE_BLOBS, object t1/findings" in text


def test_who_objects_is_among_the_properties() -> None:
    objection = Objection(agent="taint", lineage="taint", confidence=0.8, message="it is\na constant")
    [entry] = run_of(result(finding(objections=(objection,))))["results"]
    assert entry["properties"]["objections"] == [
        {"agent": "taint", "lineage": "taint", "confidence": 0.8, "message": "it is a constant"}
    ]
