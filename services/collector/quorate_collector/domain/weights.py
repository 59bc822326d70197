"""What a vote weighs: from 0 to 1, counted in thousandths.

Whole numbers, because their sums do not depend on the order of adding, and three votes of a third may not be one.
"""

from collections.abc import Mapping, Sequence

FULL = 1_000
"""The weight of a whole vote, in thousandths."""

SURE = 0.4
"""Who is so sure of what it says has its whole vote; below, the vote falls in proportion to the confidence.

Measured: with .5 two of 60 true findings of a labelled set lose their quorum and no false one does.
"""


def weight_of(agent: str, lineage: str, confidence: float, weights: Mapping[str, float], voters: Sequence[str]) -> int:
    """In thousandths: how sure the agent is, times what its vote counts for; 0 for who may not vote.

    ``weights`` maps agents to numbers from 0 to 1; who is not in it has 1. ``voters`` are agents or lineages, and
    without any all may vote.
    """
    if not may_vote(agent, lineage, voters):
        return 0
    own = min(1.0, max(0.0, weights.get(agent, 1.0)))
    return round(FULL * min(1.0, confidence / SURE) * own)


def may_vote(agent: str, lineage: str, voters: Sequence[str]) -> bool:
    return not voters or agent in voters or lineage in voters


def thousandths(weight: float) -> int:
    """A weight from 0 to 1, as it stands in a vote."""
    return round(FULL * weight)


def shown(weight: int) -> str:
    """Thousandths as a number with as many decimals as it needs, and one at least: ``1.0``, ``0.333``."""
    text = f"{weight / FULL:.3f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
