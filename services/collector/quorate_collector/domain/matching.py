"""Matching: which finding of a review is which issue of the series.

In this order, each issue and each finding at most once: the same fingerprint; the same words in the same file; the
same in other words near the line; and all of this in a renamed file. At each step what is open or dismissed comes
before what was fixed.

A dismissal hides what it covers, so it covers little: nothing more severe, nothing far from where the issue would be
now, and in other words only what is surely the same. What it does not cover is told again, which is the safe error.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from quorate.contract.finding import DecidedFinding, at_least
from quorate.contract.history import MAX_MESSAGE, Issue
from quorate_collector.domain.alignment import align
from quorate_collector.domain.dedup import normalise
from quorate_collector.domain.looked import Looked
from quorate_collector.domain.similarity import LEXICAL, SCALE, Measure
from quorate_collector.domain.veto import WINDOW, about_others, contradict
from quorate_collector.domain.words import Wording, wording

MAX_RULE = 100
"""Characters of a rule's name that are kept and compared."""

COMPARED = 64
"""At most so many issues of a file are compared with a finding: a bound for input made to be slow."""

SURE = 0.6
"""How alike a finding in other words must be to a dismissed issue: twice what is asked of an open one."""

NEAR = 20
"""Lines that a dismissed issue may have moved by, where nothing else tells how the lines of its file have moved."""

_NUMBER = re.compile(r"(?<![\w.])\d{1,20}(?:\.\d{1,20})?(?!\w)")
_LIVE = ("open", "dismissed")

_Candidate = tuple[bool, int, bool, int, int, int]
"""Whether only the measure differs, how alike two are (less is more), whether the issue is dismissed, the lines
between, the issue, the finding."""


@dataclass(frozen=True)
class Match:
    """The issue that a finding is; ``exact`` where it has its fingerprint, or its words in a renamed file."""

    issue: Issue
    exact: bool


@dataclass(frozen=True)
class Matches:
    """By the position of a finding what it is; ``moved`` maps old paths to new ones, told or concluded."""

    found: Mapping[int, Match]
    moved: Mapping[str, str]


def match(issues: Sequence[Issue], findings: Sequence[DecidedFinding], looked: Looked) -> Matches:
    """``findings`` are in the order of path and line, so that equal input in another order has equal matches."""
    matching = _Matching(issues, findings)
    matching.by_key(lambda issue: issue.fingerprints, lambda finding: finding.fingerprint)
    matching.in_files({issue.path: issue.path for issue in issues})
    moved = {old: new for new, old in sorted(looked.renamed.items(), reverse=True) if old != new}
    moved |= matching.moves(looked, moved)
    matching.in_files(moved)
    found = {at: Match(issues[number], exact) for at, (number, exact) in matching.found.items()}
    return Matches(found, moved)


@dataclass
class _Shift:
    """How far lines of a file have moved, by the issues in it that were found again: in the order of their lines."""

    lines: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    by: list[int] = field(default_factory=list)

    def of(self, line: int) -> int:
        """That of the nearest one above, or else of the first one."""
        at = bisect_left(self.lines, line + 1) - 1
        return self.by[max(at, 0)] if self.by else 0

    def around(self, line: int, number: int) -> list[int]:
        """Those of the nearest ones above and below, the issue of this number aside."""
        at = bisect_left(self.lines, line + 1)
        above = next((each for each in range(at - 1, -1, -1) if self.numbers[each] != number), None)
        below = next((each for each in range(at, len(self.lines)) if self.numbers[each] != number), None)
        return [self.by[each] for each in (above, below) if each is not None]


class _Matching:
    """What has been matched so far, and the steps that match more."""

    def __init__(self, issues: Sequence[Issue], findings: Sequence[DecidedFinding]) -> None:
        self._issues = issues
        self._findings = findings
        self._free = dict.fromkeys(range(len(issues)))
        self._new = dict.fromkeys(range(len(findings)))
        self._never_hidden: set[int] = set()
        """Findings that stand where an open issue of the same key stood, or would stand now."""
        self.found: dict[int, tuple[int, bool]] = {}

    def _pair(self, number: int, at: int, *, exact: bool) -> None:
        del self._free[number], self._new[at]
        self.found[at] = (number, exact)

    def by_key(
        self,
        of_issue: Callable[[Issue], Iterable[Hashable]],
        of_finding: Callable[[DecidedFinding], Hashable],
    ) -> None:
        """What has a key in common is the same; of several, the nearest by line.

        Where as many are there as were, they are the same in their order, and tell how the lines have moved; from
        that the others are told apart. Where one is dismissed, its place has to tell.
        """
        for states in (_LIVE, ("fixed",)):
            for even in (True, False):
                groups = self._groups(states, of_issue, of_finding)
                shifts = self._shifts([] if even else self._lone_dismissed(groups))
                for numbers, places in groups:
                    # An issue of several fingerprints is in several groups.
                    left = [number for number in numbers if number in self._free]
                    if any(self._issues[number].state == "dismissed" for number in left):
                        if not even:
                            self._place(left, places, shifts)
                    elif left and (not even or len(left) == len(places)):
                        self._align(left, places, shifts)

    def _groups(
        self,
        states: tuple[str, ...],
        of_issue: Callable[[Issue], Iterable[Hashable]],
        of_finding: Callable[[DecidedFinding], Hashable],
    ) -> list[tuple[list[int], list[int]]]:
        """The issues and the findings that have a key in common."""
        groups: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for at in self._new:
            groups[of_finding(self._findings[at])][1].append(at)
        for number in self._free:
            issue = self._issues[number]
            for key in dict.fromkeys(of_issue(issue)):
                if issue.state in states and key in groups:
                    groups[key][0].append(number)
        return list(groups.values())

    def _lone_dismissed(self, groups: Iterable[tuple[list[int], list[int]]]) -> list[tuple[int, int]]:
        """Dismissed issues that one finding could be: those that moved alike support one another."""
        return [
            (numbers[0], places[0])
            for numbers, places in groups
            if len(numbers) == len(places) == 1 and self._issues[numbers[0]].state == "dismissed"
        ]

    def _place(self, numbers: list[int], places: list[int], shifts: Mapping[str, _Shift]) -> None:
        """Pair equal ones of which some are dismissed: first those that stand where they would be now, then the open
        ones with what is left, wherever it is, and last the dismissed ones with what is near.

        An open one always comes first, and where it stood or would stand nothing is taken for its dismissed twin.
        """
        still_open = [number for number in numbers if self._issues[number].state == "open"]
        dismissed = [number for number in numbers if self._issues[number].state == "dismissed"]
        open_at = {line for number in still_open for line in self._lines_now(number, shifts)}
        self._never_hidden |= {at for at in places if (self._findings[at].line or 0) in open_at}
        for some in (still_open, dismissed):
            self._pair_in_place(some, [at for at in places if at in self._new], shifts)
        if left := [number for number in still_open if number in self._free]:
            self._align(left, [at for at in places if at in self._new], shifts)
        lines = [(self._findings[at].line or 0, at) for at in places if at in self._new]
        near = [each for number in dismissed if number in self._free for each in self._near(number, lines, shifts)]
        for _, number, at in sorted(near):
            if number in self._free and at in self._new:
                self._pair(number, at, exact=True)

    def _near(
        self, number: int, lines: Sequence[tuple[int, int]], shifts: Mapping[str, _Shift]
    ) -> Iterator[tuple[int, int, int]]:
        """The lines between, the issue and the finding, of those that are near where the issue was or would be now.
        ``lines`` are those of the findings, with their positions, in order."""
        for expected in self._lines_now(number, shifts):
            middle = bisect_left(lines, (expected, -1))
            for there, at in lines[max(0, middle - COMPARED) : middle + COMPARED]:
                if abs(there - expected) <= NEAR and self._covers(number, at):
                    yield abs(there - expected), number, at

    def _pair_in_place(self, numbers: Iterable[int], places: Iterable[int], shifts: Mapping[str, _Shift]) -> None:
        """Pair those that stand exactly where they would be now."""
        standing: dict[int, list[int]] = defaultdict(list)
        for at in places:
            standing[self._findings[at].line or 0].append(at)
        expected = {number: self._lines_now(number, shifts) for number in numbers}
        for nth in range(3):
            for number in numbers:
                if number in self._free and nth < len(expected[number]):
                    here = standing.get(expected[number][nth], [])[:COMPARED]
                    its = next((at for at in here if at in self._new and self._covers(number, at)), None)
                    if its is not None:
                        self._pair(number, its, exact=True)

    def _covers(self, number: int, at: int) -> bool:
        """Whether the issue may be the finding. What was dismissed was nothing more severe, and had a line or not."""
        issue, finding = self._issues[number], self._findings[at]
        return issue.state != "dismissed" or (
            at not in self._never_hidden
            and at_least(issue.severity, finding.severity)
            and (issue.line is None) == (finding.line is None)
        )

    def _lines_now(self, number: int, shifts: Mapping[str, _Shift]) -> list[int]:
        """Where the issue would be now: as far away as those near it have moved, and where it was. 0 is the whole
        file."""
        issue = self._issues[number]
        if issue.line is None:
            return [0]
        moved = shifts[issue.path].around(issue.line, number) if issue.path in shifts else []
        return [issue.line + by for by in (*moved, 0)]

    def _align(self, numbers: list[int], places: list[int], shifts: Mapping[str, _Shift]) -> None:
        expected = {number: self._expected(number, shifts) for number in numbers}
        numbers.sort(key=lambda number: (expected[number], number))
        lines = [self._findings[at].line or 0 for at in places]
        for one, other in align([expected[number] for number in numbers], lines):
            self._pair(numbers[one], places[other], exact=True)

    def _expected(self, number: int, shifts: Mapping[str, _Shift]) -> int:
        """The line at which an issue would be now."""
        issue = self._issues[number]
        if issue.line is None:
            return 0
        return issue.line + (shifts[issue.path].of(issue.line) if issue.path in shifts else 0)

    def _shifts(self, supposed: Iterable[tuple[int, int]] = ()) -> dict[str, _Shift]:
        """By path. ``supposed`` are pairs of issue and finding that count beside those that were made."""
        shifts: dict[str, _Shift] = defaultdict(_Shift)
        pairs = [(number, at) for at, (number, exact) in self.found.items() if exact] + list(supposed)
        moves = [
            (issue.path, issue.line, finding.line, number)
            for number, at in pairs
            if (issue := self._issues[number]).line and (finding := self._findings[at]).line
        ]
        for path, before, after, number in sorted(moves):
            shift = shifts[path]
            shift.lines.append(before)
            shift.numbers.append(number)
            shift.by.append(after - before)
        return shifts

    def in_files(self, paths: Mapping[str, str]) -> None:
        """By their messages. ``paths`` maps the paths of issues to those of findings.

        A fingerprint alone does not tell: it has the path in it, and the rule of whoever speaks for the others.
        """
        news = set(paths.values())
        self.by_key(
            lambda issue: [(paths[issue.path], _words_of(issue))] if issue.path in paths else [],
            lambda finding: (finding.path, _words_of(finding)) if finding.path in news else finding.id,
        )
        self._by_words(paths)

    def _by_words(self, paths: Mapping[str, str]) -> None:
        """What is near and alike is the same. The most alike are paired first, and of equals the open and nearest."""
        places: dict[str, list[int]] = defaultdict(list)
        for at in self._new:
            places[self._findings[at].path].append(at)
        olds = [number for number in self._free if paths.get(self._issues[number].path) in places]
        if not olds:
            return
        news = {paths[self._issues[number].path] for number in olds}
        words = _Words(self._issues, olds, self._findings, [at for at in self._new if self._findings[at].path in news])
        by_path: dict[str, list[tuple[int, int]]] = defaultdict(list)
        shifts = self._shifts()
        for number in olds:
            by_path[self._issues[number].path].append((self._expected(number, shifts), number))
        for states in (_LIVE, ("fixed",)):
            candidates: list[_Candidate] = []
            for old, numbers in sorted(by_path.items()):
                left = sorted(each for each in numbers if self._is_free(each[1], states))
                for at in places[paths[old]]:
                    if at in self._new:
                        candidates += self._candidates(at, left, words)
            for *_, number, at in sorted(candidates):
                if number in self._free and at in self._new:
                    self._pair(number, at, exact=False)

    def _is_free(self, number: int, states: tuple[str, ...]) -> bool:
        return number in self._free and self._issues[number].state in states

    def _candidates(self, at: int, of_path: list[tuple[int, int]], words: "_Words") -> Iterator[_Candidate]:
        finding = self._findings[at]
        middle = bisect_left(of_path, (finding.line or 0, -1)) if finding.line else 0
        first = max(0, min(middle - COMPARED // 2, len(of_path) - COMPARED))
        for expected, number in of_path[first : first + COMPARED]:
            issue = self._issues[number]
            lines = min(_lines_between(issue.line, issue, finding), _lines_between(expected, issue, finding))
            if issue.category != finding.category or not _kin(issue, finding) or lines > WINDOW:
                continue
            dismissed = issue.state == "dismissed"
            if dismissed and not (
                self._covers(number, at) and _akin(issue, finding) and _begins(issue, finding, expected)
            ):
                continue
            alike = words.alike(number, at)
            if alike < (SURE if dismissed else LEXICAL.best) * SCALE:
                continue
            otherwise = words.contradict(number, at)
            if otherwise and (issue.state != "open" or not words.same_measure(number, at)):
                continue
            yield otherwise, -alike, dismissed, lines, number, at

    def moves(self, looked: Looked, told: Mapping[str, str]) -> dict[str, str]:
        """Renames that nobody told: a path has left the change, and what was there stands word for word near the same
        lines in exactly one file that the series does not know."""
        known = {issue.path for issue in self._issues}
        unknown: dict[Hashable, list[DecidedFinding]] = defaultdict(list)
        for at in self._new:
            finding = self._findings[at]
            if finding.path not in known and finding.path not in told.values():
                unknown[_words_of(finding)].append(finding)
        targets: dict[str, set[str]] = defaultdict(set)
        sources: dict[str, set[str]] = defaultdict(set)
        for number in self._free:
            issue = self._issues[number]
            if issue.state == "fixed" or issue.path in told or not looked.left_change(issue.path):
                continue
            for finding in unknown.get(_words_of(issue), [])[:COMPARED]:
                if _lines_between(issue.line, issue, finding) <= WINDOW and _kin(issue, finding):
                    targets[issue.path].add(finding.path)
                    sources[finding.path].add(issue.path)
        only = {old: next(iter(news)) for old, news in targets.items() if len(news) == 1}
        return {old: new for old, new in sorted(only.items()) if len(sources[new]) == 1}


class _Words:
    """The messages of issues and findings that may be compared."""

    def __init__(
        self, issues: Sequence[Issue], numbers: list[int], findings: Sequence[DecidedFinding], places: list[int]
    ) -> None:
        self._issues = {number: issues[number] for number in numbers}
        self._findings = {at: findings[at] for at in places}
        texts = [issues[number].message for number in numbers] + [findings[at].message for at in places]
        wordings = [wording(text) for text in texts]
        self._measure: Measure = LEXICAL.measure(wordings)
        self._issue_at = {number: place for place, number in enumerate(numbers)}
        self._finding_at = {at: place for place, at in enumerate(places, start=len(numbers))}
        self._wordings = wordings

    def alike(self, number: int, at: int) -> int:
        return self._measure(self._issue_at[number], self._finding_at[at])

    def contradict(self, number: int, at: int) -> bool:
        one, other = self._wordings[self._issue_at[number]], self._wordings[self._finding_at[at]]
        ruled = bool(self._issues[number].rules and self._findings[at].rules)
        return contradict(one, other) or (ruled and about_others(one, other))

    def same_measure(self, number: int, at: int) -> bool:
        """Whether a rule says the same with another number, such as how long a function is by now."""
        issue, finding = self._issues[number], self._findings[at]
        one, other = _unnumbered(issue.message), _unnumbered(finding.message)
        return _share_rule(issue, finding) and not contradict(one, other) and not about_others(one, other)


def _unnumbered(message: str) -> Wording:
    return wording(_NUMBER.sub("0", message))


def _words_of(one: Issue | DecidedFinding) -> Hashable:
    return one.category, normalise(one.message[:MAX_MESSAGE])


def _kin(issue: Issue, finding: DecidedFinding) -> bool:
    """Whether weakness and rule allow that these are one: a common one, or a side that names none."""
    if issue.cwe and finding.cwe:
        return issue.cwe == finding.cwe
    return _share_rule(issue, finding) or not (issue.rules and finding.rules)


def _begins(issue: Issue, finding: DecidedFinding, expected: int) -> bool:
    """Whether both begin near the same line: within a long issue there is room for others."""
    if not issue.line or not finding.line:
        return True
    return min(abs(finding.line - issue.line), abs(finding.line - expected)) <= WINDOW


def _akin(issue: Issue, finding: DecidedFinding) -> bool:
    """Whether they have a weakness, a rule or an agent in common."""
    agents = {vote.agent for vote in finding.votes}
    same_weakness = issue.cwe is not None and issue.cwe == finding.cwe
    return same_weakness or _share_rule(issue, finding) or not agents.isdisjoint(issue.agents)


def _share_rule(issue: Issue, finding: DecidedFinding) -> bool:
    return not {rule[:MAX_RULE] for rule in finding.rules}.isdisjoint(issue.rules)


def _lines_between(line: int | None, issue: Issue, finding: DecidedFinding) -> int:
    """Lines between an issue, were it at ``line``, and a finding; 0 where one is about the whole file."""
    if not line or not issue.line or not finding.line:
        return 0
    last = line + max(0, (issue.end_line or issue.line) - issue.line)
    return max(0, line - max(finding.line, finding.end_line or 0), finding.line - last)
