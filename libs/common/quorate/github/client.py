"""The client: reads are repeated a few times, writes never, and every outcome has a type that says what to do."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from quorate.github.clock import Clock
from quorate.github.credentials import AppCredentials, Credentials
from quorate.github.errors import Ambiguous, GitHubBusy, Refused, Unauthorized
from quorate.github.grants import AppGrants, Grant, TokenGrants
from quorate.github.limits import CORE, GRAPHQL, Account, Accounts
from quorate.github.wire import Answer, Lost, Request, Unsent, Wire

if TYPE_CHECKING:
    import httpx2

    from quorate.settings import GitHubSettings

JSON = "application/vnd.github+json"
API_VERSION = "2022-11-28"
USER_AGENT = "quorate"
ACTIONS_LOGIN = "github-actions[bot]"

MAX_ANSWER = 64 * 1024 * 1024
MAX_REDIRECTS = 3
PER_PAGE = 100
RETRY_WAITS_S = (0.5, 2.0)
"""Between the tries of a read."""
UNREACHABLE_S = 5.0
BROKEN_S = 15.0
"""When to come back after no connection, and after a server's error or silence."""

Before = Callable[[], Awaitable[None]]

_TEXT = re.compile(r"\.(?:raw|diff|patch)\b")
_REPEATED = (301, 302, 307, 308)
_REPEATED_WRITES = (307, 308)


class GitHub:
    """GitHub's API by one App or token. One object serves a process; ``close`` it at the end.

    ``repo`` is ``owner/name``: it chooses the installation of an App, and its token. Paths begin with ``/`` and are
    below the API's address. Calls raise Refused (never try again), GitHubBusy and Unauthorized (later), writes
    Ambiguous too. Making one for an App whose key cannot be used raises Misconfigured.
    """

    def __init__(
        self,
        settings: GitHubSettings,
        credentials: Credentials,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._api_url = settings.api_url
        self._origin = _origin(settings.api_url)
        self._clock = clock or Clock()
        self._wire = Wire(settings.request_timeout_s, transport)
        self._accounts = Accounts(self._clock, settings.write_interval_s)
        self._app: AppGrants | None = None
        self._grants: AppGrants | TokenGrants
        if isinstance(credentials, AppCredentials):
            credentials.jwt(self._clock.wall())  # a key that cannot be used is known now, not with the first request
            self._grants = self._app = AppGrants(credentials, self._clock, self._of_app)
        else:
            self._grants = TokenGrants(credentials)
        self._login: str | None = None

    @property
    def is_app(self) -> bool:
        return self._app is not None

    async def get(
        self,
        path: str,
        *,
        repo: str,
        accept: str = JSON,
        params: Mapping[str, Any] | None = None,
        max_bytes: int = MAX_ANSWER,
    ) -> Any:
        """What is at ``path``: decoded JSON, or for the raw and diff media types the text, U+FFFD for what is no UTF-8.

        An answer of more than ``max_bytes`` is Refused with 413.
        """
        answer = await self._read(self._request("GET", path, params=params, max_bytes=max_bytes), repo, accept)
        return answer.body.decode("utf-8", "replace") if _TEXT.search(accept) else self._decoded(answer, path)[0]

    async def pages(
        self,
        path: str,
        *,
        repo: str,
        params: Mapping[str, Any] | None = None,
        limit: int = 1_000,
        items: str | None = None,
    ) -> list[Any]:
        """The items of a list over its pages, the first ``limit``; ``items`` names the field that holds the list."""
        found: list[Any] = []
        asked: Mapping[str, Any] | None = {**(params or {}), "per_page": min(PER_PAGE, limit)}
        url: str | None = path
        for _ in range(limit):
            if url is None or len(found) >= limit:
                break
            answer = await self._read(self._request("GET", url, params=asked), repo, JSON)
            data, url = self._decoded(answer, path)
            page = data.get(items) if items is not None and isinstance(data, dict) else data
            if not isinstance(page, list):
                raise GitHubBusy(f"GitHub's answer to GET {path} is not the list that was asked for", BROKEN_S)
            if not page:
                break
            found += page
            asked = None  # the next page's address has them
        return found[:limit]

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        repo: str,
        before: Before | None = None,
    ) -> Any:
        """Change something, once: decoded JSON, None for an empty answer. Never repeated after it may have arrived.

        ``before`` is awaited when all waiting for our turn is over, right before the request is sent; what it raises
        goes through, and nothing is sent. It is awaited again where a token that is not taken any more is renewed.
        """
        request = self._request(method, path, body=body, is_write=True)
        return self._decoded(await self._change(request, repo, CORE, before), path, is_write=True)[0]

    async def graphql(self, query: str, variables: Mapping[str, Any], *, repo: str, mutation: bool = False) -> Any:
        """The ``data`` of a query's answer. Its ``errors`` are Refused. A mutation is a write."""
        url = self._api_url.removesuffix("/v3") if self._api_url.endswith("/api/v3") else self._api_url
        body = {"query": query, "variables": dict(variables)}
        request = self._request("POST", f"{url}/graphql", body=body, is_write=mutation)
        if mutation:
            answer = await self._change(request, repo, GRAPHQL)
        else:
            answer = await self._read(request, repo, JSON, GRAPHQL)
        told = self._decoded(answer, "/graphql", is_write=mutation)[0]
        if not isinstance(told, dict) or not ("data" in told or "errors" in told):
            raise self._broken("POST /graphql", "gave neither data nor errors", mutation)
        if errors := told.get("errors"):
            raise await self._graphql_fault(errors, answer, repo, mutation)
        return told["data"]

    async def login(self, repo: str) -> str:
        """The login that what we write appears under: ``name[bot]`` of an App."""
        if self._login is None:
            self._login = await self._find_login(repo)
        return self._login or ACTIONS_LOGIN

    async def git_authorization(self, repo: str) -> str:
        """The value of the ``Authorization`` header for git over HTTPS: a secret, good for an hour at most."""
        grant = await self._grants.of(repo)
        return "Basic " + base64.b64encode(f"x-access-token:{grant.token}".encode()).decode()

    async def close(self) -> None:
        await self._wire.close()

    # Requests

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        is_write: bool = False,
        max_bytes: int = MAX_ANSWER,
    ) -> Request:
        url = path if path.startswith(("http://", "https://")) else f"{self._api_url}{path}"
        what = f"{method} {urlsplit(url).path}"
        if _origin(url) != self._origin:
            raise Refused(what, 400, "it leads to another host, which must not see the token")
        content = None if body is None else json.dumps(body).encode()
        return Request(method, url, what, {}, params, content, is_write, max_bytes)

    async def _read(self, request: Request, repo: str, accept: str, resource: str = CORE) -> Answer:
        async def read(grant: Grant) -> Answer:
            return await self._tried(request, grant, accept, resource)

        return await self._in_the_name_of(repo, read, request.what)

    async def _change(self, request: Request, repo: str, resource: str, before: Before | None = None) -> Answer:
        async def change(grant: Grant) -> Answer:
            account = self._accounts.of(grant.account)
            async with account.writing(resource):
                if before is not None:
                    await before()
                return await self._once(request, grant, account, JSON)

        return await self._in_the_name_of(repo, change, request.what)

    async def _in_the_name_of(self, repo: str, call: Any, what: str) -> Answer:
        """With the repository's token; once more with a new one where it is not taken any more, which does nothing."""
        grant = await self._grants.of(repo)
        answer: Answer = await call(grant)
        if answer.status == 401 and grant.renewable:
            self._grants.forget(repo, grant)
            answer = await call(await self._grants.of(repo))
        if answer.status >= 300:
            raise _refused(what, answer)
        return answer

    async def _of_app(self, method: str, path: str, grant: Grant, body: dict[str, Any] | None) -> tuple[Any, Answer]:
        """A call about the App itself. Making a token changes nothing, so it is repeated as reads are."""
        request = self._request(method, path, body=body)
        answer = await self._tried(request, grant, JSON, CORE)
        if answer.status >= 300:
            raise _refused(request.what, answer)
        return self._decoded(answer, path)[0], answer

    async def _tried(self, request: Request, grant: Grant, accept: str, resource: str) -> Answer:
        """A read, repeated where it fails for now."""
        account = self._accounts.of(grant.account)
        for wait in RETRY_WAITS_S:
            await account.turn(resource)
            try:
                return await self._once(request, grant, account, accept)
            except GitHubBusy as error:
                account.check(resource)  # limited: at once
                if error.retry_after_s > BROKEN_S:
                    raise
            await self._clock.sleep(wait)
        await account.turn(resource)
        return await self._once(request, grant, account, accept)

    async def _once(self, request: Request, grant: Grant, account: Account, accept: str) -> Answer:
        """One request, and its redirects on the same host. Raises GitHubBusy, or Ambiguous for a write."""
        from gidgethub.sansio import create_headers

        headers = create_headers(USER_AGENT, accept=accept, oauth_token=grant.token, jwt=grant.jwt)
        headers["x-github-api-version"] = API_VERSION
        if request.content is not None:
            headers["content-type"] = "application/json"
        request = replace(request, headers=headers)
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._exchanged(request)
            wait = account.hear(answer.status, answer.headers, _message(answer)[0])
            if answer.status >= 500:
                raise self._broken(request.what, f"answered {answer.status}", request.is_write, wait)
            if wait is not None:
                raise GitHubBusy(f"GitHub limits {request.what}", wait)
            target = answer.headers.get("location")
            if target is None or answer.status not in (_REPEATED_WRITES if request.is_write else _REPEATED):
                return answer
            url = urljoin(request.url, target)
            if _origin(url) != self._origin:
                raise Refused(request.what, answer.status, "it moved to another host, which must not see the token")
            request = replace(request, url=url, params=None)
        raise Refused(request.what, 310, f"it moved more than {MAX_REDIRECTS} times")

    async def _exchanged(self, request: Request) -> Answer:
        fault: Exception
        try:
            return await self._wire.exchange(request)
        except Unsent as error:
            fault = GitHubBusy(f"GitHub {error} for {request.what}", UNREACHABLE_S)
        except Lost as error:
            fault = self._broken(request.what, str(error), request.is_write)
        raise fault

    # Answers

    @staticmethod
    def _broken(what: str, how: str, is_write: bool, wait: float | None = None) -> GitHubBusy | Ambiguous:
        fault = Ambiguous if is_write else GitHubBusy
        return fault(f"GitHub {how} to {what}", max(wait or 0.0, BROKEN_S))

    def _decoded(self, answer: Answer, path: str, *, is_write: bool = False) -> tuple[Any, str | None]:
        """An answer's JSON and the address of the next page."""
        from gidgethub.sansio import decipher_response

        told = {name: value for name, value in answer.headers.items() if name in ("content-type", "link")}
        try:
            data, _, following = decipher_response(200, told, answer.body)
        except (ValueError, LookupError, RecursionError):
            data, following = answer.body, None
        if isinstance(data, str | bytes):
            raise self._broken(path, "gave no JSON", is_write)
        return data, following

    async def _graphql_fault(self, errors: Any, answer: Answer, repo: str, mutation: bool) -> Exception:
        entries = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
        texts = tuple(str(entry.get("message", "")) for entry in entries)
        kinds = {str(entry.get("type", "")) for entry in entries}
        if "RATE_LIMITED" in kinds:
            account = self._accounts.of((await self._grants.of(repo)).account)
            wait = account.hear(429, {"x-ratelimit-resource": GRAPHQL, **answer.headers}, "")
            return GitHubBusy("GitHub limits POST /graphql", wait or BROKEN_S)
        if any(text.startswith("Something went wrong while executing your query") for text in texts):
            return self._broken("POST /graphql", "failed inside", mutation)
        status = 404 if "NOT_FOUND" in kinds else 403 if "FORBIDDEN" in kinds else 422
        return Refused("POST /graphql", status, texts[0] if texts else "", texts[1:])

    async def _find_login(self, repo: str) -> str | None:
        """None for a token that does not say whose it is."""
        if self._app is not None:
            told, _ = await self._of_app("GET", "/app", self._app.own(), None)
            if isinstance(told, dict) and isinstance(told.get("slug"), str):
                return f"{told['slug']}[bot]"
            raise GitHubBusy("GitHub did not name the App", BROKEN_S)
        try:
            told = await self.get("/user", repo=repo)
        except Refused as error:
            if error.status != 403:
                raise
            return await self._find_bot(repo)  # the token of an App's installation, or an Actions run, is no user's
        if isinstance(told, dict) and isinstance(told.get("login"), str):
            return str(told["login"])
        raise GitHubBusy("GitHub did not name the user of the token", BROKEN_S)

    async def _find_bot(self, repo: str) -> str | None:
        try:
            told = await self.graphql("{ viewer { login __typename } }", {}, repo=repo)
        except Refused:
            return None
        viewer = told.get("viewer") if isinstance(told, dict) else None
        if not isinstance(viewer, dict) or not isinstance(viewer.get("login"), str):
            return None
        # GraphQL tells the login of a bot without the ending that it has everywhere else.
        ending = "[bot]" if viewer.get("__typename") == "Bot" else ""
        return f"{viewer['login'].removesuffix(ending)}{ending}" or None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname, port or {"https": 443, "http": 80}.get(parts.scheme)


def _message(answer: Answer) -> tuple[str, tuple[str, ...]]:
    """What an error says: GitHub's ``message`` and ``errors``."""
    if answer.status < 400:
        return "", ()
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "", ()
    if not isinstance(told, dict):
        return "", ()
    errors = told.get("errors")
    listed = errors if isinstance(errors, list) else [errors] if errors else []
    return str(told.get("message", "")), tuple(_said(error) for error in listed[:20])


def _said(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    if error.get("message"):
        return str(error["message"])
    return " ".join(str(error[key]) for key in ("resource", "field", "code") if error.get(key))


def _refused(what: str, answer: Answer) -> Refused | Unauthorized:
    message, errors = _message(answer)
    if answer.status == 401:
        return Unauthorized(what, message)
    if answer.status < 400 and not message:
        message = "it moved: use the name that it has now"
    return Refused(what, answer.status, message, errors)
