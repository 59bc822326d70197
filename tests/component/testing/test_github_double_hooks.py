"""The webhook: what is sent, what is lost, and what the deliveries API tells of it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import jwt

from quorate.testing.github import GitHubDouble
from tests.component.testing.github_double import REPO, REVIEWS, client, opened

SECRET = "It's a secret"


@asynccontextmanager
async def receiver(status: int = 202) -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server in the loop of the test: its URL, and what it was sent (headers in lower case, body)."""
    got: list[tuple[dict[str, str], bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
        got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/github", got


def app_client(gh: GitHubDouble) -> httpx2.AsyncClient:
    now, app = int(time.time()), gh.app()
    claims = {"iat": now - 60, "exp": now + 500, "iss": str(app["id"])}
    return client(gh, jwt.encode(claims, app["private_key"], algorithm="RS256"))


def told(events: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(event["event"], event["action"]) for event in events]


async def test_events_are_signed_and_delivered_in_their_order() -> None:
    async with opened(draft=True) as (gh, _), receiver() as (url, got):
        gh.set_hook(url, SECRET)
        gh.ping()
        head = gh.pull(REPO, 1)["head"]["sha"]
        gh.push(REPO, 1, {"app.py": "x\n"})
        gh.ready(REPO, 1)
        gh.comment(REPO, 1, "/quorate review", by="author")
        gh.close(REPO, 1)
        gh.reopen(REPO, 1)
        sent = await gh.deliver()
        assert told(sent) == [
            ("installation", "created"), ("pull_request", "opened"), ("ping", None), ("pull_request", "synchronize"),
            ("pull_request", "ready_for_review"), ("issue_comment", "created"), ("pull_request", "closed"),
            ("pull_request", "reopened"),
        ]  # fmt: skip
        assert {(delivery["status_code"], delivery["status"]) for delivery in sent} == {(202, "OK")}
        for headers, body in got:
            signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            assert headers["x-hub-signature-256"] == f"sha256={signature}"
        assert [headers["x-github-delivery"] for headers, _ in got] == [delivery["guid"] for delivery in sent]
        push, comment = json.loads(got[3][1]), json.loads(got[5][1])
        assert (push["before"], push["after"]) == (head, gh.pull(REPO, 1)["head"]["sha"])
        assert push["installation"]["id"] > 0
        assert comment["issue"]["pull_request"]["url"].endswith(f"/repos/{REPO}/pulls/1")
        assert comment["sender"]["login"] == "author"
        assert gh.events() == []


async def test_what_clients_write_is_an_event_too() -> None:
    async with opened() as (gh, http):
        gh.take()
        comment = {"path": "app.py", "line": 10, "body": "Why?"}
        review = (await http.post(REVIEWS, json={"comments": [comment]})).json()
        assert gh.events() == []
        await http.post(f"{REVIEWS}/{review['id']}/events", json={"event": "COMMENT"})
        taken = gh.take()
        assert told(taken) == [("pull_request_review", "submitted"), ("pull_request_review_comment", "created")]
        assert json.loads(taken[0]["body"])["review"]["state"] == "commented"
        assert "X-Hub-Signature-256" not in taken[0]["headers"]
        gh.ready(REPO, 1)
        (event,) = gh.take("Another secret")
        signature = hmac.new(b"Another secret", event["body"].encode(), hashlib.sha256).hexdigest()
        assert event["headers"]["X-Hub-Signature-256"] == f"sha256={signature}"
        gh.set_hook(events=["pull_request"])
        gh.comment(REPO, 1, "Not heard.", by="author")
        assert gh.take() == []


async def test_lost_events_are_found_in_the_deliveries_and_delivered_again() -> None:
    async with opened() as (gh, _), receiver() as (url, got), app_client(gh) as app:
        gh.set_hook(url, SECRET)
        assert (await app.get("/app/hook/deliveries")).json() == []
        guids = [delivery["guid"] for delivery in gh.lose()]
        assert len(guids) == 2
        first = await app.get("/app/hook/deliveries", params={"per_page": 1, "status": "failure"})
        rest = await app.get(first.links["next"]["url"])
        assert [delivery["guid"] for delivery in first.json() + rest.json()] == guids[::-1]
        lost = first.json()[0]
        whole = (await app.get(f"/app/hook/deliveries/{lost['id']}")).json()
        assert whole["request"]["payload"]["action"] == "opened"
        assert whole["request"]["headers"]["X-GitHub-Delivery"] == guids[1]
        assert (await app.post(f"/app/hook/deliveries/{lost['id']}/attempts")).status_code == 202
        await gh.settle()
        assert [headers["x-github-delivery"] for headers, _ in got] == [guids[1]]
        newest = (await app.get("/app/hook/deliveries")).json()[0]
        assert (newest["redelivery"], newest["status_code"], newest["guid"]) == (True, 202, guids[1])
        assert (await gh.redeliver(guids[0]))["status"] == "OK"
        assert len(got) == 2


async def test_deliveries_that_fail_say_so() -> None:
    async with opened() as (gh, _), receiver(503) as (url, _):
        (first,) = await gh.deliver(url, limit=1)
        assert (first["status_code"], first["answer"]) == (503, "ok")
        (second,) = await gh.deliver("http://127.0.0.1:1/github")
        assert second["status_code"] == 0
        assert [delivery["guid"] for delivery in gh.deliveries()] == [first["guid"], second["guid"]]


async def test_the_deliveries_are_the_apps_alone() -> None:
    async with opened() as (_, http):
        assert (await http.get("/app/hook/deliveries")).status_code == 401
