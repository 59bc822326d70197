"""The runner: carries one reducer through the log, exactly once in effect, on any number of processes.

Per partition there is one durable consumer with one message in flight, so the broker decides who works on what, and
no process needs to know of another. For each fact:

    read the state -> decide -> commit {applied, state, outbox} by compare-and-set -> carry out the outbox -> ack

A process may die between any two of these. A fact that comes again finds ``applied`` equal to its sequence, and the
committed outbox is carried out once more; each message in it has a place of its own that only one can take. A
process that slept and woke up late loses the compare-and-set, and so sends nothing that was decided from an old state.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Generic, Protocol

from pydantic import ValidationError

from quorate import crashpoints
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import Failed
from quorate.contract.subjects import parse_fact
from quorate.dead_letters import bury_delivery
from quorate.errors import Conflict, Retryable
from quorate.log import publish_fact
from quorate.provision import ensure_consumers
from quorate.pull import Delivery, Pull
from quorate.reducer import Command, Decision, Entry, Record, State, read_record
from quorate.settings import Settings
from quorate.topology import reducer_consumer

log = logging.getLogger("quorate.runner")

POISON_AFTER_S = 2.0
MAX_BACKOFF_S = 1.0
CACHED_TASKS = 1_000
WINDOW = 256


class Reducer(Protocol[State, Command]):
    """What the runner needs of a service. ``begins`` is the fact type that a task's state begins with."""

    @property
    def name(self) -> str: ...

    @property
    def facts(self) -> tuple[str, ...]: ...

    @property
    def begins(self) -> str: ...

    @property
    def entry_type(self) -> type[Entry[State, Command]]: ...

    def decide(self, state: State | None, record: Record) -> Decision[State, Command]: ...

    def carry_out(self, commands: tuple[Command, ...], state: State, record: Record) -> Awaitable[None]:
        """Send what the commands say. It may happen again for the same record, and must then change nothing."""
        ...


class Cached(Generic[State, Command]):
    """A partition's states as this process last saw them, with their revisions in the bucket.

    They hold as long as this process gets every delivery of the partition's consumer: a gap in the consumer's
    sequence means that another process has worked on the partition in between.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[Entry[State, Command] | None, int]] = OrderedDict()
        self._last_delivery = -1
        self._generation = 0

    def admit(self, consumer_sequence: int, generation: int) -> None:
        """``generation`` is the connection's: a broker that crashed may count its deliveries from an earlier point."""
        follows = consumer_sequence in (self._last_delivery, self._last_delivery + 1)
        if not follows or generation != self._generation:
            self._entries.clear()
        self._last_delivery = consumer_sequence
        self._generation = generation

    def get(self, task: str) -> tuple[Entry[State, Command] | None, int] | None:
        return self._entries.get(task)

    def put(self, task: str, entry: Entry[State, Command] | None, revision: int) -> None:
        self._entries[task] = (entry, revision)
        self._entries.move_to_end(task)
        if len(self._entries) > CACHED_TASKS:
            self._entries.popitem(last=False)

    def forget(self) -> None:
        self._entries.clear()


class Runner(Generic[State, Command]):
    """Runs ``reducer`` over every partition until stopped."""

    def __init__(self, bus: Bus, reducer: Reducer[State, Command], partitions: int, settings: Settings) -> None:
        self._bus = bus
        self._reducer = reducer
        self._partitions = partitions
        self._settings = settings
        self._caches: list[Cached[State, Command]] = [Cached() for _ in range(partitions)]
        self._pulls: list[Pull] = []

    async def start(self) -> None:
        reducer, settings = self._reducer, self._settings
        consumers = [
            reducer_consumer(reducer.name, partition, reducer.facts, settings) for partition in range(self._partitions)
        ]
        await ensure_consumers(self._bus, subjects.LOG, consumers)
        self._pulls = [
            Pull(
                self._bus,
                subjects.LOG,
                consumer["durable_name"],
                self.handle,
                window=WINDOW,
                ack_wait_s=settings.ack_wait_s,
                grace_s=settings.stop_grace_s,
            )
            for consumer in consumers
        ]
        await asyncio.gather(*(pull.start() for pull in self._pulls))

    async def stop(self) -> None:
        await asyncio.gather(*(pull.stop() for pull in self._pulls))

    async def handle(self, delivery: Delivery) -> None:
        """Process one fact and ack it. Waits out a broker that is away; gives up on a fact that cannot be processed."""
        failing_since: float | None = None
        backoff_s = 0.05
        fresh = delivery.attempt == 1
        while True:
            try:
                await self._apply(delivery, fresh)
                break
            except (Retryable, Conflict) as error:
                # Nothing is wrong with the fact, and nothing behind it in the partition could do better.
                log.info("%s: %s", delivery.subject, error, extra={"action": "runner.retry"})
                failing_since = None
            except Exception as error:
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since + backoff_s > POISON_AFTER_S:
                    log.exception("%s cannot be processed", delivery.subject, extra={"action": "runner.poison"})
                    await self._give_up(delivery, f"{type(error).__name__}: {error}")
                    break
            fresh = False
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
        await delivery.ack()

    async def _apply(self, delivery: Delivery, fresh: bool) -> None:
        reducer = self._reducer
        address = parse_fact(delivery.subject)
        cache = self._caches[address.partition]
        cache.admit(delivery.consumer_sequence, self._bus.generation)
        try:
            # A task that only begins has no state to read; should it have one, the commit loses and it is read.
            begins = fresh and address.type == reducer.begins
            entry, revision = cache.get(address.task) or (
                (None, 0) if begins else await self._load(address.task, address.type)
            )
            if entry is not None and delivery.sequence < entry.applied:
                return
            record = read_record(delivery.subject, delivery.data, delivery.sequence, delivery.at)
            if record.flaw is not None:
                await self._bury(delivery, record.flaw)
            if entry is None or delivery.sequence > entry.applied:
                decision = reducer.decide(entry.state if entry else None, record)
                if decision.state is None or (entry and decision.state == entry.state and not decision.commands):
                    cache.put(address.task, entry, revision)
                    return
                entry = reducer.entry_type(applied=delivery.sequence, state=decision.state, outbox=decision.commands)
                crashpoints.reached(f"{reducer.name}.decided")
                revision = await self._commit(address.task, entry, revision)
            cache.put(address.task, entry, revision)
            crashpoints.reached(f"{reducer.name}.committed")
            if entry.outbox:
                await reducer.carry_out(entry.outbox, entry.state, record)
            crashpoints.reached(f"{reducer.name}.published")
        except BaseException:
            cache.forget()
            raise

    async def _load(self, task: str, type: str) -> tuple[Entry[State, Command] | None, int]:
        # A decision that changes nothing is not fenced by the compare-and-set, so it must not come from an old state.
        read = self._bus.get_last if self._settings.replicas == 1 else self._bus.get_last_of_leader
        stored = await read(f"KV_{subjects.STATE}", subjects.state(self._reducer.name, task))
        if stored is None or not stored.data:
            return None, stored.sequence if stored else 0
        try:
            return self._reducer.entry_type.model_validate_json(stored.data), stored.sequence
        except ValidationError:
            if type != Failed.type:
                raise
            # The state is what is broken: the task ends with what the log says of it.
            return None, stored.sequence

    async def _commit(self, task: str, entry: Entry[State, Command], revision: int) -> int:
        written = await self._bus.publish(
            subjects.state(self._reducer.name, task),
            entry.model_dump_json(exclude_none=True).encode(),
            expect_sequence=revision,
        )
        if written.sequence is None:
            raise Conflict(f"the state of {task} was changed by another process; it is read again")
        return written.sequence

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        """Keep the partition going: the fact goes to the dead letters, and its task fails with the reason."""
        while True:
            try:
                await self._bury(delivery, reason)
                tokens = delivery.subject.split(".")
                if len(tokens) > 4 and tokens[4] != Failed.type:
                    failed = Failed(service=self._reducer.name, subject=delivery.subject, reason=reason)
                    await publish_fact(self._bus, tokens[3], self._reducer.name, failed)
                return
            except Retryable as error:
                log.warning("%s: %s", delivery.subject, error, extra={"action": "runner.retry"})
                await asyncio.sleep(MAX_BACKOFF_S)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        await bury_delivery(self._bus, subjects.LOG, delivery, reason, by=self._reducer.name)
