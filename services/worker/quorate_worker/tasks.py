"""The inputs of tasks, read once and shared by the agents of this process."""

import asyncio
from collections import OrderedDict
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Submitted
from quorate.contract.finding import DecidedFinding
from quorate.contract.intake import explain
from quorate.contract.work import Assignment
from quorate.errors import Unavailable
from quorate.log import read_fact
from quorate.review import Review

CODE_REVIEW = "code-review"
KEPT = 16
KEPT_CHARS = 64 * 1024 * 1024
OFF_LOOP_CHARS = 128 * 1024
_FINDINGS = TypeAdapter(tuple[DecidedFinding, ...])


class TaskInput(NamedTuple):
    """The input, and for a code review its parsed form."""

    value: dict[str, Any]
    review: Review | None

    @property
    def chars(self) -> int:
        """About how much memory it holds."""
        review = self.review
        return 0 if review is None else len(review.input.diff or "") + sum(map(len, review.input.files.values()))


class TaskInputs:
    """Looks up what a task is about. Of the last few tasks the parsed input is kept."""

    def __init__(self, bus: Bus, blobs: Blobs) -> None:
        self._bus = bus
        self._blobs = blobs
        self._kept: OrderedDict[str, asyncio.Task[TaskInput]] = OrderedDict()

    async def of(self, assignment: Assignment) -> TaskInput:
        """The input of an assignment. Raises BadReference or Unavailable."""
        if assignment.input is not None:
            return await self._read(assignment.kind, assignment.input, None)
        key = assignment.input_ref.sha256 if assignment.input_ref is not None else assignment.task
        task = self._kept.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._of_task(assignment))
            self._kept[key] = task
        # One agent's cancellation must not take the input from the others.
        given = await asyncio.shield(task)
        self._forget_old()
        return given

    def _forget_old(self) -> None:
        while len(self._kept) > 1 and (len(self._kept) > KEPT or self._chars() > KEPT_CHARS):
            self._kept.popitem(last=False)

    def _chars(self) -> int:
        ended = (task for task in self._kept.values() if task.done() and not task.cancelled())
        return sum(task.result().chars for task in ended if task.exception() is None)

    async def in_question(self, assignment: Assignment) -> tuple[DecidedFinding, ...]:
        """The findings that the assignment is about. Raises BadReference or Unavailable."""
        if assignment.about_ref is None:
            return ()
        try:
            return _FINDINGS.validate_python(await self._blobs.get_json(assignment.about_ref))
        except ValidationError as error:
            raise BadReference(f"the findings in question cannot be read: {explain(error)}") from error

    async def _of_task(self, assignment: Assignment) -> TaskInput:
        if assignment.input_ref is not None:
            return await self._read(assignment.kind, None, assignment.input_ref)
        submitted = await read_fact(self._bus, assignment.task, "task", Submitted)
        if submitted is None:
            # The fact stood before the work was handed out: this replica of the stream is behind.
            raise Unavailable(f"{assignment.task} cannot be read from the log yet")
        return await self._read(assignment.kind, submitted.input, submitted.input_ref)

    async def _read(self, kind: str, value: dict[str, Any] | None, ref: BlobRef | None) -> TaskInput:
        if value is None:
            value = await self._blobs.get_json(ref) if ref is not None else {}
        if kind != CODE_REVIEW or value.get("pull_request") is not None:
            # A pull request is yet to be fetched: there is nothing to parse.
            return TaskInput(value, None)
        if len(value.get("diff") or "") > OFF_LOOP_CHARS:
            return TaskInput(value, await asyncio.to_thread(Review, value))
        return TaskInput(value, Review(value))
