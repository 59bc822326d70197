"""An agent of one's own: an async function with a name.

    @agent("no-print", languages=["python"])
    async def no_print(ctx: Context) -> list[Finding]: ...

``quorate up --agents my_module`` runs every agent that the module defines.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from quorate.contract.agents import AgentCard
from quorate.contract.facts import Contribution
from quorate.contract.finding import Ballot, DecidedFinding, Finding
from quorate.review import Review

Report = Contribution | list[Finding] | list[Ballot] | dict[str, Any] | str | int | float | bool | None
"""What an agent may return: findings, ballots on the findings in question, a contribution with its own coverage, or any
JSON value as its answer."""


async def _silent(_text: str) -> None:
    """Progress goes nowhere unless a worker listens."""


@dataclass
class Context:
    """What an agent is given: its share of a step. ``deadline_at`` is in seconds since the epoch.

    ``in_question`` are findings that it is asked about, with the votes so far; it answers with a ``Ballot`` for each.
    """

    task: str
    kind: str
    step: str
    agent: str
    input: dict[str, Any]
    deadline_at: float = float("inf")
    in_question: tuple[DecidedFinding, ...] = ()
    report_progress: Callable[[str], Awaitable[None]] = field(default=_silent, repr=False)
    parsed: Review | None = field(default=None, repr=False)

    @cached_property
    def review(self) -> Review:
        """The input of a ``code-review`` task, parsed."""
        return self.parsed or Review(self.input)

    async def progress(self, text: str) -> None:
        """Tell whoever watches what is going on; lossy, and never an error."""
        await self.report_progress(text)


AgentFunction = Callable[[Context], Awaitable[Report]]


@dataclass(frozen=True)
class Agent:
    """A function with the card that it is registered under. ``timeout_s`` bounds one run."""

    card: AgentCard
    function: AgentFunction
    timeout_s: float = 300.0

    @property
    def name(self) -> str:
        return self.card.name

    async def __call__(self, context: Context) -> Report:
        return await self.function(context)


def agent(
    name: str,
    *,
    kinds: Iterable[str] = ("code-review",),
    version: str = "1",
    languages: Iterable[str] = (),
    description: str = "",
    timeout_s: float = 300.0,
) -> Callable[[AgentFunction], Agent]:
    """Make an async function an agent.

    ``name`` is lower-case letters, digits, ``-`` and ``_``: it becomes a token of subjects. ``kinds`` are the kinds
    of task it works on. ``languages`` limits what counts as read in a review. ``timeout_s`` is in seconds.
    Raises ``pydantic.ValidationError`` for a name or a version that cannot be used.
    """

    def decorate(function: AgentFunction) -> Agent:
        card = AgentCard(
            name=name,
            version=version,
            kinds=tuple(kinds),
            languages=tuple(languages),
            description=description or (function.__doc__ or "").strip().partition("\n")[0],
        )
        return Agent(card, function, timeout_s)

    return decorate
