"""Reviews made of two versions of some files, as git would describe the change."""

import difflib
from collections.abc import Iterator, Mapping

from quorate.contract.finding import Finding
from quorate.review import Review
from quorate_worker.checks import Check


def review_of(before: Mapping[str, str], after: Mapping[str, str], *, send_files: bool = True) -> Review:
    """The change from some files to others, by path; without ``send_files`` only its diff is sent."""
    diff = "".join(
        "".join(_file_diff(path, before.get(path), after.get(path)))
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    )
    files = {path: text for path, text in after.items() if send_files and before.get(path) != text}
    return Review({"diff": diff, "files": files})


def _file_diff(path: str, old: str | None, new: str | None) -> Iterator[str]:
    yield f"diff --git a/{path} b/{path}\n"
    if old is None:
        yield "new file mode 100644\n"
    if new is None:
        yield "deleted file mode 100644\n"
    yield "index 1111111..2222222\n"
    sides = ("/dev/null" if old is None else f"a/{path}", "/dev/null" if new is None else f"b/{path}")
    lines = difflib.unified_diff(_lines(old), _lines(new), *sides)
    for line in lines:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _lines(text: str | None) -> list[str]:
    if not text:
        return []
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last] if last else [])


def found(check: Check, before: Mapping[str, str], after: Mapping[str, str], *, send_files: bool = True) -> set[str]:
    """Rule, path and line of every finding, as ``rule path:line``; all of them lie in the change."""
    review = review_of(before, after, send_files=send_files)
    return {said(finding) for finding in in_change(check, review)}


def in_change(check: Check, review: Review) -> list[Finding]:
    """The findings, each of which the worker would keep."""
    findings = check.check(review)
    assert all(review.in_change(finding) for finding in findings)
    assert {finding.rule for finding in findings} <= set(check.RULES)
    return findings


def said(finding: Finding) -> str:
    return f"{finding.rule} {finding.path}" + (f":{finding.line}" if finding.line else "")
