"""For how long an agent for a kind has been looked for in vain."""

from collections import OrderedDict
from dataclasses import dataclass, field

MAX_KINDS = 1_000


@dataclass
class Search:
    """Times are in seconds of a clock that never goes back.

    A search that rested for ``forget_after_s`` begins anew, and so do all when the connection was renewed: agents
    could not announce themselves meanwhile.
    """

    forget_after_s: float
    _begun: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _generation: int = 0

    def waited_s(self, kind: str, now: float, generation: int) -> float:
        """Look once more, and say for how long."""
        if generation != self._generation:
            self._begun.clear()
            self._generation = generation
        since, last = self._begun.get(kind, (now, now))
        if now - last > self.forget_after_s:
            since = now
        self._begun[kind] = (since, now)
        self._begun.move_to_end(kind)
        if len(self._begun) > MAX_KINDS:
            self._begun.popitem(last=False)
        return now - since

    def found(self, kind: str) -> None:
        self._begun.pop(kind, None)
