"""The claim check against a real object store."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator

import pytest

from quorate import blobs as module
from quorate.blobs import BadReference, Blobs, BlobTooLarge
from quorate.bus import Bus
from quorate.contract.blob import MAX_BLOB_BYTES, BlobRef
from quorate.embedded import EmbeddedBroker
from quorate.errors import Unavailable
from quorate.provision import provision
from tests.support.system import connected, settings_of, until

MIB = 1024**2


@pytest.fixture
async def bus(broker: EmbeddedBroker) -> AsyncIterator[Bus]:
    async with connected(broker) as connection:
        await provision(connection, settings_of(broker))
        yield connection


async def objects(bus: Bus) -> int:
    info = await bus.api("STREAM.INFO.OBJ_QUORATE_BLOBS", {"subjects_filter": "$O.QUORATE_BLOBS.M.>"})
    return len(info["state"].get("subjects") or {})


async def test_a_broker_that_is_away_has_lost_nothing(
    bus: Bus, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await Blobs(bus).put(b"{}")
    context = bus.client.jetstream
    monkeypatch.setattr(bus.client, "jetstream", lambda: context(timeout=0.1))
    await asyncio.to_thread(broker.kill)
    with pytest.raises(Unavailable, match="could not be read"):
        await Blobs(bus).get(ref)
    monkeypatch.undo()
    await asyncio.to_thread(broker.restart)

    async def is_there() -> bool:
        with contextlib.suppress(Unavailable):
            return await Blobs(bus).get(ref) == b"{}"
        return False

    await until(is_there, timeout_s=30)


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 128 * 1024 + 1, 30 * MIB])
async def test_what_is_put_can_be_got_by_another_process(bus: Bus, broker: EmbeddedBroker, size: int) -> None:
    body = os.urandom(size)
    ref = await Blobs(bus).put(body, "application/octet-stream")
    assert (ref.sha256, ref.size, ref.media_type) == (
        hashlib.sha256(body).hexdigest(),
        size,
        "application/octet-stream",
    )
    async with connected(broker) as other:
        assert await Blobs(other).get(ref) == body


async def test_the_same_content_is_stored_once(bus: Bus) -> None:
    one, other = await asyncio.gather(Blobs(bus).put(b"x" * MIB), Blobs(bus).put(b"x" * MIB))
    assert one == other
    assert await Blobs(bus).put(b"x" * MIB) == one
    assert await objects(bus) == 1


async def test_what_is_too_large_is_refused_before_it_is_sent(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BLOB_BYTES", 10)
    with pytest.raises(BlobTooLarge, match="11 bytes are more than the 10 that may go by reference"):
        await Blobs(bus).put(b"x" * 11)
    assert await objects(bus) == 0


async def test_the_limit_is_64_mib() -> None:
    assert MAX_BLOB_BYTES == 64 * MIB


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sha256": "0" * 64}, "another content than its sha256 says"),
        ({"size": 6}, "has 5 bytes, and 6 were announced"),
        ({"key": "missing"}, "there is no object missing"),
        ({"key": "a/../b"}, "there is no object"),
        ({"bucket": "OTHER"}, "not in 'OTHER'"),
    ],
)
async def test_a_reference_that_is_wrong_is_refused(bus: Bus, changed: dict[str, object], reason: str) -> None:
    ref = await Blobs(bus).put(b"hello")
    with pytest.raises(BadReference, match=reason):
        await Blobs(bus).get(BlobRef.model_validate(ref.model_dump() | changed))


async def test_an_object_that_is_not_json_is_a_bad_reference(bus: Bus) -> None:
    blobs = Blobs(bus)
    assert await blobs.get_json(await blobs.put(b'{"a": [1]}')) == {"a": [1]}
    for body in (b"", b"{", b"\xff", b"[" * 20_000):
        with pytest.raises(BadReference, match="is not JSON"):
            await blobs.get_json(await blobs.put(body))


async def test_readers_of_one_object_share_one_download(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = await Blobs(bus).put(b"hello")
    blobs = Blobs(bus)
    fetch, fetched = blobs._fetch, []

    async def counted(ref: BlobRef) -> bytes:
        fetched.append(ref)
        return await fetch(ref)

    monkeypatch.setattr(blobs, "_fetch", counted)
    assert await asyncio.gather(*(blobs.get(ref) for _ in range(8))) == [b"hello"] * 8
    assert len(fetched) == 1


async def test_a_download_that_failed_is_tried_again_and_leaves_nothing_behind(bus: Bus) -> None:
    ref = BlobRef(key="k", sha256=hashlib.sha256(b"hello").hexdigest(), size=5)
    blobs = Blobs(bus)
    with pytest.raises(BadReference):
        await blobs.get(ref)
    assert blobs._reading == {}, "else every bad reference would stay in memory"
    real = await Blobs(bus).put(b"hello")
    assert await blobs.get(real) == b"hello"


async def test_what_is_kept_in_memory_is_bounded(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED_BYTES", 2 * MIB)
    blobs = Blobs(bus)
    refs = [await blobs.put(bytes([n]) * MIB) for n in range(4)]
    for ref in [*refs, *refs]:
        assert len(await blobs.get(ref)) == MIB
        assert sum(map(len, blobs._recent.values())) <= 2 * MIB
        assert blobs._recent_bytes == sum(map(len, blobs._recent.values()))
