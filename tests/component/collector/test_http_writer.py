"""Results by HTTP POST, to a real server."""

import asyncio
import hashlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from quorate.contract.ids import message_id
from quorate.errors import Misconfigured, Rejected
from quorate.render import Format, render
from quorate.settings import WriterSettings
from quorate_collector.adapters import http_writer as module
from quorate_collector.adapters.http_writer import HttpWriter, read_secret
from quorate_collector.adapters.ledger import Overtaken
from quorate_collector.ports import Later
from tests.support.receiving import Answer, Held, Receiver, result_of

RESULT = result_of("one", summary="größer")
KEY = message_id("write", "chat", RESULT.task_id)
BEGUN = {"begun": True, "settled": False}
SETTLED = {"begun": True, "settled": True}
NOTHING = {"begun": False, "settled": False}
TIMEOUT_S = 5.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@asynccontextmanager
async def writing(
    url: str, secret: bytes | None = None, *, monotonic: Any = None, **settings: Any
) -> AsyncIterator[Any]:
    chosen = WriterSettings.model_validate({"url": url, "timeout_s": TIMEOUT_S, **settings})
    clock = monotonic or time.monotonic
    writer = HttpWriter("chat", chosen, secret, monotonic=clock, clock=lambda: 1_000_000_000.0)
    try:
        yield writer
    finally:
        await writer.close()


@pytest.mark.parametrize(
    ("format", "type"),
    [
        ("json", "application/json"),
        ("markdown", "text/markdown; charset=utf-8"),
        ("sarif", "application/sarif+json"),
        ("text", "text/plain; charset=utf-8"),
    ],
)
async def test_a_result_is_posted_in_the_format_of_the_settings(receiver: Receiver, format: Format, type: str) -> None:
    async with writing(receiver.url, format=format) as writer:
        receipt = await writer.write(RESULT, held := Held(epoch=1))
    assert (receipt.state, receipt.note) == ("done", "HTTP 200")
    [request] = receiver.requests
    assert request.body == render(RESULT, format).encode()
    assert request.headers["Content-Type"] == type
    assert request.headers["Idempotency-Key"] == KEY
    assert request.headers["X-Quorate-Task"] == RESULT.task_id
    assert request.headers["X-Quorate-Delivery"] == "1"
    assert "X-Quorate-Signature-256" not in request.headers
    # The note went before the request.
    assert held.noted == [BEGUN]


async def test_with_a_secret_the_body_is_signed(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s3cret\n")
    settings = WriterSettings(url=receiver.url, secret_file=str(tmp_path / "secret"))
    async with writing(receiver.url, read_secret("chat", settings)) as writer:
        await writer.write(RESULT, Held())
        assert "s3cret" not in repr(writer)
    [request] = receiver.requests
    expected = "sha256=" + hmac.new(b"s3cret", request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Quorate-Signature-256"] == expected


@pytest.mark.parametrize("content", [None, b"", b" \n"])
def test_a_secret_that_is_not_there_keeps_the_service_from_starting(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    settings = WriterSettings(url="http://127.0.0.1/", secret_file=str(tmp_path / "secret"))
    with pytest.raises(Misconfigured, match="secret of the writer chat"):
        read_secret("chat", settings)


@pytest.mark.parametrize("url", ["http://", "http://x:port/", "https://[::1/"])
def test_an_address_that_is_none_keeps_the_service_from_starting(url: str) -> None:
    with pytest.raises(Misconfigured, match="address of the writer chat"):
        HttpWriter("chat", WriterSettings.model_construct(url=url), None)


@pytest.mark.parametrize(
    ("answer", "after_s"),
    [
        (Answer(429, {"Retry-After": "7"}), 7.0),
        (Answer(429), None),
        (Answer(425), None),
        (Answer(408), None),
        (Answer(503, {"Retry-After": "30"}), 30.0),
        (Answer(429, {"Retry-After": "Sun, 09 Sep 2001 01:46:45 GMT"}), 5.0),
        (Answer(429, {"Retry-After": "soon"}), None),
    ],
)
async def test_who_is_told_to_wait_waits_and_has_begun_nothing(
    receiver: Receiver, answer: Answer, after_s: float | None
) -> None:
    receiver.answers = [answer]
    async with writing(receiver.url) as writer:
        with pytest.raises(Later, match=rf"http://127.0.0.1 answered {answer.status}") as error:
            await writer.write(RESULT, held := Held())
    assert error.value.retry_after_s == after_s
    assert held.notes == NOTHING


async def test_a_connection_that_is_refused_has_begun_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with writing(f"http://127.0.0.1:{port}/") as writer:
        with pytest.raises(Later, match="could not be reached") as error:
            await writer.write(RESULT, held := Held())
    assert error.value.retry_after_s is None
    assert held.notes == NOTHING


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 422])
async def test_a_refusal_is_final_and_says_what_the_receiver_said(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status, body=b"no\x1b[31m such\nchannel" + b"x" * 100_000)]
    async with writing(receiver.url) as writer:
        with pytest.raises(Rejected) as error:
            await writer.write(RESULT, held := Held())
    assert str(error.value).startswith(f"http://127.0.0.1 answered {status}: no")
    assert len(str(error.value)) < 300
    assert "\x1b" not in str(error.value)
    assert held.notes == NOTHING


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with Receiver() as other:
        receiver.answers = [Answer(307, {"Location": other.url})]
        async with writing(receiver.url) as writer:
            with pytest.raises(Rejected, match="redirects are not followed"):
                await writer.write(RESULT, Held())
        assert other.requests == []


AMBIGUOUS = [Answer(500), Answer(502), Answer(503), Answer(504), Answer(None)]


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_without_a_check_a_lost_answer_leaves_it_unknown(receiver: Receiver, answer: Answer) -> None:
    receiver.answers = [answer]
    async with writing(receiver.url) as writer:
        receipt = await writer.write(RESULT, held := Held())
        assert receipt.state == "unknown"
        assert receipt.note.startswith("whether it arrived is unknown: http://127.0.0.1 ")
        # Nor is it sent again after that, whoever comes.
        assert (await writer.write(RESULT, Held(2, held.notes))).state == "unknown"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_with_a_check_a_lost_answer_is_asked_for(receiver: Receiver, answer: Answer, taken: bool) -> None:
    receiver.answers = [answer._replace(taken=taken), Answer(201)]
    async with writing(receiver.url, check_url=receiver.check_url) as writer:
        with pytest.raises(Later) as error:
            await writer.write(RESULT, held := Held())
        # The receiver may still be at it.
        assert error.value.retry_after_s == TIMEOUT_S
        receipt = await writer.write(RESULT, Held(2, held.notes))
    assert receipt.state == "done"
    assert receiver.asked == [KEY]
    assert receiver.taken == {KEY: 1}
    assert len(receiver.requests) == (1 if taken else 2)


async def test_an_answer_that_does_not_come_is_a_lost_one(receiver: Receiver) -> None:
    go = threading.Event()

    def hold() -> None:
        go.wait(10)

    receiver.on_post = hold
    async with writing(receiver.url, timeout_s=0.2) as writer:
        receipt = await writer.write(RESULT, Held())
    go.set()
    assert receipt.state == "unknown"
    assert "gave no answer: " in receipt.note


@pytest.mark.parametrize("answer", [Answer(500), Answer(401), Answer(302, {"Location": "/"}), Answer(None)])
async def test_a_check_that_says_neither_yes_nor_no_is_asked_again(receiver: Receiver, answer: Answer) -> None:
    receiver.checks = [answer]
    async with writing(receiver.url, check_url=receiver.check_url) as writer:
        with pytest.raises(Later, match="check_url"):
            await writer.write(RESULT, held := Held(3, SETTLED))
    assert held.notes == SETTLED
    assert receiver.requests == []


async def test_after_a_takeover_the_other_attempt_is_given_time_to_end(receiver: Receiver) -> None:
    async with writing(receiver.url, check_url=receiver.check_url) as writer:
        with pytest.raises(Later, match="may still be underway") as error:
            await writer.write(RESULT, held := Held(2, BEGUN))
        assert error.value.retry_after_s == 2 * TIMEOUT_S
        assert (receiver.asked, receiver.requests, held.notes) == ([], [], SETTLED)
        assert (await writer.write(RESULT, Held(3, held.notes))).state == "done"
    assert len(receiver.requests) == 1


async def test_a_takeover_of_what_had_not_begun_is_sent_at_once(receiver: Receiver) -> None:
    async with writing(receiver.url) as writer:
        assert (await writer.write(RESULT, Held(2, NOTHING))).state == "done"
    [request] = receiver.requests
    assert (request.headers["Idempotency-Key"], request.headers["X-Quorate-Delivery"]) == (KEY, "2")


async def test_who_slept_between_the_note_and_the_request_does_not_send(receiver: Receiver) -> None:
    times = iter([0.0, TIMEOUT_S + 0.1])
    async with writing(receiver.url, monotonic=lambda: next(times)) as writer:
        with pytest.raises(Later, match="too much time"):
            await writer.write(RESULT, held := Held())
    assert (receiver.requests, held.noted) == ([], [BEGUN, NOTHING])


async def test_who_was_overtaken_sends_nothing(receiver: Receiver) -> None:
    class Lost(Held):
        async def note(self, notes: Any) -> None:
            raise Overtaken("by another")

    async with writing(receiver.url) as writer:
        with pytest.raises(Overtaken):
            await writer.write(RESULT, Lost())
    assert receiver.requests == []


async def test_an_answer_without_end_holds_nobody_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXT_S", 0.1)
    for status, refused in ((200, False), (400, True)):
        # The receiver announces more than it sends, and keeps the connection open.
        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int = status) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 1000000\r\n\r\nwords" % status)
            await writer.drain()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(endless, "127.0.0.1", 0)
        async with server, writing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as chat:
            if refused:
                with pytest.raises(Rejected, match="answered 400: words"):
                    await asyncio.wait_for(chat.write(RESULT, Held()), 3)
            else:
                assert (await asyncio.wait_for(chat.write(RESULT, Held()), 3)).state == "done"


async def test_addresses_do_not_get_into_the_log(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    receiver.answers = [Answer(403)]
    async with writing(receiver.url + "hooks/T0K3N?key=T0K3N") as writer:
        with pytest.raises(Rejected) as error:
            await writer.write(RESULT, Held())
        assert "T0K3N" not in repr(writer)
    assert "T0K3N" not in caplog.text + str(error.value)


async def test_what_is_no_task_is_not_sent(receiver: Receiver) -> None:
    async with writing(receiver.url) as writer:
        with pytest.raises(Rejected, match="not the id of a task"):
            await writer.write(RESULT.model_copy(update={"task_id": "t\r\nX: y"}), Held())
    assert receiver.requests == []
