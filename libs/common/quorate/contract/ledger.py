"""What a writer has told to the outside: documents of the bucket QUORATE_LEDGER, changed by compare-and-set only."""

from typing import Any, Literal

from pydantic import Field

from quorate.contract.base import Message, Part

MAX_DONE = 200


class Receipt(Part):
    """What came of a write. Of ``unknown`` nobody can say whether it happened."""

    state: Literal["done", "failed", "unknown"] = "done"
    url: str | None = None
    note: str = ""


class Intent(Part):
    """A write that was begun and has no receipt yet. ``epoch`` counts who took it up, from 1; ``digest`` is of what is
    to be written."""

    task: str
    epoch: int
    digest: str


class LedgerEntry(Message):
    """What stands under one key of a writer: one place in the outside, such as a pull request.

    ``done`` are the receipts of the last tasks by id. ``notes`` is the writer's own memory of that place.
    """

    intent: Intent | None = None
    done: dict[str, Receipt] = Field(default_factory=dict)
    notes: dict[str, Any] = Field(default_factory=dict)
