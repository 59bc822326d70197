"""Changes that lack a test, tests that are weakened, and what needs none."""

import pytest

from quorate_worker.checks import tests_touched as check_of_tests
from tests.unit.worker.checks.changed import found, in_change, review_of

CODE = "".join(f"def f{number}(x):\n    return x + {number}\n" for number in range(10))
OTHER = CODE.replace("f", "g").replace("+", "*")
TESTS = "def test_a():\n    assert 1\n    assert 2\n\n\ndef test_b():\n    assert 3\n"


def test_new_code_without_a_test_is_one_finding_on_the_file_with_the_most_of_it() -> None:
    files = {"src/a.py": CODE, "src/b.py": CODE + "x = 1\n"}
    (finding,) = in_change(check_of_tests, review_of({}, files))

    assert (finding.rule, finding.path, finding.severity) == ("no-tests", "src/b.py", "info")
    assert finding.message == "No test changes with 2 source files (41 new lines of code, 21 of them here)"


def test_much_new_code_without_a_test_weighs_more() -> None:
    (finding,) = in_change(check_of_tests, review_of({}, {"a.py": CODE * 3}))

    assert finding.severity == "low"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"a.py": CODE, "tests/test_a.py": TESTS}),
        ({}, {"a.py": CODE, "a_test.go": "func TestA(t *testing.T) {}\n"}),
        ({}, {"a.ts": CODE, "a.spec.ts": "it('a', f)\n"}),
        ({}, {"a.py": CODE, "tests/data/x.json": "{}\n"}),
        ({}, {"a.rs": CODE + "#[test]\nfn a() {}\n"}),
        ({}, {"README.md": CODE, "config.yml": CODE}),
        ({}, {"a.pyi": CODE, "a.d.ts": CODE}),
        ({}, {"a_pb2.py": CODE, "vendor/a.py": CODE, "dist/a.js": CODE}),
        ({}, {"a.py": "# @generated\n" + CODE}),
        ({}, {"docs/conf.py": CODE, "examples/a.py": CODE, "setup.py": CODE, "bench/a.py": CODE}),
        ({}, {"a.py": "# a comment\nimport os\n\n" * 20}),
        ({}, {"a.py": "x = 1\n"}),
        ({"a.py": CODE}, {}),
        ({"a.py": CODE + "x = 1\n"}, {"a.py": CODE}),
        ({"a.py": CODE + OTHER}, {"a.py": OTHER + CODE}),
    ],
    ids=lambda value: ",".join(value) or "nothing",
)
def test_nobody_is_asked_for_a_test_where_none_is_due(before: dict[str, str], after: dict[str, str]) -> None:
    assert found(check_of_tests, before, after) == set()


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("tests/test_a.py", "@pytest.mark.skip", "test-skipped"),
        ("tests/test_a.py", '@pytest.mark.skip(reason="x")', "test-skipped"),
        ("tests/test_a.py", "    @pytest.mark.xfail(strict=True)", "test-skipped"),
        ("tests/test_a.py", "pytestmark = pytest.mark.skip", "test-skipped"),
        ("tests/test_a.py", "@unittest.skip('x')", "test-skipped"),
        ("a.test.js", "it.skip('x', () => {", "test-skipped"),
        ("a.test.js", "  xdescribe('x', () => {", "test-skipped"),
        ("a.test.js", "it.only('x', () => {", "test-focused"),
        ("a.test.js", "fdescribe('x', () => {", "test-focused"),
        ("a_test.go", '\tt.Skip("x")', "test-skipped"),
        ("ATest.java", "@Disabled", "test-skipped"),
        ("ATest.java", '@Ignore("x")', "test-skipped"),
        ("ATests.cs", '[Fact(Skip = "x")]', "test-skipped"),
        ("tests/a.rs", "#[ignore]", "test-skipped"),
        ("tests/test_a.py", "@pytest.mark.skipif(WINDOWS, reason='x')", None),
        ("tests/test_a.py", "@unittest.skipUnless(x, 'y')", None),
        ("tests/test_a.py", "    pytest.skip('no docker')", None),
        ("tests/test_a.py", "@mark.xfail(reason='x')", "test-skipped"),
        ("tests/test_a.py", "@pytest.mark.xfail(reason='see https://a.b/issues/7')", None),
        ("tests/test_a.py", "@pytest.mark.skip('GH-12')", None),
        ("tests/test_a.py", "@pytest.mark.xfail(WINDOWS, reason='x')", None),
        ("tests/test_a.py", "# @pytest.mark.skip", None),
        ("tests/test_a.py", "fit(model)", None),
        ("a.test.js", "profit('x')", None),
        ("src/a.py", "@pytest.mark.skip", None),
        ("src/a.js", "it.skip('x')", None),
    ],
)
def test_tests_that_are_skipped_or_run_alone(path: str, line: str, expected: str | None) -> None:
    before = {path: "one\ntwo\n"}

    assert found(check_of_tests, before, {path: f"one\n{line}\ntwo\n"}) == (
        {f"{expected} {path}:2"} if expected else set()
    )


def test_a_skip_that_is_moved_or_conditional_is_not_new() -> None:
    skip = "@pytest.mark.skip\ndef test_a(): ...\n"
    moved = {"test_a.py": skip + "x = 1\n" * 9}, {"test_a.py": "x = 1\n" * 9 + skip}
    conditional = {"a_test.go": "a\n"}, {"a_test.go": 'a\n\tif testing.Short() {\n\t\tt.Skip("x")\n\t}\n'}

    reworded = (
        {"test_a.py": "@mark.xfail(reason='x')\ndef test_a(): ...\n"},
        {"test_a.py": "@pytest.mark.xfail(\n    reason='y'\n)\ndef test_a(): ...\n"},
    )
    below = {"test_a.py": "x\n"}, {"test_a.py": "x\n@pytest.mark.xfail(\n    reason='#12',\n)\ndef test_a(): ...\n"}

    assert found(check_of_tests, *moved) == set()
    assert found(check_of_tests, *reworded) == set()
    assert found(check_of_tests, *below) == set()
    assert found(check_of_tests, *conditional) == set()


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        ({"tests/test_a.py": TESTS, "a.py": CODE}, {"a.py": CODE}, "medium"),
        ({"tests/test_a.py": TESTS, "b.py": CODE}, {}, "info"),
        ({"tests/test_a.py": TESTS}, {"tests/test_b.py": "def test_c():\n    assert 4\n"}, "info"),
    ],
)
def test_deleted_tests(before: dict[str, str], after: dict[str, str], severity: str) -> None:
    deleted = [
        finding for finding in in_change(check_of_tests, review_of(before, after)) if finding.rule == "test-deleted"
    ]

    assert [(finding.path, finding.severity) for finding in deleted] == [("tests/test_a.py", severity)]


@pytest.mark.parametrize(
    "before",
    [
        {"tests/test_a.py": TESTS, "src/a.py": CODE},
        {"src/Thing.test.ts": TESTS, "src/thing.ts": CODE},
        {"tests/data/x.json": "{}\n"},
        {"tests/helpers.py": CODE},
    ],
    ids=",".join,
)
def test_tests_may_go_with_what_they_test(before: dict[str, str]) -> None:
    assert found(check_of_tests, before, {}) == set()


def test_tests_that_lose_assertions_are_found() -> None:
    before = {"tests/test_a.py": TESTS}
    after = {"tests/test_a.py": "def test_a():\n    assert 1\n"}
    (finding,) = in_change(check_of_tests, review_of(before, after))

    assert finding.rule == "fewer-assertions"
    assert finding.message == "These tests lose 2 assertions and gain 0: is everything still checked?"


def test_assertions_lost_in_many_files_are_one_finding_and_a_note_where_programs_go_too() -> None:
    before = {"tests/test_a.py": TESTS, "tests/test_b.py": TESTS + "    assert 4\n", "a.py": CODE}
    tests = {"tests/test_a.py": "x = 1\n", "tests/test_b.py": "x = 1\n"}

    (finding,) = in_change(check_of_tests, review_of(before, {**tests, "a.py": CODE}))
    assert (finding.path, finding.severity) == ("tests/test_b.py", "low")
    assert "lose 7 assertions and gain 0 (in 2 files, most of them here)" in finding.message
    (finding,) = in_change(check_of_tests, review_of(before, {**tests, "a.py": "x = 1\n"}))
    assert finding.severity == "info"


def test_assertions_that_move_to_another_file_are_not_lost() -> None:
    before = {"tests/test_a.py": TESTS, "tests/test_b.py": "import x\n"}
    after = {"tests/test_a.py": "x = 1\n", "tests/test_b.py": "import x\n" + TESTS}

    assert found(check_of_tests, before, after) == set()


def test_one_assertion_less_is_no_finding() -> None:
    before = {"tests/test_a.py": TESTS}

    assert found(check_of_tests, before, {"tests/test_a.py": TESTS.replace("    assert 2\n", "")}) == set()
