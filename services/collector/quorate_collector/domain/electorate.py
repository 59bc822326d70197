"""The electorate: who may vote on a finding, what each vote counts for, and how many are needed."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from quorate.contract.facts import Contribution, Coverage
from quorate.contract.finding import Severity, Vote
from quorate.settings import QuorumRule
from quorate_collector.domain.lineage import lineage_of
from quorate_collector.domain.weights import may_vote, weight_of

Quorum = Callable[[Severity], QuorumRule]
"""What confirms a finding of this severity."""


class Readers:
    """Which agents read which file, and of what lineage they are. An agent that failed has read nothing."""

    def __init__(self, contributions: Mapping[str, Contribution], configured: Mapping[str, str]) -> None:
        self._contributions = contributions
        self._configured = configured
        self._of_all: dict[str, str] = {}

    @classmethod
    def of_coverage(cls, coverage: Coverage) -> "Readers":
        """Where only a coverage is left, whoever read any file is taken to have read each: that asks for more votes
        rather than for fewer."""
        readers = cls({}, {})
        readers._of_all = {
            agent: each.lineage or agent for agent, each in coverage.agents.items() if each.state == "ok" and each.files
        }
        return readers

    @cached_property
    def _read(self) -> dict[str, frozenset[str]]:
        return {agent: frozenset(each.read) for agent, each in self._contributions.items() if each.state == "ok"}

    def of(self, path: str) -> dict[str, str]:
        """The agents that read this file, each with the lineage that it has without a rule."""
        reading = (agent for agent, read in self._read.items() if path in read)
        return self._of_all | {agent: lineage_of(agent, "", self._configured) for agent in reading}


NOBODY = Readers({}, {})


@dataclass(frozen=True)
class Electorate:
    """The rules of one vote. ``weights`` maps agents to what their votes count for, from 0 to 1; others count 1.

    Where there are voters, those who are asked to verify are among them.
    """

    quorum: Quorum
    weights: Mapping[str, float] = field(default_factory=dict)
    readers: Readers = NOBODY

    def weigh(self, agent: str, lineage: str, confidence: float, severity: Severity) -> int:
        """In thousandths."""
        return weight_of(agent, lineage, confidence, self.weights, _voters(self.quorum(severity)))

    def could_vote(self, path: str, rule: QuorumRule, votes: Iterable[Vote]) -> int:
        """How many lineages could have voted on a finding: those that read the file, and those that did vote.

        An agent that voted counts with the lineage that it voted as.
        """
        votes = tuple(votes)
        lineages = {vote.lineage for vote in votes if vote.weight}
        voted = {vote.agent for vote in votes}
        for agent, lineage in self.readers.of(path).items():
            if agent not in voted and weight_of(agent, lineage, 1.0, self.weights, _voters(rule)):
                lineages.add(lineage)
        return len(lineages)

    def needed(self, path: str, rule: QuorumRule, votes: Iterable[Vote]) -> int:
        """How many whole votes confirm a finding: a number, or a share of those who could have voted; one at least."""
        if rule.share is None:
            return rule.lineages
        # Rounded first: a tenth of thirty is three, and floats say a little more.
        return max(1, math.ceil(round(rule.share * self.could_vote(path, rule, votes), 6)))

    def may_vote(self, agent: str, lineage: str, severity: Severity) -> bool:
        return may_vote(agent, lineage, _voters(self.quorum(severity)))


def _voters(rule: QuorumRule) -> tuple[str, ...]:
    return (*rule.voters, *rule.verifiers) if rule.voters else ()
