"""Progress: what runs right now, on ``quorate.events.<task>``; lossy by design."""

from typing import Literal

from quorate.contract.base import Message

ProgressType = Literal["agent.started", "agent.progress", "agent.finished"]


class Progress(Message):
    """A sign of life from an agent. ``at`` is seconds since the epoch by the worker's clock."""

    type: ProgressType
    task: str
    agent: str
    step: str
    at: float
    text: str = ""
    findings: int = 0
    elapsed_ms: int = 0
