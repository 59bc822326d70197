"""The rule by which a process may trust what it remembers of a partition."""

import pytest

from quorate.contract.base import Part
from quorate.reducer import Entry
from quorate.runner import CACHED_TASKS, Cached

ENTRY: Entry[Part, Part] = Entry(applied=1, state=Part())


def cache_of(deliveries: list[int]) -> Cached[Part, Part]:
    """A cache that knows task ``t1`` after the first delivery."""
    cache: Cached[Part, Part] = Cached()
    for number, delivery in enumerate(deliveries):
        cache.admit(delivery, 0)
        if number == 0:
            cache.put("t1", ENTRY, 7)
    return cache


@pytest.mark.parametrize(
    ("deliveries", "kept"),
    [
        ([1], True),
        ([1, 2, 3, 4], True),
        ([5, 6], True),
        ([5, 5], True),
        ([1, 3], False),
        ([5, 7, 8], False),
        ([5, 4], False),
        ([5, 1], False),
    ],
)
def test_states_are_kept_while_no_delivery_is_missing(deliveries: list[int], kept: bool) -> None:
    assert (cache_of(deliveries).get("t1") == (ENTRY, 7)) is kept


def test_states_are_not_kept_across_a_reconnection() -> None:
    """A broker that crashed may count its deliveries from an earlier point, so no gap would be seen."""
    cache = cache_of([1, 2])
    cache.admit(3, 1)
    assert cache.get("t1") is None
    cache.put("t1", ENTRY, 7)
    cache.admit(4, 1)
    assert cache.get("t1") == (ENTRY, 7)


def test_what_failed_is_forgotten() -> None:
    cache = cache_of([1])
    cache.forget()
    assert cache.get("t1") is None


def test_that_a_task_has_no_state_is_remembered_too() -> None:
    cache: Cached[Part, Part] = Cached()
    cache.put("t1", None, 0)
    assert cache.get("t1") == (None, 0)


def test_the_task_that_was_used_longest_ago_gives_way() -> None:
    cache: Cached[Part, Part] = Cached()
    for number in range(CACHED_TASKS):
        cache.put(f"t{number}", ENTRY, number)
    cache.put("t0", ENTRY, 0)

    cache.put("one more", ENTRY, 0)

    assert cache.get("t1") is None
    assert cache.get("t0") == (ENTRY, 0)
    assert cache.get(f"t{CACHED_TASKS - 1}") is not None
