"""What a chaos run will do, as a function of its seed: the tasks to submit, and the blows to deal."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from quorate.contract.ids import task_id_from_key

KIND = "chaos"
TENANT = "default"

Again = Literal["same", "raw", "other"]
"""A second submission of a key: the same once more, past the broker's deduplication, or with another input."""

CRASHPOINTS = (
    "router.admitted",
    "router.assigned",
    "router.submitted",
    "router.decided",
    "router.committed",
    "router.published",
    "collector.decided",
    "collector.committed",
    "collector.published",
    "worker.started",
    "worker.finished",
    "worker.contributed",
)

SIZE_FOR_ALL_CRASHPOINTS = 100
"""From so many blows on, a run in which a crashpoint was not hit does not count as passed."""


@dataclass(frozen=True)
class Order:
    """A task to submit, ``at`` seconds into the run. All other times are seconds after the submission."""

    number: int
    at: float
    key: str
    input: dict[str, Any]
    deadline_s: float | None = None
    cancel_after_s: float | None = None
    again: Again | None = None
    again_after_s: float = 0.0

    @property
    def task(self) -> str:
        return task_id_from_key(TENANT, KIND, self.key)

    @property
    def other_input(self) -> dict[str, Any]:
        """What an order of ``again="other"`` sends the second time."""
        return {**self.input, "number": -1 - self.number}


@dataclass(frozen=True)
class Blow:
    """One process is killed, or stopped for ``stop_s`` seconds. ``arm`` is how often the successor of a killed one
    comes by its crashpoint before it dies there, 0 for one that is left in peace."""

    at: float
    what: Literal["kill", "stop"]
    chance: float
    stop_s: float = 0.0
    arm: int = 0


@dataclass(frozen=True)
class Plan:
    """A run, before it begins. ``broker_kills`` are (at, seconds without a broker)."""

    seed: int
    duration_s: float
    orders: tuple[Order, ...]
    blows: tuple[Blow, ...]
    broker_kills: tuple[tuple[float, float], ...]
    crashpoints: tuple[str, ...]


def plan_run(seed: int, tasks: int, kills: int, broker_kills: int, pace: float, ack_wait_s: float) -> Plan:
    """``pace`` blows a second on average, and at most eight times as many tasks; then the blows are further apart."""
    duration_s = max(8.0, kills / pace, tasks / (8.0 * pace))
    return Plan(
        seed=seed,
        duration_s=duration_s,
        orders=tuple(_orders(random.Random(f"{seed}:orders"), seed, tasks, duration_s)),
        blows=tuple(_blows(random.Random(f"{seed}:blows"), kills, duration_s, ack_wait_s)),
        broker_kills=tuple(_broker_kills(random.Random(f"{seed}:broker"), broker_kills, duration_s)),
        crashpoints=_shuffled(random.Random(f"{seed}:crashpoints")),
    )


def _orders(chance: random.Random, seed: int, tasks: int, duration_s: float) -> Iterator[Order]:
    for number in range(tasks):
        given: dict[str, Any] = {"number": number, "seed": seed}
        deadline_s: float | None = None
        if chance.random() < 0.1:
            # Its slowest agent is still at it when the deadline passes.
            deadline_s = chance.uniform(0.3, 2.0)
            given["hold_s"] = deadline_s + 20.0
        again: Again | None = None
        roll = chance.random()
        if number % 40 == 7:
            again = "other"
        elif roll < 0.1:
            again = "same"
        elif roll < 0.2:
            again = "raw"
        yield Order(
            number=number,
            at=duration_s * number / tasks,
            key=f"chaos-{seed}-{number}",
            input=given,
            deadline_s=deadline_s,
            # Most within the life of an undisturbed task, some long after it.
            cancel_after_s=chance.expovariate(1 / 0.15) if chance.random() < 0.1 else None,
            again=again,
            again_after_s=chance.expovariate(1 / 2.0),
        )


def _blows(chance: random.Random, kills: int, duration_s: float, ack_wait_s: float) -> Iterator[Blow]:
    # The first second belongs to the start, so that there is something to break.
    for at in sorted(chance.uniform(1.0, duration_s) for _ in range(kills)):
        if chance.random() < 0.2:
            # Longer than the broker waits for an ack: someone else takes over, then the sleeper wakes up.
            yield Blow(at, "stop", chance.random(), stop_s=ack_wait_s + chance.uniform(0.2, 2.5))
        else:
            yield Blow(at, "kill", chance.random(), arm=chance.randint(1, 6) if chance.random() < 0.4 else 0)


def _broker_kills(chance: random.Random, kills: int, duration_s: float) -> Iterator[tuple[float, float]]:
    slot = duration_s / (kills + 1)
    for number in range(kills):
        yield slot * (number + 0.5 + chance.random() * 0.5), chance.uniform(0.0, 1.5)


def _shuffled(chance: random.Random) -> tuple[str, ...]:
    names = list(CRASHPOINTS)
    chance.shuffle(names)
    return tuple(names)
