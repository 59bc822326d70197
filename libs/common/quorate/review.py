"""A change under review, as agents see it: what changed, and the files that can be read whole."""

from collections import defaultdict
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Literal

from quorate.contract.finding import Finding
from quorate.contract.task import CodeReviewInput
from quorate.diff import FileChange, NotADiff, check_path, parse_diff

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

    Raises ``pydantic.ValidationError``, ``NotADiff`` or ``UnsafePath`` for an input that cannot be reviewed.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.input = CodeReviewInput.model_validate(value)
        if self.input.diff is None:
            raise NotADiff("a pull request cannot be fetched by its number here: send its diff")
        self.changes: tuple[FileChange, ...] = parse_diff(self.input.diff)
        for path in self.input.files:
            check_path(path)
        self._by_path = {change.path: change for change in self.changes}
        # A series of patches may change a file more than once.
        self._all_by_path: dict[str, list[FileChange]] = defaultdict(list)
        for change in self.changes:
            self._all_by_path[change.path].append(change)

    @property
    def scope(self) -> Literal["changed", "all"]:
        return self.input.scope

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Changed paths that still exist after the change."""
        return tuple(change.path for change in self.changes if change.status != "deleted")

    @cached_property
    def _readable(self) -> dict[str, str]:
        return {
            path: text
            for path in self.paths
            if not self._by_path[path].symlink
            and (text := self.input.files.get(path, self._by_path[path].added_text)) is not None
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
        return {path: _why_unreadable(self._by_path[path]) for path in self.paths if path not in self._readable}

    def change_of(self, path: str) -> FileChange | None:
        return self._by_path.get(path)

    def in_change(self, finding: Finding) -> bool:
        """Whether a finding touches a changed line; one about a whole changed file does."""
        changes = self._all_by_path.get(finding.path, [])
        if finding.line is None:
            return bool(changes)
        return any(change.touches(finding.line, finding.end_line) for change in changes)


def _why_unreadable(change: FileChange) -> str:
    if change.binary:
        return "binary file"
    if change.submodule:
        return "submodule"
    if change.symlink:
        return "symbolic link"
    return "only its diff was sent, not its whole content (`files`)"
