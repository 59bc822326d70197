"""What the router keeps of a task, and what it may ask for."""

from typing import Annotated, Literal

from pydantic import Field

from quorate.contract.agents import AgentCard
from quorate.contract.base import Part
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Assignee, Step
from quorate.contract.task import FinalState


class StepState(Part):
    """A step of the plan and how far it has come. ``agents`` has the versions that the task began with.

    ``input_ref`` is its input where it is not the task's own, and ``about_ref`` the findings that it is asked about.
    """

    step: Step
    agents: tuple[Assignee, ...]
    attempt: int = 1
    status: Literal["waiting", "assigned", "joined"] = "waiting"
    input_ref: BlobRef | None = None
    about_ref: BlobRef | None = None


class RouterState(Part):
    """A task. ``final`` is set once, and nothing that comes later changes it. Times are seconds since the epoch.

    ``helpers`` are agents that steps may be given to which the collector asks for; ``partial`` is set when such a step
    could not be.
    """

    kind: str | None = None
    idempotency_key: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    submitted_at: float
    started_at: float | None = None
    deadline_at: float | None = None
    series: str | None = None
    head_sha: str | None = None
    helpers: tuple[AgentCard, ...] = ()
    partial: bool = False
    steps: tuple[StepState, ...] = ()
    final: FinalState | None = None
    reason: str | None = None


class Dispatch(Part):
    """Hand a step to its agents."""

    do: Literal["dispatch"] = "dispatch"
    step: str


class Conclude(Part):
    """Publish the result and end the task."""

    do: Literal["conclude"] = "conclude"


RouterCommand = Annotated[Dispatch | Conclude, Field(discriminator="do")]
