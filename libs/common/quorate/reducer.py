"""What router and collector are: reducers over the log. Nothing here does I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from quorate.contract.facts import FACTS, Contribution, Fact
from quorate.contract.intake import explain
from quorate.contract.subjects import parse_fact

State = TypeVar("State", bound=BaseModel)
Command = TypeVar("Command", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Record:
    """A fact where it stands in the log. ``at`` is the broker's time of it, in seconds since the epoch."""

    task: str
    type: str
    key: tuple[str, ...]
    at: float
    sequence: int
    fact: Fact
    flaw: str | None = None
    """Why what stands in the log is not the fact that it should be; ``fact`` then stands in for it."""


def read_record(subject: str, data: bytes, sequence: int, at: float) -> Record:
    """Decode a stored fact. Raises ValueError when it is not one.

    A contribution that cannot be read is a failed contribution: it is the one fact that agents write themselves, and
    none of them may fail another's task by it.
    """
    address = parse_fact(subject)
    if address.type not in FACTS:
        raise ValueError(f"{subject} has the unknown fact type {address.type!r}")
    flaw = None
    try:
        fact = FACTS[address.type].model_validate_json(data)
    except ValidationError as error:
        if address.type != Contribution.type:
            raise
        flaw = f"not a contribution: {explain(error)}"
        fact = Contribution(state="failed", reason=flaw)
    return Record(address.task, address.type, address.key, at, sequence, fact, flaw)


@dataclass(frozen=True)
class Decision(Generic[State, Command]):
    """What follows from a fact. ``state`` is None when the fact concerns no task that is known: it is passed over."""

    state: State | None
    commands: tuple[Command, ...] = ()


Decide = Callable[[State | None, Record], Decision[State, Command]]


class Entry(BaseModel, Generic[State, Command]):
    """What is committed for a task in one write: how far it has read, what it knows, and what it has yet to send.

    The outbox names what to send and not its contents: these follow from the state and the fact at ``applied``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = 1
    applied: int
    state: State
    outbox: tuple[Command, ...] = field(default=())
