"""Facts: the entries of a task's log, each on a subject of its own, ``quorate.log.<task>.<type>.<key>``.

The task, the type and the key are in the subject, and the time is the broker's; a body holds the rest.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field

from quorate.contract.agents import AgentCard
from quorate.contract.base import Message, Part
from quorate.contract.blob import BlobRef
from quorate.contract.finding import Ballot, Clearance, DecidedFinding, Finding, Resolved
from quorate.contract.task import FinalState

AgentState = Literal["ok", "failed", "timeout", "missing", "skipped"]
Verdict = Literal["approve", "comment", "request_changes"]


class Usage(Part):
    """What was spent on models and tools."""

    llm_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    tool_calls: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            llm_calls=self.llm_calls + other.llm_calls,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cost_usd=self.cost_usd + other.cost_usd,
            tool_calls=self.tool_calls + other.tool_calls,
        )


class AgentCoverage(Part):
    """How one agent took part: ``files`` is the number of files it read, ``outside_change`` counts findings that it
    made outside the changed lines and that were not asked for. ``unread`` has the files that it should have read and
    could not, each with the reason, as far as they fit; ``unread_total`` counts them."""

    state: AgentState
    version: str = ""
    lineage: str = ""
    files: int = 0
    elapsed_ms: int = 0
    outside_change: int = 0
    reason: str | None = None
    unread: dict[str, str] = Field(default_factory=dict)
    unread_total: int = 0


class Coverage(Part):
    """Who took part, and the changed paths that no agent read; ``unread_total`` counts them where not all are named."""

    agents: dict[str, AgentCoverage] = Field(default_factory=dict)
    unread: tuple[str, ...] = ()
    unread_total: int = 0


class Fact(Message):
    """An entry of a task's log. ``type`` is its token in the subject."""

    type: ClassVar[str]


class Submitted(Fact):
    """A task was admitted (``refusal`` is None), or understood and refused.

    ``agents`` is the registry as it was then, for the kind of the task: what is decided later is decided from it.
    ``helpers`` are agents of other kinds that its plan may need, such as one that fetches pull requests. ``series`` is
    what the task is one review of.
    """

    type: ClassVar[str] = "submitted"

    kind: str
    received_at: float | None = None
    """When the event was published, in seconds since the epoch; the fact itself may come later."""
    tenant: str = "default"
    input: dict[str, Any] | None = None
    input_ref: BlobRef | None = None
    input_digest: str
    idempotency_key: str | None = None
    deadline_s: float | None = None
    priority: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    agents: tuple[AgentCard, ...] = ()
    helpers: tuple[AgentCard, ...] = ()
    series: str | None = None
    head_sha: str | None = None
    refusal: str | None = None


class Assignee(Part):
    """An agent in the version that the task began with."""

    agent: str
    version: str


class Step(Part):
    """One question put to one or more agents; it is joined when all have answered or ``deadline_s`` has passed.

    ``input_from`` is the step whose answer is this one's input, in place of the task's own. ``follows`` is the step
    whose findings are in question.
    """

    name: str
    agents: tuple[str, ...]
    needs: tuple[str, ...] = ()
    deadline_s: float
    input_from: str | None = None
    follows: str | None = None


class Planned(Fact):
    """What the router made of the task."""

    type: ClassVar[str] = "planned"

    kind: str
    steps: tuple[Step, ...]
    reason: str


class Assigned(Fact):
    """A step was given to agents. Only their contributions to it count.

    ``input_ref`` is the step's input where it is not the task's own. ``follows`` and ``about_ref`` are set when
    findings are in question: the step that found them, and an object that holds them (a JSON array).
    """

    type: ClassVar[str] = "assigned"

    kind: str
    step: str
    attempt: int = 1
    agents: tuple[Assignee, ...]
    deadline_s: float
    series: str | None = None
    head_sha: str | None = None
    input_ref: BlobRef | None = None
    follows: str | None = None
    about_ref: BlobRef | None = None


class Contribution(Fact):
    """What one agent reported of its assignment: findings, or an answer.

    The agent and the step are in the subject, which permissions bind to the publisher; the body names neither.
    ``cleared`` are votes against findings of others, and ``ballots`` votes on findings in question. ``read`` and
    ``unread`` are changed paths; ``unread`` gives the reason.
    ``changed`` are all changed paths, from an agent that knows them: what is in no agent's ``read`` is unread;
    ``renamed`` maps those with another name than before to the old one.
    A contribution that does not fit a message lies in the object store as a whole, and ``body_ref`` names it.
    """

    type: ClassVar[str] = "contribution"

    state: AgentState = "ok"
    version: str = ""
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    cleared: tuple[Clearance, ...] = ()
    ballots: tuple[Ballot, ...] = ()
    answer: Any = None
    read: tuple[str, ...] = ()
    unread: dict[str, str] = Field(default_factory=dict)
    changed: tuple[str, ...] = ()
    renamed: dict[str, str] = Field(default_factory=dict)
    outside_change: int = 0
    elapsed_ms: int = 0
    usage: Usage = Usage()
    body_ref: BlobRef | None = None


QuestionKind = Literal["verify", "discuss", "hold"]


class Question(Part):
    """What the collector asks the router for before it can conclude: another look at findings without a quorum.

    ``verify`` puts them to ``agents``, ``discuss`` to all who can discuss, with the evidence of the others, and
    ``hold`` to a person. ``ref`` names an object that holds the findings (a JSON array); ``findings`` are their ids.
    ``round`` counts from 1.
    """

    kind: QuestionKind
    findings: tuple[str, ...]
    agents: tuple[str, ...] = ()
    round: int = 1
    ref: BlobRef


class Outcome(Fact):
    """What the collector concluded of a step.

    ``findings`` holds as many as fit a message, the most severe first; ``findings_ref`` then names an object with
    all of them, and ``answers_ref`` likewise. ``resolved`` are findings of earlier reviews of the series that are gone.
    With ``question`` the outcome is not the last word.
    """

    type: ClassVar[str] = "outcome"

    step: str
    attempt: int = 1
    state: Literal["completed", "failed"]
    partial: bool = False
    reason: str | None = None
    verdict: Verdict | None = None
    summary: str = ""
    findings: tuple[DecidedFinding, ...] = ()
    findings_ref: BlobRef | None = None
    resolved: tuple[Resolved, ...] = ()
    question: Question | None = None
    answers: dict[str, Any] = Field(default_factory=dict)
    answers_ref: BlobRef | None = None
    coverage: Coverage = Coverage()
    missing: tuple[str, ...] = ()
    usage: Usage = Usage()


class TimerFired(Fact):
    """A deadline passed. ``step`` and ``attempt`` tell a stale timer from a current one."""

    type: ClassVar[str] = "timer"

    name: str
    step: str
    attempt: int = 1


class CancelRequested(Fact):
    """Someone asked to stop the task."""

    type: ClassVar[str] = "cancel"

    reason: str = "canceled on request"


class Failed(Fact):
    """A service could not process a fact of this task; the fact lies in the dead letters."""

    type: ClassVar[str] = "failed"

    service: str
    subject: str
    reason: str


class Written(Fact):
    """A writer told the result to the outside. The key is the writer's name.

    ``done`` happened once; of ``unknown`` nobody can say whether it happened, and ``failed`` did not.
    """

    type: ClassVar[str] = "written"

    state: Literal["done", "failed", "unknown"]
    url: str | None = None
    note: str = ""


class Concluded(Fact):
    """The task reached its one final state."""

    type: ClassVar[str] = "concluded"

    kind: str
    state: FinalState
    reason: str | None = None


FACTS: dict[str, type[Fact]] = {
    fact.type: fact
    for fact in (
        Submitted,
        Planned,
        Assigned,
        Contribution,
        Outcome,
        TimerFired,
        CancelRequested,
        Failed,
        Concluded,
        Written,
    )
}
