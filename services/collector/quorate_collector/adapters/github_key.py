"""The key of the hidden marks: a secret that is made once for all processes, and kept beside the ledger's entries."""

import secrets

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.ledger import LedgerEntry
from quorate.errors import Rejected

SUBJECT = subjects.writes("github", "secret")


async def marker_key(bus: Bus) -> bytes:
    """The key, made if there is none. Raises Unavailable, or Rejected when something else stands in its place."""
    made = LedgerEntry(notes={"key": secrets.token_hex(32)})
    # Most often it is there; whoever is first writes it, and everybody reads what was written.
    stored = await bus.get_last_of_leader(_BUCKET, SUBJECT)
    if stored is None or not stored.data:
        # A key that was deleted leaves an empty message.
        await bus.publish(SUBJECT, made.encode(), expect_sequence=stored.sequence if stored else 0)
        stored = await bus.get_last_of_leader(_BUCKET, SUBJECT)
    try:
        return bytes.fromhex(LedgerEntry.model_validate_json(stored.data if stored else b"").notes["key"])
    except (ValueError, KeyError, TypeError):
        # Without the stored text: it might be the key.
        raise Rejected(f"{SUBJECT} does not hold the key of the GitHub writer's marks: delete it") from None


_BUCKET = f"KV_{subjects.LEDGER}"
