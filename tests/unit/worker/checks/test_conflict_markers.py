"""Conflict markers that are found, and what only looks like them."""

import pytest

from quorate_worker.checks import conflict_markers
from tests.unit.worker.checks.changed import found, in_change, review_of

START, BASE, MIDDLE, END = "<" * 7, "|" * 7, "=" * 7, ">" * 7
WHOLE = f"a\n{START} HEAD\nb\n{MIDDLE}\nc\n{END} feature\nd\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", WHOLE, {"conflict a.py:2"}),
        ("a.md", WHOLE, {"conflict a.md:2"}),
        ("a.py", WHOLE.replace("\n", "\r\n"), {"conflict a.py:2"}),
        ("a.py", WHOLE + WHOLE, {"conflict a.py:2", "conflict a.py:9"}),
        ("a.py", f"{START} ours\nb\n{BASE} base\nx\n{MIDDLE}\nc\n{END} theirs\n", {"conflict a.py:1"}),
        ("a.py", f"a\n{END} feature\n", {"conflict-marker a.py:2"}),
        ("a.py", f"a\n{START}\n", {"conflict-marker a.py:2"}),
        ("a.py", f"{START} one\na\n{START} two\nb\n{MIDDLE}\n", {"conflict-marker a.py:1", "conflict-marker a.py:3"}),
    ],
)
def test_markers_in_added_lines_are_found(path: str, text: str, expected: set[str]) -> None:
    assert found(conflict_markers, {}, {path: text}) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.rst", f"Heading\n{MIDDLE}\n\ntext\n"),
        ("a.md", f"Heading\n{MIDDLE}\n"),
        ("a.md", f"{END} quoted seven times\n{END} and again\n"),
        ("a.txt", f"{BASE}\n"),
        ("a.py", f'x = """\n  {START} HEAD\n"""\n'),
        ("a.py", f"{START}<\n{END}>\n"),
        ("a.cpp", f"{START}x\n{END}y\n"),
        ("a.py", f"{MIDDLE}\n"),
        ("a.py", f"{START} {'x' * 400}\n"),
    ],
)
def test_what_only_looks_like_markers_is_left_alone(path: str, text: str) -> None:
    assert found(conflict_markers, {}, {path: text}) == set()


def test_a_conflict_that_the_change_does_not_touch_or_resolves_is_no_finding() -> None:
    assert found(conflict_markers, {"a.py": WHOLE}, {"a.py": WHOLE + "new\n"}) == set()
    assert found(conflict_markers, {"a.py": WHOLE}, {"a.py": "a\nb\nd\n"}) == set()


def test_a_finding_spans_the_whole_conflict() -> None:
    (finding,) = in_change(conflict_markers, review_of({}, {"a.py": WHOLE}))

    assert (finding.line, finding.end_line) == (2, 6)
    assert (finding.severity, finding.category) == ("high", "bug")


def test_among_tests_a_conflict_may_be_their_data() -> None:
    (finding,) = in_change(conflict_markers, review_of({}, {"tests/test_merge.py": WHOLE}))

    assert (finding.severity, finding.confidence) == ("medium", 0.5)


def test_a_conflict_is_found_without_the_content_of_the_file() -> None:
    before, after = "a\nd\n", WHOLE

    assert found(conflict_markers, {"a.py": before}, {"a.py": after}, send_files=False) == {"conflict a.py:2"}
