"""Reviews of real commits, merges and series of patches agree with what git has in its objects.

``QUORATE_DIFF_EXAMPLES=500`` tries so many histories, and others each time.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quorate.diff import NotADiff, parse_diff
from quorate.review import Review
from quorate_cli.change import commit_range
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
NAMES = [b"a.py", b"d/a.py", b"d/b c.py", b'q"\t\n.py', b"\xc3\xa9.py", b"\xff.py", b"z"]
ROWS = [b"row %d" % number for number in range(14)]
START: Tree = {
    b"a.py": Entry(FILE, b"\n".join(ROWS) + b"\n"),
    b"b.py": Entry(PROGRAM, b"\r\n".join(ROWS[::-1])),
    b"c d.py": Entry(FILE, b"\n".join([*ROWS[5:], b"\xff\xfe", b"caf\xe9", *ROWS[:5], b"\xe2\x80"])),
    b"empty": Entry(FILE, b""),
    b"binary": Entry(FILE, b"\0\1\2"),
}
Step = tuple[str, int, int, int]


def _rows(change: Callable[[list[bytes], int], list[bytes]]) -> Callable[[Entry, int], Entry]:
    def apply(entry: Entry, at: int) -> Entry:
        lines = entry.content.split(b"\n")
        return Entry(entry.mode, b"\n".join(change(lines, at % len(lines))))

    return apply


EDITS: dict[str, Callable[[Entry, int], Entry]] = {
    "nothing": lambda entry, at: entry,
    "edit": _rows(lambda rows, at: [*rows[:at], b"edited %d" % at, *rows[at + 1 :]]),
    "insert": _rows(lambda rows, at: [*rows[:at], b"new", b"", b"+new", *rows[at:]]),
    "cut": _rows(lambda rows, at: rows[:at] + rows[at + 2 :]),
    "swap": _rows(lambda rows, at: rows[at:] + rows[:at]),
    "mixed": _rows(lambda rows, at: [*rows[:at], rows[at] + b"\r", *rows[at + 1 :]]),
    "crlf": lambda entry, at: Entry(entry.mode, entry.content.replace(b"\r", b"").replace(b"\n", b"\r\n")),
    "lf": lambda entry, at: Entry(entry.mode, entry.content.replace(b"\r", b"")),
    "end": lambda entry, at: Entry(entry.mode, entry.content + b"\n"),
    "unend": lambda entry, at: Entry(entry.mode, entry.content.removesuffix(b"\n")),
    "bytes": lambda entry, at: Entry(entry.mode, entry.content.replace(b"row %d" % (at % 14), b"r\xff%c" % (at + 128))),
    "empty": lambda entry, at: Entry(entry.mode, b""),
    "binary": lambda entry, at: Entry(entry.mode, b"\0" + entry.content),
    "mode": lambda entry, at: Entry(PROGRAM if entry.mode == FILE else FILE, entry.content),
    "link": lambda entry, at: Entry(LINK, b"target %d" % at),
    "module": lambda entry, at: Entry(MODULE, b"%d" % (at % 9 + 1) * 40),
    "file": lambda entry, at: Entry(FILE, b"\n".join(ROWS[at % 9 :])),
}
PLAIN = [name for name in EDITS if name not in ("binary", "empty", "link", "module")]


def steps(edits: list[str]) -> st.SearchStrategy[list[Step]]:
    """What a commit does: to which file (by number), in which line, and where to (a name's number, 0 stays)."""
    kinds = st.sampled_from([*edits, "delete", "copy", "exchange"])
    step = st.tuples(kinds, st.integers(0, 9), st.integers(0, 20), st.integers(0, 2 * len(NAMES)))
    return st.lists(step, min_size=1, max_size=4)


def evolved(tree: Tree, commit: list[Step]) -> Tree:
    tree = dict(tree)
    for kind, pick, at, target in commit:
        if not tree:
            tree[NAMES[0]] = START[b"a.py"]
        path = sorted(tree)[pick % len(tree)]
        to = NAMES[target - 1] if 0 < target <= len(NAMES) else path
        if kind == "exchange":
            tree[path], tree[to] = tree.get(to, tree[path]), tree[path]
        elif kind == "delete":
            del tree[path]
        elif kind == "copy":
            tree[to] = tree[path]
        elif tree[path].mode != MODULE or kind in ("module", "file"):
            tree[to] = EDITS[kind](tree.pop(path), at)
    return without_conflicts(tree)


def texts(tree: Tree) -> dict[str, str]:
    return {shown(path): shown(entry.content) for path, entry in tree.items() if entry.is_file and not entry.is_binary}


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield Repository(Path(folder))


@settings(
    max_examples=EXAMPLES or 16,
    deadline=None,
    derandomize=not EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=steps(list(EDITS)), side=steps(list(EDITS)), merged=steps(list(EDITS)))
def test_the_review_of_a_commit_or_merge_compares_with_its_first_parent(
    repository: Repository, first: list[Step], side: list[Step], merged: list[Step]
) -> None:
    main, other = evolved(START, first), evolved(START, side)
    trees = [START, main, other, evolved(main, merged)]
    commits = repository.write(trees, [(), (0,), (0,), (1, 2)])
    for number, parent in ((1, 0), (3, 1)):
        before, after = trees[parent], trees[number]
        raw = repository.git("diff", "--raw", "--no-renames", "-z", commits[parent], commits[number])
        names = {shown(name) for name in raw.split(b"\0")[1::2]}

        change = commit_range(repository.top, commits[number])

        assert bool(change.diff) == bool(raw)
        if not change.diff:
            continue
        review = Review({"diff": change.diff, "files": change.files})
        assert {path for file in review.changes for path in (file.path, file.old_path) if path} == names
        assert change.files == {path: text for path, text in texts(after).items() if path in review.paths}
        paths = [file.path for file in review.changes]
        for file in review.changes:
            old = {shown(path): entry for path, entry in before.items()}.get(file.old_path or "")
            new = {shown(path): entry for path, entry in after.items()}.get(file.path)
            if not file.binary and paths.count(file.path) == 1:
                lines_agree(review, file.path, old, new)
            if (found := review.before(file.path)) is not None:
                assert old is not None
                assert found == shown(old.content)


@settings(
    max_examples=EXAMPLES or 40,
    deadline=None,
    derandomize=not EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    commits=st.lists(steps(PLAIN), min_size=2, max_size=5),
    command=st.sampled_from(["format-patch --stdout", "log --reverse --patch --format=medium", "log --reverse -p"]),
    context=st.integers(0, 4),
)
def test_a_series_of_patches_leads_from_the_first_tree_to_the_last(
    repository: Repository, commits: list[list[Step]], command: str, context: int
) -> None:
    trees = [{path: entry for path, entry in START.items() if entry.content and not entry.is_binary}]
    for commit in commits:
        trees.append(evolved(trees[-1], commit))
    ends = repository.write(trees, [(), *((number,) for number in range(len(commits)))])
    output = repository.git(*command.split(), "-M", f"--unified={context}", f"{ends[0]}..{ends[-1]}")
    if b"\ndiff --git " not in output:
        return

    review = Review({"diff": shown(output), "files": texts(trees[-1])})

    start, end = ({shown(path): entry for path, entry in tree.items()} for tree in (trees[0], trees[-1]))
    assert set(review.paths) <= set(end)
    assert set(review.paths) >= {path for path in end if start.get(path) != end[path]}
    empty = any(not entry.content for tree in trees for entry in tree.values())  # its deletion does not say so
    for path in review.paths:
        source = review.old_path(path)
        lines_agree(review, path, start[source] if source else None, end[path])
        before = review.before(path)
        assert before == (shown(start[source].content) if source else None) or (before is None and empty)


@pytest.mark.parametrize("how", ["short", "log", "diff"])
def test_a_submodule_is_seen_however_git_shows_it(repository: Repository, how: str) -> None:
    old, new = Entry(MODULE, b"1" * 40), Entry(MODULE, b"2" * 40)
    before, after = START | {b"s t": old, b"gone": old}, START | {b"s t": new, b"new": new}
    ends = repository.write([before, after])

    changes = parse_diff(shown(repository.git("diff", f"--submodule={how}", "--no-renames", *ends)))

    assert {(change.path, change.status) for change in changes if change.submodule} == {
        ("gone", "deleted"),
        ("new", "added"),
        ("s t", "modified"),
    }


def test_git_shows_a_merge_to_its_first_parent_as_the_error_proposes(repository: Repository) -> None:
    main, other = START | {b"a.py": Entry(FILE, b"main\n")}, START | {b"a.py": Entry(FILE, b"other\n")}
    merged = START | {b"a.py": Entry(FILE, b"main\nother\n")}
    *_, merge = repository.write([START, main, other, merged], [(), (0,), (0,), (1, 2)])

    with pytest.raises(NotADiff, match=r"`git diff MERGE\^1 MERGE` or `git show --first-parent MERGE`"):
        parse_diff(shown(repository.git("show", merge)))
    for command in (("diff", f"{merge}^1", merge), ("show", "--first-parent", merge)):
        (change,) = parse_diff(shown(repository.git(*command)))
        assert (change.path, change.hunks[0].added) == ("a.py", ((2, 2),))


def test_a_merge_that_shows_nothing_says_how_to_compare_it(repository: Repository) -> None:
    main, other = START | {b"m": Entry(FILE, b"main\n")}, START | {b"o": Entry(FILE, b"other\n")}
    *_, merge = repository.write([START, main, other, main | other], [(), (0,), (0,), (1, 2)])

    with pytest.raises(NotADiff, match=r"merge.*`git diff MERGE\^1 MERGE`"):
        parse_diff(shown(repository.git("show", merge)))
