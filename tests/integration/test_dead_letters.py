"""Dead letters in a real stream."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from quorate.bus import Bus
from quorate.dead_letters import bury
from quorate.embedded import EmbeddedBroker
from quorate.provision import provision
from tests.support.system import connected, dead_letters, settings_of

MIB = 1024**2


@pytest.fixture
async def bus(broker: EmbeddedBroker) -> AsyncIterator[Bus]:
    async with connected(broker) as connection:
        await provision(connection, settings_of(broker))
        yield connection


async def bury_one(bus: Bus, **changed: Any) -> None:
    letter: dict[str, Any] = {
        "subject": "quorate.submit.k",
        "headers": {"Nats-Msg-Id": "m1"},
        "body": b"body",
        "sequence": 7,
        "reason": "not JSON",
        "attempts": 3,
        "by": "router",
    }
    await bury(bus, "QUORATE_INTAKE", **(letter | changed))


async def test_a_dead_letter_keeps_the_message_and_says_why(bus: Bus) -> None:
    await bury_one(bus)
    [letter] = await dead_letters(bus)
    assert (letter.stream, letter.subject, letter.headers) == (
        "QUORATE_INTAKE",
        "quorate.submit.k",
        {"Nats-Msg-Id": "m1"},
    )
    assert (letter.body, letter.reason, letter.attempts, letter.cut) == (b"body", "not JSON", 3, False)


async def test_a_message_is_buried_once_by_each_service(bus: Bus) -> None:
    for _ in range(3):
        await bury_one(bus)
        await bury_one(bus, by="collector")
    await bury_one(bus, sequence=8)
    assert len(await dead_letters(bus)) == 3


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("größer – 漢", "gr\\xf6\\xdfer \\u2013 \\u6f22"),
        ("two\r\nlines\n\nInjected: x", "two lines Injected: x"),
        ("", ""),
        ("x" * 5_000, "x" * 1_000),
    ],
    ids=["other letters", "lines", "nothing", "long"],
)
async def test_a_reason_is_one_line_of_ascii(bus: Bus, reason: str, kept: str) -> None:
    await bury_one(bus, reason=reason)
    [letter] = await dead_letters(bus)
    assert letter.reason == kept
    assert letter.body == b"body"
    assert letter.subject == "quorate.submit.k"


async def test_headers_of_all_kinds_are_kept(bus: Bus) -> None:
    headers = {"X": "größer\r\nY: z", "Y": '"quoted"', "ünïcode": ""}
    await bury_one(bus, headers=headers)
    assert [letter.headers for letter in await dead_letters(bus)] == [headers]


@pytest.mark.parametrize("size", [MIB - 10_000, MIB - 400, MIB - 10, MIB])
async def test_a_message_of_full_size_is_buried_too(bus: Bus, size: int) -> None:
    """With the reason it may be larger than the broker allows; then its beginning is kept."""
    await bury_one(bus, body=b"x" * size)
    await bury_one(bus, sequence=8)
    first, second = await dead_letters(bus)
    assert first.cut or len(first.body) == size
    assert len(first.body) >= 512 * 1024
    assert (first.subject, first.reason, second.body) == ("quorate.submit.k", "not JSON", b"body")


async def test_too_many_headers_are_left_out(bus: Bus) -> None:
    await bury_one(bus, headers={f"X-{n}": "y" * 100 for n in range(1_000)})
    [letter] = await dead_letters(bus)
    assert letter.body == b"body"
