"""HTTP: the routes, and the life of the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from quorate import __version__
from quorate.bus import Bus
from quorate.errors import Misconfigured, QuorateError
from quorate_gateway.handlers import NO_SECRET, Answer, Webhook

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger("quorate.gateway")

TOLD = "http_url"
"""Under this name the bus tells whoever runs the gateway where it is."""

MAX_BODY = 25 * 1024 * 1024
MAX_BODIES = 4 * MAX_BODY
"""Of all requests together: anyone can send a body, and only when it is whole can its signature be checked."""

HEAD_S = 6.0
READ_S = 6.0
ANSWER_S = 9.0
"""GitHub waits for ten seconds, the body's way included."""

READY_S = 2.0
MAX_CONNECTIONS = 256
ROUTES = {
    "GET /": "what is here",
    "GET /healthz": "200 while the process is alive",
    "GET /readyz": "200 while the broker answers, else 503",
    "POST /github/webhook": "takes the webhooks of GitHub",
}


class _Refused(Exception):
    """The body is not read on."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Bodies:
    """Reads bodies, and knows how much of them is in memory."""

    def __init__(self) -> None:
        self._free = MAX_BODIES

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The body, for as long as the block lasts. Raises _Refused for one that is too large, or too slow."""
        taken = 0
        try:
            announced = request.headers.get("content-length", "")
            if announced.isdecimal() and int(announced[:20]) > MAX_BODY:
                raise _Refused(_too_large())
            chunks: list[bytes] = []
            try:
                async with asyncio.timeout(READ_S):
                    async for chunk in request.stream():
                        if taken + len(chunk) > MAX_BODY:
                            raise _Refused(_too_large())
                        if len(chunk) > self._free:
                            raise _Refused(Answer(503, {"error": "too many at once"}, {"Retry-After": "1"}))
                        taken += len(chunk)
                        self._free -= len(chunk)
                        chunks.append(chunk)
            except TimeoutError:
                raise _Refused(Answer(408, {"error": f"the body took longer than {READ_S:g} s"})) from None
            yield b"".join(chunks)
        finally:
            self._free += taken


def _too_large() -> Answer:
    return Answer(413, {"error": f"the body is larger than {MAX_BODY:,} bytes"})


def application(bus: Bus, webhook: Webhook) -> Starlette:
    """The routes. Every answer is a JSON object."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    bodies = Bodies()

    def respond(answer: Answer) -> Response:
        return JSONResponse(dict(answer.body), answer.status, dict(answer.headers))

    async def about(_: Request) -> Response:
        return JSONResponse({"name": "quorate", "version": __version__, "routes": ROUTES})

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> Response:
        reason = await unready(bus)
        return JSONResponse({"ready": True}) if reason is None else JSONResponse({"ready": False, "error": reason}, 503)

    async def take(request: Request) -> Response:
        if not webhook.is_open:
            return respond(closing(Answer(404, {"error": NO_SECRET})))
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_S
        try:
            async with bodies.read(request) as body:
                return respond(await webhook.take(request.headers, body, within_s=end - loop.time()))
        except _Refused as refused:
            return respond(closing(refused.answer))
        except ClientDisconnect:
            return respond(closing(Answer(400, {"error": "the body is not whole"})))
        except Exception:
            log.exception("a webhook failed", extra={"action": "gateway.failed"})
            return respond(Answer(500, {"error": "it failed here; the log says why"}))

    def closing(answer: Answer) -> Answer:
        """Whoever is refused before the end of the body is not listened to any longer."""
        return Answer(answer.status, answer.body, {**answer.headers, "Connection": "close"})

    async def refused(_: Request, error: Exception) -> Response:
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
        detail = error.detail if isinstance(error, HTTPException) else "it failed here"
        return JSONResponse({"error": detail, "routes": list(ROUTES)}, status, headers)

    return Starlette(
        routes=[
            Route("/", about),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/github/webhook", take, methods=["POST"]),
        ],
        exception_handlers={HTTPException: refused},
    )


async def unready(bus: Bus) -> str | None:
    """Why nothing can be stored now, or None."""
    if not bus.client.is_connected:
        return "there is no connection to the broker"
    try:
        await bus.request("$JS.API.INFO", timeout_s=READY_S)
    except QuorateError as error:
        return str(error)
    return None


@asynccontextmanager
async def serving(bus: Bus, app: Starlette, host: str, port: int, *, grace_s: float) -> AsyncIterator[str]:
    """Listen, and give the URL; port 0 is any that is free. Raises Misconfigured when it cannot be had.

    Requests that are underway when the block is left have ``grace_s`` seconds to end.
    """
    import uvicorn

    from quorate_gateway.prompt import prompt

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            """Signals are the process's: this server is one of several things that run in it."""
            yield

    listening = _listen(host, port)
    url = _url(host, listening)
    server = Server(
        uvicorn.Config(
            app,
            http=prompt(HEAD_S),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=max(1, round(grace_s)),
        )
    )
    serve = asyncio.create_task(server.serve(sockets=[listening]), name="serve HTTP")
    bus.watch(serve)

    bus.told[TOLD] = url
    log.info("%s is open", url, extra={"action": "gateway.serving"})
    try:
        yield url
    finally:
        bus.told.pop(TOLD, None)
        server.should_exit = True
        await asyncio.wait({serve})


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=1_024)
        # asyncio sets it for servers that it opens itself; without it an answer in two parts takes 40 ms longer.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        raise Misconfigured(
            f"the gateway cannot listen on {host}:{port}: {error.strerror or error}; set http_host and http_port"
            " (QUORATE_HTTP_PORT) to an address that is free"
        ) from error


def _url(host: str, listening: socket.socket) -> str:
    """Where it can be reached from this machine."""
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - told, not bound
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{listening.getsockname()[1]}"
