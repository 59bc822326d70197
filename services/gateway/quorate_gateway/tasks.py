"""Submitting and canceling the tasks of pull requests, so that what comes twice is done once."""

import logging
from typing import NamedTuple

from quorate import crashpoints
from quorate.bus import Bus
from quorate.contract import ids, subjects
from quorate.contract.facts import CancelRequested, Concluded, Submitted
from quorate.contract.history import History
from quorate.contract.task import FinalState, TaskEvent
from quorate.log import publish_fact, record_of
from quorate_gateway.domain.attempts import MAX_ATTEMPTS, Attempt, Known, attempt_of, key_of
from quorate_gateway.domain.webhooks import Cancel, Submit

log = logging.getLogger("quorate.gateway")

DELIVERY = "delivery"
"""The label that says which webhook a task came from."""


class Submission(NamedTuple):
    """The task, and whether it is new."""

    task: str
    attempt: Attempt


class Tasks:
    """Every call may raise Unavailable or StreamFull when the broker cannot take part."""

    def __init__(self, bus: Bus, tenant: str) -> None:
        self._bus = bus
        self._tenant = tenant

    @property
    def can_be_stored(self) -> bool:
        """False while the broker is known to be away, so that nobody need wait to hear it."""
        return self._bus.client.is_connected

    async def submit(self, submit: Submit, delivery: str) -> Submission:
        """Returns when the task is stored; the same delivery, and the same key, give the same task again."""
        known = await self._known(submit.kind, submit.key)
        attempt = attempt_of(submit, known, delivery)
        key = key_of(submit.key, attempt.number)
        task = ids.task_id_from_key(self._tenant, submit.kind, key)
        if attempt.standing == "new":
            labels = {**submit.labels, DELIVERY: delivery} if delivery else dict(submit.labels)
            event = TaskEvent(input=dict(submit.input), idempotency_key=key, labels=labels)
            # Without the input: of two events about one push, such as two titles of it, the first is the review.
            message_id = ids.message_id("submit", self._tenant, submit.kind, key)
            body = event.model_dump_json(exclude_none=True).encode()
            await self._bus.publish(subjects.submit(submit.kind), body, message_id=message_id)
            crashpoints.reached("gateway.submitted")
        return Submission(task, attempt)

    async def cancel(self, kind: str, cancel: Cancel, *, spare: str | None = None) -> str | None:
        """Cancel what is underway under the key, but for the task ``spare``; None when there is no such task.

        A task that was published and not admitted yet is not known, and not waited for: when it fetches the pull
        request, it will see for itself that it is not wanted any more.
        """
        underway = [each for each in await self._known(kind, cancel.key) if each.state is None and each.task != spare]
        if not underway:
            return None
        await publish_fact(self._bus, underway[-1].task, "request", CancelRequested(reason=cancel.reason))
        return underway[-1].task

    async def is_paused(self, series: str) -> bool:
        """Whether someone asked for the series not to be reviewed by itself."""
        subject = subjects.history(ids.series_key(self._tenant, series))
        stored = await self._bus.get_last(f"KV_{subjects.LEDGER}", subject)
        if stored is None or not stored.data:
            return False
        try:
            return History.model_validate_json(stored.data).paused
        except ValueError as error:
            log.warning("%s: %s", subject, error, extra={"action": "gateway.history"})
            return False

    async def _known(self, kind: str, key: str) -> list[Known]:
        """The tasks of a key that stand in the log, in their order."""
        tasks = [ids.task_id_from_key(self._tenant, kind, key_of(key, number)) for number in range(1, MAX_ATTEMPTS + 1)]
        filters = [
            subjects.stored_facts(task, f"{fact.type}.*")
            for task in tasks
            for fact in (Submitted, CancelRequested, Concluded)
        ]
        submitted: dict[str, Submitted] = {}
        ends: dict[str, FinalState] = {}
        for record in map(record_of, await self._bus.get_all(subjects.LOG, *filters)):
            if isinstance(record.fact, Submitted):
                submitted[record.task] = record.fact
            elif isinstance(record.fact, Concluded):
                ends[record.task] = record.fact.state
            elif isinstance(record.fact, CancelRequested):
                ends.setdefault(record.task, "canceled")  # it will be, and nothing waits for it any more
        known = []
        for task in tasks:
            if (fact := submitted.get(task)) is None:
                break
            base = (fact.input or {}).get("base_sha")
            delivery = fact.labels.get(DELIVERY, "")
            known.append(Known(task, delivery, base if isinstance(base, str) else None, ends.get(task)))
        return known
