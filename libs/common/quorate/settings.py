"""Settings: one frozen class, read from ``quorate.toml`` and the environment.

The file is the operator's: ``QUORATE_CONFIG`` names it, else ``quorate.toml`` in the user's configuration folder.
A file that lies in the reviewed tree is never read. ``QUORATE_<NAME>`` overrides a top-level setting.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quorate.contract.finding import Severity
from quorate.contract.task import MAX_DEADLINE_S
from quorate.errors import Misconfigured

DAY_S = 24 * 3600


class Quorum(BaseModel):
    """How many lineages must agree before a finding of a severity counts as confirmed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    critical: int = Field(default=2, ge=1)
    high: int = Field(default=1, ge=1)
    medium: int = Field(default=1, ge=1)
    low: int = Field(default=1, ge=1)
    info: int = Field(default=1, ge=1)

    def of(self, severity: Severity) -> int:
        return int(getattr(self, severity))


class AgentSettings(BaseModel):
    """What the operator says about one agent. ``lineage`` replaces the agent's name as its lineage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lineage: str | None = None
    enabled: bool = True


class Settings(BaseModel):
    """Everything an operator can set. Times are in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nats_url: str | None = None
    nats_credentials: str | None = Field(default=None, description="path of a NATS credentials file")
    tenant: str = "default"

    partitions: int | None = Field(default=None, ge=1, le=256, description="of the log; fixed once it exists")
    replicas: int = Field(default=1, ge=1, le=5)
    memory_storage: bool = Field(default=False, description="keep streams in memory: for throw-away brokers")
    retention_s: int = Field(default=30 * DAY_S, ge=DAY_S)
    max_log_bytes: int = Field(default=2 * 1024**3, ge=1024**2, description="of the log, and of the object store")
    max_stream_bytes: int = Field(default=512 * 1024**2, ge=1024**2, description="of each other stream")
    ack_wait_s: float = Field(default=10.0, ge=0.5)

    agents_wait_s: float = Field(default=5.0, ge=0, description="how long a task waits for an agent to appear")
    review_deadline_s: float = Field(default=600.0, gt=0, le=MAX_DEADLINE_S)
    task_deadline_s: float = Field(default=600.0, gt=0, le=MAX_DEADLINE_S)
    worker_concurrency: int = Field(default=4, ge=1, le=1024, description="per agent in one worker process")
    builtin_agents: bool = True
    agent_modules: tuple[str, ...] = Field(default=(), description="Python modules that define further agents")
    heartbeat_s: float = Field(default=5.0, gt=0, description="between an agent's registrations")
    max_disconnected_s: float = Field(default=60.0, gt=0)
    stop_grace_s: float = Field(default=10.0, ge=0)

    agents: dict[str, AgentSettings] = Field(default_factory=dict)
    required_agents: tuple[str, ...] = ()
    quorum: Quorum = Quorum()
    max_findings_bytes: int = Field(
        default=512 * 1024, ge=1024, description="inline in a message; more goes by reference"
    )


_LISTS = {"required_agents", "agent_modules"}
_TABLES = {"agents", "quorum"}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises Misconfigured naming the file or variable and what is wrong with it."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    path = config_path(environ)
    if path is not None:
        values = _read(path)
    values.update(_from_environment(environ))
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise Misconfigured(f"the settings in {path or 'the environment'} are wrong: {problems}") from error


def config_path(environ: Mapping[str, str]) -> Path | None:
    """The operator's file, or None when there is none. Raises Misconfigured when the one that is named is missing."""
    if named := environ.get("QUORATE_CONFIG"):
        path = Path(named)
        if not path.is_file():
            raise Misconfigured(f"QUORATE_CONFIG names {named}, which is not a file")
        return path
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    path = Path(home) / "quorate" / "quorate.toml"
    return path if path.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path} could not be read: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    names = {f"QUORATE_{name.upper()}" for name in Settings.model_fields}
    for name in environ.keys() - names:
        if name.startswith("QUORATE_") and (close := get_close_matches(name, names, n=1, cutoff=0.9)):
            raise Misconfigured(f"{name} is not a setting: did you mean {close[0]}?")
    for name in Settings.model_fields:
        text = environ.get(f"QUORATE_{name.upper()}")
        if text is None or name in _TABLES:
            continue
        values[name] = tuple(filter(None, (item.strip() for item in text.split(",")))) if name in _LISTS else text
    return values
