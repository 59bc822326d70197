"""The agent `bandit`, with the real tool."""

import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters import bandit as module
from quorate_worker.adapters.bandit import BANDIT, to_finding
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace, workspace
from tests.support.analyzers import argv, without

ContextOf = Callable[..., Context]
SECRET = "kestrel-9-umbrella"


def ran(canary: Path) -> bool:
    return canary.exists()


async def run(context: Context) -> Contribution:
    report = await BANDIT.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return [(finding.path, finding.line, finding.rule) for finding in report.findings]


async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    code = "import subprocess\n\nimport yaml\n\nyaml.load(input())\nsubprocess.run(\n    input(),\n    shell=True,\n)\n"

    report = await run(context_of({"a.py": code, "clean.py": "X = 1\n", "notes.txt": "assert 1\n"}))

    assert report.state == "ok"
    assert report.version == metadata.version("bandit")
    assert report.read == ("a.py", "clean.py")
    assert report.unread == {}
    assert rules(report) == [("a.py", 5, "B506"), ("a.py", 6, "B602")]
    assert report.findings[0] == Finding(
        path="a.py",
        line=5,
        end_line=5,
        severity="medium",
        category="security",
        message="Use of unsafe yaml load. Allows instantiation of arbitrary objects. Consider yaml.safe_load().",
        rule="B506",
        cwe=502,
        confidence=0.9,
    )
    assert report.findings[1].end_line == 9


async def test_the_configuration_of_the_change_is_not_obeyed_and_nothing_of_it_runs(
    context_of: ContextOf, hostile: dict[str, str], canary: Path
) -> None:
    report = await run(context_of(hostile))

    assert {rule for path, _, rule in rules(report) if path == "evil.py"} == {"B602", "B105"}
    assert set(report.read) == {path for path in hostile if path.endswith(".py")}
    assert not ran(canary)


async def test_even_beside_the_files_that_configure_it_the_tool_stays_deaf(
    hostile: dict[str, str], canary: Path
) -> None:
    async with workspace(hostile, program=await argv(BANDIT)) as space:
        done = await module.check(space, 30)

    assert {item.rule for item in done.findings if item.path == "evil.py"} == {"B602", "B105"}
    assert not ran(canary)


async def test_a_comment_lowers_a_finding_to_a_note_but_does_not_hide_it(context_of: ContextOf) -> None:
    comments = ("# nosec", "# nosec B602", "# nosec: eval", "# noqa: E501, S307", "# noqa: S602", "# noqa", "")
    code = "".join(f"eval(input())  {comment}\n" for comment in comments)

    report = await run(context_of({"a.py": code}))

    assert [item.severity for item in report.findings] == [
        "info", "medium", "info", "info", "medium", "medium", "medium",
    ]  # fmt: skip
    assert report.findings[0].message.endswith(" (dismissed in the code by `nosec`)")
    assert report.findings[3].message.endswith(" (dismissed in the code by `noqa`)")
    assert (await run(context_of({"a.py": "assert 1  # nosec\n"}))).findings == ()  # it was a note before


async def test_an_assertion_is_told_unless_it_only_names_a_type_and_guards_nothing(context_of: ContextOf) -> None:
    code = (
        "assert x is not None\nassert self.slot  # typing\nassert isinstance(x, (int, str)), 'why'\n"
        "assert len(x) == 1\nassert user.is_admin\nassert x is not None and x > 3\nassert not x\n"
    )

    report = await run(context_of({"a.py": code}))

    assert [(item.line, item.severity) for item in report.findings] == [
        (4, "info"), (5, "low"), (6, "info"), (7, "info"),
    ]  # fmt: skip


async def test_importing_a_risky_module_is_told_where_it_is_used(context_of: ContextOf) -> None:
    code = "import ftplib\nimport pickle\n\nftplib.FTP()\npickle.loads(input())\n"

    assert rules(await run(context_of({"a.py": code}))) == [("a.py", 4, "B321"), ("a.py", 5, "B301")]


async def test_a_default_is_found_at_the_head_of_its_function(context_of: ContextOf) -> None:
    code = f"def connect(\n    password={SECRET!r},\n):\n    first()\n    second()\n"

    [finding] = (await run(context_of({"a.py": code}))).findings

    assert (finding.rule, finding.line, finding.end_line) == ("B107", 1, 1)


async def test_a_file_that_cannot_be_parsed_is_unread_with_the_tools_words(context_of: ContextOf) -> None:
    report = await run(context_of({"bad.py": "def f(:\n", "nul.py": "x = '\0'\n", "good.py": "assert 1\n"}))

    assert report.read == ("good.py",)
    assert report.unread == dict.fromkeys(("bad.py", "nul.py"), "syntax error while parsing AST from file")
    assert rules(report) == [("good.py", 1, "B101")]


async def test_no_folder_and_no_suffix_is_left_out(context_of: ContextOf) -> None:
    paths = [
        ".tox/a.py",
        ".git2/a.py",
        "x.egg/a.py",
        "-x.py",
        "a b.py",
        "ü/é.py",
        "a.pyi",
        "b.pyw",
        "C.PY",
        "[x].py",
    ]

    report = await run(context_of(dict.fromkeys(paths, "assert 1\n")))

    assert sorted(report.read) == sorted(paths)
    assert sorted(item.path for item in report.findings) == sorted(paths)


async def test_of_tests_only_what_runs_commands_is_told(context_of: ContextOf) -> None:
    paths = ["tests/x.py", "test_x.py", "a/test_x.py", "a/x_test.py", "conftest.py"]
    code = f"import os, pickle\nassert eval(x)\npassword = {SECRET!r}\npickle.loads(x)\nos.system(f'rm {{x}}')\n"

    report = await run(context_of(dict.fromkeys([*paths, "contest.py"], code)))

    assert {(item.rule, item.severity) for item in report.findings if item.path != "contest.py"} == {("B605", "low")}
    assert {item.path for item in report.findings} == {*paths, "contest.py"}
    elsewhere = {item.rule for item in report.findings if item.path == "contest.py"}
    assert elsewhere == {"B101", "B105", "B301", "B307", "B605"}


async def test_odd_contents_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.py": "",
        "crlf.py": "x = 1\r\n\r\nassert not x\r\n",
        "cr.py": "# a\rassert 1\nassert 2\n",
        "replaced.py": "x = '\N{REPLACEMENT CHARACTER}'\nassert not x\n",
        "surrogate.py": "x = '\ud800'\nassert not x\n",
        "bom.py": "\ufeffassert 1\n",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert sorted(rules(report)) == [
        ("bom.py", 1, "B101"),
        ("cr.py", 1, "B101"),
        ("cr.py", 2, "B101"),
        ("crlf.py", 3, "B101"),
        ("replaced.py", 2, "B101"),
        ("surrogate.py", 2, "B101"),
    ]


async def test_a_secret_is_not_repeated(context_of: ContextOf) -> None:
    code = (
        f"password = {SECRET!r}\nconnect(password={SECRET!r})\ndef connect(password={SECRET!r}): ...\n"
        f"if password == {SECRET!r}: ...\nd['token'] = {SECRET!r}\n"
    )

    report = await run(context_of({"a.py": code}))

    assert {item.rule for item in report.findings} == {"B105", "B106", "B107"}
    assert {item.category for item in report.findings} == {"secrets"}
    assert SECRET not in report.encode().decode()


async def test_a_change_without_python_is_skipped(context_of: ContextOf) -> None:
    report = await run(context_of({"a.txt": "x"}))

    assert (report.state, report.reason) == ("skipped", "no Python file in the change")


async def test_a_thousand_files_are_read(context_of: ContextOf) -> None:
    report = await run(context_of({f"pkg{n % 40}/m{n}.py": "assert 1\n" for n in range(1000)}))

    assert len(report.read) == len(report.findings) == 1000


async def test_a_missing_tool_says_how_to_install_it(context_of: ContextOf) -> None:
    report = await without(BANDIT).analyze(context_of({"a.py": "assert 1\n"}), Toolbox())

    assert report.state == "missing"
    assert report.reason == "no-such-program-here is not installed: pip install bandit"
    assert (report.read, report.unread) == ((), {"a.py": "bandit is not installed"})


async def test_a_tool_that_fails_is_a_state_and_not_an_empty_result(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CONFIG", "skips: [")

    report = await run(context_of({"a.py": "assert 1\n"}))

    assert report.state == "failed"
    assert "bandit ended with code 2 and no report; it said: " in (report.reason or "")


async def test_a_deadline_in_the_middle_of_a_run_is_a_timeout(context_of: ContextOf) -> None:
    files = {f"m{n}.py": "assert 1\n" * 500 for n in range(100)}

    report = await run(context_of(files, deadline_at=time.time() + 0.2))

    assert report.state == "timeout"
    assert "bandit was stopped after" in (report.reason or "")
    assert (report.read, set(report.unread)) == ((), set(files))


@pytest.mark.parametrize(
    ("tool", "severity", "confidence"),
    [
        (("HIGH", "HIGH"), "high", 0.9),
        (("MEDIUM", "MEDIUM"), "medium", 0.7),
        (("LOW", "LOW"), "low", 0.4),
        (("UNDEFINED", "UNDEFINED"), "info", 0.5),
    ],
)
def test_severity_and_confidence_are_the_tools(tool: tuple[str, str], severity: str, confidence: float) -> None:
    same = cast("Workspace", SimpleNamespace(line=lambda path, number: number))
    item = {
        "filename": "./a.py",
        "test_id": "B999",
        "line_number": 7,
        "line_range": [5, 6, 7, 8],
        "issue_severity": tool[0],
        "issue_confidence": tool[1],
        "issue_text": "m",
    }

    finding = to_finding(item, same)

    assert (finding.severity, finding.confidence) == (severity, confidence)
    assert (finding.path, finding.line, finding.end_line) == ("a.py", 5, 8)
