"""The worker's consumer: one assignment in, one contribution out."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict

from nats.errors import Error as NatsError

from quorate import crashpoints
from quorate.agent_definition import Agent, Context
from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import Concluded, Contribution
from quorate.contract.progress import Progress, ProgressType
from quorate.contract.subjects import run_of
from quorate.contract.work import Assignment
from quorate.dead_letters import bury_delivery
from quorate.errors import Rejected, Retryable
from quorate.log import publish_fact
from quorate.pull import Delivery
from quorate_worker.domain.report import clean, contribution_of
from quorate_worker.tasks import TaskInput, TaskInputs

log = logging.getLogger("quorate.worker")

MAX_ATTEMPTS = 5
"""An assignment that so often came to nothing is answered as failed, for the join not to wait for it."""

TOLD_AFTER_S = 0.02
INLINE_BYTES = 256 * 1024
RETRY_S = 0.5


class Worker:
    """Runs agents. A task that is canceled or concluded stops what runs for it here."""

    def __init__(self, bus: Bus, blobs: Blobs, agents: list[Agent]) -> None:
        self._bus = bus
        self._blobs = blobs
        self._inputs = TaskInputs(bus, blobs)
        self._agents = {agent.name: agent for agent in agents}
        self._runs: dict[str, set[asyncio.Task[Contribution]]] = defaultdict(set)
        self._stopped: set[asyncio.Task[Contribution]] = set()

    async def handle(self, delivery: Delivery) -> None:
        """Answer an assignment, once. Acked when the contribution stands in the log, or is no longer wanted."""
        try:
            assignment = Assignment.model_validate_json(delivery.data)
            agent = self._agents[assignment.agent]
        except (ValueError, KeyError) as error:
            await self._bury(delivery, f"not an assignment of this worker: {error}")
            return
        try:
            if await self._is_wanted(assignment):
                crashpoints.reached("worker.started")
                contribution = await self._run(agent, assignment, delivery)
                if contribution is not None:
                    crashpoints.reached("worker.finished")
                    await self._contribute_patiently(assignment, contribution)
                    crashpoints.reached("worker.contributed")
        except Retryable as error:
            log.warning("%s: %s", delivery.subject, error, extra={"action": "worker.retry"})
            await delivery.nak(RETRY_S)
            return
        await delivery.ack()

    async def stop_if_ended(self, task: str) -> None:
        """Stop what runs for a task. Anyone can send the signal for it, so the log is asked whether it is true."""
        if task not in self._runs or not await self._has_ended(task):
            return
        for run in self._runs.get(task, ()):
            self._stopped.add(run)
            run.cancel()

    async def _has_ended(self, task: str) -> bool:
        return bool(await self._bus.get_all(subjects.LOG, subjects.stored_facts(task, f"{Concluded.type}.>")))

    async def _is_wanted(self, assignment: Assignment) -> bool:
        """Not when this agent has answered already, as after a lost ack, nor when the task has ended."""
        run = run_of(assignment.step, assignment.attempt)
        found = await self._bus.get_all(
            subjects.LOG,
            subjects.stored_facts(assignment.task, f"{Contribution.type}.{assignment.agent}.{run}"),
            subjects.stored_facts(assignment.task, f"{Concluded.type}.>"),
        )
        return not found

    async def _run(self, agent: Agent, assignment: Assignment, delivery: Delivery) -> Contribution | None:
        """What the agent made of it; None when the task was canceled meanwhile."""
        started = time.monotonic()
        if delivery.attempt > MAX_ATTEMPTS:
            return Contribution(
                state="failed",
                version=agent.card.version,
                reason=f"no worker got it done in {MAX_ATTEMPTS} attempts; see their logs",
            )
        done: set[asyncio.Task[Contribution]] = set()
        run = asyncio.create_task(self._attempt(agent, assignment))
        self._runs[assignment.task].add(run)
        try:
            # An agent that is done at once needs no progress: its contribution tells all.
            done, _ = await asyncio.wait({run}, timeout=TOLD_AFTER_S)
            if not done:
                await self._tell(assignment, "agent.started")
            contribution = await run
        except asyncio.CancelledError:
            if run in self._stopped:
                log.info("%s: stopped %s", assignment.task, agent.name, extra={"action": "worker.canceled"})
                return None
            if (current := asyncio.current_task()) is None or current.cancelling():
                run.cancel()
                raise
            contribution = _without_findings("failed", "it canceled itself", agent, None)
        finally:
            self._stopped.discard(run)
            self._runs[assignment.task].discard(run)
            if not self._runs[assignment.task]:
                del self._runs[assignment.task]
        elapsed_ms = round((time.monotonic() - started) * 1000)
        if not done:
            await self._tell(assignment, "agent.finished", findings=len(contribution.findings), elapsed_ms=elapsed_ms)
        return contribution.model_copy(update={"elapsed_ms": elapsed_ms})

    async def _attempt(self, agent: Agent, assignment: Assignment) -> Contribution:
        """Run the agent's code. Whatever it raises becomes a failed contribution: no agent stops a worker."""
        given: TaskInput | None = None
        try:
            given = await self._inputs.of(assignment)

            async def progress(text: str) -> None:
                await self._tell(assignment, "agent.progress", text=text)

            context = Context(
                task=assignment.task,
                kind=assignment.kind,
                step=assignment.step,
                agent=agent.name,
                input=given.value,
                deadline_at=assignment.deadline_at,
                report_progress=progress,
                in_question=await self._inputs.in_question(assignment),
                parsed=given.review,
            )
            limit = asyncio.timeout(agent.timeout_s)
            try:
                async with limit:
                    report = await agent(context)
            except TimeoutError:
                if not limit.expired():
                    raise
                return _without_findings("timeout", f"gave up after {agent.timeout_s:g} s", agent, given)
            return contribution_of(agent, report, given.review)
        except Retryable:
            raise
        except BadReference as error:
            return _without_findings("failed", str(error), agent, given)
        except (Exception, SystemExit) as error:
            log.exception("%s: %s failed", assignment.task, agent.name, extra={"action": "worker.failed"})
            return _without_findings("failed", f"{type(error).__name__}: {error}", agent, given)

    async def _contribute_patiently(self, assignment: Assignment, contribution: Contribution) -> None:
        """Write it down, and wait for a broker that is away: handing the work back would have it paid for twice."""
        delay_s = 0.1
        while True:
            try:
                await self._contribute(assignment, contribution)
                return
            except (Rejected, ValueError) as error:
                # Too large even for a reference, or text that no message can carry.
                contribution = Contribution(state="failed", version=contribution.version, reason=clean(str(error)))
            except Retryable as error:
                if self._bus.lost.done():
                    raise
                log.warning("%s: %s", assignment.task, error, extra={"action": "worker.waiting"})
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, 2.0)

    async def _contribute(self, assignment: Assignment, contribution: Contribution) -> None:
        body = contribution.encode()
        if len(body) > INLINE_BYTES:
            contribution = Contribution(
                state=contribution.state,
                version=contribution.version,
                elapsed_ms=contribution.elapsed_ms,
                body_ref=await self._blobs.put(body),
            )
        key = f"{assignment.agent}.{run_of(assignment.step, assignment.attempt)}"
        await publish_fact(self._bus, assignment.task, key, contribution)

    async def _tell(
        self,
        assignment: Assignment,
        type: ProgressType,
        *,
        text: str = "",
        findings: int = 0,
        elapsed_ms: int = 0,
    ) -> None:
        progress = Progress(
            type=type,
            task=assignment.task,
            agent=assignment.agent,
            step=assignment.step,
            at=time.time(),
            text=clean(text[:2_000]),
            findings=findings,
            elapsed_ms=elapsed_ms,
        )
        # Published without waiting for an answer: progress is lossy, and must not slow down what it tells of.
        with contextlib.suppress(NatsError):
            await self._bus.client.publish(subjects.events(assignment.task), progress.encode())

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        await bury_delivery(self._bus, subjects.WORK, delivery, reason, by="worker")
        await delivery.ack()


def _without_findings(state: str, reason: str, agent: Agent, given: TaskInput | None) -> Contribution:
    paths = given.review.paths if given is not None and given.review is not None else ()
    return Contribution.model_validate(
        {
            "state": state,
            "reason": clean(reason[:2_000]),
            "version": agent.card.version,
            "unread": dict.fromkeys(paths, f"{agent.name} {state}"),
        }
    )
