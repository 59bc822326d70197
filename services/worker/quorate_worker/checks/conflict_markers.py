"""The check `conflict-markers`: what an unfinished merge leaves in the added lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from quorate.contract.finding import Finding
from quorate.review import Review
from quorate_worker.checks.path_kind import in_tests, is_prose
from quorate_worker.checks.rule import Findings, Rule

NAME = "conflict-markers"
VERSION = "1"
DESCRIPTION = "Conflict markers that an unfinished merge left in added lines"

RULES: dict[str, Rule] = {
    "conflict": Rule("bug", "high", 0.95, "A whole unresolved merge conflict lies in the added lines."),
    "conflict-marker": Rule("bug", "high", 0.8, "A single marker of a merge conflict was left behind."),
}

_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7})(?: .*)?\Z|={7}\Z", re.DOTALL)
_LONGEST = 300  # a marker names a commit or a branch and its subject
_KINDS = 8
_MOST = 1_000  # of one file: enough to say that there are too many
_ANY = ("+<<<<<<<", "+>>>>>>>")


@dataclass(slots=True)
class _Block:
    """Markers between one ``<<<<<<<`` and the ``>>>>>>>`` that closes it; ``kinds`` are their first characters."""

    first: int
    last: int
    kinds: str


def check(review: Review) -> list[Finding]:
    """Findings for every block of markers; the whole of one is one finding.

    A row of ``=`` alone underlines headings, and one of ``|`` alone is a table: they count only among others.
    """
    findings = Findings(RULES)
    if not any(marker in (review.input.diff or "") for marker in _ANY):
        return []
    for path in review.paths:
        prose = is_prose(path)
        quoted = in_tests(path)  # tests of tools that merge have conflicts as their data
        for block in islice(_blocks(review.added(path)), _MOST):
            if prose and block.kinds.strip(">") == "":  # seven levels of quotation in a mail
                continue
            whole = block.kinds[0] == "<" and block.kinds[-1] == ">" and "=" in block.kinds
            rule = "conflict" if whole else "conflict-marker"
            findings.add(
                rule,
                path,
                "Unresolved merge conflict" if whole else "A marker of a merge conflict was left here",
                line=block.first,
                end_line=block.last,
                severity="medium" if quoted else None,
                confidence=0.5 if quoted or prose else None,
                suggestion="Decide for one side, and remove the markers",
            )
    return findings.all()


def _blocks(added: dict[int, str]) -> Iterator[_Block]:
    """Groups of markers with a `<` or `>` among them, by the order of their lines."""
    block: _Block | None = None
    for number, text in added.items():
        kind = text[:1]
        if not kind or kind not in "<>|=" or len(text) > _LONGEST or not _MARKER.match(text.rstrip("\r")):
            continue
        if block is not None and kind == "<":
            yield block
            block = None
        if block is not None:
            block.last = number
            block.kinds = block.kinds[:_KINDS] + kind
        elif kind in "<>":
            block = _Block(number, number, kind)
        if block is not None and kind == ">":
            yield block
            block = None
    if block is not None:
        yield block
