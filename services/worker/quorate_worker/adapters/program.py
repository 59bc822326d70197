"""Program: an outside tool, where it is and which version it has."""

import os
import re
import shutil
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from quorate_worker.adapters.process import PATH, PYTHON, ToolError
from quorate_worker.adapters.workspace import workspace

SEARCHED = os.pathsep.join((PATH, str(Path("~/.local/bin").expanduser()))) if os.environ.get("HOME") else PATH
"""Where programs are looked for: beside this Python, on the system, and where pipx and uv put them. Not in the
user's PATH: tools such as direnv add folders of the reviewed code to it."""

_VERSION = re.compile(r"\d+\.\d+[0-9A-Za-z.+-]*")
_VERSION_S = 30.0
_known: dict[tuple[str, int, int], str] = {}


@dataclass(frozen=True, slots=True)
class Located:
    """A program that is there: how to start it, and its version."""

    argv: tuple[str, ...]
    version: str


@dataclass(frozen=True, kw_only=True)
class Program:
    """``command`` is what it is called. ``distribution`` is the Python package that brings it, if one does; with
    ``module`` it is run as a module of this Python, and where it ``is_library`` by a program of ours. ``install`` says
    what to run when it is not there. Where it need not tell its version, the time of its file stands for it."""

    command: str
    install: str
    distribution: str = ""
    module: str = ""
    is_library: bool = False
    tells_version: bool = True
    version_arguments: tuple[str, ...] = ("--version",)

    @property
    def packaged(self) -> str | None:
        """The version of the package beside this Python; None without one."""
        try:
            return metadata.version(self.distribution) if self.distribution else None
        except metadata.PackageNotFoundError:
            return None

    async def locate(self, given: str | None = None) -> Located | None:
        """Find it; ``given`` is the path that the operator gave. Raises ToolError if it will not run."""
        argv = self.argv(given)
        if not argv:
            return None
        # Python's packages tell their version without being run, if it is theirs that would run.
        if self.packaged and given is None and (self.module or _is_beside_us(argv[0])):
            return Located(argv, self.packaged)
        key = identity_of(argv[0])
        if key not in _known:
            _known[key] = await self._ask(argv) or f"of {key[1]}"
        return Located(argv, _known[key])

    def argv(self, given: str | None = None) -> tuple[str, ...]:
        """How it is started; empty when it is not there."""
        if given is not None:
            return (given,) if shutil.which(given) else ()
        if self.module:
            return (*PYTHON, "-m", self.module) if self.packaged else ()
        found = shutil.which(self.command, path=SEARCHED)
        return (found,) if found else ()

    async def _ask(self, argv: tuple[str, ...]) -> str | None:
        try:
            async with workspace({}) as space:
                output = await space.run([*argv, *self.version_arguments], _VERSION_S, name=self.command)
        except ToolError:
            if self.tells_version:
                raise
            return None
        found = _VERSION.search((output.stdout or output.stderr).decode("utf-8", "replace"))
        if output.code == 0 and found is not None:
            return found.group()[:32]
        if self.tells_version:
            raise ToolError(
                f"{self.command} does not tell its version: run `{argv[0]} {' '.join(self.version_arguments)}` and see"
            )
        return None


def identity_of(path: str | Path) -> tuple[str, int, int]:
    """Changes when another version is installed, or the file is edited. Raises OSError."""
    stat = Path(path).stat()
    return str(path), stat.st_mtime_ns, stat.st_size


def _is_beside_us(path: str) -> bool:
    return Path(path).parent == Path(sysconfig.get_path("scripts"))
