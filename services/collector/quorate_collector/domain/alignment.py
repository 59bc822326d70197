"""Alignment: which of several equal things is which, by their lines."""

from collections.abc import Sequence

MAX_CELLS = 250_000
"""Above, the first are paired in their order: a bound for input made to be slow."""


def align(few: Sequence[int], many: Sequence[int]) -> list[tuple[int, int]]:
    """Pair as many places of two sorted sequences of lines as there can be, in their order, with the fewest lines
    between them. The answer is pairs of positions; either sequence may be the longer one."""
    if len(few) > len(many):
        return [(one, other) for other, one in align(many, few)]
    spare = len(many) - len(few)
    if not spare or spare * len(few) > MAX_CELLS:
        return [(place, place) for place in range(len(few))]
    # Column s of a row stands for the row's line being paired after s of the other side were passed over.
    costs = [0] * (spare + 1)
    came: list[list[int]] = []
    for place, line in enumerate(few):
        row, source = [], []
        best, best_at = costs[0], 0
        for passed in range(spare + 1):
            if costs[passed] < best:
                best, best_at = costs[passed], passed
            row.append(best + abs(line - many[place + passed]))
            source.append(best_at)
        costs = row
        came.append(source)
    passed = min(range(spare + 1), key=lambda at: (costs[at], at))
    pairs = []
    for place in range(len(few) - 1, -1, -1):
        pairs.append((place, place + passed))
        passed = came[place][passed]
    return pairs[::-1]
