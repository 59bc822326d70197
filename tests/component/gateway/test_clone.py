"""A change fetched by git from a real repository: all of it, nothing run, nothing left behind."""

import asyncio
import base64
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.diff import parse_diff
from quorate.review import Review
from quorate_gateway.adapters import clone as module
from quorate_gateway.adapters.clone import Caps, CloneFailed, CloneRefused, Remote, clone
from quorate_gateway.domain.source import MAX_FILE
from tests.support.git_trees import FILE, LINK, MODULE, PROGRAM, Entry, Repository, Tree


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where git may leave files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class Origin:
    """A repository to fetch from."""

    def __init__(self, folder: Path, *, filters: bool = True) -> None:
        folder.mkdir()
        self.repository = Repository(folder)
        self.repository.git("config", "uploadpack.allowFilter", str(filters).lower())
        self.remote = Remote(f"file://{folder}/.git")

    def commits(self, *trees: Tree) -> list[str]:
        names = self.repository.write(trees)
        return [self.repository.git("rev-parse", name).decode().strip() for name in names]

    def diff(self, base: str, head: str) -> str:
        return self.repository.git("-c", "core.quotePath=false", "diff", "-M", base, head).decode("utf-8", "replace")


@pytest.fixture(params=[True, False], ids=["with filters", "without filters"])
def origin(request: pytest.FixtureRequest, tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin", filters=request.param)


BEFORE: Tree = {
    b"kept.py": Entry(FILE, b"same\n" * 20),
    b"changed.py": Entry(FILE, b"".join(b"line %d\n" % number for number in range(30))),
    b"old name.py": Entry(FILE, b"".join(b"moved %d\n" % number for number in range(30))),
    b"gone.py": Entry(FILE, b"gone\n"),
    b"image.png": Entry(FILE, b"\0one"),
    b"module": Entry(MODULE, b"1" * 40),
    b"tool": Entry(FILE, b"tool\n"),
}
AFTER: Tree = {
    b"kept.py": Entry(FILE, b"same\n" * 20),
    b"changed.py": Entry(
        FILE, b"".join(b"line %d\n" % number for number in range(30)).replace(b"line 7\n", b"seven\n")
    ),
    b"new name.py": Entry(FILE, b"".join(b"moved %d\n" % number for number in range(30)) + b"more\n"),
    b"added.py": Entry(FILE, b"added"),
    b"image.png": Entry(FILE, b"\0two"),
    b"link": Entry(LINK, b"/etc/passwd"),
    b"module": Entry(MODULE, b"2" * 40),
    b"tool": Entry(PROGRAM, b"tool\n"),
    b"\xff.py": Entry(FILE, b"\xff\n"),
}


async def test_the_diff_is_gits_and_changed_files_come_whole(origin: Origin, temporary: Path) -> None:
    base, head = origin.commits(BEFORE, AFTER)

    found = await clone(origin.remote, base, head)

    assert found.draft.changes == parse_diff(origin.diff(base, head))
    assert found.files == {
        "changed.py": AFTER[b"changed.py"].content.decode(),
        "new name.py": AFTER[b"new name.py"].content.decode(),
        "tool": "tool\n",
    }
    assert (found.unread, found.draft.unread) == ({}, {})
    review = Review({"diff": found.draft.diff, "files": found.files})
    assert review.text("added.py") == "added"
    assert review.unreadable == {"image.png": "binary file", "link": "symbolic link", "module": "submodule"}
    assert left_in(temporary) == []


async def test_only_contents_that_differ_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = Origin(tmp_path / "origin")
    large = {b"large.bin": Entry(FILE, os.urandom(3_000_000))}
    base, head = origin.commits({**BEFORE, **large}, {**AFTER, **large})

    found = await clone(origin.remote, base, head, Caps(fetched_bytes=500_000))

    assert "changed.py" in found.files


async def test_a_change_larger_than_the_cap_is_refused_and_leaves_nothing(origin: Origin, temporary: Path) -> None:
    base, head = origin.commits(BEFORE, {**BEFORE, b"large.bin": Entry(FILE, os.urandom(3_000_000))})

    with pytest.raises(CloneRefused, match="more than 500,000 bytes"):
        await clone(origin.remote, base, head, Caps(fetched_bytes=500_000))

    assert left_in(temporary) == []


async def test_a_diff_larger_than_the_cap_is_refused(origin: Origin) -> None:
    base, head = origin.commits(BEFORE, {**BEFORE, b"large.txt": Entry(FILE, b"line\n" * 40_000)})

    with pytest.raises(CloneRefused, match="larger than 100,000 bytes"):
        await clone(origin.remote, base, head, Caps(diff_bytes=100_000))


async def test_more_contents_than_the_cap_are_refused(origin: Origin) -> None:
    base, head = origin.commits(BEFORE, AFTER)

    with pytest.raises(CloneRefused, match="more than the 3"):
        await clone(origin.remote, base, head, Caps(objects=3))


async def test_a_file_that_is_too_large_is_in_the_diff_and_not_read_whole(origin: Origin) -> None:
    text = b"line\n" * (MAX_FILE // 5 + 1)
    base, head = origin.commits({b"a.txt": Entry(FILE, text)}, {b"a.txt": Entry(FILE, text + b"more\n")})

    found = await clone(origin.remote, base, head)

    assert found.files == {}
    assert list(found.unread) == ["a.txt"]
    assert found.draft.changes[0].added_lines == 1


async def test_a_name_that_is_not_safe_is_left_out_and_told(origin: Origin) -> None:
    base, head = origin.commits({}, {b"good.py": Entry(FILE, b"x\n"), b"a\\..\\..\\evil.py": Entry(FILE, b"x\n")})

    found = await clone(origin.remote, base, head)

    assert [change.path for change in found.draft.changes] == ["good.py"]
    assert [reason for reason in found.draft.unread.values() if "leaves the repository" in reason]


async def test_attributes_filters_and_hooks_of_the_repository_change_nothing(origin: Origin, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    attributes = Entry(FILE, b"*.py -diff filter=evil diff=evil\n*.txt filter=lfs\n")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    base, head = origin.commits(
        {b".gitattributes": attributes, b"a.py": Entry(FILE, b"1\n")},
        {b".gitattributes": attributes, b"a.py": Entry(FILE, b"2\n"), b"big.txt": Entry(FILE, pointer)},
    )
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        hook = origin.repository.top / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(stat.S_IRWXU)

    found = await clone(origin.remote, base, head)

    changes = {change.path: change for change in found.draft.changes}
    assert changes["a.py"].added_lines == 1
    assert changes["big.txt"].added_text == pointer.decode()
    assert not ran.exists()


async def test_two_equal_trees_differ_in_nothing(origin: Origin) -> None:
    base, head = origin.commits(BEFORE, BEFORE)

    found = await clone(origin.remote, base, head)

    assert (found.draft.diff, found.draft.changes, found.files) == ("", (), {})


async def test_a_commit_that_is_not_there_is_an_error_for_later(origin: Origin, temporary: Path) -> None:
    (base,) = origin.commits(BEFORE)

    with pytest.raises(CloneFailed, match="git fetch failed"):
        await clone(origin.remote, base, "e" * 40)

    assert left_in(temporary) == []


async def test_without_git_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:relative")

    with pytest.raises(CloneRefused, match="git is not installed"):
        await clone(Remote("file:///nowhere"), "a" * 40, "b" * 40)


# What the server, the process table and the operator get to see


SECRET = "Basic " + base64.b64encode(b"x-access-token:ghs_secret").decode()


class Server:
    """Takes git's requests and answers each with the same."""

    def __init__(self, answer: bytes, delay: asyncio.Event | None = None) -> None:
        self.requests: list[str] = []
        self.asked = asyncio.Event()
        self._answer = answer
        self._delay = delay

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        self.asked.set()
        if self._delay is not None:
            await self._delay.wait()
        writer.write(self._answer)
        await writer.drain()
        writer.close()


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def command_lines() -> Iterator[str]:
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield place.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the process table is read from /proc")
async def test_the_token_is_sent_to_the_server_and_stands_in_no_command_line_and_no_error() -> None:
    go = asyncio.Event()
    async with Server(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", go) as server:
        remote = Remote(f"{server.url}/o/r.git", SECRET)
        running = asyncio.create_task(clone(remote, "a" * 40, "b" * 40))
        await asyncio.wait_for(server.asked.wait(), 20)
        seen = [line for line in command_lines() if "git" in line and server.url in line]
        go.set()
        with pytest.raises(CloneFailed) as raised:
            await running

    assert f"Authorization: {SECRET}" in server.requests[0]
    assert seen
    token = SECRET.removeprefix("Basic ")
    assert not [line for line in seen if token in line or "ghs_secret" in line]
    assert token not in str(raised.value)
    assert token not in repr(remote)


async def test_a_redirect_is_not_followed() -> None:
    async with Server(b"") as other:
        moved = f"HTTP/1.1 302 Found\r\nlocation: {other.url}/o/r.git/info/refs\r\ncontent-length: 0\r\n\r\n"
        async with Server(moved.encode()) as server:
            with pytest.raises(CloneFailed):
                await clone(Remote(f"{server.url}/o/r.git", SECRET), "a" * 40, "b" * 40)

        assert other.requests == []


async def test_a_server_that_never_answers_ends_with_the_time_and_leaves_nothing(temporary: Path) -> None:
    never = asyncio.Event()
    async with Server(b"", never) as server:
        with pytest.raises(CloneFailed, match="within 1 s"):
            await clone(Remote(f"{server.url}/o/r.git", SECRET), "a" * 40, "b" * 40, Caps(seconds=1))
        never.set()

    assert left_in(temporary) == []


async def test_nothing_of_the_operators_environment_reaches_git(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f'[url "file://{tmp_path}/elsewhere"]\n\tinsteadOf = {origin.remote.url}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    base, head = origin.commits(BEFORE, AFTER)

    found = await clone(origin.remote, base, head)

    assert found.draft.changes


async def test_git_is_stopped_while_it_fetches_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()
    async with Server(b"", never) as server:
        # Nothing is too much before the server was asked.
        monkeypatch.setattr(module, "_size", lambda folder: 10**12 if server.asked.is_set() else 0)
        with pytest.raises(CloneRefused, match="more than"):
            await clone(Remote(f"{server.url}/o/r.git"), "a" * 40, "b" * 40, Caps(seconds=15))
        never.set()
