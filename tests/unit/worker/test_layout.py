"""What two layouts of the same code differ in."""

import pytest

from quorate_worker.adapters.layout import differs_by_more_than_breaks


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("assert (\n    a in b\n), 'why'\n", "assert a in b, (\n    'why'\n)\n"),
        ("x: None | (\n    A\n) = b\n", "x: None\n| (A) = b\n"),
        ("def f(a: int) -> list[\n    int\n]: ...\n", "def f(\n    a: int,\n) -> list[int]: ...\n"),
        ("x = [1, 2]\n", "x = [\n    1,\n    2,\n]\n"),
        ("x = 1\n", "x = 1\n"),
        ("if a and (\n    b\n):\n", "if a and b:\n"),
    ],
)
def test_where_lines_are_broken_makes_no_difference(old: str, new: str) -> None:
    assert not differs_by_more_than_breaks(lines(old), lines(new), 88)
    assert not differs_by_more_than_breaks(lines(new), lines(old), 88)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = [1,2]\n", "x = [1, 2]\n"),
        ("x=1\n", "x = 1\n"),
        ("f (a)\n", "f(a)\n"),
        ("x = 1 # why\n", "x = 1  # why\n"),
        ("x = 1\n\n\n\ny = 2\n", "x = 1\ny = 2\n"),
        ("if x:\n  y\n", "if x:\n    y\n"),
        ("x = 1  \n", "x = 1\n"),
        ("x = 1", "x = 1\n"),
        ("x = 1; y = 2\n", "x = 1\ny = 2\n"),
        ("x = [1,\n    2 ,3]\n", "x = [1, 2, 3]\n"),
        (f"x = f({'a' * 50}, {'b' * 50})\n", f"x = f(\n    {'a' * 50},\n    {'b' * 50},\n)\n"),
    ],
)
def test_blanks_and_lines_that_are_too_long_do(old: str, new: str) -> None:
    assert differs_by_more_than_breaks(lines(old), lines(new), 88)


def test_very_many_lines_are_not_compared_one_by_one() -> None:
    assert differs_by_more_than_breaks(["x = (\n"] * 1_001, ["x = 1\n"] * 1_001, 88)
