"""Telling results to the outside, at most once, whichever collector does it and whenever it dies.

For each result: claim in the ledger -> write -> receipt in the ledger -> fact -> ack. A process may die between any
two of these. The result then comes again to a collector, which finds in the ledger how far it was.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from quorate import crashpoints
from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import Written
from quorate.contract.intake import explain
from quorate.contract.ledger import Receipt
from quorate.contract.result import Result
from quorate.dead_letters import bury_delivery
from quorate.errors import Rejected, Retryable, TooLarge, Unavailable
from quorate.log import publish_fact
from quorate.provision import ensure_consumers
from quorate.pull import Delivery, Pull
from quorate.settings import DAY_S, Settings
from quorate.topology import expiring, writer_consumer
from quorate_collector.adapters.ledger import Busy, Claim, Ledger, Overtaken, Unreadable
from quorate_collector.domain.claims import given_up
from quorate_collector.ports import Write, Writer

log = logging.getLogger("quorate_collector.writing")

CONCURRENCY = 8
MAX_AGE_S = float(DAY_S)
MAX_ATTEMPTS = 200
MIN_ATTEMPTS = 5
"""Even a result that is too old is tried so often: the collectors may have been stopped for a day."""
MAX_SURPRISES = 5
"""Attempts that end by an error that nobody has foreseen. It will not go away by waiting."""

MAX_DELAY_S = 300.0
MAX_ASKED_DELAY_S = 3_600.0
MAX_BUSY_DELAY_S = 5.0
AGAIN_S = 1.0

FINISH_TRIES = 3
MAX_NOTE = 1_000


@dataclass
class _Attempt:
    """How far the writing of a result has come in this process."""

    result: Result
    write: Write | None = None
    claim: Claim | None = None


class Writing:
    """Brings results to one writer until stopped."""

    def __init__(
        self, bus: Bus, blobs: Blobs, writer: Writer, settings: Settings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._bus = bus
        self._blobs = blobs
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._ledger = Ledger(bus, writer.name, replicas=settings.replicas, expiry=expiring(settings), clock=clock)
        self._pull: Pull | None = None

    async def start(self) -> None:
        consumer = writer_consumer(self._writer.name, self._settings)
        await ensure_consumers(self._bus, subjects.RESULTS, [consumer])
        self._pull = Pull(
            self._bus,
            subjects.RESULTS,
            consumer["durable_name"],
            self.handle,
            concurrency=CONCURRENCY,
            ack_wait_s=self._settings.ack_wait_s,
            grace_s=self._settings.stop_grace_s,
        )
        await self._pull.start()

    async def stop(self) -> None:
        if self._pull is not None:
            await self._pull.stop()
        await self._writer.close()

    async def handle(self, delivery: Delivery) -> None:
        """Write one result and ack it, or hand it back for later."""
        try:
            await self._handle(delivery)
        except Overtaken as error:
            # Whoever has it now answers for it; should that process die, the broker delivers it again by itself.
            log.info("%s: %s", delivery.subject, error, extra={"action": "writing.overtaken"})
        except Retryable as error:
            log.info("%s: %s", delivery.subject, error, extra={"action": "writing.retry"})
            await delivery.nak(AGAIN_S)

    async def _handle(self, delivery: Delivery) -> None:
        try:
            result = read_result(delivery)
        except Rejected as error:
            await self._bury(delivery, str(error))
            await delivery.ack()
            return
        attempt = _Attempt(result)
        try:
            receipt = await self._carry_out(attempt) if self._concerns(result) else None
        except Overtaken:
            raise
        except Exception as error:
            attempts = _attempts(attempt, delivery)
            delay_s = until_next(error, attempts, self._clock() - delivery.at)
            self._log(result.task_id, error, delay_s)
            if delay_s is not None:
                await delivery.nak(delay_s)
                return
            receipt = await self._give_up(attempt, _note(error, attempts))
        if receipt is not None:
            await self._tell(delivery, result, receipt)
        await delivery.ack()

    def _concerns(self, result: Result) -> bool:
        return not self._writer.kinds or result.kind in self._writer.kinds

    async def _carry_out(self, attempt: _Attempt) -> Receipt | None:
        """The receipt of a result, which may have it from before; None when the result does not concern the writer."""
        result = attempt.result
        attempt.write = write = self._writer.write_of(result)
        if write is None:
            return None
        attempt.claim = claim = await self._ledger.claim(write.key, result.task_id, write.digest)
        if claim is None:
            return await self._ledger.receipt(write.key, result.task_id)
        crashpoints.reached("writing.claimed")
        receipt = await self._writer.write(await self._whole(result), claim)
        crashpoints.reached("writing.written")
        await self._finish(claim, receipt)
        crashpoints.reached("writing.finished")
        return receipt

    async def _finish(self, claim: Claim, receipt: Receipt) -> None:
        """Close the intent, also when the broker is away for a moment: what was written just now is known only here."""
        for tries in range(FINISH_TRIES):
            try:
                await claim.finish(receipt)
                return
            except Unavailable:
                if tries == FINISH_TRIES - 1:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def _give_up(self, attempt: _Attempt, note: str) -> Receipt:
        """The receipt of a write that ends here without success."""
        claim, write = attempt.claim, attempt.write
        receipt = Receipt(state="failed" if claim is None else given_up(claim.notes), note=note)
        try:
            if claim is not None:
                await claim.finish(receipt)
            elif write is not None:
                receipt = await self._ledger.settle(write.key, attempt.result.task_id, note)
        except (Unreadable, TooLarge) as error:
            # The dead letter tells of it then: without an end the result would come again and again.
            log.error("%s: %s", self._writer.name, error, extra={"action": "writing.no_receipt"})
        return receipt

    def _log(self, task: str, error: Exception, delay_s: float | None) -> None:
        """Where the error is not one of those that were foreseen, with its trace."""
        foreseen = isinstance(error, Retryable | Rejected)
        log.log(
            logging.INFO if foreseen and delay_s is not None else logging.ERROR,
            "%s: %s is %s: %s",
            self._writer.name,
            task,
            "given up" if delay_s is None else f"tried again in {delay_s:.0f} s",
            error,
            exc_info=None if foreseen else error,
            extra={"action": "writing.given_up" if delay_s is None else "writing.later"},
        )

    async def _tell(self, delivery: Delivery, result: Result, receipt: Receipt) -> None:
        """Say what came of it. It may happen again for the same receipt, and then changes nothing."""
        if receipt.state != "done":
            await self._bury(delivery, _advice(self._writer.name, result.task_id, receipt))
        written = Written(state=receipt.state, url=receipt.url, note=receipt.note)
        await publish_fact(self._bus, result.task_id, self._writer.name, written)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        await bury_delivery(self._bus, subjects.RESULTS, delivery, reason, by=f"writer-{self._writer.name}")

    async def _whole(self, result: Result) -> Result:
        """With the findings and answers that did not fit the message. Raises BadReference or Unavailable."""
        found: dict[str, Any] = {}
        if result.findings_ref is not None:
            found["findings"] = await self._blobs.get_json(result.findings_ref)
        if result.answers_ref is not None:
            found["answers"] = await self._blobs.get_json(result.answers_ref)
        if not found:
            return result
        return await asyncio.to_thread(Result.model_validate, {**result.model_dump(), **found})


def read_result(delivery: Delivery) -> Result:
    """Decode what stands on the results. Raises Rejected when it is no result, or not that of its subject."""
    try:
        result = Result.model_validate_json(delivery.data)
    except ValidationError as error:
        raise Rejected(f"not a result: {explain(error)}; find out who publishes to quorate.results.>") from error
    if delivery.subject != subjects.result(result.kind, result.task_id):
        raise Rejected(
            f"the result of {result.task_id} ({result.kind}) stands on the subject of another; find out who publishes"
            " to quorate.results.>"
        )
    return result


def _attempts(attempt: _Attempt, delivery: Delivery) -> int:
    """How often the write was tried, and before it could be claimed how often its result came. Of those most may have
    waited for their turn only, so that they never are the last: only age ends the wait, or a surprise."""
    return min(delivery.attempt, MAX_ATTEMPTS - 1) if attempt.claim is None else attempt.claim.epoch


def until_next(error: Exception, attempt: int, age_s: float) -> float | None:
    """Seconds until a write is tried again that ended by ``error`` at its ``attempt`` (from 1), or None: no more."""
    if isinstance(error, Rejected):
        return None
    too_old = age_s >= MAX_AGE_S and attempt >= MIN_ATTEMPTS
    if isinstance(error, Busy):
        # Its turn has not come yet, so these attempts do not count.
        return None if too_old else min(float(attempt), MAX_BUSY_DELAY_S)
    if too_old or attempt >= (MAX_ATTEMPTS if isinstance(error, Retryable) else MAX_SURPRISES):
        return None
    asked = getattr(error, "retry_after_s", None)
    if asked is not None:
        return min(max(float(asked), 0.0), MAX_ASKED_DELAY_S)
    return min(2.0 ** min(attempt - 1, 16), MAX_DELAY_S)


def _note(error: Exception, attempts: int) -> str:
    told = str(error) if isinstance(error, Retryable | Rejected) else f"{type(error).__name__}: {error}"
    return (told if isinstance(error, Rejected) else f"given up after {attempts} attempts: {told}")[:MAX_NOTE]


def _advice(writer: str, task: str, receipt: Receipt) -> str:
    """Why a result is in the dead letters, and what to do."""
    if receipt.state == "unknown":
        return (
            f"whether {writer} has written the result of {task} is unknown, and it is not written again by itself, for"
            f" that could be the second time: look there, and where it is missing, put it there by hand from what"
            f" `quorate task show {task}` prints. {receipt.note}"
        )
    return (
        f"{writer} has not written the result of {task}: correct the cause for the results to come, and put this one"
        f" there by hand from what `quorate task show {task}` prints. {receipt.note}"
    )
