"""Continuous pull against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from quorate import pull as module
from quorate.bus import Bus
from quorate.embedded import EmbeddedBroker
from quorate.pull import Delivery, Handler, Pull
from tests.support.system import Received, connected

ACK_WAIT_S = 0.4
LONG_S = 30.0


async def queue(bus: Bus, messages: int = 0, *, ack_wait_s: float = ACK_WAIT_S, **consumer: Any) -> None:
    """A stream Q with a durable consumer C, and messages 0, 1, 2 … in it."""
    stream = {"name": "Q", "subjects": ["q.*"], "retention": "workqueue", "storage": "file"}
    await bus.api("STREAM.CREATE.Q", stream)
    config = {
        "durable_name": "C",
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait_s * 1e9),
        "max_deliver": -1,
        "max_ack_pending": 1_000,
        **consumer,
    }
    await bus.api("CONSUMER.CREATE.Q.C", {"stream_name": "Q", "config": config, "action": "create"})
    await put(bus, range(messages))


async def put(bus: Bus, numbers: range) -> None:
    for number in numbers:
        await bus.publish("q.x", b"%d" % number)


@asynccontextmanager
async def pulling(bus: Bus, handler: Handler, **options: Any) -> AsyncIterator[Pull]:
    pull = Pull(bus, "Q", "C", handler, **{"ack_wait_s": ACK_WAIT_S, "grace_s": 0.0, **options})
    await pull.start()
    try:
        yield pull
    finally:
        await pull.stop()


async def unacked(bus: Bus) -> int:
    info = await bus.api("CONSUMER.INFO.Q.C")
    return int(info["num_ack_pending"]) + int(info["num_pending"])


class Gate:
    """A handler that holds every message until it is opened, and knows how many were in it at once."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside: list[Delivery] = []
        self.most = 0
        self.seen: list[Delivery] = []
        self._changed = asyncio.Condition()

    async def __call__(self, delivery: Delivery) -> None:
        self.inside.append(delivery)
        self.seen.append(delivery)
        self.most = max(self.most, len(self.inside))
        async with self._changed:
            self._changed.notify_all()
        try:
            await self.open.wait()
        finally:
            self.inside.remove(delivery)
        await delivery.ack()

    async def wait_for(self, seen: int) -> None:
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(lambda: len(self.seen) >= seen)


async def test_messages_come_in_order_with_their_numbers(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await queue(bus, 5)
        received = Received()
        async with pulling(bus, received):
            await received.wait_for(5)
            await put(bus, range(5, 8))
            await received.wait_for(8)
        assert received.bodies == [str(n) for n in range(8)]
        assert [d.sequence for d in received.deliveries] == list(range(1, 9))
        assert [d.consumer_sequence for d in received.deliveries] == list(range(1, 9))
        assert {d.attempt for d in received.deliveries} == {1}
        assert {d.subject for d in received.deliveries} == {"q.x"}


async def test_two_processes_share_a_serial_consumer_without_overlap(broker: EmbeddedBroker) -> None:
    async with connected(broker) as one, connected(broker) as other:
        await queue(one, 200, max_ack_pending=1)
        inside = 0
        order: list[int] = []
        workers: set[str] = set()
        done = asyncio.Event()

        def handler(name: str) -> Handler:
            async def handle(delivery: Delivery) -> None:
                nonlocal inside
                inside += 1
                assert inside == 1, "two at once"
                await one.client.flush()
                order.append(int(delivery.data))
                workers.add(name)
                inside -= 1
                await delivery.ack()
                if len(order) == 200:
                    done.set()

            return handle

        async with pulling(one, handler("one"), window=64), pulling(other, handler("other"), window=64):
            await asyncio.wait_for(done.wait(), 20)
        assert order == list(range(200))
        assert workers == {"one", "other"}


async def test_no_more_than_the_concurrency_are_worked_on_at_once(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await queue(bus, 20)
        gate = Gate()
        async with pulling(bus, gate, concurrency=3):
            await gate.wait_for(3)
            info = await bus.api("CONSUMER.INFO.Q.C")
            assert info["num_ack_pending"] == 3, "what nobody works on stays with the broker"
            gate.open.set()
            await gate.wait_for(20)
        assert gate.most == 3


async def test_heartbeats_keep_a_message_for_longer_than_the_ack_wait(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus, connected(broker) as other:
        await queue(bus, 2)
        gate = Gate()
        stolen = Received()
        async with AsyncExitStack() as stack:
            # The second message waits in the process, behind the first, and is kept as well.
            await stack.enter_async_context(pulling(bus, gate, window=2))
            await gate.wait_for(1)
            assert (await bus.api("CONSUMER.INFO.Q.C"))["num_ack_pending"] == 2
            await stack.enter_async_context(pulling(other, stolen))
            # Three ack waits by the broker's own clock: a message that is handed back after that time.
            await bus.api("STREAM.CREATE.T", {"name": "T", "subjects": ["t"], "storage": "memory"})
            clock = {"durable_name": "K", "ack_policy": "explicit", "ack_wait": int(3 * ACK_WAIT_S * 1e9)}
            await bus.api("CONSUMER.CREATE.T.K", {"stream_name": "T", "config": clock, "action": "create"})
            await bus.publish("t", b"")
            struck = asyncio.Event()

            async def strike(delivery: Delivery) -> None:
                if delivery.attempt == 2:
                    struck.set()

            watch = Pull(bus, "T", "K", strike, ack_wait_s=LONG_S, grace_s=0)
            await watch.start()
            await asyncio.wait_for(struck.wait(), 15)
            await watch.stop()
            assert [d.attempt for d in gate.seen] == [1]
            gate.open.set()
            await gate.wait_for(2)
        assert stolen.deliveries == []
        assert [(int(d.data), d.attempt) for d in gate.seen] == [(0, 1), (1, 1)]


async def test_a_message_whose_handler_raised_comes_again(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(broker) as bus:
        await queue(bus, 2, ack_wait_s=LONG_S)
        received = Received()

        async def handle(delivery: Delivery) -> None:
            if delivery.attempt < 3 and delivery.data == b"0":
                raise ValueError("no luck")
            await received(delivery)

        async with pulling(bus, handle, retry_s=0.05):
            await received.wait_for(2)
        assert sorted((d.data, d.attempt) for d in received.deliveries) == [(b"0", 3), (b"1", 1)]
        assert "no luck" in caplog.text
        assert await unacked(bus) == 0


async def test_a_message_can_be_handed_back_for_later(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await queue(bus, 1, ack_wait_s=LONG_S)
        received = Received()

        async def handle(delivery: Delivery) -> None:
            await (delivery.nak(0.05) if delivery.attempt == 1 else received(delivery))

        async with pulling(bus, handle):
            [again] = await received.wait_for(1)
        assert again.attempt == 2


async def test_stopping_hands_back_at_once_what_has_not_begun(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus, connected(broker) as other:
        await queue(bus, 20, ack_wait_s=LONG_S)
        gate, received = Gate(), Received()
        async with pulling(bus, gate, window=20, ack_wait_s=LONG_S) as pull:
            while len(pull._queue) < 19:
                await bus.client.flush()
        async with pulling(other, received, concurrency=16, ack_wait_s=LONG_S):
            await received.wait_for(20, timeout_s=10)
        assert sorted(map(int, received.bodies)) == list(range(20))
        assert len(gate.seen) == 1


async def test_stopping_hands_back_what_is_still_on_its_way(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus, connected(broker) as other:
        await queue(bus, 300, ack_wait_s=LONG_S)
        gate, received = Gate(), Received()
        async with pulling(bus, gate, window=300, ack_wait_s=LONG_S):
            await gate.wait_for(1)
        async with pulling(other, received, concurrency=16, ack_wait_s=LONG_S):
            await received.wait_for(300, timeout_s=5)
        assert sorted(map(int, received.bodies)) == list(range(300))


async def test_stopping_gives_time_to_finish(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await queue(bus, 1)
        gate = Gate()
        pull = Pull(bus, "Q", "C", gate, ack_wait_s=ACK_WAIT_S, grace_s=10)
        await pull.start()
        await gate.wait_for(1)
        stopping = asyncio.create_task(pull.stop())
        gate.open.set()
        await asyncio.wait_for(stopping, 5)
        await bus.client.flush()
        assert await unacked(bus) == 0


async def test_a_stopped_pull_takes_no_more(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await queue(bus)
        received = Received()
        async with pulling(bus, received):
            await put(bus, range(1))
            await received.wait_for(1)
        await put(bus, range(1, 5))
        assert await unacked(bus) == 4
        assert (await bus.api("CONSUMER.INFO.Q.C"))["num_waiting"] == 0


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_pulling_goes_on_after_the_broker_was_away(broker: EmbeddedBroker, how: str) -> None:
    async with connected(broker) as bus, connected(broker) as publisher:
        await queue(bus, 1)
        received = Received()
        async with pulling(bus, received, window=8):
            await received.wait_for(1)
            if how == "kill":
                broker.kill()
            await asyncio.to_thread(broker.restart)
            await put(publisher, range(1, 20))
            # Sooner than a pull that nobody knew to be gone would be found silent: after three heartbeats.
            await received.wait_for_all(range(20), timeout_s=5)


async def test_a_pull_that_has_gone_silent_is_made_anew(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.2)
    async with connected(broker) as bus:
        await queue(bus)
        received = Received()
        async with pulling(bus, received) as pull:
            # The subscription is gone without a word, as after a hard kill.
            assert pull._subscription is not None
            await pull._subscription.unsubscribe()
            await put(bus, range(1))
            await received.wait_for(1, timeout_s=10)


async def test_many_requests_run_out_and_are_replaced(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXPIRES_S", 0.5)
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.2)
    async with connected(broker) as bus:
        await queue(bus)
        received = Received()
        ended = asyncio.Event()
        async with pulling(bus, received, window=4) as pull:
            tell = pull._on_status

            async def on_status(message: Any) -> None:
                await tell(message)
                if message.headers.get("Status") == "408":
                    ended.set()

            monkeypatch.setattr(pull, "_on_status", on_status)
            await asyncio.wait_for(ended.wait(), 10)
            await put(bus, range(20))
            await received.wait_for(20, timeout_s=10)
        assert received.bodies == [str(n) for n in range(20)]
