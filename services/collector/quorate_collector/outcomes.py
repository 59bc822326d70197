"""Outcomes on their way into the log and out of it: a message holds what fits, the object store the rest."""

from typing import Any

from quorate.blobs import Blobs, BlobTooLarge
from quorate.bus import Bus
from quorate.contract.facts import Outcome
from quorate.contract.finding import DecidedFinding
from quorate.contract.ids import canonical_json
from quorate.errors import Unavailable
from quorate.log import publish_fact, read_fact

INLINE_ANSWERS = 32 * 1024
"""Answers up to this size stay in the message: one of them may be the input of the next step."""


class Outcomes:
    """Writes an outcome, once, and reads the one that stands."""

    def __init__(self, bus: Bus, blobs: Blobs, max_bytes: int) -> None:
        self._bus = bus
        self._blobs = blobs
        self._max_bytes = max_bytes

    async def publish(self, task: str, run: str, outcome: Outcome) -> bool:
        """False when another outcome of this run stands already."""
        return await publish_fact(self._bus, task, run, await self._fit(outcome))

    async def read(self, task: str, run: str) -> Outcome:
        """The outcome that stands, with all of its findings and answers. Raises BadReference or Unavailable."""
        outcome = await read_fact(self._bus, task, run, Outcome)
        if outcome is None:
            raise Unavailable(f"the outcome of {run} of {task} cannot be read yet")
        whole: dict[str, Any] = {}
        if outcome.findings_ref is not None:
            whole["findings"] = await self._blobs.get_json(outcome.findings_ref)
        if outcome.answers_ref is not None:
            whole["answers"] = await self._blobs.get_json(outcome.answers_ref)
        if not whole:
            return outcome
        whole |= {"findings_ref": None, "answers_ref": None}
        return Outcome.model_validate({**outcome.model_dump(), **whole})

    async def _fit(self, outcome: Outcome) -> Outcome:
        """Move to the object store what a message has no room for."""
        if outcome.answers and len(answers := canonical_json(outcome.answers)) > max(
            INLINE_ANSWERS, self._max_bytes // 2
        ):
            ref = await self._blobs.put(answers)
            outcome = outcome.model_copy(update={"answers": {}, "answers_ref": ref})
        encoded = [finding.model_dump_json().encode() for finding in outcome.findings]
        if sum(map(len, encoded)) <= self._max_bytes:
            return outcome
        kept = _fitting(outcome.findings, encoded, self._max_bytes)
        try:
            ref = await self._blobs.put(b"[" + b",".join(encoded) + b"]")
        except BlobTooLarge:
            lost = (
                f"{len(encoded) - len(kept):,} of {len(encoded):,} findings did not fit anywhere; review less at once"
            )
            return outcome.model_copy(update={"findings": kept, "partial": True, "reason": lost})
        return outcome.model_copy(update={"findings": kept, "findings_ref": ref})


def _fitting(findings: tuple[DecidedFinding, ...], encoded: list[bytes], max_bytes: int) -> tuple[DecidedFinding, ...]:
    kept, size = 0, 0
    for body in encoded:
        size += len(body) + 1
        if size > max_bytes:
            break
        kept += 1
    return findings[:kept]
