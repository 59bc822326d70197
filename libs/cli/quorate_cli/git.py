"""The git program as a process: a clean environment, no network, no terminal, limited time and output."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Self

__all__ = ["ChangeError", "Git", "Running"]

TIMEOUT_S = 60.0

_KEPT_VARIABLES = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES")
_OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    "--no-replace-objects",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "protocol.allow=never"),
)


class ChangeError(Exception):
    """The change cannot be read; the message is for the user and says what to do."""


class Running:
    """One git process, ended after TIMEOUT_S. Errors go to a file, so that no full pipe can block it."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes | None) -> None:
        self._name = command[len(_OPTIONS) + 1]
        self._expired = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed in `stop`
        try:
            with tempfile.TemporaryFile() as source:
                source.write(stdin or b"")
                source.seek(0)
                self._process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=env,
                    stdin=source if stdin else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    start_new_session=True,
                )
        except BaseException as error:
            self._errors.close()
            if isinstance(error, OSError):
                raise ChangeError(f"git could not be started in {cwd}: {error.strerror or error}.") from error
            raise
        assert self._process.stdout is not None  # noqa: S101 PIPE above
        self.output: IO[bytes] = self._process.stdout
        self._timer = Timer(TIMEOUT_S, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _expire(self) -> None:
        self._expired = True
        self._kill()

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # the second is what macOS says of one that just ended
            return

    def result(self, limit: int) -> tuple[int, bytes, str]:
        """Exit code, output, errors. Of more than ``limit`` bytes of output, ``limit`` + 1, with code 0."""
        data = self.output.read(limit + 1)
        if len(data) > limit:
            return 0, data, ""
        code = self._process.wait()
        self.raise_if_expired()
        self._errors.seek(0)
        return code, data, self._errors.read(10_000).decode("utf-8", "replace")

    def raise_if_expired(self) -> None:
        if self._expired:
            raise ChangeError(
                f"`git {self._name}` did not end within {TIMEOUT_S:g} s: name a smaller PATH, "
                "or give the change with --patch FILE."
            )

    def stop(self) -> None:
        """End the process if it still runs, and free what belongs to it."""
        self._timer.cancel()
        if self._process.poll() is None:
            self._kill()
        self._process.wait()
        self.output.close()
        self._errors.close()


class Git:
    """The git program in one folder, with a clean environment."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self._environment |= {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        self._environment |= {
            "LC_ALL": "C",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "",
            "GIT_NO_LAZY_FETCH": "1",
        }
        # A relative entry would let a reviewed folder bring its own git.
        folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder[:1] == "/"]
        self._environment["PATH"] = os.pathsep.join(folders)
        programs = (f"{folder}/git" for folder in folders)
        program = next((path for path in programs if os.access(path, os.X_OK) and Path(path).is_file()), None)
        if program is None:
            raise ChangeError("git is not installed: install it, or give the change with --patch FILE.")
        self._program = program

    def start(self, *arguments: str, stdin: bytes | None = None, variables: Mapping[str, str] | None = None) -> Running:
        """Start ``git ARGUMENTS``; the caller takes its ``result`` or stops it."""
        environment = {**self._environment, **(variables or {})}
        return Running((self._program, *_OPTIONS, *arguments), self._cwd, environment, stdin)
