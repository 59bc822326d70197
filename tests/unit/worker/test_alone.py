"""A tool that stumbles over one file of many."""

from collections.abc import Sequence

import pytest

from quorate_worker.adapters.alone import AT_ONCE, all_or_alone
from quorate_worker.adapters.command import MAX_ARGUMENTS
from quorate_worker.adapters.process import ToolFailed, ToolTimeout


class Tool:
    """Fails over some names, and remembers what it was given."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.runs: list[list[str]] = []

    async def __call__(self, names: Sequence[str]) -> list[str]:
        self.runs.append(list(names))
        if self.bad & set(names):
            raise ToolFailed("tool", "stumbled")
        return [name.upper() for name in names]


async def test_a_tool_that_does_not_fail_is_run_once() -> None:
    tool = Tool()

    assert await all_or_alone(["a", "b"], tool) == (["A", "B"], {})
    assert tool.runs == [["a", "b"]]


async def test_files_that_it_fails_over_are_told_apart() -> None:
    found, failed = await all_or_alone(["a", "b", "c"], Tool("b"))

    assert found == ["A", "C"]
    assert list(failed) == ["b"]
    assert failed["b"].startswith("tool stumbled")


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
async def test_a_tool_that_fails_over_all_has_failed(names: list[str]) -> None:
    with pytest.raises(ToolFailed):
        await all_or_alone(names, Tool("a", "b"))


async def test_a_timeout_is_not_tried_again() -> None:
    runs = []

    async def slow(names: Sequence[str]) -> list[str]:
        runs.append(names)
        raise ToolTimeout("tool", 1)

    with pytest.raises(ToolTimeout):
        await all_or_alone(["a", "b"], slow)
    assert len(runs) == 1


async def test_no_command_line_is_too_long() -> None:
    tool = Tool()
    names = [*(str(number) for number in range(AT_ONCE + 1)), *("x" * 4_000 for _ in range(60))]

    found, _ = await all_or_alone(names, tool)

    assert len(found) == len(names)
    assert max(map(len, tool.runs)) == AT_ONCE
    assert max(sum(len(name) + 1 for name in run) for run in tool.runs) <= MAX_ARGUMENTS
