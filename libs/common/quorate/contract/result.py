"""Results: what a task gave, on ``quorate.results.<kind>.<task>``."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from quorate.contract.base import Message, Part
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Coverage, Usage, Verdict
from quorate.contract.finding import DecidedFinding, Resolved
from quorate.contract.task import RESULT_TYPE, FinalState


def iso(at: float) -> str:
    """A time in seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Timings(Part):
    """Times as ISO 8601 in UTC, and the whole duration in milliseconds."""

    submitted_at: str | None = None
    started_at: str | None = None
    finished_at: str
    elapsed_ms: int = 0


class Result(Message):
    """The one final word on a task.

    ``findings_ref`` is set when the findings do not fit one message: ``findings`` then holds the most severe ones,
    and the object holds all (a JSON array). ``answers`` maps an agent to its answer, for kinds other than reviews;
    where they do not fit, ``answers_ref`` names an object that holds them (a JSON object). ``series`` and ``head_sha``
    say what was reviewed, and ``resolved`` what an earlier review of the series had found and this one did not.
    """

    task_id: str
    kind: str
    idempotency_key: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    series: str | None = None
    head_sha: str | None = None
    state: FinalState
    partial: bool = False
    reason: str | None = None
    verdict: Verdict | None = None
    summary: str = ""
    findings: tuple[DecidedFinding, ...] = ()
    findings_ref: BlobRef | None = None
    resolved: tuple[Resolved, ...] = ()
    answers: dict[str, Any] = Field(default_factory=dict)
    answers_ref: BlobRef | None = None
    coverage: Coverage = Coverage()
    missing: tuple[str, ...] = ()
    usage: Usage = Usage()
    timings: Timings

    def encode(self) -> bytes:
        """Unlike other messages a result shows every field of the contract, also where there is nothing to say."""
        return self.model_dump_json().encode()

    def headers(self) -> dict[str, str]:
        """The result is a CloudEvent in binary mode, so that a plain subscriber reads plain JSON."""
        return {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-type": RESULT_TYPE,
            "ce-source": "quorate",
            "ce-id": self.task_id,
            "ce-time": self.timings.finished_at,
        }
