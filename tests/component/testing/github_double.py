"""A double with a repository, a pull request and clients of it, for the tests of this folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from quorate.testing.github import GitHubDouble, Limits

REPO = "octo/app"
PULL = f"/repos/{REPO}/pulls/1"
REVIEWS = f"{PULL}/reviews"
OLD = "".join(f"line {number}\n" for number in range(1, 41))
NEW = OLD.replace("line 10\n", "line ten\nline ten and a half\n").replace("line 30\n", "line thirty\n")


def client(gh: GitHubDouble, token: str | None, **headers: str) -> httpx2.AsyncClient:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    # Without TLS the certificates need not be read, which takes longer than most of the tests.
    return httpx2.AsyncClient(base_url=gh.url, headers=headers, trust_env=False, verify=False, timeout=5.0)


@asynccontextmanager
async def opened(limits: Limits | None = None, **pull: Any) -> AsyncIterator[tuple[GitHubDouble, httpx2.AsyncClient]]:
    """A double with one pull request, and a client of the user ``reviewer``, who may write."""
    async with GitHubDouble(limits) as gh:
        gh.create_repository(REPO, {"app.py": OLD, "other.py": "x = 1\n"})
        gh.open_pull(REPO, **{"head": {"app.py": NEW}, **pull})
        gh.set_permission(REPO, "reviewer", "write")
        async with client(gh, gh.token("reviewer")) as reviewer:
            yield gh, reviewer
