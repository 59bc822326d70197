"""What a change causes outside of the lines it changes: findings that its old content did not have."""

from collections import Counter
from collections.abc import Iterable

from quorate.contract.finding import Finding
from quorate.review import Review

__all__ = ["mark_indirect"]


def mark_indirect(review: Review, new: Iterable[Finding], old: Iterable[Finding]) -> list[Finding]:
    """All of ``new``, in their order; those on unchanged lines that ``old`` has no counterpart for are ``indirect``.

    ``new`` is what an agent found in the new content of the changed files, ``old`` what the same agent found in
    their old content, by old paths and old lines. A counterpart has the same rule, the same message and the
    corresponding line, and serves for one finding. Where the old content cannot be had (``Review.before``), nothing
    is known to be new, and nothing is marked.
    """
    before = Counter((found.path, found.line, found.rule, found.message) for found in old)
    met: Counter[tuple[str, int | None, str, str]] = Counter()
    compared: dict[str, bool] = {}

    def is_indirect(finding: Finding) -> bool:
        path = finding.path
        if finding.line is None or review.change_of(path) is None or review.in_change(finding):
            return False
        if path not in compared:
            compared[path] = review.before(path) is not None
        if not compared[path]:
            return False
        counterpart = (review.old_path(path) or "", review.old_line(path, finding.line), finding.rule, finding.message)
        met[path, finding.line, finding.rule, finding.message] += 1
        return met[path, finding.line, finding.rule, finding.message] > before[counterpart]

    return [found.model_copy(update={"indirect": is_indirect(found)}) for found in new]
