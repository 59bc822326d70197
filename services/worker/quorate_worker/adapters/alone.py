"""Alone: when a tool stumbles over one file of many, each of them is put before it by itself."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from quorate_worker.adapters.analysis import clean
from quorate_worker.adapters.command import MAX_ARGUMENTS
from quorate_worker.adapters.process import ToolFailed

Item = TypeVar("Item")

AT_ONCE = 500
"""Files on one command line."""


async def all_or_alone(
    names: Sequence[str], run: Callable[[Sequence[str]], Awaitable[list[Item]]]
) -> tuple[list[Item], dict[str, str]]:
    """What ``run`` gives for all names, and for those that the tool fails over, the reason.

    Raises ToolFailed if it fails over each: then it is the tool's fault.
    """
    found: list[Item] = []
    failed: dict[str, str] = {}
    for some in _portions(names):
        try:
            found += await run(some)
        except ToolFailed:
            if len(names) == 1:
                raise
            for name in some:
                try:
                    found += await run([name])
                except ToolFailed as error:
                    failed[name] = clean(str(error))
                    if len(failed) == len(names):
                        raise
    return found, failed


def _portions(names: Sequence[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    size = 0
    for name in names:
        size += len(name.encode("utf-8", "surrogateescape")) + 1
        if portion and (size > MAX_ARGUMENTS or len(portion) == AT_ONCE):
            yield portion
            portion, size = [], len(name.encode("utf-8", "surrogateescape")) + 1
        portion.append(name)
    if portion:
        yield portion
