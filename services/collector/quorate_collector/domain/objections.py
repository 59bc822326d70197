"""Objections: what agents say against the findings of others."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping

from quorate.contract.facts import Contribution
from quorate.contract.finding import Clearance, Objection
from quorate_collector.domain.dedup import COMPARED, Cluster, Observation
from quorate_collector.domain.lineage import lineage_of

SURE = 0.7
"""An agent objects only to what it is at least so sure of."""


class Objections:
    """Every clearance of a step, looked up by file, weakness and lines."""

    def __init__(self, contributions: Mapping[str, Contribution], configured: Mapping[str, str]) -> None:
        self._by_place: dict[tuple[str, int], list[tuple[int, str, Clearance]]] = defaultdict(list)
        for agent, contribution in sorted(contributions.items()):
            for clearance in contribution.cleared:
                self._by_place[clearance.path, clearance.cwe].append((clearance.line, agent, clearance))
        for entries in self._by_place.values():
            entries.sort(key=lambda entry: (entry[0], entry[1], entry[2].message))
        self._configured = configured

    def to(self, cluster: Cluster) -> tuple[Objection, ...]:
        """Those of agents that are sure of all lines of this cluster, and do not report it themselves."""
        if cluster.parts:
            # Each part's own, since the lines between two parts are none of theirs.
            return tuple({each.agent: each for part in cluster.parts for each in self.to(part)}.values())
        suspected = [member for member in cluster.members if member.finding.cwe and member.finding.line]
        reporting = {member.agent for member in cluster.members}
        against = [self._covering(member) for member in suspected]
        agents = set.intersection(*map(set, against)) - reporting if against else set()
        return tuple(
            Objection(
                agent=agent,
                lineage=lineage_of(agent, "", self._configured),
                confidence=against[0][agent].confidence,
                message=against[0][agent].message,
            )
            for agent in sorted(agents)
        )

    def _covering(self, observation: Observation) -> dict[str, Clearance]:
        """By agent what clears all lines of an observation: what is known of one line says nothing about the next."""
        first, last = observation.span
        entries = self._by_place.get((observation.finding.path, observation.finding.cwe or 0), [])
        end = bisect_right(entries, first, key=lambda entry: entry[0])
        return {
            agent: clearance
            for _, agent, clearance in entries[max(0, end - COMPARED) : end]
            if clearance.end_line >= last and clearance.confidence >= SURE
        }
