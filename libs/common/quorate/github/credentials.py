"""Who we are at GitHub: a personal or Actions token, or an App with its private key. Never shown by ``repr``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from quorate.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from quorate.settings import GitHubSettings

MAX_SECRET = 64 * 1024
CLOCK_SKEW_S = 60
JWT_LIFE_S = 9 * 60
"""Of the ten minutes that GitHub allows; its clock may be a minute behind ours."""


@dataclass(frozen=True)
class TokenCredentials:
    """A personal token, or the GITHUB_TOKEN of an Actions run."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class AppCredentials:
    """A GitHub App: its id, and its private key in PEM."""

    app_id: int
    private_key: str = field(repr=False)

    def jwt(self, now: float) -> str:
        """The App's own token, for ten minutes around ``now`` (seconds since the epoch). Raises Misconfigured."""
        import jwt
        from cryptography.exceptions import UnsupportedAlgorithm

        claims = {"iat": int(now) - CLOCK_SKEW_S, "exp": int(now) + JWT_LIFE_S - CLOCK_SKEW_S, "iss": str(self.app_id)}
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, UnsupportedAlgorithm, jwt.PyJWTError):
            fault = Misconfigured(
                f"the private key of GitHub App {self.app_id} cannot be used: give the whole PEM file that GitHub made"
            )
        raise fault  # outside of the handler, so that no trace of the key hangs on to it

    @cached_property
    def _key(self) -> RSAPrivateKey:
        """Read once. Raises what the library of keys does."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(self.private_key.encode(), None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("no RSA key")
        return key


Credentials = TokenCredentials | AppCredentials


def credentials_of(settings: GitHubSettings, environ: Mapping[str, str]) -> Credentials | None:
    """An App where ``app_id`` is set, else the token, each from its file or else the environment; None without any.

    Raises Misconfigured for a file that cannot be read, for a secret that cannot be one, and for half an App.
    """
    if settings.app_id is not None:
        if settings.token_file is not None:
            raise Misconfigured("github.app_id and github.token_file are both set: keep the one that is meant")
        key = _secret(settings.private_key_file, "GITHUB_PRIVATE_KEY", environ)
        if key is None:
            raise Misconfigured(
                f"GitHub App {settings.app_id} has no private key: set github.private_key_file or GITHUB_PRIVATE_KEY"
            )
        key = key.replace("\\n", "\n")  # how a PEM file is written on one line of an environment file
        if not key.startswith("-----BEGIN "):
            raise Misconfigured("the private key of the GitHub App is no PEM: give the whole file that GitHub made")
        return AppCredentials(settings.app_id, key)
    if settings.private_key_file is not None:
        raise Misconfigured("github.private_key_file is set without github.app_id: set the App's id too")
    if environ.get("GITHUB_PRIVATE_KEY", "").strip():
        raise Misconfigured("GITHUB_PRIVATE_KEY is set without an App's id: set GITHUB_APP_ID or github.app_id too")
    token = _secret(settings.token_file, "GITHUB_TOKEN", environ)
    if token is None:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise Misconfigured("the GitHub token has blanks or other characters that no token has: give the token alone")
    return TokenCredentials(token)


def webhook_secret_of(settings: GitHubSettings, environ: Mapping[str, str]) -> str | None:
    """The secret that webhooks are signed with; None without one. Raises Misconfigured."""
    return _secret(settings.webhook_secret_file, "GITHUB_WEBHOOK_SECRET", environ)


def _secret(path: str | None, name: str, environ: Mapping[str, str]) -> str | None:
    if path is None:
        return environ.get(name, "").strip() or None
    try:
        with Path(path).expanduser().open("rb") as stream:
            data = stream.read(MAX_SECRET + 1)
    except OSError as error:
        raise Misconfigured(f"the secret in {path} cannot be read: {error.strerror or error}") from error
    try:
        secret = data.decode().strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(data) > MAX_SECRET:
        raise Misconfigured(f"{path} holds no secret: it is empty, too large or no text")
    return secret
