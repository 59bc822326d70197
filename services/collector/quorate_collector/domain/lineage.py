"""Lineage: where a rule or a model comes from. Agents of one lineage have one vote between them.

It comes from this table and the operator's configuration, never from a message: an agent cannot vote twice by
claiming to be two.
"""

import re
from collections.abc import Mapping

# ruff re-implements other tools' rules under prefixes of its own, and the longest prefix tells whose; on bandit's
# examples its S rules and bandit's findings coincide almost everywhere, so they are one witness.
_RUFF_ORIGIN = {
    "ASYNC": "flake8-async",
    "B": "flake8-bugbear",
    "C4": "flake8-comprehensions",
    "C90": "mccabe",
    "E": "pycodestyle",
    "F": "pyflakes",
    "FURB": "refurb",
    "LOG": "flake8-logging",
    "PERF": "perflint",
    "PLC": "pylint",
    "PLE": "pylint",
    "PLR": "pylint",
    "PLW": "pylint",
    "S": "bandit",
    "SIM": "flake8-simplify",
    "T10": "flake8-debugger",
    "UP": "pyupgrade",
    "W": "pycodestyle",
}

# Agents that run ruff, each with rules of its own.
_RUFF_AGENTS = {"ruff", "performance"}

# One author, one witness: the rules that come with Quorate, whichever engine applies them.
_OF_QUORATE = {"taint", "semgrep"}

# Agents that are called after what they look at, and not after their tool.
_TOOLS = {"complexity": "lizard", "format": "ruff", "performance": "quorate"}

_RUFF_RULE = re.compile(r"^([A-Z]+)(\d+)$")
_RUFF_BANDIT = re.compile(r"^S(\d+)$")
_BANDIT_SECRETS = {"B105", "B106", "B107"}
_SHELLCHECK = re.compile(r"^SC\d+$")
"""hadolint puts the commands of a Dockerfile before ShellCheck."""


def lineage_of(agent: str, rule: str, configured: Mapping[str, str]) -> str:
    """``configured`` maps an agent to the lineage that the operator gave it."""
    if agent in configured:
        return configured[agent]
    if agent in _OF_QUORATE:
        return "quorate"
    if agent == "hadolint" and _SHELLCHECK.match(rule):
        return "shellcheck"
    if agent in _RUFF_AGENTS and (match := _RUFF_RULE.match(rule)):
        # C401 belongs to C4 and S105 to S, but SLF001 does not: a prefix ends where digits have begun.
        shortest = len(match.group(1))
        prefixes = (rule[:length] for length in range(len(rule), shortest - 1, -1))
        return next((_RUFF_ORIGIN[prefix] for prefix in prefixes if prefix in _RUFF_ORIGIN), "ruff")
    return _TOOLS.get(agent, agent)


def canonical_rule(agent: str, rule: str) -> str:
    """What a rule is about, whoever applies it: ruff's ``S608`` is bandit's ``B608``. Empty without a rule."""
    if not rule:
        return ""
    if agent == "hadolint" and _SHELLCHECK.match(rule):
        agent = "shellcheck"
    if agent == "ruff" and (match := _RUFF_BANDIT.match(rule)):
        agent, rule = "bandit", f"B{match.group(1)}"
    if agent == "detect-secrets" or (agent == "bandit" and rule in _BANDIT_SECRETS):
        return "hard-coded secret"
    return f"{agent}:{rule}"
