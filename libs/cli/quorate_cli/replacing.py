"""One file of a working tree, replaced as a whole, and only if it is still what was read."""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quorate.diff import UnsafePath, check_path

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHANGED = "it has changed since it was reviewed"


class NotReplaced(Exception):
    """The file is as it was; the message says why, and goes on after its name."""


def replace_file(top: Path, path: str, old: str, new: str, *, write: bool = True) -> None:
    """Make ``new`` of the file at a relative path whose whole content is ``old``; without ``write`` only check.

    At any time the file is the old or the new one, with its owner, its permissions and its attributes. No
    symbolic link is followed. Raises NotReplaced.
    """
    try:
        with _folder(top, check_path(path)) as (folder, name):
            status = _check(folder, name, old.encode())
            if write:
                _replace(folder, name, status, new.encode())
    except UnsafePath as error:
        raise NotReplaced(str(error)) from error
    except OSError as error:
        raise NotReplaced(_why(error)) from error


@contextmanager
def _folder(top: Path, path: str) -> Iterator[tuple[int, str]]:
    """The open folder of a file, and the file's name in it."""
    *steps, name = path.split("/")
    folder = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for step in steps:
            inner = os.open(step, _READ | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


def _check(folder: int, name: str, old: bytes) -> os.stat_result:
    # Without O_NONBLOCK a named pipe would wait for its writer.
    with os.fdopen(os.open(name, _READ | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotReplaced("it is not a regular file")
        data = file.read(len(old) + 1)
    if data != old:
        raise NotReplaced(_CHANGED if _is_utf8(data[: len(old)]) else "it is not valid UTF-8")
    if not status.st_mode & 0o222 or not os.access(name, os.W_OK, dir_fd=folder):
        raise NotReplaced("it is write-protected")
    return status


def _replace(folder: int, name: str, status: os.stat_result, new: bytes) -> None:
    beside = f".quorate-{secrets.token_hex(8)}.tmp"
    try:
        with os.fdopen(os.open(beside, _NEW, 0o600, dir_fd=folder), "wb") as file:
            file.write(new)
            file.flush()
            _make_alike(file.fileno(), folder, name, status)
            os.fsync(file.fileno())
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if _identity(now) != _identity(status):
            raise NotReplaced(_CHANGED)
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        raise


def _make_alike(file: int, folder: int, name: str, status: os.stat_result) -> None:
    made = os.fstat(file)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(file, status.st_uid, status.st_gid)
        except PermissionError:
            raise NotReplaced("it belongs to another user or group") from None
    if sys.platform == "linux":
        # Access lists are among them. What a file system or the kernel keeps for itself cannot be copied.
        with os.fdopen(os.open(name, _READ | os.O_NONBLOCK, dir_fd=folder)) as old, contextlib.suppress(OSError):
            for attribute in os.listxattr(old.fileno()):
                with contextlib.suppress(OSError):
                    os.setxattr(file, attribute, os.getxattr(old.fileno(), attribute))
    os.fchmod(file, stat.S_IMODE(status.st_mode))  # last, since a change of the owner takes bits away


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # where it was cut
    return True


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "it is behind a symbolic link"
    if error.errno == errno.ENOENT:
        return "it is gone"
    return f"it could not be replaced: {error.strerror or error}"
