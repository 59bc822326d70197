"""The agents that come with Quorate, and finding the ones that do not."""

import importlib
import sys
from pathlib import Path

from quorate.agent_definition import Agent
from quorate.errors import Misconfigured


def builtin_agents() -> list[Agent]:
    """Analyzers that are tools of their own; each adapter is one file."""
    from quorate_worker.adapters.bandit import bandit
    from quorate_worker.adapters.detect_secrets import detect_secrets
    from quorate_worker.adapters.ruff import ruff

    return [bandit, detect_secrets, ruff]


def agents_of(module_name: str) -> list[Agent]:
    """Every agent that a module defines, by module name or by a path to a file. Raises Misconfigured."""
    try:
        module = _import(module_name)
    except Exception as error:
        raise Misconfigured(
            f"--agents {module_name}: it could not be imported: {type(error).__name__}: {error}"
        ) from error
    agents = [value for value in vars(module).values() if isinstance(value, Agent)]
    if not agents:
        raise Misconfigured(f"--agents {module_name}: it defines no agent; put @agent(...) on an async function")
    return agents


def _import(name: str) -> object:
    # People run this from the folder that holds their module, which an installed script does not have on its path.
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name.removesuffix(".py").replace("/", "."))
