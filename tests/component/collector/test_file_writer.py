"""Results as files, in a real folder."""

import asyncio
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from quorate import crashpoints
from quorate.contract.result import Result
from quorate.errors import Rejected
from quorate.render import Format, render
from quorate.settings import WriterSettings
from quorate_collector.adapters.file_writer import FileWriter
from quorate_collector.adapters.ledger import Overtaken
from quorate_collector.ports import Later
from tests.support.receiving import Held, result_of

RESULT = result_of("one", summary="größer")
FILE = f"k-{RESULT.task_id}.json"
JSON = render(RESULT, "json").encode()


def writer(folder: Path, **settings: Any) -> FileWriter:
    return FileWriter("archive", WriterSettings(folder=str(folder), **settings))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("format", "extension"), [("json", "json"), ("markdown", "md"), ("sarif", "sarif"), ("text", "txt")]
)
async def test_a_result_is_one_file_in_the_format_of_the_settings(
    tmp_path: Path, format: Format, extension: str
) -> None:
    receipt = await writer(tmp_path, format=format).write(RESULT, Held())
    file = tmp_path / f"k-{RESULT.task_id}.{extension}"
    assert names(tmp_path) == [file.name]
    assert file.read_text(encoding="utf-8") == render(RESULT, format)
    assert (receipt.state, receipt.url) == ("done", file.as_uri())


async def test_the_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    await writer(folder).write(RESULT, Held())
    assert names(folder) == [FILE]


async def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    await writer(tmp_path).write(RESULT, Held())
    before = (tmp_path / FILE).stat()
    receipt = await writer(tmp_path).write(RESULT, Held(epoch=2))
    after = (tmp_path / FILE).stat()
    assert receipt.state == "done"
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_what_an_earlier_attempt_wrote_counts_although_it_looked_different(tmp_path: Path) -> None:
    # As after an update between two attempts: the older version had rendered it otherwise.
    (tmp_path / FILE).write_bytes(b"older")
    noted = {"sha256": [hashlib.sha256(b"older").hexdigest()]}
    receipt = await writer(tmp_path).write(RESULT, Held(2, noted))
    assert receipt.state == "done"
    assert (tmp_path / FILE).read_bytes() == b"older"


@pytest.mark.parametrize("other", [b"", b"someone's own", JSON + b" "])
async def test_the_file_of_someone_else_is_not_replaced(tmp_path: Path, other: bytes) -> None:
    (tmp_path / FILE).write_bytes(other)
    with pytest.raises(Rejected, match="something else under the name"):
        await writer(tmp_path).write(RESULT, Held())
    assert (tmp_path / FILE).read_bytes() == other
    assert names(tmp_path) == [FILE]


@pytest.mark.parametrize("content", [None, b"kept", JSON])
async def test_a_symbolic_link_is_not_followed_out_of_the_folder(tmp_path: Path, content: bytes | None) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    folder.mkdir()
    (folder / FILE).symlink_to(outside)
    if content is not None:
        outside.write_bytes(content)
    with pytest.raises(Rejected, match="something else under the name"):
        await writer(folder).write(RESULT, Held())
    assert (outside.read_bytes() if outside.exists() else None) == content
    assert names(folder) == [FILE]


async def test_the_link_of_a_temporary_name_is_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    folder.mkdir()
    (folder / f".{FILE}.1.part").symlink_to(outside)
    with pytest.raises(Later, match="could not be written"):
        await writer(folder).write(RESULT, Held())
    assert not outside.exists()
    await writer(folder).write(RESULT, Held(epoch=2))
    assert names(folder) == [FILE]


async def test_a_pipe_under_the_name_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(Rejected, match="something else"):
        await asyncio.wait_for(writer(tmp_path).write(RESULT, Held()), 5)


async def test_what_killed_attempts_have_left_is_removed(tmp_path: Path) -> None:
    for epoch in (1, 2):
        (tmp_path / f".{FILE}.{epoch}.part").write_bytes(b"half")
    foreign = tmp_path / ".k-other.json.1.part"
    foreign.write_bytes(b"of another")
    await writer(tmp_path).write(RESULT, Held(epoch=3))
    assert names(tmp_path) == [foreign.name, FILE]


async def test_a_full_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(opened: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(Later, match="No space left on device"):
            await writer(tmp_path).write(RESULT, Held())
    assert names(tmp_path) == []
    await writer(tmp_path).write(RESULT, Held(epoch=2))
    assert names(tmp_path) == [FILE]


async def test_a_file_in_place_of_the_folder_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(Later, match="could not be written to"):
        await writer(tmp_path / "results").write(RESULT, Held())


@pytest.mark.parametrize("field", [{"task_id": "../../etc/passwd"}, {"kind": "a/../b"}, {"kind": ".hidden"}])
async def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, field: dict[str, str]) -> None:
    result: Result = RESULT.model_copy(update=field)
    with pytest.raises(Rejected, match="name of a file"):
        await writer(tmp_path).write(result, Held())
    assert names(tmp_path) == []


async def test_who_was_overtaken_writes_nothing(tmp_path: Path) -> None:
    class Lost(Held):
        async def note(self, notes: Any) -> None:
            raise Overtaken("by another")

    with pytest.raises(Overtaken):
        await writer(tmp_path).write(RESULT, Lost())
    assert names(tmp_path) == []


async def test_who_slept_before_the_last_step_cannot_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleeps(name: str) -> None:
        if name == "file_writer.filled":
            # Its successor clears away what it finds.
            (tmp_path / f".{FILE}.1.part").unlink()

    monkeypatch.setattr(crashpoints, "reached", sleeps)
    with pytest.raises(Later):
        await writer(tmp_path).write(RESULT, Held())
    assert names(tmp_path) == []


async def test_two_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    held = [Held(epoch) for epoch in range(1, 9)]
    done = await asyncio.gather(*(writer(tmp_path).write(RESULT, each) for each in held), return_exceptions=True)
    assert [each for each in done if not isinstance(each, Later) and getattr(each, "state", "") != "done"] == []
    assert [name for name in names(tmp_path) if not name.startswith(".")] == [FILE]
    assert (tmp_path / FILE).read_bytes() == JSON
