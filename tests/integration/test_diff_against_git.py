"""The parser agrees with git itself on changes that hypothesis makes up.

``QUORATE_DIFF_EXAMPLES=5000`` tries so many, and others each time.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quorate.diff import FileChange, parse_diff
from quorate.review import Review
from tests.support.git_trees import (
    FILE,
    LINK,
    MODULE,
    PROGRAM,
    Entry,
    Repository,
    Tree,
    lines_agree,
    shown,
    without_conflicts,
)

EXAMPLES = int(os.environ.get("QUORATE_DIFF_EXAMPLES", "0"))
LINES = st.one_of(
    st.sampled_from(
        [
            b"",
            b" ",
            b"a",
            b"b",
            b"\r",
            b"a\r",
            b"a\x0cb",
            b"\xe2\x80\xa8",
            b"\xff\xfe",
            b"\xe2\x80",
            b"-- x",
            b"++ y",
            b"--- a/x",
            b"+++ b/x",
            b"@@ -1 +1 @@",
            b"diff --git a/x b/x",
            b"\\ No newline at end of file",
            b"-- ",
            b"Binary files a and b differ",
            b"rename from x",
            b"From 1",
        ]
    ),
    st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"").replace(b"\0", b"")),
)
TEXTS = st.builds(
    lambda lines, end: b"\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from([b"\n", b""])
)
FILES = st.builds(Entry, st.sampled_from([FILE, PROGRAM]), st.one_of(TEXTS, st.just(b""), st.just(b"\0binary")))
ENTRIES = st.one_of(
    FILES,
    FILES,
    FILES,
    st.sampled_from([Entry(LINK, b"x"), Entry(LINK, b"a\nb"), Entry(MODULE, b"1" * 40), Entry(MODULE, b"2" * 40)]),
)
NAMES = st.one_of(
    st.sampled_from(
        [b"x", b"y z", b"x b/x", b"a/x", b"b/x", b"d/\xc3\xa4", b"\xff", b't"\t\n\r', b"e ", b"n\\n", b"'q'", b'"']
    ),
    st.text(alphabet='ab "\té\n', min_size=1, max_size=4).map(str.encode),
)
TREES = st.dictionaries(NAMES, ENTRIES, max_size=4)
STYLES = st.sampled_from(
    [
        (),
        ("--unified=0",),
        ("--unified=9", "--no-prefix"),
        ("--src-prefix=i/", "--dst-prefix=w/"),
        ("--src-prefix=old/", "--dst-prefix=new/"),
        ("--binary", "--full-index"),
        ("--find-copies-harder",),
        ("--break-rewrites", "--find-copies-harder"),
        ("--function-context",),
        ("--inter-hunk-context=3", "--patience"),
    ]
)
STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied"}
NOTHING = Entry(FILE, b"")


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    with tempfile.TemporaryDirectory() as folder:
        yield Repository(Path(folder))


@settings(
    max_examples=EXAMPLES or 80,
    deadline=None,
    derandomize=not EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=TREES, after=TREES, kept=st.booleans(), style=STYLES, quoted=st.booleans())
def test_paths_states_lines_and_texts_are_those_that_git_reports(
    repository: Repository, before: Tree, after: Tree, kept: bool, style: tuple[str, ...], quoted: bool
) -> None:
    before = without_conflicts(before)
    after = without_conflicts(after | {b"kept/" + path: file for path, file in before.items()} if kept else after)
    ends = repository.write([before, after])
    config = ("-c", f"core.quotePath={str(quoted).lower()}")
    output = repository.git(*config, "diff", "-M", *style, "--raw", "--numstat", "--patch", "-z", *ends)

    records, counts, patch = take_apart(output)
    text = patch.decode("utf-8", "surrogateescape")
    changes = parse_diff(text) if text else ()

    found = set(style) & {"--break-rewrites", "--find-copies-harder", "--patience"}
    ranges = ranges_of(repository.git("diff", "-M", *found, "--unified=0", *ends))
    assert [added_numbers(change) for change in changes] == ranges
    both = iter(changes)
    for (status, old_path, new_path), (added, deleted) in zip(records, counts, strict=True):
        old, new = before.get(old_path, NOTHING), after.get(new_path, NOTHING)
        if status == "T":  # the patch says it in two: the old file goes, the new one comes
            agrees(next(both), "D", (old_path, old_path), (old, NOTHING))
            agrees(next(both), "A", (new_path, new_path), (NOTHING, new))
            continue
        old, new = (NOTHING if status == "A" else old), (NOTHING if status == "D" else new)
        change = next(both)
        agrees(change, status, (old_path, new_path), (old, new))
        if added is not None:
            assert change.added_lines == added
            assert sum(hunk.old_lines - hunk.new_lines for hunk in change.hunks) == (deleted or 0) - added
    assert next(both, None) is None
    if patch:
        contents_agree(shown(patch), records, before, after)


def agrees(change: FileChange, status: str, paths: tuple[bytes, bytes], sides: tuple[Entry, Entry]) -> None:
    """A change names what git names; ``sides`` are the old and the new entry, an empty file for none."""
    old, new = sides
    same = old.content == new.content
    assert os.fsencode(change.path) == paths[1]
    assert change.old_path is None if status == "A" else os.fsencode(change.old_path or "") == paths[0]
    assert change.status == ("mode" if status == "M" and same else STATUS[status])
    binary = not same and (old.is_binary or new.is_binary)
    assert change.binary == binary
    text = new.content.decode("utf-8", "surrogateescape")
    assert change.added_text == (text if status == "A" and new.is_file and not binary else None)
    if not same or status in "AD":
        assert change.symlink == (LINK in (old.mode, new.mode))
        assert change.submodule == (MODULE in (old.mode, new.mode))


def contents_agree(diff: str, records: list[tuple[str, bytes, bytes]], before: Tree, after: Tree) -> None:
    """The review of a diff as it is sent tells the old lines and the new ones, and makes the old content."""
    names = [shown(new_path) for _, _, new_path in records]
    if len(set(names)) < len(names):
        return  # names that are not UTF-8 can become the same
    sent = {shown(path): shown(entry.content) for path, entry in after.items() if entry.is_file and not entry.is_binary}
    review = Review({"diff": diff, "files": sent})
    assert set(review.paths) == {shown(new_path) for status, _, new_path in records if status != "D"}
    for status, old_path, new_path in records:
        old = None if status == "A" else before[old_path]
        new = None if status == "D" else after[new_path]
        path = shown(new_path)
        assert review.old_path(path) == (None if old is None else shown(old_path))
        same = old is not None and new is not None and old.content == new.content and status != "T"
        binary = not same and any(entry is not None and entry.is_binary for entry in (old, new))
        if binary and status != "T":
            assert review.added(path) == review.removed(path) == {}
            assert (review.before(path), review.old_line(path, 1), review.new_line(path, 1)) == (None, None, None)
            continue
        if not binary:
            lines_agree(review, path, old, new)
        told = old is not None and old.is_file and (new is None or (new.is_file and not new.is_binary))
        told = told and not binary and (new is not None or old is None or bool(old.content))
        assert review.before(path) == (shown(old.content) if told and old is not None else None)


def ranges_of(patch: bytes) -> list[list[int]]:
    """Of each file the numbers of its added lines, as the hunk headers of a patch without context give them."""
    found: list[list[int]] = []
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            found.append([])
        elif match := re.match(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            found[-1] += range(int(match[1]), int(match[1]) + int(match[2] or 1))
    return found


def added_numbers(change: FileChange) -> list[int]:
    return [number for hunk in change.hunks for first, last in hunk.added for number in range(first, last + 1)]


def take_apart(
    output: bytes,
) -> tuple[list[tuple[str, bytes, bytes]], list[tuple[int | None, int | None]], bytes]:
    """git's raw records (status, old path, new path), its line counts (None if binary) and its patch."""
    records: list[tuple[str, bytes, bytes]] = []
    counts: list[tuple[int | None, int | None]] = []
    while output.startswith(b":"):
        head, path, output = output.split(b"\0", 2)
        status = chr(head.split(b" ")[4][0])
        new_path = path
        if status in "RC":
            new_path, output = output.split(b"\0", 1)
        records.append((status, path, new_path))
    for _ in records:
        count, output = output.split(b"\0", 1)
        added, deleted, path = count.split(b"\t", 2)
        if not path:
            output = output.split(b"\0", 2)[2]
        counts.append((None, None) if added == b"-" else (int(added), int(deleted)))
    return records, counts, output.removeprefix(b"\0")
