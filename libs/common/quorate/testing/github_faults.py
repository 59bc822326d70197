"""Faults that are made on demand, and the journal of all requests."""

import random
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Kind = Literal[
    "commit-then-500",
    "commit-then-hang",
    "commit-then-cut",
    "commit-late",
    "hang",
    "500",
    "403-retry-after",
    "429",
    "cut",
    "slow",
]
KINDS: tuple[str, ...] = get_args(Kind)
JOURNAL_ENTRIES = 100_000


@dataclass
class Fault:
    """What happens to requests whose method and path match.

    kind: see the double. count: how many requests, None: all; ``skip`` lets the first ones through.
    probability: of each request, drawn with ``seed``. seconds: how long it lasts, or what retry-after says.
    """

    kind: Kind
    method: str = ".*"
    path: str = ".*"
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float | None = None
    hits: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}: choose one of {', '.join(KINDS)}")
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def strikes(self, method: str, path: str) -> bool:
        if self.count == 0 or not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self._random.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        self.hits += 1
        return True


class Faults:
    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.late: list[Callable[[], None]] = []

    def strike(self, method: str, path: str) -> Fault | None:
        """The first fault that concerns the request."""
        return next((fault for fault in self.active if fault.strikes(method, path)), None)


@dataclass
class Entry:
    """One request. ``status`` is what the client was told, None where it was told nothing; ``committed`` is the status
    that the request came to here, None where it was not carried out (yet). ``time`` is in seconds since 1970."""

    number: int
    time: float
    method: str
    path: str
    query: str
    login: str | None = None
    status: int | None = None
    committed: int | None = None
    fault: str | None = None
    ms: float | None = None

    def told(self) -> dict[str, Any]:
        return asdict(self)


class Journal:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=JOURNAL_ENTRIES)
        self._number = 0

    def begin(self, at: float, method: str, path: str, query: str) -> Entry:
        self._number += 1
        entry = Entry(self._number, at, method, path, query)
        self.entries.append(entry)
        return entry


def since(start: float) -> float:
    """Milliseconds that went by, on the monotonic clock."""
    return round((time.perf_counter() - start) * 1000, 3)
