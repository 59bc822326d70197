"""Lineage: where a rule or a model comes from. Agents of one lineage have one vote between them.

It comes from this table and the operator's configuration, never from a message: an agent cannot vote twice by
claiming to be two.
"""

import re
from collections.abc import Mapping

_RUFF = re.compile(r"^([A-Z]+)(\d+)$")

# ruff re-implements other tools' rules under prefixes of its own; on bandit's examples its S rules and bandit's
# findings coincide almost everywhere, so they are one witness.
_RUFF_ORIGIN = {
    "S": "bandit",
    "F": "pyflakes",
    "E": "pycodestyle",
    "W": "pycodestyle",
    "B": "flake8-bugbear",
    "C": "flake8-comprehensions",
    "T": "flake8-debugger",
    "LOG": "flake8-logging",
    "PLE": "pylint",
    "PLW": "pylint",
    "PLC": "pylint",
    "PLR": "pylint",
    "ASYNC": "flake8-async",
    "UP": "pyupgrade",
    "SIM": "flake8-simplify",
}

_BANDIT_SECRETS = {"B105", "B106", "B107"}


def lineage_of(agent: str, rule: str, configured: Mapping[str, str]) -> str:
    """``configured`` maps an agent to the lineage that the operator gave it."""
    if agent in configured:
        return configured[agent]
    if agent == "ruff" and (match := _RUFF.match(rule)):
        return _RUFF_ORIGIN.get(match.group(1), "ruff")
    return agent


def canonical_rule(agent: str, rule: str) -> str:
    """What a rule is about, whoever applies it: ruff's ``S608`` is bandit's ``B608``. Empty without a rule."""
    if not rule:
        return ""
    if agent == "ruff" and (match := _RUFF.match(rule)) and match.group(1) == "S":
        agent, rule = "bandit", f"B{match.group(2)}"
    if agent == "detect-secrets" or (agent == "bandit" and rule in _BANDIT_SECRETS):
        return "hard-coded secret"
    return f"{agent}:{rule}"
