"""Scoring: who flagged which case, and how right that was. Pure functions over tables."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.security_expected import Row
from bench.security_weakness import answers

ANY = "any"
CONFIRMED = "confirmed"
_Z = 1.959964
"""Of the normal distribution, for 95 %."""


@dataclass(frozen=True)
class Reported:
    """What was said about a file: ``cwe`` is the weakness after the rule tables. ``confirmed`` says that the vote
    confirmed it."""

    agent: str
    rule: str
    cwe: int | None
    line: int | None = None
    message: str = ""
    confirmed: bool = False


@dataclass(frozen=True)
class Judged:
    """A case with what was said to its question, and who said so: agents, ``any``, ``confirmed``."""

    row: Row
    fitting: tuple[Reported, ...]
    others: tuple[Reported, ...]
    flagged_by: frozenset[str]


@dataclass(frozen=True)
class Counts:
    """A confusion matrix. Rates are None where there is nothing to divide by."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    @property
    def precision(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def false_positive_rate(self) -> float | None:
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def score(self) -> float | None:
        """True-positive rate less false-positive rate: 0 for guessing, 1 for always being right."""
        if self.recall is None or self.false_positive_rate is None:
            return None
        return self.recall - self.false_positive_rate

    @property
    def precision_interval(self) -> tuple[float, float] | None:
        return wilson(self.tp, self.tp + self.fp)

    @property
    def recall_interval(self) -> tuple[float, float] | None:
        return wilson(self.tp, self.tp + self.fn)


def judge(rows: Iterable[Row], reported: Mapping[str, Sequence[Reported]]) -> list[Judged]:
    """Put what was reported of each case (by its name) to its question. What nobody reported on is not flagged."""
    judged = []
    for row in rows:
        said = reported.get(row.name, ())
        fitting = tuple(each for each in said if answers(row.cwe, each.cwe))
        others = tuple(each for each in said if not answers(row.cwe, each.cwe))
        flagged_by = {each.agent for each in fitting}
        if fitting:
            flagged_by.add(ANY)
        if any(each.confirmed for each in fitting):
            flagged_by.add(CONFIRMED)
        judged.append(Judged(row, fitting, others, frozenset(flagged_by)))
    return judged


def count(judged: Iterable[Judged], judge_name: str) -> Counts:
    """The confusion matrix of one of the judges."""
    cells = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for each in judged:
        cells[each.row.real, judge_name in each.flagged_by] += 1
    return Counts(tp=cells[True, True], fn=cells[True, False], fp=cells[False, True], tn=cells[False, False])


def by_category(judged: Iterable[Judged], judge_name: str) -> dict[str, Counts]:
    """The confusion matrices of the categories, by name."""
    groups: dict[str, list[Judged]] = {}
    for each in judged:
        groups.setdefault(each.row.category, []).append(each)
    return {category: count(groups[category], judge_name) for category in sorted(groups)}


def mean_score(categories: Mapping[str, Counts]) -> float | None:
    """The mean of the categories' scores, in which a small category weighs as much as a large one."""
    scores = [counts.score for counts in categories.values() if counts.score is not None]
    return sum(scores) / len(scores) if scores else None


def wrong(judged: Iterable[Judged], category: str = "all") -> list[Judged]:
    """The cases that ``any`` or ``confirmed`` has wrong, of one category or of all."""
    return [
        each
        for each in judged
        if category in ("all", each.row.category)
        and ((ANY in each.flagged_by) != each.row.real or (CONFIRMED in each.flagged_by) != each.row.real)
    ]


def wilson(hits: int, total: int) -> tuple[float, float] | None:
    """The 95 % interval of a share, by Wilson's score; None of nothing."""
    if total == 0:
        return None
    share = hits / total
    scale = 1 + _Z**2 / total
    middle = (share + _Z**2 / (2 * total)) / scale
    half = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
