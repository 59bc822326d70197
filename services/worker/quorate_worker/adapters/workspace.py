"""A temporary folder with the files under review, for tools that read files."""

import asyncio
import errno
import os
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

from quorate.diff import UnsafePath, check_path
from quorate_worker.adapters.process import ToolOutput, run_tool

_LINE_END = re.compile(r"\r\n|\r|\n")
MAX_PARTS = 100
"""Of a path; no project has folders as deep, and what walks through them may not stand it."""

_WHY = {
    errno.EEXIST: "its name is also that of another file or folder of the change",
    errno.ENOTDIR: "its folder's name is also that of another file of the change",
    errno.EISDIR: "its name is also that of a folder of the change",
    errno.ENAMETOOLONG: "its name is too long for the file system",
}


class Workspace:
    """``tree`` holds the files; ``home`` is an empty folder beside it, for what tools want to write.

    ``files`` are the texts that were written, by path, and ``unread`` says of the others why not. ``program`` is how
    the tool is started. ``before`` are the texts before the change, where they are known; they are not written.
    """

    def __init__(self, folder: Path, program: Sequence[str] = (), before: Mapping[str, str] | None = None) -> None:
        self.tree = folder / "tree"
        self.home = folder / "home"
        self.program = tuple(program)
        self.before = before or {}
        self.files: dict[str, str] = {}
        self.unread: dict[str, str] = {}
        self._folders: set[PurePosixPath] = {PurePosixPath(".")}
        self._diff_lines: dict[str, list[int] | None] = {}
        self._lines: dict[str, list[str]] = {}
        self._last_lines: dict[str, int] = {}
        self._closed = threading.Event()

    def write(self, files: Mapping[str, str]) -> None:
        """Write every file that can be written; the others go to ``unread``, each with the reason."""
        self.tree.mkdir(mode=0o700)
        self.home.mkdir(mode=0o700)
        for path in files:
            if self._closed.is_set():
                return
            text = files[path]
            try:
                self._write(path, text)
            except UnsafePath as error:
                self.unread[path] = str(error)
            except UnicodeEncodeError:
                self.unread[path] = "its name is not valid Unicode"
            except OSError as error:
                self.unread[path] = _WHY.get(error.errno or 0) or f"it could not be written: {error.strerror}"
            else:
                self.files[path] = text

    async def run(
        self, argv: Sequence[str], timeout_s: float, *, stdin: bytes | None = None, name: str | None = None
    ) -> ToolOutput:
        """Run a tool in the folder of the files; see ``run_tool``."""
        return await run_tool(argv, cwd=self.tree, home=self.home, timeout_s=timeout_s, stdin=stdin, name=name)

    def line(self, path: str, number: int) -> int:
        """The line of the diff for a tool's line number.

        To tools a lone carriage return ends a line, to a diff it does not: without this a change could move
        its findings away from its lines.
        """
        if path not in self._diff_lines:
            text = self.files[path]
            self._diff_lines[path] = _diff_lines(text) if "\r" in text else None
        lines = self._diff_lines[path]
        return number if lines is None else lines[min(number, len(lines)) - 1]

    def lines(self, path: str) -> list[str]:
        """The lines of a file as most tools count them, without what ends them: `\\n`, `\\r\\n` or `\\r`."""
        if path not in self._lines:
            self._lines[path] = _LINE_END.split(self.files[path])
        return self._lines[path]

    def last_line(self, path: str) -> int:
        """The number of the last line of a file as a diff counts them; 1 for an empty file."""
        if path not in self._last_lines:
            text = self.files[path]
            self._last_lines[path] = max(text.count("\n") + (not text.endswith("\n")), 1)
        return self._last_lines[path]

    def close(self) -> None:
        """Make a writer in another thread stop."""
        self._closed.set()

    def _write(self, path: str, text: str) -> None:
        path.encode()
        relative = PurePosixPath(check_path(path))
        if len(relative.parts) > MAX_PARTS:
            raise UnsafePath(f"its path has more than {MAX_PARTS} parts")
        self._make_folder(relative.parent)
        # O_EXCL also refuses a link, and a second name that a file system takes for the first.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self.tree / relative, flags, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))

    def _make_folder(self, folder: PurePosixPath) -> None:
        if folder in self._folders:
            return
        for one in reversed((folder, *folder.parents)):
            if one in self._folders:
                continue
            target = self.tree / one
            target.mkdir(mode=0o700)
            if not target.resolve().is_relative_to(self.tree.resolve()):
                raise UnsafePath(f"The path {one} leaves the folder of the review.")
            self._folders.add(one)


@asynccontextmanager
async def workspace(
    files: Mapping[str, str], *, program: Sequence[str] = (), before: Mapping[str, str] | None = None
) -> AsyncIterator[Workspace]:
    """A fresh folder with these files (path to text), readable by this user only; it is gone afterwards.

    Raises OSError if no temporary folder can be made at all.
    """
    folder = _make_folder()
    space = Workspace(folder, program, before)
    writing = asyncio.ensure_future(asyncio.to_thread(space.write, files))
    try:
        await asyncio.shield(writing)
        yield space
    finally:
        # A thread cannot be cancelled: it stops after its current file, and only then is the folder removed.
        space.close()
        removing = asyncio.ensure_future(_remove(writing, folder))
        await asyncio.shield(removing)


def _make_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="quorate-")).resolve()


async def _remove(writing: "asyncio.Future[None]", folder: Path) -> None:
    await asyncio.gather(writing, return_exceptions=True)
    await asyncio.to_thread(shutil.rmtree, folder, True)


def _diff_lines(text: str) -> list[int] | None:
    """For each line as tools count, the line as a diff counts; None if they count alike."""
    lines = [1]
    for end in _LINE_END.finditer(text):
        lines.append(lines[-1] + (end.group() != "\r"))
    return None if lines[-1] == len(lines) else lines
