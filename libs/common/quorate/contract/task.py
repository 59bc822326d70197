"""Task events: what a publisher sends, and the states a task can be in."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from quorate.contract.base import StrictPart
from quorate.contract.blob import BlobRef

TaskState = Literal[
    "submitted", "working", "input-required", "auth-required", "completed", "failed", "canceled", "rejected"
]
FinalState = Literal["completed", "failed", "canceled", "rejected"]

SUBMIT_TYPE = "quorate.task.submit.v1"
RESULT_TYPE = "quorate.task.result.v1"

MAX_DEADLINE_S = 7 * 24 * 3600.0

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
LabelValue = Annotated[str, StringConstraints(max_length=512)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=64)]


class TaskEvent(StrictPart):
    """The body published to ``quorate.submit.<kind>``: a JSON object with ``input`` or ``input_ref``.

    ``deadline_s`` is in seconds from the submission. ``labels`` are echoed in the result.
    """

    input: dict[str, Any] | None = None
    input_ref: BlobRef | None = None
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=512)
    deadline_s: float | None = Field(default=None, gt=0, le=MAX_DEADLINE_S)
    priority: int = Field(default=0, ge=-10, le=10)
    labels: Labels = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exactly_one_input(self) -> "TaskEvent":
        if (self.input is None) == (self.input_ref is None):
            raise ValueError("give exactly one of `input` and `input_ref`")
        return self


class PullRequest(StrictPart):
    """A pull request on a forge: ``repo`` is ``owner/name``."""

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    number: int = Field(ge=1)


FORGE = "github:"


def series_of(pull_request: PullRequest) -> str:
    """The series that the reviews of a pull request belong to. Names of repositories are the same in any case."""
    return f"{FORGE}{pull_request.repo.lower()}#{pull_request.number}"


def pull_request_of(series: str | None) -> PullRequest | None:
    """The pull request whose series it is, or None."""
    if series is None or not series.startswith(FORGE):
        return None
    repo, _, number = series.removeprefix(FORGE).rpartition("#")
    return PullRequest(repo=repo, number=int(number))


class CodeReviewInput(StrictPart):
    """The input of kind ``code-review``: exactly one of ``diff`` and ``pull_request``.

    ``files`` maps the path of a changed file to its whole new content. ``scope`` says whether findings outside the
    changed lines are wanted too. ``series`` names what is reviewed again and again, such as a branch: what an earlier
    review of the series has found is followed, and not told anew. A pull request is a series of its own.
    """

    diff: str | None = None
    files: dict[str, str] = Field(default_factory=dict)
    pull_request: PullRequest | None = None
    repo: str | None = Field(default=None, max_length=512)
    base_sha: str | None = Field(default=None, max_length=64)
    head_sha: str | None = Field(default=None, max_length=64)
    title: str | None = Field(default=None, max_length=4096)
    description: str | None = Field(default=None, max_length=262_144)
    scope: Literal["changed", "all"] = "changed"
    series: str | None = Field(default=None, min_length=1, max_length=512)

    @model_validator(mode="after")
    def _exactly_one_source(self) -> "CodeReviewInput":
        if (self.diff is None) == (self.pull_request is None):
            raise ValueError("give exactly one of `diff` and `pull_request`")
        if self.series is not None and (self.pull_request is not None or self.series.startswith(FORGE)):
            raise ValueError(f"a pull request is a series of its own, and no other begins with {FORGE!r}")
        return self


ReviewCommandName = Literal["review", "explain", "dismiss", "undismiss", "pause", "resume", "help"]


class ReviewCommandInput(StrictPart):
    """The input of kind ``review-command``: what a person wrote below a pull request, such as ``/quorate dismiss ID``.

    ``finding`` is the id of the finding that is meant, ``argument`` the rest of the line. ``comment_id`` is the
    comment's own, and ``thread_of`` the first comment of the thread that it stands in, where it stands in one.
    """

    pull_request: PullRequest
    command: ReviewCommandName
    finding: str | None = Field(default=None, max_length=64)
    argument: str = Field(default="", max_length=2_000)
    by: str = Field(min_length=1, max_length=100)
    comment_id: int = Field(ge=1)
    thread_of: int | None = Field(default=None, ge=1)
