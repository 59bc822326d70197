"""Intake: from a published event to a fact, or to the dead letters. Nothing is acked before one of them stands."""

import asyncio
import logging
import time
from typing import Any

from quorate import crashpoints
from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.agents import AgentCard, AgentHeartbeat
from quorate.contract.facts import Submitted
from quorate.contract.ids import canonical_json, digest
from quorate.contract.intake import Intake, NotAnEvent, NotATask, read_intake
from quorate.contract.task import TaskEvent
from quorate.dead_letters import bury_delivery
from quorate.errors import Retryable, TooLarge, Unavailable
from quorate.log import publish_fact, read_fact
from quorate.pull import Delivery
from quorate.registry import cards_for, live_agents
from quorate.settings import Settings
from quorate_router.domain.admission import (
    HELPERS,
    PULL_REQUEST,
    Subject,
    check_input,
    check_kind,
    subject_of,
    unknown_kind,
)
from quorate_router.domain.search import Search

log = logging.getLogger("quorate.router")

RETRY_S = 0.25
MAX_KIND = 255
REGISTRY_AGE_S = 1.0

INLINE_BYTES = 768 * 1024
"""A larger input goes by reference: the fact holds more than the input, and must fit a message of 1 MiB."""

OFF_LOOP_BYTES = 128 * 1024
"""A larger input is checked in a thread, so that the partitions of this process need not wait for it."""


class NoAgentYet(Exception):
    """Nobody serves the kind so far, and there is still time for someone to appear."""


class IntakeHandler:
    """Admits what is published to ``quorate.submit.<kind>``."""

    def __init__(self, bus: Bus, blobs: Blobs, settings: Settings, stream_identity: str) -> None:
        self._bus = bus
        self._blobs = blobs
        self._settings = settings
        self._stream_identity = stream_identity
        self._registry: list[AgentHeartbeat] = []
        self._registry_read_at = float("-inf")
        self._search = Search(forget_after_s=max(4 * RETRY_S, settings.agents_wait_s))

    async def handle(self, delivery: Delivery) -> None:
        kind = delivery.subject.removeprefix("quorate.submit.")
        try:
            if len(kind) > MAX_KIND:
                raise NotATask(f"the kind has {len(kind):,} characters, and no result could be told under it")
            intake = read_intake(delivery.headers, delivery.data)
            task = intake.task_id(
                self._settings.tenant,
                kind,
                delivery.headers.get("Nats-Msg-Id"),
                self._stream_identity,
                delivery.sequence,
            )
            submitted = await self._admit(kind, intake, delivery)
            crashpoints.reached("router.admitted")
            await self._submit(task, submitted)
        except (NotATask, TooLarge) as error:
            await self._bury(delivery, str(error))
        except NoAgentYet:
            await delivery.nak(RETRY_S)
            return
        except Retryable as error:
            log.warning("%s: %s", delivery.subject, error, extra={"action": "intake.retry"})
            await delivery.nak(RETRY_S)
            return
        crashpoints.reached("router.submitted")
        await delivery.ack()

    async def _admit(self, kind: str, intake: Intake, delivery: Delivery) -> Submitted:
        """The fact that the event becomes: a task, or one that is refused with the reason."""
        try:
            event = intake.event()
        except NotAnEvent as error:
            return self._refused(kind, intake, delivery, str(error))
        if refusal := check_kind(kind):
            return self._refused(kind, intake, delivery, refusal)
        try:
            value, input_digest = await self._input(event)
        except BadReference as error:
            return self._refused(kind, intake, delivery, str(error))
        if _is_large(event, delivery):
            refusal = await asyncio.to_thread(check_input, kind, value)
        else:
            refusal = check_input(kind, value)
        agents: tuple[AgentCard, ...] = ()
        helpers: tuple[AgentCard, ...] = ()
        about = Subject()
        if refusal is None:
            about = subject_of(kind, value)
            agents = await self._agents(kind)
            if not agents:
                refusal = self._nobody(kind)
            elif about.fetched and not await self._agents(PULL_REQUEST):
                refusal = self._nobody(PULL_REQUEST)
            helpers = tuple(card for each in HELPERS.get(kind, ()) for card in cards_for(each, self._registry))
        submitted = Submitted(
            kind=kind,
            received_at=delivery.at,
            tenant=self._settings.tenant,
            input=event.input if refusal is None else None,
            input_ref=event.input_ref if refusal is None else None,
            input_digest=input_digest,
            idempotency_key=event.idempotency_key,
            deadline_s=event.deadline_s,
            priority=event.priority,
            labels=event.labels,
            agents=agents,
            helpers=tuple({card.name: card for card in helpers}.values()),
            series=about.series,
            head_sha=about.head_sha,
            refusal=refusal,
        )
        if submitted.input is not None and len(submitted.encode()) > INLINE_BYTES:
            ref = await self._blobs.put(canonical_json(submitted.input))
            submitted = submitted.model_copy(update={"input": None, "input_ref": ref})
        return submitted

    def _refused(self, kind: str, intake: Intake, delivery: Delivery, reason: str) -> Submitted:
        return Submitted(
            kind=kind,
            received_at=delivery.at,
            tenant=self._settings.tenant,
            input_digest=digest(canonical_json(intake.value)),
            idempotency_key=intake.idempotency_key,
            labels=intake.labels,
            refusal=reason,
        )

    async def _input(self, event: TaskEvent) -> tuple[dict[str, Any], str]:
        """The input itself and what tells it from another. Raises BadReference or Unavailable."""
        if event.input_ref is None:
            inline = event.input or {}
            return inline, digest(canonical_json(inline))
        value = await self._blobs.get_json(event.input_ref)
        if not isinstance(value, dict):
            raise BadReference("the object of input_ref is not a JSON object")
        # Of the value, not of its bytes: the same input is the same, whichever way it came.
        return value, await asyncio.to_thread(lambda: digest(canonical_json(value)))

    async def _agents(self, kind: str) -> tuple[AgentCard, ...]:
        """Who serves the kind. The registry is read at most once a second, or four times while nobody does."""
        agents = cards_for(kind, self._registry)
        age_s = time.monotonic() - self._registry_read_at
        if age_s > (REGISTRY_AGE_S if agents else RETRY_S):
            self._registry = await live_agents(self._bus)
            self._registry_read_at = time.monotonic()
            agents = cards_for(kind, self._registry)
        if agents:
            self._search.found(kind)
        return agents

    def _nobody(self, kind: str) -> str | None:
        """The refusal of a kind without agents, if it is unknown. Raises NoAgentYet while one may still appear.

        What counts is for how long this process has looked, not the age of the message: tasks that waited for the
        router, or for the broker, are not to be refused before their agents have had time to announce themselves.
        """
        waited_s = self._search.waited_s(kind, time.monotonic(), self._bus.generation)
        if waited_s < self._settings.agents_wait_s:
            raise NoAgentYet
        kinds = {served for heartbeat in self._registry for served in heartbeat.card.kinds}
        return unknown_kind(kind, tuple(sorted(kinds)))

    async def _submit(self, task: str, submitted: Submitted) -> None:
        """Write the fact. One that stands there already is this task's if it had the same input."""
        if await publish_fact(self._bus, task, "task", submitted):
            return
        first = await read_fact(self._bus, task, "task", Submitted)
        if first is None:
            raise Unavailable(f"the first submission of {task} cannot be read from the log yet")
        if first.input_digest != submitted.input_digest:
            raise NotATask(
                f"{task} was submitted before with another input under the same identity"
                f" ({submitted.idempotency_key or 'message id'!r}): use a new idempotency_key for a new task"
            )

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        await bury_delivery(self._bus, subjects.INTAKE, delivery, reason, by="router")
        log.info("%s: %s", delivery.subject, reason, extra={"action": "intake.dead"})


def _is_large(event: TaskEvent, delivery: Delivery) -> bool:
    return len(delivery.data) > OFF_LOOP_BYTES or (
        event.input_ref is not None and event.input_ref.size > OFF_LOOP_BYTES
    )
