"""Who asks, and what they may: tokens, Apps, permissions and rates."""

import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from quorate.testing.github_http import Json, Problem, not_found

if TYPE_CHECKING:
    from quorate.testing.github_state import Repository, State, User

PERMISSIONS = {
    "metadata": "read",
    "contents": "read",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
    "security_events": "write",
}
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
LEVELS = ("read", "write", "admin")
JWT_S = 600
HOUR_S, MINUTE_S = 3_600, 60


@dataclass(frozen=True)
class Identity:
    """``user`` is None of an App with its JWT and of nobody; ``permissions`` only matter to installations."""

    kind: Literal["user", "installation", "app", "nobody"]
    user: "User | None" = None
    installation: "Installation | None" = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    repositories: frozenset[str] | None = None

    @property
    def login(self) -> str | None:
        return self.user.login if self.user else None

    @property
    def is_app(self) -> bool:
        return self.kind == "installation"

    @property
    def account(self) -> "User":
        """Who writes. Raises Problem 401 when that is nobody."""
        if self.user is None:
            raise Problem(401, "Requires authentication")
        return self.user


@dataclass(eq=False)
class Installation:
    """``repositories`` None: all of the account; else their full names in lower case. ``workflow`` is not of the App:
    it stands for a run of GitHub Actions."""

    id: int
    account: "User"
    permissions: dict[str, str]
    repositories: frozenset[str] | None = None
    slug: str = "quorate"
    workflow: bool = False

    def reaches(self, full_name: str) -> bool:
        return self.repositories is None or full_name.lower() in self.repositories


@dataclass(frozen=True)
class Token:
    identity: Identity
    expires_at: float | None = None


class App:
    """The GitHub App. Its key is made when it is first asked for, which needs the package cryptography."""

    def __init__(self) -> None:
        self.id = 4242
        self.slug = "quorate"
        self.events = {
            "installation", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment",
        }  # fmt: skip

    @cached_property
    def _key(self) -> Any:
        try:
            from cryptography.hazmat.primitives.asymmetric import rsa
        except ImportError:
            raise RuntimeError(
                "an App signs with RSA, and the package cryptography is not installed: "
                "install quorate[testing,gateway], or use a token of a user"
            ) from None
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def private_key(self) -> str:
        """In PEM, as an App's owner downloads it."""
        from cryptography.hazmat.primitives import serialization

        return self._key.private_bytes(  # type: ignore[no-any-return]
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode()

    def check(self, token: str, now: float) -> None:
        """Raises Problem 401 for a JWT that GitHub would not take."""
        import jwt

        undecodable = Problem(401, "A JSON web token could not be decoded")
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                # The times are judged below, by the clock of the double.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
            )
        except jwt.InvalidTokenError:
            raise undecodable from None
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or issued > now:
            raise Problem(401, "'Issued at' claim ('iat') must be an Integer representing the time that was issued")
        if not isinstance(expires, int) or expires <= now:
            raise Problem(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
        if expires - now > JWT_S:
            raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
        if str(claims.get("iss")) != str(self.id):
            raise Problem(404, "Integration not found")


class Access:
    def __init__(self, state: "State") -> None:
        self._state = state
        self.app = App()
        self._tokens: dict[str, Token] = {}
        self._windows: dict[str, tuple[float, int]] = {}
        self._writes: dict[str, deque[float]] = {}

    def token_of(self, login: str) -> str:
        """The personal token of a user, made when they have none; always the same for a login."""
        token = f"ghp_double_{login.lower()}"
        if token not in self._tokens:
            self._tokens[token] = Token(Identity("user", self._state.user(login)))
        return token

    def installation_token(
        self,
        installation: Installation,
        permissions: Mapping[str, str] | None = None,
        repositories: Sequence[str] | None = None,
    ) -> tuple[str, Token]:
        """A fresh token, perhaps with less than the installation may. Raises Problem 422 when it would be more."""
        granted = dict(permissions) if permissions is not None else dict(installation.permissions)
        for name, level in granted.items():
            if not _covers(installation.permissions.get(name), level):
                raise Problem(422, "The permissions requested are not granted to this installation.")
        chosen = installation.repositories
        if repositories is not None:
            chosen = frozenset(f"{installation.account.login}/{name}".lower() for name in repositories)
            if any(name not in self._state.repositories or not installation.reaches(name) for name in chosen):
                raise Problem(
                    422,
                    "There is at least one repository that does not exist or is not accessible to the parent "
                    "installation.",
                )
        bot = self._state.user(f"{installation.slug}[bot]", "Bot")
        identity = Identity("installation", bot, installation, {"metadata": "read", **granted}, chosen)
        made = Token(identity, self._state.now() + self._state.limits.token_s)
        name = f"ghs_{secrets.token_hex(18)}"
        self._tokens[name] = made
        return name, made

    def revoke(self, token: str) -> None:
        self._tokens.pop(token, None)

    def identify(self, authorization: str | None) -> Identity:
        """Who sends this header. Raises Problem 401."""
        if not authorization:
            return Identity("nobody")
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() not in ("bearer", "token"):
            raise Problem(401, "Bad credentials")
        if token.count(".") == 2:
            self.app.check(token, self._state.now())
            return Identity("app")
        known = self._tokens.get(token)
        if known is None or (known.expires_at is not None and known.expires_at <= self._state.now()):
            raise Problem(401, "Bad credentials")
        installation = known.identity.installation
        uninstalled = installation is not None and self._state.installations.get(installation.id) is not installation
        if installation is not None and uninstalled and not installation.workflow:
            raise Problem(401, "Bad credentials")
        return known.identity

    def role(self, user: "User", repository: "Repository") -> str:
        """Of a user in a repository; of a public one everybody is a reader."""
        if user is repository.owner:
            return "admin"
        return repository.roles.get(user.login.lower(), "none" if repository.private else "read")

    def sees(self, identity: Identity, repository: "Repository") -> bool:
        if not repository.private:
            return True
        if identity.installation is not None:
            return self._installed(identity, repository)
        return identity.user is not None and self.role(identity.user, repository) != "none"

    def _installed(self, identity: Identity, repository: "Repository") -> bool:
        installation = identity.installation
        return (
            installation is not None
            and installation.account is repository.owner
            and installation.reaches(repository.full_name)
            and (identity.repositories is None or repository.full_name.lower() in identity.repositories)
        )

    def repository(
        self, identity: Identity, full_name: str, permissions: Sequence[str], level: str, role: str
    ) -> "Repository":
        """See Call.repository."""
        if identity.kind == "app":
            raise Problem(401, "Bad credentials")
        repository = self._state.repositories.get(full_name.lower())
        if repository is None or not self.sees(identity, repository):
            raise not_found()
        if not self.allows(identity, repository, permissions, level, role):
            if identity.kind == "nobody":
                raise Problem(401, "Requires authentication")
            by = "integration" if identity.is_app else "personal access token"
            raise Problem(403, f"Resource not accessible by {by}")
        return repository

    def allows(
        self, identity: Identity, repository: "Repository", permissions: Sequence[str], level: str, role: str
    ) -> bool:
        if identity.is_app:
            if not self._installed(identity, repository):
                return level == "read"  # of a public repository
            return not permissions or any(_covers(identity.permissions.get(name), level) for name in permissions)
        if identity.user is None:
            return level == "read" and role == "read"
        return ROLES.index(self.role(identity.user, repository)) >= ROLES.index(role)

    def rates(self, identity: Identity) -> Json:
        """Limit, used, remaining and reset (seconds since 1970) of the primary limit, as of now."""
        limit = self._state.limits.requests_per_hour
        start, used = self._window(identity)
        shown = 5_000 if limit is None else limit
        return {"limit": shown, "used": used, "remaining": max(0, shown - used), "reset": int(start + HOUR_S)}

    def _window(self, identity: Identity) -> tuple[float, int]:
        now = self._state.now()
        start, used = self._windows.get(_rated(identity), (now, 0))
        return (start, used) if now < start + HOUR_S else (now, 0)

    def count(self, identity: Identity, *, writes: bool) -> None:
        """Count a request. Raises Problem 403 beyond a limit."""
        limits = self._state.limits
        start, used = self._window(identity)
        if limits.requests_per_hour is not None and used >= limits.requests_per_hour:
            raise Problem(403, f"API rate limit exceeded for {identity.login or '127.0.0.1'}.")
        self._windows[_rated(identity)] = (start, used + 1)
        if writes and limits.content_per_minute is not None:
            now = self._state.now()
            recent = self._writes.setdefault(_rated(identity), deque())
            while recent and recent[0] <= now - MINUTE_S:
                recent.popleft()
            if len(recent) >= limits.content_per_minute:
                wait = max(1, round(recent[0] + MINUTE_S - now))
                raise Problem(
                    403,
                    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                    headers={"retry-after": str(wait)},
                )
            recent.append(now)

    def spend(self, login: str | None, remaining: int) -> None:
        """Leave a user or bot (None: everybody known) so many requests in their hour."""
        limit = self._state.limits.requests_per_hour
        if limit is None:
            raise ValueError("there is no primary limit here: set requests_per_hour")
        names = {_rated(token.identity) for token in self._tokens.values()} if login is None else {login.lower()}
        for name in names:
            self._windows[name] = (self._state.now(), max(0, limit - remaining))


def _rated(identity: Identity) -> str:
    return (identity.login or identity.kind).lower()


def _covers(held: str | None, wanted: str) -> bool:
    return held in LEVELS and wanted in LEVELS and LEVELS.index(held) >= LEVELS.index(wanted)
