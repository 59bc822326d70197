"""A broker in memory, and collectors on it that stop wherever they wait: for tests of any order, crash and delay.

The collector and the runner are the real ones; there is no event loop. Whatever they ask of the broker pauses before
it is done and, where it changes something, before the answer comes, and a test decides what happens then: go on, die,
or sleep while others work.
"""

import types
from collections.abc import Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

from pydantic_core import from_json

from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus, Published, Stored
from quorate.contract import subjects
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Fact
from quorate.contract.history import History
from quorate.contract.ids import digest
from quorate.errors import Conflict, Retryable
from quorate.log import record_of
from quorate.pull import Delivery
from quorate.reducer import Entry, Record
from quorate.runner import Runner
from quorate.settings import Settings
from quorate_collector.domain.state import CollectorCommand, CollectorState
from quorate_collector.handlers import CollectorReducer

LOG_PREFIX = "quorate.log."
STATE_PREFIX = f"$KV.{subjects.STATE}."
HISTORY_PREFIX = f"$KV.{subjects.LEDGER}.history."
OUTCOME = ".outcome."

MAX_TURNS = 500
"""Whoever pauses more often for one fact goes round in circles."""

CollectorEntry = Entry[CollectorState, CollectorCommand]


@types.coroutine
def pause(at: str) -> Generator[str, None, None]:
    yield at


def ref_of(body: bytes) -> BlobRef:
    sha256 = digest(body)
    return BlobRef(key=sha256, sha256=sha256, size=len(body))


@dataclass
class Broker:
    """Streams, buckets and objects, and the collector's consumer: one fact in flight until it is acked.

    It checks what must hold at every write.
    """

    messages: dict[str, list[Stored]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    log: list[Stored] = field(default_factory=list)
    in_flight: int | None = None
    """The position in the log of the fact that somebody works on."""
    next: int = 0
    attempt: int = 0
    consumer_sequence: int = 0
    generation: int = 0
    lost_commits: int = 0
    _records: list[Record] = field(default_factory=list)
    _sequences: Iterator[int] = field(default_factory=lambda: count(1))

    def last(self, subject: str) -> Stored | None:
        found = self.messages.get(subject)
        return found[-1] if found else None

    def store(self, subject: str, body: bytes, expect_sequence: int | None) -> Published:
        if subject.startswith(LOG_PREFIX):
            subject = subject.replace(LOG_PREFIX, f"{LOG_PREFIX}0.", 1)
        last = self.last(subject)
        if expect_sequence is not None and expect_sequence != (last.sequence if last else 0):
            self.lost_commits += subject.startswith(STATE_PREFIX)
            return Published(None, False)
        stored = Stored(subject, next(self._sequences), body, {}, 1_000.0)
        self._check(stored, last)
        self.messages.setdefault(subject, []).append(stored)
        if subject.startswith(LOG_PREFIX):
            self.log.append(stored)
        return Published(stored.sequence, False)

    def put_fact(self, task: str, key: str, fact: Fact) -> bool:
        """What others write: agents, the router, timers."""
        return self.put_body(task, f"{fact.type}.{key}", fact.encode())

    def put_body(self, task: str, suffix: str, body: bytes) -> bool:
        return not self.store(f"{LOG_PREFIX}{task}.{suffix}", body, 0).taken

    def put_object(self, body: bytes) -> BlobRef:
        ref = ref_of(body)
        self.objects[ref.key] = body
        return ref

    def matching(self, *filters: str) -> list[Stored]:
        patterns = [each.replace(".>", ".*") for each in filters]
        found = [
            messages[-1]
            for subject, messages in self.messages.items()
            if any(fnmatchcase(subject, pattern) for pattern in patterns)
        ]
        return sorted(found, key=lambda stored: stored.sequence)

    def records(self) -> list[Record]:
        self._records += [record_of(stored) for stored in self.log[len(self._records) :]]
        return self._records

    # The consumer.

    def lend(self) -> Delivery | None:
        """The fact in flight once more, or the next one; None when all are acked."""
        if self.in_flight is None:
            while self.next < len(self.log) and not self._concerns_collectors(self.log[self.next]):
                self.next += 1
            if self.next == len(self.log):
                return None
            self.in_flight, self.attempt = self.next, 0
            self.next += 1
        self.attempt += 1
        self.consumer_sequence += 1
        fact = self.log[self.in_flight]
        return Lent(
            subject=fact.subject,
            data=fact.data,
            headers={},
            sequence=fact.sequence,
            consumer_sequence=self.consumer_sequence,
            attempt=self.attempt,
            at=fact.at,
            message=cast(Any, None),
            broker=self,
        )

    def acked(self, sequence: int) -> None:
        if self.in_flight is not None and self.log[self.in_flight].sequence == sequence:
            self.in_flight = None

    def forget(self, deliveries: int) -> None:
        """Crash and come back with a consumer that is as many deliveries behind; connections are made anew."""
        self.next = max(0, (self.next if self.in_flight is None else self.in_flight) - deliveries)
        self.consumer_sequence = max(0, self.consumer_sequence - deliveries)
        self.in_flight = None
        self.generation += 1

    @staticmethod
    def _concerns_collectors(fact: Stored) -> bool:
        return subjects.parse_fact(fact.subject).type in CollectorReducer.facts

    # What must hold at every write.

    def _check(self, stored: Stored, before: Stored | None) -> None:
        if stored.subject.startswith(STATE_PREFIX) and before is not None:
            _check_state_grows(
                CollectorEntry.model_validate_json(before.data), CollectorEntry.model_validate_json(stored.data)
            )
        if stored.subject.startswith(HISTORY_PREFIX):
            recorded = History.model_validate_json(stored.data).recorded
            earlier = History.model_validate_json(before.data).recorded if before is not None else ()
            assert len(set(recorded)) == len(recorded), "a review is recorded once"
            assert recorded[: len(earlier)] == earlier, "what was recorded stays so"
        if stored.subject.startswith(LOG_PREFIX):
            assert before is None, f"{stored.subject} is written once"
        if OUTCOME in stored.subject:
            address = subjects.parse_fact(stored.subject)
            committed = self.last(subjects.state(CollectorReducer.name, address.task))
            assert committed is not None, "what is told follows from a state that stands"
            joins = CollectorEntry.model_validate_json(committed.data).state.joins
            assert joins[address.key[0]].closed, "what is told follows from a state that stands"


def _check_state_grows(before: CollectorEntry, after: CollectorEntry) -> None:
    assert after.applied > before.applied, "no fact is applied twice, and none after a later one"
    assert after.state.canceled >= before.state.canceled
    for run, join in before.state.joins.items():
        now = after.state.joins[run]
        assert now.closed >= join.closed, "what is closed stays closed"
        assert now.answered[: len(join.answered)] == join.answered, "who was counted stays counted"
        if join.closed:
            assert now == join, "nothing changes what is closed"


@dataclass(slots=True, eq=False, kw_only=True)
class Lent(Delivery):
    """A delivery whose ack pauses, too."""

    broker: Broker

    async def _reply(self, body: bytes) -> None:
        assert body == b"+ACK"
        await pause("ack")
        self.broker.acked(self.sequence)


class MemoryBus:
    """What the collector and the runner need of a ``Bus``."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.generation = broker.generation
        self.client = SimpleNamespace(max_payload=1_048_576)

    async def publish(self, subject: str, body: bytes, **options: Any) -> Published:
        await pause(f"publish {subject}")
        answer = self._broker.store(subject, body, options.get("expect_sequence"))
        await pause(f"published {subject}")
        return answer

    async def put_once(self, subject: str, body: bytes) -> bool:
        return not (await self.publish(subject, body, expect_sequence=0)).taken

    async def get_last(self, stream: str, subject: str) -> Stored | None:
        await pause(f"read {subject}")
        return self._broker.last(subject)

    async def get_all(self, stream: str, *filters: str) -> list[Stored]:
        await pause(f"read {stream}")
        return self._broker.matching(*filters)


class MemoryBlobs:
    """The object store."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def put(self, body: bytes, media_type: str = "application/json") -> BlobRef:
        await pause("put an object")
        return self._broker.put_object(body)

    async def get_json(self, ref: BlobRef) -> Any:
        await pause("read an object")
        if ref.key not in self._broker.objects:
            raise BadReference(f"there is no object {ref.key}")
        return from_json(self._broker.objects[ref.key])


class Replica:
    """A collector's process: the runner with its cache, and what it works on now."""

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        self._bus = MemoryBus(broker)
        blobs = cast(Blobs, MemoryBlobs(broker))
        reducer = CollectorReducer(cast(Bus, self._bus), blobs, settings, clock=lambda: 0.0)
        self._runner = Runner(cast(Bus, self._bus), reducer, 1, settings)
        self._work: Coroutine[Any, Any, None] | None = None

    @property
    def is_busy(self) -> bool:
        return self._work is not None

    def take(self) -> bool:
        """Take what the broker has to do; False when there is nothing."""
        assert self._work is None
        delivery = self._broker.lend()
        if delivery is None:
            return False
        self._work = self._handle(delivery)
        return True

    def step(self) -> str | None:
        """Go on to the next pause, and tell at which; None when the work is done."""
        assert self._work is not None
        try:
            return str(self._work.send(None))
        except StopIteration:
            self._work = None
            return None

    def finish(self) -> None:
        for _ in range(MAX_TURNS):
            if self._work is None or self.step() is None:
                return
        raise AssertionError("it goes round in circles")

    def reconnect(self) -> None:
        self._bus.generation = self._broker.generation

    def die(self) -> "Replica":
        """Leave everything as it is; what is returned begins anew, without a memory."""
        if self._work is not None:
            self._work.close()
        return Replica(self._broker, self._settings)

    async def _handle(self, delivery: Delivery) -> None:
        """What ``Runner.handle`` does, without waiting between two attempts; every other error ends the test."""
        await pause("delivered")
        fresh = delivery.attempt == 1
        while True:
            try:
                await self._runner._apply(delivery, fresh)
                break
            except (Retryable, Conflict):
                await pause("again")
            fresh = False
        await delivery.ack()
