"""Files under review on disk: inside their folder, readable by nobody else, gone afterwards."""

import asyncio
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from quorate_worker.adapters.workspace import workspace


def names_in(folder: Path) -> list[str]:
    """The names of everything in a folder and below it."""
    return sorted(path.name for path in folder.rglob("*"))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where these tests may leave files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_files_are_there_for_this_user_only_and_gone_afterwards(temporary: Path) -> None:
    async with workspace({"a.py": "one\r\n", "pkg/sub dir/-b.py": "", "ü/é.py": "ü"}) as space:
        written = space.tree / "pkg/sub dir/-b.py"
        assert (space.tree / "a.py").read_bytes() == b"one\r\n"
        assert (space.tree / "ü/é.py").read_bytes() == "ü".encode()
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in (space.tree, *written.parents[:2]))
        assert names_in(space.home) == []
        assert not space.unread

    assert names_in(temporary) == []


async def test_they_are_gone_after_an_error_too(temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with workspace({"a.py": ""}):
            raise ZeroDivisionError

    assert names_in(temporary) == []


@pytest.mark.parametrize("path", ["../out.py", "a/../../out.py", "/out.py", ".git/config", "a\0.py", ""])
async def test_a_path_that_leads_out_is_unread_and_nothing_is_written(temporary: Path, path: str) -> None:
    async with workspace({path: "x", "good.py": "x"}) as space:
        assert list(space.unread) == [path]
        assert list(space.files) == ["good.py"]
        assert names_in(space.tree) == ["good.py"]
        assert names_in(temporary)[:2] == ["good.py", "home"]
        assert len(names_in(temporary)) == 4


@pytest.mark.parametrize(
    ("files", "unread", "reason"),
    [
        ({"a": "", "a/b.py": ""}, "a/b.py", "another file"),
        ({"a/b.py": "", "a": ""}, "a", "another file or folder"),
        ({"a/b.py": "", "a/./b.py": ""}, "a/./b.py", "another file"),
        ({"x" * 300 + ".py": ""}, "x" * 300 + ".py", "too long"),
        ({"x" * 300 + "/a.py": ""}, "x" * 300 + "/a.py", "too long"),
        ({"\udcff.py": ""}, "\udcff.py", "not valid Unicode"),
    ],
)
async def test_a_file_that_cannot_be_written_does_not_take_the_others_along(
    files: dict[str, str], unread: str, reason: str
) -> None:
    async with workspace({**files, "good.py": ""}) as space:
        assert list(space.unread) == [unread]
        assert reason in space.unread[unread]
        assert set(space.files) == {*files, "good.py"} - {unread}


async def test_a_path_of_too_many_folders_is_unread(temporary: Path) -> None:
    deep = {"/".join(["a"] * parts): "x" for parts in (99, 101, 2_000)}
    just = "/".join(["b"] * 100)

    async with workspace({**deep, just: "x"}) as space:
        assert [path.count("/") for path in space.files] == [98, 99]
        assert [path.count("/") for path in space.unread] == [100, 1_999]
        assert set(space.unread.values()) == {"its path has more than 100 parts"}

    assert names_in(temporary) == []


async def test_the_lines_of_a_file_are_counted_as_tools_do_and_its_last_as_a_diff_does() -> None:
    async with workspace({"a": "x\r\ny\rz\n", "b": "", "c": "\n", "d": "x\ny"}) as space:
        assert space.lines("a") == ["x", "y", "z", ""]
        assert [space.last_line(path) for path in "abcd"] == [2, 1, 1, 2]


async def test_a_lone_surrogate_in_a_text_is_replaced() -> None:
    async with workspace({"a.py": "x = '\ud800'\n"}) as space:
        assert (space.tree / "a.py").read_bytes() == b"x = '?'\n"


async def test_a_thousand_files_are_written() -> None:
    async with workspace({f"pkg{n % 40}/m{n}.py": f"{n}\n" for n in range(1000)}) as space:
        assert sum(1 for _ in space.tree.rglob("*.py")) == len(space.files) == 1000


@pytest.mark.parametrize(
    ("text", "tool_line", "diff_line"),
    [
        ("a\nb\nc\n", 3, 3),
        ("a\r\nb\r\nc\r\n", 3, 3),
        ("a\rb\nc\n", 3, 2),
        ("# x\rimport os\r\r\nc\n", 1, 1),
        ("# x\rimport os\r\r\nc\n", 2, 1),
        ("# x\rimport os\r\r\nc\n", 4, 2),
        ("a\rb\n", 99, 2),
    ],
)
async def test_a_lone_carriage_return_does_not_shift_the_lines(text: str, tool_line: int, diff_line: int) -> None:
    async with workspace({"a.py": text}) as space:
        assert space.line("a.py", tool_line) == diff_line


class Slow(Mapping[str, str]):
    """Files of which the second one comes when it is let."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.asked_for: list[str] = []

    def __getitem__(self, path: str) -> str:
        self.asked_for.append(path)
        if path == "b/b.py":
            self.began.set()
            assert self.go_on.wait(10)
        return "text"

    def __iter__(self) -> Iterator[str]:
        return iter(("a.py", "b/b.py", "c/c.py"))

    def __len__(self) -> int:
        return 3


async def test_nothing_is_left_when_the_writing_is_canceled(temporary: Path) -> None:
    files = Slow()

    async def enter() -> None:
        async with workspace(files):
            raise AssertionError("the writing cannot be done")

    entering = asyncio.ensure_future(enter())
    assert await asyncio.to_thread(files.began.wait, 10)
    entering.cancel()
    await asyncio.sleep(0)
    files.go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await entering
    assert files.asked_for == ["a.py", "b/b.py"]
    assert names_in(temporary) == []
