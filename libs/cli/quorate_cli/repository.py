"""A git repository that may be hostile: nothing that its configuration, attributes or hooks name is run.

git's settings that start a program are many (filters, external diffs, text conversions, fsmonitor, hooks,
transports of partial clones, submodules) and grow with its versions, so they are not switched off one by one.
Only ``rev-parse`` and ``config`` see the repository's configuration; they read it and start nothing. Whatever
touches files or objects runs with ``GIT_COMMON_DIR`` on a folder of our own. In it are a fresh configuration,
with the few harmless settings that say how files lie on the disk, and an ``info/attributes`` without
``filter`` and ``diff``, which outranks those of the tree.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from quorate_cli.git import ChangeError, Git, Running

__all__ = ["Repository", "open_repository"]

_EMPTY_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
# "!diff" also lifts a "-diff" or "binary" by which a change could hide source files from its review.
_ATTRIBUTES = "* !filter !diff\n"
_BOOLEANS = frozenset({"true", "yes", "on", "1", "false", "no", "off", "0"})
_KEPT_SETTINGS: Mapping[str, frozenset[str]] = {
    "core.autocrlf": _BOOLEANS | {"input"},
    "core.eol": frozenset({"lf", "crlf", "native"}),
    "core.filemode": _BOOLEANS,
    "core.ignorecase": _BOOLEANS,
    "core.precomposeunicode": _BOOLEANS,
    "core.symlinks": _BOOLEANS,
}
_PLACES = (
    "--show-object-format",
    "--is-inside-work-tree",
    "--git-dir",
    *("--git-path", "objects"),
    *("--git-path", "info/exclude"),
    "--show-toplevel",
)
_REVISION = re.compile(r"\^?(?:[0-9a-f]{40}|[0-9a-f]{64})")
_REMOTE = re.compile(r"(?:(?:https?|ssh|git)://[^/\s]+/|[\w.-]+@[\w.-]+:)([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_MAX_ANSWER = 1024 * 1024


class Repository:
    """git in the repository around a path, limited to that path.

    top: the folder of the working tree. revisions: the commits asked for, as git prints them.
    empty_tree: its hash here. name: ``owner/name`` of the remote ``origin`` if its address shows one.
    """

    def __init__(self, git: Git, pathspec: str, answer: list[str], settings: Mapping[str, str], common: Path) -> None:
        object_format, _, git_dir, objects, excludes, top = answer[:6]
        self.top = Path(top)
        self.revisions = tuple(answer[6:])
        self.empty_tree = _EMPTY_TREES[object_format]
        remote = _REMOTE.fullmatch(settings.get("remote.origin.url", ""))
        self.name = remote[1] if remote else None
        self._git = git
        self._pathspec = pathspec
        self._variables = {
            "GIT_DIR": git_dir,
            "GIT_COMMON_DIR": str(common),
            "GIT_WORK_TREE": top,
            "GIT_OBJECT_DIRECTORY": objects,
            "GIT_INDEX_FILE": str(common / "index"),
        }
        _fill(common, object_format, settings, Path(excludes))
        _copy_index(Path(git_dir), common / "index")

    def start(self, command: str, *options: str) -> Running:
        """Start a git command that takes a pathspec."""
        return self._git.start(command, *options, "--", self._pathspec, variables=self._variables)

    def start_reading(self, objects: list[str]) -> Running:
        """Start ``git cat-file --batch`` for these object names."""
        names = "".join(f"{name}\n" for name in objects).encode()
        return self._git.start("cat-file", "--batch", "--buffer", stdin=names, variables=self._variables)


@contextmanager
def open_repository(path: Path, *revisions: str, may_lack: bool = False) -> Iterator[Repository]:
    """The repository around a folder or file, with these revisions resolved.

    ``may_lack``: they need not exist. Raises ChangeError.
    """
    folder, pathspec = (path, ".") if path.is_dir() else (path.parent, path.name)
    if not os.path.lexists(path):
        raise ChangeError(f"{path} does not exist: name a file or folder of the working tree.")
    git = Git(folder)
    keys = "|".join(name.replace(".", r"\.") for name in (*_KEPT_SETTINGS, "remote.origin.url"))
    with (
        git.start("rev-parse", "--path-format=absolute", *_PLACES, *revisions) as locating,
        git.start("config", "--null", "--get-regexp", f"^({keys})$") as configuring,
    ):
        code, output, errors = locating.result(_MAX_ANSWER)
        lacking = may_lack and code != 0 and "unknown revision" in errors
        if code != 0 and not lacking:
            raise ChangeError(_explain(errors, path, revisions))
        settings = configuring.result(_MAX_ANSWER)[1]
    answer = os.fsdecode(output).split("\n")[:-1]
    if lacking:
        answer = answer[:6]  # git repeats the unknown revision
    if not _is_complete(answer):
        raise ChangeError(
            f"git's description of the repository of {path} is not understood: "
            "git 2.31 or later is needed, and paths without line breaks."
        )
    if answer[1] != "true":
        raise ChangeError(f"{path} is not in a working tree: name a folder of one, or give a diff with --patch FILE.")
    with tempfile.TemporaryDirectory(prefix="quorate-", ignore_cleanup_errors=True) as common:
        yield Repository(git, pathspec, answer, _read_settings(settings), Path(common))


def _is_complete(answer: list[str]) -> bool:
    return (
        len(answer) >= 6
        and answer[0] in _EMPTY_TREES
        and all(place.startswith("/") for place in answer[2:6])
        and all(_REVISION.fullmatch(revision) for revision in answer[6:])
    )


def _explain(errors: str, path: Path, revisions: tuple[str, ...]) -> str:
    """What git's refusal means for the user."""
    if "dubious ownership" in errors:
        return (
            f"The repository of {path} belongs to another user, so git does not read it. If you trust it: "
            f"git config --global --add safe.directory {path.resolve()}"
        )
    if "not a git repository" in errors:
        return f"{path} is not in a git repository: run this in one, or give a diff with --patch FILE."
    if "must be run in a work tree" in errors or "bare repository" in errors:
        return f"{path} is not in a working tree: name a folder of one, or give a diff with --patch FILE."
    said = "".join(char if char.isprintable() else " " for char in errors.partition("\n")[0])[:300]
    asked = [revision.replace("^{commit}", "") for revision in revisions if not revision.endswith("^@")]
    names = " and ".join(asked)
    return f"git cannot resolve {names} in {path}: check the names with `git log`. It said: {said}"


def _read_settings(output: bytes) -> dict[str, str]:
    """The last value of each setting: the repository's follow those of the user and the system."""
    entries = (entry.partition("\n") for entry in output.decode("utf-8", "replace").split("\0"))
    return {key: value for key, _, value in entries}


def _copy_index(git_dir: Path, target: Path) -> None:
    """``git diff`` writes the time stamps that it found into the index: into a copy, so that nobody's lock fails."""
    given = os.environ.get("GIT_INDEX_FILE")
    source = git_dir / "index"
    if given and Path(given).resolve().is_relative_to(git_dir.resolve()):
        source = Path(given)  # in a hook of `git commit -a` the index to be committed is not the usual one
    try:
        if source.is_file():
            # With its time: git takes a file that is as old as the index for one that may have changed since.
            shutil.copy2(source, target)
    except OSError as error:
        raise ChangeError(f"git's index {source} cannot be read: {error.strerror or error}.") from error


def _fill(common: Path, object_format: str, settings: Mapping[str, str], excludes: Path) -> None:
    (common / "info").mkdir()
    (common / "refs").mkdir()
    (common / "info" / "attributes").write_text(_ATTRIBUTES)
    (common / "info" / "exclude").symlink_to(excludes)
    lines = ["[core]", "repositoryFormatVersion = 1", "bare = false"]
    for key, allowed in _KEPT_SETTINGS.items():
        value = settings.get(key, "").lower()
        if value in allowed:
            lines.append(f"{key.removeprefix('core.')} = {value}")
    if object_format != "sha1":
        lines += ["[extensions]", f"objectFormat = {object_format}"]
    (common / "config").write_text("\n".join(lines) + "\n")
