"""Carrying out what the router decided: facts first, then deadline and work."""

import asyncio
import logging
from collections.abc import Coroutine

from quorate import crashpoints
from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import Assigned, Concluded, Coverage, Outcome, Planned, Submitted, TimerFired
from quorate.contract.ids import canonical_json, message_id
from quorate.contract.result import Result
from quorate.contract.subjects import run_of
from quorate.contract.work import Assignment
from quorate.errors import QuorateError
from quorate.log import publish_fact, read_fact
from quorate.reducer import Decision, Entry, Record
from quorate.settings import Settings
from quorate.timers import clear_timers, set_timer
from quorate_router.domain.admission import CODE_REVIEW
from quorate_router.domain.decide import decide
from quorate_router.domain.result import result_of
from quorate_router.domain.state import Conclude, Dispatch, RouterCommand, RouterState, StepState

log = logging.getLogger("quorate.router")

RESULT_FRAME = 4_096
"""Room for a result's headers beside its body."""


class RouterReducer:
    """The router's reducer over the log."""

    name = "router"
    facts = ("submitted", "outcome", "cancel", "failed")
    begins = "submitted"
    entry_type = Entry[RouterState, RouterCommand]

    def __init__(self, bus: Bus, blobs: Blobs, settings: Settings) -> None:
        self._bus = bus
        self._blobs = blobs
        self._deadlines = {CODE_REVIEW: settings.review_deadline_s, "": settings.task_deadline_s}
        self._background: set[asyncio.Task[None]] = set()

    def decide(self, state: RouterState | None, record: Record) -> Decision[RouterState, RouterCommand]:
        return decide(state, record, self._deadlines)

    async def carry_out(self, commands: tuple[RouterCommand, ...], state: RouterState, record: Record) -> None:
        for command in commands:
            match command:
                case Dispatch():
                    await self._dispatch(command, state, record)
                case Conclude():
                    await self._conclude(state, record)

    async def _dispatch(self, command: Dispatch, state: RouterState, record: Record) -> None:
        task, kind = record.task, state.kind or ""
        step = next(step for step in state.steps if step.step.name == command.step)
        run = run_of(command.step, step.attempt)
        deadline_at = record.at + step.step.deadline_s
        if state.deadline_at is not None:
            deadline_at = min(deadline_at, state.deadline_at)
        facts = [publish_fact(self._bus, task, run, _assigned(state, step))]
        if planned := _planned(state, step):
            facts.append(publish_fact(self._bus, task, step.step.name if step.step.follows else "plan", planned))
        await asyncio.gather(*facts)
        crashpoints.reached("router.assigned")
        # Only now: a contribution or a deadline that came before the assignment would find nobody waiting for it.
        timer = TimerFired(name=run, step=command.step, attempt=step.attempt)
        await asyncio.gather(
            set_timer(self._bus, task, timer, deadline_at),
            *(self._hand_out(task, kind, step, assignee.agent, deadline_at) for assignee in step.agents),
        )

    async def _hand_out(self, task: str, kind: str, step: StepState, agent: str, deadline_at: float) -> None:
        name, attempt = step.step.name, step.attempt
        assignment = Assignment(
            task=task,
            kind=kind,
            step=name,
            attempt=attempt,
            agent=agent,
            input_ref=step.input_ref,
            about_ref=step.about_ref,
            deadline_at=deadline_at,
        )
        await self._bus.publish(
            subjects.work(agent),
            assignment.encode(),
            message_id=message_id("work", task, name, agent, attempt),
        )

    async def _conclude(self, state: RouterState, record: Record) -> None:
        task = record.task
        if state.kind is None:
            submitted = await self._submission(task)
            if submitted is not None:
                state = state.model_copy(
                    update={
                        "kind": submitted.kind,
                        "idempotency_key": submitted.idempotency_key,
                        "labels": submitted.labels,
                    }
                )
        outcome = record.fact if isinstance(record.fact, Outcome) else None
        result = await self._fit(result_of(task, state, outcome, record.at))
        await asyncio.gather(
            self._bus.put_once(subjects.result(result.kind, task), result.encode(), headers=result.headers()),
            publish_fact(
                self._bus, task, "task", Concluded(kind=result.kind, state=result.state, reason=result.reason)
            ),
        )
        if outcome is None or outcome.missing:
            await self._bus.client.publish(subjects.CANCEL_SIGNAL, task.encode())
        if state.steps:
            self._later(clear_timers(self._bus, task))

    async def _fit(self, result: Result) -> Result:
        """A result that fits a message whatever is in it: the task has ended, and its result must be told."""
        room = self._bus.client.max_payload - RESULT_FRAME
        if len(result.encode()) <= room:
            return result
        if result.answers:
            ref = await self._blobs.put(canonical_json(result.answers))
            result = result.model_copy(update={"answers": {}, "answers_ref": ref})
        if result.findings and len(result.encode()) > room:
            findings_ref = result.findings_ref or await self._blobs.put(
                b"[" + b",".join(finding.model_dump_json().encode() for finding in result.findings) + b"]"
            )
            result = result.model_copy(update={"findings": (), "findings_ref": findings_ref})
        if len(result.encode()) > room:
            result = result.model_copy(update={"labels": {}, "coverage": Coverage()})
        return result

    async def _submission(self, task: str) -> Submitted | None:
        try:
            return await read_fact(self._bus, task, "task", Submitted)
        except ValueError:
            # It is the submission itself that cannot be read.
            return None

    def _later(self, cleaning: Coroutine[None, None, None]) -> None:
        """Clean up beside the serial slot: whatever it leaves behind does no harm."""
        task = asyncio.create_task(_quietly(cleaning))
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _assigned(state: RouterState, step: StepState) -> Assigned:
    # What only fetches the input of another step finds nothing that would belong to the series.
    prepares = any(each.step.input_from == step.step.name for each in state.steps)
    return Assigned(
        kind=state.kind or "",
        step=step.step.name,
        attempt=step.attempt,
        agents=step.agents,
        deadline_s=step.step.deadline_s,
        series=None if prepares else state.series,
        head_sha=state.head_sha,
        input_ref=step.input_ref,
        follows=step.step.follows,
        about_ref=step.about_ref,
    )


def _planned(state: RouterState, step: StepState) -> Planned | None:
    """What is planned as this step begins: all steps with the first one, later those that the collector asked for."""
    kind = state.kind or ""
    if step is state.steps[0] and step.attempt == 1:
        steps = tuple(each.step for each in state.steps)
        return Planned(kind=kind, steps=steps, reason=f"every agent that serves {kind}")
    if step.step.follows is not None:
        return Planned(kind=kind, steps=(step.step,), reason=f"{step.step.follows} left findings without a quorum")
    return None


async def _quietly(cleaning: Coroutine[None, None, None]) -> None:
    try:
        await cleaning
    except QuorateError as error:
        log.info("%s", error, extra={"action": "router.cleaning"})
