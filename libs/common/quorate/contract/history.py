"""What a series of reviews has found so far: a document of the bucket QUORATE_LEDGER, written by the collector only.

Everything in it is bounded, since a value of a bucket is one message.
"""

from typing import Literal

from pydantic import Field

from quorate.contract.base import Message, Part
from quorate.contract.finding import Category, Decision, Severity

MAX_ISSUES = 1_000
MAX_RECORDED = 200
MAX_MESSAGE = 500
MAX_NAMES = 8

IssueState = Literal["open", "fixed", "dismissed"]


class Dismissal(Part):
    """Who does not want to hear of an issue, and why. ``agents`` had reported it until then, and were wrong."""

    by: str
    reason: str = ""
    agents: tuple[str, ...] = ()


class Issue(Part):
    """One issue over all reviews of the series.

    ``id`` is the id of the finding that first reported it. ``fingerprints`` are those it was reported under, the
    latest last. ``agents`` are all that ever reported it, the latest first. ``first_seen`` and ``last_seen`` are
    commits, or tasks where no commit is known.
    """

    id: str
    fingerprints: tuple[str, ...]
    path: str
    line: int | None = None
    end_line: int | None = None
    severity: Severity
    category: Category
    message: str
    cwe: int | None = None
    rules: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    decision: Decision
    state: IssueState = "open"
    first_seen: str
    last_seen: str
    dismissal: Dismissal | None = None


class Fate(Part):
    """What became of an issue says whether the agents that had reported it were right.

    ``event`` tells one from another, so that each counts once in the track record.
    """

    event: str
    agents: tuple[str, ...]
    right: int
    """1, or -1 to take it back; 0 when it is ``wrong`` that changes."""
    wrong: int


class History(Message):
    """``position`` is the place in the log of the newest assignment whose review was recorded, ``recorded`` the last
    tasks that were, and ``unsettled`` what has yet to be counted in the track record."""

    series: str
    position: int = 0
    paused: bool = False
    issues: tuple[Issue, ...] = ()
    recorded: tuple[str, ...] = ()
    unsettled: tuple[Fate, ...] = ()


class AgentRecord(Part):
    """How often what an agent reported turned out right (it was fixed) or wrong (it was dismissed)."""

    right: int = 0
    wrong: int = 0


class TrackRecord(Message):
    """The measured record of the agents of a tenant. ``counted`` are the last events, so that none counts twice."""

    agents: dict[str, AgentRecord] = Field(default_factory=dict)
    counted: tuple[str, ...] = ()
