"""Where the diff lets a finding be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.diff import FileChange, Hunk, parse_diff
from quorate_collector.domain.anchors import Anchor, Anchors

DIFF = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,3 +1,4 @@
 one
+two
 three
 four
@@ -20,3 +21,2 @@
 twenty-one
-gone
 twenty-two
@@ -40,2 +40,0 @@
-gone
-too
diff --git a/old.py b/old.py
deleted file mode 100644
--- a/old.py
+++ /dev/null
@@ -1,1 +0,0 @@
-x
"""


@pytest.mark.parametrize(
    ("path", "line", "end_line", "anchor"),
    [
        ("a.py", 2, None, Anchor("a.py", 2)),
        ("a.py", 1, 1, Anchor("a.py", 1)),
        ("a.py", 2, 4, Anchor("a.py", 4, 2)),
        ("a.py", 3, 9, Anchor("a.py", 3)),
        ("a.py", 4, 21, Anchor("a.py", 4)),
        ("a.py", 10, 22, Anchor("a.py", 21)),
        ("a.py", 3, 1, Anchor("a.py", 3)),
        ("a.py", 5, None, None),
        ("a.py", 5, 20, None),
        ("a.py", 23, 99, None),
        ("a.py", 40, None, None),
        ("a.py", None, None, None),
        ("b.py", 1, None, None),
        ("old.py", 1, None, None),
    ],
)
def test_a_finding_is_shown_where_the_diff_has_its_lines(
    path: str, line: int | None, end_line: int | None, anchor: Anchor | None
) -> None:
    assert Anchors(parse_diff(DIFF)).of(path, line, end_line) == anchor


def test_a_range_of_one_line_has_no_start() -> None:
    assert Anchor("a.py", 2).fields() == {"path": "a.py", "line": 2, "side": "RIGHT"}
    assert Anchor("a.py", 4, 2).fields() == {
        "path": "a.py",
        "line": 4,
        "side": "RIGHT",
        "start_line": 2,
        "start_side": "RIGHT",
    }


def test_exact_lines_are_not_cut() -> None:
    anchors = Anchors(parse_diff(DIFF))

    assert anchors.exactly("a.py", 1, 4) == Anchor("a.py", 4, 1)
    assert anchors.exactly("a.py", 4, 5) is None
    assert anchors.exactly("a.py", 4, 21) is None


def test_a_path_that_is_not_unicode_cannot_be_sent() -> None:
    change = FileChange("\udcff.py", None, "added", False, False, False, (Hunk(0, 0, 1, 1, ((1, 1),)),), "x\n")

    assert Anchors([change]).of("\udcff.py", 1) is None


@st.composite
def hunks(draw: st.DrawFn) -> list[Hunk]:
    made, line = [], 1
    for gap, size in draw(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=6)):
        line += gap
        made.append(Hunk(line, size, line, size, ()))
        line += size
    return made


@given(hunks(), st.integers(1, 60), st.integers(0, 20))
def test_an_anchor_is_always_within_one_hunk_and_within_the_finding(made: list[Hunk], line: int, more: int) -> None:
    change = FileChange("a.py", "a.py", "modified", False, False, False, tuple(made), None)
    shown = {n for hunk in made for n in range(hunk.new_start, hunk.new_start + hunk.new_lines)}

    anchor = Anchors([change]).of("a.py", line, line + more)

    if anchor is None:
        assert not shown & set(range(line, line + more + 1)), "a line that the diff shows is not given away"
        return
    first = anchor.start_line or anchor.line
    assert line <= first <= anchor.line <= line + more
    assert any(hunk.new_start <= first and anchor.line < hunk.new_start + hunk.new_lines for hunk in made)
    assert anchor.start_line is None or anchor.start_line < anchor.line
