"""Objections: what agents say against the findings of others."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping

from quorate.contract.facts import Contribution
from quorate.contract.finding import Clearance, Objection
from quorate_collector.domain.dedup import COMPARED, Cluster
from quorate_collector.domain.lineage import lineage_of


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
        """Those of agents that cleared lines of this cluster of its weakness, and do not report it themselves."""
        finding = cluster.members[0].finding
        weaknesses = {member.finding.cwe for member in cluster.members} - {None}
        if finding.line is None or not weaknesses:
            return ()
        reporting = {member.agent for member in cluster.members}
        first = min(member.span[0] for member in cluster.members)
        found: dict[str, Objection] = {}
        for weakness in sorted(cwe for cwe in weaknesses if cwe is not None):
            entries = self._by_place.get((finding.path, weakness), [])
            end = bisect_right(entries, cluster.last, key=lambda entry: entry[0])
            for _, agent, clearance in entries[max(0, end - COMPARED) : end]:
                if agent not in reporting and clearance.end_line >= first:
                    found.setdefault(
                        agent,
                        Objection(
                            agent=agent,
                            lineage=lineage_of(agent, "", self._configured),
                            confidence=clearance.confidence,
                            message=clearance.message,
                        ),
                    )
        return tuple(found.values())
