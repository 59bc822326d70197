"""What people ask for in comments: whether they may, which finding they mean, and the review that they want."""

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quorate.contract.intake import explain
from quorate.contract.task import PullRequest, ReviewCommandInput
from quorate.errors import Rejected
from quorate.github.errors import Refused
from quorate.settings import GitHubSettings
from quorate_gateway.domain.permission import FOR_ANYBODY, may_write, refusal
from quorate_gateway.domain.webhooks import CODE_REVIEW, Submit, leads_elsewhere, not_covered, review_input, review_key
from quorate_gateway.ports import GitHub
from quorate_gateway.tasks import Tasks

ABOUT_A_FINDING = ("explain", "dismiss", "undismiss")
_MARK = re.compile(r"<!-- quorate:finding ([0-9A-Za-z_-]{1,64}) -->\s*\Z")


class Unreadable(Rejected):
    """GitHub's answer is not what it is documented to be; the message names the fields."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Part):
    login: str


class _Named(_Part):
    full_name: str


class _Commit(_Part):
    sha: str = Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")
    repo: _Named | None = None


class _Pull(_Part):
    """A pull request as the API tells of it; of a deleted fork or user nothing is told."""

    state: str
    title: str | None = None
    body: str | None = None
    user: _User | None = None
    head: _Commit
    base: _Commit

    @property
    def is_fork(self) -> bool:
        ours, theirs = self.base.repo, self.head.repo
        return ours is None or theirs is None or ours.full_name.lower() != theirs.full_name.lower()


class _Verdict(NamedTuple):
    """Whether a command may be carried out (``reason`` is None), and the task where it is a review."""

    reason: str | None
    task: str | None = None


class Asking:
    """Answers commands. Calls raise GitHubBusy, Refused or what the broker has to say."""

    def __init__(self, github: GitHub, tasks: Tasks, rules: GitHubSettings) -> None:
        self._github = github
        self._tasks = tasks
        self._rules = rules

    async def answer(self, asked: ReviewCommandInput) -> dict[str, Any]:
        """What the collector is told: the command, whether it is allowed, and what it is about."""
        if leads_elsewhere(asked.pull_request.repo):
            raise Unreadable(f"{asked.pull_request.repo!r} is not the name of a repository")
        if not self._rules.covers(asked.pull_request.repo):
            raise Rejected(not_covered(asked.pull_request.repo))
        verdict = await self._verdict(asked)
        allowed = verdict.reason is None
        told: dict[str, Any] = {
            "command": asked.command,
            "allowed": allowed,
            "finding": await self._finding(asked) if allowed else asked.finding,
            "argument": asked.argument,
            "by": asked.by,
        }
        if verdict.reason is not None:
            told["reason"] = verdict.reason
        if verdict.task is not None:
            told["task"] = verdict.task
        return told

    async def _verdict(self, asked: ReviewCommandInput) -> _Verdict:
        if asked.command in FOR_ANYBODY:
            return _Verdict(None)
        writer = await self._may_write(asked)
        if asked.command != "review":
            forks = self._rules.forks
            return _Verdict(refusal(asked.command, writer=writer, author=False, fork=False, forks=forks))
        pull = await self._pull(asked.pull_request)
        author = pull.user is not None and pull.user.login.lower() == asked.by.lower()
        reason = refusal("review", writer=writer, author=author, fork=pull.is_fork, forks=self._rules.forks)
        if reason is None and pull.state != "open":
            reason = "the pull request is closed"
        if reason is not None:
            return _Verdict(reason)
        return _Verdict(None, await self._review(asked, pull))

    async def _review(self, asked: ReviewCommandInput, pull: _Pull) -> str:
        """Submit a review of the commit that is there now. The same comment and commit are the same review."""
        place = asked.pull_request
        labels = {
            "repo": place.repo,
            "pull_request": str(place.number),
            "head_sha": pull.head.sha,
            "event": "command.review",
        }
        submit = Submit(
            CODE_REVIEW,
            review_input(place, pull.head.sha, pull.base.sha, pull.title, pull.body),
            review_key(place, pull.head.sha, f"comment-{asked.comment_id}"),
            labels,
        )
        return (await self._tasks.submit(submit, "")).task

    async def _may_write(self, asked: ReviewCommandInput) -> bool:
        repo = asked.pull_request.repo
        path = f"/repos/{repo}/collaborators/{quote(asked.by, safe='')}/permission"
        try:
            return may_write(await self._github.get(path, repo=repo))
        except Refused as error:
            # No such user, or none who has anything to do with the repository.
            if error.status == 404:
                return False
            raise

    async def _pull(self, place: PullRequest) -> _Pull:
        told = await self._github.get(f"/repos/{place.repo}/pulls/{place.number}", repo=place.repo)
        try:
            return _Pull.model_validate(told)
        except ValidationError as error:
            raise Unreadable(f"GitHub's answer about {place.repo}#{place.number}: {explain(error)}") from error

    async def _finding(self, asked: ReviewCommandInput) -> str | None:
        """The finding that is named, or the one that the thread is about: our own first comment of it says which."""
        if asked.finding is not None or asked.thread_of is None or asked.command not in ABOUT_A_FINDING:
            return asked.finding
        repo = asked.pull_request.repo
        try:
            told = await self._github.get(f"/repos/{repo}/pulls/comments/{asked.thread_of}", repo=repo)
        except Refused as error:
            if error.status == 404:
                return None
            raise
        author = (told.get("user") or {}).get("login") if isinstance(told, dict) else None
        if not isinstance(author, str) or author.lower() != (await self._github.login(repo)).lower():
            return None
        # At its end only: a text that our comment quotes could bring a mark along.
        mark = _MARK.search(str(told.get("body") or ""))
        return mark[1] if mark else None
