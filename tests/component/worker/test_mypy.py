"""The agent `mypy`, with the real tool."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters.mypy import MYPY, TypeCheck, is_annotated, mark_new
from quorate_worker.adapters.toolbox import Toolbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what mypy knows of the standard library is kept."""
    return tmp_path_factory.mktemp("mypy")


def context(new: Mapping[str, str], old: Mapping[str, str] | None = None) -> Context:
    """A change from the old files to the new ones."""
    diff = ""
    for path, text in new.items():
        before = (old or {}).get(path)
        lines = [] if before is None else before.splitlines(keepends=True)
        start = "/dev/null" if before is None else f"a/{path}"
        hunks = difflib.unified_diff(lines, text.splitlines(keepends=True), start, f"b/{path}\t")
        diff += "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in hunks)
        if before is None and not text:
            diff += f"--- /dev/null\n+++ b/{path}\t\n@@ -0,0 +1 @@\n+x\n"
    return Context("t", "code-review", "review", "mypy", {"diff": diff, "files": dict(new)})


async def run(folder: Path, new: Mapping[str, str], old: Mapping[str, str] | None = None) -> Contribution:
    report = await replace(MYPY, check=TypeCheck(folder)).analyze(context(new, old), Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((item.path, item.line or 0, item.rule) for item in report.findings)


async def test_problems_are_found_where_they_are(folder: Path) -> None:
    files = {
        "src/app/two.py": "def double(x: int) -> int:\n    return x * 2\n",
        "src/app/one.py": "from app.two import double\nimport requests\n\nprint(double(\n    'a',\n))\ndouble(1, 2)\n",
        "clean.py": "import os\nprint(os.getcwd())\n",
        "notes.txt": "x: int = ''\n",
    }

    report = await run(folder, files)

    assert (report.state, report.version) == ("ok", metadata.version("mypy"))
    assert report.read == ("src/app/two.py", "src/app/one.py", "clean.py")
    assert rules(report) == [("src/app/one.py", 5, "arg-type"), ("src/app/one.py", 7, "call-arg")]
    assert report.findings[0] == Finding(
        path="src/app/one.py",
        line=5,
        end_line=5,
        severity="medium",
        category="types",
        message='Argument 1 to "double" has incompatible type "str"; expected "int"',
        rule="arg-type",
        confidence=0.75,
    )


async def test_in_functions_without_annotations_only_what_is_certain_is_told(folder: Path) -> None:
    code = (
        "def f(x):\n    y = 1\n    y = 'a'\n    print(y.nothing)\n    ''.uper()\n    g(1, 2)\n    return nowhere\n\n\n"
        "def g(x: int) -> None:\n    y = 1\n    y = 'a'\n"
    )

    assert rules(await run(folder, {"a.py": code})) == [
        ("a.py", 5, "attr-defined"),
        ("a.py", 6, "call-arg"),
        ("a.py", 7, "name-defined"),
        ("a.py", 12, "assignment"),
    ]


async def test_modules_that_did_not_come_with_the_change_are_no_defects(folder: Path) -> None:
    files = {
        "pkg/__init__.py": "from pkg.here import known\n",
        "pkg/here.py": "known = 1\n",
        "a.py": "import pkg.gone\nfrom pkg import lost\nfrom pkg.here import known, unknown\nfrom .x import y\n",
    }

    assert rules(await run(folder, files)) == [("a.py", 3, "attr-defined")]


async def test_an_error_that_the_change_causes_elsewhere_is_indirect(folder: Path) -> None:
    caller = "from pkg.f import f\n\n\ndef g() -> None:\n    f(1)\n    f('b')\n# {}\n"
    old = {"pkg/f.py": "def f(x: int) -> None: ...\n", "a.py": caller.format("old")}
    new = {"pkg/f.py": "def f(x: int, y: int) -> None: ...\n", "a.py": caller.format("new")}

    report = await run(folder, new, old)

    assert sorted((item.path, item.line, item.rule, item.indirect) for item in report.findings) == [
        ("a.py", 5, "call-arg", True),
        ("a.py", 6, "arg-type", False),
        ("a.py", 6, "call-arg", True),
    ]


def test_an_error_is_new_if_there_were_fewer_of_it() -> None:
    one = Finding(path="a.py", line=1, message='Name "x" already defined on line 5', rule="no-redef")
    moved = one.model_copy(update={"line": 9, "message": 'Name "x" already defined on line 7'})
    other = one.model_copy(update={"path": "b.py"})

    assert [item.indirect for item in mark_new([one, moved, other], [moved])] == [False, True, True]


async def test_what_directs_the_tool_makes_findings_notes_and_hides_none(folder: Path) -> None:
    files = {
        "mypy.ini": "[mypy]\nignore_errors = True\nplugins = plugin.py\n",
        "pyproject.toml": "[tool.mypy]\nignore_errors = true\n",
        "setup.cfg": "[mypy]\nignore_errors = True\n",
        "plugin.py": "raise SystemExit('it ran')\n",
        "line.py": "len()  # type: ignore[call-arg]\nlen()  # type: ignore[assignment]\nlen()\n",
        "file.py": "# type: ignore\nlen()\n",
        "two.py": "len()  #type:ignore # more # type: ignore\n",
        "inline.py": "# mypy: ignore-errors\nlen()\n",
        "codes.py": "# mypy: disable-error-code=call-arg\nlen()\n",
        "decorated.py": "import typing\n\n\n@typing.no_type_check\ndef f() -> int:\n    return len()\n",
        "types.py": "x: int = ''  # type: ignore[assignment]\n",
    }

    report = await run(folder, files)

    assert sorted((item.path, item.line, item.severity) for item in report.findings) == [
        ("codes.py", 2, "info"),
        ("decorated.py", 6, "info"),
        ("file.py", 2, "info"),
        ("inline.py", 2, "info"),
        ("line.py", 1, "info"),
        ("line.py", 2, "high"),
        ("line.py", 3, "high"),
        ("two.py", 1, "info"),
    ]
    assert all(("dismissed" in item.message) == (item.severity == "info") for item in report.findings)


async def test_of_what_cannot_be_known_nothing_is_told(folder: Path) -> None:
    code = (
        "import attr\n\n\n@attr.s\nclass Made:\n    x = attr.ib()\n\n\nclass Plain: ...\n\n\n"
        "class Slotted:\n    __slots__ = ('there',)\n\n\nclass Cell:\n    def me(self):\n        return __class__\n\n\n"
        "Made(1)\nPlain(1)\nSlotted().there\nSlotted().gone\n"
        "for mixed in ({'a': 1, 'b': ''},):\n    mixed['a'][0]\n"
    )

    assert rules(await run(folder, {"a.py": code})) == [("a.py", 22, "call-arg"), ("a.py", 24, "attr-defined")]


async def test_tests_do_on_purpose_what_is_wrong_elsewhere(folder: Path) -> None:
    code = (
        "def nothing() -> None: ...\ndef number(x: int) -> int: return x\n\n\ndef test() -> None:\n"
        "    with pytest.raises(TypeError):\n        number(1, 2)\n    assert nothing() is None\n"
        "    number('')\n    number(1, 2)\n\n\nclass Real:\n    def get(self) -> int: return 1\n\n\n"
        "class Fake(Real):\n    def get(self) -> str: return ''\n"
    )

    report = await run(folder, {"test_a.py": code, "a.py": code})

    found = [(item.path, item.line, item.rule, item.severity) for item in report.findings]
    assert [item[1:] for item in found if item[0] == "test_a.py" and item[2] != "name-defined"] == [
        (9, "arg-type", "info"),
        (10, "call-arg", "high"),
    ]
    assert {item[1] for item in found if item[0] == "a.py"} >= {7, 8, 9, 10, 18}


async def test_a_value_that_may_be_none_is_of_low_severity(folder: Path) -> None:
    code = (
        "import os\n\n\ndef take(x: str) -> str:\n    return x\n\n\ndef maybe(x: int | None) -> None: ...\n\n\n"
        "take(os.environ.get('A'))\ntake(1)\nmaybe(os.environ.get('A'))\n\n\n"
        "def pair(x: tuple[str, int | None]) -> None: ...\n\n\n"
        "def both(x: tuple[str | None, int | None]) -> None:\n    pair(x)\n"
    )

    report = await run(folder, {"a.py": code})

    assert [(item.line, item.severity) for item in report.findings] == [
        (11, "low"), (12, "medium"), (13, "medium"), (20, "low"),
    ]  # fmt: skip


async def test_names_of_the_standard_library_and_names_that_are_there_twice_are_read(folder: Path) -> None:
    paths = ["typing.py", "os.py", "builtins.py", "a/conftest.py", "b/conftest.py", "my-app/x y.py", "x.py", "x.pyi"]
    files = dict.fromkeys(paths, "import os, typing\nos.getcwd()\nx: int = ''\ny: typing.Any = 1\n")

    report = await run(folder, files)

    assert report.state == "ok"
    assert sorted(report.read) == sorted(paths)
    assert rules(report) == sorted((path, 3, "assignment") for path in paths)


async def test_a_syntax_error_is_a_finding_and_hides_nothing_in_other_files(folder: Path) -> None:
    files = {"bad.py": "x = 1\ndef f(:\n", "worse.py": "x = (\n", "good.py": "x: int = ''\n"}

    report = await run(folder, files)

    assert report.read == ("good.py",)
    assert report.unread["bad.py"].startswith("error in line 2: Expected a parameter")
    assert set(report.unread) == {"bad.py", "worse.py"}
    assert [item[0::2] for item in rules(report)] == [
        ("bad.py", "syntax"),
        ("good.py", "assignment"),
        ("worse.py", "syntax"),
    ]


async def test_a_file_that_it_stumbles_over_does_not_hide_the_others(folder: Path) -> None:
    crash = "x = " + " + ".join(["1"] * 50_000) + "\n"

    report = await run(folder, {"crash.py": crash, "good.py": "x: int = ''\n"})

    assert (report.read, list(report.unread)) == (("good.py",), ["crash.py"])
    assert rules(report) == [("good.py", 1, "assignment")]


async def test_odd_contents_and_names_are_read(folder: Path) -> None:
    code = "import os\nx: int = ''"
    files = {
        "empty.py": "",
        "crlf.py": code.replace("\n", "\r\n"),
        "bom.py": f"\ufeff{code}",
        "cr.py": f"# a\r{code}\n",
        "surrogate.py": f"# \ud800\n{code}\n",
        "-x.py": code,
        "@files.py": code,
        "ü/[1] é.py": code,
        ".venv/a.py": code,
        "A.PYW": code,
    }

    report = await run(folder, files)

    assert set(report.read) == set(files), report.unread
    lines = {"cr.py": 2, "surrogate.py": 3}
    assert rules(report) == sorted((path, lines.get(path, 2), "assignment") for path in files if path != "empty.py")


async def test_without_a_folder_for_its_cache_it_only_takes_longer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    report = await run(tmp_path / "file" / "cache", {"a.py": "x: int = ''\n"})

    assert rules(report) == [("a.py", 1, "assignment")]


def written(folder: Path, pattern: str = "**/*.db") -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in folder.glob(pattern)}


async def test_what_it_knows_of_the_standard_library_is_not_written_again(folder: Path) -> None:
    await run(folder, {"a.py": "import os\n"})
    before = written(folder)

    await run(folder, {"evil.py": "x: int = ''\n", "b.py": "import evil, wave\n"})

    assert before
    assert written(folder) == before


async def test_what_other_versions_left_in_the_cache_is_removed(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"mypy-{number}").mkdir()

    await run(tmp_path, {"a.py": "x: int = ''\n"})

    assert len(written(tmp_path, "mypy-*")) == 3


@pytest.mark.parametrize(
    ("code", "line", "annotated"),
    [
        ("x = 1\n", 1, True),
        ("def f(a, b=1):\n    x\n", 2, False),
        ("def f(a: int):\n\n    if a:\n        x\n", 4, True),
        ("def f(\n    a,\n    *b: int,\n):\n    x\n", 5, True),
        ("def f(\n    a,\n    b,\n):\n    x\n", 5, False),
        ("def f(a):\n    def g() -> None:\n        x\n    y\n", 3, True),
        ("def f(a):\n    def g() -> None:\n        x\n    y\n", 4, False),
        ("class A:\n    async def f(self):\n        x\n    y = 1\n", 3, False),
        ("class A:\n    async def f(self):\n        x\n    y = 1\n", 4, True),
    ],
)
def test_whether_a_function_is_annotated(code: str, line: int, annotated: bool) -> None:
    assert is_annotated(code.split("\n"), line) is annotated
