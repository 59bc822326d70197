"""Exact deduplication: the same issue, found by several agents, becomes one cluster.

Two observations are one when path and category are equal, their lines overlap, and either the normalised messages
are equal, or two agents applied the same rule or name the same weakness (CWE). Similarity of meaning is a later
stage (``merge``): it may join clusters that ``exact`` leaves apart, and starts from its output.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from quorate.contract.finding import Finding
from quorate_collector.domain.lineage import canonical_rule, lineage_of

COMPARED = 64
"""At most so many open clusters are compared with an observation: a bound for input made to be slow."""

_SPACE = re.compile(r"\s+")
_QUOTES = re.compile(r"[\"'`]")


@dataclass(frozen=True)
class Observation:
    """A finding with who made it."""

    agent: str
    lineage: str
    rule: str
    finding: Finding
    message: str

    @property
    def span(self) -> tuple[int, int]:
        """First and last line; a finding about the whole file has line 0 and meets only its like."""
        first = self.finding.line or 0
        return first, max(first, self.finding.end_line or first) if first else 0


@dataclass
class Cluster:
    """Observations of one issue, the first of them being the one that speaks for all.

    ``last`` is the last line of any. When similarity joined it, ``parts`` are the clusters it was and ``merged``
    says why.
    """

    members: list[Observation] = field(default_factory=list)
    last: int = 0
    parts: "list[Cluster]" = field(default_factory=list)
    merged: str = ""

    @property
    def lineages(self) -> tuple[str, ...]:
        return tuple(sorted({member.lineage for member in self.members}))

    @property
    def fingerprint(self) -> str:
        """The issue's identity, whatever line it moves to."""
        speaker = self.members[0]
        parts = (speaker.finding.path, speaker.finding.category, speaker.rule, speaker.message)
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


def observe(agent: str, findings: Iterable[Finding], configured: Mapping[str, str]) -> list[Observation]:
    return [
        Observation(
            agent=agent,
            lineage=lineage_of(agent, finding.rule, configured),
            rule=canonical_rule(agent, finding.rule),
            finding=finding,
            message=normalise(finding.message),
        )
        for finding in findings
    ]


def normalise(message: str) -> str:
    """A message without case, quotes and odd blanks. Numbers and names stay: they make two issues of one wording."""
    return _SPACE.sub(" ", _QUOTES.sub("", message)).strip().rstrip(".").casefold()


def exact(observations: Iterable[Observation]) -> list[Cluster]:
    """Cluster, in the order of path, line and confidence; the order of the input does not matter."""
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for observation in sorted(observations, key=order):
        groups[observation.finding.path, observation.finding.category].append(observation)
    clusters = [cluster for group in groups.values() for cluster in _sweep(group)]
    for cluster in clusters:
        cluster.members.sort(key=authority)
    return sorted(clusters, key=lambda cluster: order(cluster.members[0]))


def _sweep(group: list[Observation]) -> list[Cluster]:
    """Go down one file, and look for each observation among the clusters of its message, then of its rule."""
    clusters: list[Cluster] = []
    by_message: dict[str, list[Cluster]] = defaultdict(list)
    by_rule: dict[str, list[Cluster]] = defaultdict(list)
    by_cwe: dict[int, list[Cluster]] = defaultdict(list)
    for observation in group:
        first, last = observation.span
        home = next(_reaching(by_message[observation.message], first), None)
        if home is None and observation.rule:
            same_rule = _reaching(by_rule[observation.rule], first)
            home = next(filter(partial(_may_join, observation), same_rule), None)
        if home is None and observation.finding.cwe:
            same_weakness = _reaching(by_cwe[observation.finding.cwe], first)
            home = next(filter(partial(_may_join, observation), same_weakness), None)
        if home is None:
            home = Cluster(last=last)
            clusters.append(home)
            by_rule[observation.rule].append(home)
        if observation.finding.cwe:
            by_cwe[observation.finding.cwe].append(home)
        home.members.append(observation)
        home.last = max(home.last, last)
        by_message[observation.message].append(home)
    return clusters


def _reaching(clusters: list[Cluster], line: int) -> Iterator[Cluster]:
    """The latest clusters that are still open at a line."""
    return (cluster for cluster in reversed(clusters[-COMPARED:]) if cluster.last >= line)


def _may_join(observation: Observation, cluster: Cluster) -> bool:
    """Whether other agents mean the same: one agent's two findings of a rule, or a weakness, are two issues."""
    return all(
        member.agent != observation.agent
        and (member.rule == observation.rule or _same_weakness(member.finding, observation.finding))
        for member in cluster.members
    )


def _same_weakness(one: Finding, other: Finding) -> bool:
    return one.cwe is not None and one.cwe == other.cwe


def order(observation: Observation) -> tuple[object, ...]:
    """By place, then by authority."""
    finding = observation.finding
    return (finding.path, finding.line or 0, finding.end_line or 0, *authority(observation))


def authority(observation: Observation) -> tuple[object, ...]:
    """Who speaks for a cluster: the most confident, and among equals always the same one, whatever it differs in."""
    return (
        -observation.finding.confidence,
        observation.agent,
        observation.rule,
        observation.message,
        observation.finding.model_dump_json(),
    )
