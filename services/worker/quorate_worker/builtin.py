"""The agents that come with Quorate, and finding the ones that do not."""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from quorate.agent_definition import Agent
from quorate.errors import Misconfigured
from quorate.settings import ToolSettings
from quorate_worker.adapters.analyzer import Analyzer


def builtin_analyzers() -> list[Analyzer]:
    """Analyzers that are tools of their own; each adapter is one file."""
    from quorate_worker.adapters.bandit import BANDIT
    from quorate_worker.adapters.biome import BIOME
    from quorate_worker.adapters.complexity import COMPLEXITY
    from quorate_worker.adapters.detect_secrets import DETECT_SECRETS
    from quorate_worker.adapters.format import FORMAT
    from quorate_worker.adapters.hadolint import HADOLINT
    from quorate_worker.adapters.mypy import MYPY
    from quorate_worker.adapters.performance import PERFORMANCE
    from quorate_worker.adapters.ruff import RUFF
    from quorate_worker.adapters.semgrep import SEMGREP
    from quorate_worker.adapters.shellcheck import SHELLCHECK
    from quorate_worker.adapters.taint import TAINT
    from quorate_worker.adapters.yamllint import YAMLLINT
    from quorate_worker.adapters.zizmor import ZIZMOR

    return [
        BANDIT,
        BIOME,
        COMPLEXITY,
        DETECT_SECRETS,
        FORMAT,
        HADOLINT,
        MYPY,
        PERFORMANCE,
        RUFF,
        SEMGREP,
        SHELLCHECK,
        TAINT,
        YAMLLINT,
        ZIZMOR,
    ]


def configured_analyzers(tools: Mapping[str, ToolSettings]) -> list[Analyzer]:
    """The tools that the operator described, by name."""
    from quorate_worker.adapters.configured import configured_analyzer

    return [configured_analyzer(name, tool) for name, tool in tools.items()]


def agents_of(module: str) -> list[Agent]:
    """Every agent that a module defines: an installed one by its name, any other by the path of its file.

    The current folder is not searched: it may be the one under review. Raises Misconfigured.
    """
    try:
        loaded = _load(Path(module)) if module.endswith(".py") else importlib.import_module(module)
    except Exception as error:
        raise Misconfigured(f"the agents of {module} could not be imported: {type(error).__name__}: {error}") from error
    agents = [value for value in vars(loaded).values() if isinstance(value, Agent)]
    if not agents:
        raise Misconfigured(f"{module} defines no agent; put @agent(...) on an async function")
    return agents


def _load(file: Path) -> ModuleType:
    file = file.resolve()
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    # What lies beside the file can be imported from it, behind all that is installed.
    if (folder := str(file.parent)) not in sys.path:
        sys.path.append(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return module
