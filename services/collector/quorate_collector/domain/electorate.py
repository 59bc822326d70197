"""The electorate: who may vote on a finding, what each vote counts for, and how many are needed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from quorate.contract.facts import Contribution
from quorate.contract.finding import SEVERITIES, Severity, Vote
from quorate.settings import QuorumRule
from quorate_collector.domain.lineage import lineage_of
from quorate_collector.domain.weights import SURE, weight_of

Quorum = Callable[[Severity], QuorumRule]
"""What confirms a finding of this severity."""


def needs_readers(quorum: Quorum) -> bool:
    """Whether any rule asks for a share of the readers, so that someone has to know them."""
    return any(quorum(severity).share is not None for severity in SEVERITIES)


class Readers:
    """Which agents read which file, and of what lineage they are. An agent that failed has read nothing."""

    def __init__(self, contributions: Mapping[str, Contribution], configured: Mapping[str, str]) -> None:
        self._contributions = contributions
        self._configured = configured

    @cached_property
    def _read(self) -> dict[str, frozenset[str]]:
        return {agent: frozenset(each.read) for agent, each in self._contributions.items() if each.state == "ok"}

    def of(self, path: str) -> dict[str, str]:
        """The agents that read this file, each with the lineage that it has without a rule."""
        reading = (agent for agent, read in self._read.items() if path in read)
        return {agent: lineage_of(agent, "", self._configured) for agent in reading}


NOBODY = Readers({}, {})
"""Where no rule has a share, it does not matter who read what."""


@dataclass(frozen=True)
class Electorate:
    """The rules of one vote. ``weights`` maps agents to what the operator says that their votes count for, from 0 to 1,
    and ``records`` to what their records say where the operator says nothing; others count 1.

    A record is for votes that are added up: where one vote is enough, what an agent reports alone stands, or a few
    dismissals would switch it off. Where there are voters, those who are asked to verify are among them.
    """

    quorum: Quorum
    weights: Mapping[str, float] = field(default_factory=dict)
    records: Mapping[str, float] = field(default_factory=dict)
    readers: Readers = NOBODY

    def weigh(self, agent: str, lineage: str, confidence: float, severity: Severity) -> int:
        """In thousandths; 0 for who may not vote."""
        return self._weigh(agent, lineage, confidence, self.quorum(severity))

    def why_less(self, agent: str, lineage: str, confidence: float, severity: Severity) -> str:
        """Why a vote is less than a whole one, in a few words: ``by its record``, ``not among the voters``."""
        rule = self.quorum(severity)
        if not _may_vote(agent, lineage, rule):
            return "not among the voters"
        sources = []
        if self._own(agent, rule) < 1:
            sources.append("the operator" if agent in self.weights else "its record")
        if confidence < SURE:
            sources.append("a low confidence")
        return f"by {' and '.join(sources)}"

    def could_vote(self, path: str, rule: QuorumRule, votes: Sequence[Vote]) -> int:
        """How many lineages could have voted on a finding: those that read the file, and those that did vote.

        ``votes`` has one of each agent that voted: it counts with the lineage that it voted as.
        """
        lineages = {vote.lineage for vote in votes if vote.weight}
        voted = {vote.agent for vote in votes}
        for agent, lineage in self.readers.of(path).items():
            if agent not in voted and self._weigh(agent, lineage, 1.0, rule):
                lineages.add(lineage)
        return len(lineages)

    def needed(self, path: str, rule: QuorumRule, votes: Sequence[Vote]) -> int:
        """How many whole votes confirm a finding: a number, or a share of those who could have voted; one at least."""
        if rule.share is None:
            return rule.lineages
        # Rounded first: a tenth of thirty is three, and floats say a little more.
        return max(1, math.ceil(round(rule.share * self.could_vote(path, rule, votes), 6)))

    def _weigh(self, agent: str, lineage: str, confidence: float, rule: QuorumRule) -> int:
        return weight_of(confidence, self._own(agent, rule)) if _may_vote(agent, lineage, rule) else 0

    def _own(self, agent: str, rule: QuorumRule) -> float:
        measured = self.records if rule.share is not None or rule.lineages > 1 else {}
        return self.weights.get(agent, measured.get(agent, 1.0))


def _may_vote(agent: str, lineage: str, rule: QuorumRule) -> bool:
    """Without voters all may."""
    return not rule.voters or not {agent, lineage}.isdisjoint((*rule.voters, *rule.verifiers))
