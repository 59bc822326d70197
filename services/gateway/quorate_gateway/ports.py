"""What the gateway needs of the outside."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from quorate_gateway.domain.source import Fetched, Skipped

Progress = Callable[[str], Awaitable[None]]
"""Tells whoever watches the task what happens right now."""


class GitHub(Protocol):
    """What is asked of GitHub's API. Reads raise GitHubBusy, Unauthorized or Refused, writes Ambiguous too."""

    @property
    def is_app(self) -> bool: ...

    async def get(self, path: str, *, repo: str) -> Any: ...

    async def pages(self, path: str, *, repo: str, limit: int = 1_000) -> list[Any]: ...

    async def write(self, method: str, path: str, *, repo: str) -> Any: ...

    async def login(self, repo: str) -> str: ...


class PullRequests(Protocol):
    """Where the change of a pull request is read from."""

    async def fetch(self, repo: str, number: int, head_sha: str | None, progress: Progress) -> Fetched | Skipped:
        """The change as the input of a review, or why there is nothing to review: closed, merged, or another head.

        Raises GitHubBusy, Unauthorized or Refused.
        """
        ...
