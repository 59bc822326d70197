"""The result of a task, from what the router knows of it and the outcome of its last step."""

from quorate.contract.facts import Coverage, Outcome, Usage
from quorate.contract.result import Result, Timings, iso
from quorate_router.domain.state import RouterState


def result_of(task: str, state: RouterState, outcome: Outcome | None, at: float) -> Result:
    """``at`` is when the task ended, in seconds since the epoch; ``outcome`` is None when no step got that far."""
    if state.final is None:
        raise ValueError(f"{task} has not ended")
    final = state.final
    return Result(
        task_id=task,
        kind=state.kind or "unknown",
        idempotency_key=state.idempotency_key,
        labels=state.labels,
        series=state.series,
        head_sha=state.head_sha,
        state=final,
        partial=state.partial or (outcome.partial if outcome else False),
        reason=state.reason,
        verdict=outcome.verdict if outcome else None,
        # What is canceled after a step has no use for the summary of that step.
        summary=(outcome.summary if outcome and final != "canceled" else "") or _summary(final, state.reason),
        findings=outcome.findings if outcome else (),
        findings_ref=outcome.findings_ref if outcome else None,
        resolved=outcome.resolved if outcome else (),
        answers=outcome.answers if outcome else {},
        answers_ref=outcome.answers_ref if outcome else None,
        coverage=outcome.coverage if outcome else Coverage(),
        missing=outcome.missing if outcome else (),
        usage=outcome.usage if outcome else Usage(),
        timings=Timings(
            submitted_at=iso(state.submitted_at),
            started_at=iso(state.started_at) if state.started_at is not None else None,
            finished_at=iso(at),
            elapsed_ms=max(0, round((at - state.submitted_at) * 1000)),
        ),
    )


def _summary(final: str, reason: str | None) -> str:
    return f"{final}: {reason}" if reason else final
