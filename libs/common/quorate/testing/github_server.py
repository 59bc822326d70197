"""The double on HTTP: an ASGI application, and a thread that serves it.

It has a thread and an event loop of its own, so that it answers while a test blocks its own.
"""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.types import Message, Receive, Scope, Send

from quorate.testing import (
    github_apps,
    github_checks,
    github_comments,
    github_contents,
    github_graphql,
    github_pulls,
    github_reviews,
)
from quorate.testing.github_access import Identity
from quorate.testing.github_faults import Entry, Fault, since
from quorate.testing.github_http import Answer, Call, Endpoints, Problem, not_found
from quorate.testing.github_state import State

HOST = "127.0.0.1"
CONTROL = "/_double/"
REQUEST_BYTES = 64 * 1024 * 1024
HANG_S = 300.0
"""A client that waits longer for an answer that never comes is cut off."""
LATE_STATUS = 502
STOP_S = 10.0
_HANDLERS: list[Endpoints] = [
    module.endpoints
    for module in (
        github_pulls, github_contents, github_reviews, github_comments, github_checks, github_apps, github_graphql,
    )
]  # fmt: skip

Control = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Carries out one call of the control: its name, and its arguments by name."""


class Application:
    """GitHub's API, and the control of the double below ``/_double/``."""

    def __init__(self, state: State, control: Control) -> None:
        self._state = state
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            raw = await _body(receive)
        except ConnectionResetError:
            return
        if raw is None:
            await _send(send, Problem(413, "The request is too large").answer)
        elif scope["path"].startswith(CONTROL):
            await _send(send, await self._controlled(scope, raw))
        else:
            await self._answer(scope, raw, receive, send)

    async def _controlled(self, scope: Scope, raw: bytes) -> Answer:
        """``POST /_double/NAME`` with the arguments as a JSON object; answers what the call returns."""
        if scope["method"] != "POST":
            return Answer(405, {"error": "send a POST with the arguments as a JSON object"})
        try:
            arguments = json.loads(raw) if raw else {}
            if not isinstance(arguments, dict):
                raise ValueError("the arguments are not a JSON object")
            told = await self._control(scope["path"].removeprefix(CONTROL), arguments)
            return Answer(200, json.dumps(told))
        except Problem as problem:
            return problem.answer
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            return Answer(400, {"error": f"{type(error).__name__}: {error}"})

    async def _answer(self, scope: Scope, raw: bytes, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        method, path = scope["method"], scope["path"]
        with self._state.lock:
            entry = self._state.journal.begin(self._state.now(), method, path, scope["query_string"].decode("latin-1"))
            fault = self._state.faults.strike(method, path)
        if fault is None:
            await self._tell(send, entry, self._carry_out(scope, raw, entry), start)
            return
        entry.fault = fault.kind
        await self._fail(fault, scope, raw, entry, start, receive, send)

    async def _fail(
        self, fault: Fault, scope: Scope, raw: bytes, entry: Entry, start: float, receive: Receive, send: Send
    ) -> None:
        kind = fault.kind
        answer: Answer | None = None
        if kind == "slow":
            await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
            answer = self._carry_out(scope, raw, entry)
        elif kind.startswith("commit-then-"):
            whole = self._carry_out(scope, raw, entry)
            answer = whole if kind == "commit-then-cut" else Problem(500, "Server Error").answer
        elif kind == "commit-late":
            self._put_off(fault, scope, raw, entry)
            answer = Problem(LATE_STATUS, "Server Error").answer
        elif kind in ("403-retry-after", "429"):
            wait = {"retry-after": f"{60 if fault.seconds is None else fault.seconds:g}"}
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            answer = Problem(429 if kind == "429" else 403, text, headers=wait).answer
        else:
            answer = Problem(500, "Server Error").answer
        if kind.endswith("hang"):
            await _gone(receive, HANG_S if fault.seconds is None else fault.seconds)
            entry.ms = since(start)
        elif kind.endswith("cut"):
            entry.ms = since(start)
            await _send_half(send, answer)
        else:
            await self._tell(send, entry, answer, start)

    def _put_off(self, fault: Fault, scope: Scope, raw: bytes, entry: Entry) -> None:
        late = self._state.faults.late

        def commit() -> None:
            self._carry_out(scope, raw, entry)

        late.append(commit)
        if fault.seconds is not None:

            def due() -> None:
                # Whoever takes it out of the list carries it out: this timer or `settle`.
                with self._state.lock:
                    if commit in late:
                        late.remove(commit)
                        commit()

            asyncio.get_running_loop().call_later(fault.seconds, due)

    async def _tell(self, send: Send, entry: Entry, answer: Answer, start: float) -> None:
        entry.status = answer.status
        entry.ms = since(start)
        await _send(send, answer)

    def _carry_out(self, scope: Scope, raw: bytes, entry: Entry) -> Answer:
        """Do what the request asks for, and say what came of it."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        identity = Identity("nobody")
        with self._state.lock:
            access = self._state.access
            try:
                authorization = headers.get("authorization", "")
                identity = access.identify(authorization)
                entry.login = identity.login or ("(app)" if identity.kind == "app" else None)
                if path != "/rate_limit":
                    access.count(identity, writes=method != "GET" and path.startswith("/repos/"))
                found = next((found for table in _HANDLERS if (found := table.find(method, path))), None)
                if found is None:
                    raise not_found()
                handler, arguments = found
                query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
                accept, token = headers.get("accept", ""), authorization.partition(" ")[2].strip()
                answer = handler(Call(self._state, identity, method, path, arguments, query, accept, token, raw))
            except Problem as problem:
                answer = problem.answer
            rates = access.rates(identity)
            answer.headers |= {f"x-ratelimit-{name}": str(value) for name, value in rates.items()}
            answer.headers |= {"x-ratelimit-resource": "core", "x-github-request-id": f"D:{entry.number}"}
        entry.committed = answer.status
        return answer


async def _body(receive: Receive) -> bytes | None:
    """None where it is too large. Raises ConnectionResetError where the client left before the end of it."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client left before the end of its request")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _start(answer: Answer, length: int) -> Message:
    headers = {"content-type": "application/json; charset=utf-8", "server": "github.com", **answer.headers}
    if answer.status not in (204, 304):
        headers["content-length"] = str(length)
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": answer.status, "headers": encoded}


async def _send(send: Send, answer: Answer) -> None:
    body = answer.encoded()
    await send(_start(answer, len(body)))
    await send({"type": "http.response.body", "body": body})


async def _send_half(send: Send, answer: Answer) -> None:
    """The server closes a connection whose answer is not whole when the application returns."""
    body = answer.encoded()
    await send(_start(answer, len(body) + 1))
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _gone(receive: Receive, seconds: float) -> None:
    """Wait until the client has given up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass


class _Server(uvicorn.Server):
    """One that ends at once, and not with its next look at ten a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._wake: Callable[[], object] = lambda: None

    async def main_loop(self) -> None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(ended.set)
        while not self.should_exit:
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Without the grace that users of a real server deserve."""
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for connection in [*self.server_state.connections]:
            connection.shutdown()
        await asyncio.sleep(0)

    def end(self) -> None:
        """From any thread. Requests that hang are not waited for."""
        self.force_exit = self.should_exit = True
        self._wake()


class Serving:
    """An application on 127.0.0.1 in a thread of its own."""

    def __init__(self, application: Application, port: int) -> None:
        """Takes the port (0: any that is free) at once; `OSError` when it is taken."""
        self._socket = socket.create_server((HOST, port), backlog=1024)
        # Accepted connections inherit it; asyncio sets it only on sockets that it made itself. Without it each answer,
        # which is written in two parts, waits 40 ms for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        # What is cut off on purpose is nothing to tell of.
        logging.getLogger("uvicorn.error").addFilter(_quiet)
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            loop="asyncio",
            timeout_keep_alive=60,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="github-double", daemon=True)

    def start(self) -> None:
        """Returns when it answers: the socket has listened since it was made."""
        self._thread.start()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.end()
            self._thread.join(STOP_S)
        self._socket.close()


def _quiet(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("ASGI callable returned without completing response")
