"""Changes that are made to be slow, too deep or too many: every check takes time in proportion to their size."""

import time
from collections.abc import Callable

import pytest

from quorate.review import Review
from quorate_worker.checks import CHECKS, Check
from quorate_worker.checks.rule import MAX_PER_FILE, MAX_PER_RULE
from tests.unit.worker.checks.changed import in_change


def added(path: str, *lines: str) -> str:
    body = "".join(f"+{line}\n" for line in lines)
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}"


def seconds(check: Check, diff: str) -> float:
    review = Review({"diff": diff})
    best = 99.0
    for _ in range(2):
        begun = time.process_time()
        check.check(review)
        best = min(best, time.process_time() - begun)
    return best


GROWING: dict[str, Callable[[int], str]] = {
    "one long line": lambda n: "".join(
        added(path, "x" * n)
        for path in ("a.py", "a.js", "requirements.txt", "package.json", "Dockerfile", "go.mod", "LICENSE", "uv.lock")
    ),
    "to-dos in one line": lambda n: added("a.py", "# " + "TODO: " * n),
    "quotes that never close": lambda n: (
        added("a.py", "# TODO", *['"\\""\'"""'] * n) + added("a.js", "// TODO", "`${'/*\\" * n)
    ),
    "comments that never close": lambda n: (
        added("a.c", "// TODO", "/* * " * n) + added("a.html", "<!-- TODO", "<!-- -" * n)
    ),
    "markers": lambda n: added("a.py", *["<<<<<<< x", "======="] * n),
    "requirements": lambda n: added("requirements.txt", *(f"package{i}>=1,<{i}" for i in range(n))),
    "options of a requirement": lambda n: added("requirements.txt", "a" + ">=1," * n, "a[" + "b," * n, "a; " + "(" * n),
    "an address": lambda n: added("requirements.txt", "git+https://" + "@" * n, "https://" + "/@" * n),
    "actions": lambda n: added(".github/workflows/a.yml", *(f"- uses: a/b{i}@main" for i in range(n))),
    "dotted keys": lambda n: added("pyproject.toml", "a" + ".a" * n + " = 1", "[" + "b." * n + "c]"),
    "nested TOML": lambda n: added("pyproject.toml", "a = " + "[" * n) + added("Cargo.toml", "a = " + "{a=" * n),
    "nested JSON": lambda n: added("package.json", "[" * n) + added("package-lock.json", '{"a":' * n),
    "nested packages": lambda n: added("package-lock.json", '{"dependencies":{"a":' * n + "1" + "}}" * n),
    "locked packages": lambda n: added(
        "uv.lock", *(line for i in range(n) for line in ("[[package]]", f'name = "p{i}"', 'version = "1"'))
    ),
    "licence headers": lambda n: added("a.py", *["# Copyright 2020 " + "This file " * (n // 40)] * 40),
    "blank lines": lambda n: added("a.py", *[" " * 300] * n),
    "files": lambda n: "".join(added(f"test_{i}/a{i}.py", "x = 1") for i in range(n)),
    "a deep path": lambda n: "".join(added("test_/" * 600 + f"{i}.py", "x = 1") for i in range(n // 100)),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.NAME)
@pytest.mark.parametrize("shape", GROWING)
def test_ten_times_as_much_takes_about_ten_times_as_long(check: Check, shape: str) -> None:
    small, large = GROWING[shape](500), GROWING[shape](5_000)

    # Quadratic time would be a hundredfold; what is measured in microseconds is not compared.
    assert seconds(check, large) < 40 * max(seconds(check, small), 0.005)


def test_findings_of_one_file_and_of_one_rule_are_bounded() -> None:
    todo = {check.NAME: check for check in CHECKS}["todo"]
    one = in_change(todo, Review({"diff": added("a.py", *["# TODO: x"] * 500)}))
    many = in_change(todo, Review({"diff": "".join(added(f"a{i}.py", "# TODO: x") for i in range(500))}))

    assert len(one) == MAX_PER_FILE
    assert one[-1].message.endswith("(480 more in this file are not listed)")
    assert len(many) == MAX_PER_RULE
    assert many[-1].message.endswith("(300 more in the change are not listed)")


def test_a_manifest_that_is_too_large_says_that_its_end_was_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate_worker.checks.dependencies.MAX_WHOLE", 100)
    monkeypatch.setattr("quorate_worker.checks.dependencies.MAX_LINES", 20)
    dependencies = {check.NAME: check for check in CHECKS}["dependencies"]
    (finding,) = in_change(dependencies, Review({"diff": added("requirements.txt", *(f"a{i}==1" for i in range(25)))}))

    assert finding.message.endswith("a19 ==1; the file is too large to be read to its end")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.NAME)
def test_names_and_texts_that_are_no_unicode_break_nothing(check: Check) -> None:
    odd = 'diff --git "a/\\377.exe" "b/\\377.exe"\nnew file mode 100644\nindex 0..1\nGIT binary patch\n'
    json = added("package.json", '{"dependencies": {"\\ud800\\u001b\\n": "\\ud800", "\\u202e": "*"}}')

    for finding in in_change(check, Review({"diff": odd + json})):
        assert "\x1b" not in finding.message
        assert "\u202e" not in finding.message


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.NAME)
def test_the_patches_of_a_series_are_one_change(check: Check) -> None:
    first = "From 1 Mon Sep 17 00:00:00 2001\nSubject: one\n\n" + added("a.py", "# TODO: x", "x = 1")
    second = (
        "\nFrom 2 Mon Sep 17 00:00:00 2001\nSubject: two\n\n"
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n # TODO: x\n-x = 1\n+x = 2\n"
    )

    findings = in_change(check, Review({"diff": first + second}))
    assert [finding.rule for finding in findings] == (["todo"] if check.NAME == "todo" else [])
