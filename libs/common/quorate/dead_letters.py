"""Dead letters: messages that nobody could process, kept for 30 days with the reason, to be looked at and replayed.

The body is the original one. What else there was is in headers, so that a full-sized message still fits.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from quorate.bus import Bus, Stored
from quorate.contract import subjects
from quorate.contract.ids import message_id
from quorate.errors import TooLarge
from quorate.pull import Delivery

SUBJECT = "Quorate-Subject"
REASON = "Quorate-Reason"
ATTEMPTS = "Quorate-Attempts"
HEADERS = "Quorate-Headers"
CUT = "Quorate-Cut"

MAX_REASON = 1_000
MAX_HEADERS = 8_192
KEPT_WHEN_TOO_LARGE = 512 * 1024


class DeadLetter(NamedTuple):
    """One of them: ``sequence`` names it, ``at`` is seconds since the epoch; ``cut`` when not all of the body fit."""

    sequence: int
    stream: str
    subject: str
    headers: dict[str, str]
    body: bytes
    reason: str
    attempts: int
    at: float
    cut: bool


async def bury(
    bus: Bus,
    stream: str,
    *,
    subject: str,
    headers: Mapping[str, str],
    body: bytes,
    sequence: int,
    reason: str,
    attempts: int,
    by: str,
) -> None:
    """Store a dead letter, once for each message and service. Call it before the original is acked."""
    out = {
        SUBJECT: _line(subject),
        REASON: _line(reason)[:MAX_REASON],
        ATTEMPTS: str(attempts),
        HEADERS: _kept(headers),
    }
    identity = message_id("dead", stream, sequence, by)
    try:
        await bus.publish(subjects.dead(stream), body, message_id=identity, headers=out)
    except TooLarge:
        # The message alone was as large as the broker allows; with the reason it is larger.
        out[CUT] = str(len(body))
        await bus.publish(subjects.dead(stream), body[:KEPT_WHEN_TOO_LARGE], message_id=identity + "-cut", headers=out)


async def bury_delivery(bus: Bus, stream: str, delivery: Delivery, reason: str, *, by: str) -> None:
    """Bury what a consumer delivered."""
    await bury(
        bus,
        stream,
        subject=delivery.subject,
        headers=delivery.headers,
        body=delivery.data,
        sequence=delivery.sequence,
        reason=reason,
        attempts=delivery.attempt,
        by=by,
    )


def read_dead_letter(stored: Stored) -> DeadLetter:
    headers = stored.headers
    return DeadLetter(
        sequence=stored.sequence,
        stream=stored.subject.rpartition(".")[2],
        subject=headers.get(SUBJECT, ""),
        headers=_headers(headers.get(HEADERS, "{}")),
        body=stored.data,
        reason=headers.get(REASON, ""),
        attempts=int(headers.get(ATTEMPTS, "0")),
        at=stored.at,
        cut=CUT in headers,
    )


def _headers(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _kept(headers: Mapping[str, str]) -> str:
    """As many headers as there is room for, the short ones first: those that identify the message are short."""
    kept: dict[str, str] = {}
    for key, value in sorted(headers.items(), key=lambda item: len(str(item[0])) + len(str(item[1]))):
        text = json.dumps({**kept, str(key): str(value)})
        if len(text) > MAX_HEADERS:
            break
        kept[str(key)] = str(value)
    return json.dumps(kept)


def _line(text: str) -> str:
    """Header values are one line of ASCII."""
    return " ".join(text.split()).encode("ascii", "backslashreplace").decode()
