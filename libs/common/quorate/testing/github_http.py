"""Requests and answers as GitHub means them: the error body, pages, and the table of endpoints."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.routing import compile_path

if TYPE_CHECKING:
    from quorate.testing.github_access import Identity
    from quorate.testing.github_state import Pull, Repository, State

DOCUMENTATION = "https://docs.github.com/rest"
Json = dict[str, Any]


@dataclass
class Answer:
    """A body that is bytes or str is sent as it is, everything else as JSON; None is no body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode("utf-8", "surrogateescape")
        # Paths may hold bytes that are not UTF-8; GitHub replaces them as well.
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()


class Problem(Exception):
    """An answer that is an error, in GitHub's shape."""

    def __init__(
        self, status: int, message: str, errors: Sequence[Any] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {message} {list(errors) if errors else ''}".strip())
        body: Json = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        if errors:
            body["errors"] = list(errors)
        self.answer = Answer(status, body, dict(headers or {}))


def not_found() -> Problem:
    return Problem(404, "Not Found")


def unprocessable(*errors: Any) -> Problem:
    """A 422 as reviews give it: sentences, none of which names the entry at fault."""
    return Problem(422, "Unprocessable Entity", errors)


def invalid(resource: str, name: str, message: str, code: str = "custom") -> Problem:
    """A 422 as most endpoints give it."""
    return Problem(422, "Validation Failed", [{"resource": resource, "field": name, "code": code, "message": message}])


@dataclass
class Call:
    """One request to an endpoint. ``arguments`` are what its path holds."""

    state: "State"
    identity: "Identity"
    method: str
    path: str
    arguments: dict[str, Any]
    query: dict[str, str]
    accept: str
    token: str
    raw: bytes

    @property
    def body(self) -> Json:
        """The JSON object that was sent. Raises Problem 400."""
        if not self.raw:
            return {}
        try:
            body = json.loads(self.raw)
        except (ValueError, RecursionError):
            raise Problem(400, "Problems parsing JSON") from None
        if not isinstance(body, dict):
            raise Problem(400, "Body should be a JSON object")
        return body

    def text(self, name: str, *, required: bool = False, default: str = "") -> str:
        """A field of the body that is text. Raises Problem 422."""
        value = self.body.get(name)
        if value is None and not required:
            return default
        if not isinstance(value, str) or (required and not value):
            raise Problem(422, f'Invalid request.\n\n"{name}" wasn\'t supplied or is not a string.')
        return value

    def repository(self, *permissions: str, level: str = "read", role: str = "read") -> "Repository":
        """The repository of the path. An App needs one of the permissions at this level, a user the role.

        Raises Problem: 404 when it may not be seen, 401 or 403 when this may not be done.
        """
        return self.state.access.repository(
            self.identity, f"{self.arguments['owner']}/{self.arguments['repo']}", permissions, level, role
        )

    def pull(self, repository: "Repository") -> "Pull":
        pull = repository.pulls.get(self.arguments["number"])
        if pull is None:
            raise not_found()
        return pull

    def page(self, items: Sequence[Any], shown: Callable[[Any], Any], *, under: str | None = None) -> Answer:
        """One page of a list, with its ``Link``. With ``under`` it is in an object that also has ``total_count``."""
        size = max(1, min(100, self.number("per_page", 30)))
        page = max(1, self.number("page", 1))
        last = max(1, -(-len(items) // size))
        links = []
        for name, target in (("prev", page - 1), ("next", page + 1), ("last", last), ("first", 1)):
            if 1 <= target <= last and target != page:
                links.append(f'<{self.at(page=target)}>; rel="{name}"')
        body: Any = [shown(item) for item in items[(page - 1) * size : page * size]]
        if under is not None:
            body = {"total_count": len(items), under: body}
        return Answer(200, body, {"link": ", ".join(links)} if links else {})

    def number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else default

    def at(self, **changed: int) -> str:
        """The address of this request with other numbers in its query."""
        return f"{self.state.url}{self.path}?{urlencode(self.query | {k: str(v) for k, v in changed.items()})}"

    def wants(self, *names: str) -> bool:
        """Whether a media type such as ``application/vnd.github.v3.diff`` is asked for."""
        return any(re.search(rf"application/vnd\.github\.(v3\.)?{name}\b", self.accept) for name in names)


Handler = Callable[[Call], Answer]


class Endpoints:
    """A table of endpoints; each module of the double fills its own."""

    def __init__(self) -> None:
        self.table: list[tuple[str, re.Pattern[str], Any, Handler]] = []

    def on(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Serve ``path``, a starlette path such as ``/repos/{owner}/{repo}/pulls/{number:int}``."""
        pattern, _, convertors = compile_path(path)

        def register(handler: Handler) -> Handler:
            self.table.append((method, pattern, convertors, handler))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, Any]] | None:
        for known, pattern, convertors, handler in self.table:
            if known == method and (match := pattern.match(path)):
                return handler, {name: convertors[name].convert(value) for name, value in match.groupdict().items()}
        return None
