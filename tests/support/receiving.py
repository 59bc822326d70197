"""What tests of writers share: a receiver of results over real HTTP, a claim that is held, and results."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple

from quorate.bus import Bus
from quorate.contract import ids, subjects
from quorate.contract.result import Result, Timings


def result_of(name: str, kind: str = "k", **fields: Any) -> Result:
    """A result of the task that ``name`` stands for."""
    task = ids.task_id_from_key("default", kind, name)
    timings = Timings(finished_at="2026-11-01T00:00:00.000Z")
    return Result(task_id=task, kind=kind, state="completed", timings=timings, **fields)


def subject_of(result: Result) -> str:
    return subjects.result(result.kind, result.task_id)


async def all_acked(bus: Bus, stream: str, consumer: str) -> bool:
    """Whether a consumer has had everything that its stream holds. (Its count of what is pending lags behind.)"""
    last = (await bus.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"]
    info = await bus.api(f"CONSUMER.INFO.{stream}.{consumer}")
    return bool(info["delivered"]["stream_seq"] >= last and not info["num_ack_pending"])


class Held:
    """A claim that nobody takes over, and what was noted under it."""

    def __init__(self, epoch: int = 1, notes: Mapping[str, Any] | None = None) -> None:
        self.fresh = epoch == 1
        self.epoch = epoch
        self.notes = dict(notes or {})
        self.noted: list[dict[str, Any]] = []

    async def note(self, notes: Mapping[str, Any]) -> None:
        self.notes = dict(notes)
        self.noted.append(self.notes)


class Request(NamedTuple):
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """``taken``: whether the receiver keeps the request; ``None`` for the status: it says nothing and hangs up."""

    status: int | None = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    taken: bool = True


class Receiver:
    """Listens on a free port of 127.0.0.1. ``POST /`` is counted, ``GET /check/<key>`` says whether it was taken.

    ``answers`` are given one after another, the last one again and again; ``on_post`` is called in the server's thread
    before a POST is answered.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [Answer()]
        self.checks: list[Answer | None] = [None]
        """What to answer to checks, as ``answers``; None: the truth."""
        self.on_post: Callable[[], None] = lambda: None
        self.requests: list[Request] = []
        self.asked: list[str] = []
        self.taken: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self.check_url = f"{self.url}check/{{key}}"

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def on_request(self, request: Request) -> Answer:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        with self._changed:
            self.requests.append(request)
            if answer.taken:
                self.taken[request.headers["Idempotency-Key"]] += 1
            self._changed.notify_all()
        self.on_post()
        return answer

    def on_check(self, key: str) -> Answer:
        self.asked.append(key)
        answer = self.checks.pop(0) if len(self.checks) > 1 else self.checks[0]
        return answer or Answer(200 if self.taken[key] else 404)

    def wait_for(self, count: int, timeout_s: float = 10) -> bool:
        """Block until so many POSTs have come."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, timeout_s)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._say(receiver.on_request(Request(dict(self.headers), body)))

        def do_GET(self) -> None:
            self._say(receiver.on_check(self.path.removeprefix("/check/")))

        def _say(self, answer: Answer) -> None:
            self.close_connection = True
            if answer.status is None:
                return
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                # Whoever asked has not waited.
                return

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    return Handler
