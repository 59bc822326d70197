"""How many tools run at once, and which goes first."""

import asyncio

import pytest

from quorate_worker.adapters.slots import Slots, available_cpus


class Jobs:
    """Jobs that end when they are told to."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str, expected_s: float = 1.0) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(name, expected_s))
        await settled()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        await settled()

    async def _run(self, name: str, expected_s: float) -> None:
        async with self.slots.slot(expected_s):
            self.begun.append(name)
            await self.ends[name].wait()


async def settled() -> None:
    """Everything that can go on has done so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_run_than_there_are_slots_and_the_longest_goes_first() -> None:
    jobs = Jobs(Slots(2))
    for name, expected_s in (("a", 1), ("b", 1), ("short", 0.1), ("long", 9), ("longer", 10)):
        await jobs.start(name, expected_s)
    assert jobs.begun == ["a", "b"]

    for name in ("a", "b", "longer", "long", "short"):
        await jobs.end(name)

    assert jobs.begun == ["a", "b", "longer", "long", "short"]


async def test_a_short_one_is_not_passed_over_without_end() -> None:
    jobs = Jobs(Slots(1))
    await jobs.start("first", 9)
    await jobs.start("short", 0.1)
    for number in range(5):
        await jobs.start(f"long {number}", 9)
        await jobs.end(jobs.begun[-1])

    assert jobs.begun[:4] == ["first", "long 0", "long 1", "short"]


async def test_equals_run_in_the_order_in_which_they_came() -> None:
    jobs = Jobs(Slots(1))
    for name in "abcd":
        await jobs.start(name)
    for name in "abcd":
        await jobs.end(name)

    assert jobs.begun == list("abcd")


async def test_one_that_gave_up_waiting_holds_nobody_up() -> None:
    jobs = Jobs(Slots(1))
    for name in "abc":
        await jobs.start(name)

    jobs.tasks["b"].cancel()
    await settled()
    await jobs.end("a")

    assert jobs.begun == ["a", "c"]


async def test_a_slot_that_is_given_to_a_canceled_one_is_passed_on() -> None:
    jobs = Jobs(Slots(1))
    async with jobs.slots.slot(1):
        await jobs.start("b")
        await jobs.start("c")
    jobs.tasks["b"].cancel()  # it has been told that it is its turn, and has not run yet
    await settled()

    assert jobs.begun == ["c"]
    await jobs.end("c")
    await jobs.start("d")
    assert jobs.begun == ["c", "d"]


async def test_a_job_that_fails_gives_its_slot_back() -> None:
    slots = Slots(1)
    with pytest.raises(ValueError, match="no"):
        async with slots.slot(1):
            raise ValueError("no")
    async with asyncio.timeout(5), slots.slot(1):
        pass


def test_by_default_there_is_one_for_each_cpu() -> None:
    assert Slots().count == available_cpus() >= 1
