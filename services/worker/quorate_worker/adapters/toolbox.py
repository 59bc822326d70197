"""Toolbox: what analyzers share in one process."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quorate.settings import Settings
from quorate_worker.adapters.cache import AnalysisCache
from quorate_worker.adapters.slots import Slots


@dataclass(frozen=True)
class Toolbox:
    """The slots that tools run in, the cache of what they found (None: none is kept), and by agent the path
    that the operator gave for its program."""

    slots: Slots = field(default_factory=Slots)
    cache: AnalysisCache | None = None
    commands: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Toolbox":
        commands = {name: agent.command for name, agent in settings.agents.items() if agent.command is not None}
        folder = Path(settings.cache_dir).expanduser() if settings.cache_dir else _default_folder()
        cache = AnalysisCache(folder, settings.cache_bytes) if settings.cache and folder is not None else None
        return cls(Slots(settings.tool_processes), cache, commands)


def _default_folder() -> Path | None:
    """None without a home: a folder that others can write to is no place for it."""
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "quorate"
    return Path(os.environ["HOME"]) / ".cache" / "quorate" if os.environ.get("HOME") else None
