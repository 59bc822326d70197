"""The router's decisions: what next, for every fact of a task."""

from pydantic import ValidationError

from quorate.contract.blob import BlobRef
from quorate.contract.facts import CancelRequested, Failed, Outcome, Submitted
from quorate.contract.task import FinalState
from quorate.reducer import Decision, Record
from quorate_router.domain.plan import NoPlan, plan, second_look
from quorate_router.domain.state import Conclude, Dispatch, RouterCommand, RouterState, StepState

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
            return _advance(state, fact, record.at)
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
        series=fact.series,
        head_sha=fact.head_sha,
        helpers=fact.helpers,
    )
    if fact.refusal is not None:
        return _conclude(state, "rejected", fact.refusal)
    if not fact.agents:
        reason = f"no agent for {fact.kind} was there: start a worker (`quorate up worker`), or switch agents on"
        return _conclude(state, "failed", reason)
    deadline_s = fact.deadline_s or default_deadline_s.get(fact.kind, default_deadline_s[""])
    try:
        steps = plan(fact, deadline_s)
    except NoPlan as error:
        return _conclude(state, "failed", str(error))
    return _assign(state.model_copy(update={"steps": steps, "deadline_at": at + deadline_s}), steps[0])


def _advance(state: RouterState, outcome: Outcome, at: float) -> RouterDecision:
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
    state = _replaced(state, current, current.model_copy(update={"status": "joined"}))
    if outcome.state == "completed" and outcome.question is not None:
        try:
            asking = second_look(state, current, outcome.question, at)
        except NoPlan as error:
            # Whoever reads the result has to see that a second look was wanted, and that there was none.
            state = state.model_copy(update={"partial": True})
            return _conclude(state, "completed", "; ".join(filter(None, (outcome.reason, str(error)))))
        return _assign(state.model_copy(update={"steps": (*state.steps, asking)}), asking)
    following = next((step for step in state.steps if step.status == "waiting"), None)
    if outcome.state == "failed" or following is None:
        return _conclude(state, outcome.state, outcome.reason)
    if following.step.input_from != current.step.name:
        return _assign(state, following)
    return _hand_over(state, following, outcome)


def _hand_over(state: RouterState, following: StepState, outcome: Outcome) -> RouterDecision:
    """Give what one step has fetched to the next. An answer with ``skip`` says why there is nothing to do."""
    answer = next(iter(outcome.answers.values()), None)
    answer = answer if isinstance(answer, dict) else {}
    if isinstance(answer.get("skip"), str):
        return _conclude(state, "canceled", answer["skip"])
    try:
        input_ref = BlobRef.model_validate(answer.get("input_ref"))
    except ValidationError:
        return _conclude(state, "failed", f"the answer of {', '.join(outcome.answers) or 'nobody'} is no input")
    head = answer.get("head_sha")
    if isinstance(head, str):
        state = state.model_copy(update={"head_sha": head})
    given = following.model_copy(update={"input_ref": input_ref})
    return _assign(_replaced(state, following, given), given)


def _assign(state: RouterState, step: StepState) -> RouterDecision:
    state = _replaced(state, step, step.model_copy(update={"status": "assigned"}))
    return Decision(state, (Dispatch(step=step.step.name),))


def _replaced(state: RouterState, old: StepState, new: StepState) -> RouterState:
    return state.model_copy(update={"steps": tuple(new if step is old else step for step in state.steps)})


def _conclude(state: RouterState, final: FinalState, reason: str | None) -> RouterDecision:
    return Decision(state.model_copy(update={"final": final, "reason": reason}), (Conclude(),))


def _failure(fact: Failed) -> str:
    return (
        f"the {fact.service} could not process {fact.subject}: {fact.reason}; the fact is in the dead letters"
        " (`quorate dead list`)"
    )
