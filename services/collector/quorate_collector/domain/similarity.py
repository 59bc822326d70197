"""How alike messages are: the interface, and vectors of words, which need nothing but the messages themselves."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from quorate_collector.domain.words import Wording

Measure = Callable[[int, int], int]
"""How alike two texts are, by their places in the sequence: from 0 to ``SCALE``.

Whole numbers, because their sums do not depend on the order of adding, and neither may the outcome.
"""

SCALE = 1_000_000

_UNIT = 1_000
_BACKGROUND = 30
"""So many messages are thought of beside those of the run, so that in a run of two a shared word still weighs."""


class Similarity(Protocol):
    """A way to compare messages, with the thresholds that belong to it.

    Two clusters are the same issue when their messages are alike by ``average``, and the two that are most alike
    by ``best``. ``name`` is told in the reason of what was merged.
    """

    @property
    def name(self) -> str: ...
    @property
    def average(self) -> float: ...
    @property
    def best(self) -> float: ...
    def measure(self, texts: Sequence[Wording]) -> Measure:
        """``texts`` are all messages of the run that may be compared."""
        ...


class Lexical:
    """The cosine of vectors of stems.

    A stem weighs the less the more messages have it, but damped twice, by a root and by a background of unwritten
    messages: in a run where ten agents found the same issue, the words of that issue are frequent.
    """

    name = "lexical"

    def __init__(self, average: float = 0.2, best: float = 0.3) -> None:
        self.average = average
        self.best = best

    def measure(self, texts: Sequence[Wording]) -> Measure:
        spread = Counter(stem for text in texts for stem in text.stems)
        size = len(texts) + _BACKGROUND
        weights = {stem: math.sqrt(math.log(size / count)) for stem, count in spread.items()}
        vectors = [_unit({s: (1 + math.log(n)) * weights[s] for s, n in text.stems.items()}) for text in texts]

        def cosine(one: int, other: int) -> int:
            small, large = sorted((vectors[one], vectors[other]), key=len)
            return min(SCALE, sum(weight * large[stem] for stem, weight in small.items() if stem in large))

        return cosine


def _unit(vector: dict[str, float]) -> dict[str, int]:
    """A vector of length ``_UNIT``, in whole numbers."""
    length = math.sqrt(math.fsum(weight * weight for weight in vector.values()))
    return {stem: round(_UNIT * weight / length) for stem, weight in vector.items()}


LEXICAL = Lexical()
