"""Streams, buckets and subjects: every name that crosses a process boundary is made here."""

from typing import NamedTuple

INTAKE = "QUORATE_INTAKE"
LOG = "QUORATE_LOG"
WORK = "QUORATE_WORK"
RESULTS = "QUORATE_RESULTS"
TIMERS = "QUORATE_TIMERS"
EVENTS = "QUORATE_EVENTS"
DEAD = "QUORATE_DEAD"

AGENTS = "QUORATE_AGENTS"
STATE = "QUORATE_STATE"
LEDGER = "QUORATE_LEDGER"
BLOBS = "QUORATE_BLOBS"

CANCEL_SIGNAL = "quorate.control.cancel"
"""A plain, lossy message whose body is a task id: workers stop what they run for it. The log is what binds."""


def submit(kind: str) -> str:
    return f"quorate.submit.{kind}"


def fact(task: str, type: str, key: str) -> str:
    """The subject a fact is published to."""
    return f"quorate.log.{task}.{type}.{key}"


def stored_facts(task: str, suffix: str = ">") -> str:
    """A filter for facts of a task as the stream stores them, that is, with the partition before the task."""
    return f"quorate.log.*.{task}.{suffix}"


def partition_facts(partition: int, type: str) -> str:
    """A consumer's filter: facts of a type in a partition."""
    return f"quorate.log.{partition}.*.{type}.>"


def work(agent: str) -> str:
    return f"quorate.work.{agent}"


def result(kind: str, task: str) -> str:
    return f"quorate.results.{kind}.{task}"


def schedule(task: str, name: str) -> str:
    """Where a timer waits."""
    return f"quorate.timers.waiting.{task}.{name}"


def fired(task: str, name: str) -> str:
    """Where a timer goes off."""
    return f"quorate.timers.fired.{task}.{name}"


def events(task: str) -> str:
    return f"quorate.events.{task}"


def dead(stream: str) -> str:
    return f"quorate.dead.{stream}"


def state(reducer: str, task: str) -> str:
    """The subject behind a key of the bucket QUORATE_STATE."""
    return f"$KV.{STATE}.{reducer}.{task}"


def history(key: str) -> str:
    """The subject behind the key of the bucket QUORATE_LEDGER that holds what a series of reviews has found."""
    return f"$KV.{LEDGER}.history.{key}"


def writes(writer: str, key: str) -> str:
    """The subject behind the key of the bucket QUORATE_LEDGER that holds what a writer has written."""
    return f"$KV.{LEDGER}.writes.{writer}.{key}"


def track_record(tenant_key: str) -> str:
    """The subject behind the key of the bucket QUORATE_LEDGER that holds how often agents were right."""
    return f"$KV.{LEDGER}.record.{tenant_key}"


def registration(agent: str, instance: str) -> str:
    """The subject behind a key of the bucket QUORATE_AGENTS."""
    return f"$KV.{AGENTS}.{agent}.{instance}"


def run_of(step: str, attempt: int) -> str:
    """The token of one run of a step; a retry is a run of its own, so it has subjects of its own."""
    return step if attempt == 1 else f"{step}~{attempt}"


class FactAddress(NamedTuple):
    """What a stored fact's subject says."""

    partition: int
    task: str
    type: str
    key: tuple[str, ...]


def parse_fact(stored: str) -> FactAddress:
    """Read ``quorate.log.<partition>.<task>.<type>.<key…>``.

    Raises ValueError when the subject is not of that shape.
    """
    tokens = stored.split(".")
    if len(tokens) < 6 or tokens[:2] != ["quorate", "log"]:
        raise ValueError(f"{stored!r} is not the subject of a stored fact")
    return FactAddress(int(tokens[2]), tokens[3], tokens[4], tuple(tokens[5:]))
