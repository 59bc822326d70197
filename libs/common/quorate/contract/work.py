"""Work: one agent's share of a step, as it lies in the agent's queue."""

from typing import Any

from quorate.contract.base import Message
from quorate.contract.blob import BlobRef


class Assignment(Message):
    """The body on ``quorate.work.<agent>``.

    With neither ``input`` nor ``input_ref`` the input is the task's own, which the task's ``submitted`` fact holds.
    ``about_ref`` names an object with findings that are in question (a JSON array).
    """

    task: str
    kind: str
    step: str
    attempt: int = 1
    agent: str
    input: dict[str, Any] | None = None
    input_ref: BlobRef | None = None
    about_ref: BlobRef | None = None
    deadline_at: float
    """Seconds since the epoch, by the broker's clock."""
