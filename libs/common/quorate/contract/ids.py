"""Ids: all are hashes of what they name, so whoever knows the parts can compute them."""

import hashlib
import re
from typing import Any

from pydantic_core import to_json

TASK_ID = re.compile(r"^t[0-9a-f]{32}\Z")
KIND = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}\Z")
"""A kind that agents can serve."""

TOKEN = re.compile(r"^[^\s.*>]+\Z")
"""What can stand between two dots of a subject."""


def _hash(*parts: str) -> str:
    # A length before each part keeps ("ab", "c") and ("a", "bc") apart.
    joined = "".join(f"{len(part.encode())}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()


def task_id_from_key(tenant: str, kind: str, idempotency_key: str) -> str:
    return "t" + _hash("key", tenant, kind, idempotency_key)[:32]


def task_id_from_event(source: str, event_id: str) -> str:
    """For a CloudEvent, whose identity is its source together with its id."""
    return "t" + _hash("event", source, event_id)[:32]


def task_id_from_message(message_id: str) -> str:
    """For a message with a ``Nats-Msg-Id``."""
    return "t" + _hash("message", message_id)[:32]


def task_id_from_sequence(stream_identity: str, sequence: int) -> str:
    """For a message with nothing to know it by; the identity tells a re-created stream from its predecessor."""
    return "t" + _hash("sequence", stream_identity, str(sequence))[:32]


def series_key(tenant: str, series: str) -> str:
    """The key of a series of reviews in the ledger."""
    return _hash("series", tenant, series)[:32]


def tenant_key(tenant: str) -> str:
    """The key of a tenant in the ledger; a tenant's name may hold what no key can."""
    return _hash("tenant", tenant)[:32]


def message_id(*parts: str | int) -> str:
    """A deterministic ``Nats-Msg-Id``; give everything that makes the message distinct."""
    return _hash(*(str(part) for part in parts))[:40]


def canonical_json(value: Any) -> bytes:
    """Compact JSON with sorted keys: equal values have equal bytes."""
    return to_json(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
