"""What a pull request changes, as one unified diff, and which of its files are read whole.

GitHub gives the diff in one piece up to 300 files. Beyond, its list of changed files has a ``patch`` for each: the
hunks alone, nothing for binary files, and nothing either where it finds a file too large. From these, and from the
trees of both sides, which know modes and hashes, the diff is put together as git would write it. A file whose lines
cannot be had stays in the diff as changed, without hunks: no change is lost without being named.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from quorate.contract.task import CodeReviewInput
from quorate.diff import FileChange, NotADiff, UnsafePath, check_path, parse_diff

MIB = 1024 * 1024
MAX_DIFF = 64 * MIB
MAX_FILE = MIB
MAX_TEXTS = 40 * MIB
"""Sizes in bytes: of the diff, of one file's whole content, and of all of these together."""

MAX_LISTED = 3_000
"""The most files of a pull request that GitHub lists."""

MAX_TITLE, MAX_DESCRIPTION = 4_096, 262_144
CONTEXT = 3

FILE, LINK, MODULE = "100644", "120000", "160000"
EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
NOTHING = "0" * 40
_SECTION = re.compile(r"^(?=diff --git )", re.MULTILINE)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _End(_Answer):
    sha: str = Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")


class Pull(_Answer):
    """A pull request as GitHub describes it."""

    state: str
    merged: bool = False
    head: _End
    base: _End
    title: str = ""
    body: str | None = None
    changed_files: int = 0


class Listed(_Answer):
    """An entry of a pull request's list of files. ``sha`` is the new content's hash, or a removed one's."""

    path: str = Field(alias="filename")
    old_path: str | None = Field(default=None, alias="previous_filename")
    status: str
    patch: str | None = None
    additions: int = 0
    deletions: int = 0
    sha: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pull request as the input of a review. ``unread`` tells what is missing in it: names with the reasons."""

    review: CodeReviewInput
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """There is nothing to review, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree says of a path: the mode in octal digits, and the hash of the content."""

    mode: str
    sha: str


Tree = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Draft:
    """A diff, what it parses to, and why other changes are not in it (``unread``: name to reason)."""

    diff: str
    changes: tuple[FileChange, ...]
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> int:
        """How many files it accounts for."""
        return len({change.path for change in self.changes}) + len(self.unread)


def reason_to_skip(pull: Pull, head_sha: str | None) -> str | None:
    """Why a pull request is not to be reviewed at ``head_sha`` (None: wherever it is), or None."""
    if pull.merged:
        return "the pull request is merged"
    if pull.state != "open":
        return "the pull request is closed"
    if head_sha is not None and pull.head.sha != head_sha:
        return f"superseded by {pull.head.sha}"
    return None


def draft_of(diff: str) -> Draft:
    """A diff as git or GitHub made it, without the files whose names are not safe. Raises NotADiff."""
    try:
        return Draft(diff, parse_diff(diff))
    except UnsafePath:
        return joined(_SECTION.split(diff))


def joined(sections: Iterable[str]) -> Draft:
    """A diff of those sections that name files safely; of the others, what is wrong with them. Raises NotADiff."""
    kept: list[str] = []
    unread: dict[str, str] = {}
    for section in sections:
        if not section or section.isspace():
            continue
        try:
            parse_diff(section)
        except UnsafePath as error:
            unread[shown(section.partition("\n")[0].removeprefix("diff --git "))] = str(error)
        else:
            kept.append(section)
    diff = "".join(kept)
    return Draft(diff, parse_diff(diff) if diff else (), unread)


def fetched(
    repo: str, base_sha: str, pull: Pull, draft: Draft, files: Mapping[str, str], unread: Mapping[str, str]
) -> Fetched:
    """The whole of it. Texts of people are cut to what a message holds."""
    review = CodeReviewInput(
        diff=draft.diff,
        files=dict(files),
        repo=repo,
        base_sha=base_sha,
        head_sha=pull.head.sha,
        title=pull.title[:MAX_TITLE] or None,
        description=(pull.body or "")[:MAX_DESCRIPTION] or None,
    )
    told = {**draft.unread, **unread}
    return Fetched(review, tuple(f"{name}: {reason}" for name, reason in told.items()))


# What is read whole


def wanted(changes: Sequence[FileChange], limit: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """The paths to read whole, the changed lines' files first, and those beyond ``limit`` with the reason.

    Of an added file the diff has every line. Binary files, links and submodules are not read.
    """
    last = {change.path: change for change in changes}
    paths = [
        change.path
        for change in sorted(last.values(), key=lambda change: not change.hunks)
        if change.status != "deleted" and change.added_text is None and is_text(change)
    ]
    beyond = dict.fromkeys(paths[limit:], f"not read whole: more than {limit} changed files")
    return tuple(paths[:limit]), beyond


def is_text(change: FileChange) -> bool:
    """Whether it is a file of lines, as far as the diff knows."""
    return not (change.binary or change.symlink or change.submodule)


def is_binary(text: str) -> bool:
    """As git decides it."""
    return "\0" in text[:8_000]


def shown(path: str) -> str:
    """A path as a message can hold it: bytes that are not UTF-8 become U+FFFD, as in ``quorate.review``."""
    return path if path.isascii() else path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def tree_of(answer: Any) -> Tree | None:
    """The files of a tree that GitHub told with all below it; None if it is not whole."""
    if not isinstance(answer, dict) or answer.get("truncated") is not False:
        return None
    entries = answer.get("tree")
    if not isinstance(entries, list):
        return None
    return {
        str(entry["path"]): Entry(str(entry["mode"]), str(entry["sha"]))
        for entry in entries
        if isinstance(entry, dict) and {"path", "mode", "sha"} <= entry.keys() and entry["mode"] != "040000"
    }


# A diff from a list of files


@dataclass(frozen=True, slots=True)
class Change:
    """One file of the list, with what the trees say of its two sides. ``old`` and ``new`` are None where it was or is
    not, ``sure`` says whether the trees are known."""

    file: Listed
    old: Entry | None
    new: Entry | None
    sure: bool

    @property
    def old_path(self) -> str:
        return self.file.old_path or self.file.path

    @property
    def lines(self) -> int:
        return self.file.additions + self.file.deletions

    @property
    def is_same(self) -> bool:
        """Whether both sides have the same content, or the only one has none."""
        if self.old is not None and self.new is not None:
            return self.old.sha == self.new.sha if self.sure else self.file.status in ("renamed", "copied")
        return (self.old or self.new or Entry(FILE, "")).sha == EMPTY

    @property
    def is_file(self) -> bool:
        return all(side is None or side.mode.startswith("100") for side in (self.old, self.new))


@dataclass(frozen=True, slots=True)
class Sections:
    """Parts of a diff by path, in the order of the list; ``lacking`` are the files whose lines GitHub left out."""

    texts: Mapping[str, str]
    lacking: tuple[Change, ...]
    unread: Mapping[str, str]

    def filled(self, patches: Mapping[str, str]) -> Draft:
        """The whole diff, with these patches in place of what is lacking."""
        texts = dict(self.texts)
        unread = dict(self.unread)
        for change in self.lacking:
            patch = patches.get(change.file.path)
            texts[change.file.path] = _section(change, patch)
            if patch is None:
                unread[change.file.path] = "GitHub leaves its lines out of the diff: it is shown as changed, no more"
        draft = joined(texts.values())
        return Draft(draft.diff, draft.changes, {**unread, **draft.unread})


def sections_of(files: Iterable[Listed], before: Tree | None, after: Tree | None) -> Sections:
    """The sections of a diff that a list of files allows. ``before`` and ``after``: both sides' trees, if known."""
    texts: dict[str, str] = {}
    lacking: list[Change] = []
    unread: dict[str, str] = {}
    for file in files:
        try:
            check_path(file.path)
            check_path(file.old_path or file.path)
        except UnsafePath as error:
            unread[shown(file.path)] = str(error)
            continue
        if file.status == "unchanged":
            continue
        change = _change(file, before, after)
        texts[file.path] = _section(change, file.patch or None)  # its place in the order, even while it lacks lines
        if file.patch:
            if not _is_whole(change, texts[file.path]):
                lacking.append(change)
        elif not change.is_same and change.lines:
            lacking.append(change)
        elif not change.is_same:
            texts[file.path] = _section(change, None, binary=True)
    return Sections(texts, tuple(lacking), unread)


def _change(file: Listed, before: Tree | None, after: Tree | None) -> Change:
    sure = before is not None and after is not None
    old_path = file.old_path or file.path
    sha = file.sha or NOTHING
    removed = file.status == "removed"
    old = None if file.status == "added" else (before or {}).get(old_path, Entry(FILE, sha if removed else NOTHING))
    new = None if removed else (after or {}).get(file.path, Entry(FILE, sha))
    return Change(file, old, new, sure)


def _section(change: Change, patch: str | None, *, binary: bool = False) -> str:
    """The part of a diff that is about one file, as git writes it."""
    old, new = change.old, change.new
    old_name, new_name = quoted(f"a/{change.old_path}"), quoted(f"b/{change.file.path}")
    lines = [f"diff --git {old_name} {new_name}"]
    mode = ""
    if old is None and new is not None:
        lines.append(f"new file mode {new.mode}")
    elif new is None and old is not None:
        lines.append(f"deleted file mode {old.mode}")
    elif old is not None and new is not None:
        if old.mode != new.mode:
            lines += [f"old mode {old.mode}", f"new mode {new.mode}"]
        else:
            mode = f" {new.mode}"
        if change.file.status in ("renamed", "copied"):
            verb = change.file.status.removesuffix("d").replace("copie", "copy")
            lines += [f"{verb} from {quoted(change.old_path)}", f"{verb} to {quoted(change.file.path)}"]
    if not change.is_same or old is None or new is None:
        lines.append(f"index {old.sha if old else NOTHING}..{new.sha if new else NOTHING}{mode}")
    shown_old = "/dev/null" if old is None else old_name
    shown_new = "/dev/null" if new is None else new_name
    if binary:
        lines.append(f"Binary files {shown_old} and {shown_new} differ")
    elif patch is not None:
        lines += [f"--- {shown_old}{_tab(shown_old)}", f"+++ {shown_new}{_tab(shown_new)}", patch.removesuffix("\n")]
    return "\n".join(lines) + "\n"


def _is_whole(change: Change, section: str) -> bool:
    """Whether the patch is a sound one and has as many lines as GitHub counted: it cuts long ones off."""
    try:
        found = parse_diff(section)
    except (NotADiff, UnsafePath):
        return False
    removed = sum(hunk.old_lines - hunk.new_lines for hunk in found[0].hunks) + found[0].added_lines
    return len(found) == 1 and (found[0].added_lines, removed) == (change.file.additions, change.file.deletions)


def patch_between(old: str, new: str) -> str:
    """The hunk that makes one text the other: right, but not the smallest, and made in linear time.

    What both begin and end with is left out; all lines between count as changed.
    """
    before, after = _lines(old), _lines(new)
    most = min(len(before), len(after))
    head = next((at for at in range(most) if before[at] != after[at]), most)
    most -= head
    tail = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
    start = max(head - CONTEXT, 0)
    below = min(tail, CONTEXT)
    old_end, new_end = len(before) - tail, len(after) - tail
    lines = [f" {line}" for line in before[start:head]]
    lines += [f"-{line}" for line in before[head:old_end]]
    lines += [f"+{line}" for line in after[head:new_end]]
    lines += [f" {line}" for line in before[old_end : old_end + below]]
    body = "\n".join(line[:-1] if line.endswith("\n") else f"{line}\n\\ No newline at end of file" for line in lines)
    old_count, new_count = old_end + below - start, new_end + below - start
    return f"@@ -{_range(start, old_count)} +{_range(start, new_count)} @@\n{body}\n"


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _range(start: int, count: int) -> str:
    return f"{start + (count > 0)},{count}"


_SPECIAL = re.compile(r'[\x00-\x1f\x7f"\\]')
_ESCAPES = {char: f"\\{code}" for char, code in zip('"\\\a\b\t\n\v\f\r', '"\\abtnvfr', strict=True)}


def quoted(name: str) -> str:
    """A path as git writes it with ``core.quotePath=false``."""
    if not _SPECIAL.search(name):
        return name
    return '"' + _SPECIAL.sub(lambda char: _ESCAPES.get(char[0], f"\\{ord(char[0]):03o}"), name) + '"'


def _tab(name: str) -> str:
    """git's mark of where a name with a blank ends."""
    return "\t" if " " in name and name[0] != '"' else ""
