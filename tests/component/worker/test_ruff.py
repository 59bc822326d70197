"""The agent `ruff`, with the real tool."""

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
from quorate.contract.fix import Edit, Fix
from quorate_worker.adapters import ruff as module
from quorate_worker.adapters.ruff import RUFF, RULES, SELECT, to_finding
from quorate_worker.adapters.rules import judge
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace, workspace
from tests.support.analyzers import argv, without

ContextOf = Callable[..., Context]
SECRET = "kestrel-9-umbrella"


def ran(canary: Path) -> bool:
    return canary.exists()


async def run(context: Context) -> Contribution:
    report = await RUFF.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return [(finding.path, finding.line, finding.rule) for finding in report.findings]


async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    code = "import os\n\n\ndef add(item, to=[]):\n    to.append(item)\n    return undefined\n"

    report = await run(context_of({"a.py": code, "clean.py": "X = 1\n", "notes.txt": "import os\n"}))

    assert report.state == "ok"
    assert report.version == metadata.version("ruff")
    assert rules(report) == [("a.py", 1, "F401"), ("a.py", 4, "B006"), ("a.py", 6, "F821")]
    assert report.read == ("a.py", "clean.py")
    assert report.unread == {}
    assert report.findings[0] == Finding(
        path="a.py",
        line=1,
        end_line=1,
        severity="low",
        category="style",
        message="`os` imported but unused",
        rule="F401",
        confidence=0.95,
        suggestion="Remove unused import: `os`",
        fix=Fix(edits=(Edit(line=1, end_line=1, text=""),), safe=True),
    )


async def test_the_configuration_of_the_change_is_not_obeyed_and_nothing_of_it_runs(
    context_of: ContextOf, hostile: dict[str, str], canary: Path
) -> None:
    report = await run(context_of(hostile))

    found = {rule for path, _, rule in rules(report) if path == "evil.py"}
    assert found == {"S602", "S105"}
    assert set(report.read) == {path for path in hostile if path.endswith(".py")}
    assert not ran(canary)


async def test_even_beside_the_files_that_configure_it_the_tool_stays_deaf(
    hostile: dict[str, str], canary: Path
) -> None:
    async with workspace(hostile, program=await argv(RUFF)) as space:
        done = await module.check(space, 30)

    assert {item.rule for item in done.findings if item.path == "evil.py"} == {"S602", "S105"}
    assert not ran(canary)


async def test_a_comment_lowers_a_finding_to_a_note_but_does_not_hide_it(context_of: ContextOf) -> None:
    files = {
        "a.py": "eval(input())  # noqa: S307\neval(input())  # noqa: S101\neval(input())  # nosec B307\n",
        "b.py": "# ruff: noqa\neval(input())\n",
        "c.py": "eval(input())\n",
    }

    report = await run(context_of(files))

    assert [(item.path, item.line, item.severity) for item in report.findings] == [
        ("a.py", 1, "info"),
        ("a.py", 2, "medium"),
        ("a.py", 3, "info"),
        ("b.py", 2, "info"),
        ("c.py", 1, "medium"),
    ]
    assert report.findings[0].message.endswith(" (dismissed in the code by `noqa`)")
    assert report.findings[2].message.endswith(" (dismissed in the code by `nosec`)")


async def test_what_is_a_matter_of_taste_may_be_dismissed(context_of: ContextOf) -> None:
    code = "import os  # noqa: F401\nimport re  # noqa: S101\n"

    assert rules(await run(context_of({"a.py": code}))) == [("a.py", 2, "F401")]


async def test_tests_do_on_purpose_what_is_wrong_elsewhere(context_of: ContextOf) -> None:
    code = (
        "import os, pickle, pytest, requests\n\n\nasync def test(item):\n    requests.get('http://x')\n"
        "    with pytest.raises(AttributeError):\n        item.name\n    item.name\n"
        "    pickle.loads(item)\n    os.system(f'rm {item}')\n"
    )

    report = await run(context_of({"test_a.py": code, "a.py": code}))

    among_tests = [(item.line, item.rule, item.severity) for item in report.findings if item.path == "test_a.py"]
    assert among_tests == [(8, "B018", "medium"), (10, "S605", "low")]
    elsewhere = {(item.line, item.rule) for item in report.findings if item.path == "a.py"}
    assert {(5, "S113"), (5, "ASYNC210"), (7, "B018"), (8, "B018"), (9, "S301"), (10, "S605")} <= elsewhere


async def test_a_syntax_error_is_a_finding_and_the_file_is_unread(context_of: ContextOf) -> None:
    report = await run(context_of({"bad.py": "x = 1\ndef f(:\n", "good.py": "import os\n"}))

    bad = [item for item in report.findings if item.path == "bad.py"]
    assert {(item.rule, item.category, item.severity) for item in bad} == {("invalid-syntax", "bug", "high")}
    assert bad[0].line == 2
    assert report.read == ("good.py",)
    assert report.unread["bad.py"].startswith("syntax error in line 2: ")


async def test_the_newest_syntax_is_no_error(context_of: ContextOf) -> None:
    code = "type A[T = int] = list[T]\ntry:\n    print()\nexcept ValueError, TypeError:\n    raise\n"

    assert (await run(context_of({"a.py": code}))).findings == ()


async def test_no_folder_and_no_suffix_is_left_out(context_of: ContextOf) -> None:
    paths = [
        ".venv/a.py",
        "node_modules/a.py",
        "dist/a.py",
        "-x.py",
        "a b.py",
        "ü/é.py",
        "a.pyi",
        "b.pyw",
        "C.PY",
        "[x].py",
        "a\\b.py",
    ]

    report = await run(context_of(dict.fromkeys(paths, "import os\n")))

    assert sorted(report.read) == sorted(paths)
    assert sorted(item.path for item in report.findings) == sorted(paths)


async def test_odd_contents_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.py": "",
        "crlf.py": "import os\r\n\r\neval(os)\r\n",
        "cr.py": "# a\reval(1)\nimport os\n",
        "replaced.py": "x = '\N{REPLACEMENT CHARACTER}'\nimport os\n",
        "surrogate.py": "x = '\ud800'\nimport os\n",
        "bom.py": "\ufeffimport os\n",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert rules(report) == [
        ("bom.py", 1, "F401"),
        ("cr.py", 1, "S307"),
        ("cr.py", 2, "F401"),
        ("crlf.py", 3, "S307"),
        ("replaced.py", 2, "F401"),
        ("surrogate.py", 2, "F401"),
    ]


@pytest.mark.parametrize(
    "code",
    [
        f"password = {SECRET!r}\n",
        f"connect(password={SECRET!r})\n",
        f"def connect(password={SECRET!r}): ...\n",
        f"x = {{{SECRET!r}: 1, {SECRET!r}: 2}}\n",
        f"x = {{{SECRET!r}, {SECRET!r}}}\n",
        f"x = {{{SECRET!r}: y for y in range(9)}}\n",
    ],
)
async def test_a_secret_is_not_repeated(context_of: ContextOf, code: str) -> None:
    report = await run(context_of({"a.py": code}))

    assert report.findings
    assert SECRET not in report.encode().decode()


async def test_what_came_without_content_is_unread_if_it_is_python(context_of: ContextOf) -> None:
    modified = "".join(f"--- a/{path}\n+++ b/{path}\n@@ -1 +1,2 @@\n a\n+b\n" for path in ("old.py", "notes.md"))

    some = await run(context_of({"new.py": "X = 1\n"}, diff=modified))
    none = await run(context_of({}, diff=modified))
    other = await run(context_of({"a.txt": "x"}))

    assert (some.state, some.read, list(some.unread)) == ("ok", ("new.py",), ["old.py"])
    assert (none.state, none.reason) == ("skipped", "none of its Python files came with content")
    assert list(none.unread) == ["old.py"]
    assert (other.state, other.reason, other.unread) == ("skipped", "no Python file in the change", {})


async def test_a_name_that_is_not_utf8_is_read_under_a_valid_one(context_of: ContextOf) -> None:
    diff = '--- /dev/null\n+++ "b/\\377.py"\n@@ -0,0 +1 @@\n+import os\n'

    report = await run(context_of({"good.py": "X = 1\n"}, diff=diff))

    assert report.read == ("good.py", "\ufffd.py")
    assert [(finding.path, finding.rule) for finding in report.findings] == [("\ufffd.py", "F401")]


async def test_a_file_over_which_it_falls_hides_nothing_of_the_others(context_of: ContextOf) -> None:
    deep = "x = " + "1 + " * 10_000 + "1\n"

    report = await run(context_of({"a.py": "import os\n", "deep.py": deep, "b.py": "import os\n"}))

    assert report.state == "ok"
    assert report.read == ("a.py", "b.py")
    assert rules(report) == [("a.py", 1, "F401"), ("b.py", 1, "F401")]
    assert "ruff ended with code" in report.unread["deep.py"]


async def test_a_thousand_files_are_read(context_of: ContextOf) -> None:
    report = await run(context_of({f"pkg{n % 40}/m{n}.py": "import os\n" for n in range(1000)}))

    assert len(report.read) == len(report.findings) == 1000


async def test_a_missing_tool_says_how_to_install_it(context_of: ContextOf) -> None:
    report = await without(RUFF).analyze(context_of({"a.py": "import os\n"}), Toolbox())

    assert report.state == "missing"
    assert report.reason == "no-such-program-here is not installed: pip install ruff"
    assert (report.read, report.unread) == ((), {"a.py": "ruff is not installed"})


@pytest.mark.parametrize("program", ["echo 'no such rule' >&2; exit 2", "echo not JSON", "echo '{}'"])
async def test_a_tool_that_fails_is_a_state_and_not_an_empty_result(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    (tmp_path / "ruff").write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 1.0 && exit\n{program}\n')
    (tmp_path / "ruff").chmod(0o700)
    report = await RUFF.analyze(context_of({"a.py": "import os\n"}), Toolbox(commands={"ruff": str(tmp_path / "ruff")}))

    assert report.state == "failed"
    assert "ruff ended with code" in (report.reason or "")
    assert ("no such rule" in (report.reason or "")) == (">&2" in program)


async def test_without_time_left_the_state_is_timeout(context_of: ContextOf) -> None:
    report = await run(context_of({"a.py": "import os\n"}, deadline_at=time.time() - 1))

    assert (report.state, report.unread) == ("timeout", {"a.py": "ruff timeout"})


@pytest.mark.parametrize(
    ("rule", "category", "severity"),
    [
        ("invalid-syntax", "bug", "high"),
        ("E999", "bug", "high"),
        ("F401", "style", "low"),
        ("F821", "bug", "high"),
        ("F632", "bug", "medium"),
        ("B006", "bug", "medium"),
        ("B904", "style", "info"),
        ("S105", "secrets", "medium"),
        ("S107", "secrets", "medium"),
        ("S108", "security", "low"),
        ("S110", "security", "low"),
        ("S602", "security", "high"),
        ("S324", "security", "medium"),
        ("ASYNC251", "performance", "medium"),
        ("PLE0101", "bug", "high"),
        ("PLE2502", "security", "high"),
        ("SIM115", "bug", "low"),
        ("NEW001", "other", "low"),
    ],
)
def test_a_rule_is_judged_by_its_longest_prefix(rule: str, category: str, severity: str) -> None:
    assert judge(RULES, rule)[:2] == (category, severity)


def test_every_selected_rule_is_judged_by_an_entry_of_its_own() -> None:
    assert [prefix for prefix in SELECT.split(",") if judge(RULES, prefix) == RULES[""]] == []


@pytest.mark.parametrize(
    ("end", "line"),
    [((3, 5), 3), ((3, 1), 2), ((1, 1), 1), ((2, 1), 1)],
    ids=["inside a line", "before the first column", "an empty range", "one whole line"],
)
def test_a_range_that_ends_before_the_first_column_of_a_line_does_not_touch_it(end: tuple[int, int], line: int) -> None:
    same = cast("Workspace", SimpleNamespace(line=lambda path, number: number))
    item = {
        "code": "F401",
        "name": "unused-import",
        "message": "m",
        "fix": None,
        "location": {"row": 1, "column": 1},
        "end_location": {"row": end[0], "column": end[1]},
    }

    assert to_finding(item, "a.py", same).end_line == line


def test_a_shell_that_only_sees_literals_is_less_severe() -> None:
    same = cast("Workspace", SimpleNamespace(line=lambda path, number: number))
    here = {"row": 1, "column": 1}
    item = {"code": "S602", "name": "x", "fix": None, "location": here, "end_location": here}

    assert to_finding(item | {"message": "`shell=True` seems safe"}, "a.py", same).severity == "low"
    assert to_finding(item | {"message": "security issue"}, "a.py", same).severity == "high"
