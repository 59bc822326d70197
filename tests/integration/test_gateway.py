"""The gateway over real HTTP and a real broker: what arrives is stored once, or not confirmed."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import pytest

from quorate import Context, agent
from quorate.blobs import Blobs
from quorate.bus import Bus, Published
from quorate.contract import ids, subjects
from quorate.contract.facts import CancelRequested, Concluded, Contribution, Submitted
from quorate.contract.finding import Finding
from quorate.contract.history import History
from quorate.contract.task import CodeReviewInput
from quorate.contract.work import Assignment
from quorate.embedded import EmbeddedBroker
from quorate.errors import Misconfigured, StreamFull
from quorate.github import GitHubBusy, Refused, Unauthorized
from quorate.log import publish_fact, read_fact, read_facts
from quorate.registry import live_agents
from quorate.service import Service, running
from quorate.settings import GitHubSettings, Settings
from quorate_gateway import app
from quorate_gateway.agent import GitHubAgent, wait_s
from quorate_gateway.asking import Asking
from quorate_gateway.domain.signature import signature_of
from quorate_gateway.domain.source import Fetched, Skipped
from quorate_gateway.ports import Progress
from quorate_gateway.sweep import SUBJECT, Sweep, Swept
from quorate_gateway.tasks import Tasks
from tests.support.system import DIFF, connected, dead_letters, emptied, services, settings_of, system, until
from tests.unit.gateway.test_webhooks import BASE, A, B, comment, pull_request

SECRET = "It's a Secret to Everybody"
KEY = f"github:acme/shop#7@{A}:review"
TASK = ids.task_id_from_key("default", "code-review", KEY)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, and no credentials: nothing here asks the real GitHub."""
    for name in ("GITHUB_TOKEN", "GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)


@dataclass
class Sender:
    """What GitHub does: sends signed webhooks to a gateway."""

    url: str
    http: httpx2.AsyncClient
    bus: Bus

    async def send(self, event: str, payload: Any, delivery: str = "d1", **headers: str) -> httpx2.Response:
        return await self.post(json.dumps(payload).encode(), event, delivery, **headers)

    async def post(self, body: bytes, event: str, delivery: str = "d1", **headers: str) -> httpx2.Response:
        given = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signature_of(SECRET, body),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await self.http.post(f"{self.url}/github/webhook", content=body, headers=given)


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[Sender]:
    async with services(settings, "gateway") as bus, httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        yield Sender(bus.told["http_url"], http, bus)


async def published(bus: Bus) -> list[Mapping[str, Any]]:
    """What waits for the router."""
    state = (await bus.api(f"STREAM.INFO.{subjects.INTAKE}"))["state"]
    found: list[Mapping[str, Any]] = []
    for sequence in range(max(1, state["first_seq"]), state["last_seq"] + 1):
        stored = await bus.get_sequence(subjects.INTAKE, sequence)
        if stored is not None:
            found.append({**json.loads(stored.data), "subject": stored.subject})
    return found


# HTTP


async def test_the_routes_answer_in_json_and_say_what_is_here(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        root = await sender.http.get(sender.url)
        assert (root.status_code, root.json()["name"]) == (200, "quorate")
        assert "POST /github/webhook" in root.json()["routes"]
        assert (await sender.http.get(f"{sender.url}/healthz")).json() == {"alive": True}
        assert (await sender.http.get(f"{sender.url}/readyz")).json() == {"ready": True}
        for method, path, status in (("GET", "/x", 404), ("GET", "/github/webhook", 405), ("PUT", "/", 405)):
            answer = await sender.http.request(method, f"{sender.url}{path}")
            assert answer.status_code == status
            assert answer.json()["error"]


async def test_signals_and_logging_stay_as_they_were(broker: EmbeddedBroker) -> None:
    def state() -> list[object]:
        names = ("", "uvicorn", "uvicorn.error")
        loggers = [logging.getLogger(name) for name in names]
        return [
            *((each.level, list(each.handlers), each.propagate, each.disabled) for each in loggers),
            *(signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)),
        ]

    before = state()
    async with gateway(settings_of(broker)) as sender:
        assert (await sender.http.get(f"{sender.url}/healthz")).status_code == 200
        assert state() == before
    assert state() == before


async def test_a_port_that_is_taken_ends_the_start_with_what_to_do(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        port = urlsplit(sender.url).port
        with pytest.raises(Misconfigured, match=f"127.0.0.1:{port}.*http_port"):
            async with services(settings_of(broker, http_port=port), "gateway"):
                pytest.fail("two servers on one port")


async def test_without_its_extra_the_gateway_says_what_to_install(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate_gateway.extra.PACKAGES", ("uvicorn", "not_there"))
    with pytest.raises(Misconfigured, match=r"not_there.*pip install 'quorate\[gateway\]'"):
        async with services(settings_of(broker), "gateway"):
            pytest.fail("it cannot run")


async def test_the_server_stops_with_a_request_underway(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        parts = urlsplit(sender.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"POST /github/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        await writer.drain()
        await sender.http.get(f"{sender.url}/healthz")
    assert await reader.read() is not None
    writer.close()


# Webhooks


async def test_a_pull_request_becomes_a_task(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        answer = await sender.send("pull_request", pull_request("opened"))

        assert answer.status_code == 202
        assert answer.json() == {"decided": "submitted", "kind": "code-review", "task": TASK}
        [event] = await published(sender.bus)
        assert event["subject"] == "quorate.submit.code-review"
        assert event["idempotency_key"] == KEY
        assert event["labels"]["delivery"] == "d1"
        assert CodeReviewInput.model_validate(event["input"]).head_sha == A


async def test_a_form_is_taken_as_well(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        body = urlencode({"payload": json.dumps(pull_request("opened", pull_request__title="ü&="))}).encode()
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert (await sender.post(body, "pull_request", **form)).json()["task"] == TASK
        [event] = await published(sender.bus)
        assert event["input"]["title"] == "ü&="
        assert (await sender.post(b"x=1", "pull_request", **form)).status_code == 400


@pytest.mark.parametrize("signature", ["", "sha256=" + "0" * 64, "sha1=x", "sha256=é"])
async def test_a_forged_webhook_is_refused_before_it_is_read(broker: EmbeddedBroker, signature: str) -> None:
    async with gateway(settings_of(broker)) as sender:
        headers = {b"X-Hub-Signature-256": signature.encode("latin-1"), b"X-GitHub-Event": b"pull_request"}
        for body in (json.dumps(pull_request("opened")).encode(), b"[" * 100_000):
            answer = await sender.http.post(f"{sender.url}/github/webhook", content=body, headers=headers)
            assert answer.status_code == 401
        assert await published(sender.bus) == []


async def test_without_a_secret_no_webhook_is_taken(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("GITHUB_WEBHOOK_SECRET")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_something")
    with caplog.at_level(logging.WARNING, "quorate.gateway"):
        async with gateway(settings_of(broker)) as sender:
            answer = await sender.send("pull_request", pull_request("opened"))
            assert answer.status_code == 404
            assert "GITHUB_WEBHOOK_SECRET" in answer.json()["error"]
            assert await published(sender.bus) == []
    assert ["GITHUB_WEBHOOK_SECRET" in record.message for record in caplog.records] == [True]


async def test_who_does_not_use_github_is_not_warned(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("GITHUB_WEBHOOK_SECRET")
    with caplog.at_level(logging.WARNING):
        async with gateway(settings_of(broker)):
            pass
    assert caplog.records == []
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
    with caplog.at_level(logging.WARNING, "quorate.gateway"):
        async with gateway(settings_of(broker)):
            pass
    assert ["GITHUB_TOKEN" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"5", b"NaN", b"[" * 100_000, b'{"a":' * 100_000, b'{"action": "\\ud800"}', b"\xff"],
)
async def test_what_is_no_json_object_is_refused(broker: EmbeddedBroker, body: bytes) -> None:
    async with gateway(settings_of(broker)) as sender:
        answer = await sender.post(body, "pull_request")
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert (await sender.send("pull_request", {"action": "opened"})).status_code == 400
        assert await published(sender.bus) == []


async def test_another_content_type_is_refused(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        answer = await sender.send("pull_request", pull_request("opened"), Content_Type="text/plain")
        assert (answer.status_code, "application/json" in answer.json()["error"]) == (400, True)


async def test_other_events_are_taken_and_nothing_follows(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        ping = await sender.send("ping", {"zen": "Design for failure."})
        assert (ping.status_code, ping.json()) == (200, {"decided": "pong"})
        other = await sender.send("installation", {"action": "created"})
        assert (other.status_code, other.json()["decided"]) == (202, "ignored")
        assert "installation" in other.json()["reason"]
        assert await published(sender.bus) == []


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_not_read_to_its_end(broker: EmbeddedBroker, announced: bool) -> None:
    async with gateway(settings_of(broker)) as sender:
        parts = urlsplit(sender.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = b"POST /github/webhook HTTP/1.1\r\nHost: x\r\n"

        async def send() -> None:
            if announced:
                writer.write(head + b"Content-Length: 26214401\r\n\r\n")
                return
            # Without end: what stops it is the answer.
            writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
                await writer.drain()

        sending = asyncio.create_task(send())
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
        assert (await sender.http.get(f"{sender.url}/healthz")).status_code == 200
        assert await published(sender.bus) == []


async def test_a_large_webhook_is_taken(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        payload = pull_request("opened") | {"rest": "x" * (24 * 2**20)}
        assert (await sender.send("pull_request", payload)).status_code == 202


async def test_bodies_together_are_bounded(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate_gateway.http.MAX_BODIES", 1_500)
    async with gateway(settings_of(broker)) as sender:
        parts = urlsplit(sender.url)
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"POST /github/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900)
        await writer.drain()

        async def is_full() -> bool:
            return (await sender.post(b"x" * 900, "ping")).status_code == 503

        await until(is_full)
        writer.close()

        async def is_free() -> bool:
            return (await sender.post(b"x" * 900, "ping")).status_code == 400

        await until(is_free)


async def test_a_connection_that_owes_its_head_is_closed(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate_gateway.http.HEAD_S", 0.2)
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with gateway(settings_of(broker)) as sender, asyncio.timeout(10):
        parts = urlsplit(sender.url)
        slow, slow_writer = await asyncio.open_connection(parts.hostname, parts.port)
        slow_writer.write(b"POST /github/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        for said in (b"", b"POST /github/webhook HT", whole + b"GET /hea"):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(said)
            if said.startswith(whole):
                assert b"alive" in await reader.readuntil(b"}")
                writer.write(b"lt")
            assert await reader.read() == b""
            writer.close()
        # Its head was whole: the body has a time of its own.
        slow_writer.write(b"}")
        assert (await slow.readline()).startswith(b"HTTP/1.1 401 ")
        slow_writer.close()


# Once


async def test_a_webhook_that_comes_again_is_the_same_task(broker: EmbeddedBroker) -> None:
    @agent("mine", kinds=["review-command"])
    async def mine(ctx: Context) -> None:
        return None

    async with system(broker, mine) as s, gateway(s.settings) as sender:
        answers = [await sender.send("issue_comment", comment("/quorate help")) for _ in range(5)]

        assert {answer.status_code for answer in answers} == {202}
        [task] = {answer.json()["task"] for answer in answers}
        await s.client.result(task, timeout=20)
        assert (await sender.send("issue_comment", comment("/quorate help"))).json() == {
            "decided": "known",
            "kind": "review-command",
            "task": task,
        }
        await emptied(s.bus, subjects.INTAKE)
        assert len(await s.results()) == 1
        assert await s.dead_letters() == []


async def test_two_gateways_take_the_same_webhook_as_one_task(broker: EmbeddedBroker) -> None:
    settings = settings_of(broker)
    async with gateway(settings) as one, gateway(settings) as other:
        assert one.url != other.url
        senders = [one, other] * 5
        answers = await asyncio.gather(*(each.send("pull_request", pull_request("opened")) for each in senders))
        assert {answer.json()["task"] for answer in answers} == {TASK}
        assert len(await published(one.bus)) == 1


async def test_of_two_events_about_one_commit_the_first_is_the_review(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        await sender.send("pull_request", pull_request("opened"), "d1")
        later = pull_request("ready_for_review", pull_request__title="Another title")
        assert (await sender.send("pull_request", later, "d2")).json()["task"] == TASK
        assert len(await published(sender.bus)) == 1


async def submitted(bus: Bus, key: str, delivery: str, base: str = BASE) -> str:
    """A task that the router has admitted."""
    task = ids.task_id_from_key("default", "code-review", key)
    fact = Submitted(
        kind="code-review", input={"base_sha": base}, input_digest="", labels={"delivery": delivery}, head_sha=A
    )
    await publish_fact(bus, task, "task", fact)
    return task


async def canceled(bus: Bus, task: str) -> str | None:
    fact = await read_fact(bus, task, "request", CancelRequested)
    return fact.reason if fact else None


async def test_a_push_cancels_the_review_of_the_commit_before_it(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        before = await submitted(sender.bus, f"github:acme/shop#7@{B}:review", "d1")
        answer = await sender.send("pull_request", pull_request("synchronize", before=B), "d2")

        assert answer.json()["task"] == TASK
        assert answer.json()["canceled"] == before
        assert await canceled(sender.bus, before) == f"superseded by {A}"
        # Of a commit that nobody had reviewed there is nothing to cancel.
        other = await sender.send("pull_request", pull_request("synchronize", before="d" * 40), "d3")
        assert "canceled" not in other.json()


async def test_closing_cancels_what_is_underway(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        nothing = await sender.send("pull_request", pull_request("closed"), "d1")
        assert (nothing.status_code, nothing.json()["decided"]) == (202, "ignored")
        task = await submitted(sender.bus, KEY, "d1")
        assert (await sender.send("pull_request", pull_request("closed"), "d2")).json()["canceled"] == task
        assert await canceled(sender.bus, task) == "the pull request was closed"


async def test_what_has_ended_is_not_canceled(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        task = await submitted(sender.bus, KEY, "d1")
        await publish_fact(sender.bus, task, "task", Concluded(kind="code-review", state="completed"))
        assert "canceled" not in (await sender.send("pull_request", pull_request("closed"), "d2")).json()
        assert await canceled(sender.bus, task) is None


async def test_a_commit_that_comes_back_is_reviewed_if_its_review_was_canceled(broker: EmbeddedBroker) -> None:
    back = pull_request("synchronize", before=B)
    async with gateway(settings_of(broker)) as sender:
        first = await submitted(sender.bus, KEY, "d1")
        underway = await sender.send("pull_request", back, "d3")
        assert (underway.json()["decided"], underway.json()["task"]) == ("known", first)

        await publish_fact(sender.bus, first, "task", Concluded(kind="code-review", state="canceled"))
        again = await sender.send("pull_request", back, "d3")
        second = ids.task_id_from_key("default", "code-review", f"{KEY}~2")
        assert (again.json()["decided"], again.json()["task"]) == ("submitted", second)
        # The webhook of the first time is still the first task.
        assert (await sender.send("pull_request", back, "d1")).json()["task"] == first
        # A canceled one that is opened again, likewise; to be opened for the first time is no reason.
        assert (await sender.send("pull_request", pull_request("opened"), "d4")).json()["task"] == first
        await submitted(sender.bus, f"{KEY}~2", "d3")
        reopened = await sender.send("pull_request", pull_request("reopened"), "d5")
        assert (reopened.json()["decided"], reopened.json()["task"]) == ("known", second)


async def test_a_commit_that_comes_back_at_once_is_reviewed_though_the_cancellation_has_not_ended(
    broker: EmbeddedBroker,
) -> None:
    """A to B and back to A, before the router has seen any of it."""
    async with gateway(settings_of(broker)) as sender:
        first = await submitted(sender.bus, KEY, "d1")
        away = pull_request("synchronize", before=A, pull_request__head__sha=B)
        assert (await sender.send("pull_request", away, "d2")).json()["canceled"] == first
        back = await sender.send("pull_request", pull_request("synchronize", before=B), "d3")
        second = ids.task_id_from_key("default", "code-review", f"{KEY}~2")
        assert (back.json()["decided"], back.json()["task"]) == ("submitted", second)


async def test_a_delivery_that_comes_late_again_cancels_nothing(broker: EmbeddedBroker) -> None:
    """A to B, back to A, and the first of these webhooks once more: the second review of A goes on."""
    to_b = pull_request("synchronize", before=A, pull_request__head__sha=B)
    async with gateway(settings_of(broker)) as sender:
        first = await submitted(sender.bus, KEY, "d1")
        await publish_fact(sender.bus, first, "task", Concluded(kind="code-review", state="canceled"))
        await submitted(sender.bus, f"github:acme/shop#7@{B}:review", "d2")
        second = await submitted(sender.bus, f"{KEY}~2", "d3")
        answer = await sender.send("pull_request", to_b, "d2")
        assert answer.json()["decided"] == "known"
        assert await canceled(sender.bus, second) is None


async def test_another_base_makes_another_review_and_cancels_the_one_underway(broker: EmbeddedBroker) -> None:
    edited = pull_request("edited", changes={"base": {"ref": {"from": "old"}}})
    async with gateway(settings_of(broker)) as sender:
        first = await submitted(sender.bus, KEY, "d1", base=B)
        answer = await sender.send("pull_request", edited, "d2")
        assert answer.json()["task"] == ids.task_id_from_key("default", "code-review", f"{KEY}~2")
        assert answer.json()["canceled"] == first
        # Told in another webhook, too, it is the same review, and that one goes on.
        second = await submitted(sender.bus, f"{KEY}~2", "d2")
        told = await sender.send("pull_request", edited, "d3")
        assert (told.json()["decided"], told.json()["task"]) == ("known", second)
        assert await canceled(sender.bus, second) is None


async def test_a_paused_series_is_not_reviewed_by_itself(broker: EmbeddedBroker) -> None:
    series = "github:acme/shop#7"
    async with gateway(settings_of(broker)) as sender:
        place = subjects.history(ids.series_key("default", series))
        await sender.bus.publish(place, History(series=series, paused=True).encode())
        before = await submitted(sender.bus, f"github:acme/shop#7@{B}:review", "d0")
        answer = await sender.send("pull_request", pull_request("synchronize", before=B))
        assert (answer.status_code, answer.json()["decided"]) == (202, "ignored")
        assert "paused" in answer.json()["reason"]
        assert answer.json()["canceled"] == before
        asked = await sender.send("issue_comment", comment("/quorate review"))
        assert asked.json()["decided"] == "submitted"
        await sender.bus.publish(place, b"damaged")
        assert (await sender.send("pull_request", pull_request("opened"))).json()["decided"] == "submitted"


# When the broker cannot take part


async def test_what_cannot_be_stored_is_not_confirmed(broker: EmbeddedBroker) -> None:
    async with gateway(settings_of(broker)) as sender:
        broker.kill()

        async def is_away() -> bool:
            return not sender.bus.client.is_connected

        await until(is_away)
        async with asyncio.timeout(3):
            refused = await sender.send("pull_request", pull_request("opened"))
        assert (refused.status_code, "send it again" in refused.json()["error"]) == (503, True)
        assert int(refused.headers["retry-after"]) > 0
        assert (await sender.http.get(f"{sender.url}/readyz")).status_code == 503
        assert (await sender.http.get(f"{sender.url}/healthz")).status_code == 200
        await asyncio.to_thread(broker.restart)

        async def is_taken() -> bool:
            return (await sender.send("pull_request", pull_request("opened"))).status_code == 202

        await until(is_taken, timeout_s=20)
        assert (await sender.http.get(f"{sender.url}/readyz")).status_code == 200
        assert len(await published(sender.bus)) == 1


async def test_a_broker_that_hangs_is_not_waited_for(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate_gateway.http.ANSWER_S", 0.5)
    async with gateway(settings_of(broker)) as sender:
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(5):
                assert (await sender.send("pull_request", pull_request("opened"))).status_code == 503
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert (await sender.send("pull_request", pull_request("opened"))).status_code == 202


async def test_a_full_stream_is_told_to_the_sender(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(settings_of(broker)) as sender:

        async def full(*_: Any, **__: Any) -> Published:
            raise StreamFull("quorate.submit.code-review was refused: maximum bytes exceeded; free space")

        monkeypatch.setattr(sender.bus, "publish", full)
        refused = await sender.send("pull_request", pull_request("opened"))
        assert (refused.status_code, "maximum bytes" in refused.json()["error"]) == (503, True)


# The agent


@dataclass
class Pulls:
    """Stands for GitHub's pull requests: answers, or raises, one after another."""

    answers: list[Fetched | Skipped | Exception]
    asked: list[tuple[str, int, str | None]] = field(default_factory=list)

    async def fetch(self, repo: str, number: int, head_sha: str | None, progress: Progress) -> Fetched | Skipped:
        self.asked.append((repo, number, head_sha))
        await progress("reading 1 file")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Hub:
    """Stands for GitHub's API: what is at each path, and what was written. What is not there is refused with 404."""

    there: dict[str, Any] = field(default_factory=dict)
    written: list[tuple[str, str]] = field(default_factory=list)
    is_app: bool = True

    async def get(self, path: str, *, repo: str) -> Any:
        found = self.there.get(path, Refused(f"GET {path}", 404, "Not Found"))
        if isinstance(found, Exception):
            raise found
        return found

    async def pages(self, path: str, *, repo: str, limit: int = 1_000) -> list[Any]:
        found: list[Any] = await self.get(path, repo=repo)
        return found[:limit]

    async def write(self, method: str, path: str, *, repo: str) -> Any:
        if isinstance(fault := self.there.get(path), Exception):
            raise fault
        self.written.append((method, path))

    async def login(self, repo: str) -> str:
        return "quorate[bot]"


FETCHED = Fetched(CodeReviewInput(diff=DIFF, files={"x.py": "b\n"}, repo="acme/shop", base_sha=BASE, head_sha=A))


@asynccontextmanager
async def working(
    settings: Settings, pulls: Pulls, hub: Hub | None = None, now: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[Bus]:
    """The agent in a service of its own."""

    @asynccontextmanager
    async def body(bus: Bus, settings: Settings, _: object) -> AsyncIterator[None]:
        asking = Asking(hub or Hub(), Tasks(bus, settings.tenant), settings.github)
        async with app.working(bus, settings, GitHubAgent(bus, Blobs(bus), pulls, asking, now)):
            yield

    async with running([Service("gateway", body)], settings) as bus:
        yield bus


async def answer_of(bus: Bus, task: str, step: str = "fetch", **assignment: Any) -> Contribution:
    """Give the agent an assignment, and wait for its contribution."""
    given = {"task": task, "kind": "code-review", "step": step, "agent": "github", "deadline_at": 2e9}
    await bus.publish(subjects.work("github"), Assignment.model_validate(given | assignment).encode())

    async def has_answered() -> bool:
        return await read_fact(bus, task, f"github.{step}", Contribution) is not None

    await until(has_answered)
    await emptied(bus, subjects.WORK)
    contribution = await read_fact(bus, task, f"github.{step}", Contribution)
    assert contribution is not None
    return contribution


PULL = {"pull_request": {"repo": "acme/shop", "number": 7}, "head_sha": A}


async def test_a_pull_request_is_fetched_and_reviewed(broker: EmbeddedBroker) -> None:
    """From the webhook to the result, with an agent that reads what was fetched."""

    @agent("mine", kinds=["code-review"])
    async def mine(ctx: Context) -> list[Finding]:
        assert ctx.parsed is not None
        [path] = ctx.parsed.paths
        return [Finding(path=path, line=1, message="bad", severity="high")]

    pulls = Pulls([FETCHED])
    async with system(broker, mine) as s, working(s.settings, pulls), gateway(s.settings) as sender:
        answer = await sender.send("pull_request", pull_request("opened"))
        result = await s.client.result(answer.json()["task"], timeout=20)

        assert (result.state, result.series, result.head_sha) == ("completed", "github:acme/shop#7", A)
        assert [(each.path, each.message) for each in result.findings] == [("x.py", "bad")]
        assert result.labels["delivery"] == "d1"
        assert pulls.asked == [("Acme/Shop", 7, A)]


async def test_what_was_skipped_is_fetched_when_the_pull_request_is_opened_again(broker: EmbeddedBroker) -> None:
    @agent("mine", kinds=["code-review"])
    async def mine(ctx: Context) -> list[Finding]:
        return []

    pulls = Pulls([Skipped("the pull request is closed"), FETCHED])
    async with system(broker, mine) as s, working(s.settings, pulls), gateway(s.settings) as sender:
        first = (await sender.send("pull_request", pull_request("opened"), "d1")).json()["task"]
        skipped = await s.client.result(first, timeout=20)
        assert (skipped.state, skipped.reason) == ("canceled", "the pull request is closed")
        again = (await sender.send("pull_request", pull_request("reopened"), "d2")).json()["task"]
        assert (again != first, (await s.client.result(again, timeout=20)).state) == (True, "completed")


async def test_with_credentials_the_gateway_is_the_agent_too(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_something")
    # Nobody is at this address: reading a pull request waits, and the time of the step is over by then.
    rules = GitHubSettings(api_url="http://127.0.0.1:1")
    async with gateway(settings_of(broker, github=rules)) as sender:
        [heartbeat] = await live_agents(sender.bus)
        assert heartbeat.card.name == "github"
        contribution = await answer_of(sender.bus, "t1", input=PULL, deadline_at=0.0)
        assert contribution.state == "failed"
        assert "could not be reached" in (contribution.reason or "")
    async with connected(broker) as bus:
        assert await live_agents(bus) == []


async def test_the_agent_is_announced_with_its_kinds(broker: EmbeddedBroker) -> None:
    async with working(settings_of(broker), Pulls([FETCHED])) as bus:
        [heartbeat] = await live_agents(bus)
        assert (heartbeat.card.name, heartbeat.card.kinds) == ("github", ("pull-request", "review-command"))


async def test_what_was_fetched_lies_in_the_object_store(broker: EmbeddedBroker) -> None:
    async with working(settings_of(broker), Pulls([FETCHED])) as bus:
        contribution = await answer_of(bus, "t1", input=PULL)
        assert contribution.state == "ok"
        assert contribution.answer["head_sha"] == A
        assert contribution.answer["base_sha"] == BASE
        from quorate.contract.blob import BlobRef

        value = await Blobs(bus).get_json(BlobRef.model_validate(contribution.answer["input_ref"]))
        assert CodeReviewInput.model_validate(value) == FETCHED.review


async def test_the_input_of_the_task_is_read_from_the_log(broker: EmbeddedBroker) -> None:
    pulls = Pulls([Skipped("the pull request is closed")])
    async with working(settings_of(broker), pulls) as bus:
        await publish_fact(bus, "t1", "task", Submitted(kind="code-review", input=PULL, input_digest=""))
        contribution = await answer_of(bus, "t1")
        assert contribution.answer == {"skip": "the pull request is closed"}
        assert pulls.asked == [("acme/shop", 7, A)]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Refused("GET /repos/acme/shop/pulls/7", 404, "Not Found"), "may see the repository"),
        (Refused("GET /repos/acme/shop/pulls/7", 403, "Forbidden"), "the permission"),
        (RuntimeError("half \ud800 a pair"), "RuntimeError"),
    ],
)
async def test_what_is_refused_fails_with_what_to_do(broker: EmbeddedBroker, fault: Exception, said: str) -> None:
    async with working(settings_of(broker), Pulls([fault])) as bus:
        contribution = await answer_of(bus, "t1", input=PULL)
        assert contribution.state == "failed"
        assert said in (contribution.reason or "")


@pytest.mark.parametrize(
    "value", [{"diff": DIFF}, {}, {"pull_request": {"repo": "../..", "number": 1}}, PULL | {"more": 1}]
)
async def test_an_input_without_a_pull_request_fails(broker: EmbeddedBroker, value: dict[str, Any]) -> None:
    pulls = Pulls([FETCHED])
    async with working(settings_of(broker), pulls) as bus:
        assert (await answer_of(bus, "t1", input=value)).state == "failed"
        assert pulls.asked == []


async def test_while_github_is_busy_the_assignment_waits(broker: EmbeddedBroker) -> None:
    busy = GitHubBusy("GitHub limits GET /repos/acme/shop/pulls/7", 0.1)
    pulls = Pulls([busy, FETCHED])
    async with working(settings_of(broker), pulls) as bus:
        assert (await answer_of(bus, "t1", input=PULL)).state == "ok"
        assert len(pulls.asked) == 2


async def test_github_is_not_waited_for_beyond_the_deadline(broker: EmbeddedBroker) -> None:
    pulls = Pulls([GitHubBusy("GitHub limits GET /repos/acme/shop/pulls/7", 3_600)])
    async with working(settings_of(broker), pulls, now=lambda: 1_000.0) as bus:
        contribution = await answer_of(bus, "t1", input=PULL, deadline_at=1_600.0)
        assert contribution.state == "failed"
        assert "GitHub limits" in (contribution.reason or "")
        assert len(pulls.asked) == 1


async def test_a_token_that_is_being_replaced_is_waited_for_until_the_deadline(broker: EmbeddedBroker) -> None:
    fault = Unauthorized("GET /repos/acme/shop/pulls/7", "Bad credentials")
    fault.retry_after_s = 0.1
    pulls = Pulls([fault, fault, FETCHED])
    async with working(settings_of(broker), pulls) as bus:
        assert (await answer_of(bus, "t1", input=PULL)).state == "ok"
        assert len(pulls.asked) == 3
    ended = Pulls([Unauthorized("GET /repos/acme/shop/pulls/7", "Bad credentials")])
    async with working(settings_of(broker), ended, now=lambda: 1_000.0) as bus:
        contribution = await answer_of(bus, "t2", input=PULL, deadline_at=1_029.0)
        assert contribution.state == "failed"
        assert "renew it" in (contribution.reason or "")
        assert "the time of this step is over" in (contribution.reason or "")


def test_the_wait_for_a_token_gets_shorter_as_the_deadline_comes_near() -> None:
    fault = Unauthorized("GET /x", "Bad credentials")
    assert [wait_s(fault, 1, left) for left in (3_600, 600, 300, 100, 10)] == [300, 300, 150, 50, 30]
    assert wait_s(GitHubBusy("limited", 300), 1, 100) == 300


async def test_what_is_told_of_unread_files_is_bounded(broker: EmbeddedBroker) -> None:
    unread = tuple(f"{number}: " + "ü" * 1_000 for number in range(50))
    fetched = Fetched(FETCHED.review, unread)
    async with working(settings_of(broker), Pulls([fetched])) as bus:
        answer = (await answer_of(bus, "t1", input=PULL)).answer
        assert answer["unread"] == list(unread[:8])
        assert sum(len(text.encode()) for text in answer["unread"]) <= 16 * 1024


async def test_what_was_answered_or_has_ended_is_not_fetched(broker: EmbeddedBroker) -> None:
    pulls = Pulls([FETCHED])
    async with working(settings_of(broker), pulls) as bus:
        first = Contribution(answer="first")
        await publish_fact(bus, "t1", "github.fetch", first)
        assert await answer_of(bus, "t1", input=PULL) == first
        await publish_fact(bus, "t2", "task", Concluded(kind="code-review", state="canceled"))
        given = {"task": "t2", "kind": "code-review", "step": "fetch", "agent": "github", "deadline_at": 2e9}
        await bus.publish(subjects.work("github"), Assignment.model_validate(given).encode())
        await emptied(bus, subjects.WORK)
        assert pulls.asked == []


async def test_work_for_others_is_buried(broker: EmbeddedBroker) -> None:
    async with working(settings_of(broker), Pulls([FETCHED])) as bus:
        good = Assignment(task="t1", kind="code-review", step="fetch", agent="github", deadline_at=2e9)
        for body in (
            b"no",
            good.model_copy(update={"agent": "x"}).encode(),
            good.model_copy(update={"kind": "x"}).encode(),
        ):
            await bus.publish(subjects.work("github"), body)
        await emptied(bus, subjects.WORK)
        assert [letter.subject for letter in await dead_letters(bus)] == ["quorate.work.github"] * 3


async def test_a_canceled_task_stops_what_is_fetched_for_it(broker: EmbeddedBroker) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    class Slow(Pulls):
        async def fetch(self, repo: str, number: int, head_sha: str | None, progress: Progress) -> Fetched | Skipped:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            raise AssertionError("unreachable")

    async with working(settings_of(broker), Slow([FETCHED])) as bus:
        given = {"task": "t1", "kind": "code-review", "step": "fetch", "agent": "github", "deadline_at": 2e9}
        await bus.publish(subjects.work("github"), Assignment.model_validate(given | {"input": PULL}).encode())
        await asyncio.wait_for(started.wait(), 10)
        await bus.client.publish(subjects.CANCEL_SIGNAL, b"t1")
        await bus.request("$JS.API.INFO")
        assert not stopped.is_set()  # anyone can send the signal
        await publish_fact(bus, "t1", "task", Concluded(kind="code-review", state="canceled"))
        await bus.client.publish(subjects.CANCEL_SIGNAL, b"t1")
        await asyncio.wait_for(stopped.wait(), 10)
        await emptied(bus, subjects.WORK)
        assert await read_facts(bus, "t1", "contribution.>") == []


# Commands


def hub(permission: str = "write", **pull: Any) -> Hub:
    there = {
        "/repos/acme/shop/collaborators/alice/permission": {"permission": permission},
        "/repos/acme/shop/pulls/7": {
            "state": "open",
            "title": "Speed it up",
            "user": {"login": "bob"},
            "head": {"sha": A, "repo": {"full_name": "acme/shop"}},
            "base": {"sha": BASE, "repo": {"full_name": "acme/shop"}},
            **pull,
        },
        "/repos/acme/shop/pulls/comments/9": {
            "user": {"login": "quorate[bot]"},
            "body": "It is bad.\n<!-- quorate:finding 0123456789abcdef -->",
        },
    }
    return Hub(there)


async def command(settings: Settings, hub: Hub, name: str, **more: Any) -> dict[str, Any]:
    value = {
        "pull_request": {"repo": "acme/shop", "number": 7},
        "command": name,
        "by": "alice",
        "comment_id": 11,
        **more,
    }
    async with working(settings, Pulls([FETCHED]), hub) as bus:
        contribution = await answer_of(bus, "t1", "work", kind="review-command", input=value)
        assert contribution.state == "ok", contribution.reason
        answer: dict[str, Any] = contribution.answer
        return answer


async def test_a_command_of_someone_who_may_write_is_allowed(broker: EmbeddedBroker) -> None:
    answer = await command(settings_of(broker), hub(), "dismiss", finding="0123456789abcdef", argument="tested")
    assert answer == {
        "command": "dismiss",
        "allowed": True,
        "finding": "0123456789abcdef",
        "argument": "tested",
        "by": "alice",
    }


@pytest.mark.parametrize("there", [hub("read"), Hub()])
async def test_a_command_of_anyone_else_is_not(broker: EmbeddedBroker, there: Hub) -> None:
    answer = await command(settings_of(broker), there, "dismiss", finding="0123456789abcdef")
    assert (answer["allowed"], answer["finding"]) == (False, "0123456789abcdef")
    assert "may write" in answer["reason"]


async def test_a_command_that_cannot_be_checked_fails_with_what_to_do(broker: EmbeddedBroker) -> None:
    refused = Refused("GET permission", 403, "Resource not accessible by integration")
    there = Hub({"/repos/acme/shop/collaborators/alice/permission": refused})
    async with working(settings_of(broker), Pulls([FETCHED]), there) as bus:
        value = {
            "pull_request": {"repo": "acme/shop", "number": 7},
            "command": "pause",
            "by": "alice",
            "comment_id": 1,
        }
        contribution = await answer_of(bus, "t1", "work", kind="review-command", input=value)
        assert contribution.state == "failed"
        assert "permission" in (contribution.reason or "")


async def test_who_asks_is_only_a_part_of_the_address(broker: EmbeddedBroker) -> None:
    by = "x/../../../other"
    there = Hub({f"/repos/acme/shop/collaborators/{quote(by, safe='')}/permission": {"permission": "write"}})
    answer = await command(settings_of(broker), there, "pause", by=by)
    assert answer["allowed"] is True


async def test_anyone_may_ask_for_help_and_for_what_a_finding_means(broker: EmbeddedBroker) -> None:
    answer = await command(settings_of(broker), hub("none"), "explain", thread_of=9)
    assert (answer["allowed"], answer["finding"]) == (True, "0123456789abcdef")


@pytest.mark.parametrize(
    "comment",
    [
        {"user": {"login": "mallory"}, "body": "<!-- quorate:finding 0123456789abcdef -->"},
        {"user": None, "body": "<!-- quorate:finding 0123456789abcdef -->"},
        {"user": {"login": "quorate[bot]"}, "body": None},
        {"user": {"login": "quorate[bot]"}, "body": "<!-- quorate:finding a1 --> is what someone wrote"},
        "no object",
        Refused("GET comment", 404, "Not Found"),
    ],
)
async def test_only_our_own_comment_says_which_finding_a_thread_is_about(broker: EmbeddedBroker, comment: Any) -> None:
    there = hub()
    there.there["/repos/acme/shop/pulls/comments/9"] = comment
    answer = await command(settings_of(broker), there, "dismiss", thread_of=9)
    assert (answer["allowed"], answer["finding"]) == (True, None)


async def test_of_two_marks_the_one_at_the_end_is_ours(broker: EmbeddedBroker) -> None:
    there = hub()
    body = "See `<!-- quorate:finding a1 -->`.\n\n<!-- quorate:finding b2 -->\n"
    there.there["/repos/acme/shop/pulls/comments/9"] = {"user": {"login": "quorate[bot]"}, "body": body}
    answer = await command(settings_of(broker), there, "dismiss", thread_of=9)
    assert answer["finding"] == "b2"


async def test_a_review_that_is_asked_for_is_submitted_once(broker: EmbeddedBroker) -> None:
    settings = settings_of(broker)
    async with connected(broker) as bus:
        first = await command(settings, hub(), "review")
        key = f"github:acme/shop#7@{A}:comment-11"
        assert first["task"] == ids.task_id_from_key("default", "code-review", key)
        [event] = await published(bus)
        assert (event["idempotency_key"], event["input"]["title"]) == (key, "Speed it up")
        assert CodeReviewInput.model_validate(event["input"]).head_sha == A


@pytest.mark.parametrize(
    ("permission", "forks", "pull", "said"),
    [
        ("read", "review", {}, "author"),
        ("read", "review", {"user": {"login": "Alice"}}, None),
        ("read", "ask", {"user": {"login": "alice"}, "head": {"sha": A, "repo": None}}, "fork"),
        ("write", "ask", {"head": {"sha": A, "repo": {"full_name": "alice/shop"}}}, None),
        ("write", "ignore", {"head": {"sha": A, "repo": {"full_name": "alice/shop"}}}, "fork"),
        ("write", "review", {"state": "closed"}, "closed"),
    ],
)
async def test_who_may_ask_for_a_review(
    broker: EmbeddedBroker, permission: str, forks: Any, pull: dict[str, Any], said: str | None
) -> None:
    settings = settings_of(broker, github=GitHubSettings(forks=forks))
    answer = await command(settings, hub(permission, **pull), "review")
    assert answer["allowed"] == (said is None)
    assert ("task" in answer) == (said is None)
    assert (said or "") in answer.get("reason", "")


# The sweep


NOW = 1_800_000_000.0
STAMP = "2027-01-15T07:59:00Z"


def deliveries(*each: tuple[int, str, int]) -> dict[str, Any]:
    return {
        "/app/hook/deliveries": [
            {"id": id, "guid": guid, "delivered_at": STAMP, "status_code": status, "status": "x"}
            for id, guid, status in each
        ]
    }


def sweep(bus: Bus, hub: Hub) -> Sweep:
    return Sweep(bus, hub, lambda: NOW)


async def swept(bus: Bus) -> Swept:
    stored = await bus.get_last(f"KV_{subjects.LEDGER}", SUBJECT)
    assert stored is not None
    return Swept.model_validate_json(stored.data)


async def test_missed_webhooks_are_asked_for_by_one_gateway(broker: EmbeddedBroker) -> None:
    there = Hub(deliveries((3, "c", 200), (2, "b", 503), (1, "a", 0)))
    async with services(settings_of(broker), "gateway") as bus:
        gateways = [sweep(bus, there) for _ in range(3)]
        rounds = await asyncio.gather(*(each.round() for each in gateways))

        assert sorted(rounds) == [0, 0, 2]
        assert there.written == [
            ("POST", "/app/hook/deliveries/1/attempts"),
            ("POST", "/app/hook/deliveries/2/attempts"),
        ]
        assert await swept(bus) == Swept(cursor=3, asked={"a": 1, "b": 1})
        # The same one goes on; the others see that the round was made, and take over when it is not any more.
        mine = gateways[rounds.index(2)]
        [other, _] = [each for each in gateways if each is not mine]
        there.there = deliveries((5, "b", 500), (4, "a", 202), (3, "c", 200), (2, "b", 503), (1, "a", 0))
        assert await mine.round() == 1
        there.there = deliveries((6, "b", 500), (5, "b", 500))
        assert (await other.round(), there.written[2:]) == (0, [("POST", "/app/hook/deliveries/5/attempts")])
        assert await other.round() == 1
        assert (await swept(bus)).asked == {"b": 3}


async def test_a_round_that_fails_is_made_again(broker: EmbeddedBroker) -> None:
    there = Hub({"/app/hook/deliveries": GitHubBusy("GitHub limits GET /app/hook/deliveries", 60)})
    async with services(settings_of(broker), "gateway") as bus:
        mine = sweep(bus, there)
        with pytest.raises(GitHubBusy):
            await mine.round()
        there.there = deliveries((1, "a", 500))
        there.there["/app/hook/deliveries/1/attempts"] = GitHubBusy("GitHub limits POST", 60)
        with pytest.raises(GitHubBusy):
            await mine.round()
        assert (await swept(bus)).cursor == 0
        there.there = deliveries((1, "a", 500))
        assert await mine.round() == 1


async def test_one_that_cannot_be_sent_again_does_not_keep_the_others(broker: EmbeddedBroker) -> None:
    there = Hub(deliveries((2, "b", 500), (1, "a", 500)))
    there.there["/app/hook/deliveries/1/attempts"] = Refused("POST", 422, "too old")
    async with services(settings_of(broker), "gateway") as bus:
        await sweep(bus, there).round()
        assert there.written == [("POST", "/app/hook/deliveries/2/attempts")]


async def test_a_list_that_cannot_be_read_and_a_damaged_entry_stop_nothing(broker: EmbeddedBroker) -> None:
    there = Hub({"/app/hook/deliveries": [{"id": "x"}]})
    async with services(settings_of(broker), "gateway") as bus:
        await bus.publish(SUBJECT, b"damaged")
        with pytest.raises(ValueError, match="cannot be read"):
            await sweep(bus, there).round()
        running = asyncio.create_task(sweep(bus, there).run(3_600))

        async def has_begun() -> bool:
            stored = await bus.get_last(f"KV_{subjects.LEDGER}", SUBJECT)
            return stored is not None and stored.data != b"damaged"

        await until(has_begun)
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})
