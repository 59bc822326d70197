"""The agent "github": fetches pull requests for reviews, and looks into what people ask for below them.

It runs in the gateway, which has the credentials; the agents that read the changes have none.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nats.errors import Error as NatsError
from pydantic import ValidationError

from quorate import __version__, crashpoints
from quorate.blobs import Blobs
from quorate.bus import ApiError, Bus
from quorate.contract import subjects
from quorate.contract.agents import AgentCard
from quorate.contract.facts import Concluded, Contribution, Submitted
from quorate.contract.ids import canonical_json
from quorate.contract.intake import explain
from quorate.contract.progress import Progress, ProgressType
from quorate.contract.subjects import run_of
from quorate.contract.task import CodeReviewInput, ReviewCommandInput
from quorate.contract.work import Assignment
from quorate.dead_letters import bury_delivery
from quorate.errors import Rejected, Retryable, Unavailable
from quorate.github import Unauthorized
from quorate.log import publish_fact, read_fact
from quorate.pull import Delivery
from quorate_gateway.asking import Asking
from quorate_gateway.domain.source import Skipped
from quorate_gateway.domain.webhooks import CODE_REVIEW, REVIEW_COMMAND, leads_elsewhere
from quorate_gateway.ports import PullRequests

log = logging.getLogger("quorate.gateway")

PULL_REQUEST = "pull-request"
CARD = AgentCard(
    name="github",
    version=__version__,
    kinds=(PULL_REQUEST, REVIEW_COMMAND),
    description="Reads pull requests and the commands below them from GitHub",
)

MAX_ATTEMPTS = 30
"""An assignment that so often came to nothing is answered as failed. GitHub's limits alone may need several."""

RETRY_S = 0.5
MAX_RETRY_S = 30.0
MAX_UNREAD = 100
MAX_UNREAD_BYTES = 16 * 1024
INLINE_BYTES = 256 * 1024
MAX_REASON = 2_000


_Input = TypeVar("_Input", CodeReviewInput, ReviewCommandInput)


class BadInput(Rejected):
    """The input of the task is none that this agent can work on."""


class GitHubAgent:
    """Answers assignments, each once. ``now`` tells the time in seconds since the epoch."""

    def __init__(
        self, bus: Bus, blobs: Blobs, pulls: PullRequests, asking: Asking, now: Callable[[], float] = time.time
    ) -> None:
        self._bus = bus
        self._blobs = blobs
        self._pulls = pulls
        self._asking = asking
        self._now = now
        self._runs: dict[str, set[asyncio.Task[Contribution]]] = defaultdict(set)
        self._stopped: set[asyncio.Task[Contribution]] = set()

    async def handle(self, delivery: Delivery) -> None:
        """Acked when the contribution stands in the log, or is no longer wanted."""
        try:
            assignment = Assignment.model_validate_json(delivery.data)
            if assignment.agent != CARD.name:
                raise ValueError(f"it is for {assignment.agent[:80]!r}")
            if assignment.kind not in (CODE_REVIEW, *CARD.kinds):
                raise ValueError(f"the kind {assignment.kind[:80]!r} is not served")
        except ValueError as error:
            await bury_delivery(
                self._bus, subjects.WORK, delivery, f"not an assignment of github: {error}", by="gateway"
            )
            await delivery.ack()
            return
        try:
            if await self._is_wanted(assignment):
                contribution = await self._run(assignment, delivery.attempt)
                if contribution is not None:
                    crashpoints.reached("gateway.answered")
                    await self._contribute(assignment, contribution)
                    crashpoints.reached("gateway.contributed")
        except (Retryable, ApiError) as error:
            log.warning("%s: %s", assignment.task, error, extra={"action": "gateway.retry"})
            await delivery.nak(wait_s(error, delivery.attempt, assignment.deadline_at - self._now()))
            return
        await delivery.ack()

    async def stop_if_ended(self, task: str) -> None:
        """Stop what runs for a task. Anyone can send the signal for it, so the log is asked whether it is true."""
        if task not in self._runs:
            return
        if not await self._bus.get_all(subjects.LOG, subjects.stored_facts(task, f"{Concluded.type}.>")):
            return
        for run in self._runs.get(task, ()):
            self._stopped.add(run)
            run.cancel()

    async def _is_wanted(self, assignment: Assignment) -> bool:
        """Not when it was answered already, as after a lost ack, nor when the task has ended."""
        run = run_of(assignment.step, assignment.attempt)
        return not await self._bus.get_all(
            subjects.LOG,
            subjects.stored_facts(assignment.task, f"{Contribution.type}.{assignment.agent}.{run}"),
            subjects.stored_facts(assignment.task, f"{Concluded.type}.>"),
        )

    async def _run(self, assignment: Assignment, attempt: int) -> Contribution | None:
        """The answer; None when the task was canceled meanwhile. Raises Retryable."""
        if attempt > MAX_ATTEMPTS:
            return _failed(f"no gateway got it done in {MAX_ATTEMPTS} attempts; see their logs")
        started = time.monotonic()
        await self._tell(assignment, "agent.started")
        run = asyncio.create_task(self._attempt(assignment, attempt))
        self._runs[assignment.task].add(run)
        try:
            contribution = await run
        except asyncio.CancelledError:
            if run not in self._stopped:
                run.cancel()
                raise
            log.info("%s: stopped", assignment.task, extra={"action": "gateway.canceled"})
            return None
        finally:
            self._stopped.discard(run)
            self._runs[assignment.task].discard(run)
            if not self._runs[assignment.task]:
                del self._runs[assignment.task]
        elapsed_ms = round((time.monotonic() - started) * 1000)
        await self._tell(assignment, "agent.finished", elapsed_ms=elapsed_ms)
        return contribution.model_copy(update={"elapsed_ms": elapsed_ms})

    async def _attempt(self, assignment: Assignment, attempt: int) -> Contribution:
        """Whatever fails for good becomes a failed contribution, with a reason that a person can act on."""
        try:
            value = await self._input(assignment)
            if assignment.kind == REVIEW_COMMAND:
                answer = await self._asking.answer(_read(ReviewCommandInput, value))
            else:
                answer = await self._fetch(assignment, _read(CodeReviewInput, value))
            return Contribution(version=CARD.version, answer=answer)
        except (Retryable, ApiError) as error:
            left_s = assignment.deadline_at - self._now()
            if wait_s(error, attempt, left_s) >= left_s:
                return _failed(f"{error}; and the time of this step is over by then")
            await self._tell(assignment, "agent.progress", text=str(error))
            raise
        except Rejected as error:
            return _failed(str(error))
        except Exception as error:
            log.exception("%s: failed", assignment.task, extra={"action": "gateway.failed"})
            return _failed(f"{type(error).__name__}: {error}")

    async def _fetch(self, assignment: Assignment, wanted: CodeReviewInput) -> dict[str, Any]:
        """The pull request as the input of a review, in the object store; or why there is nothing to review."""
        pull_request = wanted.pull_request
        if pull_request is None:
            raise BadInput("the task is about no pull request")
        if leads_elsewhere(pull_request.repo):
            raise BadInput(f"{pull_request.repo!r} is not the name of a repository")

        async def progress(text: str) -> None:
            await self._tell(assignment, "agent.progress", text=text)

        fetched = await self._pulls.fetch(pull_request.repo, pull_request.number, wanted.head_sha, progress)
        if isinstance(fetched, Skipped):
            return {"skip": fetched.reason}
        review = fetched.review
        body = await asyncio.to_thread(canonical_json, review.model_dump(mode="json", exclude_none=True))
        ref = await self._blobs.put(body)
        return {
            "input_ref": ref.model_dump(mode="json"),
            "head_sha": review.head_sha,
            "base_sha": review.base_sha,
            "unread": _cut(fetched.unread),
        }

    async def _input(self, assignment: Assignment) -> Any:
        """The task's input. Raises BadReference or Unavailable."""
        value, ref = assignment.input, assignment.input_ref
        if value is None and ref is None:
            submitted = await read_fact(self._bus, assignment.task, "task", Submitted)
            if submitted is None:
                # The fact stood before the work was handed out: this replica of the stream is behind.
                raise Unavailable(f"{assignment.task} cannot be read from the log yet")
            value, ref = submitted.input, submitted.input_ref
        if value is not None:
            return value
        if ref is None:
            raise BadInput("the task has no input")
        return await self._blobs.get_json(ref)

    async def _contribute(self, assignment: Assignment, contribution: Contribution) -> None:
        body = contribution.encode()
        if len(body) > INLINE_BYTES:
            ref = await self._blobs.put(body)
            contribution = Contribution(state=contribution.state, version=contribution.version, body_ref=ref)
        key = f"{assignment.agent}.{run_of(assignment.step, assignment.attempt)}"
        await publish_fact(self._bus, assignment.task, key, contribution)

    async def _tell(self, assignment: Assignment, type: ProgressType, *, text: str = "", elapsed_ms: int = 0) -> None:
        progress = Progress(
            type=type,
            task=assignment.task,
            agent=assignment.agent,
            step=assignment.step,
            at=self._now(),
            text=text[:MAX_REASON],
            elapsed_ms=elapsed_ms,
        )
        # Published without waiting for an answer: progress is lossy, and must not slow down what it tells of.
        with contextlib.suppress(NatsError):
            await self._bus.client.publish(subjects.events(assignment.task), progress.encode())


def _read(model: type[_Input], value: Any) -> _Input:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BadInput(f"the input is wrong: {explain(error)}") from error


def wait_s(error: Exception, attempt: int, left_s: float) -> float:
    """When to try again: as GitHub says, else a little later each time. ``left_s`` is the time until the deadline.

    Nobody knows how long a token takes to be replaced: where the time is short it is tried sooner, a few times.
    """
    told: float = getattr(error, "retry_after_s", 0.0)
    if isinstance(error, Unauthorized):
        told = min(told, max(left_s / 2, MAX_RETRY_S))
    return max(told, min(RETRY_S * 2.0 ** min(attempt - 1, 10), MAX_RETRY_S))


def _cut(texts: Sequence[str]) -> list[str]:
    """The first of the texts, as many as a message has room for."""
    kept: list[str] = []
    room = MAX_UNREAD_BYTES
    for text in texts[:MAX_UNREAD]:
        shown = text[:MAX_REASON]
        room -= len(shown.encode("utf-8", "replace"))
        if room < 0:
            break
        kept.append(shown)
    return kept


def _failed(reason: str) -> Contribution:
    # Half of a character pair, as a text from outside may hold, can stand in no message.
    shown = reason.encode("utf-8", "replace").decode()[:MAX_REASON]
    return Contribution(state="failed", version=CARD.version, reason=shown)
