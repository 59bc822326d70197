"""What a chaos run of pull requests will do, as a function of its seed: stories, blows, and answers that are lost."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bench.chaos_github_words import Tree, bad, first_tree, next_tree
from bench.chaos_plan import Blow

REPOSITORIES = tuple(f"acme/shop-{number}" for number in range(4))
LOGIN = "quorate"

CRASHPOINTS = {
    "writing.claimed": "collector",
    "writing.written": "collector",
    "writing.finished": "collector",
    "github.reviewed": "collector",
    "github.submitted": "collector",
    "github.checked": "collector",
    "collector.concluded": "collector",
    "gateway.submitted": "gateway",
    "gateway.answered": "gateway",
    "gateway.contributed": "gateway",
    "collector.decided": "collector",
    "collector.committed": "collector",
    "collector.published": "collector",
    "router.submitted": "router",
    "router.assigned": "router",
    "router.committed": "router",
    "worker.finished": "worker",
    "worker.contributed": "worker",
}
"""Each with the role of the processes that come by."""

SIZE_FOR_ALL_CRASHPOINTS = 100
"""From so many blows on, a run in which a crashpoint was not hit does not count as passed."""

AMBIGUOUS = ("commit-then-500", "commit-then-hang", "commit-late", "commit-then-cut", "500", "cut")
FAULTS = (*AMBIGUOUS, "403-retry-after")
WRITES = "POST|PUT|PATCH|DELETE"
STRUCK = r"/(reviews|comments|statuses|graphql)"

Course = Literal["once", "followed", "overtaken", "closed", "dismissed"]
"""What becomes of a pull request after it was opened: nothing; a push after the review; a push in its midst; the end
in its midst; or a finding is dismissed after the review, and then a push follows."""

LATEST_S = 10.0
"""So much later than the first a webhook comes once more."""

COURSES: dict[Course, int] = {"once": 30, "followed": 30, "overtaken": 15, "closed": 10, "dismissed": 15}


@dataclass(frozen=True)
class Story:
    """A pull request to open, ``at`` seconds into the run. ``after_s`` is how soon one is overtaken or closed, and
    ``dismissed`` the word whose finding is dismissed."""

    number: int
    at: float
    repo: str
    course: Course
    first: Tree
    second: Tree | None = None
    dismissed: str | None = None
    after_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A run, before it begins. ``broker_kills`` are (at, seconds without a broker); ``ambiguous`` is the share of
    writes to GitHub that are answered wrongly or not at all."""

    seed: int
    duration_s: float
    ambiguous: float
    stories: tuple[Story, ...]
    blows: tuple[Blow, ...]
    broker_kills: tuple[tuple[float, float], ...]
    crashpoints: tuple[str, ...]


def plan_run(
    seed: int, pulls: int, kills: int, broker_kills: int, ambiguous: float, pace: float, ack_wait_s: float
) -> Plan:
    """``pace`` blows a second on average, and at most three times as many pull requests."""
    duration_s = max(4.0, kills / pace, pulls / (3.0 * pace))
    names = sorted(CRASHPOINTS)
    random.Random(f"{seed}:crashpoints").shuffle(names)
    return Plan(
        seed=seed,
        duration_s=duration_s,
        ambiguous=ambiguous,
        stories=tuple(_stories(random.Random(f"{seed}:stories"), pulls, duration_s)),
        blows=tuple(_blows(random.Random(f"{seed}:blows"), kills, duration_s, ack_wait_s)),
        broker_kills=tuple(_broker_kills(random.Random(f"{seed}:broker"), broker_kills, duration_s)),
        crashpoints=tuple(names),
    )


def faults_of(plan: Plan, late_s: float) -> Iterator[dict[str, Any]]:
    """The faults to ask the double for, all equally likely. It takes the first that strikes, so later ones have to be
    likelier. ``late_s`` is how much later than its answer a write is done that comes late."""
    share = plan.ambiguous / len(FAULTS)
    if share == 0.0:
        return
    for number, kind in enumerate(FAULTS):
        seconds = {"commit-late": late_s, "403-retry-after": 1.0}.get(kind)
        yield {
            "kind": kind,
            "method": WRITES,
            "path": STRUCK,
            "count": None,
            "probability": share / (1 - number * share),
            "seed": plan.seed * 100 + number,
            "seconds": seconds,
        }


def copies_of(seed: int, number: int, latest_s: float = LATEST_S) -> list[float]:
    """When the webhook of this number is sent, in seconds after it happened: one to five times."""
    chance = random.Random(f"{seed}:webhook {number}")
    sorts = [chance.choice(("at once", "soon", "late")) for _ in range(chance.randint(0, 4))]
    after_s = {"at once": 0.0, "soon": chance.expovariate(2.0), "late": chance.uniform(0.0, latest_s)}
    return [0.0, *(after_s[sort] for sort in sorts)]


def _stories(chance: random.Random, pulls: int, duration_s: float) -> Iterator[Story]:
    courses = list(COURSES)
    for number in range(pulls):
        course = chance.choices(courses, list(COURSES.values()))[0]
        first = first_tree(chance)
        dismissed = chance.choice(sorted(bad(first)))[1] if course == "dismissed" else None
        follows = course in ("followed", "overtaken", "dismissed")
        yield Story(
            number=number,
            at=duration_s * number / pulls,
            repo=chance.choice(REPOSITORIES),
            course=course,
            first=first,
            second=next_tree(chance, first, dismissed) if follows else None,
            dismissed=dismissed,
            # An undisturbed review has its receipt after 0.15 s, and most are disturbed.
            after_s=chance.expovariate(1 / 0.3),
        )


def _blows(chance: random.Random, kills: int, duration_s: float, ack_wait_s: float) -> Iterator[Blow]:
    for at in sorted(chance.uniform(1.0, duration_s) for _ in range(kills)):
        if chance.random() < 0.2:
            # Longer than the broker waits for an ack: someone else takes over, then the sleeper wakes up.
            yield Blow(at, "stop", chance.random(), stop_s=ack_wait_s + chance.uniform(0.2, 2.5))
        else:
            yield Blow(at, "kill", chance.random(), arm=chance.randint(1, 4) if chance.random() < 0.5 else 0)


def _broker_kills(chance: random.Random, kills: int, duration_s: float) -> Iterator[tuple[float, float]]:
    slot = duration_s / (kills + 1)
    for number in range(kills):
        yield slot * (number + 0.5 + chance.random() * 0.5), chance.uniform(0.0, 1.5)
