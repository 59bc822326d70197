"""What a vote weighs: from 0 to 1, counted in thousandths.

Whole numbers, because their sums do not depend on the order of adding, and three votes of a third may not be one.
"""

FULL = 1_000
"""The weight of a whole vote, in thousandths."""

SURE = 0.4
"""Who is so sure of what it says has its whole vote; below, the vote falls in proportion to the confidence.

Measured: with .5 two of 60 true findings of a labelled set lose their quorum and no false one does.
"""


def weight_of(confidence: float, own: float) -> int:
    """In thousandths: how sure an agent is, times ``own``, what its vote counts for, from 0 to 1."""
    return round(FULL * min(1.0, confidence / SURE) * own)


def thousandths(weight: float) -> int:
    """A weight from 0 to 1, as it stands in a vote."""
    return round(FULL * weight)


def shown(weight: int) -> str:
    """Thousandths as a number with as many decimals as it needs, and one at least: ``1.0``, ``0.333``."""
    text = f"{weight / FULL:.3f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
