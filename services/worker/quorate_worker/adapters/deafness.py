"""Deafness: tools that obey comments of the code they read are given copies in which those comments say nothing.

A copy has the same lines and columns. Run over the copies and over the code itself, a tool also tells which of its
findings a comment would have silenced.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from quorate.contract.finding import Finding
from quorate_worker.adapters.analysis import suppressed
from quorate_worker.adapters.workspace import Workspace

Left = Callable[[], float]
"""How many seconds are left."""


def countdown(timeout_s: float) -> Left:
    """For tools that are run more than once: what is left of ``timeout_s``, from now on."""
    ends_at = time.monotonic() + timeout_s
    return lambda: ends_at - time.monotonic()


def deafened(text: str, directive: re.Pattern[str]) -> str:
    """The text with the last character of each match replaced, so that no directive is one any more."""
    return directive.sub(lambda match: f"{match.group()[:-1]}_", text)


@dataclass(frozen=True)
class Copies:
    """Files in ``folder`` under names of our own, so that no name of the change means anything to a tool.

    ``paths`` says which reviewed path each copy (its absolute path) is of.
    """

    folder: Path
    paths: Mapping[str, str]

    @classmethod
    def of(cls, space: Workspace, texts: Mapping[str, str], folder: str, *, keep_suffix: bool = False) -> "Copies":
        """Write these texts (by reviewed path) into a new folder of the tool's home."""
        target = space.home / folder
        target.mkdir()
        paths: dict[str, str] = {}
        for number, (path, text) in enumerate(texts.items()):
            suffix = PurePosixPath(path).suffix if keep_suffix else ""
            copy = target / f"{number}{suffix if suffix.isascii() and suffix[1:].isalnum() else ''}"
            copy.write_bytes(text.encode("utf-8", "replace"))
            paths[str(copy)] = path
        return cls(target, paths)


def dismissed(deaf: Iterable[Finding], heard: Iterable[Finding], comment: str) -> list[Finding]:
    """What the deaf tool found; a note only of what it did not find (``heard``) obeying the code's comments."""
    left = Counter(_identity(finding) for finding in heard)
    findings = []
    for finding in deaf:
        key = _identity(finding)
        left[key] -= 1
        findings.append(finding if left[key] >= 0 else suppressed(finding, comment))
    return findings


def _identity(finding: Finding) -> tuple[str, int | None, str, str]:
    return finding.path, finding.line, finding.rule, finding.message
