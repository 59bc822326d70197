"""A writer that puts each result into a folder as a file of its own.

A file is written under a temporary name, and appears under its own name whole or not at all, and never in place of
another. So it can always be seen whether it was written.
"""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from quorate import crashpoints
from quorate.contract.base import Part
from quorate.contract.ids import KIND, TASK_ID, digest
from quorate.contract.ledger import Receipt
from quorate.contract.result import Result
from quorate.errors import Rejected
from quorate.render import render
from quorate.settings import WriterSettings
from quorate_collector.ports import Claim, Later, Write

EXTENSIONS = {"json": "json", "markdown": "md", "sarif": "sarif", "text": "txt"}
CHUNK = 1024 * 1024


class Notes(Part):
    """The memory of one file: the hashes of what the attempts so far may have left there."""

    sha256: tuple[str, ...] = ()


class FileWriter:
    """Writes ``<kind>-<task>.<extension>`` into the folder that the settings name, and makes the folder."""

    def __init__(self, name: str, settings: WriterSettings) -> None:
        if settings.folder is None:
            raise ValueError(f"the writer {name} has no folder")
        self.name = name
        self.kinds = settings.kinds
        self._format = settings.format
        self._folder = Path(settings.folder).expanduser()

    def write_of(self, result: Result) -> Write | None:
        return Write(result.task_id, digest(f"{self._format} {result.task_id}".encode() + result.encode()))

    async def write(self, result: Result, claim: Claim) -> Receipt:
        """Raises Later when the folder does not take the file, Rejected when another file has its name."""
        if not TASK_ID.match(result.task_id) or not KIND.match(result.kind):
            raise Rejected(f"{result.kind[:80]!r} and {result.task_id[:80]!r} cannot be in the name of a file")
        file = f"{result.kind}-{result.task_id}.{EXTENSIONS[self._format]}"
        body = (await asyncio.to_thread(render, result, self._format)).encode()
        # What is there under that name counts as ours if it is what we write, or what an earlier attempt would have
        # written, in another version of Quorate perhaps.
        ours = {await asyncio.to_thread(digest, body), *Notes.model_validate(claim.notes).sha256}
        await claim.note(Notes(sha256=tuple(sorted(ours))).model_dump())
        try:
            await asyncio.to_thread(self._write, file, body, ours, claim.epoch)
        except OSError as error:
            raise Later(_told(self._folder, file, error)) from error
        return Receipt(url=(self._folder / file).as_uri())

    async def close(self) -> None:
        """Nothing is held open."""

    def _write(self, file: str, body: bytes, ours: set[str], epoch: int) -> None:
        _make(self._folder)
        with _opened(self._folder, os.O_RDONLY | os.O_DIRECTORY) as folder:
            for earlier in range(1, epoch):
                # An attempt that was killed has left it; one that only slept cannot go on without it.
                _remove(_temporary(file, earlier), folder)
            if not _is_there(file, ours, folder):
                temporary = _temporary(file, epoch)
                try:
                    _fill(temporary, body, folder)
                    crashpoints.reached("file_writer.filled")
                    with suppress(FileExistsError):
                        os.link(temporary, file, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
                    crashpoints.reached("file_writer.linked")
                finally:
                    _remove(temporary, folder)
                if not _is_there(file, ours, folder):
                    raise FileNotFoundError(errno.ENOENT, "it has vanished", file)
            os.fsync(folder)


def _temporary(file: str, epoch: int) -> str:
    return f".{file}.{epoch}.part"


def _make(folder: Path) -> None:
    """Make a folder that outlasts a power failure."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    with _opened(folder.parent, os.O_RDONLY | os.O_DIRECTORY) as parent:
        os.fsync(parent)


def _fill(file: str, body: bytes, folder: int) -> None:
    with _opened(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, folder) as opened:
        view = memoryview(body)
        while view:
            view = view[os.write(opened, view) :]
        os.fsync(opened)


def _is_there(file: str, ours: set[str], folder: int) -> bool:
    """Whether the file is there. Raises Rejected when something else has its name."""
    try:
        # Without waiting: it might be a pipe.
        with _opened(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, folder) as opened:
            if stat.S_ISREG(os.fstat(opened).st_mode) and _digest(opened) in ours:
                return True
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    raise Rejected(f"there is something else under the name {file}, and it is not replaced: move it away")


def _digest(opened: int) -> str:
    content = hashlib.sha256()
    while chunk := os.read(opened, CHUNK):
        content.update(chunk)
    return content.hexdigest()


def _remove(file: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(file, dir_fd=folder)


@contextmanager
def _opened(path: str | Path, flags: int, folder: int | None = None) -> Iterator[int]:
    opened = os.open(path, flags | os.O_CLOEXEC, 0o666, dir_fd=folder)
    try:
        yield opened
    finally:
        os.close(opened)


def _told(folder: Path, file: str, error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EOPNOTSUPP):
        return f"{folder} refuses a second name for {file}: it must be on a file system that has hard links"
    return f"{file} could not be written to {folder}: {error.strerror or error}"
