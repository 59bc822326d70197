"""Reads the change to review from git or from a patch: the diff and the whole new content of its text files.

Everything in a ``Change`` is valid Unicode: bytes that are not UTF-8 are U+FFFD, in contents and in path
names, in ``diff`` as in the keys of ``files`` and in ``unreadable``. If two names become the same by that,
``files`` has the first and ``unreadable`` names the second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from quorate.diff import UnsafePath, check_path
from quorate_cli.git import ChangeError, Running
from quorate_cli.repository import Repository, open_repository
from quorate_cli.worktree import TreeFile, WorkTree

__all__ = ["Change", "ChangeError", "all_files", "commit_range", "patch_file", "staged", "working_tree"]

MIB = 1024 * 1024
MAX_FILE = MIB
MAX_FILES = 32 * MIB
MAX_DIFF = 64 * MIB
MAX_UNTRACKED = 10_000
MAX_TITLE = 500

_DIFF_OPTIONS = (
    *("--raw", "--patch", "-z", "--no-abbrev"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--ws-error-highlight=none"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--find-renames"),
    # `dirty` and `short` also keep git from starting itself in a submodule, with that one's configuration.
    *("--ignore-submodules=dirty", "--submodule=short"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What ``quorate review`` sends.

    diff: a unified diff, at most 64 MiB; empty if nothing changed.
    files: path to the whole new content of added, modified and renamed text files, up to 1 MiB each and
        32 MiB together, in bytes; binary files, symlinks and submodules are left out.
    base_sha, head_sha: the commits compared; None for the index, the working tree and the empty tree.
    repo: ``owner/name`` of the remote ``origin``, if its address shows one; never its credentials.
    title: the subject of a single commit or of a patch made by ``git format-patch``.
    unreadable: files that belong into ``files`` and are missing: too large, vanished, or a nested repository.
    top: the folder of the working tree; None for a patch.
    """

    diff: str
    files: dict[str, str]
    base_sha: str | None
    head_sha: str | None
    repo: str | None
    title: str | None
    unreadable: tuple[str, ...]
    top: Path | None = field(default=None, compare=False)


def working_tree(path: Path) -> Change:
    """What differs from HEAD below ``path`` (a folder or one file), untracked files as additions.

    Ignored files are left out. Without any commit the comparison is with the empty tree. Raises ChangeError.
    """
    files = _Files()
    with open_repository(path, "HEAD^{commit}", may_lack=True) as repository:
        base = repository.revisions[0] if repository.revisions else None
        with (
            repository.start("diff", *_DIFF_OPTIONS, base or repository.empty_tree) as comparing,
            repository.start("ls-files", "--others", "--exclude-standard", "--full-name", "-z") as listing,
            WorkTree(repository.top) as tree,
        ):
            entries, diff = _diff(comparing)
            for entry in entries:
                if entry.is_file:
                    found = tree.read(entry.path, MAX_FILE)
                    files.add(entry.path, found.data if found else None)
            diff += _untracked(_names(listing), tree, files, MAX_DIFF - len(diff))
    return Change(diff, files.texts, base, None, repository.name, None, tuple(files.unreadable), repository.top)


def staged(path: Path) -> Change:
    """What differs between HEAD and the index below ``path``: the next commit. Raises ChangeError."""
    files = _Files()
    with open_repository(path, "HEAD^{commit}", may_lack=True) as repository:
        base = repository.revisions[0] if repository.revisions else None
        with repository.start("diff", "--cached", *_DIFF_OPTIONS, base or repository.empty_tree) as comparing:
            entries, diff = _diff(comparing)
        if any(entry.status == "U" for entry in entries):
            raise ChangeError("The index has conflicts: resolve them, `git add` the files and try again.")
        _read_blobs(repository, entries, files, None)
    return Change(diff, files.texts, base, None, repository.name, None, tuple(files.unreadable), repository.top)


def commit_range(path: Path, spec: str) -> Change:
    """``A..B`` compares two commits, ``A...B`` their common ancestor with B, ``A`` its first parent with A.

    The files are those of B, whatever the working tree has. Raises ChangeError.
    """
    dots = "..." if "..." in spec else ".." if ".." in spec else ""
    ends = [end or "HEAD" for end in spec.split(dots, 1)] if dots else [spec]
    if not spec or "\0" in spec or any(end.startswith(("-", "^")) for end in ends):
        raise ChangeError(f"{spec!r} is no range: give a commit, or two as A..B or A...B.")
    commits = [f"{end}^{{commit}}" for end in ends]
    wanted = ["...".join(commits)] if dots == "..." else commits if dots else [*commits, f"{spec}^@"]
    files = _Files()
    with open_repository(path, *wanted) as repository:
        base, head = _ends(spec, dots, repository.revisions)
        tree = base or repository.empty_tree
        with repository.start("diff-tree", "-r", *_DIFF_OPTIONS, tree, head) as comparing:
            entries, diff = _diff(comparing)
        title = _read_blobs(repository, entries, files, None if dots else head)
    return Change(diff, files.texts, base, head, repository.name, title, tuple(files.unreadable), repository.top)


def all_files(path: Path) -> Change:
    """Every tracked file below ``path`` as it lies in the working tree, as an addition. Raises ChangeError.

    There are no ``files``: the diff has every line. A file larger than 1 MiB is shown as a binary one, and is
    ``unreadable``.
    """
    files = _Files()
    with (
        open_repository(path) as repository,
        repository.start("ls-files", "--stage", "--full-name", "-z") as listing,
        WorkTree(repository.top) as tree,
    ):
        diff = _tracked(_output(listing, MAX_DIFF), tree, files)
    return Change(diff, {}, None, None, repository.name, None, tuple(files.unreadable), repository.top)


def _ends(spec: str, dots: str, revisions: Sequence[str]) -> tuple[str | None, str]:
    """Base and head. ``A...B`` resolves to B, A, their common ancestors; ``A`` to itself and its parents."""
    if dots == "...":
        if len(revisions) < 3:
            raise ChangeError(f"The commits of {spec!r} have no common ancestor: give A..B to compare them.")
        return revisions[2].removeprefix("^"), revisions[0]
    if dots:
        return revisions[0], revisions[1]
    return revisions[1] if len(revisions) > 1 else None, revisions[0]


def patch_file(source: Path | None, stdin: BinaryIO | None) -> Change:
    """A diff made elsewhere, in UTF-8 or UTF-16: from a file, or from ``stdin`` if ``source`` is None.

    There are no ``files``: agents read added files from the diff. Whether it is a diff is not checked here.
    Raises ChangeError.
    """
    try:
        if source is not None:
            with source.open("rb") as stream:
                data = stream.read(MAX_DIFF + 1)
        elif stdin is not None:
            data = stdin.read(MAX_DIFF + 1)
        else:
            raise ChangeError("There is no patch: name a file, or - for standard input.")
    except OSError as error:
        where = source or "standard input"
        raise ChangeError(f"The patch in {where} cannot be read: {error.strerror or error}.") from error
    if len(data) > MAX_DIFF:
        raise _too_large()
    # Windows PowerShell writes UTF-16 when the output of git goes to a file.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    diff = data.decode(encoding, "replace")
    return Change(diff, {}, None, None, None, _subject(diff), ())


def _subject(patch: str) -> str | None:
    """The subject in the mail header that ``git format-patch`` writes above the diff."""
    head = patch[:65_536].split("\n\n", 1)[0]
    if not head.startswith(("From ", "From: ", "Subject: ")):
        return None
    from email.header import decode_header, make_header
    from email.parser import HeaderParser

    subject = HeaderParser().parsestr(head.partition("\n")[2] if head.startswith("From ") else head)["Subject"]
    if subject is None:
        return None
    try:
        decoded = str(make_header(decode_header(str(subject))))
    except (LookupError, ValueError):
        decoded = str(subject)
    return _title(re.sub(r"^\s*\[[^\]\n]{0,100}\]", "", decoded))


def _title(text: str) -> str | None:
    clean = text.encode("utf-8", "replace").decode()
    return " ".join(clean.split())[:MAX_TITLE] or None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One record of git's raw format: ``mode``, ``blob`` and ``path`` of the new side."""

    status: str
    mode: str
    blob: str
    path: bytes

    @property
    def is_file(self) -> bool:
        return self.status != "U" and self.mode.startswith("100")


@dataclass(slots=True)
class _Files:
    """The contents to send; what does not fit is ``unreadable``."""

    texts: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    _size: int = 0

    def add(self, path: bytes, data: bytes | None) -> None:
        name = _shown(path)
        if data is not None and _is_binary(data):
            return
        if data is None or len(data) > MAX_FILE or self._size + len(data) > MAX_FILES or name in self.texts:
            self.unreadable.append(name)
            return
        self._size += len(data)
        self.texts[name] = data.decode("utf-8", "replace")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _is_binary(data: bytes) -> bool:
    """As git decides it."""
    return b"\0" in data[:8000]


def _too_large() -> ChangeError:
    return ChangeError(f"The change is larger than {MAX_DIFF // MIB} MiB: name a smaller PATH or range.")


def _output(process: Running, limit: int) -> bytes:
    code, output, errors = process.result(limit)
    if code != 0:
        said = "".join(char if char.isprintable() else " " for char in errors.strip())[-300:]
        raise ChangeError(
            "git could not read the change. Check with `git fsck`; in a partial clone fetch the files first. "
            f"It said: {said}"
        )
    if len(output) > limit:
        raise _too_large()
    return output


def _diff(process: Running) -> tuple[list[_Entry], str]:
    """git's raw records, then the patch that belongs to them."""
    output = _output(process, MAX_DIFF)
    entries: list[_Entry] = []
    pos = 0
    while output.startswith(b":", pos):
        end = output.index(b"\0", pos)
        _, mode, _, blob, status = output[pos + 1 : end].decode("ascii").split(" ")
        names = 2 if status[0] in "RC" else 1
        for _ in range(names):
            pos, end = end + 1, output.index(b"\0", end + 1)
        path = output[pos:end]
        pos = end + 1
        _refuse_unsafe(path)
        entries.append(_Entry(status[0], mode, blob, path))
    if all(entry.status == "U" for entry in entries):
        return entries, ""  # for a file in conflict git writes a line that is no diff
    return entries, output[pos:].removeprefix(b"\0").decode("utf-8", "replace")


def _refuse_unsafe(path: bytes) -> None:
    """A forged index or tree can name files outside the working tree, and git reads them."""
    try:
        check_path(_shown(path))
    except UnsafePath as error:
        raise ChangeError(f"{error} git would read it; the repository is damaged or forged.") from error


def _names(process: Running) -> list[bytes]:
    names = _output(process, MAX_DIFF).split(b"\0")[:-1]
    if len(names) > MAX_UNTRACKED:
        raise ChangeError(
            f"There are {len(names):,} untracked files: put those that are no sources into .gitignore, "
            "name a smaller PATH, or use --staged."
        )
    return names


def _untracked(names: list[bytes], tree: WorkTree, files: _Files, limit: int) -> str:
    """The diff that adds these files, as ``git add`` and ``git diff`` would show it."""
    sections: list[str] = []
    for name in names:
        _refuse_unsafe(name)
        found = None if name.endswith(b"/") else tree.read(name, MAX_FILE)
        if found is None:
            files.unreadable.append(_shown(name))  # gone again, or a repository inside this one
            continue
        if found.mode != "120000":
            files.add(name, found.data)
        section = _addition(_shown(name), found)
        limit -= len(section)
        if limit < 0:
            raise _too_large()
        sections.append(section)
    return "".join(sections)


def _tracked(listing: bytes, tree: WorkTree, files: _Files) -> str:
    """The diff that adds what ``git ls-files --stage`` lists and is still there, submodules left out."""
    records = (record.partition(b"\t") for record in listing.split(b"\0")[:-1])
    sections: list[str] = []
    room = MAX_DIFF
    # In a conflict git lists a file once for each side.
    for name in dict.fromkeys(name for mode, _, name in records if not mode.startswith(b"160000")):
        _refuse_unsafe(name)
        found = tree.read(name, MAX_FILE)
        if found is None:
            continue
        if found.data is None:
            files.unreadable.append(_shown(name))
        sections.append(_addition(_shown(name), found))
        room -= len(sections[-1])
        if room < 0:
            raise _too_large()
    return "".join(sections)


def _addition(name: str, file: TreeFile) -> str:
    old, new = _quoted(f"a/{name}"), _quoted(f"b/{name}")
    header = f"diff --git {old} {new}\nnew file mode {file.mode}\n"
    if file.data is None or _is_binary(file.data):  # git, too, shows a file that is too large as a binary one
        return f"{header}Binary files /dev/null and {new} differ\n"
    if not file.data:
        return header
    text = file.data.decode("utf-8", "replace")
    ended = text.endswith("\n")
    lines = text.count("\n") + (not ended)
    body = text.removesuffix("\n").replace("\n", "\n+")
    count = "" if lines == 1 else f",{lines}"
    tab = "\t" if " " in new and new[0] != '"' else ""
    end = "" if ended else "\\ No newline at end of file\n"
    return f"{header}--- /dev/null\n+++ {new}{tab}\n@@ -0,0 +1{count} @@\n+{body}\n{end}"


def _quoted(name: str) -> str:
    """A path as git writes it with ``core.quotePath=false``."""
    if not re.search(r'[\x00-\x1f\x7f"\\]', name):
        return name
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda char: f"\\{ord(char[0]):03o}", escaped) + '"'


def _read_blobs(repository: Repository, entries: list[_Entry], files: _Files, commit: str | None) -> str | None:
    """Add the new contents, read by one process; with ``commit``, return its subject."""
    wanted = [entry for entry in entries if entry.is_file]
    objects = [commit] if commit else []
    objects += [entry.blob for entry in wanted]
    if not objects:
        return None
    with repository.start_reading(objects) as reading:
        message = _object(reading) if commit else None
        for entry in wanted:
            files.add(entry.path, _object(reading))
        reading.raise_if_expired()
    if not message:
        return None
    return _title(_shown(message.partition(b"\n\n")[2].lstrip(b"\n").partition(b"\n\n")[0]))


def _object(reading: Running) -> bytes | None:
    """The next object of ``git cat-file --batch``; None if it is missing or larger than a file may be."""
    header = reading.output.readline(1000).split()
    if len(header) != 3:
        return None
    size = left = int(header[2])
    data = b""
    while left > 0 and (piece := reading.output.read(min(left, MIB))):
        left -= len(piece)
        data = piece if size <= MAX_FILE else b""
    reading.output.read(1)
    return data if size <= MAX_FILE and not left else None
