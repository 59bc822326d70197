"""Which task of a key a submission is."""

import pytest

from quorate.contract.task import FinalState
from quorate_gateway.domain.attempts import Attempt, Known, attempt_of, key_of
from quorate_gateway.domain.webhooks import Again, Submit


def known(*states: FinalState | None, base: str = "base") -> list[Known]:
    return [Known(f"t{number}", f"d{number}", base, state) for number, state in enumerate(states, 1)]


def of(again: Again, known: list[Known], delivery: str = "new", base: str = "base") -> Attempt:
    return attempt_of(Submit("code-review", {"base_sha": base}, "key", again=again), known, delivery)


@pytest.mark.parametrize("again", ["never", "unless reviewed", "if the base changed"])
def test_the_first_task_of_a_key_is_new(again: Again) -> None:
    assert of(again, []) == Attempt(1, "new")


@pytest.mark.parametrize("again", ["never", "unless reviewed", "if the base changed"])
def test_a_delivery_that_comes_again_is_the_task_that_it_was(again: Again) -> None:
    tasks = known("canceled", "canceled", None)
    assert of(again, tasks, "d1") == Attempt(1, "same")
    assert of(again, tasks, "d2") == Attempt(2, "same")


@pytest.mark.parametrize(
    ("again", "states", "attempt"),
    [
        ("never", ["canceled"], Attempt(1, "another")),
        ("never", ["canceled", None], Attempt(2, "another")),
        ("unless reviewed", [None], Attempt(1, "another")),
        ("unless reviewed", ["completed"], Attempt(1, "another")),
        ("unless reviewed", ["canceled"], Attempt(2, "new")),
        ("unless reviewed", ["failed"], Attempt(2, "new")),
        ("unless reviewed", ["rejected", "canceled"], Attempt(3, "new")),
        ("unless reviewed", ["canceled", None], Attempt(2, "another")),
        ("unless reviewed", ["completed", "canceled"], Attempt(3, "new")),
        ("unless reviewed", ["canceled"] * 4, Attempt(5, "new")),
        ("unless reviewed", ["canceled"] * 5, Attempt(5, "another")),
    ],
)
def test_another_task_follows_one_that_came_to_nothing(
    again: Again, states: list[FinalState | None], attempt: Attempt
) -> None:
    assert of(again, known(*states)) == attempt


def test_another_task_follows_where_the_base_is_another() -> None:
    assert of("if the base changed", known("completed"), base="base") == Attempt(1, "another")
    assert of("if the base changed", known("completed"), base="other") == Attempt(2, "new")
    assert of("if the base changed", known(None), base="other") == Attempt(2, "new")
    there_and_back = [*known("completed"), Known("t2", "d2", "other", "completed")]
    assert of("if the base changed", there_and_back, base="base") == Attempt(3, "new")
    both = [*known("canceled"), Known("t2", "d2", "other", None)]
    assert of("if the base changed", both, base="other") == Attempt(2, "another")
    assert of("if the base changed", both, base="base") == Attempt(3, "new")


def test_the_first_key_has_no_number() -> None:
    assert [key_of("key", 1), key_of("key", 2)] == ["key", "key~2"]
