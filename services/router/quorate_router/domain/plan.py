"""Plans: what is asked of whom. Further patterns have their place here."""

from quorate.contract.agents import AgentCard
from quorate.contract.facts import Assignee, Step
from quorate_router.domain.state import StepState


def plan(kind: str, agents: tuple[AgentCard, ...], deadline_s: float) -> tuple[StepState, ...]:
    """One step that asks every agent of the kind; it is joined when all have answered or the deadline has passed."""
    step = Step(name=_step_name(kind), agents=tuple(card.name for card in agents), deadline_s=deadline_s)
    assignees = tuple(Assignee(agent=card.name, version=card.version) for card in agents)
    return (StepState(step=step, agents=assignees),)


def _step_name(kind: str) -> str:
    return "review" if kind == "code-review" else "work"
