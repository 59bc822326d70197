"""A change under review, as agents see it: what changed, and the files that can be read whole."""

from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Literal

from quorate.contract.finding import Finding
from quorate.contract.task import CodeReviewInput
from quorate.diff import FileChange, NotADiff, check_path, parse_diff
from quorate.patched import PatchedFile, chains

LANGUAGES: dict[str, frozenset[str]] = {
    "python": frozenset({".py", ".pyi", ".pyw"}),
    "javascript": frozenset({".js", ".jsx", ".mjs", ".cjs"}),
    "typescript": frozenset({".ts", ".tsx", ".mts", ".cts"}),
    "shell": frozenset({".sh", ".bash"}),
    "yaml": frozenset({".yml", ".yaml"}),
    "go": frozenset({".go"}),
    "rust": frozenset({".rs"}),
    "java": frozenset({".java"}),
}
"""Languages that can be told from a file's suffix."""


def is_language(path: str, language: str) -> bool:
    """Whether a path's suffix belongs to the language; an unknown language has no files."""
    return PurePosixPath(path).suffix.lower() in LANGUAGES.get(language, frozenset())


class Review:
    """The input of a ``code-review`` task, parsed once and shared by the agents of a worker process.

    Paths are valid Unicode: bytes of a name that are not UTF-8 are U+FFFD, as in what the command line sends.
    Raises ``pydantic.ValidationError``, ``NotADiff`` or ``UnsafePath`` for an input that cannot be reviewed.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.input = CodeReviewInput.model_validate(value)
        if self.input.diff is None:
            raise NotADiff("a pull request cannot be fetched by its number here: send its diff")
        self.changes: tuple[FileChange, ...] = tuple(map(_sendable, parse_diff(self.input.diff)))
        for path in self.input.files:
            check_path(path)
        self._diff = self.input.diff
        self._by_path = chains(self.changes)
        self._patched: dict[str, PatchedFile] = {}

    @property
    def scope(self) -> Literal["changed", "all"]:
        return self.input.scope

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Changed paths that still exist after the change."""
        return tuple(path for path, chain in self._by_path.items() if chain[-1].status != "deleted")

    @cached_property
    def _readable(self) -> dict[str, str]:
        return {
            path: text
            for path in self.paths
            if not (last := self._by_path[path][-1]).symlink
            and (text := self.input.files.get(path, last.added_text)) is not None
        }

    def texts(self, *languages: str) -> dict[str, str]:
        """The whole new content of every changed file that can be read, by path; of these languages only, if given."""
        if not languages:
            return dict(self._readable)
        return {
            path: text
            for path, text in self._readable.items()
            if any(is_language(path, language) for language in languages)
        }

    @cached_property
    def unreadable(self) -> dict[str, str]:
        """Changed paths without content to read, each with the reason."""
        return {path: _why_unreadable(self._by_path[path][-1]) for path in self.paths if path not in self._readable}

    def change_of(self, path: str) -> FileChange | None:
        """What the diff does to a path; of a series of patches what the last one does."""
        chain = self._by_path.get(path)
        return chain[-1] if chain else None

    def in_change(self, finding: Finding) -> bool:
        """Whether a finding touches a changed line; one about a whole changed file does."""
        file = self._file(finding.path)
        if file is None or finding.line is None:
            return file is not None
        return file.touches(finding.line, finding.end_line)

    def text(self, path: str) -> str | None:
        """The whole new content of a changed file, None if it cannot be read."""
        return self._readable.get(path)

    def added(self, path: str) -> dict[int, str]:
        """The lines that the change adds to a file, by their number in the new content; read from the diff.

        They are without the "\n" at their end, and there for files too whose content was not sent.
        """
        file = self._file(path)
        return file.added() if file else {}

    def removed(self, path: str) -> dict[int, str]:
        """The lines that the change takes from a file, by their number in the old content; of a deleted one all."""
        file = self._file(path)
        return file.removed() if file else {}

    def before(self, path: str) -> str | None:
        """The whole old content of a changed file, by its new path; of a copy the content that was copied.

        None where there was none (added files) or where it cannot be had: the new content was not sent or does not
        fit the diff, binary files, symbolic links, submodules. A diff that leaves out changes, as ``git diff -w``
        does, leaves them out here.
        """
        file = self._file(path)
        return file.before(self.text(path)) if file else None

    @cached_property
    def renamed(self) -> dict[str, str]:
        """The old names of changed files that have another one now, by the new one."""
        old = {path: self.old_path(path) for path in self.paths if self._by_path[path][-1].status != "copied"}
        return {path: name for path, name in old.items() if name is not None and name != path}

    def old_path(self, path: str) -> str | None:
        """What a changed file was called before; None for one that is new or not part of the change."""
        file = self._file(path)
        return file.old_path if file else None

    def old_line(self, path: str, line: int) -> int | None:
        """The old number of an unchanged line of the new content; None if it was added, or the path is unknown."""
        file = self._file(path)
        return file.old_line(line) if file else None

    def new_line(self, path: str, line: int) -> int | None:
        """The new number of a line of the old content, by the new path; None if the line was removed."""
        file = self._file(path)
        return file.new_line(line) if file else None

    def _file(self, path: str) -> PatchedFile | None:
        chain = self._by_path.get(path)
        if chain is None:
            return None
        file = self._patched.get(path)
        if file is None:  # two agents may both come here: they make the same
            file = self._patched[path] = PatchedFile(self._diff, chain)
        return file


def _sendable(change: FileChange) -> FileChange:
    """git quotes bytes that are not UTF-8, and unquoted they are lone surrogates, which no message can hold."""
    path, old_path = _valid(change.path), change.old_path and _valid(change.old_path)
    if (path, old_path) == (change.path, change.old_path):
        return change
    return replace(change, path=path, old_path=old_path)


def _valid(path: str) -> str:
    return path if path.isascii() else path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _why_unreadable(change: FileChange) -> str:
    if change.binary:
        return "binary file"
    if change.submodule:
        return "submodule"
    if change.symlink:
        return "symbolic link"
    return "only its diff was sent, not its whole content (`files`)"
