"""Health: a question on one subject that every running service answers."""

from quorate.contract.base import Message

HEALTH_SUBJECT = "quorate.health"


class Health(Message):
    """One service in one process."""

    service: str
    version: str
    pid: int
    ready: bool
