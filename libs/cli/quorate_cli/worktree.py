"""The files of a working tree, read without ever following a symbolic link out of it."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

__all__ = ["TreeFile", "WorkTree"]


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file as it lies there. ``data`` of a link is its target's name; None if larger than asked for."""

    mode: Literal["100644", "100755", "120000"]
    data: bytes | None


class WorkTree:
    """A folder that is kept open, so that files are found below it whatever happens to its path."""

    def __init__(self, top: Path) -> None:
        self._top = os.open(top, os.O_RDONLY | os.O_DIRECTORY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._top)

    def read(self, path: bytes, limit: int) -> TreeFile | None:
        """The file at a relative path, of at most ``limit`` bytes; None if none can be read there."""
        try:
            return self._read(path, limit)
        except OSError:
            return None

    def _read(self, path: bytes, limit: int) -> TreeFile | None:
        *folders, name = path.split(b"/")
        folder = self._top
        try:
            for step in folders:
                inner = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                if folder != self._top:
                    os.close(folder)
                folder = inner
            try:
                # Without O_NONBLOCK a named pipe would wait for its writer.
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                return TreeFile("120000", os.readlink(name, dir_fd=folder))
        finally:
            if folder != self._top:
                os.close(folder)
        with os.fdopen(file, "rb") as stream:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return None
            data = stream.read(limit + 1)
            mode: Literal["100644", "100755"] = "100755" if status.st_mode & stat.S_IXUSR else "100644"
            return TreeFile(mode, data if len(data) <= limit else None)
