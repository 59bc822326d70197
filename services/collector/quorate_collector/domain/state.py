"""What the collector keeps of a task. Findings stay in the log; here is only who has answered."""

from typing import Literal

from pydantic import Field

from quorate.contract.base import Part
from quorate.contract.facts import Assignee


class Join(Part):
    """One run of a step: whom it waits for, and whose contributions count."""

    kind: str
    step: str
    attempt: int
    agents: tuple[Assignee, ...]
    position: int = 0
    """Where its assignment stands in the log."""
    series: str | None = None
    head_sha: str | None = None
    follows: str | None = None
    answered: tuple[str, ...] = ()
    closed: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        if len(self.answered) == len(self.agents):
            return ()
        answered = set(self.answered)
        return tuple(assignee.agent for assignee in self.agents if assignee.agent not in answered)


class CollectorState(Part):
    """The joins of a task by run. A canceled task joins nothing more."""

    joins: dict[str, Join] = Field(default_factory=dict)
    canceled: bool = False


class Close(Part):
    """Conclude a run of a step from the contributions that count."""

    do: Literal["close"] = "close"
    run: str


CollectorCommand = Close
