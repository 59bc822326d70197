"""What a review is asked to look at."""

import sys
from dataclasses import dataclass
from pathlib import Path

from quorate_cli.change import Change, all_files, commit_range, patch_file, staged, working_tree


@dataclass(frozen=True)
class Source:
    """The options that say it, of which one counts at most; without any it is the working tree below ``path``."""

    path: Path
    range: str | None = None
    staged: bool = False
    patch: str | None = None
    all_files: bool = False

    @property
    def is_ambiguous(self) -> bool:
        return sum((self.range is not None, self.staged, self.patch is not None, self.all_files)) > 1

    @property
    def nothing(self) -> str:
        """What to say when there is no change."""
        if self.patch is not None:
            return "the patch is empty"
        if self.range is not None:
            return f"{self.range} changes nothing here"
        if self.all_files:
            return "git tracks no file here; `git add` some"
        if self.staged:
            return "nothing is staged here; without --staged everything since the last commit is reviewed"
        return "nothing has changed here since the last commit; --range reviews commits"

    def read(self) -> Change:
        """The change. Raises ChangeError."""
        if self.patch is not None:
            return patch_file(None, sys.stdin.buffer) if self.patch == "-" else patch_file(Path(self.patch), None)
        if self.range is not None:
            return commit_range(self.path, self.range)
        if self.all_files:
            return all_files(self.path)
        return staged(self.path) if self.staged else working_tree(self.path)
