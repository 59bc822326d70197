"""The runner against a real broker, with a reducer that counts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from quorate import runner as module
from quorate.bus import Bus, Stored
from quorate.contract import subjects
from quorate.contract.base import Part
from quorate.contract.facts import CancelRequested, Contribution, Fact, Failed, Submitted
from quorate.embedded import EmbeddedBroker
from quorate.errors import Unavailable
from quorate.log import publish_fact, read_fact
from quorate.provision import ensure_consumers, provision
from quorate.pull import Delivery, Pull
from quorate.reducer import Decision, Entry, Record
from quorate.runner import Runner
from quorate.topology import reducer_consumer
from tests.support.system import connected, dead_letters, settings_of, until


class Count(Part):
    """How many facts a task has seen; contributions count only once it is armed."""

    seen: tuple[str, ...] = ()
    armed: bool = False


class Emit(Part):
    number: int


class Counter:
    """A reducer that tells everything it is asked, and can be made to fail."""

    name = "counter"
    facts = ("submitted", "cancel", "contribution", "failed")
    begins = "submitted"
    entry_type = Entry[Count, Emit]

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.decided: list[tuple[Count | None, str]] = []
        self.carried: list[tuple[str, int]] = []
        self.on_decide: Callable[[Record], Any] = lambda _: None
        self.on_carry_out: Callable[[Record], Any] = lambda _: None
        self._changed = asyncio.Condition()

    def decide(self, state: Count | None, record: Record) -> Decision[Count, Emit]:
        self.decided.append((state, record.type))
        self.on_decide(record)
        if state is None and record.type != "submitted":
            return Decision(None)
        state = state or Count()
        if record.type == "contribution" and not state.armed:
            return Decision(state)
        seen = (*state.seen, ".".join(record.key))
        return Decision(Count(seen=seen, armed=state.armed or record.type == "cancel"), (Emit(number=len(seen)),))

    async def carry_out(self, commands: tuple[Emit, ...], state: Count, record: Record) -> None:
        for command in commands:
            self.carried.append((record.task, command.number))
            if (waiting := self.on_carry_out(record)) is not None:
                await waiting
            await self.bus.put_once(subjects.result("count", f"{record.task}-{command.number}"), b"{}")
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, *carried: tuple[str, int]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: all(each in self.carried for each in carried))


@asynccontextmanager
async def prepared(broker: EmbeddedBroker, partitions: int = 1) -> AsyncIterator[Bus]:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker, partitions=partitions))
        yield bus


@asynccontextmanager
async def counting(
    broker: EmbeddedBroker, bus: Bus, counter: Counter, partitions: int = 1, **settings: Any
) -> AsyncIterator[Runner[Count, Emit]]:
    runner = Runner(bus, counter, partitions, settings_of(broker, partitions=partitions, stop_grace_s=0, **settings))
    await runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


async def tell(bus: Bus, task: str, type: str, key: str = "x") -> None:
    facts: dict[str, Fact] = {
        "submitted": Submitted(kind="count", input_digest="d"),
        "cancel": CancelRequested(),
        "contribution": Contribution(),
    }
    await publish_fact(bus, task, key, facts[type])


async def entry_of(bus: Bus, task: str) -> tuple[Entry[Count, Emit], int]:
    stored = await bus.get_last("KV_QUORATE_STATE", subjects.state("counter", task))
    assert stored is not None
    return Entry[Count, Emit].model_validate_json(stored.data), stored.sequence


async def emitted(bus: Bus) -> list[str]:
    found: list[Stored] = await bus.get_all(subjects.RESULTS, "quorate.results.>")
    return sorted(each.subject.rpartition(".")[2] for each in found)


async def unacked(bus: Bus, partition: int = 0) -> int:
    info = await bus.api(f"CONSUMER.INFO.QUORATE_LOG.counter-{partition}")
    return int(info["num_ack_pending"]) + int(info["num_pending"])


async def acked(bus: Bus, partition: int = 0) -> None:
    """An ack is not answered, so it may be on its way still."""

    async def all_acked() -> bool:
        return await unacked(bus, partition) == 0

    await until(all_acked)


async def test_facts_are_reduced_in_order_and_their_outbox_is_carried_out(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        counter = Counter(bus)
        for type in ("submitted", "cancel", "contribution"):
            await tell(bus, "t1", type, type)
        async with counting(broker, bus, counter):
            await counter.wait_for(("t1", 3))
        entry, _ = await entry_of(bus, "t1")
        assert entry.state == Count(seen=("submitted", "cancel", "contribution"), armed=True)
        assert (entry.applied, entry.outbox) == (3, (Emit(number=3),))
        assert await emitted(bus) == ["t1-1", "t1-2", "t1-3"]
        await acked(bus)


async def test_a_fact_that_comes_again_is_carried_out_again_and_changes_nothing(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        first, second = Counter(bus), Counter(bus)
        stuck = asyncio.Event()

        def hang(_: Record) -> Any:
            stuck.set()
            return asyncio.Event().wait()

        first.on_carry_out = hang
        await tell(bus, "t1", "submitted")
        async with counting(broker, bus, first):
            await stuck.wait()
        assert await emitted(bus) == []
        before = await entry_of(bus, "t1")

        async with counting(broker, bus, second):
            await second.wait_for(("t1", 1))

        assert second.decided == [], "what was committed is not decided again"
        assert await entry_of(bus, "t1") == before
        assert await emitted(bus) == ["t1-1"]


async def test_older_facts_that_come_again_are_acked_without_any_effect(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        first, second = Counter(bus), Counter(bus)
        for type in ("submitted", "cancel", "contribution"):
            await tell(bus, "t1", type)
        async with counting(broker, bus, first):
            await first.wait_for(("t1", 3))
        before = await entry_of(bus, "t1")
        # The consumer has lost its place: it delivers everything from the beginning.
        await bus.api("CONSUMER.DELETE.QUORATE_LOG.counter-0")

        async with counting(broker, bus, second):
            await second.wait_for(("t1", 3))
            await acked(bus)

        assert second.carried == [("t1", 3)]
        assert await entry_of(bus, "t1") == before


async def test_a_lost_compare_and_set_is_decided_anew_and_sends_nothing_of_the_old_decision(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with prepared(broker) as bus:
        counter = Counter(bus)
        await tell(bus, "t1", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("t1", 1))
        # Another process writes while this one decides.
        other = Entry[Count, Emit](applied=1, state=Count(seen=("a", "b", "c"), armed=True))
        late = Counter(bus)
        writing: list[asyncio.Task[Any]] = []
        written = asyncio.Event()

        async def write() -> None:
            await bus.publish(subjects.state("counter", "t1"), other.model_dump_json().encode())
            written.set()

        async with counting(broker, bus, late) as runner:
            commit = runner._commit

            async def slow_commit(*arguments: Any) -> int:
                if not writing:
                    writing.append(asyncio.create_task(write()))
                await written.wait()
                return await commit(*arguments)

            monkeypatch.setattr(runner, "_commit", slow_commit)
            await tell(bus, "t1", "cancel", "late")
            await tell(bus, "t1", "cancel", "last")
            await late.wait_for(("t1", 5))

        assert [carried for carried in late.carried if carried[1] < 4] == [], "nothing of a decision that was lost"
        entry, _ = await entry_of(bus, "t1")
        assert entry.state.seen == ("a", "b", "c", "late", "last")


async def test_a_task_that_seems_to_begin_but_has_a_state_goes_on_from_it(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        counter = Counter(bus)
        known = Entry[Count, Emit](applied=0, state=Count(seen=("before",)))
        await bus.publish(subjects.state("counter", "t1"), known.model_dump_json().encode())
        await tell(bus, "t1", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("t1", 2))
        assert counter.carried == [("t1", 2)]
        assert (await entry_of(bus, "t1"))[0].state.seen == ("before", "x")


async def test_a_remembered_state_is_not_used_after_another_process_worked_on_the_partition(
    broker: EmbeddedBroker,
) -> None:
    async with prepared(broker) as bus:
        settings = settings_of(broker, partitions=1)
        one, other = Counter(bus), Counter(bus)
        runners = [Runner(bus, each, 1, settings) for each in (one, other)]
        await ensure_consumers(bus, subjects.LOG, [reducer_consumer("counter", 0, Counter.facts, settings)])
        turns = iter([runners[0], runners[1], runners[0]])

        async def in_turn(delivery: Delivery) -> None:
            await next(turns).handle(delivery)

        pull = Pull(bus, subjects.LOG, "counter-0", in_turn)
        await pull.start()
        # The second arms the task; whoever remembers the first state only passes over the third.
        for type in ("submitted", "cancel", "contribution"):
            await tell(bus, "t1", type, type)
        await one.wait_for(("t1", 3))
        await pull.stop()
        assert one.decided[-1] == (Count(seen=("submitted", "cancel"), armed=True), "contribution")
        assert other.decided == [(Count(seen=("submitted",)), "cancel")]


async def test_a_remembered_state_saves_reading_while_this_process_gets_every_fact(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with prepared(broker) as bus:
        counter = Counter(bus)
        async with counting(broker, bus, counter) as runner:
            loads: list[str] = []
            load = runner._load

            async def counted(task: str, type: str) -> Any:
                loads.append(task)
                return await load(task, type)

            monkeypatch.setattr(runner, "_load", counted)
            for number, type in enumerate(["submitted", *["cancel"] * 5]):
                await tell(bus, "t1", type, f"{number}")
            await counter.wait_for(("t1", 6))
        assert loads == []


async def test_a_fact_without_effect_is_not_committed(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        counter = Counter(bus)
        async with counting(broker, bus, counter):
            await tell(bus, "t1", "submitted")
            await counter.wait_for(("t1", 1))
            before = await entry_of(bus, "t1")
            await tell(bus, "t1", "contribution")
            await tell(bus, "unknown", "contribution")
            await tell(bus, "t2", "submitted")
            await counter.wait_for(("t2", 1))
        assert await entry_of(bus, "t1") == before
        assert await bus.get_last("KV_QUORATE_STATE", subjects.state("counter", "unknown")) is None


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        pytest.param("quorate.log.bad.cancel.x", b"\xff not JSON", "json", id="not JSON"),
        pytest.param("quorate.log.bad.cancel.x", b'{"reason": 5}', "reason", id="wrong fields"),
    ],
)
async def test_a_fact_that_cannot_be_read_fails_its_task_and_not_its_partition(
    broker: EmbeddedBroker, subject: str, body: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POISON_AFTER_S", 0.1)
    async with prepared(broker) as bus:
        counter = Counter(bus)
        await tell(bus, "bad", "submitted")
        await bus.publish(subject, body, message_id="m1")
        await tell(bus, "good", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("good", 1), ("bad", 2))
            await acked(bus)

        [letter] = await dead_letters(bus)
        assert (letter.stream, letter.body, letter.attempts) == (subjects.LOG, body, 1)
        assert letter.subject.endswith(subject.removeprefix("quorate.log."))
        assert letter.headers["Nats-Msg-Id"] == "m1"
        assert reason in letter.reason.lower()
        failed = await read_fact(bus, "bad", "counter", Failed)
        assert failed is not None
        assert (failed.service, failed.subject) == ("counter", letter.subject)
        assert reason in failed.reason.lower()


async def test_a_contribution_that_cannot_be_read_counts_as_failed_and_is_buried(broker: EmbeddedBroker) -> None:
    """Agents write contributions themselves, and none of them may fail another's task by it."""
    async with prepared(broker) as bus:
        counter = Counter(bus)
        told: list[Fact] = []
        counter.on_decide = lambda record: told.append(record.fact)
        await tell(bus, "t1", "submitted")
        await tell(bus, "t1", "cancel")
        await bus.publish("quorate.log.t1.contribution.mine.work", b'{"findings": [{}]}')
        async with counting(broker, bus, counter):
            await counter.wait_for(("t1", 3))
            await acked(bus)
        contribution = told[-1]
        assert isinstance(contribution, Contribution)
        assert contribution.state == "failed"
        assert contribution.reason is not None
        assert contribution.reason.startswith("not a contribution: findings.0.")
        [letter] = await dead_letters(bus)
        assert (letter.body, letter.reason) == (b'{"findings": [{}]}', contribution.reason)
        assert await read_fact(bus, "t1", "counter", Failed) is None


@pytest.mark.parametrize("where", ["on_decide", "on_carry_out"])
async def test_a_fact_that_makes_the_reducer_fail_fails_its_task_and_not_its_partition(
    broker: EmbeddedBroker, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POISON_AFTER_S", 0.1)
    async with prepared(broker) as bus:
        counter = Counter(bus)

        def fail(record: Record) -> None:
            if record.task == "bad" and record.type != "failed":
                raise ZeroDivisionError("no good")

        setattr(counter, where, fail)
        await tell(bus, "bad", "submitted")
        await tell(bus, "good", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("good", 1))
            await acked(bus)
        [letter] = await dead_letters(bus)
        assert letter.reason == "ZeroDivisionError: no good"
        failed = await read_fact(bus, "bad", "counter", Failed)
        assert failed is not None
        assert failed.reason == "ZeroDivisionError: no good"


async def test_a_failed_fact_that_cannot_be_processed_makes_no_further_one(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POISON_AFTER_S", 0.1)
    async with prepared(broker) as bus:
        counter = Counter(bus)
        await bus.publish("quorate.log.bad.failed.someone", b"{}")
        await tell(bus, "good", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("good", 1))
        assert len(await dead_letters(bus)) == 1
        assert await read_fact(bus, "bad", "counter", Failed) is None


async def test_a_failure_that_passes_is_no_poison(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        counter = Counter(bus)
        failures = iter([ValueError("once"), Unavailable("twice"), ValueError("thrice")])

        def fail(_: Record) -> None:
            for failure in failures:
                raise failure

        counter.on_decide = fail
        await tell(bus, "t1", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("t1", 1))
        assert await dead_letters(bus) == []
        assert len(counter.decided) == 4


async def test_what_is_only_unavailable_is_waited_for_longer_than_poison(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POISON_AFTER_S", 0.0)
    monkeypatch.setattr(module, "MAX_BACKOFF_S", 0.05)
    async with prepared(broker) as bus:
        counter = Counter(bus)
        failures = iter([Unavailable("away")] * 10)

        def fail(_: Record) -> None:
            for failure in failures:
                raise failure

        counter.on_carry_out = fail
        await tell(bus, "t1", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("t1", 1))
            await acked(bus)
        assert await emitted(bus) == ["t1-1"]
        assert await dead_letters(bus) == []


async def test_a_state_that_cannot_be_read_ends_its_task_and_not_its_partition(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POISON_AFTER_S", 0.1)
    async with prepared(broker) as bus:
        counter = Counter(bus)
        await bus.publish(subjects.state("counter", "bad"), b'{"applied": "x"}')
        await tell(bus, "bad", "cancel")
        await tell(bus, "good", "submitted")
        async with counting(broker, bus, counter):
            await counter.wait_for(("good", 1))
            await acked(bus)
        assert await read_fact(bus, "bad", "counter", Failed) is not None


async def test_every_fact_counts_once_on_two_runners(broker: EmbeddedBroker) -> None:
    tasks, facts = 12, 15
    async with prepared(broker, 4) as one, connected(broker) as other:
        counters = Counter(one), Counter(other)
        await asyncio.gather(*(tell(one, f"t{n}", "submitted") for n in range(tasks)))
        async with counting(broker, one, counters[0], 4), counting(broker, other, counters[1], 4):
            for fact in range(1, facts):
                await asyncio.gather(*(tell(one, f"t{n}", "cancel", f"{fact:02}") for n in range(tasks)))
            for partition in range(4):
                await acked(one, partition)
        assert counters[0].carried
        assert counters[1].carried
        for n in range(tasks):
            entry, _ = await entry_of(one, f"t{n}")
            assert entry.state.seen == ("x", *(f"{fact:02}" for fact in range(1, facts)))
        assert len(await emitted(one)) == tasks * facts


async def test_a_restart_of_the_broker_in_the_middle_loses_and_repeats_nothing(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bus.request, "__kwdefaults__", {**(Bus.request.__kwdefaults__ or {}), "timeout_s": 0.5})
    async with prepared(broker) as bus, connected(broker) as writer:
        counter = Counter(bus)
        for fact in range(30):
            await tell(writer, "t1", "cancel" if fact else "submitted", f"{fact:02}")
        reached = asyncio.Event()
        counter.on_carry_out = lambda record: reached.set() if record.key == ("10",) else None
        async with counting(broker, bus, counter):
            await reached.wait()
            broker.kill()
            await asyncio.to_thread(broker.restart)
            await counter.wait_for(("t1", 30))
            await acked(bus)
        entry, _ = await entry_of(bus, "t1")
        assert entry.state.seen == tuple(f"{fact:02}" for fact in range(30))
        assert len(await emitted(bus)) == 30
        assert await dead_letters(bus) == []


async def test_a_state_outlives_the_facts_of_its_task_and_goes_by_itself(broker: EmbeddedBroker) -> None:
    async with prepared(broker) as bus:
        ages = [
            (await bus.api(f"STREAM.INFO.{stream}"))["config"]["max_age"]
            for stream in (subjects.LOG, f"KV_{subjects.STATE}")
        ]
        assert ages[1] - ages[0] == 24 * 3600 * 10**9
