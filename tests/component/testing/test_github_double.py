"""The double as a server: its two ways of control, its journal, its speed, and its process."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from quorate.testing.github import CALLS, GitHubDouble
from tests.component.testing.github_double import PULL, REPO, REVIEWS, client, opened


@pytest.fixture
def process() -> Iterator[str]:
    """The URL of a double in a process of its own."""
    running = subprocess.Popen(
        [sys.executable, "-m", "quorate.testing.github", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    yield running.stdout.readline().strip()
    running.terminate()
    assert running.wait(10) == 0
    running.stdout.close()


def call(http: httpx2.Client, name: str, **arguments: object) -> httpx2.Response:
    return http.post(f"/_double/{name}", json=arguments)


def test_a_process_of_its_own_is_played_and_looked_at_over_http(process: str) -> None:
    with httpx2.Client(base_url=process, trust_env=False) as http:
        assert call(http, "create_repository", repo=REPO, files={"a.py": "one\n"}).status_code == 200
        pull = call(http, "open_pull", repo=REPO, head={"a.py": "two\n", "b.bin": {"base64": "AAE="}}).json()
        token = call(http, "token", login="reviewer").json()
        headers = {"authorization": f"token {token}"}
        sent = http.post(REVIEWS, headers=headers, json={"body": "Fine.", "event": "COMMENT"})
        assert sent.status_code == 200
        (review,) = call(http, "reviews", repo=REPO, number=1).json()
        assert (review["body"], review["commit_id"]) == ("Fine.", pull["head"]["sha"])
        assert [entry["path"] for entry in call(http, "journal").json()] == [REVIEWS]
        assert Path(call(http, "info").json()["git_url"].removeprefix("file://")).is_dir()


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("no_such_call", {}, "there is no call"),
        ("pull", {"repo": "octo/none", "number": 1}, "there is no repository octo/none; known: octo/app"),
        ("pull", {"repo": REPO, "number": 9}, "has no pull request 9"),
        ("pull", {"repo": REPO}, "number"),
        ("fault", {"kind": "earthquake"}, "choose one of"),
        ("set_permission", {"repo": REPO, "login": "x", "role": "king"}, "choose one of"),
    ],
)
async def test_a_call_that_is_wrong_is_answered_with_the_reason(
    name: str, arguments: dict[str, object], said: str
) -> None:
    async with opened() as (_, http):
        answer = await http.post(f"/_double/{name}", json=arguments)
        assert answer.status_code == 400
        assert said in answer.json()["error"]


def test_every_public_call_is_served() -> None:
    assert {"open_pull", "push", "deliver", "lose", "fault", "settle", "reviews", "journal", "info"} <= CALLS
    assert not {name for name in CALLS if name.startswith("_")}


def test_it_answers_while_the_loop_of_the_test_is_blocked() -> None:
    with GitHubDouble() as gh:
        gh.create_repository(REPO)
        assert httpx2.get(f"{gh.url}/repos/{REPO}", trust_env=False).json()["full_name"] == REPO


async def test_the_journal_has_every_request_with_who_sent_it_and_what_was_told() -> None:
    async with opened() as (gh, http):
        await http.get(PULL, params={"a": "b"})
        await http.get("/nowhere")
        first, second = gh.journal()
        assert (first["method"], first["path"], first["query"], first["status"]) == ("GET", PULL, "a=b", 200)
        assert first["login"] == "reviewer"
        assert second["status"] == 404
        assert gh.journal(since=1) == [second]


async def test_errors_have_the_shape_of_github() -> None:
    async with opened() as (_, http):
        body = (await http.get("/nowhere")).json()
        assert body["message"] == "Not Found"
        assert body["documentation_url"].startswith("https://docs.github.com/")
        assert body["status"] == "404"
        assert (await http.post(REVIEWS, content=b"{")).json()["message"] == "Problems parsing JSON"


def test_it_leaves_nothing_behind() -> None:
    with GitHubDouble() as gh:
        gh.create_repository(REPO)
        path = Path(gh.repo_path(REPO))
        assert path.is_dir()
    assert not path.exists()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(gh.url, trust_env=False)


async def test_a_hundred_pull_requests_and_requests_take_a_moment() -> None:
    """500 pull requests take about 2 s, a request half a millisecond; the limits leave room for a busy machine."""
    async with opened() as (gh, http):
        start = time.perf_counter()
        for number in range(100):
            gh.open_pull(REPO, {f"f{number}.py": "x = 1\n"})
        opening = time.perf_counter() - start
        start = time.perf_counter()
        for _ in range(100):
            assert (await http.get(f"/repos/{REPO}")).status_code == 200
        asking = time.perf_counter() - start
    assert opening < 6
    assert asking < 2


async def test_clients_without_a_token_read_what_is_public() -> None:
    async with opened() as (gh, _), client(gh, None) as nobody:
        assert (await nobody.get(PULL)).status_code == 200
        assert (await nobody.post(REVIEWS, json={"body": "x", "event": "COMMENT"})).status_code == 401
