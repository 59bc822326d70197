"""In whose name a request is made: the token itself, or for an App one of the repository's installation."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quorate.github.clock import Clock
from quorate.github.credentials import AppCredentials, TokenCredentials
from quorate.github.errors import GitHubBusy, Refused
from quorate.github.limits import served_at
from quorate.github.wire import Answer

RENEW_BEFORE_S = 300.0
MAX_REPOSITORIES = 10_000


@dataclass(frozen=True, slots=True)
class Grant:
    """``account`` names whose limits count; one of ``token`` and ``jwt`` is set. ``renewable``: another can be had."""

    account: str
    token: str | None = field(default=None, repr=False)
    jwt: str | None = field(default=None, repr=False)
    renewable: bool = False


Call = Callable[[str, str, Grant, dict[str, Any] | None], Awaitable[tuple[Any, Answer]]]
"""Method, path, grant, body → the decoded answer and what it came in. Repeated where it fails: it changes nothing."""


class TokenGrants:
    """One token for everything."""

    def __init__(self, credentials: TokenCredentials) -> None:
        self._grant = Grant("token", credentials.token)

    async def of(self, repo: str) -> Grant:  # noqa: ARG002 the same for all
        return self._grant

    def forget(self, repo: str, grant: Grant) -> None:
        """A token that is not taken any more stays so."""


@dataclass(slots=True)
class _Installation:
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    id: int | None = None
    grant: Grant | None = None
    until: float = 0.0  # of the steady clock


class AppGrants:
    """Tokens of an App's installations: of one repository each, kept until five minutes before they end."""

    def __init__(self, credentials: AppCredentials, clock: Clock, call: Call) -> None:
        self._credentials = credentials
        self._clock = clock
        self._call = call
        self._known: dict[str, _Installation] = {}

    async def of(self, repo: str) -> Grant:
        """The repository's token, a new one where needed; whoever comes meanwhile waits for the same one.

        Without a repository it is the App's own, for what is about the App itself.
        """
        if not repo:
            return self.own()
        key = repo.lower()
        found = self._known.pop(key, None) or _Installation()
        self._known[key] = found
        if len(self._known) > MAX_REPOSITORIES:
            del self._known[next(iter(self._known))]
        async with found.renewing:
            if found.grant is None or self._clock.steady() >= found.until:
                await self._renew(repo, found)
            assert found.grant is not None  # noqa: S101 `_renew` sets it or raises
            return found.grant

    def forget(self, repo: str, grant: Grant) -> None:
        """Have a new one made next time; one that was made since is kept."""
        found = self._known.get(repo.lower())
        if found is not None and found.grant is grant:
            found.grant = None

    def own(self) -> Grant:
        """The App's own, good for what is about the App and for its installations."""
        return Grant("app", jwt=self._credentials.jwt(self._clock.wall()))

    async def _renew(self, repo: str, found: _Installation) -> None:
        known = found.id is not None
        if found.id is None:
            found.id = await self._installation(repo)
        try:
            await self._exchange(repo, found)
        except Refused as error:
            if not known or error.status not in (403, 404):
                raise
            found.id = await self._installation(repo)  # removed and installed again: another id
            await self._exchange(repo, found)

    async def _installation(self, repo: str) -> int:
        told, _ = await self._call("GET", f"/repos/{repo}/installation", self.own(), None)
        if isinstance(told, dict) and isinstance(told.get("id"), int):
            return int(told["id"])
        raise GitHubBusy(f"GitHub did not name the installation of {repo}", 60)

    async def _exchange(self, repo: str, found: _Installation) -> None:
        path = f"/app/installations/{found.id}/access_tokens"
        body = {"repositories": [repo.partition("/")[2]]}
        told, answer = await self._call("POST", path, self.own(), body)
        if not isinstance(told, dict) or not isinstance(told.get("token"), str) or not told["token"]:
            raise GitHubBusy(f"GitHub gave no token for {repo}", 60)
        # By the server's own clock: ours may be wrong.
        life = _seconds(told.get("expires_at")) - served_at(answer.headers, self._clock.wall())
        found.grant = Grant(f"installation-{found.id}", told["token"], renewable=True)
        found.until = self._clock.steady() + life - RENEW_BEFORE_S


def _seconds(text: Any) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        raise GitHubBusy("GitHub did not say how long its token is good for", 60) from None
