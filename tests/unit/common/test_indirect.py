"""What a change causes outside of its lines is told from what was there before."""

import pytest

from quorate.contract.finding import Finding
from quorate.indirect import mark_indirect
from quorate.review import Review

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n+first\n a\n-b\n c\n"
FILES = {"x.py": "first\na\nc\nd\n"}  # before: a, b, c, d


def found(line: int | None, message: str = "m", path: str = "x.py", rule: str = "r", end: int | None = None) -> Finding:
    return Finding(path=path, line=line, end_line=end, message=message, rule=rule)


def marked(new: list[Finding], old: list[Finding], diff: str = DIFF, files: dict[str, str] = FILES) -> list[bool]:
    findings = mark_indirect(Review({"diff": diff, "files": files}), iter(new), iter(old))
    assert [finding.model_copy(update={"indirect": False}) for finding in findings] == new
    return [finding.indirect for finding in findings]


def test_what_was_not_found_before_on_an_unchanged_line_is_indirect() -> None:
    assert marked([found(2), found(4)], []) == [True, True]


def test_what_was_found_before_on_the_corresponding_line_is_not() -> None:
    assert marked([found(2), found(3), found(4)], [found(1), found(3)]) == [False, False, True]


def test_what_touches_a_changed_line_is_not_indirect() -> None:
    assert marked([found(1), found(1, end=3), found(None)], []) == [False, False, False]


@pytest.mark.parametrize(
    "old", [found(1, "n"), found(1, rule="s"), found(1, path="y.py"), found(2), found(None), found(1, "m2")]
)
def test_a_counterpart_has_the_same_rule_message_and_line(old: Finding) -> None:
    assert marked([found(2)], [old]) == [True]


def test_a_counterpart_serves_for_one_finding() -> None:
    assert marked([found(2), found(2), found(2)], [found(1), found(1)]) == [False, False, True]


def test_without_the_old_content_nothing_is_known_to_be_new() -> None:
    assert marked([found(2)], [], files={}) == [False]
    assert marked([found(2)], [], files={"x.py": "something\nelse\n"}) == [False]


def test_findings_of_files_that_are_not_part_of_the_change_are_left_as_they_are() -> None:
    assert marked([found(2, path="y.py")], []) == [False]


def test_old_findings_are_found_by_the_old_name_also_by_a_copy() -> None:
    moved = "".join(
        f"diff --git a/o.py b/{new}\nsimilarity index 100%\n{how} from o.py\n{how} to {new}\n"
        for how, new in (("copy", "c.py"), ("rename", "x.py"))
    )
    files = {"x.py": "a\nb\n", "c.py": "a\nb\n"}
    new = [found(1), found(1, path="c.py"), found(2)]
    assert marked(new, [found(1, path="o.py")], moved, files) == [False, False, True]
