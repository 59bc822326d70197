"""Puts labelled reviews through the collector's own deduplication, with thresholds chosen on other repositories."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from bench.reviews_data import Labelled, PullRequest
from bench.reviews_score import Clustering, Pairs, Right, Shape, b_cubed, pairs, right, shape
from quorate.contract.finding import Finding
from quorate_collector.domain.dedup import exact, observe
from quorate_collector.domain.merge import merge
from quorate_collector.domain.similarity import Similarity

Thresholds = tuple[float, float]
"""``average`` and ``best`` of a Similarity."""

Make = Callable[[Thresholds], Similarity]

QUORUM = 2
"""Tools that must agree for a finding to count as confirmed here."""

MAX_OVER_MERGE = 0.02


@dataclass(frozen=True)
class Dedup:
    """The scores of clusterings of some pull requests."""

    pairs: Pairs
    shape: Shape
    b_cubed: tuple[float, float]


@dataclass(frozen=True)
class Consensus:
    """What is shown after deduplication, what of it two tools confirmed, and what was reported one by one."""

    reported: Right = field(default_factory=Right)
    shown: Right = field(default_factory=Right)
    confirmed: Right = field(default_factory=Right)

    def __add__(self, other: "Consensus") -> "Consensus":
        return Consensus(self.reported + other.reported, self.shown + other.shown, self.confirmed + other.confirmed)


def cluster(findings: Sequence[Labelled], similarity: Similarity | None) -> list[list[Labelled]]:
    """As the collector does it; without a similarity exactly only. A tool is an agent and a lineage."""
    observations = []
    source = {}
    for labelled in findings:
        found = Finding(path=labelled.path or "?", line=labelled.line, message=labelled.text)
        for observation in observe(labelled.tool, [found], {}):
            source[id(observation)] = labelled
            observations.append(observation)
    clusters = exact(observations)
    if similarity is not None:
        clusters = merge(clusters, similarity, lambda _: frozenset())
    return [[source[id(member)] for member in each.members] for each in clusters]


def dedup(clusterings: Sequence[Clustering]) -> Dedup:
    return Dedup(sum(map(pairs, clusterings), Pairs()), sum(map(shape, clusterings), Shape()), b_cubed(clusterings))


def consensus(pull: PullRequest, findings: Sequence[Labelled], similarity: Similarity) -> Consensus:
    clusters = cluster(findings, similarity)
    confirmed = [each for each in clusters if len({finding.tool for finding in each}) >= QUORUM]
    return Consensus(right(pull, [[finding] for finding in findings]), right(pull, clusters), right(pull, confirmed))


def choices_of(pulls: Iterable[PullRequest], count: int) -> list[tuple[str, ...]]:
    tools = sorted({tool for pull in pulls for tool in pull.tools})
    return list(combinations(tools, count))


def choose(pulls: Sequence[PullRequest], grid: Sequence[Thresholds], make: Make) -> Thresholds:
    """The thresholds of the best strict F1 of pairs among those that over-merge little, or else over-merge least."""
    scored = [(each, dedup([cluster(pull.findings, make(each)) for pull in pulls])) for each in grid]
    least = min(score.shape.over_merge_rate for _, score in scored)
    allowed = [each for each in scored if each[1].shape.over_merge_rate <= max(MAX_OVER_MERGE, least)]
    return max(allowed, key=lambda each: each[1].pairs.strict_f1)[0]


def held_out(
    pulls: Sequence[PullRequest], grid: Sequence[Thresholds], make: Make
) -> list[tuple[str, Thresholds, Sequence[Clustering]]]:
    """Each repository with the thresholds chosen on the others, and the clusterings that these make of it."""
    results: list[tuple[str, Thresholds, Sequence[Clustering]]] = []
    for repository in sorted({pull.repository for pull in pulls}):
        thresholds = choose([pull for pull in pulls if pull.repository != repository], grid, make)
        mine = [pull for pull in pulls if pull.repository == repository]
        results.append((repository, thresholds, [cluster(pull.findings, make(thresholds)) for pull in mine]))
    return results
