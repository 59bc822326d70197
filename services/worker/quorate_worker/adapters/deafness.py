"""Deafness: tools that obey comments of the code they read are given copies in which those comments say nothing.

A copy has the same lines and columns. Run over the copies and over the code itself, a tool also tells which of its
findings a comment would have silenced.
"""

import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from quorate.contract.finding import Finding
from quorate_worker.adapters.analysis import Analysis, suppressed, told_though_dismissed
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.workspace import Workspace

Left = Callable[[], float]
"""How many seconds are left."""

Run = Callable[[Mapping[str, str], str], Awaitable[Analysis]]
"""Puts texts (by reviewed path) before a tool, in a new folder of this name. Raises ToolError."""

DEAF, HEARD = "deaf", "heard"
COMMENT = re.compile(r"#[^\n]*")


def countdown(timeout_s: float) -> Left:
    """For tools that are run more than once: what is left of ``timeout_s``, from now on."""
    ends_at = time.monotonic() + timeout_s
    return lambda: ends_at - time.monotonic()


def deafened(text: str, word: re.Pattern[str], comment: re.Pattern[str] | None = None) -> str:
    """The text with the last character of each ``word`` replaced, so that no directive is one any more.

    Only within what ``comment`` matches, if it is given: one pattern for both would look at each line again from
    each of its `#`.
    """
    if not word.search(text):
        return text
    if comment is None:
        return word.sub(_silenced, text)
    return comment.sub(lambda found: word.sub(_silenced, found.group()), text)


def _silenced(word: re.Match[str]) -> str:
    return f"{word.group()[:-1]}_"


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


async def deaf_and_heard(texts: Mapping[str, str], deaf: Mapping[str, str], run: Run, comment: str) -> Analysis:
    """What a tool finds in the ``deaf`` texts, and of what it would not find in the ``texts`` themselves a note only.

    A file that it cannot read obeying the comments is told as if there were none: that it is silent there does not
    mean that anything was dismissed.
    """
    done = await run(deaf, DEAF)
    directed = {path: texts[path] for path in deaf if deaf[path] != texts[path] and path not in done.unread}
    if not directed:
        return done
    try:
        heard = await run(directed, HEARD)
    except ToolFailed:
        return done
    obeyed = directed.keys() - heard.unread.keys()
    told = [finding for finding in heard.findings if finding.path in obeyed]
    told += (finding for finding in done.findings if finding.path not in obeyed)
    done.findings = dismissed(done.findings, told, comment)
    return done


def dismissed(deaf: Iterable[Finding], heard: Iterable[Finding], comment: str) -> list[Finding]:
    """What the deaf tool found; of what it did not find (``heard``) obeying the code's comments a note only,
    and nothing at all where it is a matter of taste."""
    left = Counter(_identity(finding) for finding in heard)
    findings = []
    for finding in deaf:
        key = _identity(finding)
        left[key] -= 1
        if left[key] >= 0:
            findings.append(finding)
        elif told_though_dismissed(finding):
            findings.append(suppressed(finding, comment))
    return findings


def _identity(finding: Finding) -> tuple[str, int | None, str, str]:
    return finding.path, finding.line, finding.rule, finding.message
