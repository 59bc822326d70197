"""What the double knows: accounts, repositories, pull requests, and everything that was written to them."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from quorate.testing.github_access import Access, Installation
from quorate.testing.github_diff import ChangedFile, Side
from quorate.testing.github_faults import Faults, Journal
from quorate.testing.github_git import Diff, GitRepository
from quorate.testing.github_hooks import Hooks
from quorate.testing.github_http import Json, unprocessable

BODY_LIMIT = 65_536


@dataclass(frozen=True)
class Limits:
    """GitHub's limits; tests make them small. Sizes in bytes. None switches a rate off.

    diff_files, diff_lines, diff_bytes: beyond them the diff of a pull request is refused with 406.
    listed_files: the most that the list of a pull request's files tells. patch_bytes: above it a file has no `patch`.
    requests_per_hour: the primary limit, by user or installation. content_per_minute: the secondary limit of requests
    that write (80 on GitHub). comments_per_review: above it a review is refused with 422; GitHub has no fixed number.
    """

    diff_files: int = 300
    diff_lines: int = 20_000
    diff_bytes: int = 1_000_000
    listed_files: int = 3_000
    patch_bytes: int = 500_000
    inline_content_bytes: int = 1_000_000
    content_bytes: int = 100_000_000
    sarif_bytes: int = 10_000_000
    requests_per_hour: int | None = 5_000
    content_per_minute: int | None = None
    comments_per_review: int | None = None
    token_s: int = 3_600


@dataclass(eq=False)
class User:
    id: int
    login: str
    type: Literal["User", "Bot", "Organization"] = "User"


@dataclass(eq=False)
class Reaction:
    id: int
    user: User
    content: str
    at: float


@dataclass(eq=False)
class IssueComment:
    id: int
    user: User
    body: str
    at: float
    updated_at: float
    minimized: str | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False)
class ReviewComment:
    """``line`` and ``start_line`` are None once the lines are no longer in the diff; the original ones stay."""

    id: int
    user: User
    body: str
    path: str
    side: Side
    line: int | None
    start_side: Side | None
    start_line: int | None
    original_line: int
    original_start_line: int | None
    commit: str
    original_commit: str
    diff_hunk: str
    position: int | None
    at: float
    updated_at: float
    review: "Review"
    in_reply_to: int | None = None
    minimized: str | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False)
class Thread:
    id: str
    comments: list[ReviewComment]
    resolved_by: User | None = None


@dataclass(eq=False)
class Review:
    id: int
    user: User
    body: str
    commit: str
    state: Literal["PENDING", "COMMENTED", "APPROVED", "CHANGES_REQUESTED", "DISMISSED"] = "PENDING"
    submitted_at: float | None = None
    minimized: str | None = None


@dataclass(eq=False)
class Pull:
    """``base`` is the tip of the base branch when the pull request was made; what is compared is the merge base."""

    id: int
    number: int
    title: str
    body: str | None
    author: User
    base_ref: str
    base: str
    head_ref: str
    head: str
    fork: User | None
    draft: bool
    created_at: float
    updated_at: float
    state: Literal["open", "closed"] = "open"
    merged: bool = False
    heads: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    comments: list[IssueComment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def review_comments(self) -> list[ReviewComment]:
        """All of them, oldest first, those of pending reviews too."""
        return sorted((c for thread in self.threads for c in thread.comments), key=lambda comment: comment.id)


@dataclass(eq=False)
class CheckRun:
    id: int
    name: str
    head: str
    app: str
    status: str = "queued"
    conclusion: str | None = None
    details_url: str | None = None
    external_id: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)


@dataclass(eq=False)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    user: User
    at: float


@dataclass(eq=False)
class Sarif:
    id: str
    commit: str
    ref: str
    tool: str | None
    document: Any


@dataclass(eq=False)
class Repository:
    id: int
    owner: User
    name: str
    private: bool
    code_scanning: bool
    git: GitRepository
    roles: dict[str, str] = field(default_factory=dict)
    default_branch: str = "main"
    pulls: dict[int, Pull] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    sarifs: dict[str, Sarif] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def diff(self, pull: Pull, head: str | None = None) -> Diff:
        """What the pull request changes, as of now, or as of one of its commits."""
        return self.git.diff(self.merge_base(pull, head), head or pull.head)

    def merge_base(self, pull: Pull, head: str | None = None) -> str:
        return self.git.merge_base(pull.base, head or pull.head) or pull.base

    def file(self, pull: Pull, path: str, head: str | None = None) -> ChangedFile | None:
        return next((file for file in self.diff(pull, head).files if file.path == path), None)


class State:
    """Everything of one double. ``lock`` is held by whoever reads or changes it."""

    def __init__(self, folder: Path, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.limits = limits
        self.lock = threading.RLock()
        self.url = ""
        self._clock = clock
        self._ahead = 0.0
        # Each kind begins elsewhere, so that an id of the wrong kind is never found by chance.
        self._ids: dict[str, itertools.count[int]] = {}
        self.users: dict[str, User] = {}
        self.repositories: dict[str, Repository] = {}
        self.installations: dict[int, Installation] = {}
        self.access = Access(self)
        self.hooks = Hooks(self)
        self.faults = Faults()
        self.journal = Journal()

    def now(self) -> float:
        """Seconds since 1970, with what was advanced."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def id(self, kind: str) -> int:
        if kind not in self._ids:
            self._ids[kind] = itertools.count(1 + 1_000_000 * len(self._ids))
        return next(self._ids[kind])

    def user(self, login: str, type: Literal["User", "Bot", "Organization"] = "User") -> User:
        """The account, made when it is not there."""
        found = self.users.get(login.lower())
        if found is None:
            found = self.users[login.lower()] = User(self.id("user"), login, type)
        return found

    def body(self, text: str, resource: str) -> str:
        """The text of a comment or review. Raises Problem 422 when it is too long."""
        if len(text) > BODY_LIMIT:
            raise unprocessable(f"{resource} body is too long (maximum is {BODY_LIMIT} characters)")
        return text


def instant(at: float | None) -> str | None:
    """As GitHub writes a time: whole seconds."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
