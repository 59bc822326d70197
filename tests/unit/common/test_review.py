"""A change as agents see it: paths, texts, changed lines and the old content."""

import pytest

from quorate.contract.finding import Finding
from quorate.diff import NotADiff
from quorate.review import Review

MODIFIED = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,3 @@\n+new\n keep\n-old\n+changed\n"
ADDED = "diff --git a/n.py b/n.py\nnew file mode 100644\n--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+n\n"
DELETED = "diff --git a/d.py b/d.py\ndeleted file mode 100644\n--- a/d.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-d\n"
RENAMED = "diff --git a/o.py b/r.py\nsimilarity index 100%\nrename from o.py\nrename to r.py\n"
BINARY = "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n"
LINKED = (
    "diff --git a/l b/l\ndeleted file mode 100644\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n-text\n"
    "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+target\n"
    "\\ No newline at end of file\n"
)
FILES = {"x.py": "new\nkeep\nchanged\nrest\n", "r.py": "r\n"}


@pytest.fixture
def review() -> Review:
    return Review({"diff": MODIFIED + ADDED + DELETED + RENAMED + BINARY + LINKED, "files": FILES})


def finding(path: str, line: int | None, end_line: int | None = None) -> Finding:
    return Finding(path=path, line=line, end_line=end_line, message="m")


def test_every_path_that_still_exists_is_there_once(review: Review) -> None:
    assert review.paths == ("x.py", "n.py", "r.py", "i.png", "l")
    assert review.texts() == {"x.py": FILES["x.py"], "n.py": "n\n", "r.py": "r\n"}
    assert review.unreadable == {"i.png": "binary file", "l": "symbolic link"}


@pytest.mark.parametrize(
    ("path", "text", "before", "old_path"),
    [
        ("x.py", FILES["x.py"], "keep\nold\nrest\n", "x.py"),
        ("n.py", "n\n", None, None),
        ("d.py", None, "d\n", "d.py"),
        ("r.py", "r\n", "r\n", "o.py"),
        ("i.png", None, None, "i.png"),
        ("l", None, None, "l"),
        ("o.py", None, None, None),
        ("elsewhere", None, None, None),
    ],
)
def test_a_file_has_its_new_and_its_old_content_as_far_as_they_can_be_had(
    review: Review, path: str, text: str | None, before: str | None, old_path: str | None
) -> None:
    assert (review.text(path), review.before(path), review.old_path(path)) == (text, before, old_path)


def test_the_lines_of_a_file_whose_content_was_not_sent_are_read_from_the_diff() -> None:
    review = Review({"diff": MODIFIED})
    assert review.added("x.py") == {1: "new", 3: "changed"}
    assert review.removed("x.py") == {2: "old"}
    assert (review.old_line("x.py", 2), review.new_line("x.py", 1)) == (1, 2)
    assert (review.old_line("x.py", 4), review.new_line("x.py", 3)) == (3, 4)
    assert review.before("x.py") is None


def test_a_file_that_is_not_part_of_the_change_has_no_lines(review: Review) -> None:
    assert review.added("elsewhere") == review.removed("elsewhere") == {}
    assert review.old_line("elsewhere", 1) is review.new_line("elsewhere", 1) is None
    assert review.change_of("elsewhere") is None
    assert not review.in_change(finding("elsewhere", None))


@pytest.mark.parametrize(
    ("line", "end_line", "inside"),
    [(1, None, True), (2, None, False), (2, 3, True), (3, None, True), (4, 9, False), (None, None, True)],
)
def test_a_finding_is_in_the_change_where_it_touches_an_added_line(
    review: Review, line: int | None, end_line: int | None, inside: bool
) -> None:
    assert review.in_change(finding("x.py", line, end_line)) is inside


def test_in_a_series_of_patches_lines_are_counted_in_the_last_content() -> None:
    first = "From 1\n" + MODIFIED + "-- \n2.39\n\n"
    second = "From 2\n--- a/x.py\n+++ b/x.py\n@@ -0,0 +1,2 @@\n+head\n+head\n-- \n2.39\n\n"
    third = "From 3\n" + RENAMED.replace("o.py", "x.py") + "-- \n2.39\n\n"
    review = Review({"diff": first + second + third, "files": {"r.py": "head\nhead\nnew\nkeep\nchanged\nrest\n"}})
    assert review.paths == ("r.py",)
    assert [review.in_change(finding("r.py", line)) for line in range(1, 7)] == [True, True, True, False, True, False]
    assert not review.in_change(finding("x.py", 1))
    assert review.before("r.py") == "keep\nold\nrest\n"
    assert review.old_path("r.py") == "x.py"


def test_a_file_that_a_series_adds_and_deletes_again_does_not_exist() -> None:
    gone = DELETED.replace("d.py", "n.py").replace("-d", "-n")
    assert Review({"diff": f"From 1\n{ADDED}From 2\n{gone}"}).paths == ()


def test_a_name_that_is_not_utf8_is_what_the_command_line_makes_of_it() -> None:
    diff = 'diff --git "a/\\377" "b/\\377"\n--- "a/\\377"\n+++ "b/\\377"\n@@ -1 +1 @@\n-a\n+b\n'
    review = Review({"diff": diff, "files": {"\ufffd": "b\n"}})
    assert review.paths == ("\ufffd",)
    assert (review.before("\ufffd"), review.old_path("\ufffd")) == ("a\n", "\ufffd")
    assert review.in_change(finding("\ufffd", 1))


def test_a_pull_request_without_its_diff_cannot_be_reviewed() -> None:
    with pytest.raises(NotADiff, match="send its diff"):
        Review({"pull_request": {"repo": "o/r", "number": 1}})
