"""Findings and the votes behind them."""

from typing import Literal, get_args

from pydantic import Field

from quorate.contract.base import Part
from quorate.contract.fix import Fix

Severity = Literal["critical", "high", "medium", "low", "info"]
Category = Literal[
    "bug",
    "security",
    "secrets",
    "style",
    "types",
    "performance",
    "complexity",
    "tests",
    "docs",
    "dependency",
    "workflow",
    "other",
]
Decision = Literal["confirmed", "demoted", "withheld", "held"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the most to the least severe."""

MAX_LINE = 2**31


def at_least(severity: Severity, threshold: Severity) -> bool:
    """Whether ``severity`` is as severe as ``threshold``, or more so."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(threshold)


class Finding(Part):
    """One located observation, as an agent reports it.

    ``line`` and ``end_line`` are 1-based lines of the new version of ``path``; ``line`` is None for a finding about
    the whole file. ``rule`` is the agent's own identifier, such as ``S105``, and ``cwe`` the number of the weakness
    (https://cwe.mitre.org), by which agents of different rules meet. ``confidence`` is between 0 and 1. ``indirect``
    says that the change causes it, though it lies outside of the changed lines, and ``dismissed`` that a comment in the
    code asks not to hear of it.
    """

    path: str
    line: int | None = Field(default=None, ge=1, le=MAX_LINE)
    end_line: int | None = Field(default=None, ge=1, le=MAX_LINE)
    severity: Severity = "medium"
    category: Category = "other"
    message: str = Field(min_length=1, max_length=8_000)
    rule: str = ""
    confidence: float = Field(default=0.8, ge=0, le=1)
    cwe: int | None = Field(default=None, ge=1, le=100_000)
    indirect: bool = False
    dismissed: bool = False
    suggestion: str | None = None
    fix: Fix | None = None
    evidence: str | None = None


class Clearance(Part):
    """A place that an agent looked at and found free of a weakness, where others may suspect it.

    Only an agent that knows what reaches the place says so: a constant, say, or an escaped value. To have found nothing
    is no clearance.
    """

    path: str
    line: int = Field(ge=1, le=MAX_LINE)
    end_line: int = Field(ge=1, le=MAX_LINE)
    cwe: int = Field(ge=1, le=100_000)
    message: str = Field(min_length=1, max_length=2_000)
    confidence: float = Field(default=0.8, ge=0, le=1)


class Ballot(Part):
    """What an agent says of a finding in question, by the finding's id: whether it is right, and why."""

    finding: str
    agrees: bool
    confidence: float = Field(default=0.8, ge=0, le=1)
    message: str = Field(default="", max_length=8_000)


class Objection(Part):
    """A vote against a finding: an agent cleared the place of that weakness."""

    agent: str
    lineage: str
    confidence: float
    message: str


class Vote(Part):
    """What one agent said about a decided finding, in its own words. ``weight`` is what its vote counted for, from 0 to
    1; 0 means that it may not vote."""

    agent: str
    lineage: str
    rule: str
    severity: Severity
    confidence: float
    message: str
    weight: float = 1.0


Standing = Literal["new", "known", "carried"]


class DecidedFinding(Part):
    """A finding after deduplication and the vote, as it stands in a result.

    ``fingerprint`` stays the same when the finding moves to another line; ``reason`` tells why it was decided so.

    In a series of reviews ``issue`` is the id that the finding had when it was first reported, and ``since`` the commit
    (or the task) of then. A finding is ``known`` when an earlier review reported it, and ``carried`` when nobody looked
    again, so that it still stands.
    """

    id: str
    path: str
    line: int | None = None
    end_line: int | None = None
    severity: Severity
    category: Category
    message: str
    cwe: int | None = None
    indirect: bool = False
    dismissed: bool = False
    suggestion: str | None = None
    fix: Fix | None = None
    fingerprint: str
    rules: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    objections: tuple[Objection, ...] = ()
    decision: Decision
    reason: str
    issue: str = ""
    standing: Standing = "new"
    since: str | None = None


class Resolved(Part):
    """A finding of an earlier review of the series that is gone."""

    issue: str
    path: str
    line: int | None = None
    severity: Severity
    category: Category
    message: str
    reason: str
