"""A bare git repository that is written object by object, and read by git.

Loose objects are written here and not by git: a pull request then costs milliseconds, and any git can clone it.
"""

import hashlib
import os
import subprocess
import zlib
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.testing.github_diff import ChangedFile, parse

FILE, PROGRAM, LINK, MODULE, FOLDER = "100644", "100755", "120000", "160000", "40000"
KEPT_DIFFS = 2_000

Content = str | bytes | None | Mapping[str, str]
"""Of a file: text, bytes or ``{"base64": ...}``; ``{"program": text}``, ``{"symlink": target}`` or
``{"submodule": sha}``; None removes it."""


@dataclass(frozen=True)
class Entry:
    mode: str
    sha: str


Tree = dict[str, Entry]
"""Every path of a commit, without its folders. Bytes that are not UTF-8 are lone surrogates."""


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    entries: Tree
    message: str
    author: str
    at: int


@dataclass(frozen=True)
class Diff:
    """What ``git diff`` tells of two commits: its text, and the files in it."""

    text: bytes
    files: tuple[ChangedFile, ...]


class GitRepository:
    """One repository below a folder; its commits are also kept in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits: dict[str, Commit] = {}
        self._diffs: OrderedDict[tuple[str, str], Diff] = OrderedDict()
        self._written: set[str] = set()
        for folder in ("objects", "refs/heads"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text("ref: refs/heads/main\n")
        (path / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
            "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[gc]\n\tauto = 0\n"
        )

    def write(self, kind: str, content: bytes) -> str:
        """Store an object; returns its id."""
        stored = b"%s %d\0%s" % (kind.encode(), len(content), content)
        sha = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
        if sha not in self._written:
            self._written.add(sha)
            place = self.path / "objects" / sha[:2] / sha[2:]
            place.parent.mkdir(exist_ok=True)
            # Written beside and moved: a clone that runs meanwhile sees the whole object or none.
            half = place.with_suffix(".half")
            half.write_bytes(zlib.compress(stored, 1))
            half.rename(place)
        return sha

    def read(self, sha: str) -> tuple[str, bytes] | None:
        """Kind and content of an object, or None."""
        if sha not in self._written:
            return None
        stored = zlib.decompress((self.path / "objects" / sha[:2] / sha[2:]).read_bytes())
        head, _, content = stored.partition(b"\0")
        return head.split()[0].decode(), content

    def over(self, tree: Tree, changes: Mapping[str, Content]) -> Tree:
        """The tree with these files laid over it."""
        made = dict(tree)
        for path, content in changes.items():
            if content is None:
                made.pop(path, None)
                continue
            if path not in made:
                parts = path.split("/")
                for end in range(1, len(parts)):
                    made.pop("/".join(parts[:end]), None)
                for below in [other for other in made if other.startswith(path + "/")]:
                    del made[below]
            made[path] = self._entry(path, content)
        return made

    def _entry(self, path: str, content: Content) -> Entry:
        if isinstance(content, str):
            return Entry(FILE, self.write("blob", content.encode("utf-8", "surrogateescape")))
        if isinstance(content, bytes):
            return Entry(FILE, self.write("blob", content))
        ((kind, value),) = content.items() if content else (("nothing", ""),)
        if kind == "base64":
            return Entry(FILE, self.write("blob", b64decode(value)))
        if kind == "program":
            return Entry(PROGRAM, self.write("blob", value.encode()))
        if kind == "symlink":
            return Entry(LINK, self.write("blob", value.encode()))
        if kind == "submodule":
            return Entry(MODULE, value)
        raise ValueError(f"{path}: {kind!r} is no content: give text, bytes, base64, program, symlink or submodule")

    def commit(self, entries: Tree, parents: tuple[str, ...], message: str, author: str, at: int) -> Commit:
        tree = self._tree({path.encode("utf-8", "surrogateescape"): entry for path, entry in entries.items()})
        who = f"{author} <{author}@users.noreply.github.com> {at} +0000"
        lines = [f"tree {tree}", *(f"parent {sha}" for sha in parents), f"author {who}", f"committer {who}"]
        sha = self.write("commit", ("\n".join(lines) + f"\n\n{message}\n").encode())
        made = self.commits[sha] = Commit(sha, tree, parents, entries, message, author, at)
        return made

    def _tree(self, entries: dict[bytes, Entry]) -> str:
        folders: dict[bytes, dict[bytes, Entry]] = {}
        items: list[tuple[bytes, bytes]] = []
        for path, entry in entries.items():
            name, slash, rest = path.partition(b"/")
            if slash:
                folders.setdefault(name, {})[rest] = entry
            else:
                items.append((name, b"%s %s\0%s" % (entry.mode.encode(), name, bytes.fromhex(entry.sha))))
        for name, below in folders.items():
            line = b"%s %s\0%s" % (FOLDER.encode(), name, bytes.fromhex(self._tree(below)))
            items.append((name + b"/", line))  # git sorts a folder as if its name ended so
        return self.write("tree", b"".join(line for _, line in sorted(items)))

    def tree_items(self, sha: str) -> list[tuple[str, str, str]]:
        """Mode, name and id of what is in a tree object."""
        found = self.read(sha)
        items, rest = [], found[1] if found else b""
        while rest:
            head, _, rest = rest.partition(b"\0")
            mode, _, name = head.partition(b" ")
            items.append((mode.decode(), name.decode("utf-8", "replace"), rest[:20].hex()))
            rest = rest[20:]
        return items

    def point(self, ref: str, sha: str) -> None:
        """Make ``refs/...`` name the commit."""
        place = self.path / ref
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(place.name + ".lock")
        half.write_text(sha + "\n")
        half.rename(place)

    def resolve(self, ref: str) -> Commit | None:
        """The commit of an id, of a branch, or of ``pull/N/head``."""
        if ref in self.commits:
            return self.commits[ref]
        short = ref.removeprefix("refs/")
        for full in (f"refs/heads/{ref}", f"refs/{short}"):
            place = (self.path / full).resolve()
            if place.is_relative_to(self.path.resolve() / "refs") and place.is_file():
                return self.commits.get(place.read_text().strip())
        return None

    def merge_base(self, base: str, head: str) -> str | None:
        """The last commit that both have; histories made here have one parent each."""
        seen = {commit.sha for commit in self.ancestors(base)}
        return next((commit.sha for commit in self.ancestors(head) if commit.sha in seen), None)

    def ancestors(self, sha: str) -> list[Commit]:
        """A commit and what came before it, newest first."""
        found = []
        while True:
            commit = self.commits[sha]
            found.append(commit)
            if not commit.parents:
                return found
            sha = commit.parents[0]

    def between(self, base: str, head: str) -> list[Commit]:
        """The commits that ``head`` has and ``base`` has not, oldest first."""
        seen = {commit.sha for commit in self.ancestors(base)}
        return [commit for commit in reversed(self.ancestors(head)) if commit.sha not in seen]

    def diff(self, base: str, head: str) -> Diff:
        """From one commit to the other, as ``git diff`` tells it, renames found."""
        key = (base, head)
        if key not in self._diffs:
            told = git(
                self.path, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "--raw", "--no-abbrev", "-p",
                base, head,
            )  # fmt: skip
            self._diffs[key] = Diff(*parse(told))
            if len(self._diffs) > KEPT_DIFFS:
                self._diffs.popitem(last=False)
        self._diffs.move_to_end(key)
        return self._diffs[key]


def git(path: Path, *arguments: str) -> bytes:
    """Run git there, without anyone's settings. Raises RuntimeError with what it said."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(path),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }
    options: dict[str, Any] = {"cwd": path, "env": environment, "capture_output": True, "timeout": 60}
    done = subprocess.run(["git", *arguments], check=False, **options)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]} failed in {path}: {done.stderr.decode(errors='replace').strip()}")
    return bytes(done.stdout)
