"""The lines of a changed file: removed and added ones, corresponding ones, and the old content made again."""

import difflib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import patched
from quorate.diff import NotADiff, parse_diff
from quorate.patched import PatchedFile, chains

HEADER = "--- a/x\n+++ b/x\n"
DIFF = HEADER + "@@ -1,3 +1,4 @@ f\n a\n-b\n+B\n+C\n c\n@@ -9,2 +10,1 @@\n-i\n j\n"
AFTER = "a\nB\nC\nc\nd\ne\nf\ng\nh\nj\nk\n"
BEFORE = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"


def file(diff: str, path: str = "x") -> PatchedFile:
    return PatchedFile(diff, chains(parse_diff(diff))[path])


def mail(number: int, diff: str) -> str:
    return f"From {number:040} Mon Sep 17 00:00:00 2001\nSubject: [PATCH] {number}\n\n---\n{diff}-- \n2.39.5\n\n"


def test_added_and_removed_lines_come_with_their_numbers() -> None:
    assert file(DIFF).added() == {2: "B", 3: "C"}
    assert file(DIFF).removed() == {2: "b", 9: "i"}


@pytest.mark.parametrize(
    ("old", "new"), [(1, 1), (2, None), (3, 4), (8, 9), (9, None), (10, 10), (11, 11), (9_999, 9_999), (0, None)]
)
def test_unchanged_lines_correspond(old: int, new: int | None) -> None:
    assert file(DIFF).new_line(old) == new
    if new is not None:
        assert file(DIFF).old_line(new) == old


def test_added_lines_have_no_old_number() -> None:
    assert [file(DIFF).old_line(number) for number in (0, 2, 3)] == [None, None, None]


def test_the_old_content_is_made_from_the_new_one() -> None:
    assert file(DIFF).before(AFTER) == BEFORE
    assert file(DIFF).before(AFTER[:-1]) == BEFORE[:-1]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a\nB\nC\nc\n",
        "a\nB\nc\nc\nd\ne\nf\ng\nh\nj\nk\n",
        "z" + AFTER,
        "\n" + AFTER,
        AFTER.replace("\n", "\r\n"),
        AFTER.replace("e\n", ""),
        AFTER.removesuffix("j\nk\n"),
        AFTER.removesuffix("\nk\n"),
    ],
)
def test_content_that_the_diff_does_not_lead_to_gives_nothing(content: str | None) -> None:
    assert file(DIFF).before(content) is None


@pytest.mark.parametrize(
    ("hunks", "after", "before"),
    [
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", "a\n", "a"),
        ("@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n", "a", "a\n"),
        ("@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n", "a\n", None),
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", "a", None),
        ("@@ -1,2 +1,2 @@\n-a\n+b\n z\n\\ No newline at end of file\n", "b\nz", "a\nz"),
        ("@@ -1,2 +1,2 @@\n-a\n+b\n z\n\\ No newline at end of file\n", "b\nz\n", None),
        ("@@ -1,2 +1,2 @@\n-a\n+b\n z\n", "b\nz", None),
        ("@@ -1 +1 @@\n-a\n+b\n", "b\nz", "a\nz"),
        ("@@ -2 +1,0 @@\n-b\n\\ No newline at end of file\n", "a\n", "a\nb"),
        ("@@ -2 +1,0 @@\n-b\n", "a\n", "a\nb\n"),
        ("@@ -2 +1,0 @@\n-b\n", "a", None),
        ("@@ -1,0 +2 @@\n+b\n\\ No newline at end of file\n", "a\nb", "a\n"),
        ("@@ -1 +0,0 @@\n-a\n", "", "a\n"),
        ("@@ -1 +0,0 @@\n-a\n\\ No newline at end of file\n", "b\n", None),
        ("@@ -0,0 +1 @@\n+a\n", "a\nb\n", "b\n"),
        ("@@ -0,0 +1 @@\n+a\n", "a\n", ""),
        ("@@ -1 +1 @@\n-a\r\n+b\r\n", "b\r\nc\r\n", "a\r\nc\r\n"),
        ("@@ -1 +1 @@\n-a\n+a\r\n", "a\r\n", "a\n"),
        ("@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n", "a\n\nc\n", "a\n\nb\n"),
        ("@@ -1 +1 @@\n-\ufffd\n+\ufffd\ufffd\n", "\ufffd\ufffd\nx\u2028\x0cy\n", "\ufffd\nx\u2028\x0cy\n"),
        ("@@ -5 +1 @@\n-a\n+b\n", "b\n", None),
        ("@@ -1 +1 @@\n-a\n+b\n@@ -1 +9 @@\n-a\n+b\n", "b\n" * 9, None),
        ("@@ -1,3 +1,3 @@\n a\r\n\r\n-b\r\n+c\r\n", "a\r\n\r\nc\r\n", "a\r\n\r\nb\r\n"),
        ("@@ -1 +999999999 @@\n-a\n+b\n", "b\n", None),
        ("@@ -5 +4,0 @@\n-x\n@@ -6 +4 @@\n-c\n+d\n", "a\nb\nc\nd\n", None),
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n@@ -3 +3 @@\n-c\n+d\n", "b\nx\nd\n", None),
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n@@ -2,0 +3 @@\n+d\n", "b\nx\nd\n", None),
        ("@@ -1,2 +1 @@\n-a\n\\ No newline at end of file\n-c\n+d\n", "d\n", None),
    ],
)
def test_line_ends_are_exact_and_what_does_not_fit_is_refused(hunks: str, after: str, before: str | None) -> None:
    assert file(HEADER + hunks).before(after) == before


@pytest.mark.parametrize("second", ["@@ -9 +5 @@", "@@ -1 +5 @@"])
def test_a_diff_whose_numbers_contradict_each_other_maps_no_line(second: str) -> None:
    changed = file(HEADER + f"@@ -2 +2 @@\n-a\n+b\n{second}\n-c\n+d\n")
    assert [changed.old_line(number) for number in range(1, 8)] == [None] * 7


def test_a_diff_that_a_mailer_converted_fits_the_content_it_was_made_of() -> None:
    converted = file(DIFF.replace("\n", "\r\n"))
    assert converted.before(AFTER) == BEFORE
    assert converted.added() == {2: "B", 3: "C"}
    assert file((HEADER + "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n").replace("\n", "\r\n")).before("a\n\nc\n") == "a\n\nb\n"


def test_a_deleted_file_gives_its_old_content_and_an_added_one_has_none() -> None:
    deleted = file("--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n\\ No newline at end of file\n")
    added = file("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n")
    assert (deleted.before(None), deleted.removed(), deleted.new_line(1)) == ("a\nb", {1: "a", 2: "b"}, None)
    assert (added.before("a\n"), added.added(), added.old_line(1)) == (None, {1: "a"}, None)


@pytest.mark.parametrize(
    ("head", "after", "before"),
    [
        ("similarity index 100%\nrename from o\nrename to x\n", "a\n", "a\n"),
        ("similarity index 100%\ncopy from o\ncopy to x\n", "a\n", "a\n"),
        ("old mode 100644\nnew mode 100755\n", "a\n", "a\n"),
        ("index 1..2 100644\n", "a\n", None),
        ("index 1..2 100644\nBinary files a/x and b/x differ\n", "a\n", None),
        ("deleted file mode 100644\nindex 1..0\n", None, None),
        ("index 1..2 160000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-s 1\n+s 2\n", "s 2\n", None),
        ("index 1..2 120000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-t\n+u\n", "u\n", None),
    ],
)
def test_files_without_hunks_of_text_are_their_old_content_only_if_the_diff_says_so(
    head: str, after: str | None, before: str | None
) -> None:
    assert file(f"diff --git a/x b/x\n{head}").before(after) == before


def test_a_series_is_composed() -> None:
    one = "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n+new\n a\n-b\n+B\n"
    two = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-new\n+newer\n a\n B\n@@ -5,0 +6,1 @@\n+last\n"
    series = file(mail(1, one) + mail(2, two))
    assert series.added() == {1: "newer", 3: "B", 6: "last"}
    assert series.removed() == {2: "b"}
    assert [series.touches(number) for number in range(1, 8)] == [True, False, True, False, False, True, False]
    assert series.touches(4, 9)
    assert not series.touches(4, 5)
    assert [series.old_line(number) for number in range(1, 8)] == [None, 1, None, 3, 4, None, 5]
    assert [series.new_line(number) for number in range(1, 6)] == [2, None, 4, 5, 7]
    assert series.before("newer\na\nB\nc\nd\nlast\n") == "a\nb\nc\nd\n"
    assert series.before("newer\na\nb\nc\nd\nlast\n") is None


def test_a_series_follows_a_file_through_its_names() -> None:
    edit = "--- a/o\n+++ b/o\n@@ -1 +1 @@\n-a\n+b\n"
    move = "diff --git a/o b/x\nsimilarity index 100%\nrename from o\nrename to x\n"
    series = mail(1, edit) + mail(2, move)
    assert set(chains(parse_diff(series))) == {"x"}
    assert file(series).old_path == "o"
    assert file(series).before("b\nz\n") == "a\nz\n"


def test_files_that_exchange_their_names_are_not_taken_for_a_series() -> None:
    def move(old: str, new: str) -> str:
        return f"diff --git a/{old} b/{new}\nsimilarity index 90%\nrename from {old}\nrename to {new}\n"

    swap = move("y", "x") + "--- a/y\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n" + move("x", "y")
    assert [len(chain) for chain in chains(parse_diff(swap)).values()] == [1, 1]
    edit = mail(1, "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-0\n+a\n")
    series = edit + mail(2, swap)
    assert (file(series).old_path, file(series).before("b\n")) == ("y", "0\n")
    assert (file(series, "y").old_path, file(series, "y").before("2\n")) == ("x", "1\n")


def test_a_file_that_is_deleted_and_made_again_has_its_first_content_as_the_old_one() -> None:
    gone, again = "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n"
    series = file(mail(1, gone) + mail(2, again))
    assert series.before("b\n") == "a\n"
    assert series.before("c\n") is None
    assert series.before("b\nmore\n") is None
    assert file(mail(1, again) + mail(2, gone.replace("-a", "-b"))).before(None) is None
    assert file(mail(1, gone) + mail(2, HEADER + "@@ -1 +1 @@\n-a\n+b\n")).before("b\n") is None


def test_a_series_that_is_too_much_to_compose_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    patch = HEADER + "@@ -1 +1 @@\n-a\n+a\n"
    monkeypatch.setattr(patched, "MAX_SERIES", 9 * 27)
    assert len(chains(parse_diff(patch * 9))["x"]) == 9
    with pytest.raises(NotADiff, match="10 patches change 'x': give one diff of them all"):
        chains(parse_diff(patch * 10))


LINES = st.sampled_from(["a", "b", "c\r", "", " d", "+e", "\\f"])
CONTEXT = st.integers(0, 3)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from(["", "\n"]))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    old=TEXTS, new=TEXTS, at=st.integers(0, 12), line=LINES, tail=st.sampled_from(["", "", "b", "\n"]), context=CONTEXT
)
def test_what_is_made_of_another_content_leads_there_by_the_diff(
    old: str, new: str, at: int, line: str, tail: str, context: int
) -> None:
    diff = unified(old, new, context)
    if not diff:
        return
    changed = file(diff)
    assert changed.before(new) == old
    other = new.split("\n")
    other[at : at + 1] = [line]
    after = "\n".join(other) + tail
    before = changed.before(after)
    assert before is None or applied(diff, before) == after


def rows(text: str) -> list[str]:
    return [row for row in re.split(r"(?<=\n)", text) if row]


def unified(old: str, new: str, context: int) -> str:
    """A diff as ``diff -u`` writes it, by another implementation."""
    found = difflib.unified_diff(rows(old), rows(new), "a/x", "b/x", n=context)
    return "".join(row if row.endswith("\n") else row + "\n\\ No newline at end of file\n" for row in found)


def applied(diff: str, before: str) -> str:
    """The content that a diff makes of another one, the plain way."""
    old, new, at = rows(before), [], 0
    for hunk in re.split("^@@ ", diff, flags=re.MULTILINE)[1:]:
        head, *body = rows(hunk.replace("\n\\ No newline at end of file\n", "\0"))
        lines = [part for row in body for part in re.split(r"(?<=\0)", row) if part]
        lines = [row.replace("\0", "") for row in lines]
        start, count = re.match(r"-(\d+)(?:,(\d+))?", head).group(1, 2)  # type: ignore[union-attr]
        source = [row[1:] for row in lines if row[0] in " -"]
        first = int(start) - (count != "0")
        assert old[first : first + len(source)] == source
        new += [*old[at:first], *(row[1:] for row in lines if row[0] in " +")]
        at = first + len(source)
    return "".join(new + old[at:])


def test_reading_the_lines_of_a_large_hunk_costs_linear_time() -> None:
    def seconds(count: int) -> float:
        diff = HEADER + f"@@ -1,{count} +1,{count} @@\n" + " a\n-b\n+c\n" * (count // 2)
        best = 9.0
        for _ in range(3):
            changed = file(diff)
            begun = time.process_time()
            for number in range(1, count, 7):
                changed.old_line(number)
            changed.added()
            changed.before("a\nc\n" * (count // 2))
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(100_000) < 40 * max(seconds(10_000), 0.002)
