"""Settings: one frozen class, read from ``quorate.toml`` and the environment.

The file is the operator's: ``QUORATE_CONFIG`` names it, else ``quorate.toml`` in the user's configuration folder.
A file that lies in the reviewed tree is never read. ``QUORATE_<NAME>`` overrides a top-level setting.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from quorate.contract.agents import AGENT_NAME
from quorate.contract.finding import Category, Severity
from quorate.contract.task import MAX_DEADLINE_S
from quorate.errors import Misconfigured

DAY_S = 24 * 3600


WithoutQuorum = Literal["demote", "verify", "discuss", "hold", "withhold"]


class QuorumRule(BaseModel):
    """What confirms a finding of one severity, and what happens to one that is not confirmed.

    ``lineages`` votes are needed, or with ``share`` that part of the lineages that read the file, and one at least.
    ``voters`` are agents or lineages; without them all may vote. A number alone stands for ``lineages``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lineages: int = Field(default=1, ge=1, le=100)
    share: float | None = Field(default=None, gt=0, le=1)
    voters: tuple[str, ...] = ()
    otherwise: WithoutQuorum = "demote"
    verifiers: tuple[str, ...] = ()
    rounds: int = Field(default=1, ge=1, le=5)

    @model_validator(mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return {"lineages": value} if isinstance(value, int | str) else value

    @model_validator(mode="after")
    def _sound(self) -> "QuorumRule":
        if self.share is not None and "lineages" in self.model_fields_set:
            raise ValueError("give `lineages` or `share`, not both")
        if (self.otherwise == "verify") != bool(self.verifiers):
            raise ValueError('`otherwise = "verify"` and `verifiers` belong together')
        return self


class Quorum(BaseModel):
    """What confirms a finding, by severity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    critical: QuorumRule = QuorumRule(lineages=2)
    high: QuorumRule = QuorumRule()
    medium: QuorumRule = QuorumRule()
    low: QuorumRule = QuorumRule()
    info: QuorumRule = QuorumRule()

    def of(self, severity: Severity) -> QuorumRule:
        rule: QuorumRule = getattr(self, severity)
        return rule


class AgentSettings(BaseModel):
    """What the operator says about one agent. ``lineage`` replaces the agent's name as its lineage, ``command`` is the
    path of its program, and ``weight`` what its vote counts for, in place of its measured record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lineage: str | None = None
    enabled: bool = True
    command: str | None = None
    weight: float | None = Field(default=None, ge=0, le=1)

    @field_validator("command")
    @classmethod
    def _absolute(cls, command: str | None) -> str | None:
        if command is None:
            return None
        path = Path(command).expanduser()
        if not path.is_absolute():
            raise ValueError("give the whole path of the program: a relative one could lead into the reviewed code")
        return str(path)


class ToolSettings(BaseModel):
    """A tool of the operator's own, as an agent.

    ``command`` is the program and its arguments; ``{files}`` among them stands for the paths of the changed files that
    ``files`` (patterns such as ``*.tf``) selects; without it the tool reads the folder it is started in, which has just
    these files. It writes
    SARIF, or with ``pattern`` a finding on each line that this regular expression matches; its groups are ``path``
    and ``message``, and ``line``, ``end_line``, ``rule`` and ``severity`` where the tool tells them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = Field(min_length=1)
    files: tuple[str, ...] = Field(min_length=1)
    pattern: str | None = None
    category: Category = "other"
    severity: Severity = "medium"
    severities: dict[str, Severity] = Field(default_factory=dict, description="the tool's words for ours")
    confidence: float = Field(default=0.8, ge=0, le=1)
    codes: tuple[int, ...] = Field(default=(0, 1), description="exit codes of a tool that did its work")
    per_file: bool | None = Field(default=None, description="whether a file's findings depend on that file alone")
    cache: bool = Field(default=True, description="keep what it found, by content")
    timeout_s: float = Field(default=120.0, gt=0)
    description: str = ""
    install: str = Field(default="", description="what to run when it is not there")

    @property
    def is_per_file(self) -> bool:
        """As it is said; else whether it is given the files, and not the folder."""
        return "{files}" in self.command if self.per_file is None else self.per_file

    @model_validator(mode="after")
    def _sound(self) -> "ToolSettings":
        if any("{files}" in part and part != "{files}" for part in self.command):
            raise ValueError("`{files}` must be an argument of its own: it becomes one for each file")
        if self.per_file and "{files}" not in self.command:
            raise ValueError("`per_file` needs `{files}` in the command: without it the tool reads the whole folder")
        return self

    @field_validator("pattern")
    @classmethod
    def _with_groups(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            groups = re.compile(pattern).groupindex.keys()
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if missing := {"path", "message"} - groups:
            raise ValueError(
                f"it needs the group {' and the group '.join(f'(?P<{name}>...)' for name in sorted(missing))}"
            )
        return pattern


class GitHubSettings(BaseModel):
    """How pull requests are read and reviewed. Secrets are in files or in the environment, never here: GITHUB_TOKEN, or
    GITHUB_APP_ID with GITHUB_PRIVATE_KEY, and GITHUB_WEBHOOK_SECRET; each may be read from a file that a setting names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_url: str = Field(default="https://api.github.com", pattern=r"^https?://[^\s]+[^/\s]$")
    git_url: str | None = Field(default=None, pattern=r"^(https?|file)://[^\s]+[^/\s]$")
    token_file: str | None = None
    app_id: int | None = None
    private_key_file: str | None = None
    webhook_secret_file: str | None = None
    repositories: tuple[str, ...] = ()
    drafts: bool = False
    forks: Literal["review", "ask", "ignore"] = "review"
    commands: bool = True
    clone: Literal["auto", "never", "always"] = "auto"
    max_files: int = Field(default=300, ge=1, le=3_000)
    sweep_s: float = Field(default=600.0, ge=0)
    write: bool = True
    approve: bool = False
    checks: bool = True
    sarif: bool = False
    max_inline: int = Field(default=30, ge=0, le=100)
    write_interval_s: float = Field(default=1.0, ge=0)
    request_timeout_s: float = Field(default=10.0, gt=0, le=60)

    @property
    def clone_url(self) -> str:
        """Where repositories are cloned from: what belongs to the API, whose token no other host may see."""
        if self.git_url is not None:
            return self.git_url
        scheme, _, place = self.api_url.removesuffix("/api/v3").partition("://")
        is_hosted = place.lower() == "api.github.com" or fnmatchcase(place.lower(), "api.*.ghe.com")
        return f"{scheme}://{place[len('api.') :] if is_hosted else place}"

    def covers(self, repo: str) -> bool:
        """Whether a repository (``owner/name``, in any case) is one of those that are reviewed."""
        name = repo.lower()
        return not self.repositories or any(fnmatchcase(name, pattern.lower()) for pattern in self.repositories)


class WriterSettings(BaseModel):
    """A place that results are written to: a folder, or an address that takes them by HTTP POST."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str | None = None
    url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    kinds: tuple[str, ...] = ()
    format: Literal["json", "markdown", "sarif", "text"] = "json"
    secret_file: str | None = None
    check_url: str | None = Field(default=None, pattern=r"^https?://[^\s]*\{key\}[^\s]*$")
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    @model_validator(mode="after")
    def _one_place(self) -> "WriterSettings":
        if (self.folder is None) == (self.url is None):
            raise ValueError("give exactly one of `folder` and `url`")
        if self.folder is not None and not Path(self.folder).expanduser().is_absolute():
            raise ValueError("give the whole path of the folder")
        if self.url is None and (self.secret_file or self.check_url):
            raise ValueError("`secret_file` and `check_url` belong to `url`")
        return self


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
    tool_processes: int | None = Field(default=None, ge=1, le=1024, description="at once; by default one per CPU")
    cache: bool = Field(default=True, description="keep what tools found, by content")
    cache_dir: str | None = None
    cache_bytes: int = Field(default=256 * 1024**2, ge=1024**2)
    agent_modules: tuple[str, ...] = Field(default=(), description="Python modules that define further agents")
    heartbeat_s: float = Field(default=5.0, gt=0, description="between an agent's registrations")
    max_disconnected_s: float = Field(default=60.0, gt=0)
    stop_grace_s: float = Field(default=10.0, ge=0)

    agents: dict[str, AgentSettings] = Field(default_factory=dict)
    tools: dict[Annotated[str, StringConstraints(pattern=AGENT_NAME)], ToolSettings] = Field(default_factory=dict)
    required_agents: tuple[str, ...] = ()
    quorum: Quorum = Quorum()
    github: GitHubSettings = GitHubSettings()
    writers: dict[Annotated[str, StringConstraints(pattern=AGENT_NAME)], WriterSettings] = Field(default_factory=dict)
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535, description="0: any that is free")
    max_findings_bytes: int = Field(
        default=512 * 1024, ge=1024, description="inline in a message; more goes by reference"
    )


_LISTS = {"required_agents", "agent_modules"}
_TABLES = {"agents", "tools", "quorum", "github", "writers"}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises Misconfigured naming the file or variable and what is wrong with it."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    path = config_path(environ)
    if path is not None:
        values = _read(path)
    values.update(_from_environment(environ))
    if (github := _of_github(environ)) and isinstance(values.get("github", {}), dict):
        values["github"] = {**values.get("github", {}), **github}
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


def _of_github(environ: Mapping[str, str]) -> dict[str, Any]:
    """What GitHub's own names in the environment say."""
    names = {"api_url": "GITHUB_API_URL", "app_id": "GITHUB_APP_ID"}
    return {field: value for field, name in names.items() if (value := environ.get(name, "").rstrip("/"))}
