"""The connection against a real broker."""

import asyncio
import json
from typing import Any

import pytest

from quorate import bus as module
from quorate.bus import ApiError, Bus, connect
from quorate.contract import subjects
from quorate.embedded import EmbeddedBroker
from quorate.errors import ConnectionLost, StreamFull, Unavailable
from quorate.provision import provision
from tests.support.system import connected, settings_of


async def stream(bus: Bus, name: str = "S", **config: Any) -> None:
    wanted = {"name": name, "subjects": [f"{name.lower()}.>"], "storage": "memory", "allow_direct": True, **config}
    await bus.api(f"STREAM.CREATE.{name}", wanted)


async def test_what_is_published_is_stored_and_read_back(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)

        published = await bus.publish("s.a", b"body", message_id="m1", headers={"X": "y"})

        stored = await bus.get_last("S", "s.a")
        assert stored is not None
        assert (stored.subject, stored.sequence, stored.data) == ("s.a", published.sequence, b"body")
        assert (stored.headers["Nats-Msg-Id"], stored.headers["X"]) == ("m1", "y")
        assert stored.at > 1_700_000_000


async def test_the_same_message_id_is_stored_once(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        first = await bus.publish("s.a", b"1", message_id="m1")
        second = await bus.publish("s.a", b"2", message_id="m1")
        assert (first.duplicate, second.duplicate) == (False, True)
        assert first.sequence == second.sequence


async def test_a_slot_is_taken_by_the_first_message(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        assert await bus.put_once("s.a", b"first")
        assert not await bus.put_once("s.a", b"second")
        stored = await bus.get_last("S", "s.a")
        assert stored is not None
        assert stored.data == b"first"


async def test_of_many_that_want_a_slot_at_once_one_gets_it(broker: EmbeddedBroker) -> None:
    async with connected(broker) as one, connected(broker) as other:
        await stream(one)
        got = await asyncio.gather(*(bus.put_once("s.a", b"%d" % n) for n in range(20) for bus in (one, other)))
        assert sum(got) == 1


async def test_a_compare_and_set_needs_the_last_sequence(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        first = await bus.publish("s.a", b"1", expect_sequence=0)
        assert first.sequence is not None
        assert (await bus.publish("s.a", b"x", expect_sequence=0)).taken
        second = await bus.publish("s.a", b"2", expect_sequence=first.sequence)
        assert not second.taken
        assert (await bus.publish("s.a", b"x", expect_sequence=first.sequence)).taken


@pytest.mark.parametrize(
    "limit",
    [{"max_msgs": 1}, {"max_bytes": 300}, {"max_msgs_per_subject": 1, "discard_new_per_subject": True}],
    ids=["messages", "bytes", "messages per subject"],
)
async def test_a_full_stream_is_told_from_a_taken_slot(broker: EmbeddedBroker, limit: dict[str, Any]) -> None:
    async with connected(broker) as bus:
        await stream(bus, discard="new", **limit)
        await bus.publish("s.a", b"x" * 150)
        with pytest.raises(StreamFull, match=r"s\.a was refused"):
            await bus.publish("s.a", b"x" * 150)
        assert not await bus.put_once("s.a", b"x")


async def test_a_full_stream_takes_messages_again_when_there_is_room(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus, discard="new", max_msgs=1)
        await bus.publish("s.a", b"1")
        with pytest.raises(StreamFull):
            await bus.put_once("s.b", b"2")
        await bus.api("STREAM.PURGE.S")
        assert await bus.put_once("s.b", b"2")


async def test_the_last_message_of_an_unknown_subject_is_none(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        assert await bus.get_last("S", "s.nothing") is None
        assert await bus.get_all("S", "s.nothing.>") == []


async def test_the_last_of_every_subject_comes_in_the_order_of_the_stream(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        for subject, body in (("s.b", b"1"), ("s.a", b"2"), ("s.b", b"3"), ("s.c", b"4"), ("s.d.e", b"5")):
            await bus.publish(subject, body)
        assert [each.data for each in await bus.get_all("S", "s.*")] == [b"2", b"3", b"4"]
        assert [each.data for each in await bus.get_all("S", "s.c", "s.a")] == [b"2", b"4"]
        assert [each.data for each in await bus.get_all("S", "s.>")] == [b"2", b"3", b"4", b"5"]


async def test_more_subjects_than_the_broker_answers_for_at_once_are_all_read(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        wanted = [f"s.{n}" for n in range(1_100)]
        await asyncio.gather(*(bus.publish(subject, subject.encode()) for subject in wanted))

        found = await bus.get_all("S", "s.>")

        assert sorted(each.subject for each in found) == sorted(wanted)
        assert [each.sequence for each in found] == sorted(each.sequence for each in found)


async def test_large_messages_are_all_read(broker: EmbeddedBroker) -> None:
    """More bytes than the broker keeps waiting for one connection."""
    async with connected(broker) as bus:
        await stream(bus)
        body = b"x" * 1_000_000
        for n in range(70):
            await bus.publish(f"s.{n}", body)
        found = await bus.get_all("S", "s.*")
        assert [each.subject for each in found] == [f"s.{n}" for n in range(70)]


async def test_a_stream_that_is_not_there_is_unavailable(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        with pytest.raises(Unavailable):
            await bus.get_last("NONE", "s.a")
        with pytest.raises(Unavailable):
            await bus.get_all("NONE", "s.a")
        with pytest.raises(Unavailable, match="does the stream exist"):
            await bus.request("nobody.listens", timeout_s=1)


async def test_a_refusal_of_the_api_bears_the_brokers_code(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        with pytest.raises(ApiError, match="stream not found") as raised:
            await bus.api("STREAM.INFO.NONE")
        assert raised.value.code == 10059


async def test_nobody_waits_longer_than_the_timeout_for_an_answer(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await bus.client.subscribe("silent")
        with pytest.raises(Unavailable, match=r"no answer from the broker on silent within 0\.05 s"):
            await bus.request("silent", timeout_s=0.05)
        assert bus._waiting == {}, "nothing is kept of a request that was given up"


async def test_a_message_that_is_too_large_is_an_error_at_once_and_not_one_to_try_again(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        for body in (b"x" * (1024**2 + 1), b"x" * 1024**2):
            with pytest.raises(Exception) as raised:  # noqa: PT011 - what counts is what it is not
                await bus.publish("s.a", body, headers={"X": "y" * 100})
            assert not isinstance(raised.value, Unavailable)
        assert await bus.put_once("s.a", b"small"), "the connection still works"


async def test_headers_in_other_letters_do_no_harm(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        await bus.publish("s.a", b"1", headers={"X": "größer – 漢"})
        [stored] = await bus.get_all("S", "s.a")
        assert stored.data == b"1"
        assert isinstance(stored.headers["X"], str)


async def test_work_goes_on_after_the_broker_was_restarted(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was on its way when the broker was killed gets no answer.
    monkeypatch.setattr(Bus.request, "__kwdefaults__", {**(Bus.request.__kwdefaults__ or {}), "timeout_s": 0.5})
    async with connected(broker) as bus:
        await stream(bus, storage="file")
        await bus.publish("s.a", b"1")

        broker.kill()
        writing = asyncio.create_task(bus.publish("s.b", b"2", message_id="m"))
        await asyncio.to_thread(broker.restart)

        assert not (await writing).taken
        assert [each.data for each in await bus.get_all("S", "s.*")] == [b"1", b"2"]
        assert not bus.lost.done()


async def test_a_broker_that_stays_away_is_lost(broker: EmbeddedBroker) -> None:
    async with connected(broker, max_disconnected_s=0.05) as bus:
        broker.kill()
        with pytest.raises(ConnectionLost, match="gone for"):
            await asyncio.wait_for(asyncio.shield(bus.lost), 10)


async def test_no_broker_is_said_with_what_to_do() -> None:
    with pytest.raises(Unavailable, match="quorate up"):
        await connect("nats://127.0.0.1:9", name="test", timeout_s=0.3)


async def test_closing_without_a_broker_is_no_error(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", 0.1)
    async with connected(broker):
        broker.stop()


async def test_a_stored_fact_bears_its_partition(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker, partitions=4))
        for n in range(40):
            await bus.put_once(subjects.fact(f"t{n}", "cancel", "request"), b"{}")
        found = await bus.get_all(subjects.LOG, "quorate.log.>")
        assert {subjects.parse_fact(each.subject).partition for each in found} == {0, 1, 2, 3}
        assert len({subjects.parse_fact(each.subject).task for each in found}) == 40
        assert json.loads(found[0].data) == {}


async def test_the_leader_is_asked_where_an_older_answer_would_do_harm(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await stream(bus)
        assert await bus.get_last_of_leader("S", "s.a") is None
        await bus.publish("s.a", b"\x00first")
        await bus.publish("s.a", b"\x00second")
        nearest = await bus.get_last("S", "s.a")
        assert nearest is not None
        assert await bus.get_last_of_leader("S", "s.a") == nearest._replace(headers={})
        assert nearest.data == b"\x00second"
