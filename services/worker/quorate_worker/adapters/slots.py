"""Slots: how many tools run at the same time in this process."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


def available_cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Slots:
    """A semaphore that lets the longest job in first: begun last, it would run alone at the end.

    Every third turn goes to the job that waits for longest, so that short ones are not passed over without end. A job
    that waits is bounded by its own deadline, which cancels it.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or available_cpus()
        self._free = self.count
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []
        self._turns = itertools.count(1)

    @asynccontextmanager
    async def slot(self, expected_s: float) -> AsyncIterator[None]:
        """Hold one of the slots. ``expected_s`` is about how long the job takes beside others, in seconds."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(expected_s)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, expected_s: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((expected_s, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        self._waiting = [(expected_s, turn) for expected_s, turn in self._waiting if not turn.done()]
        if not self._waiting:
            self._free += 1
            return
        longest = max(range(len(self._waiting)), key=lambda at: self._waiting[at][0])
        _, turn = self._waiting.pop(longest if next(self._turns) % 3 else 0)
        turn.set_result(None)
