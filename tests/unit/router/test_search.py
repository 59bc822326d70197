"""For how long an agent for a kind has been looked for in vain."""

import pytest

from quorate_router.domain.search import MAX_KINDS, Search


@pytest.mark.parametrize(
    ("looks", "waited"),
    [
        pytest.param([(0.0, 0)], 0.0, id="the first look"),
        pytest.param([(0.0, 0), (1.0, 0), (2.5, 0)], 2.5, id="one after the other"),
        pytest.param([(0.0, 0), (1.0, 0), (7.0, 0)], 0.0, id="after a rest it begins anew"),
        pytest.param([(0.0, 0), (5.0, 0)], 5.0, id="a rest just short enough"),
        pytest.param([(0.0, 0), (1.0, 1)], 0.0, id="after a reconnection it begins anew"),
        pytest.param([(0.0, 0), (1.0, 1), (2.0, 1)], 1.0, id="and goes on from there"),
    ],
)
def test_a_search_is_as_old_as_its_first_look(looks: list[tuple[float, int]], waited: float) -> None:
    search = Search(forget_after_s=5)
    found = [search.waited_s("k", now, generation) for now, generation in looks]
    assert found[-1] == waited


def test_a_search_that_succeeded_is_forgotten() -> None:
    search = Search(forget_after_s=5)
    search.waited_s("k", 0.0, 0)
    search.found("k")
    search.found("never looked for")
    assert search.waited_s("k", 1.0, 0) == 0.0


def test_each_kind_is_looked_for_on_its_own() -> None:
    search = Search(forget_after_s=5)
    search.waited_s("k", 0.0, 0)
    assert search.waited_s("other", 1.0, 0) == 0.0
    assert search.waited_s("k", 1.0, 0) == 1.0


def test_so_many_kinds_are_remembered_and_no_more() -> None:
    search = Search(forget_after_s=5)
    for number in range(MAX_KINDS + 1):
        search.waited_s(f"k{number}", 0.0, 0)
    assert search.waited_s("k0", 1.0, 0) == 0.0
    assert search.waited_s(f"k{MAX_KINDS}", 1.0, 0) == 1.0
