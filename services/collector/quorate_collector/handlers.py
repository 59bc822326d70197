"""Carrying out what the collector decided: reading the contributions that count, and writing one outcome."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from quorate import crashpoints
from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract.facts import Contribution, Outcome, Question
from quorate.contract.finding import DecidedFinding
from quorate.contract.history import TrackRecord
from quorate.contract.ids import canonical_json
from quorate.errors import QuorateError
from quorate.reducer import Decision, Entry, Record
from quorate.settings import Settings
from quorate.topology import expiring
from quorate_collector.adapters.histories import Histories
from quorate_collector.contributions import Contributions
from quorate_collector.domain.command_answer import CommandAnswer
from quorate_collector.domain.commands import Command, effect
from quorate_collector.domain.conclude import Conclusion, Policy, conclude_first_look
from quorate_collector.domain.decide import decide
from quorate_collector.domain.electorate import NOBODY, Readers, needs_readers
from quorate_collector.domain.following import Followed, follow, without_dismissed
from quorate_collector.domain.looked import looked_at
from quorate_collector.domain.questions import PendingQuestion
from quorate_collector.domain.second_look import conclude_second_look
from quorate_collector.domain.state import CollectorCommand, CollectorState, Join
from quorate_collector.domain.track_record import weight_of
from quorate_collector.outcomes import Outcomes

log = logging.getLogger("quorate.collector")

OFF_LOOP_FINDINGS = 500
"""More findings than this are decided in a thread, so that the other partitions of this process need not wait."""

RECORD_AGE_S = 30.0
"""For so long a track record that was read is believed: it changes slowly."""

REVIEW_COMMAND = "review-command"


class CollectorReducer:
    """The collector's reducer over the log."""

    name = "collector"
    facts = ("assigned", "contribution", "timer", "cancel")
    begins = "assigned"
    entry_type = Entry[CollectorState, CollectorCommand]

    def __init__(
        self, bus: Bus, blobs: Blobs, settings: Settings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._blobs = blobs
        self._tenant = settings.tenant
        self._quorum = settings.quorum.of
        self._clock = clock
        self._contributions = Contributions(bus, blobs)
        self._outcomes = Outcomes(bus, blobs, settings.max_findings_bytes)
        self._histories = Histories(bus, replicas=settings.replicas, expiry=expiring(settings))
        self._lineages = {name: agent.lineage for name, agent in settings.agents.items() if agent.lineage}
        self._weights = {name: agent.weight for name, agent in settings.agents.items() if agent.weight is not None}
        self._track_record = TrackRecord()
        self._track_record_read_at = float("-inf")

    def decide(self, state: CollectorState | None, record: Record) -> Decision[CollectorState, CollectorCommand]:
        self._contributions.remember(record)
        return decide(state, record)

    async def carry_out(self, commands: tuple[CollectorCommand, ...], state: CollectorState, record: Record) -> None:
        for command in commands:
            await self._close(record.task, command.run, state)

    async def _close(self, task: str, run: str, state: CollectorState) -> None:
        join = state.joins[run]
        contributions = await self._contributions.of(task, run, join)
        if join.follows is not None:
            conclusion = await self._second_look(task, join, state, contributions)
        else:
            conclusion = await self._first_look(task, join, contributions)
        outcome = conclusion.outcome
        if conclusion.question is not None:
            outcome = outcome.model_copy(update={"question": await self._question(conclusion.question)})
        stands = await self._outcomes.publish(task, run, outcome)
        if join.series is not None and join.kind != REVIEW_COMMAND and outcome.state == "completed":
            crashpoints.reached("collector.concluded")
            # What others read counts, and not what this process would have said.
            await self._record(task, join, outcome if stands else await self._outcomes.read(task, run))

    async def _first_look(self, task: str, join: Join, contributions: Mapping[str, Contribution]) -> Conclusion:
        policy = await self._policy()
        if join.series is None:
            return await _concluded(contributions, lambda: conclude_first_look(join, contributions, policy))
        if join.kind == REVIEW_COMMAND:
            return await self._command(task, join, join.series, contributions, policy)
        history = await self._histories.read(self._tenant, join.series)
        looked = looked_at((assignee.agent for assignee in join.agents), contributions)

        def follow_them(found: tuple[DecidedFinding, ...]) -> Followed:
            return follow(history, found, looked, join.head_sha or task)

        return await _concluded(contributions, lambda: conclude_first_look(join, contributions, policy, follow_them))

    async def _second_look(
        self, task: str, join: Join, state: CollectorState, contributions: Mapping[str, Contribution]
    ) -> Conclusion:
        earlier = await self._outcomes.read(task, join.follows or "")
        if join.series is not None:
            history = await self._histories.read(self._tenant, join.series)
            earlier = earlier.model_copy(update={"findings": without_dismissed(history, earlier.findings)})
        readers = await self._readers(task, join, state) if needs_readers(self._quorum) else NOBODY
        return conclude_second_look(join, earlier, contributions, await self._policy(), readers)

    async def _readers(self, task: str, join: Join, state: CollectorState) -> Readers:
        """Who read which file in the first look."""
        first = join.follows or ""
        while (before := state.joins[first].follows) is not None:
            first = before
        return Readers(await self._contributions.of(task, first, state.joins[first]), self._lineages)

    async def _command(
        self, task: str, join: Join, series: str, contributions: Mapping[str, Contribution], policy: Policy
    ) -> Conclusion:
        """What a person asked for is done in the history, and told as the summary."""
        conclusion = conclude_first_look(join, contributions, policy)
        asked = next((each.answer for each in contributions.values() if each.state == "ok"), None)
        try:
            answer = CommandAnswer.model_validate(asked)
        except ValidationError:
            return conclusion
        outcome = conclusion.outcome.model_copy(update={"summary": answer.reason or "This is not allowed."})
        if answer.allowed:
            command = Command(answer.command, answer.by, task, answer.finding, answer.argument)
            said = await self._histories.command(self._tenant, series, command)
            done = effect(await self._histories.read(self._tenant, series), command)
            outcome = outcome.model_copy(update={"summary": said, "answers": {**outcome.answers, self.name: done}})
        return Conclusion(outcome)

    async def _question(self, pending: PendingQuestion) -> Question:
        found = [finding.model_dump(mode="json") for finding in pending.findings]
        return Question(
            kind=pending.kind,
            findings=tuple(finding.id for finding in pending.findings),
            agents=pending.agents,
            round=pending.round,
            ref=await self._blobs.put(canonical_json(found)),
        )

    async def _record(self, task: str, join: Join, outcome: Outcome) -> None:
        series = join.series or ""
        if join.follows is not None:
            # What the first look has recorded, and others may have changed since, is only decided anew.
            await self._histories.redecide(self._tenant, series, outcome.findings)
            return
        label = join.head_sha or task
        await self._histories.record(
            self._tenant, series, outcome.findings, outcome.resolved, task, label, join.position
        )

    async def _policy(self) -> Policy:
        """What the operator decided, and what the agents' records say."""
        if self._clock() - self._track_record_read_at > RECORD_AGE_S:
            self._track_record_read_at = self._clock()
            try:
                self._track_record = await self._histories.track_record(self._tenant)
            except QuorateError as error:
                # Advice: what is known of it does for a while, and no task waits for it.
                log.warning("%s", error, extra={"action": "collector.track_record"})
        return Policy(
            quorum=self._quorum,
            lineages=self._lineages,
            weights=self._weights,
            records={agent: weight_of(record) for agent, record in self._track_record.agents.items()},
        )


async def _concluded(contributions: Mapping[str, Contribution], conclude: Callable[[], Conclusion]) -> Conclusion:
    if sum(len(each.findings) for each in contributions.values()) > OFF_LOOP_FINDINGS:
        return await asyncio.to_thread(conclude)
    return conclude()
