"""GitHub's limits: how fast we go, and what it says when that was too fast.

GitHub allows 900 points a minute (a read is 1, a write 5), 500 writes an hour, and asks for a second between writes;
beyond that it answers 403 or 429. An answer's ``retry-after`` counts first, then ``x-ratelimit-reset``, else a minute
that doubles with each refusal. These limits belong to an installation of an App, or to the owner of a token.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from quorate.github.clock import Clock
from quorate.github.errors import GitHubBusy

CORE, GRAPHQL = "core", "graphql"
ANY = ""
"""The resource that a secondary limit is of: all of them."""

WRITE_POINTS = 5
BURST_POINTS = 300
POINTS_PER_S = 10.0
"""300 at once and 600 more in a minute: never more than 900 in one."""

WRITES_PER_HOUR = 500
HOUR_S = 3600.0
MINUTE_S = 60.0
MAX_QUEUED_S = 60.0
"""The longest that a read waits for its turn; one that would wait longer is told to come back."""
MAX_TURN_S = 5.0
"""The same for a write, whose caller holds a place in a ledger meanwhile."""
MAX_WAIT_S = HOUR_S + MINUTE_S
"""The longest wait that an answer is believed: GitHub's windows are an hour long."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A refusal for having been too fast. ``wait_s`` None: GitHub did not say how long; ``resource`` is whose limit."""

    resource: str
    wait_s: float | None


def limit_of(status: int, headers: Mapping[str, str], message: str, now: float) -> Limit | None:
    """The limit that an answer speaks of, or None. ``now`` is the wall clock's; names of headers are in lower case."""
    if status not in (403, 429, 503):
        return None
    after = _number(headers.get("retry-after"))
    if after is not None:
        return Limit(ANY, after)
    if status == 503:
        return None
    if headers.get("x-ratelimit-remaining") == "0":
        return Limit(headers.get("x-ratelimit-resource", CORE), _until_reset(headers, now))
    if status == 429 or "rate limit" in message.lower():
        return Limit(ANY, None)
    return None


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    return max(reset - served_at(headers, now), 1.0)


def served_at(headers: Mapping[str, str], now: float) -> float:
    """When the answer was made by the server's clock, which its other times are of; else ``now``."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return now


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None


class Account:
    """The limits of one installation or token. ``write_interval_s`` 0 turns off all pacing: for one's own server."""

    def __init__(self, clock: Clock, write_interval_s: float) -> None:
        self._clock = clock
        self._interval = write_interval_s
        self._closed_until: dict[str, float] = {}
        self._refusals = 0
        self._points_at = 0.0  # when all points used so far would have come in at POINTS_PER_S
        self._written: deque[float] = deque(maxlen=WRITES_PER_HOUR)
        self._writing = asyncio.Lock()
        self._queued = 0

    def check(self, resource: str) -> None:
        """Raises GitHubBusy while GitHub takes no requests for a resource."""
        if (wait := self._wait_s(resource)) > 0:
            raise GitHubBusy("GitHub's rate limit is used up", wait)

    def _wait_s(self, resource: str) -> float:
        """How long it is closed yet; not at all from 0 on."""
        return max(self._closed_until.get(key, 0.0) for key in (resource, ANY)) - self._clock.steady()

    async def turn(self, resource: str, points: int = 1, within_s: float = MAX_QUEUED_S) -> None:
        """Wait until there are points for a request. Raises GitHubBusy at once while limited, or if it took long."""
        self.check(resource)
        if not self._interval:
            return
        now = self._clock.steady()
        points_at = max(self._points_at, now) + points / POINTS_PER_S
        wait = points_at - now - BURST_POINTS / POINTS_PER_S
        if wait > max(within_s, 0.0):
            raise GitHubBusy("too many requests wait for their turn at GitHub", wait)
        self._points_at = points_at
        if wait > 0:
            await self._clock.sleep(wait)
            self.check(resource)

    @asynccontextmanager
    async def writing(self, resource: str) -> AsyncIterator[None]:
        """Alone, and at least the interval after the write before. Raises GitHubBusy, also if that takes MAX_TURN_S."""
        self.check(resource)
        if not self._interval:
            yield
            return
        end = self._clock.steady() + MAX_TURN_S
        self._queued += 1
        try:
            async with asyncio.timeout(MAX_TURN_S):
                await self._writing.acquire()
        except TimeoutError:
            wait = max(self._queued * self._interval, MAX_TURN_S)
            raise GitHubBusy("too many writes wait for their turn at GitHub", min(wait, MINUTE_S)) from None
        finally:
            self._queued -= 1
        try:
            now = self._clock.steady()
            if len(self._written) == WRITES_PER_HOUR and now - self._written[0] < HOUR_S:
                raise GitHubBusy(
                    f"{WRITES_PER_HOUR} writes in an hour are all that GitHub takes", self._written[0] + HOUR_S - now
                )
            if self._written and (wait := self._written[-1] + self._interval - now) > 0:
                if now + wait > end:
                    raise GitHubBusy("too many writes wait for their turn at GitHub", wait)
                await self._clock.sleep(wait)
            await self.turn(resource, WRITE_POINTS, end - self._clock.steady())
            self._written.append(self._clock.steady())
            yield
        finally:
            self._writing.release()

    def hear(self, status: int, headers: Mapping[str, str], message: str) -> float | None:
        """Learn from an answer. Seconds to wait if it is a refusal for having been too fast, else None."""
        now = self._clock.wall()
        limit = limit_of(status, headers, message, now)
        if limit is None:
            if status < 400:
                self._refusals = 0
                if headers.get("x-ratelimit-remaining") == "0" and (wait := _until_reset(headers, now)):
                    self._close(headers.get("x-ratelimit-resource", CORE), wait)
            return None
        if self._wait_s(limit.resource) <= 0:  # else it was under way together with the one that was refused first
            self._refusals += 1
        doubled = MINUTE_S * 2 ** min(max(self._refusals - 1, 0), 6)
        wait = doubled if limit.wait_s is None else max(limit.wait_s, 1.0)
        return self._close(limit.resource, wait)

    def _close(self, resource: str, wait: float) -> float:
        wait = min(wait, MAX_WAIT_S)
        now = self._clock.steady()
        self._closed_until = {key: until for key, until in self._closed_until.items() if until > now}
        self._closed_until[resource] = max(self._closed_until.get(resource, 0.0), now + wait)
        return wait


class Accounts:
    """The accounts in use, at most MAX of them."""

    MAX = 10_000

    def __init__(self, clock: Clock, write_interval_s: float) -> None:
        self._clock = clock
        self._interval = write_interval_s
        self._known: dict[str, Account] = {}

    def of(self, name: str) -> Account:
        account = self._known.pop(name, None) or Account(self._clock, self._interval)
        self._known[name] = account
        if len(self._known) > self.MAX:
            del self._known[next(iter(self._known))]
        return account
