"""Plans: what is asked of whom. Further patterns have their place here."""

from quorate.contract.agents import AgentCard
from quorate.contract.facts import Assignee, Question, Step, Submitted
from quorate.contract.subjects import run_of
from quorate.contract.task import pull_request_of
from quorate_router.domain.admission import CODE_REVIEW, NO_SOURCE, PULL_REQUEST
from quorate_router.domain.state import RouterState, StepState

FETCH = "fetch"
FETCH_SHARE = 0.5
"""The part of a task's time that fetching may take: the review needs the rest."""

SHORTEST_STEP_S = 1.0


class NoPlan(Exception):
    """There is nobody to do what the task needs; the message says who is missing."""


def plan(submitted: Submitted, deadline_s: float) -> tuple[StepState, ...]:
    """One step that asks every agent of the kind; it is joined when all have answered or the deadline has passed.

    A pull request is fetched first. Raises NoPlan.
    """
    kind = submitted.kind
    step = Step(name=_step_name(kind), agents=_names(submitted.agents), deadline_s=deadline_s)
    if kind != CODE_REVIEW or pull_request_of(submitted.series) is None:
        return (StepState(step=step, agents=_assignees(submitted.agents)),)
    source = next((card for card in submitted.helpers if PULL_REQUEST in card.kinds), None)
    if source is None:
        raise NoPlan(NO_SOURCE)
    fetch = Step(name=FETCH, agents=(source.name,), deadline_s=deadline_s * FETCH_SHARE)
    review = step.model_copy(update={"needs": (FETCH,), "input_from": FETCH})
    return (
        StepState(step=fetch, agents=_assignees((source,))),
        StepState(step=review, agents=_assignees(submitted.agents)),
    )


def second_look(state: RouterState, asked: StepState, question: Question, at: float) -> StepState:
    """The step that puts findings of ``asked`` to others; it has what is left of the task's time. Raises NoPlan."""
    left_s = (state.deadline_at if state.deadline_at is not None else at) - at
    if left_s < SHORTEST_STEP_S:
        raise NoPlan(f"no time is left to {question.kind} {_findings(question)}")
    cards = tuple(
        card
        for card in state.helpers
        if question.kind in card.kinds and (card.name in question.agents or question.kind == "discuss")
    )
    if not cards:
        wanted = ", ".join(question.agents) or "no agent serves the kind discuss"
        raise NoPlan(f"nobody is there to {question.kind} {_findings(question)} ({wanted})")
    step = Step(
        name=f"{question.kind}-{question.round}",
        agents=_names(cards),
        needs=(asked.step.name,),
        deadline_s=left_s,
        follows=run_of(asked.step.name, asked.attempt),
    )
    return StepState(step=step, agents=_assignees(cards), input_ref=asked.input_ref, about_ref=question.ref)


def _findings(question: Question) -> str:
    return "1 finding" if len(question.findings) == 1 else f"{len(question.findings)} findings"


def _names(cards: tuple[AgentCard, ...]) -> tuple[str, ...]:
    return tuple(card.name for card in cards)


def _assignees(cards: tuple[AgentCard, ...]) -> tuple[Assignee, ...]:
    return tuple(Assignee(agent=card.name, version=card.version) for card in cards)


def _step_name(kind: str) -> str:
    return "review" if kind == CODE_REVIEW else "work"
