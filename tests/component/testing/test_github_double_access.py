"""Who may do what: tokens, the App, permissions and limits."""

import time
from typing import Any

import jwt
import pytest
from gidgethub.apps import get_jwt

from quorate.testing.github import GitHubDouble, Limits
from tests.component.testing.github_double import PULL, REPO, REVIEWS, client, opened

COMMENT = {"body": "Fine.", "event": "COMMENT"}


def signed(gh: GitHubDouble, key: str | None = None, **claims: Any) -> str:
    now = int(time.time())
    whole = {"iat": now - 60, "exp": now + 540, "iss": str(gh.app()["id"]), **claims}
    return jwt.encode(whole, key or gh.app()["private_key"], algorithm="RS256")


async def test_an_app_gets_a_token_of_its_installation_and_writes_as_its_bot() -> None:
    async with opened(Limits(token_s=60)) as (gh, _), client(gh, signed(gh)) as app:
        assert (await app.get("/app")).json()["slug"] == "quorate"
        installation = (await app.get(f"/repos/{REPO}/installation")).json()
        assert [one["id"] for one in (await app.get("/app/installations")).json()] == [installation["id"]]
        path = f"/app/installations/{installation['id']}/access_tokens"
        wanted = {"repositories": ["app"], "permissions": {"pull_requests": "write"}}
        made = (await app.post(path, json=wanted)).json()
        assert made["permissions"] == {"metadata": "read", "pull_requests": "write"}
        assert (await app.get(PULL)).status_code == 401
        async with client(gh, made["token"]) as bot:
            assert (await bot.post(REVIEWS, json=COMMENT)).json()["user"]["login"] == "quorate[bot]"
            assert (await bot.get("/user")).status_code == 403
            assert (await bot.get("/app")).status_code == 401
            checks = await bot.post(f"/repos/{REPO}/check-runs", json={"name": "x", "head_sha": "x"})
            assert (checks.status_code, checks.json()["message"]) == (403, "Resource not accessible by integration")
            listed = (await bot.get("/installation/repositories")).json()
            assert [repository["full_name"] for repository in listed["repositories"]] == [REPO]
            gh.advance(61)
            assert (await bot.get(PULL)).json()["message"] == "Bad credentials"
        for wrong in ({"permissions": {"pull_requests": "admin"}}, {"repositories": ["none"]}):
            assert (await app.post(path, json=wrong)).status_code == 422
        assert (await app.post("/app/installations/7/access_tokens")).status_code == 404


async def test_the_jwt_that_gidgethub_makes_is_taken() -> None:
    async with opened() as (gh, _):
        token = get_jwt(app_id=str(gh.app()["id"]), private_key=gh.app()["private_key"])
        async with client(gh, token) as app:
            assert (await app.get("/app")).status_code == 200


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iat": int(time.time()) + 3_000}, "'Issued at' claim"),
        ({"exp": int(time.time()) - 10}, "'Expiration time' claim"),
        ({"exp": int(time.time()) + 1_000}, "too far in the future"),
        ({"iss": "7"}, "Integration not found"),
    ],
)
async def test_a_jwt_with_wrong_claims_is_refused(claims: dict[str, Any], said: str) -> None:
    async with opened() as (gh, _), client(gh, signed(gh, **claims)) as app:
        answer = await app.get("/app")
        assert answer.status_code in (401, 404)
        assert said in answer.json()["message"]


async def test_a_jwt_of_another_key_is_refused() -> None:
    async with opened() as (gh, _), GitHubDouble() as other, client(gh, signed(other)) as app:
        assert (await app.get("/app")).json()["message"] == "A JSON web token could not be decoded"


async def test_a_token_that_is_not_known_is_refused() -> None:
    async with opened() as (gh, http), client(gh, "ghp_guessed") as stranger:
        answer = await stranger.get(PULL)
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
        assert (await http.get("/user")).json()["login"] == "reviewer"


async def test_what_a_token_may_not_see_is_not_found() -> None:
    async with opened() as (gh, _):
        gh.create_repository("octo/secret", private=True)
        gh.open_pull("octo/secret", {"a.py": "x\n"})
        gh.set_permission("octo/secret", "insider", "read")
        path = "/repos/octo/secret/pulls/1"
        async with client(gh, gh.token("reviewer")) as outsider, client(gh, gh.token("insider")) as insider:
            assert (await outsider.get(path)).status_code == 404
            assert (await insider.get(path)).status_code == 200
            assert (await insider.post("/repos/octo/secret/statuses/x", json={})).status_code == 403
        gh.install("octo", repositories=["app"])
        gh.create_repository("octo/elsewhere")
        gh.open_pull("octo/elsewhere", {"a.py": "x\n"})
        async with client(gh, gh.installation_token("octo")) as bot:
            assert (await bot.get("/repos/octo/elsewhere/pulls/1")).status_code == 200
            assert (await bot.post("/repos/octo/elsewhere/pulls/1/reviews", json=COMMENT)).status_code == 403
            assert (await bot.get(path)).status_code == 404
            assert (await bot.get(PULL)).status_code == 200
            gh.uninstall("octo")
            assert (await bot.get(PULL)).status_code == 401


async def test_an_installation_does_what_its_permissions_say() -> None:
    async with opened() as (gh, _):
        gh.install("octo", permissions={"pull_requests": "read"})
        async with client(gh, gh.installation_token("octo")) as bot:
            assert (await bot.get(PULL)).status_code == 200
            assert (await bot.post(REVIEWS, json=COMMENT)).status_code == 403
            assert (await bot.get(f"/repos/{REPO}/contents/app.py")).status_code == 403


async def test_a_workflows_token_is_of_its_repository_alone() -> None:
    async with opened() as (gh, _):
        gh.create_repository("octo/secret", private=True)
        async with client(gh, gh.actions_token(REPO)) as workflow:
            assert (await workflow.post(REVIEWS, json=COMMENT)).json()["user"]["login"] == "github-actions[bot]"
            assert (await workflow.get("/repos/octo/secret")).status_code == 404


@pytest.mark.parametrize(("role", "word"), [("maintain", "write"), ("triage", "read"), ("none", "none")])
async def test_permissions_of_people_are_told_to_those_who_may_write(role: str, word: str) -> None:
    async with opened() as (gh, http), client(gh, gh.token("someone")) as someone:
        gh.set_permission(REPO, "someone", role)
        path = f"/repos/{REPO}/collaborators/someone/permission"
        told = (await http.get(path)).json()
        assert (told["permission"], told["role_name"]) == (word, role)
        assert (await someone.get(path)).status_code == (200 if role == "maintain" else 403)
        assert (await http.get(f"/repos/{REPO}/collaborators/nobody-knows/permission")).status_code == 404


async def test_the_hourly_limit_ends_with_its_hour() -> None:
    async with opened(Limits(requests_per_hour=3)) as (gh, http):
        left = [(await http.get(PULL)).headers["x-ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = await http.get(PULL)
        assert refused.status_code == 403
        assert "rate limit exceeded" in refused.json()["message"]
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert "retry-after" not in refused.headers
        assert (await http.get("/rate_limit")).json()["rate"]["remaining"] == 0
        gh.advance(float(refused.headers["x-ratelimit-reset"]) - time.time() + 1)
        assert (await http.get(PULL)).status_code == 200
        gh.spend_limit(1, "reviewer")
        assert [(await http.get(PULL)).status_code for _ in range(2)] == [200, 403]


async def test_too_many_writes_in_a_minute_are_told_to_wait() -> None:
    async with opened(Limits(content_per_minute=2)) as (gh, http):
        codes = [(await http.post(REVIEWS, json=COMMENT)).status_code for _ in range(2)]
        refused = await http.post(REVIEWS, json=COMMENT)
        assert codes == [200, 200]
        assert (refused.status_code, refused.headers["retry-after"]) == (403, "60")
        assert "secondary rate limit" in refused.json()["message"]
        assert (await http.get(PULL)).status_code == 200
        gh.advance(61)
        assert (await http.post(REVIEWS, json=COMMENT)).status_code == 200
        assert len(gh.reviews(REPO, 1)) == 3
