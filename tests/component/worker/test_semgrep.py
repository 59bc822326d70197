"""The agent `semgrep`, with the real tool."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Category, Finding, Severity
from quorate_worker.adapters import semgrep as module
from quorate_worker.adapters.semgrep import FOLDER, SEMGREP, is_dismissed
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import workspace
from tests.component.worker.semgrep_cases import CASES
from tests.support.analyzers import without

ContextOf = Callable[..., Context]

GIVEN = os.environ.get("QUORATE_TEST_SEMGREP")
TOOLBOX = Toolbox(commands={"semgrep": GIVEN} if GIVEN else {})
SUFFIXES = {"python": ("py",), "javascript": ("js", "ts"), "go": ("go",), "java": ("java",)}
EVIL = "x = request.args['x']\neval(x)\n"

needs_semgrep = pytest.mark.skipif(
    not (SEMGREP.program and SEMGREP.program.argv(GIVEN)),
    reason="semgrep is not installed: pipx install semgrep, or give its path as QUORATE_TEST_SEMGREP",
)


def ran(canary: Path) -> bool:
    return canary.exists()


async def run(context: Context) -> Contribution:
    report = await SEMGREP.analyze(context, TOOLBOX)
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((item.path, item.line, item.rule) for item in report.findings)


def written_rules() -> list[dict[str, Any]]:
    return [rule for file in sorted(FOLDER.glob("*.yaml")) for rule in yaml.safe_load(file.read_text())["rules"]]


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """The rules that all cases are found by, by path: one run for all."""
    assert SEMGREP.program
    argv = SEMGREP.program.argv(GIVEN)
    files = {
        f"{kind}/{language}/{rule}.{suffix}": code
        for (language, rule), pair in CASES.items()
        for kind, code in zip(("bad", "good"), pair, strict=True)
        for suffix in SUFFIXES[language]
    }

    async def check() -> dict[str, set[str]]:
        async with workspace(files, program=argv) as space:
            done = await module.check(space, 100)
        assert done.unread == {}
        return {path: {item.rule for item in done.findings if item.path == path} for path in files}

    return asyncio.run(check())


@needs_semgrep
@pytest.mark.parametrize(("language", "rule"), CASES)
def test_a_rule_finds_what_it_is_for_and_not_what_looks_alike(
    found: dict[str, set[str]], language: str, rule: str
) -> None:
    for suffix in SUFFIXES[language]:
        assert f"quorate.{language}.{rule}" in found[f"bad/{language}/{rule}.{suffix}"]
        assert f"quorate.{language}.{rule}" not in found[f"good/{language}/{rule}.{suffix}"]


def test_every_rule_has_its_cases_and_says_what_its_findings_are() -> None:
    written = written_rules()

    assert sorted(rule["id"] for rule in written) == sorted(f"quorate.{language}.{rule}" for language, rule in CASES)
    assert len(written) >= 35
    for rule in written:
        metadata = rule["metadata"]
        assert metadata["severity"] in get_args(Severity)
        assert metadata["category"] in get_args(Category)
        assert 0 < float(metadata["confidence"]) <= 1
        assert int(metadata["cwe"].removeprefix("CWE-")) > 0


def test_the_rules_of_a_language_agree_on_what_a_request_sends() -> None:
    """Semgrep knows no aliases in YAML, so each rule repeats it."""
    kinds: dict[str, set[str]] = {}
    for rule in written_rules():
        if rule.get("mode") == "taint":
            kinds.setdefault(rule["languages"][0], set()).add(str(rule["pattern-sources"]))

    # Scripts of a page hear of its address, too.
    assert {language: len(texts) for language, texts in kinds.items()} == {
        "python": 1,
        "javascript": 2,
        "go": 1,
        "java": 1,
    }


@needs_semgrep
async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    code = "import subprocess\n\nname = request.args['x']\nsubprocess.run(\n    f'ls {name}',\n    shell=True,\n)\n"

    report = await run(context_of({"a.py": code, "clean.go": "package a\n", "notes.txt": EVIL}))

    assert report.state == "ok", report.reason
    assert report.version.startswith("1.")
    assert (report.read, report.unread) == (("a.py", "clean.go"), {})
    assert report.findings == (
        Finding(
            path="a.py",
            line=5,
            end_line=5,
            severity="high",
            category="security",
            message=(
                "What a request sends becomes part of a command that a shell runs; pass a list of arguments without "
                "a shell."
            ),
            rule="quorate.python.command-injection",
            confidence=0.8,
            cwe=78,
        ),
    )


@needs_semgrep
async def test_nothing_of_the_change_configures_or_silences_the_tool(context_of: ContextOf, canary: Path) -> None:
    files = {
        ".semgrepignore": "*\n",
        "sub/.semgrepignore": "*\n",
        ".gitignore": "*\n",
        ".semgrep.yml": "rules: []\n",
        ".semgrep/settings.yml": "has_shown_metrics_notification: true\n",
        ".semgrep/rules.yaml": "rules: nonsense\n",
        "semgrep_rules/python.yaml": "rules: []\n",
        "pyproject.toml": "[tool.semgrep]\nexclude = ['*']\n",
        "sitecustomize.py": f"open({str(canary)!r}, mode='w')\n" + EVIL,
        "semgrep/__init__.py": f"open({str(canary)!r}, mode='w')\n" + EVIL,
        "semgrep.py": f"open({str(canary)!r}, mode='w')\n" + EVIL,
        "sub/a.py": EVIL,
        "tests/test_a.py": EVIL,
        "node_modules/x/a.py": EVIL,
        "vendor/a.py": EVIL,
        ".venv/a.py": EVIL,
        "-x.py": EVIL,
        "--config=x.py": EVIL,
        "A.PY": EVIL,
        "a.pyi": EVIL,
        "b.pyw": EVIL,
        "[x] ü.py": EVIL,
    }

    report = await run(context_of(files))

    wanted = {path for path in files if path.lower().endswith((".py", ".pyi", ".pyw"))}
    assert set(report.read) == {item.path for item in report.findings} == wanted
    assert {item.rule for item in report.findings} == {"quorate.python.code-injection"}
    assert not ran(canary)


@needs_semgrep
async def test_a_comment_lowers_a_finding_to_a_note_but_does_not_hide_it(context_of: ContextOf) -> None:
    files = {
        "a.py": (
            "x = request.args['x']\neval(x)  # nosemgrep\neval(x)  # nosemgrep: code-injection\n"
            "# nosemgrep\neval(x)\neval(x)  # nosemgrep: other\neval(x)\n"
        ),
        "b.js": "eval(req.body.x); // nosem\n\neval(req.body.y);\n",
    }

    report = await run(context_of(files))

    assert sorted((item.path, item.line, item.severity) for item in report.findings) == [
        ("a.py", 2, "info"),
        ("a.py", 3, "info"),
        ("a.py", 5, "info"),
        ("a.py", 6, "high"),
        ("a.py", 7, "high"),
        ("b.js", 1, "info"),
        ("b.js", 3, "high"),
    ]
    assert report.findings[0].message.endswith(" (dismissed in the code by `nosemgrep`)")


@needs_semgrep
async def test_a_file_that_cannot_be_read_to_its_end_is_unread(context_of: ContextOf) -> None:
    files = {
        "bad.js": "function f( {\n",
        "cr.py": "x = request.args['x']\reval(x)\neval(x)\n",  # ends a line for Python, but not for semgrep
        "good.js": "eval(req.body.x);\n",
    }

    report = await run(context_of(files))

    assert report.read == ("good.js",)
    partly = "PartialParsing in line 1: semgrep could not read all of it"
    assert report.unread == {"bad.js": partly, "cr.py": partly}


@needs_semgrep
async def test_a_file_that_takes_too_long_is_unread_and_does_not_hide_the_others(context_of: ContextOf) -> None:
    slow = "x = " + "+".join(["request.args['a']"] * 6_000) + "\neval(x)\n"

    report = await run(context_of({"slow.py": slow, "good.py": EVIL}))

    assert rules(report) == [("good.py", 2, "quorate.python.code-injection")]
    assert report.unread == {"slow.py": "Timeout: semgrep could not read all of it"}


@needs_semgrep
async def test_odd_contents_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.py": "",
        "crlf.py": "x = request.args['x']\r\neval(x)\r\n",
        "bom.py": "\ufeffeval(request.args['x'])\n",
        "surrogate.py": "y = '\ud800'\neval(request.args['x'])\n",
        "large.js": f"// {'x' * 1_000}\n" * 2_000 + "eval(req.body.x);\n",
        "long.js": "f();" * 2_000 + "eval(req.body.x);\n",
        "types.d.ts": "export const a: string;\n",
        "b.tsx": "export const A = () => <b>{eval(req.body.x)}</b>;\n",
    }

    report = await run(context_of(files))

    assert (set(report.read), report.unread) == (set(files), {})
    assert [(path, line) for path, line, _ in rules(report)] == [
        ("b.tsx", 1),
        ("bom.py", 1),
        ("crlf.py", 2),
        ("large.js", 2_001),
        ("long.js", 1),
        ("surrogate.py", 2),
    ]


@needs_semgrep
async def test_a_thousand_files_are_read(context_of: ContextOf) -> None:
    report = await run(context_of({f"pkg{n % 40}/m{n}.py": EVIL for n in range(1000)}))

    assert len(report.read) == len(report.findings) == 1000


@needs_semgrep
async def test_rules_that_are_not_understood_are_a_failure(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(
        "rules:\n- {id: a, languages: [python], severity: ERROR, message: m, pattern: 'f( ((('}\n"
        "- {id: b, languages: [python], severity: ERROR, message: m, pattern: eval(...)}\n"
    )
    monkeypatch.setattr(module, "FOLDER", tmp_path)

    report = await run(context_of({"a.py": EVIL, "b.py": EVIL}))

    assert report.state == "failed"
    assert "semgrep cannot use its rules" in (report.reason or "")


async def test_a_missing_tool_says_how_to_install_it(context_of: ContextOf) -> None:
    report = await without(SEMGREP).analyze(context_of({"a.py": EVIL}), Toolbox())

    assert report.state == "missing"
    assert report.reason == "no-such-program-here is not installed: pipx install semgrep"


@pytest.mark.parametrize("program", ["echo 'no such rule' >&2; exit 2", "echo not JSON", "echo '{}'", "echo '[]'"])
async def test_a_tool_that_fails_is_a_state_and_not_an_empty_result(
    context_of: ContextOf, tmp_path: Path, program: str
) -> None:
    script = f'#!/bin/sh\n[ "$1" = --version ] && echo 1.0 && exit\n{program}\n'
    (tmp_path / "semgrep").write_text(script)
    (tmp_path / "semgrep").chmod(0o700)
    commands = {"semgrep": str(tmp_path / "semgrep")}

    report = await SEMGREP.analyze(context_of({"a.py": EVIL}), Toolbox(commands=commands))

    assert report.state == "failed"
    assert "semgrep ended with code" in (report.reason or "")


@needs_semgrep
async def test_without_time_left_the_state_is_timeout(context_of: ContextOf) -> None:
    report = await run(context_of({"a.py": EVIL}, deadline_at=time.time() - 1))

    assert (report.state, report.unread) == ("timeout", {"a.py": "semgrep timeout"})


@pytest.mark.parametrize(
    ("line", "dismissed"),
    [
        ("x()  # nosemgrep", True),
        ("x()  // nosem", True),
        ("x()  /* nosemgrep: quorate.python.ssrf */", True),
        ("x()  # nosemgrep: ssrf", True),
        ("x()  # nosemgrep: other, ssrf", True),
        ("x()  # nosemgrep: other", False),
        ("x()  # nosemgrepping", False),
        ("nosemgrep()", False),
    ],
)
def test_a_comment_speaks_of_all_rules_or_of_those_it_names(line: str, dismissed: bool) -> None:
    item = {"check_id": "quorate.python.ssrf", "start": {"line": 2}}

    assert is_dismissed(item, ["first()", line, "last()  # nosemgrep"]) is dismissed
