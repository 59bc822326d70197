"""Admission: whether an event can be a task, before anything is planned."""

from typing import Any, NamedTuple

from pydantic import ValidationError

from quorate.contract.ids import KIND
from quorate.contract.intake import explain
from quorate.contract.task import CodeReviewInput, PullRequest, ReviewCommandInput, series_of
from quorate.diff import NotADiff, UnsafePath
from quorate.review import Review

CODE_REVIEW = "code-review"
REVIEW_COMMAND = "review-command"

PULL_REQUEST = "pull-request"
"""The kind that agents serve which read pull requests from where they are."""

HELPERS = {CODE_REVIEW: (PULL_REQUEST, "verify", "discuss")}
"""Kinds of agents that the plan of a task may need besides those of its own kind."""


NO_SOURCE = (
    "nobody is there who reads pull requests: start a gateway (`quorate up gateway`) that has GITHUB_TOKEN, or"
    " GITHUB_APP_ID and GITHUB_PRIVATE_KEY"
)


class Subject(NamedTuple):
    """What a task is about: the series that it is one review of, the commit, and whether it has to be fetched."""

    series: str | None = None
    head_sha: str | None = None
    fetched: bool = False


def check_kind(kind: str) -> str | None:
    """Why a kind cannot be one, or None."""
    if KIND.match(kind):
        return None
    return f"unknown kind {kind[:80]!r}: a kind is lower-case letters, digits, '-' and '_', 63 at most"


def check_input(kind: str, value: dict[str, Any]) -> str | None:
    """Why an input cannot be worked on, or None. What other kinds take is for their agents to say."""
    try:
        if kind == REVIEW_COMMAND:
            ReviewCommandInput.model_validate(value)
            return None
        if kind != CODE_REVIEW or CodeReviewInput.model_validate(value).pull_request is not None:
            return None
        review = Review(value)
    except ValidationError as error:
        return f"the input is wrong: {explain(error)}"
    except (NotADiff, UnsafePath) as error:
        return str(error)
    return None if review.changes else "the diff changes nothing"


def subject_of(kind: str, value: dict[str, Any]) -> Subject:
    """What the input of a task that was not refused says that it is about."""
    if kind not in (CODE_REVIEW, REVIEW_COMMAND):
        return Subject()
    head = value.get("head_sha")
    if (pull_request := value.get("pull_request")) is not None:
        series = series_of(PullRequest.model_validate(pull_request))
        return Subject(series, head, fetched=kind == CODE_REVIEW)
    return Subject(value.get("series"), head)


def unknown_kind(kind: str, known: tuple[str, ...]) -> str | None:
    """The refusal of a kind that nobody serves; a code review is known, and fails if nobody is there for it."""
    if kind == CODE_REVIEW:
        return None
    if kind in (PULL_REQUEST, REVIEW_COMMAND):
        return NO_SOURCE
    kinds = ", ".join(known) or "none"
    return f"unknown kind {kind!r}: no agent serves it (kinds that are served: {kinds}); start a worker that does"
