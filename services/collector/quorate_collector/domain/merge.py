"""Joins clusters that are the same issue in different words.

Agglomerative clustering with the average link: the two clusters that are most alike become one, again and again, until
none are alike enough. A pair that a veto keeps apart is never in one cluster, by whatever way round, so one ambiguous
message cannot chain two issues together.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, groupby, product

from quorate.contract.finding import MAX_LINE
from quorate_collector.domain.dedup import Cluster, Observation, authority, order
from quorate_collector.domain.similarity import SCALE, Measure, Similarity
from quorate_collector.domain.veto import about_others, apart, contradict, distance
from quorate_collector.domain.words import Wording, wording

MAX_BLOCK = 128
"""At most so many messages of one file are compared with each other: a bound for input made to be slow."""

MAX_WORDINGS = 16
"""At most so many messages of one cluster are compared."""

OTHER_CATEGORY = 2
"""Messages of two categories count as half as alike; ``other`` is none."""

Objectors = Callable[[Cluster], frozenset[str]]
"""The agents that object to a cluster."""


@dataclass(frozen=True)
class _Said:
    """What one agent says in a cluster, and where its message is among all."""

    observation: Observation
    wording: Wording
    place: int


@dataclass(frozen=True)
class _Part:
    """A cluster as it came in, with what is compared of it."""

    cluster: Cluster
    said: tuple[_Said, ...]
    agents: frozenset[str]
    objectors: frozenset[str]


@dataclass
class _Link:
    """Between two groups: the sum over all pairs of messages, the best of them, the lines between, and any veto."""

    total: int = 0
    best: int = 0
    lines: int = 0
    vetoed: bool = False

    def add(self, other: "_Link") -> None:
        self.total += other.total
        self.best = max(self.best, other.best)
        self.lines = min(self.lines, other.lines)
        self.vetoed = self.vetoed or other.vetoed


@dataclass
class _Group:
    """Parts that are one issue so far; ``weakest`` is the lowest similarity at which two of them were joined."""

    parts: list[_Part]
    size: int
    weakest: float = 1.0


def merge(clusters: Iterable[Cluster], similarity: Similarity, objectors: Objectors) -> list[Cluster]:
    """``clusters`` are those of ``exact``. What is merged has them as its ``parts`` and says in ``merged`` why."""
    parts = _parts(sorted(clusters, key=_place), objectors)
    measure = similarity.measure([said.wording for part in parts for said in part.said])
    groups = [group for block in _blocks(parts) for group in _join(block, similarity, measure)]
    return sorted((_cluster(group, similarity.name) for group in groups), key=_place)


def _place(cluster: Cluster) -> tuple[object, ...]:
    return order(cluster.members[0])


def _parts(clusters: list[Cluster], objectors: Objectors) -> list[_Part]:
    parts = []
    place = 0
    for cluster in clusters:
        # Who says the same of one place twice is compared once.
        distinct = {(m.agent, m.rule, m.message, m.finding.category, m.finding.cwe, m.span): m for m in cluster.members}
        said = tuple(
            _Said(member, wording(member.finding.message), place + number)
            for number, member in enumerate(list(distinct.values())[:MAX_WORDINGS])
        )
        place += len(said)
        agents = frozenset(member.agent for member in cluster.members)
        parts.append(_Part(cluster, said, agents, objectors(cluster)))
    return parts


def _blocks(parts: list[_Part]) -> Iterator[list[_Part]]:
    """The parts of each file, cut between lines where there are too many."""
    for _, of_file in groupby(parts, key=lambda part: part.cluster.members[0].finding.path):
        block: list[_Part] = []
        size = 0
        for part in of_file:
            if block and size + len(part.said) > MAX_BLOCK:
                yield block
                block, size = [], 0
            block.append(part)
            size += len(part.said)
        yield block


def _join(parts: list[_Part], similarity: Similarity, measure: Measure) -> list[_Group]:
    """Merge the two groups most alike, and among equals the nearest, until none are alike enough."""
    groups = {number: _Group([part], len(part.said)) for number, part in enumerate(parts)}
    average, best = round(similarity.average * SCALE), round(similarity.best * SCALE)
    links = {(a, b): _link(parts[a], parts[b], measure, best) for a, b in combinations(groups, 2)}
    waiting: list[tuple[float, int, int, int, int]] = []

    def offer(a: int, b: int) -> None:
        link, pairs = links[a, b], groups[a].size * groups[b].size
        if not link.vetoed and link.best >= best and link.total >= average * pairs:
            heapq.heappush(waiting, (-link.total / pairs / SCALE, link.lines, a, b, groups[a].size + groups[b].size))

    for a, b in links:
        offer(a, b)
    while waiting:
        score, _, a, b, size = heapq.heappop(waiting)
        # Groups only grow: an offer for another size is out of date, and there is a newer one.
        if a not in groups or b not in groups or groups[a].size + groups[b].size != size:
            continue
        one, other = groups[a], groups.pop(b)
        groups[a] = _Group(one.parts + other.parts, size, min(one.weakest, other.weakest, -score))
        for c in groups.keys() - {a}:
            between = _key(a, c)
            links[between].add(links[_key(b, c)])
            offer(*between)
    return list(groups.values())


def _key(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _link(one: _Part, other: _Part, measure: Measure, evident: int) -> _Link:
    """An objection of one side to the other is a veto: it must not be lost when its agent is taken for a finder."""
    link = _Link(lines=MAX_LINE, vetoed=bool(one.agents & other.objectors or other.agents & one.objectors))
    for a, b in product(one.said, other.said):
        if link.vetoed:
            break
        link.lines = min(link.lines, distance(a.observation, b.observation))
        if apart(a.observation, b.observation):
            link.vetoed = True
            break
        alike = measure(a.place, b.place)
        if a.observation.agent == b.observation.agent:
            # What an agent says twice is no further evidence, and unless it is evidently the same, two issues.
            link.vetoed = alike < evident or contradict(a.wording, b.wording)
        else:
            alike = alike // OTHER_CATEGORY if _filed_apart(a.observation, b.observation) else alike
            link.total += alike
            link.best = max(link.best, alike)
            ruled = bool(a.observation.rule and b.observation.rule)
            link.vetoed = contradict(a.wording, b.wording) or (ruled and about_others(a.wording, b.wording))
    return link


def _filed_apart(one: Observation, other: Observation) -> bool:
    categories = {one.finding.category, other.finding.category} - {"other"}
    return len(categories) > 1


def _cluster(group: _Group, name: str) -> Cluster:
    """The speaker is the best placed: with a line, the one most agents agree on, the narrowest, the most confident."""
    if len(group.parts) == 1:
        return group.parts[0].cluster
    clusters = [part.cluster for part in group.parts]
    members = [member for cluster in clusters for member in cluster.members]
    agreed = Counter(span for _, span in {(member.agent, member.span) for member in members})

    def rank(member: Observation) -> tuple[object, ...]:
        first, last = member.span
        return (not first, -agreed[member.span], last - first, authority(member))

    return Cluster(
        members=sorted(members, key=rank),
        last=max(cluster.last for cluster in clusters),
        parts=[part for cluster in clusters for part in cluster.parts or [cluster]],
        merged=f"merged by similarity {group.weakest:.2f} ({name})",
    )
