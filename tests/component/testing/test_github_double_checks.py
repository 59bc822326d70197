"""Check runs, statuses, SARIF, and the threads of GraphQL."""

import gzip
import json
from base64 import b64encode
from typing import Any

import httpx2
import pytest

from quorate.testing.github import Limits
from tests.component.testing.github_double import PULL, REPO, REVIEWS, client, opened

RUNS = f"/repos/{REPO}/check-runs"
THREADS = """
query Threads($owner: String!, $name: String!, $number: Int!, $size: Int = 2, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: $size, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved isOutdated path line comments(first: 1) { nodes { ...said author { login } } } }
      }
    }
  }
}
fragment said on PullRequestReviewComment { databaseId text: body }
"""
ARGUMENTS = {"owner": "octo", "name": "app", "number": 1}


def annotated(count: int) -> dict[str, Any]:
    one = {"path": "app.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Hm."}
    return {"title": "Findings", "summary": f"{count}", "annotations": [one] * count}


async def graphql(http: httpx2.AsyncClient, query: str, **variables: Any) -> Any:
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_app_makes_check_runs_and_adds_annotations() -> None:
    async with opened() as (gh, user), client(gh, gh.installation_token("octo")) as bot:
        head = gh.pull(REPO, 1)["head"]["sha"]
        wanted = {"name": "Quorate", "head_sha": head, "output": annotated(50)}
        assert (await user.post(RUNS, json=wanted)).status_code == 403
        run = (await bot.post(RUNS, json=wanted)).json()
        assert (run["status"], run["output"]["annotations_count"]) == ("queued", 50)
        path = f"{RUNS}/{run['id']}"
        assert (await bot.patch(path, json={"output": annotated(51)})).status_code == 422
        done = (await bot.patch(path, json={"conclusion": "failure", "output": annotated(2)})).json()
        assert (done["status"], done["conclusion"], done["output"]["annotations_count"]) == ("completed", "failure", 52)
        assert len((await bot.get(f"{path}/annotations", params={"per_page": 100})).json()) == 52
        (shown,) = gh.check_runs(REPO)
        assert len(shown["annotations"]) == 52
        again = (await bot.post(RUNS, json={"name": "Quorate", "head_sha": head})).json()
        await bot.post(RUNS, json={"name": "Other", "head_sha": head})
        url = f"/repos/{REPO}/commits/{head}/check-runs"
        listed = (await user.get(url, params={"check_name": "Quorate"})).json()
        assert [one["id"] for one in listed["check_runs"]] == [again["id"]]
        assert (await user.get(url, params={"filter": "all"})).json()["total_count"] == 3
        async with client(gh, gh.actions_token(REPO)) as other:
            assert (await other.patch(path, json={"conclusion": "success"})).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"head_sha": "0" * 40},
        {"status": "completed"},
        {"conclusion": "splendid"},
        {"output": {"summary": "no title"}},
        {"output": {"title": "t", "summary": "x" * 65_536}},
        {"output": {"title": "t", "summary": "s", "annotations": [{"path": "app.py"}]}},
    ],
)
async def test_a_check_run_that_is_wrong_is_refused_whole(wrong: dict[str, Any]) -> None:
    async with opened() as (gh, _), client(gh, gh.installation_token("octo")) as bot:
        head = gh.pull(REPO, 1)["head"]["sha"]
        assert (await bot.post(RUNS, json={"name": "Quorate", "head_sha": head, **wrong})).status_code == 422
        assert gh.check_runs(REPO) == []


async def test_statuses_are_of_a_commit() -> None:
    async with opened() as (gh, http):
        head = gh.pull(REPO, 1)["head"]["sha"]
        path = f"/repos/{REPO}/statuses/{head}"
        assert (await http.post(path, json={"state": "success", "context": "quorate"})).status_code == 201
        assert (await http.post(path, json={"state": "great"})).status_code == 422
        assert (await http.post(path, json={"state": "error", "description": "x" * 141})).status_code == 422
        (status,) = gh.statuses(REPO)
        assert (status["sha"], status["context"], status["creator"]["login"]) == (head, "quorate", "reviewer")
        assert len((await http.get(f"/repos/{REPO}/commits/pull/1/head/statuses")).json()) == 1


async def test_sarif_is_unpacked_and_judged() -> None:
    async with opened(Limits(sarif_bytes=1_000)) as (gh, http):
        document = {"version": "2.1.0", "runs": []}
        packed = b64encode(gzip.compress(json.dumps(document).encode())).decode()
        body = {"commit_sha": gh.pull(REPO, 1)["head"]["sha"], "ref": "refs/pull/1/head", "sarif": packed}
        path = f"/repos/{REPO}/code-scanning/sarifs"
        accepted = await http.post(path, json=body)
        assert accepted.status_code == 202
        assert (await http.get(f"{path}/{accepted.json()['id']}")).json()["processing_status"] == "complete"
        assert [sarif["document"] for sarif in gh.sarifs(REPO)] == [document]
        assert (await http.post(path, json={**body, "sarif": "###"})).status_code == 400
        assert (await http.post(path, json={**body, "sarif": b64encode(b"{}").decode()})).status_code == 400
        assert (await http.post(path, json={**body, "sarif": b64encode(b"x" * 1_001).decode()})).status_code == 413
        assert (await http.post(path, json={**body, "ref": "main"})).status_code == 422
        gh.create_repository("octo/plain", code_scanning=False)
        assert (await http.post("/repos/octo/plain/code-scanning/sarifs", json=body)).status_code == 403


async def test_threads_are_listed_resolved_and_minimized() -> None:
    async with opened() as (gh, http), client(gh, gh.installation_token("octo")) as bot:
        comments = [{"path": "app.py", "line": line, "body": f"At {line}."} for line in (9, 10, 11)]
        await bot.post(REVIEWS, json={"comments": comments, "event": "COMMENT"})
        first = (await graphql(http, THREADS, **ARGUMENTS))["data"]["repository"]["pullRequest"]["reviewThreads"]
        assert first["pageInfo"]["hasNextPage"]
        after = first["pageInfo"]["endCursor"]
        rest = await graphql(http, THREADS, **ARGUMENTS, after=after)
        nodes = first["nodes"] + rest["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]
        assert [(node["path"], node["line"], node["isResolved"]) for node in nodes] == [
            ("app.py", line, False) for line in (9, 10, 11)
        ]
        # GraphQL tells bots without the "[bot]" that REST has.
        assert nodes[0]["comments"]["nodes"][0]["author"] == {"login": "quorate"}
        assert nodes[0]["comments"]["nodes"][0]["text"] == "At 9."
        resolve = "mutation($id: ID!) { %s(input: {threadId: $id}) { thread { id isResolved } } }"
        done = await graphql(bot, resolve % "resolveReviewThread", id=nodes[0]["id"])
        assert done["data"]["resolveReviewThread"]["thread"] == {"id": nodes[0]["id"], "isResolved": True}
        assert [thread["isResolved"] for thread in gh.threads(REPO, 1)] == [True, False, False]
        await graphql(bot, resolve % "unresolveReviewThread", id=nodes[0]["id"])
        assert not gh.threads(REPO, 1)[0]["isResolved"]
        subject = (await http.get(f"{PULL}/comments")).json()[0]["node_id"]
        query = (
            'mutation { minimizeComment(input: {subjectId: "%s", classifier: OUTDATED}) '
            "{ minimizedComment { isMinimized minimizedReason } } }"
        )
        minimized = (await graphql(bot, query % subject))["data"]["minimizeComment"]["minimizedComment"]
        assert minimized == {"isMinimized": True, "minimizedReason": "outdated"}


async def test_graphql_refuses_what_may_not_be_done_or_is_not_there() -> None:
    async with opened() as (gh, http), client(gh, gh.token("passer-by")) as other, client(gh, None) as nobody:
        comment = {"path": "app.py", "line": 9, "body": "x"}
        await http.post(REVIEWS, json={"comments": [comment], "event": "COMMENT"})
        thread = gh.threads(REPO, 1)[0]["id"]
        query = 'mutation { resolveReviewThread(input: {threadId: "%s"}) { thread { id } } }'
        refused = await graphql(other, query % thread)
        assert (refused["data"], refused["errors"][0]["type"]) == ({"resolveReviewThread": None}, "FORBIDDEN")
        assert (await graphql(http, query % "PRRT_7"))["errors"][0]["type"] == "NOT_FOUND"
        assert (await graphql(http, THREADS, **{**ARGUMENTS, "number": 9}))["errors"][0]["type"] == "NOT_FOUND"
        assert (await nobody.post("/graphql", json={"query": "{ viewer { login } }"})).status_code == 401
        await http.post(REVIEWS, json={"comments": [comment]})
        assert (
            len(
                (await graphql(http, THREADS, **ARGUMENTS, size=50))["data"]["repository"]["pullRequest"][
                    "reviewThreads"
                ]["nodes"]
            )
            == 2
        )
        seen = await graphql(other, THREADS, **ARGUMENTS, size=50)
        assert len(seen["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]) == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ organization { name } }", "Supported are"),
        ("{ viewer { shoeSize } }", "Supported are"),
        ("mutation { deleteEverything { id } }", "Supported are"),
        ("{ viewer { login }", "ends too early"),
        ("subscription { x }", "only queries and mutations"),
        ("{ viewer { ...gone } }", "not defined"),
        ("{ a" * 40, "levels deep"),
        ("{ viewer { ...f } } fragment f on User { ...f }", "levels deep"),
        (
            '{ repository(owner: "octo", name: "app") { pullRequest(number: 1) { reviews { nodes { id } } } } }',
            "`first`",
        ),
    ],
)
async def test_graphql_that_is_not_known_is_an_error_that_says_what_is(query: str, said: str) -> None:
    async with opened() as (_, http):
        assert said in (await graphql(http, query))["errors"][0]["message"]
