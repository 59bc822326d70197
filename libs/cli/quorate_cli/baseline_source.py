"""Where the baseline of a review is read: never from what the reviewed commits bring along."""

from pathlib import Path

from quorate_cli.baseline import DEFAULT, MAX_BYTES, BadBaseline, Baseline, parse
from quorate_cli.change import Change
from quorate_cli.repository import open_repository
from quorate_cli.worktree import WorkTree


def find_baseline(change: Change, named: Path | None) -> Baseline | None:
    """The baseline that counts for a change: ``named`` if given, else the default at the top of the repository.

    For commits it is the one of the base commit, since a change must not silence its reviewers: only a file outside
    of the repository is read from the disk then. For the working tree and for what is staged, the author is the one
    who asks, and the file that lies there counts. For a patch there is none but a named one. Raises BadBaseline.
    """
    if change.top is None:
        return read_baseline(named) if named else None
    if change.head_sha is None:
        return read_baseline(named) if named else _default_of(change.top)
    inside = _below(named, change.top) if named else DEFAULT
    if named and inside is None:
        return read_baseline(named)
    assert inside is not None  # noqa: S101 the default is inside
    text = _committed(change.top, change.base_sha, inside) if change.base_sha else None
    base = (change.base_sha or "the empty tree")[:12]
    if text is not None:
        return parse(text, f"{inside} of {base}")
    if named:
        raise BadBaseline(
            f"{base}, with which the commits are compared, has no {inside}: a review of commits reads the baseline "
            "there. Commit it there first, or name a file outside of the repository"
        )
    return None


def read_baseline(file: Path) -> Baseline:
    """The baseline in a file. Raises BadBaseline."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadBaseline(f"the baseline {file} cannot be read: {error.strerror or error}") from error
    return parse(_text(data, str(file)), str(file))


def _default_of(top: Path) -> Baseline | None:
    with WorkTree(top) as tree:
        found = tree.read(DEFAULT.encode(), MAX_BYTES)
    if found is None:
        return None
    if found.mode == "120000":
        raise BadBaseline(f"{DEFAULT} is a symbolic link: put the file itself there, or name it with --baseline")
    return parse(_text(found.data, DEFAULT), DEFAULT)


def _text(data: bytes | None, name: str) -> str:
    if data is None or len(data) > MAX_BYTES:
        raise BadBaseline(f"{name} is larger than {MAX_BYTES // 1024**2} MiB, which no baseline is")
    return data.decode("utf-8", "replace")


def _below(file: Path, top: Path) -> str | None:
    """The file's path in the repository; None if it is outside."""
    resolved = file.resolve()
    return resolved.relative_to(top.resolve()).as_posix() if resolved.is_relative_to(top.resolve()) else None


def _committed(top: Path, commit: str, name: str) -> str | None:
    """A file of a commit; None if it has none of this name."""
    if "\n" in name:
        return None
    with (
        open_repository(top, f"{commit}^{{commit}}") as repository,
        repository.start_reading([f"{commit}:{name}"]) as reading,
    ):
        header = reading.output.readline(10_000).split()
        if len(header) != 3 or header[1] != b"blob":
            return None
        size = int(header[2])
        data = reading.output.read(min(size, MAX_BYTES + 1))
        reading.raise_if_expired()
    return _text(data, f"{name} of {commit[:12]}")
