"""What the agent that knows a forge says of a command: who gave it, and whether they may."""

from pydantic import Field

from quorate.contract.base import Part
from quorate.contract.task import ReviewCommandName


class CommandAnswer(Part):
    """``allowed`` is the agent's word on the permission of ``by``; ``reason`` says why not. ``task`` is the review that
    was submitted, for the command ``review``."""

    command: ReviewCommandName
    allowed: bool = False
    by: str = Field(max_length=100)
    finding: str | None = Field(default=None, max_length=64)
    argument: str = Field(default="", max_length=2_000)
    reason: str = ""
    task: str | None = None
