"""The router's decisions: what next, for every fact of a task."""

from quorate.contract.facts import CancelRequested, Failed, Outcome, Submitted
from quorate.contract.task import FinalState
from quorate.reducer import Decision, Record
from quorate_router.domain.plan import plan
from quorate_router.domain.state import Conclude, Dispatch, RouterCommand, RouterState

RouterDecision = Decision[RouterState, RouterCommand]


def decide(state: RouterState | None, record: Record, default_deadline_s: dict[str, float]) -> RouterDecision:
    """``default_deadline_s`` maps a kind to the seconds a task of it may take; ``""`` stands for all others."""
    fact = record.fact
    if state is None:
        if isinstance(fact, Submitted):
            return _begin(fact, record.at, default_deadline_s)
        if isinstance(fact, Failed):
            # The collector stumbled over a task that the router has yet to see, or the router over the submission.
            unknown = RouterState(submitted_at=record.at)
            return _conclude(unknown, "failed", _failure(fact))
        return Decision(None)
    if state.final is not None:
        return Decision(state)
    match fact:
        case Outcome():
            return _advance(state, fact)
        case CancelRequested():
            return _conclude(state, "canceled", fact.reason)
        case Failed():
            return _conclude(state, "failed", _failure(fact))
        case _:
            return Decision(state)


def _begin(fact: Submitted, at: float, default_deadline_s: dict[str, float]) -> RouterDecision:
    state = RouterState(
        kind=fact.kind,
        idempotency_key=fact.idempotency_key,
        labels=fact.labels,
        submitted_at=fact.received_at or at,
        started_at=at,
    )
    if fact.refusal is not None:
        return _conclude(state, "rejected", fact.refusal)
    if not fact.agents:
        reason = f"no agent for {fact.kind} was there: start a worker (`quorate up worker`), or switch agents on"
        return _conclude(state, "failed", reason)
    deadline_s = fact.deadline_s or default_deadline_s.get(fact.kind, default_deadline_s[""])
    steps = plan(fact.kind, fact.agents, deadline_s)
    first = steps[0].model_copy(update={"status": "assigned"})
    state = state.model_copy(update={"steps": (first, *steps[1:])})
    return Decision(state, (Dispatch(step=first.step.name),))


def _advance(state: RouterState, outcome: Outcome) -> RouterDecision:
    current = next(
        (
            step
            for step in state.steps
            if step.step.name == outcome.step and step.attempt == outcome.attempt and step.status == "assigned"
        ),
        None,
    )
    if current is None:
        return Decision(state)
    steps = tuple(step.model_copy(update={"status": "joined"}) if step is current else step for step in state.steps)
    state = state.model_copy(update={"steps": steps})
    following = next((step for step in steps if step.status == "waiting"), None)
    if outcome.state == "failed" or following is None:
        return _conclude(state, outcome.state, outcome.reason)
    steps = tuple(step.model_copy(update={"status": "assigned"}) if step is following else step for step in steps)
    return Decision(state.model_copy(update={"steps": steps}), (Dispatch(step=following.step.name),))


def _conclude(state: RouterState, final: FinalState, reason: str | None) -> RouterDecision:
    return Decision(state.model_copy(update={"final": final, "reason": reason}), (Conclude(),))


def _failure(fact: Failed) -> str:
    return (
        f"the {fact.service} could not process {fact.subject}: {fact.reason}; the fact is in the dead letters"
        " (`quorate dead list`)"
    )
