"""Quorate: event-driven agents that look at the same thing, and one writer that says what they concluded.

``from quorate import Client, agent, Context, Finding`` is all that publishers and agents' authors need.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quorate.agent_definition import Context, agent
    from quorate.client import Client
    from quorate.contract.facts import Contribution
    from quorate.contract.finding import Ballot, Finding

__version__ = "0.1.0"
__all__ = ["Ballot", "Client", "Context", "Contribution", "Finding", "agent"]

_HOMES = {
    "Ballot": "quorate.contract.finding",
    "Client": "quorate.client",
    "Context": "quorate.agent_definition",
    "Contribution": "quorate.contract.facts",
    "Finding": "quorate.contract.finding",
    "agent": "quorate.agent_definition",
}


def __getattr__(name: str) -> Any:
    # Names load on first use: the command line imports this package before it knows what it needs.
    if name not in _HOMES:
        raise AttributeError(f"module 'quorate' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
