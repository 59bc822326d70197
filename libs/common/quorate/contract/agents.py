"""How an agent announces itself."""

from pydantic import Field

from quorate.contract.base import Message, Part

AGENT_NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""An agent's name is a token of subjects and part of a consumer's name."""


class AgentCard(Part):
    """What an agent is and can do. It says nothing about lineage: that is the operator's to decide."""

    name: str = Field(pattern=AGENT_NAME)
    version: str = Field(min_length=1, max_length=64)
    kinds: tuple[str, ...] = Field(min_length=1)
    languages: tuple[str, ...] = ()
    description: str = ""


class AgentHeartbeat(Message):
    """The registry's entry of one agent in one worker process; it expires when heartbeats stop."""

    card: AgentCard
    instance: str
    concurrency: int
    running: int = 0
