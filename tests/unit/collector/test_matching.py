"""Which finding of a review is which issue of the series."""

import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.finding import DecidedFinding
from quorate.contract.history import Issue
from quorate_collector.domain import alignment
from quorate_collector.domain.alignment import align
from quorate_collector.domain.looked import Looked
from quorate_collector.domain.matching import NEAR, match
from quorate_collector.domain.veto import WINDOW
from tests.support.series import MESSAGE, finding, issue, looked, numbered

REWORDED = "This query is put together out of text"
FAR = 200


def pairs(issues: list[Issue], findings: list[DecidedFinding], seen: Looked | None = None) -> dict[int | None, str]:
    """By the line of a finding the id of its issue."""
    found = match(issues, findings, seen or looked("bandit")).found
    return {findings[at].line: each.issue.id for at, each in found.items()}


def is_same(one: Issue, other: DecidedFinding, seen: Looked | None = None) -> bool:
    return bool(pairs([one], [other], seen))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(issue(), finding(), id="nothing changed"),
        pytest.param(issue(), finding(line=FAR), id="it moved"),
        pytest.param(issue(line=None), finding(line=FAR), id="it has a line now"),
        pytest.param(issue(REWORDED, fingerprints=("x", finding().fingerprint)), finding(), id="an earlier print"),
        pytest.param(issue(), finding(REWORDED), id="other words, same rule"),
        pytest.param(issue(), finding(REWORDED, line=10 + WINDOW), id="other words near"),
        pytest.param(issue(cwe=89), finding(REWORDED, rule="S608", cwe=89), id="other rule, same weakness"),
        pytest.param(issue(rule=""), finding(REWORDED, rule=""), id="no rule at all"),
        pytest.param(
            issue("`f` has 81 lines of code", rule="length"), finding("`f` has 95 lines of code", rule="length"),
            id="another measure",
        ),
        pytest.param(issue(state="fixed"), finding(line=FAR), id="it was fixed"),
        pytest.param(issue(state="dismissed"), finding(line=10 + NEAR), id="dismissed, near"),
        pytest.param(issue(line=None, state="dismissed"), finding(line=None), id="dismissed, of the whole file"),
        pytest.param(issue(state="dismissed"), finding(severity="low"), id="dismissed, and less severe now"),
        pytest.param(issue(state="dismissed"), finding(REWORDED, line=10 + WINDOW), id="dismissed, the same rule"),
        pytest.param(
            issue(state="dismissed", rule="", cwe=89, agents=["ruff"]), finding(REWORDED, cwe=89),
            id="dismissed, the same weakness",
        ),
        pytest.param(issue(state="dismissed", rule=""), finding(REWORDED), id="dismissed, the same agent"),
    ],
)  # fmt: skip
def test_it_is_the_same_issue(one: Issue, other: DecidedFinding) -> None:
    assert is_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(issue(), finding(path="b.py"), id="another file"),
        pytest.param(issue(), finding(REWORDED, line=11 + WINDOW), id="other words, far"),
        pytest.param(issue(), finding(REWORDED, category="bug"), id="another category"),
        pytest.param(issue(), finding(REWORDED, rule="B602"), id="another rule"),
        pytest.param(issue(cwe=89), finding(REWORDED, cwe=78), id="another weakness"),
        pytest.param(issue(), finding("A password stands in the code"), id="something else by the same rule"),
        pytest.param(issue("Unused import `os`"), finding("Unused import `sys`"), id="about another name"),
        pytest.param(issue("The token is checked"), finding("The token is not checked"), id="the contrary"),
        pytest.param(
            issue("`f` has 81 lines", rule="length"), finding("`g` has 81 lines", rule="length"), id="another function"
        ),
        pytest.param(
            issue("`f` has 81 lines", rule="length", state="dismissed"), finding("`f` has 95 lines", rule="length"),
            id="worse than what was dismissed",
        ),
        pytest.param(
            issue(state="dismissed"), finding("A password stands in the code", line=10), id="only its category"
        ),
        pytest.param(issue(state="dismissed"), finding(line=11 + NEAR), id="dismissed, far"),
        pytest.param(issue(end_line=FAR, state="dismissed"), finding(line=FAR), id="dismissed, within its lines"),
        pytest.param(issue(state="dismissed"), finding(line=None), id="dismissed, of the whole file now"),
        pytest.param(issue(state="dismissed"), finding(severity="critical"), id="more severe than what was dismissed"),
        pytest.param(
            issue(state="dismissed"), finding(REWORDED, severity="critical"), id="more severe in other words"
        ),
        pytest.param(issue(state="dismissed"), finding(REWORDED, line=FAR), id="dismissed, other words, far"),
        pytest.param(
            issue("The query is put together from text without a limit", state="dismissed"),
            finding("The query of the report runs without any index or limit"),
            id="dismissed, only a little alike",
        ),
        pytest.param(
            issue(state="dismissed", rule=""), finding(REWORDED, agents=["ruff"]), id="dismissed, nothing in common"
        ),
        pytest.param(issue(REWORDED, state="fixed"), finding(line=FAR), id="like one that was fixed, far"),
    ],
)  # fmt: skip
def test_it_is_another_issue(one: Issue, other: DecidedFinding) -> None:
    assert not is_same(one, other)


def test_equal_findings_are_told_apart_by_their_lines() -> None:
    issues = [issue(line=line, id=f"at-{line}") for line in (10, 50, 90)]
    assert pairs(issues, [finding(line=12), finding(line=88)]) == {12: "at-10", 88: "at-90"}
    assert pairs(issues[1:2], [finding(line=line) for line in (10, 48, 90)]) == {48: "at-50"}


def test_lines_that_moved_with_the_file_still_tell_equal_findings_apart() -> None:
    """30 lines above all of it: by lines alone the second would be the third."""
    issues = [issue("Unused import `os`", 5)] + [issue(line=line, id=f"at-{line}") for line in (10, 40, 70)]
    findings = [finding("Unused import `os`", 35), finding(line=40), finding(line=70)]
    assert pairs(issues, findings) == {35: issues[0].id, 40: "at-10", 70: "at-40"}


def test_what_moved_with_the_file_is_known_in_other_words() -> None:
    issues = [issue("Unused import `os`", 5), issue(line=20)]
    moved = finding("Unused import `os`", 5 + FAR)
    assert len(pairs(issues, [moved, finding(REWORDED, 20 + FAR)])) == 2
    assert len(pairs(issues, [moved, finding(REWORDED, 20 + FAR + WINDOW + 1)])) == 1


def test_what_is_open_comes_before_what_was_fixed() -> None:
    issues = [issue(line=10, id="fixed", state="fixed"), issue(line=30, id="open")]
    assert pairs(issues, [finding(line=10)]) == {10: "open"}
    assert pairs(issues, [finding(line=10), finding(line=30)]) == {10: "fixed", 30: "open"}


OS = "Unused import `os`"
SYS = "Unused import `sys`"


class TestTwinsOfWhatWasDismissed:
    """Equal findings, some of which are dismissed: what is told again is only noise, what is withheld is not seen."""

    def test_an_open_one_that_did_not_move_is_never_taken_for_the_dismissed_one(self) -> None:
        issues = [issue(line=10, state="dismissed", id="dismissed"), issue(line=50, id="open")]
        assert pairs(issues, [finding(line=50), finding(line=100)]) == {50: "open"}
        assert pairs(issues, [finding(line=50)]) == {50: "open"}
        assert pairs(issues, [finding(line=10)]) == {10: "dismissed"}

    def test_an_open_one_is_known_wherever_it_is_when_only_one_is_left(self) -> None:
        issues = [issue(line=10, state="dismissed", id="dismissed"), issue(line=50, id="open")]
        assert pairs(issues, [finding(line=12)]) == {12: "open"}

    def test_where_an_open_one_stood_or_would_stand_nothing_is_withheld(self) -> None:
        issues = [issue(OS, 3), issue(line=10, state="dismissed"), issue(line=15, id="open")]
        findings = [finding(OS, 8), finding(line=15), finding(line=20)]
        assert pairs(issues, findings) == {8: issues[0].id, 20: "open"}
        assert pairs(issues[1:], findings[1:2]) == {15: "open"}

    @pytest.mark.parametrize("between", [3, 8])
    @pytest.mark.parametrize("first", ["open", "dismissed"])
    def test_they_are_told_apart_when_the_file_shows_how_it_moved(self, first: str, between: int) -> None:
        second = "dismissed" if first == "open" else "open"
        issues = [
            issue(OS, 3),
            issue(line=10, state=first, id=first),
            issue(line=10 + between, state=second, id=second),
        ]
        findings = [finding(OS, 8), finding(line=15), finding(line=15 + between)]
        assert pairs(issues, findings) == {8: issues[0].id, 15: first, 15 + between: second}

    def test_a_dismissed_one_is_known_however_far_it_moved_with_its_neighbours(self) -> None:
        issues = [issue(OS, 3), issue(line=10, state="dismissed", id="dismissed")]
        assert pairs(issues, [finding(OS, 3 + FAR), finding(line=10 + FAR)])[10 + FAR] == "dismissed"
        assert 10 + FAR not in pairs(issues, [finding(OS, 33 + FAR), finding(line=10 + FAR)])
        assert pairs(issues, [finding(line=10), finding(OS, FAR)])[10] == "dismissed", "it is at its line"

    def test_dismissed_ones_that_moved_alike_support_one_another(self) -> None:
        issues = [issue(OS, 3, state="dismissed"), issue(SYS, 9, state="dismissed")]
        assert len(pairs(issues, [finding(OS, 3 + FAR), finding(SYS, 9 + FAR)])) == 2
        assert pairs(issues, [finding(OS, 3 + FAR), finding(SYS, 10 + FAR + NEAR)]) == {}

    def test_each_hides_one_finding(self) -> None:
        issues = [issue(line=10, state="dismissed")]
        assert list(pairs(issues, [finding(line=8), finding(line=15), finding(line=22)])) == [8]


def test_of_two_equally_alike_the_open_one_is_it() -> None:
    issues = [issue(line=10, state="dismissed", id="dismissed"), issue(line=12, id="open")]
    assert pairs(issues, [finding(REWORDED, 10)]) == {10: "open"}


def test_each_issue_is_one_finding_at_most() -> None:
    found = pairs([issue(state="dismissed")], [finding(REWORDED, 9), finding(line=10), finding(REWORDED, 11)])
    assert list(found) == [10]


def test_the_most_alike_are_paired_first() -> None:
    one, other = issue(f"{MESSAGE} of the request", 10, id="request"), issue(MESSAGE, 12, id="plain")
    findings = [finding(REWORDED, 10), finding(f"{REWORDED} of the request", 12)]
    assert pairs([one, other], findings) == {10: "plain", 12: "request"}


GONE = looked("bandit", paths=("new.py", "other.py"))
TOLD = looked("bandit", paths=("new.py",), renamed={"new.py": "a.py"})


@pytest.mark.parametrize(
    ("other", "seen", "same"),
    [
        pytest.param(finding(path="new.py"), GONE, True, id="word for word at its line"),
        pytest.param(finding(path="new.py", line=10 + WINDOW), GONE, True, id="word for word near its line"),
        pytest.param(finding(path="new.py", line=11 + WINDOW), GONE, False, id="word for word far away"),
        pytest.param(finding(REWORDED, path="new.py"), GONE, False, id="other words"),
        pytest.param(finding(path="new.py"), looked("bandit", paths=("a.py", "new.py")), False, id="the old is there"),
        pytest.param(finding(path="new.py"), looked("bandit", changed=()), False, id="nobody knows the change"),
        pytest.param(finding(path="new.py", line=FAR), TOLD, True, id="told, far"),
        pytest.param(finding(REWORDED, path="new.py", line=12), TOLD, True, id="told, other words near"),
        pytest.param(finding(REWORDED, path="new.py", line=FAR), TOLD, False, id="told, other words far"),
        pytest.param(finding(path="other.py"), TOLD, False, id="told of another"),
    ],
)
@pytest.mark.parametrize("state", ["open", "dismissed"])
def test_what_stands_in_a_renamed_file_is_known(other: DecidedFinding, seen: Looked, same: bool, state: str) -> None:
    if state == "dismissed" and other.line == FAR:
        same = False
    assert is_same(issue(state=state), other, seen) is same


def test_a_rename_is_not_guessed_between_two_files() -> None:
    both = [finding(path="new.py", line=10), finding(path="other.py", line=11)]
    assert pairs([issue()], both, GONE) == {}
    assert pairs([issue(), issue(path="b.py")], both[:1], GONE) == {}
    assert pairs([issue(), issue("Unused", path="new.py")], both[:1], GONE) == {}, "the series knows that file"


def test_a_renamed_file_takes_all_its_issues_along() -> None:
    issues = [issue(), issue("Unused import `os`", 30), issue(f"{MESSAGE} here", 50)]
    findings = [
        finding(path="new.py"),
        finding("Unused import `os`", 90, path="new.py"),
        finding(f"{REWORDED} here", 52, path="new.py"),
    ]
    matches = match(issues, findings, GONE)
    assert len(matches.found) == 3
    assert matches.moved == {"a.py": "new.py"}


def test_files_that_swap_names_keep_their_issues() -> None:
    seen = looked("bandit", paths=("a.py", "b.py"), renamed={"a.py": "b.py", "b.py": "a.py"})
    issues = [issue(id="one"), issue("Unused import `os`", 20, path="b.py", id="two")]
    findings = [finding("Unused import `os`", 20, path="a.py"), finding(path="b.py")]
    assert pairs(issues, findings, seen) == {20: "two", 10: "one"}


LINES = st.lists(st.integers(0, 60), max_size=6).map(sorted)


@given(LINES, LINES)
def test_an_alignment_pairs_all_it_can_with_the_fewest_lines_between(one: list[int], other: list[int]) -> None:
    found = align(one, other)
    few, many = sorted((one, other), key=len)
    assert len(found) == len(few)
    assert [a for a, _ in found] == sorted({a for a, _ in found})
    assert [b for _, b in found] == sorted({b for _, b in found})
    cost = sum(abs(one[a] - other[b]) for a, b in found)
    fewest = min(sum(abs(a - b) for a, b in zip(few, chosen, strict=True)) for chosen in combinations(many, len(few)))
    assert cost == fewest


def test_an_alignment_of_too_many_is_still_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "MAX_CELLS", 3)
    assert align([50, 60], [1, 2, 3, 4]) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("same", [True, False], ids=["one message", "many messages"])
def test_a_thousand_issues_and_many_findings_take_no_more_than_seconds(same: bool) -> None:
    texts = [MESSAGE if same else f"The value number {n} of `name_{n}` is put together from text" for n in range(5_000)]
    reworded = texts if same else [text.replace("put together", "made") for text in texts]
    issues = [issue(texts[n], 3 * n + 1, id=str(n)) for n in range(1_000)]
    findings = list(numbered(finding(reworded[n], 3 * n + (40 if same else 5)) for n in range(5_000)))
    began = time.perf_counter()
    found = match(issues, findings, looked("bandit")).found
    assert len(found) == 1_000
    assert time.perf_counter() - began < 30
