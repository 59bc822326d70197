"""Subjects: what is built can be read back, and foreign subjects are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract import subjects
from quorate.contract.subjects import FactAddress

TOKEN = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)


@given(TOKEN, st.integers(1, 100), TOKEN, st.integers(1, 100))
def test_two_runs_have_two_names(step: str, attempt: int, other: str, other_attempt: int) -> None:
    same = (step, attempt) == (other, other_attempt)
    assert (subjects.run_of(step, attempt) == subjects.run_of(other, other_attempt)) == same


def test_the_first_run_of_a_step_is_named_like_the_step() -> None:
    assert (subjects.run_of("review", 1), subjects.run_of("review", 2)) == ("review", "review~2")


@given(st.integers(0, 255), TOKEN, TOKEN, st.lists(TOKEN, min_size=1, max_size=3))
def test_a_stored_fact_is_read_back(partition: int, task: str, type: str, key: list[str]) -> None:
    stored = f"quorate.log.{partition}.{task}.{type}.{'.'.join(key)}"
    assert subjects.parse_fact(stored) == FactAddress(partition, task, type, tuple(key))


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "quorate.log",
        "quorate.log.0.t1.submitted",
        "quorate.work.3.t1.submitted.task",
        "other.log.3.t1.submitted.task",
        "quorate.log.t1.submitted.task.x",
    ],
)
def test_another_subject_is_not_a_stored_fact(subject: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the documented one
        subjects.parse_fact(subject)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (subjects.submit("code-review"), "quorate.submit.code-review"),
        (subjects.fact("t1", "submitted", "task"), "quorate.log.t1.submitted.task"),
        (subjects.stored_facts("t1"), "quorate.log.*.t1.>"),
        (subjects.stored_facts("t1", "outcome.*"), "quorate.log.*.t1.outcome.*"),
        (subjects.partition_facts(3, "timer"), "quorate.log.3.*.timer.>"),
        (subjects.work("ruff"), "quorate.work.ruff"),
        (subjects.result("code-review", "t1"), "quorate.results.code-review.t1"),
        (subjects.events("t1"), "quorate.events.t1"),
        (subjects.dead("QUORATE_LOG"), "quorate.dead.QUORATE_LOG"),
        (subjects.schedule("t1", "review"), "quorate.timers.waiting.t1.review"),
        (subjects.fired("t1", "review"), "quorate.timers.fired.t1.review"),
        (subjects.state("router", "t1"), "$KV.QUORATE_STATE.router.t1"),
        (subjects.registration("ruff", "1-a"), "$KV.QUORATE_AGENTS.ruff.1-a"),
    ],
)
def test_subjects_are_those_of_the_contract(built: str, expected: str) -> None:
    assert built == expected


def test_streams_and_buckets_are_those_of_the_contract() -> None:
    assert [
        f"QUORATE_{name}"
        for name in [
            "INTAKE",
            "LOG",
            "WORK",
            "RESULTS",
            "TIMERS",
            "EVENTS",
            "DEAD",
            "AGENTS",
            "STATE",
            "LEDGER",
            "BLOBS",
        ]
    ] == [
        subjects.INTAKE,
        subjects.LOG,
        subjects.WORK,
        subjects.RESULTS,
        subjects.TIMERS,
        subjects.EVENTS,
        subjects.DEAD,
        subjects.AGENTS,
        subjects.STATE,
        subjects.LEDGER,
        subjects.BLOBS,
    ]
