"""Writing facts to the log and reading them back."""

from typing import TypeVar

from quorate.bus import Bus, Stored
from quorate.contract import subjects
from quorate.contract.facts import Fact
from quorate.reducer import Record, read_record

AnyFact = TypeVar("AnyFact", bound=Fact)


async def publish_fact(bus: Bus, task: str, key: str, fact: Fact) -> bool:
    """Write a fact; False when its place was taken, which means that it, or another that came first, stands there."""
    return await bus.put_once(subjects.fact(task, fact.type, key), fact.encode())


async def read_facts(bus: Bus, task: str, suffix: str = ">") -> list[Record]:
    """The facts of a task in the order of the log; ``suffix`` narrows to ``<type>.<key>``, wildcards included."""
    found = await bus.get_all(subjects.LOG, subjects.stored_facts(task, suffix))
    return [record_of(stored) for stored in found]


async def read_fact(bus: Bus, task: str, key: str, type: type[AnyFact]) -> AnyFact | None:
    """One fact of a task, or None."""
    for record in await read_facts(bus, task, f"{type.type}.{key}"):
        if isinstance(record.fact, type):
            return record.fact
    return None


def record_of(stored: Stored) -> Record:
    return read_record(stored.subject, stored.data, stored.sequence, stored.at)
