"""The cache of analyses, in real files."""

import asyncio
import logging
import sqlite3
import sys
from pathlib import Path

import pytest

from quorate_worker.adapters.cache import FILE, AnalysisCache

MIB = 1024 * 1024
WRITES = """
import asyncio, pathlib, sys
from quorate_worker.adapters.cache import AnalysisCache
cache = AnalysisCache(pathlib.Path(sys.argv[1]), 1 << 20)
for number in range(50):
    asyncio.run(cache.put({cache.key(sys.argv[2], str(number)): b"value"}))
"""


@pytest.fixture
def cache(tmp_path: Path) -> AnalysisCache:
    return AnalysisCache(tmp_path, MIB)


async def test_what_was_put_is_found_again_also_by_another_process(cache: AnalysisCache, tmp_path: Path) -> None:
    await cache.put({b"one": b"1", b"two": b"2"})

    assert await cache.get([b"one", b"two", b"three"]) == {b"one": b"1", b"two": b"2"}
    assert await AnalysisCache(tmp_path, MIB).get([b"two"]) == {b"two": b"2"}


async def test_thousands_of_keys_are_asked_for_at_once(cache: AnalysisCache) -> None:
    values = {str(number).encode(): b"x" for number in range(3_000)}
    await cache.put(values)

    assert await cache.get(values) == values


async def test_nobody_else_can_read_it(cache: AnalysisCache, tmp_path: Path) -> None:
    await cache.put({b"one": b"1"})

    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_reading_makes_no_file(cache: AnalysisCache, tmp_path: Path) -> None:
    assert asyncio.run(cache.get([b"one"])) == {}
    assert list(tmp_path.iterdir()) == []


async def test_it_does_not_grow_without_end_and_keeps_what_was_used_last(cache: AnalysisCache, tmp_path: Path) -> None:
    await cache.put({b"used": b"x" * 1000})
    for number in range(60):
        await cache.put({f"{number}-{at}".encode(): bytes(10_000) for at in range(10)})
        assert await cache.get([b"used"])

    assert (tmp_path / FILE).stat().st_size < 2 * MIB
    assert await cache.get([b"0-0"]) == {}
    assert await cache.get([b"59-9"])


async def test_a_damaged_file_is_told_of_and_made_anew(
    cache: AnalysisCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)

    with caplog.at_level(logging.WARNING):
        assert await cache.get([b"one"]) == {}
    await cache.put({b"one": b"1"})

    assert "cannot be used: file is not a database" in caplog.text
    another = AnalysisCache(tmp_path, MIB)
    await another.put({b"one": b"1"})
    assert await another.get([b"one"]) == {b"one": b"1"}


async def test_a_folder_that_cannot_be_written_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = AnalysisCache(tmp_path / "file" / "folder", MIB)

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await cache.put({b"one": b"1"})
            assert await cache.get([b"one"]) == {}

    assert caplog.text.count("cannot be used") == 1


async def test_several_processes_write_at_the_same_time(cache: AnalysisCache, tmp_path: Path) -> None:
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITES, str(tmp_path), name) for name in "abc"
    ]

    assert [await writer.wait() for writer in writers] == [0, 0, 0]
    keys = [cache.key(name, str(number)) for name in "abc" for number in range(50)]
    assert len(await cache.get(keys)) == 150


async def test_another_writer_that_takes_long_is_not_waited_for_without_end(
    cache: AnalysisCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("quorate_worker.adapters.cache._BUSY_S", 0.05)
    await cache.put({b"one": b"1"})
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            await cache.put({b"two": b"2"})
        assert "database is locked" in caplog.text
    other.close()

    await cache.put({b"two": b"2"})

    assert await cache.get([b"one", b"two"]) == {b"one": b"1", b"two": b"2"}


def test_a_key_tells_its_parts_apart(cache: AnalysisCache) -> None:
    parts = [(), ("",), ("", ""), ("ab",), ("a", "b"), ("\udcff",), ("b", "a")]

    assert len({cache.key(*each) for each in parts}) == 7


async def test_a_value_that_would_push_out_all_others_is_not_kept(cache: AnalysisCache) -> None:
    await cache.put({b"one": b"1"})
    await cache.put({b"huge": bytes(MIB), b"two": b"2"})

    assert await cache.get([b"one", b"two", b"huge"]) == {b"one": b"1", b"two": b"2"}


async def test_what_is_found_counts_even_while_another_writes(cache: AnalysisCache, tmp_path: Path) -> None:
    await cache.put({b"one": b"1"})
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await cache.get([b"one"]) == {b"one": b"1"}
    other.close()
