"""The client of GitHub's API: what is repeated, what never is, and what each failure is called."""

import asyncio
import base64
import json
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from quorate.errors import Misconfigured, Retryable
from quorate.github import (
    Ambiguous,
    AppCredentials,
    Clock,
    GitHub,
    GitHubBusy,
    Refused,
    TokenCredentials,
    Unauthorized,
)
from quorate.github.grants import AppGrants, Grant
from quorate.github.wire import Answer as Answered
from quorate.github.wire import Request
from quorate.settings import GitHubSettings

API = "https://api.github.test"
REPO = "octo/app"
TOKEN = "ghp_very-secret"
WALL = 1_700_000_000.0
DATE = {"date": "Tue, 14 Nov 2023 22:13:20 GMT"}  # WALL


class Time:
    """A clock that only moves when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.clock = Clock(lambda: WALL + self.now - 100, lambda: self.now, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class Script:
    """Answers requests one after the other; the last one for all that follow."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]


def ok(body: Any = None, status: int = 200, **headers: str) -> Callable[[httpx2.Request], httpx2.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: httpx2.Response(status, json={} if body is None else body, headers=named)


def client(script: Script, time: Time | None = None, credentials: Any = None, **settings: Any) -> GitHub:
    given = GitHubSettings.model_validate({"api_url": API, "write_interval_s": 1} | settings)
    transport = httpx2.MockTransport(script)
    time = time or Time()
    return GitHub(given, credentials or TokenCredentials(TOKEN), transport=transport, clock=time.clock)


def no_secret(error: BaseException) -> None:
    assert error.__context__ is None
    assert TOKEN not in f"{error!r} {error}"


# Reads


async def test_a_read_says_who_asks_for_what() -> None:
    script = Script(ok({"id": 1}))

    assert await client(script).get("/repos/octo/app/pulls/1", repo=REPO, params={"a": "b c"}) == {"id": 1}

    (request,) = script.requests
    assert str(request.url) == f"{API}/repos/octo/app/pulls/1?a=b+c"
    assert request.headers["authorization"] == f"token {TOKEN}"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.headers["user-agent"] == "quorate"
    assert request.headers["x-github-api-version"] == "2022-11-28"


@pytest.mark.parametrize(
    "accept", ["application/vnd.github.diff", "application/vnd.github.raw+json", "application/vnd.github.v3.patch"]
)
async def test_raw_and_diff_media_types_are_texts(accept: str) -> None:
    script = Script(lambda _: httpx2.Response(200, content=b"a\xff\0b", headers={"content-type": f"{accept}"}))

    assert await client(script).get("/x", repo=REPO, accept=accept) == "a\ufffd\0b"


async def test_a_read_is_tried_three_times() -> None:
    time = Time()
    script = Script(ok(status=502), httpx2.ReadTimeout("slow"), ok({"id": 1}))

    assert await client(script, time).get("/x", repo=REPO) == {"id": 1}
    assert time.slept == [0.5, 2.0]


@pytest.mark.parametrize("fault", [ok(status=500), httpx2.ConnectError("no"), httpx2.RemoteProtocolError("cut")])
async def test_a_read_that_fails_three_times_is_for_later(fault: Answer) -> None:
    script = Script(fault)

    with pytest.raises(GitHubBusy) as raised:
        await client(script).get("/x", repo=REPO)

    assert len(script.requests) == 3
    assert raised.value.retry_after_s > 0


@pytest.mark.parametrize("content", [b"{", b"<html>", b"[" * 100_000])
async def test_an_answer_that_is_no_json_is_for_later(content: bytes) -> None:
    script = Script(lambda _: httpx2.Response(200, content=content, headers={"content-type": "application/json"}))

    with pytest.raises(GitHubBusy):
        await client(script).get("/x", repo=REPO)


@pytest.mark.parametrize("status", [400, 403, 404, 406, 409, 410, 422])
async def test_a_refusal_is_final_and_has_githubs_words(status: int) -> None:
    errors = [{"resource": "R", "field": "f", "code": "invalid"}, {"message": "no\nway"}, "plain"]
    script = Script(ok({"message": "Bad", "errors": errors}, status))

    with pytest.raises(Refused) as raised:
        await client(script).get("/x", repo=REPO)

    assert len(script.requests) == 1
    assert (raised.value.status, raised.value.message) == (status, "Bad")
    assert raised.value.errors == ("R f invalid", "no way", "plain")
    assert f"GitHub refused GET /x with {status}: Bad" in str(raised.value)


@pytest.mark.parametrize("write", [False, True])
async def test_a_token_that_is_not_taken_is_for_later_as_it_may_be_being_replaced(write: bool) -> None:
    script = Script(ok({"message": "Bad credentials"}, 401), ok({"id": 1}))
    github = client(script)

    async def call() -> Any:
        return await (github.write("POST", "/x", {}, repo=REPO) if write else github.get("/x", repo=REPO))

    with pytest.raises(Unauthorized, match=r"/x with 401: Bad credentials .*renew it") as raised:
        await call()

    assert isinstance(raised.value, Retryable)
    assert raised.value.retry_after_s == 300
    assert len(script.requests) == 1
    assert await call() == {"id": 1}


async def test_an_error_page_without_json_is_a_refusal_too() -> None:
    with pytest.raises(Refused, match="418"):
        await client(Script(lambda _: httpx2.Response(418, content=b"<html>"))).get("/x", repo=REPO)


async def test_an_answer_that_is_too_large_is_refused() -> None:
    script = Script(lambda _: httpx2.Response(200, content=b"x" * 2_000))

    with pytest.raises(Refused) as raised:
        await client(script).get("/x", repo=REPO, accept="application/vnd.github.raw", max_bytes=1_000)

    assert raised.value.status == 413
    assert len(script.requests) == 1


# Redirects


async def test_a_read_follows_a_redirect_on_the_same_host() -> None:
    script = Script(ok(status=301, location=f"{API}/repositories/1"), ok({"id": 1}))

    assert await client(script).get("/repos/octo/old", repo=REPO) == {"id": 1}
    assert script.paths[1] == "GET /repositories/1"


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.test/x", "http://api.github.test/x", "https://api.github.test:444/x", "//elsewhere.test/x"],
)
async def test_the_token_does_not_leave_the_host(target: str) -> None:
    script = Script(ok(status=302, location=target))

    with pytest.raises(Refused, match="another host"):
        await client(script).get("/x", repo=REPO)
    assert len(script.requests) == 1


async def test_redirects_end() -> None:
    script = Script(ok(status=302, location=f"{API}/x"))

    with pytest.raises(Refused, match="more than 3 times"):
        await client(script).get("/x", repo=REPO)


async def test_a_write_follows_only_redirects_that_keep_its_method() -> None:
    script = Script(ok(status=307, location=f"{API}/y"), ok({"id": 1}, 201))
    assert await client(script).write("POST", "/x", {"a": 1}, repo=REPO) == {"id": 1}
    assert script.paths == ["POST /x", "POST /y"]
    assert json.loads(script.requests[1].content) == {"a": 1}

    with pytest.raises(Refused):
        await client(Script(ok(status=301, location=f"{API}/y"))).write("POST", "/x", {}, repo=REPO)


# Pages


def paged(count: int, size: int = 100) -> Callable[[httpx2.Request], httpx2.Response]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        page = int(request.url.params.get("page", 1))
        items = list(range((page - 1) * size, min(page * size, count)))
        following = f'<{API}/x?page={page + 1}>; rel="next", <{API}/x?page=9>; rel="last"'
        return httpx2.Response(200, json=items, headers={"link": following} if page * size < count else {})

    return answer


async def test_pages_are_read_to_the_end() -> None:
    script = Script(paged(250))

    assert await client(script).pages("/x", repo=REPO, params={"state": "all"}) == list(range(250))
    assert str(script.requests[0].url) == f"{API}/x?state=all&per_page=100"
    assert len(script.requests) == 3


async def test_pages_are_read_no_further_than_the_limit() -> None:
    script = Script(paged(10_000))

    assert await client(script).pages("/x", repo=REPO, limit=150) == list(range(150))
    assert len(script.requests) == 2


async def test_a_list_within_an_object_is_found() -> None:
    script = Script(ok({"total_count": 1, "check_runs": [1]}))

    assert await client(script).pages("/x", repo=REPO, items="check_runs") == [1]


async def test_a_next_page_on_another_host_is_not_asked_for() -> None:
    script = Script(ok([1], link='<https://elsewhere.test/x>; rel="next"'))

    with pytest.raises(Refused, match="another host"):
        await client(script).pages("/x", repo=REPO)


# Writes


@pytest.mark.parametrize("fault", [httpx2.ConnectError("no"), httpx2.ConnectTimeout("no"), httpx2.PoolTimeout("no")])
async def test_a_write_that_was_never_sent_is_for_later(fault: Exception) -> None:
    script = Script(fault)

    with pytest.raises(GitHubBusy) as raised:
        await client(script).write("POST", "/x", {}, repo=REPO)

    assert len(script.requests) == 1
    no_secret(raised.value)


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ReadTimeout("slow"),
        httpx2.WriteTimeout("slow"),
        httpx2.ReadError("cut"),
        httpx2.RemoteProtocolError("cut"),
        ok(status=500),
        ok(status=502),
        ok(status=503, retry_after="5"),
        lambda _: httpx2.Response(201, content=b"{", headers={"content-type": "application/json"}),
    ],
)
async def test_a_write_that_may_have_arrived_is_ambiguous_and_not_repeated(fault: Answer) -> None:
    script = Script(fault)

    with pytest.raises(Ambiguous) as raised:
        await client(script).write("POST", "/x", {}, repo=REPO)

    assert len(script.requests) == 1
    no_secret(raised.value)


async def test_an_empty_answer_to_a_write_is_none() -> None:
    assert await client(Script(lambda _: httpx2.Response(204))).write("DELETE", "/x", repo=REPO) is None


async def test_writes_are_a_second_apart_and_reads_are_not() -> None:
    time = Time()
    github = client(Script(ok()), time)

    await asyncio.gather(*(github.write("POST", "/x", {}, repo=REPO) for _ in range(3)))
    assert time.slept == [1, 1]
    await asyncio.gather(*(github.get("/x", repo=REPO) for _ in range(3)))
    assert time.slept == [1, 1]


async def test_a_write_does_not_wait_long_for_its_turn() -> None:
    time = Time()
    script = Script(ok())
    github = client(script, time, write_interval_s=8)
    await github.write("POST", "/x", {}, repo=REPO)

    with pytest.raises(GitHubBusy) as raised:
        await github.write("POST", "/x", {}, repo=REPO)
    assert raised.value.retry_after_s == 8
    time.now += 4
    await github.write("POST", "/x", {}, repo=REPO)
    assert time.slept == [4]
    assert len(script.requests) == 2


async def test_behind_a_write_that_takes_long_the_next_one_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate.github.limits.MAX_TURN_S", 0.01)
    barrier = asyncio.Barrier(2)
    gate = asyncio.Event()
    script = Script(ok())
    github = client(script)

    async def before() -> None:
        await barrier.wait()
        await gate.wait()

    first = asyncio.create_task(github.write("POST", "/x", {}, repo=REPO, before=before))
    await asyncio.wait_for(barrier.wait(), 10)

    with pytest.raises(GitHubBusy, match="too many writes"):
        await github.write("POST", "/x", {}, repo=REPO)
    gate.set()
    await first
    assert len(script.requests) == 1


async def test_what_comes_before_a_write_comes_after_all_waiting() -> None:
    time = Time()
    script = Script(ok())
    github = client(script, time)
    seen: list[tuple[float, int]] = []

    async def before() -> None:
        seen.append((time.now, len(script.requests)))

    await github.write("POST", "/x", {}, repo=REPO, before=before)
    await github.write("POST", "/x", {}, repo=REPO, before=before)

    assert seen == [(100, 0), (101, 1)]


async def test_a_write_whose_caller_has_second_thoughts_is_not_sent() -> None:
    script = Script(ok())
    github = client(script, write_interval_s=0.001)

    async def before() -> None:
        raise KeyError("overtaken")

    with pytest.raises(KeyError):
        await github.write("POST", "/x", {}, repo=REPO, before=before)
    assert script.requests == []
    await github.write("POST", "/x", {}, repo=REPO)  # the turn was given back


async def test_more_writes_than_github_takes_in_an_hour_are_for_later() -> None:
    time = Time()
    github = client(Script(ok()), time)
    for _ in range(500):
        await github.write("POST", "/x", {}, repo=REPO)

    with pytest.raises(GitHubBusy) as raised:
        await github.write("POST", "/x", {}, repo=REPO)

    assert 3_600 - 500 < raised.value.retry_after_s <= 3_600 - 498


async def test_never_more_than_900_points_are_used_in_a_minute() -> None:
    time = Time()
    script = Script(ok())
    github = client(script, time)
    at: list[float] = []

    for _ in range(2_000):
        await github.get("/x", repo=REPO)
        at.append(time.now)

    assert max(sum(1 for other in at if start <= other < start + 60) for start in at) <= 900


async def test_without_an_interval_nothing_is_paced() -> None:
    time = Time()
    github = client(Script(ok()), time, write_interval_s=0)

    for _ in range(600):
        await github.write("POST", "/x", {}, repo=REPO)

    assert time.slept == []


# Limits

LIMITED = [
    (ok(status=403, retry_after="30"), 30),
    (ok(status=429, retry_after="30"), 30),
    (ok(status=403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(WALL) + 90), **DATE), 90),
    (ok({"message": "You have exceeded a secondary rate limit"}, 403), 60),
    (ok(status=429), 60),
]


@pytest.mark.parametrize(("answer", "wait"), LIMITED)
@pytest.mark.parametrize("write", [False, True])
async def test_a_limit_is_for_later_and_meanwhile_nothing_is_asked(answer: Answer, wait: float, write: bool) -> None:
    time = Time()
    script = Script(answer, ok({"id": 1}))
    github = client(script, time)

    async def call() -> Any:
        return await (github.write("POST", "/x", {}, repo=REPO) if write else github.get("/x", repo=REPO))

    with pytest.raises(GitHubBusy) as raised:
        await call()
    assert raised.value.retry_after_s == wait
    time.now += wait - 1
    with pytest.raises(GitHubBusy) as raised:
        await call()
    assert raised.value.retry_after_s == pytest.approx(1)
    assert len(script.requests) == 1
    time.now += 2
    assert await call() == {"id": 1}


async def test_a_limit_without_a_time_doubles_until_something_succeeds() -> None:
    time = Time()
    script = Script(ok(status=429), ok(status=429), ok(status=429), ok(), ok(status=429))
    github = client(script, time)
    waits: list[float] = []
    for _ in range(5):
        try:
            await github.get("/x", repo=REPO)
        except GitHubBusy as error:
            waits.append(error.retry_after_s)
            time.now += error.retry_after_s

    assert waits == [60, 120, 240, 60]


async def test_requests_that_are_refused_together_double_nothing() -> None:
    time = Time()
    barrier = asyncio.Barrier(8)

    async def together(_: httpx2.Request) -> httpx2.Response:
        await barrier.wait()
        return httpx2.Response(429)

    settings = GitHubSettings(api_url=API, write_interval_s=0)
    transport = httpx2.MockTransport(together)
    github = GitHub(settings, TokenCredentials(TOKEN), transport=transport, clock=time.clock)

    async def round_of_eight() -> set[float]:
        calls = (github.get("/x", repo=REPO) for _ in range(8))
        faults = await asyncio.gather(*calls, return_exceptions=True)
        return {fault.retry_after_s for fault in faults if isinstance(fault, GitHubBusy)}

    assert await round_of_eight() == {60}
    time.now += 60
    assert await round_of_eight() == {120}


async def test_a_wait_beyond_an_hour_is_not_believed() -> None:
    with pytest.raises(GitHubBusy) as raised:
        await client(Script(ok(status=429, retry_after="999999999"))).get("/x", repo=REPO)

    assert raised.value.retry_after_s == 3_660


async def test_the_last_request_of_a_window_closes_it() -> None:
    script = Script(ok({"id": 1}, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(WALL) + 90), **DATE))
    github = client(script)

    assert await github.get("/x", repo=REPO) == {"id": 1}
    with pytest.raises(GitHubBusy):
        await github.get("/x", repo=REPO)
    assert len(script.requests) == 1


async def test_the_limit_of_one_resource_leaves_the_others() -> None:
    headers = {
        "x_ratelimit_remaining": "0",
        "x_ratelimit_reset": str(int(WALL) + 90),
        "x_ratelimit_resource": "graphql",
    }
    script = Script(ok({"data": {}}, **headers, **DATE), ok({"id": 1}))
    github = client(script)

    await github.graphql("{}", {}, repo=REPO)
    assert await github.get("/x", repo=REPO) == {"id": 1}
    with pytest.raises(GitHubBusy):
        await github.graphql("{}", {}, repo=REPO)


# GraphQL


@pytest.mark.parametrize(
    ("api", "url"), [(API, f"{API}/graphql"), (f"{API}/api/v3", f"{API}/api/graphql")], ids=["github.com", "server"]
)
async def test_a_query_gives_its_data(api: str, url: str) -> None:
    script = Script(ok({"data": {"a": 1}}))

    assert await client(script, api_url=api).graphql("query Q", {"v": 1}, repo=REPO) == {"a": 1}
    assert str(script.requests[0].url) == url
    assert json.loads(script.requests[0].content) == {"query": "query Q", "variables": {"v": 1}}


@pytest.mark.parametrize(("kind", "status"), [("NOT_FOUND", 404), ("FORBIDDEN", 403), ("", 422)])
async def test_errors_of_a_query_are_a_refusal(kind: str, status: int) -> None:
    script = Script(ok({"data": None, "errors": [{"type": kind, "message": "one"}, {"message": "two"}]}))

    with pytest.raises(Refused) as raised:
        await client(script).graphql("{}", {}, repo=REPO, mutation=True)

    assert (raised.value.status, raised.value.message, raised.value.errors) == (status, "one", ("two",))


async def test_a_limit_told_by_graphql_is_for_later() -> None:
    script = Script(ok({"errors": [{"type": "RATE_LIMITED", "message": "slow down"}]}))
    github = client(script)

    for _ in range(2):
        with pytest.raises(GitHubBusy):
            await github.graphql("{}", {}, repo=REPO)
    assert len(script.requests) == 1


@pytest.mark.parametrize(("mutation", "fault", "times"), [(True, Ambiguous, 1), (False, GitHubBusy, 3)])
async def test_a_mutation_is_a_write_and_a_query_a_read(mutation: bool, fault: type[Exception], times: int) -> None:
    script = Script(ok(status=502))

    with pytest.raises(fault):
        await client(script).graphql("{}", {}, repo=REPO, mutation=mutation)

    assert len(script.requests) == times


async def test_a_mutation_that_failed_inside_is_ambiguous() -> None:
    message = "Something went wrong while executing your query. This may be the result of a timeout"

    with pytest.raises(Ambiguous):
        await client(Script(ok({"errors": [{"message": message}]}))).graphql("{}", {}, repo=REPO, mutation=True)


# Who we are


async def test_the_login_of_a_token_is_its_user() -> None:
    script = Script(ok({"login": "someone"}))
    github = client(script)

    assert [await github.login(REPO), await github.login(REPO)] == ["someone"] * 2
    assert script.paths == ["GET /user"]
    assert not github.is_app


NO_USER = ok({"message": "Resource not accessible by integration"}, 403)


@pytest.mark.parametrize(
    ("viewer", "login"),
    [
        ({"login": "reviewer", "__typename": "Bot"}, "reviewer[bot]"),
        ({"login": "reviewer[bot]", "__typename": "Bot"}, "reviewer[bot]"),
        ({"login": "reviewer[bot]", "__typename": "User"}, "reviewer[bot]"),
        ({"login": "someone", "__typename": "User"}, "someone"),
    ],
)
async def test_the_login_of_a_token_that_is_no_users_is_its_apps_bot(viewer: dict[str, str], login: str) -> None:
    script = Script(NO_USER, ok({"data": {"viewer": viewer}}))
    github = client(script)

    assert [await github.login(REPO), await github.login(REPO)] == [login] * 2
    assert script.paths == ["GET /user", "POST /graphql"]


@pytest.mark.parametrize(
    "answer", [NO_USER, ok({"data": {"viewer": None}}), ok({"errors": [{"type": "FORBIDDEN", "message": "no"}]})]
)
async def test_who_cannot_be_found_out_is_guessed_to_be_actions_until_it_is_known(answer: Answer) -> None:
    script = Script(NO_USER, answer, ok({"login": "someone"}))
    github = client(script)

    assert [await github.login(REPO) for _ in range(3)] == ["github-actions[bot]", "someone", "someone"]


async def test_a_guess_is_not_made_while_github_is_busy() -> None:
    with pytest.raises(GitHubBusy):
        await client(Script(NO_USER, ok(status=502))).login(REPO)


class App:
    """GitHub's side of an App: an installation for each owner, and tokens that end after an hour."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.tokens: list[str] = []
        self.dead: set[str] = set()
        self.installation = 5
        self.asked: list[tuple[str, str, str]] = []
        self.bodies: list[Any] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        how, _, secret = request.headers["authorization"].partition(" ")
        self.asked.append((request.method, request.url.path, how))
        path = request.url.path
        if path.endswith("/installation"):
            return httpx2.Response(200, json={"id": self.installation})
        if path.endswith("/access_tokens"):
            if path != f"/app/installations/{self.installation}/access_tokens":
                return httpx2.Response(404, json={"message": "Not Found"})
            self.bodies.append(json.loads(request.content))
            self.tokens.append(f"ghs_{len(self.tokens)}")
            body = {"token": self.tokens[-1], "expires_at": "2023-11-14T23:13:20Z"}  # WALL and an hour
            return httpx2.Response(201, json=body, headers=DATE)
        if path == "/app":
            return httpx2.Response(200, json={"slug": "quorate"})
        if secret in self.dead:
            return httpx2.Response(401, json={"message": "Bad credentials"})
        return httpx2.Response(200, json={"token": secret})

    async def served(self, request: httpx2.Request) -> httpx2.Response:
        """Others get their turn while a request is under way."""
        answer = self(request)
        for _ in range(5):
            await asyncio.sleep(0)
        return answer

    @property
    def lookups(self) -> int:
        return sum(path.endswith("/installation") for _, path, _ in self.asked)


@pytest.fixture
def app_client(monkeypatch: pytest.MonkeyPatch) -> tuple[App, GitHub, Time]:
    monkeypatch.setattr(AppCredentials, "jwt", lambda self, now: f"jwt-{now:.0f}")
    time = Time()
    app = App(time)
    settings = GitHubSettings(api_url=API, write_interval_s=0)
    transport = httpx2.MockTransport(app.served)
    return app, GitHub(settings, AppCredentials(7, "key"), transport=transport, clock=time.clock), time


Made = tuple[App, GitHub, Time]


async def test_a_token_is_of_one_repository_and_kept_until_five_minutes_before_its_end(app_client: Made) -> None:
    app, github, time = app_client

    assert await github.get("/x", repo="Octo/App") == {"token": "ghs_0"}
    time.now += 3_299
    assert await github.get("/x", repo="octo/app") == {"token": "ghs_0"}
    time.now += 2
    assert await github.get("/x", repo="octo/app") == {"token": "ghs_1"}
    assert app.bodies == [{"repositories": ["App"]}, {"repositories": ["app"]}]
    assert app.lookups == 1
    assert {how for _, path, how in app.asked if path.startswith(("/app", "/repos"))} == {"bearer"}


async def test_many_at_once_make_one_token(app_client: Made) -> None:
    app, github, _ = app_client

    found = await asyncio.gather(*(github.get("/x", repo=REPO) for _ in range(20)))

    assert found == [{"token": "ghs_0"}] * 20
    assert (app.lookups, len(app.tokens)) == (1, 1)


@pytest.mark.parametrize("write", [False, True])
async def test_a_token_that_is_not_taken_any_more_is_renewed_once(app_client: Made, write: bool) -> None:
    app, github, _ = app_client
    await github.get("/x", repo=REPO)
    app.dead.add("ghs_0")

    async def call() -> Any:
        return await (github.write("POST", "/x", {}, repo=REPO) if write else github.get("/x", repo=REPO))

    assert await asyncio.gather(*(call() for _ in range(5))) == [{"token": "ghs_1"}] * 5
    assert len(app.tokens) == 2
    app.dead |= {f"ghs_{number}" for number in range(9)}
    with pytest.raises(Unauthorized):
        await call()
    assert len(app.tokens) == 3


async def test_who_comes_late_with_an_old_token_does_not_drop_the_new_one(app_client: Made) -> None:
    app, _, _ = app_client

    async def call(method: str, path: str, grant: Grant, body: Any) -> tuple[Any, Answered]:
        headers = {"authorization": f"bearer {grant.jwt}"}
        answer = app(httpx2.Request(method, f"{API}{path}", headers=headers, json=body))
        return answer.json(), Answered(answer.status_code, DATE, b"")

    grants = AppGrants(AppCredentials(7, "key"), Time().clock, call)
    old = await grants.of(REPO)
    grants.forget(REPO, old)
    new = await grants.of(REPO)
    grants.forget(REPO, old)

    assert old is not new
    assert await grants.of(REPO) is new


async def test_an_app_that_was_installed_again_is_found_again(app_client: Made) -> None:
    app, github, time = app_client
    await github.get("/x", repo=REPO)
    app.installation = 6
    time.now += 4_000

    assert await github.get("/x", repo=REPO) == {"token": "ghs_1"}
    assert app.lookups == 2


async def test_an_app_that_is_not_installed_is_a_refusal() -> None:
    script = Script(ok({"message": "Not Found"}, 404))
    credentials = AppCredentials(7, "key")
    object.__setattr__(credentials, "jwt", lambda now: "jwt")

    with pytest.raises(Refused, match="/repos/octo/app/installation"):
        await client(script, credentials=credentials).get("/x", repo=REPO)


def test_a_client_is_not_made_for_an_app_whose_key_cannot_be_used() -> None:
    with pytest.raises(Misconfigured, match="private key of GitHub App 7"):
        GitHub(GitHubSettings(api_url=API), AppCredentials(7, "-----BEGIN CERTIFICATE-----\nx"))


async def test_the_login_of_an_app_is_its_bot(app_client: Made) -> None:
    _, github, _ = app_client

    assert await github.login(REPO) == "quorate[bot]"
    assert github.is_app


async def test_git_gets_the_token_in_a_header(app_client: Made) -> None:
    _, github, _ = app_client

    header = await github.git_authorization(REPO)

    assert base64.b64decode(header.removeprefix("Basic ")) == b"x-access-token:ghs_0"


# On a real connection


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Takes each connection's request and does with it what it is told."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.requests = 0

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def real(url: str, **more: Any) -> GitHub:
    settings = GitHubSettings(api_url=url, **({"request_timeout_s": 0.3, "write_interval_s": 0} | more))
    return GitHub(settings, TokenCredentials(TOKEN), clock=Time().clock)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the other side gives up


async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\ncontent-type: application/json\r\n\r\n{")
    await writer.drain()


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("handler", [silence, cut, hang_up])
async def test_a_connection_that_ends_without_an_answer_leaves_a_write_ambiguous(handler: Handler) -> None:
    async with Server(handler) as server:
        github = real(server.url)
        with pytest.raises(Ambiguous) as raised:
            await github.write("POST", "/x", {"a": 1}, repo=REPO)
        await github.close()

    assert server.requests == 1
    no_secret(raised.value)


async def test_a_refused_connection_leaves_nothing_open() -> None:
    async with Server(silence) as server:
        url = server.url
    github = real(url)

    with pytest.raises(GitHubBusy) as raised:
        await github.write("POST", "/x", {}, repo=REPO)
    await github.close()

    no_secret(raised.value)


async def test_a_host_without_an_address_is_for_later() -> None:
    github = real("http://nowhere.invalid", request_timeout_s=5)

    with pytest.raises(GitHubBusy):
        await github.write("POST", "/x", {}, repo=REPO)
    await github.close()


async def test_an_answer_that_never_ends_is_cut_off() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with Server(endless) as server:
        github = real(server.url, request_timeout_s=5)
        with pytest.raises(Refused) as raised:
            await github.get("/x", repo=REPO, accept="application/vnd.github.raw", max_bytes=1_000_000)
        await github.close()

    assert raised.value.status == 413


async def test_an_answer_that_drips_ends_with_the_time() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with Server(drip) as server:
        github = real(server.url, request_timeout_s=0.1)
        with pytest.raises(Ambiguous):
            await github.write("POST", "/x", {}, repo=REPO)
        await github.close()


async def test_no_log_and_no_repr_has_the_token(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
        await writer.drain()

    caplog.set_level(logging.DEBUG)
    async with Server(answer) as server:
        github = real(server.url)
        await github.get("/x", repo=REPO)
        await github.close()

    assert caplog.records
    assert TOKEN not in caplog.text
    assert TOKEN not in f"{github!r} {vars(github)!r}"
    headers = {"authorization": f"token {TOKEN}"}
    assert TOKEN not in repr(Request("GET", API, "GET /", headers, None, None, is_write=False, max_bytes=1))


def test_importing_it_loads_no_http_client() -> None:
    program = "import sys, quorate.github; print(*{'httpx2', 'gidgethub', 'jwt', 'pydantic'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.strip() == b""
