"""Matching: which finding of a review is which issue of the series.

In this order, each issue and each finding at most once: the same fingerprint; the same words in the same file; the
same in other words near the line; a dismissed issue in almost the same words anywhere in the file; and all of this in
a renamed file. At each step what is open or dismissed comes before what was fixed.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from quorate.contract.finding import DecidedFinding
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
"""How alike a finding must be to a dismissed issue that is not near: twice what is asked near it."""

_NUMBER = re.compile(r"(?<![\w.])\d{1,20}(?:\.\d{1,20})?(?!\w)")
_LIVE = ("open", "dismissed")

_Candidate = tuple[bool, int, int, int, int]
"""Whether only the measure differs, how alike two are (less is more), the lines between, the issue, the finding."""


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
    """How far lines of a file have moved, by the issues in it that were found again."""

    lines: list[int] = field(default_factory=list)
    by: list[int] = field(default_factory=list)

    def of(self, line: int) -> int:
        """That of the nearest one above, or else of the first one."""
        at = bisect_left(self.lines, line + 1) - 1
        return self.by[max(at, 0)] if self.by else 0


class _Matching:
    """What has been matched so far, and the steps that match more."""

    def __init__(self, issues: Sequence[Issue], findings: Sequence[DecidedFinding]) -> None:
        self._issues = issues
        self._findings = findings
        self._free = dict.fromkeys(range(len(issues)))
        self._new = dict.fromkeys(range(len(findings)))
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
        that the others are told apart.
        """
        for states in (_LIVE, ("fixed",)):
            for even in (True, False):
                shifts = self._shifts()
                groups: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
                for at in self._new:
                    groups[of_finding(self._findings[at])][1].append(at)
                for number in self._free:
                    issue = self._issues[number]
                    for key in dict.fromkeys(of_issue(issue)):
                        if issue.state in states and key in groups:
                            groups[key][0].append(number)
                for numbers, places in groups.values():
                    # An issue of several fingerprints is in several groups.
                    left = [number for number in numbers if number in self._free]
                    if left and (not even or len(left) == len(places)):
                        self._align(left, places, shifts)

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

    def _shifts(self) -> dict[str, _Shift]:
        shifts: dict[str, _Shift] = defaultdict(_Shift)
        pairs = [(self._issues[number], self._findings[at]) for at, (number, exact) in self.found.items() if exact]
        for issue, finding in sorted(pairs, key=lambda pair: (pair[0].path, pair[0].line or 0, pair[1].line or 0)):
            if issue.line and finding.line:
                shifts[issue.path].lines.append(issue.line)
                shifts[issue.path].by.append(finding.line - issue.line)
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
        """What is near and alike is the same. The most alike are paired first, and of equals the nearest."""
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
        for states, far in ((_LIVE, False), (("dismissed",), True), (("fixed",), False)):
            candidates: list[_Candidate] = []
            for old, numbers in sorted(by_path.items()):
                left = sorted(each for each in numbers if self._is_free(each[1], states))
                for at in places[paths[old]]:
                    if at in self._new:
                        candidates += self._candidates(at, left, words, far=far)
            for _, _, _, number, at in sorted(candidates):
                if number in self._free and at in self._new:
                    self._pair(number, at, exact=False)

    def _is_free(self, number: int, states: tuple[str, ...]) -> bool:
        return number in self._free and self._issues[number].state in states

    def _candidates(
        self, at: int, of_path: list[tuple[int, int]], words: "_Words", *, far: bool
    ) -> Iterator[_Candidate]:
        finding = self._findings[at]
        middle = bisect_left(of_path, (finding.line or 0, -1)) if finding.line else 0
        first = max(0, min(middle - COMPARED // 2, len(of_path) - COMPARED))
        for expected, number in of_path[first : first + COMPARED]:
            issue = self._issues[number]
            lines = min(_lines_between(issue.line, issue, finding), _lines_between(expected, issue, finding))
            if issue.category != finding.category or not _kin(issue, finding) or (lines > WINDOW and not far):
                continue
            alike = words.alike(number, at)
            if alike < (SURE if far else LEXICAL.best) * SCALE:
                continue
            otherwise = words.contradict(number, at)
            if otherwise and (issue.state != "open" or not words.same_measure(number, at)):
                continue
            yield otherwise, -alike, lines, number, at

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


def _share_rule(issue: Issue, finding: DecidedFinding) -> bool:
    return not {rule[:MAX_RULE] for rule in finding.rules}.isdisjoint(issue.rules)


def _lines_between(line: int | None, issue: Issue, finding: DecidedFinding) -> int:
    """Lines between an issue, were it at ``line``, and a finding; 0 where one is about the whole file."""
    if not line or not issue.line or not finding.line:
        return 0
    last = line + max(0, (issue.end_line or issue.line) - issue.line)
    return max(0, line - max(finding.line, finding.end_line or 0), finding.line - last)
