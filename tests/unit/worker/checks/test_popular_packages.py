"""Names that a slip of a finger makes of popular ones."""

import pytest

from quorate_worker.checks.popular_packages import POPULAR, SHORTEST, is_one_slip, mistaken_for


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("requests", "request", True),
        ("requests", "requestss", True),
        ("requests", "rrequests", True),
        ("requests", "requesta", True),
        ("requests", "reqeusts", True),
        ("requests", "requestst", True),
        ("requests", "requests", False),
        ("requests", "reqesuts", False),
        ("requests", "reuqetss", False),
        ("requests", "requ", False),
        ("requests", "grequestsx", False),
        ("ab", "ba", True),
    ],
)
def test_one_slip_is_one_letter_or_two_swapped(one: str, other: str, slip: bool) -> None:
    assert is_one_slip(one, other) is slip
    assert is_one_slip(other, one) is slip


@pytest.mark.parametrize(
    ("ecosystem", "name", "popular"),
    [
        ("pypi", "nunpy", "numpy"),
        ("npm", "expres", "express"),
        ("crates", "sered", "serde"),
        ("pypi", "numpy", None),
        ("npm", "nunpy", None),
        ("pypi", "rick", None),
        ("npm", "preact", None),
        ("docker", "pythno", None),
        ("pypi", "x" * 100_000, None),
    ],
)
def test_a_name_beside_a_popular_one_is_taken_for_it(ecosystem: str, name: str, popular: str | None) -> None:
    assert mistaken_for(ecosystem, name) == popular


def test_no_popular_package_is_taken_for_another() -> None:
    for ecosystem, names in POPULAR.items():
        assert not [name for name in names if mistaken_for(ecosystem, name)]
        assert len([name for name in names if len(name) >= SHORTEST]) > 20
