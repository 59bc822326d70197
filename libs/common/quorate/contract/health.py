"""Health: a question on one subject that every running service answers."""

from quorate.contract.base import Message

HEALTH_SUBJECT = "quorate.health"


class Health(Message):
    """One service in one process. ``http_url`` is where it can be reached, if it serves HTTP."""

    service: str
    version: str
    pid: int
    ready: bool
    http_url: str | None = None
