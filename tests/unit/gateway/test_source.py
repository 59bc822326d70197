"""The diff of a pull request, put together from what GitHub lists, is the one that git writes."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quorate.diff import parse_diff
from quorate.review import Review
from quorate_gateway.domain.source import (
    EMPTY,
    Draft,
    Entry,
    Listed,
    Pull,
    draft_of,
    fetched,
    is_binary,
    patch_between,
    reason_to_skip,
    sections_of,
    tree_of,
    wanted,
)
from tests.support import git_trees
from tests.support.git_trees import FILE, LINK, MODULE, PROGRAM, Repository, Tree, without_conflicts

HEAD = "b" * 40
PATCH = "@@ -1 +1,2 @@\n a\n+b"


def listed(path: str, status: str = "modified", patch: str | None = PATCH, **more: Any) -> Listed:
    counts = {"additions": 1, "deletions": 0} if patch == PATCH else {}
    return Listed.model_validate({"filename": path, "status": status, "patch": patch, "sha": "c" * 40} | counts | more)


def diff_of(*files: Listed) -> Draft:
    return sections_of(files, None, None).filled({})


# Against git


LINES = st.sampled_from([b"", b" ", b"a", b"b", b"\r", b"a\x0cb", b"\xe2\x80\xa8", b"-- x", b"--- a/x", b"@@ -1 +1 @@"])
TEXTS = st.builds(
    lambda lines, end: b"\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from([b"\n", b""])
)
CONTENTS = st.one_of(TEXTS, TEXTS, st.sampled_from([b"", b"\0binary", b"\0other"]))
ENTRIES = st.one_of(
    st.builds(git_trees.Entry, st.sampled_from([FILE, PROGRAM]), CONTENTS),
    st.builds(git_trees.Entry, st.sampled_from([FILE, PROGRAM]), CONTENTS),
    st.sampled_from([git_trees.Entry(LINK, b"x"), git_trees.Entry(MODULE, b"1" * 40)]),
)
NAMES = st.sampled_from(
    [b"x", b"y z", b"x b/x", b"a/x", b"b/x", b"d/\xc3\xa4", b't"\t\n\r', b"\x01\x7f\a", b"e ", b"n\\n", b'"']
)
TREES = st.dictionaries(NAMES, ENTRIES, max_size=4)
STATUS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed"}


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    with tempfile.TemporaryDirectory() as folder:
        yield Repository(Path(folder))


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=TREES, after=TREES, kept=st.booleans())
def test_a_diff_from_patches_says_what_gits_own_says(
    repository: Repository, before: Tree, after: Tree, kept: bool
) -> None:
    before = without_conflicts(before)
    after = without_conflicts(after | {b"kept/" + path: file for path, file in before.items()} if kept else after)
    ends = repository.write([before, after])
    output = repository.git("-c", "core.quotePath=false", "diff", "-M", "--raw", "--patch", "-z", "--full-index", *ends)
    files, diff = as_listed(output)
    if any(file.status == "typechange" for file in files):
        return  # what GitHub lists of a file that became a link is not known

    sections = sections_of(files, whole_tree(repository, ends[0]), whole_tree(repository, ends[1]))

    assert (sections.lacking, sections.unread) == ((), {})
    draft = sections.filled({})
    assert draft.changes == (parse_diff(diff) if diff else ())
    assert draft.diff == re.sub(r"^similarity index [0-9]+%\n", "", diff, flags=re.MULTILINE)
    # Without the trees the modes are not known, but the lines are.
    blind = sections_of(files, None, None).filled({})
    assert [change.hunks for change in blind.changes] == [change.hunks for change in draft.changes]


def as_listed(output: bytes) -> tuple[list[Listed], str]:
    """What GitHub would list of git's output, and the patch as it is."""
    records: list[tuple[str, str, str, str]] = []
    while output.startswith(b":"):
        head, path, output = output.split(b"\0", 2)
        _, _, old, new, status = head.decode().split(" ")
        new_path = path
        if status[0] == "R":
            new_path, output = output.split(b"\0", 1)
        records.append((status[0], old if status[0] == "D" else new, path.decode(), new_path.decode()))
    diff = output.removeprefix(b"\0").decode()
    if any(status == "T" for status, *_ in records):
        return [Listed(filename="x", status="typechange")], diff
    files: list[Listed] = []
    sections = ["diff --git " + part for part in f"\n{diff}".split("\ndiff --git ")[1:]]
    for (status, sha, old_path, new_path), section in zip(records, sections, strict=True):
        (change,) = parse_diff(section)
        start = section.find("\n@@ -")
        patch = section[start + 1 :].removesuffix("\n") if change.hunks else None
        removed = sum(hunk.old_lines - hunk.new_lines for hunk in change.hunks) + change.added_lines
        item = {"filename": new_path, "status": STATUS[status], "sha": sha, "patch": patch}
        item |= {"additions": change.added_lines, "deletions": removed}
        files.append(Listed.model_validate(item | ({"previous_filename": old_path} if status == "R" else {})))
    return files, diff


def whole_tree(repository: Repository, name: str) -> dict[str, Entry]:
    lines = repository.git("ls-tree", "-r", "-z", name).split(b"\0")[:-1]
    told = [line.partition(b"\t") for line in lines]
    return {path.decode(): Entry(head.split()[0].decode(), head.split()[2].decode()) for head, _, path in told}


@given(old=TEXTS, new=TEXTS)
def test_a_patch_made_of_two_texts_makes_one_the_other(old: bytes, new: bytes) -> None:
    before, after = old.decode(), new.decode()
    if before == after or not before or not after:
        return
    counts = {"additions": 0, "deletions": 0}
    (change,) = diff_of(listed("x", patch=None, **counts | {"additions": 1})).changes
    assert change.hunks == ()
    sections = sections_of([listed("x", patch=None, additions=1)], None, None)

    draft = sections.filled({"x": patch_between(before, after)})

    review = Review({"diff": draft.diff, "files": {"x": after}})
    assert review.before("x") == before


def test_a_patch_of_two_texts_has_three_lines_around_it() -> None:
    old = "".join(f"{number}\n" for number in range(20))

    assert patch_between(old, old.replace("9\n", "nine\n", 1)) == (
        "@@ -7,7 +7,7 @@\n 6\n 7\n 8\n-9\n+nine\n 10\n 11\n 12\n"
    )


def test_a_patch_from_nothing_and_to_nothing_is_counted_as_git_does() -> None:
    assert patch_between("", "a\nb") == "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"
    assert patch_between("a\n", "") == "@@ -1,1 +0,0 @@\n-a\n"


# What GitHub leaves out


def test_a_patch_that_is_cut_off_is_lacking_and_its_file_stays_in_the_diff() -> None:
    sections = sections_of([listed("cut.py", additions=9), listed("whole.py")], None, None)

    assert [change.file.path for change in sections.lacking] == ["cut.py"]
    draft = sections.filled({})
    assert [(change.path, change.added_lines) for change in draft.changes] == [("cut.py", 0), ("whole.py", 1)]
    assert list(draft.unread) == ["cut.py"]
    assert Review({"diff": draft.diff}).unreadable["cut.py"]


def test_a_damaged_patch_is_lacking() -> None:
    sections = sections_of([listed("x", patch="@@ -1,5 +1 @@\n-a", deletions=1)], None, None)

    assert [change.file.path for change in sections.lacking] == ["x"]


def test_a_large_added_file_without_its_patch_is_not_taken_for_an_empty_one() -> None:
    draft = diff_of(listed("big.py", "added", None, additions=99_999))

    (change,) = draft.changes
    assert (change.status, change.added_text) == ("added", None)
    assert list(draft.unread) == ["big.py"]


def test_a_file_without_lines_is_a_binary_one() -> None:
    draft = diff_of(listed("a.png", "added", None), listed("b.png", patch=None), listed("c.png", "removed", None))

    assert [(change.status, change.binary) for change in draft.changes] == [
        ("added", True),
        ("modified", True),
        ("deleted", True),
    ]
    assert draft.unread == {}


def test_an_added_empty_file_is_empty_and_a_moved_one_is_moved() -> None:
    draft = diff_of(
        listed("e.py", "added", None, sha=EMPTY), listed("new.py", "renamed", None, previous_filename="old.py")
    )

    empty, moved = draft.changes
    assert (empty.added_text, empty.binary) == ("", False)
    assert (moved.status, moved.old_path, moved.binary) == ("renamed", "old.py", False)


def test_modes_come_from_the_trees() -> None:
    before = {"run": Entry("100644", "c" * 40)}
    after = {"run": Entry("100755", "c" * 40), "link": Entry("120000", "d" * 40), "module": Entry("160000", "e" * 40)}
    draft = sections_of(
        [
            listed("run", "changed", None),
            listed("link", "added", "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file", additions=1),
            listed("module", "added", f"@@ -0,0 +1 @@\n+Subproject commit {'e' * 40}", additions=1),
        ],
        before,
        after,
    ).filled({})

    run, link, module = draft.changes
    assert (run.status, link.symlink, module.submodule) == ("mode", True, True)
    assert wanted(draft.changes, 10)[0] == ("run",)


# Names


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", ".git/config", "C:x", "a\0b", "sub\\..\\..\\x"])
def test_a_name_that_is_not_safe_is_skipped_with_the_reason(path: str) -> None:
    draft = diff_of(listed(path), listed("good.py"))

    assert [change.path for change in draft.changes] == ["good.py"]
    assert list(draft.unread) == [path]


def test_an_old_name_that_is_not_safe_is_skipped_too() -> None:
    draft = diff_of(listed("x", "renamed", previous_filename="../x"), listed("good.py"))

    assert [change.path for change in draft.changes] == ["good.py"]


def test_a_diff_in_one_piece_loses_only_the_file_whose_name_is_not_safe() -> None:
    good = f"diff --git a/good.py b/good.py\n--- a/good.py\n+++ b/good.py\n{PATCH}\n"
    bad = f"diff --git a/x\\..\\..\\y b/x\\..\\..\\y\n--- a/x\\..\\..\\y\n+++ b/x\\..\\..\\y\n{PATCH}\n"

    draft = draft_of(good + bad)

    assert draft.diff == good
    assert list(draft.unread.values()) == ["The path 'x\\\\..\\\\..\\\\y' leaves the repository by '..'."]
    assert draft.names == 2


def test_a_line_of_a_file_that_looks_like_a_header_does_not_hide_another_file() -> None:
    patch = "@@ -1 +1,3 @@\n a\n+diff --git a/../x b/../x\n+--- a/../x"

    assert diff_of(listed("x", patch=patch, additions=2)).changes[0].added_lines == 2


# What is read whole


def test_files_with_changed_lines_are_read_first_and_no_more_than_the_limit() -> None:
    changes = diff_of(
        listed("moved.py", "renamed", None, previous_filename="old.py"),
        listed("new.py", "added", "@@ -0,0 +1 @@\n+a", additions=1),
        listed("gone.py", "removed", "@@ -1 +0,0 @@\n-a", deletions=1),
        listed("a.png", patch=None),
        listed("first.py"),
        listed("second.py"),
    ).changes

    assert wanted(changes, 10) == (("first.py", "second.py", "moved.py"), {})
    assert wanted(changes, 1) == (
        ("first.py",),
        dict.fromkeys(["second.py", "moved.py"], "not read whole: more than 1 changed files"),
    )


def test_a_nul_makes_a_file_binary() -> None:
    assert is_binary("a\0b")
    assert not is_binary("a" * 8_000 + "\0")


@pytest.mark.parametrize("answer", [None, [], {}, {"tree": [], "truncated": True}, {"tree": None, "truncated": False}])
def test_a_tree_that_is_not_whole_is_none(answer: Any) -> None:
    assert tree_of(answer) is None


def test_a_tree_is_its_files() -> None:
    entries = [{"path": "d", "mode": "040000", "sha": "1"}, {"path": "d/x", "mode": "100755", "sha": "2"}, "?"]

    assert tree_of({"tree": entries, "truncated": False}) == {"d/x": Entry("100755", "2")}


# Which pull requests


def pull(**more: Any) -> Pull:
    return Pull.model_validate({"state": "open", "head": {"sha": HEAD}, "base": {"sha": "a" * 40}} | more)


@pytest.mark.parametrize(
    ("more", "head", "reason"),
    [
        ({}, None, None),
        ({}, HEAD, None),
        ({}, "d" * 40, f"superseded by {HEAD}"),
        ({"state": "closed"}, HEAD, "the pull request is closed"),
        ({"state": "closed", "merged": True}, HEAD, "the pull request is merged"),
    ],
)
def test_closed_and_superseded_ones_are_skipped(more: dict[str, Any], head: str | None, reason: str | None) -> None:
    assert reason_to_skip(pull(**more), head) == reason


def test_texts_of_people_are_cut_to_what_a_message_holds() -> None:
    draft = diff_of(listed("x"))

    found = fetched("o/r", "a" * 40, pull(title="t" * 9_999, body="d" * 999_999), draft, {}, {"y": "why"})

    assert (len(found.review.title or ""), len(found.review.description or "")) == (4_096, 262_144)
    assert found.unread == ("y: why",)
