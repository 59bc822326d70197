"""Which webhooks did not arrive, by GitHub's list of its deliveries."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

MAX_AGE_S = 3 * 24 * 3600.0
"""GitHub sends nothing again that is older."""

MAX_ASKED = 5
MAX_AT_ONCE = 100
MAX_REMEMBERED = 500

FINAL = (400, 413)
"""Our own words for what would be refused again."""


class Delivery(NamedTuple):
    """One attempt to deliver a webhook. Attempts for one event have one ``guid``; ``at`` is seconds since the epoch."""

    id: int
    guid: str
    at: float
    status_code: int

    @property
    def arrived(self) -> bool:
        return 200 <= self.status_code < 300


class Found(NamedTuple):
    """``again`` are the deliveries to ask for; ``cursor`` and ``asked`` are what to remember until the next look."""

    again: tuple[Delivery, ...]
    cursor: int
    asked: dict[str, int]


def missed(deliveries: Sequence[Delivery], cursor: int, asked: Mapping[str, int], now: float) -> Found:
    """What is to be asked for, of the deliveries since ``cursor``, the last id that was seen.

    ``asked`` counts how often each was asked for so far, so that what fails for good is left alone after a few times.
    """
    recent = [each for each in deliveries if each.id > cursor and now - each.at <= MAX_AGE_S]
    arrived = {each.guid for each in recent if each.arrived}
    latest: dict[str, Delivery] = {}
    for each in sorted(recent, key=lambda each: each.id):
        if each.guid not in arrived:
            latest[each.guid] = each
    wanted = [each for each in latest.values() if each.status_code not in FINAL and asked.get(each.guid, 0) < MAX_ASKED]
    again = tuple(wanted[:MAX_AT_ONCE])
    counts = {guid: count for guid, count in asked.items() if guid not in arrived}
    for each in again:
        counts[each.guid] = counts.pop(each.guid, 0) + 1
    counts = dict(list(counts.items())[-MAX_REMEMBERED:])
    # What there was no room for now is seen again.
    left = min((each.id for each in wanted[MAX_AT_ONCE:]), default=None)
    newest = max((each.id for each in deliveries), default=cursor)
    return Found(again, max(cursor, newest) if left is None else max(cursor, left - 1), counts)
