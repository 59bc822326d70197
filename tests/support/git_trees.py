"""Trees and histories in a repository that git keeps as objects only, and what their contents say of a change."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quorate.review import Review

FILE, PROGRAM, LINK, MODULE = b"100644", b"100755", b"120000", b"160000"


@dataclass(frozen=True)
class Entry:
    """A file, a link (its target is the content) or a submodule (its content is the commit, 40 digits)."""

    mode: bytes
    content: bytes

    @property
    def is_file(self) -> bool:
        return self.mode in (FILE, PROGRAM)

    @property
    def is_binary(self) -> bool:
        """As git decides it."""
        return b"\0" in self.content[:8000]

    @property
    def shown(self) -> bytes:
        """The content as a diff shows it."""
        return b"Subproject commit %s\n" % self.content if self.mode == MODULE else self.content


Tree = dict[bytes, Entry]


class Repository:
    """A repository without a checkout."""

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

    def write(self, trees: Sequence[Tree], parents: Sequence[Sequence[int]] = ()) -> list[str]:
        """Commit each tree, with the ones of these numbers as its parents; one process stores them all."""
        stream = [b"feature done\n"]
        for number, tree in enumerate(trees):
            stream.append(b"commit refs/heads/t%d\nmark :%d\n" % (number, number + 1))
            stream.append(b"committer c <c@example.org> %d +0000\ndata 2\nm\n" % number)
            for at, parent in enumerate(parents[number] if parents else ()):
                stream.append(b"%s :%d\n" % (b"merge" if at else b"from", parent + 1))
            stream.append(b"deleteall\n")
            for path, entry in tree.items():
                quoted = b"".join(b"\\%03o" % byte for byte in path)
                if entry.mode == MODULE:
                    stream.append(b'M 160000 %s "%s"\n' % (entry.content, quoted))
                    continue
                inline = b"data %d\n%s\n" % (len(entry.content), entry.content)
                stream.append(b'M %s inline "%s"\n%s' % (entry.mode, quoted, inline))
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream) + b"done\n")
        return [f"t{number}" for number in range(len(trees))]


def without_conflicts(tree: Tree) -> Tree:
    """A file cannot also be a folder."""
    return {path: file for path, file in tree.items() if not any(other.startswith(path + b"/") for other in tree)}


def shown(data: bytes) -> str:
    """As the command line sends it."""
    return data.decode("utf-8", "replace")


def numbered_lines(content: bytes) -> dict[int, str]:
    """The lines without their "\\n", by number."""
    lines = shown(content).split("\n")
    return dict(enumerate(lines[:-1] if lines[-1] == "" else lines, 1))


def lines_agree(review: Review, path: str, before: Entry | None, after: Entry | None) -> None:
    """Lines that correspond are the same, in the same order, and all others are removed or added ones."""
    old, new = (numbered_lines(entry.shown if entry else b"") for entry in (before, after))
    added, removed = review.added(path), review.removed(path)
    kept: dict[int, int] = {}
    for number, line in new.items():
        source = review.old_line(path, number)
        if source is None:
            assert added[number] == line
        else:
            assert old[source] == line
            assert review.new_line(path, source) == number
            kept[source] = number
    assert list(kept) == sorted(kept)
    assert added == {number: line for number, line in new.items() if number not in kept.values()}
    assert removed == {number: line for number, line in old.items() if number not in kept}
    assert all(review.new_line(path, number) is None for number in removed)
