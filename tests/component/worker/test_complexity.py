"""The agent `complexity`, with the real library."""

import difflib
from collections.abc import Mapping
from importlib import metadata

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters.complexity import COMPLEXITY, Function, check, paired
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import workspace


def context(new: Mapping[str, str], old: Mapping[str, str] | None = None) -> Context:
    """A change from the old files to the new ones."""
    diff = ""
    for path, text in new.items():
        before = (old or {}).get(path)
        lines = [] if before is None else before.splitlines(keepends=True)
        start = "/dev/null" if before is None else f"a/{path}"
        diff += "".join(difflib.unified_diff(lines, text.splitlines(keepends=True), start, f"b/{path}\t"))
    return Context("t", "code-review", "review", "complexity", {"diff": diff, "files": dict(new)})


async def run(new: Mapping[str, str], old: Mapping[str, str] | None = None) -> Contribution:
    report = await COMPLEXITY.analyze(context(new, old), Toolbox())
    report.encode()  # it can be sent
    return report


def python(complexity: int, name: str = "f") -> str:
    return f"def {name}(a):\n" + "".join(f"    if a == {n}:\n        a += 1\n" for n in range(complexity - 1))


async def test_a_new_function_is_told_if_it_is_over_a_limit() -> None:
    files = {
        "a.py": "X = 1\n\n\n" + python(16) + "\n\n" + python(15, "g"),
        "b.py": python(26),
        "c.py": "def f(self, a, b, c, d, e, f, g, h):\n    pass\n\n\ndef g(a, b, c, d, e, f, g, h, *i):\n    pass\n",
        "d.py": "def f():\n" + "    print()\n" * 100,
        "e.txt": python(40),
    }

    report = await run(files)

    assert (report.state, report.version) == ("ok", metadata.version("lizard"))
    assert report.read == ("a.py", "b.py", "c.py", "d.py")
    assert [(item.path, item.line, item.rule, item.severity) for item in report.findings] == [
        ("a.py", 4, "complexity", "low"),
        ("b.py", 1, "complexity", "medium"),
        ("c.py", 5, "parameters", "info"),
        ("d.py", 1, "length", "info"),
    ]
    assert report.findings[0] == Finding(
        path="a.py",
        line=4,
        end_line=4,
        severity="low",
        category="complexity",
        message="`f` has a cyclomatic complexity of 16 (over 15)",
        rule="complexity",
        confidence=0.9,
        cwe=1121,
        suggestion="Split it into parts that can be read and tested on their own",
    )


async def test_an_old_function_is_told_only_if_it_became_worse() -> None:
    worse, same, better = python(17, "worse"), python(18, "same"), python(30, "better")
    old = {"a.py": f"{worse}\n{same}\n{better}\n"}
    new = {"a.py": f"{python(20, 'worse')}\n{same.replace('+=', '-=')}\n{python(29, 'better')}\n"}

    report = await run(new, old)

    assert [(item.line, item.end_line, item.message) for item in report.findings] == [
        (1, 39, "`worse` has a cyclomatic complexity of 20 (over 15, was 17)")
    ]


async def test_what_the_change_adds_decides_how_severe_it_is() -> None:
    sizes = {"a": (14, 16), "b": (12, 17), "c": (23, 27), "d": (20, 30), "e": (33, 35), "f": (30, 34), "g": (15, 16)}
    old = {f"{name}.py": python(before) for name, (before, _) in sizes.items()}
    new = {f"{name}.py": python(now) for name, (_, now) in sizes.items()}

    report = await run(new, old)

    assert [(item.path, item.severity) for item in report.findings] == [
        ("a.py", "info"), ("b.py", "low"), ("c.py", "info"), ("d.py", "medium"), ("f.py", "info"),
    ]  # fmt: skip


async def test_code_that_nobody_here_writes_is_not_judged() -> None:
    paths = ("vendor/a.py", "docs/_build/a.py", "dist/a.py", "a_pb2.py", "a.py")

    assert [item.path for item in (await run(dict.fromkeys(paths, python(30)))).findings] == ["a.py"]


async def test_more_of_what_was_too_much_is_told_only_if_it_is_much_more() -> None:
    def parameters(count: int) -> str:
        return f"def f({', '.join(f'p{n}' for n in range(count))}):\n    pass\n"

    old = {"a.py": parameters(17), "b.py": parameters(9)}
    report = await run({"a.py": parameters(18), "b.py": parameters(10)}, old)

    assert [item.path for item in report.findings] == ["b.py"]


def test_functions_of_one_name_are_paired_with_what_they_were() -> None:
    def function(line: int, complexity: int) -> Function:
        return Function("f", line, line, complexity, 1, 1)

    old = [function(1, 5), function(2, 6), function(3, 7)]
    new = [function(1, 6), function(2, 9), function(3, 7), function(4, 1), function(5, 2)]

    assert [was.complexity if was else None for _, was in paired(new, old)] == [6, 5, 7, None, None]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.js", "function f(a) {\n%s  return 0;\n}\n"),
        ("a.tsx", "function f(a: number): number {\n%s  return 0;\n}\n"),
        ("a.mts", "function f(a: number): number {\n%s  return 0;\n}\n"),
        ("a.go", "package x\n\nfunc f(a int) int {\n%s  return 0\n}\n"),
        ("a.rs", "fn f(a: i32) -> i32 {\n%s  0\n}\n"),
        ("A.java", "class A {\n int f(int a) {\n%s  return 0;\n }\n}\n"),
        ("a.c", "int f(int a)\n{\n%s  return 0;\n}\n"),
        ("a.cpp", "int A::f(int a)\n{\n%s  return 0;\n}\n"),
        ("a.cs", "class A {\n int f(int a) {\n%s  return 0;\n }\n}\n"),
        ("a.php", "<?php\nfunction f($a) {\n%s  return 0;\n}\n"),
        ("a.swift", "func f(a: Int) -> Int {\n%s  return 0\n}\n"),
        ("a.kt", "fun f(a: Int): Int {\n%s  return 0\n}\n"),
        ("a.scala", "def f(a: Int): Int = {\n%s  0\n}\n"),
    ],
)
async def test_many_languages_are_measured(path: str, code: str) -> None:
    body = "  if (a == 1) { return 1; }\n" * 16

    [finding] = (await run({path: code % body})).findings

    assert "complexity of 17" in finding.message
    assert finding.line == code[: code.index("f(")].count("\n") + 1


async def test_comments_that_forgive_make_notes() -> None:
    body = python(20)
    files = {
        "a.py": body + "    #lizard forgives\n    pass\n",
        "b.py": "#lizard forgive global\n" + body,
        "c.py": "# GENERATED CODE\n" + body,
        "d.py": body + "\n\ndef g():\n    #lizard forgives\n    pass\n",
        "whitelizard.txt": "f\n",
    }

    report = await run(files)

    assert [(item.path, item.severity) for item in report.findings] == [
        ("a.py", "info"),
        ("b.py", "info"),
        ("c.py", "info"),
        ("d.py", "low"),
    ]


async def test_odd_contents_and_names_are_read() -> None:
    code = python(16)
    files = {
        "crlf.py": code.replace("\n", "\r\n"),
        "bom.py": f"\ufeff{code}",
        "end.py": code.rstrip("\n"),
        "surrogate.py": f"# \N{REPLACEMENT CHARACTER}\n{code}",
        "-x.py": code,
        "a b/[1].PY": code,
        "lizard.py": code,
        "json.py": code,
    }

    async with workspace(files | {"empty.py": ""}) as space:
        done = await check(space, 60)

    assert done.unread == {}
    lines = {item.path: item.line for item in done.findings}
    assert lines == dict.fromkeys(files, 1) | {"surrogate.py": 2}
