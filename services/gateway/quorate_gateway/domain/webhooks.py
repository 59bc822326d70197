"""What follows from a webhook: a review, the end of one, a command, or nothing, with the reason."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from quorate.contract.intake import explain
from quorate.contract.task import PullRequest, series_of
from quorate.settings import GitHubSettings
from quorate_gateway.domain.commands import MAX_ARGUMENT, command_in

CODE_REVIEW = "code-review"
REVIEW_COMMAND = "review-command"

MAX_TITLE = 4_096
MAX_DESCRIPTION = 262_144

OWN_MARK = "<!-- quorate:"
"""Stands, unseen, in everything that Quorate writes, also where it writes under a person's login."""

_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])


class NotAnEvent(ValueError):
    """The payload is not what GitHub sends with such an event; the message names the fields."""


Again = Literal["never", "unless reviewed", "if the base changed"]


@dataclass(frozen=True)
class Submit:
    """A task. One key is one task, unless ``again`` says when another may follow under a key of the next number.

    ``automatic`` ones nobody has asked for, so that they rest while their series is paused.
    """

    kind: str
    input: Mapping[str, Any]
    key: str
    labels: Mapping[str, str] = field(default_factory=dict)
    automatic: bool = False
    again: Again = "never"


@dataclass(frozen=True)
class Cancel:
    """What was submitted under the key is not wanted any more."""

    key: str
    reason: str


@dataclass(frozen=True)
class Ignore:
    """Nothing follows, for this reason."""

    reason: str


Action = Submit | Cancel | Ignore


def leads_elsewhere(repo: str) -> bool:
    """Whether the name, as a part of an address, would be another place's: a part of it is ``.`` or ``..``."""
    return any(not part.strip(".") for part in repo.split("/"))


def not_covered(repo: str) -> str:
    """Why nothing is done about a repository that the settings leave out."""
    return f"{repo} is not among the repositories that are reviewed ([github] repositories)"


def review_key(pull_request: PullRequest, head_sha: str, asked_by: str = "review") -> str:
    """The idempotency key of a review: one push is one review, and one comment that asks for it is one more."""
    return f"{series_of(pull_request)}@{head_sha}:{asked_by}"


def review_input(
    pull_request: PullRequest, head_sha: str, base_sha: str, title: str | None, description: str | None
) -> dict[str, Any]:
    """The input of a code review of a pull request; texts are cut to what a task takes."""
    texts = {"title": _cut(title, MAX_TITLE), "description": _cut(description, MAX_DESCRIPTION)}
    return {
        "pull_request": pull_request.model_dump(),
        "head_sha": head_sha,
        "base_sha": base_sha,
        **{name: text for name, text in texts.items() if text},
    }


def decide(event: str, payload: Mapping[str, Any], rules: GitHubSettings) -> tuple[Action, ...]:
    """What follows from an event of GitHub. Raises NotAnEvent."""
    if event == "pull_request":
        return _pull_request(_read(_PullRequestEvent, payload), rules)
    if event == "issue_comment":
        return _issue_comment(_read(_IssueComment, payload), rules)
    if event == "pull_request_review_comment":
        return _review_comment(_read(_ReviewComment, payload), rules)
    return (Ignore(f"nothing follows from the event {event[:80]!r}"),)


_Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")]
_Word = Annotated[str, StringConstraints(max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Part):
    login: str = Field(pattern=r"^[A-Za-z0-9_.\[\]-]{1,100}$")
    type: _Word = "User"

    @property
    def is_bot(self) -> bool:
        return self.type == "Bot" or self.login.endswith("[bot]")


class _Repository(_Part):
    full_name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$")

    @field_validator("full_name")
    @classmethod
    def _stays(cls, name: str) -> str:
        if leads_elsewhere(name):
            raise ValueError("not the name of a repository")
        return name


class _Commit(_Part):
    sha: _Sha
    ref: str = Field(default="", max_length=1_024)
    repo: _Repository | None = None


class _Opened(_Part):
    number: int = Field(ge=1, lt=2**53)
    state: _Word
    draft: bool = False
    merged: bool = False
    title: str | None = None
    body: str | None = None
    head: _Commit
    base: _Commit


class _PullRequestEvent(_Part):
    action: _Word
    pull_request: _Opened
    repository: _Repository
    before: _Sha | None = None
    changes: dict[str, Any] = Field(default_factory=dict)


class _Comment(_Part):
    id: int = Field(ge=1, lt=2**63)
    body: str | None = None
    user: _User | None = None
    in_reply_to_id: int | None = Field(default=None, ge=1, lt=2**63)


class _Issue(_Part):
    number: int = Field(ge=1, lt=2**53)
    pull_request: dict[str, Any] | None = None


class _IssueComment(_Part):
    action: _Word
    issue: _Issue
    comment: _Comment
    repository: _Repository


class _Numbered(_Part):
    number: int = Field(ge=1, lt=2**53)


class _ReviewComment(_Part):
    action: _Word
    pull_request: _Numbered
    comment: _Comment
    repository: _Repository


_Event = TypeVar("_Event", bound=_Part)


def _read(model: type[_Event], payload: Mapping[str, Any]) -> _Event:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise NotAnEvent(explain(error)) from error


def _pull_request(event: _PullRequestEvent, rules: GitHubSettings) -> tuple[Action, ...]:
    if refusal := _elsewhere(event.repository, rules):
        return (refusal,)
    opened = event.pull_request
    pull_request = PullRequest(repo=event.repository.full_name, number=opened.number)
    head = opened.head.sha
    match event.action:
        case "opened" | "ready_for_review":
            return (_review(event, pull_request, rules),)
        case "reopened":
            return (_review(event, pull_request, rules, again="unless reviewed"),)
        case "synchronize":
            review = _review(event, pull_request, rules, again="unless reviewed")
            if event.before is None or event.before == head:
                return (review,)
            return (review, Cancel(review_key(pull_request, event.before), f"superseded by {head}"))
        case "closed":
            how = "merged" if opened.merged else "closed"
            return (Cancel(review_key(pull_request, head), f"the pull request was {how}"),)
        case "edited" if "base" in event.changes:
            review = _review(event, pull_request, rules, again="if the base changed")
            return (review, Cancel(review_key(pull_request, head), f"superseded by the base {opened.base.sha}"))
    return (Ignore(f"nothing follows from the action {event.action!r} of a pull request"),)


def _review(
    event: _PullRequestEvent, pull_request: PullRequest, rules: GitHubSettings, again: Again = "never"
) -> Submit | Ignore:
    opened = event.pull_request
    if opened.state != "open":
        return Ignore("the pull request is closed")
    if opened.draft and not rules.drafts:
        return Ignore("it is a draft, and drafts are not reviewed ([github] drafts)")
    if rules.forks != "review" and _is_fork(event):
        if rules.forks == "ignore":
            return Ignore("it comes from a fork, and these are not reviewed ([github] forks)")
        return Ignore("it comes from a fork: a comment `/quorate review` of someone who may write has it reviewed")
    return Submit(
        CODE_REVIEW,
        review_input(pull_request, opened.head.sha, opened.base.sha, opened.title, opened.body),
        review_key(pull_request, opened.head.sha),
        {**_labels(pull_request, f"pull_request.{event.action}"), "head_sha": opened.head.sha},
        automatic=True,
        again=again,
    )


def _is_fork(event: _PullRequestEvent) -> bool:
    # Of a fork that was deleted, nothing is said.
    source = event.pull_request.head.repo
    return source is None or source.full_name.lower() != event.repository.full_name.lower()


def _issue_comment(event: _IssueComment, rules: GitHubSettings) -> tuple[Action, ...]:
    if event.issue.pull_request is None:
        return (Ignore("the comment is on an issue, not on a pull request"),)
    place, number = f"comment-{event.comment.id}", event.issue.number
    return (_comment("issue_comment", event, number, place, rules),)


def _review_comment(event: _ReviewComment, rules: GitHubSettings) -> tuple[Action, ...]:
    # Comments on lines are counted on their own: the same number may be that of another comment.
    place, number = f"review-comment-{event.comment.id}", event.pull_request.number
    return (_comment("pull_request_review_comment", event, number, place, rules),)


def _comment(
    name: str, event: _IssueComment | _ReviewComment, number: int, place: str, rules: GitHubSettings
) -> Submit | Ignore:
    comment = event.comment
    if event.action != "created":
        return Ignore("only a new comment can be a command")
    if not rules.commands:
        return Ignore("commands are switched off ([github] commands)")
    if refusal := _elsewhere(event.repository, rules):
        return refusal
    if comment.user is None or comment.user.is_bot:
        return Ignore("the comment is not a person's")
    if OWN_MARK in (comment.body or ""):
        return Ignore("the comment is our own")
    command = command_in(comment.body or "")
    if command is None:
        return Ignore("there is no command in the comment")
    pull_request = PullRequest(repo=event.repository.full_name, number=number)
    value = {
        "pull_request": pull_request.model_dump(),
        "command": command.name,
        "finding": command.finding,
        "argument": _cut(command.argument, MAX_ARGUMENT),
        "by": comment.user.login,
        "comment_id": comment.id,
        # The first comment on a line is a thread of its own; below a pull request there are none.
        "thread_of": (comment.in_reply_to_id or comment.id) if isinstance(event, _ReviewComment) else None,
    }
    return Submit(
        REVIEW_COMMAND,
        {key: item for key, item in value.items() if item is not None},
        f"{series_of(pull_request)}:{place}",
        _labels(pull_request, f"{name}.created"),
    )


def _labels(pull_request: PullRequest, event: str) -> dict[str, str]:
    return {"repo": pull_request.repo, "pull_request": str(pull_request.number), "event": event}


def _elsewhere(repository: _Repository, rules: GitHubSettings) -> Ignore | None:
    return None if rules.covers(repository.full_name) else Ignore(not_covered(repository.full_name))


def _cut(text: str | None, chars: int) -> str | None:
    """At most so many characters, and bytes; without what only terminals understand."""
    if text is None:
        return None
    shown = re.sub(r"\r\n?", "\n", text[: chars + 1_000].translate(_CONTROLS))
    return shown[:chars].encode()[:chars].decode(errors="ignore")
