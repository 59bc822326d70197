"""Scores of a clustering against a judge's labels. Pure functions.

What the judge says of two findings: *one issue*, when a known issue was matched by both. *Two issues*, when each was
matched and they share none; or when one was matched, and the other is of a tool of which no finding was matched to
that issue: then the judge read it and said no. All else is unknown and counts nowhere: the judge matches one finding
of a tool to an issue at most, so a second one that says the same is left unmatched, and nobody judged what matched
nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

from bench.reviews_data import Labelled, PullRequest

Clustering = Sequence[Sequence[Labelled]]


@dataclass(frozen=True)
class Pairs:
    """Pairs of findings of one pull request.

    ``joined`` and ``missed`` are one issue. ``wrong`` are two matched ones that are two issues, ``strange`` a matched
    and an unmatched one that are, both joined. ``unknown`` were joined, too.
    """

    joined: int = 0
    missed: int = 0
    wrong: int = 0
    strange: int = 0
    unknown: int = 0

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def precision(self) -> float:
        """Among the matched."""
        return ratio(self.joined, self.joined + self.wrong)

    @property
    def strict_precision(self) -> float:
        """Among all that were judged."""
        return ratio(self.joined, self.joined + self.wrong + self.strange)

    @property
    def recall(self) -> float:
        return ratio(self.joined, self.joined + self.missed)

    @property
    def f1(self) -> float:
        return harmonic(self.precision, self.recall)

    @property
    def strict_f1(self) -> float:
        return harmonic(self.strict_precision, self.recall)


@dataclass(frozen=True)
class Shape:
    """Clusters of two findings or more, and how many of them have no known issue that all their matched findings share.

    ``ambiguous`` of those hold a finding that the judge matched to two issues, so that no clustering is right for it.
    """

    clusters: int = 0
    several: int = 0
    over_merged: int = 0
    ambiguous: int = 0

    def __add__(self, other: "Shape") -> "Shape":
        return Shape(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def over_merge_rate(self) -> float:
        return ratio(self.over_merged, self.several)


@dataclass(frozen=True)
class Right:
    """How many of the shown findings are known issues, and how many of those issues they are.

    A cluster is credited for one issue, whatever it swallowed. ``repeated`` are right, but show an issue once more.
    """

    shown: int = 0
    right: int = 0
    found: int = 0
    goldens: int = 0

    def __add__(self, other: "Right") -> "Right":
        return Right(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def repeated(self) -> int:
        return self.right - self.found

    @property
    def precision(self) -> float:
        return ratio(self.right, self.shown)

    @property
    def recall(self) -> float:
        return ratio(self.found, self.goldens)

    @property
    def f1(self) -> float:
        return harmonic(self.precision, self.recall)


def pairs(clustering: Clustering) -> Pairs:
    matched_by: dict[str, set[str]] = defaultdict(set)
    for finding in _all(clustering):
        matched_by[finding.tool] |= finding.goldens
    home = {id(finding): number for number, cluster in enumerate(clustering) for finding in cluster}
    counts: Counter[str] = Counter()
    for one, other in combinations(_all(clustering), 2):
        together = home[id(one)] == home[id(other)]
        if one.goldens & other.goldens:
            counts["joined" if together else "missed"] += 1
        elif together:
            counts[_kind(one, other, matched_by)] += 1
    return Pairs(**counts)


def _kind(one: Labelled, other: Labelled, matched_by: dict[str, set[str]]) -> str:
    if one.goldens and other.goldens:
        return "wrong"
    matched, unmatched = (one, other) if one.goldens else (other, one)
    return "unknown" if not matched.goldens or matched.goldens & matched_by[unmatched.tool] else "strange"


def shape(clustering: Clustering) -> Shape:
    over = ambiguous = 0
    for cluster in clustering:
        matched = [finding.goldens for finding in cluster if finding.goldens]
        if matched and not frozenset.intersection(*matched):
            over += 1
            ambiguous += any(len(goldens) > 1 for goldens in matched)
    return Shape(len(clustering), sum(len(cluster) > 1 for cluster in clustering), over, ambiguous)


def b_cubed(clusterings: Iterable[Clustering]) -> tuple[float, float]:
    """Precision and recall of the matched findings, each counted once, among the matched."""
    precisions, recalls = [], []
    for clustering in clusterings:
        matched = [finding for finding in _all(clustering) if finding.goldens]
        for cluster in clustering:
            mine = [finding for finding in cluster if finding.goldens]
            for finding in mine:
                alike = sum(bool(finding.goldens & other.goldens) for other in mine)
                precisions.append(alike / len(mine))
                recalls.append(alike / sum(bool(finding.goldens & other.goldens) for other in matched))
    return ratio(sum(precisions), len(precisions)), ratio(sum(recalls), len(recalls))


def right(pull: PullRequest, clusters: Clustering) -> Right:
    """Of the clusters that are shown, which may be some."""
    credited = [golden for cluster in clusters if (golden := _credit(cluster))]
    return Right(len(clusters), len(credited), len(set(credited)), pull.goldens)


def _credit(cluster: Sequence[Labelled]) -> str | None:
    """The issue that most of a cluster was matched to."""
    votes = Counter(golden for finding in cluster for golden in finding.goldens)
    return min(votes, key=lambda golden: (-votes[golden], golden)) if votes else None


def ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def harmonic(one: float, other: float) -> float:
    return ratio(2 * one * other, one + other)


def _all(clustering: Clustering) -> list[Labelled]:
    return [finding for cluster in clustering for finding in cluster]
