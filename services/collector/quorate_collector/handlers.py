"""Carrying out what the collector decided: reading the contributions that count and writing one outcome.

An external writer (a review on a forge) will have its place behind a port of this service.
"""

import asyncio
from collections import OrderedDict

from pydantic import ValidationError

from quorate.blobs import BadReference, Blobs, BlobTooLarge
from quorate.bus import Bus
from quorate.contract.facts import Contribution, Outcome
from quorate.contract.finding import DecidedFinding
from quorate.contract.ids import canonical_json
from quorate.errors import Unavailable
from quorate.log import publish_fact, read_facts
from quorate.reducer import Decision, Entry, Record
from quorate.settings import Settings
from quorate_collector.domain.conclude import Policy, conclude
from quorate_collector.domain.decide import decide
from quorate_collector.domain.state import CollectorCommand, CollectorState, Join

RECENT = 2_000
RECENT_FINDINGS = 50
OFF_LOOP_FINDINGS = 500
"""More findings than this are decided in a thread, so that the other partitions of this process need not wait."""


class CollectorReducer:
    """The collector's reducer over the log."""

    name = "collector"
    facts = ("assigned", "contribution", "timer", "cancel")
    begins = "assigned"
    entry_type = Entry[CollectorState, CollectorCommand]

    def __init__(self, bus: Bus, blobs: Blobs, settings: Settings) -> None:
        self._bus = bus
        self._blobs = blobs
        self._max_bytes = settings.max_findings_bytes
        self._policy = Policy(
            quorum=settings.quorum.of,
            lineages={name: agent.lineage for name, agent in settings.agents.items() if agent.lineage},
        )
        self._recent: OrderedDict[tuple[str, ...], Contribution] = OrderedDict()

    def decide(self, state: CollectorState | None, record: Record) -> Decision[CollectorState, CollectorCommand]:
        if isinstance(record.fact, Contribution) and _is_small(record.fact):
            # Only a shortcut: what is not here is read from the log.
            self._recent[(record.task, *record.key)] = record.fact
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return decide(state, record)

    async def carry_out(self, commands: tuple[CollectorCommand, ...], state: CollectorState, record: Record) -> None:
        for command in commands:
            join = state.joins[command.run]
            contributions = await self._contributions(record.task, command.run, join)
            outcome = await self._conclude(join, contributions)
            await publish_fact(self._bus, record.task, command.run, outcome)

    async def _conclude(self, join: Join, contributions: dict[str, Contribution]) -> Outcome:
        if sum(len(each.findings) for each in contributions.values()) > OFF_LOOP_FINDINGS:
            outcome = await asyncio.to_thread(conclude, join, contributions, self._policy)
        else:
            outcome = conclude(join, contributions, self._policy)
        return await self._fit(outcome)

    async def _contributions(self, task: str, run: str, join: Join) -> dict[str, Contribution]:
        """The contributions that were counted, and no later ones, so that every replica concludes the same."""
        found = {agent: self._recent.pop((task, agent, run), None) for agent in join.answered}
        if not all(found.values()):
            for record in await read_facts(self._bus, task, f"contribution.*.{run}"):
                if record.key[0] in found and isinstance(record.fact, Contribution):
                    found[record.key[0]] = record.fact
        if behind := [agent for agent, each in found.items() if each is None]:
            # They stood in the log when they were counted: this replica of the stream is behind.
            raise Unavailable(f"the contributions of {', '.join(behind)} to {task} cannot be read yet")
        return {agent: await self._whole(each) for agent, each in sorted(found.items()) if each is not None}

    async def _whole(self, contribution: Contribution) -> Contribution:
        if contribution.body_ref is None:
            return contribution
        try:
            return Contribution.model_validate(await self._blobs.get_json(contribution.body_ref))
        except (BadReference, ValidationError) as error:
            return Contribution(
                state="failed", version=contribution.version, reason=f"its report is lost: {error}"[:500]
            )

    async def _fit(self, outcome: Outcome) -> Outcome:
        """Move to the object store what a message has no room for."""
        if outcome.answers and len(answers := canonical_json(outcome.answers)) > self._max_bytes // 2:
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


def _is_small(contribution: Contribution) -> bool:
    answer = contribution.answer
    short = answer is None or isinstance(answer, int | float) or (isinstance(answer, str) and len(answer) <= 1_000)
    return short and len(contribution.findings) <= RECENT_FINDINGS


def _fitting(findings: tuple[DecidedFinding, ...], encoded: list[bytes], max_bytes: int) -> tuple[DecidedFinding, ...]:
    kept, size = 0, 0
    for body in encoded:
        size += len(body) + 1
        if size > max_bytes:
            break
        kept += 1
    return findings[:kept]
