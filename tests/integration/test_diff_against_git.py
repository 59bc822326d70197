"""The parser agrees with git itself on changes that hypothesis makes up."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quorate.diff import FileChange, parse_diff

Tree = dict[bytes, tuple[bool, bytes]]  # path -> (executable, content)

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
        ]
    ),
    st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"").replace(b"\0", b"")),
)
CONTENTS = st.one_of(
    st.builds(lambda lines, end: b"\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from([b"\n", b""])),
    st.just(b""),
    st.just(b"\0binary"),
)
NAMES = st.one_of(
    st.sampled_from([b"x", b"y z", b"x b/x", b"a/x", b"b/x", b"d/\xc3\xa4", b"\xff", b't"\t\n\r', b"e ", b"n\\n"]),
    st.text(alphabet='ab "\té', min_size=1, max_size=4).map(str.encode),
)
TREES = st.dictionaries(NAMES, st.tuples(st.booleans(), CONTENTS), max_size=4)
STYLES = st.sampled_from(
    [
        (),
        ("--unified=0",),
        ("--unified=9", "--no-prefix"),
        ("--src-prefix=i/", "--dst-prefix=w/"),
        ("--src-prefix=old/", "--dst-prefix=new/"),
        ("--binary", "--full-index"),
        ("--find-copies-harder",),
    ]
)
STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied"}


class Repository:
    """A repository that keeps trees as objects only."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(top),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.git("init", "-q", "--template=")

    def git(self, *arguments: str, stdin: bytes = b"", **variables: str) -> bytes:
        environment = self.environment | variables
        return subprocess.run(
            ["git", *arguments], cwd=self.top, env=environment, input=stdin, check=True, capture_output=True
        ).stdout

    def write(self, trees: list[Tree]) -> list[str]:
        """Store the trees; one process stores them all."""
        stream = [b"feature done\n"]
        for number, tree in enumerate(trees):
            stream.append(b"commit refs/heads/t%d\ncommitter c <c@example.org> 0 +0000\ndata 0\n\n" % number)
            for path, (executable, content) in tree.items():
                quoted = b"".join(b"\\%03o" % byte for byte in path)
                mode = b"100755" if executable else b"100644"
                stream.append(b'M %s inline "%s"\ndata %d\n%s\n' % (mode, quoted, len(content), content))
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream) + b"done\n")
        return [f"t{number}" for number in range(len(trees))]


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    with tempfile.TemporaryDirectory() as folder:
        yield Repository(Path(folder))


def without_conflicts(tree: Tree) -> Tree:
    """A file cannot also be a folder."""
    return {path: file for path, file in tree.items() if not any(other.startswith(path + b"/") for other in tree)}


def split_lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    ends = [line + b"\n" for line in lines[:-1]]
    return [*ends, lines[-1]] if lines[-1] else ends


def is_subsequence(part: list[bytes], whole: list[bytes]) -> bool:
    rest = iter(whole)
    return all(line in rest for line in part)


def agree_on_lines(change: FileChange, before: bytes, after: bytes, added: int, deleted: int) -> None:
    """Without the lines that the change adds, the new content is the old one without the deleted lines."""
    old, new = split_lines(before), split_lines(after)
    kept = [line for number, line in enumerate(new, 1) if not change.touches(number)]
    assert change.added_lines == added == len(new) - len(kept)
    assert len(kept) == len(old) - deleted
    assert is_subsequence(kept, old)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
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

    assert len(changes) == len(records)
    for change, (status, old_path, new_path), (added, deleted) in zip(changes, records, counts, strict=True):
        assert os.fsencode(change.path) == new_path
        assert change.old_path is None if status == "A" else os.fsencode(change.old_path or "") == old_path
        old = before.get(old_path, (False, b""))
        new = after.get(new_path, (False, b"")) if status != "D" else (False, b"")
        mode_only = status == "M" and old[1] == new[1]
        assert change.status == ("mode" if mode_only else STATUS[status])
        assert change.binary == (added is None and old[1] != new[1])
        if added is not None and deleted is not None:
            agree_on_lines(change, b"" if status == "A" else old[1], new[1], added, deleted)
        wanted = new[1].decode("utf-8", "surrogateescape") if status == "A" and added is not None else None
        assert change.added_text == wanted


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
