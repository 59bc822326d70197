"""One HTTP exchange: a request, and its answer up to a size and a time; else whether the request can have arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quorate.github.errors import Refused

if TYPE_CHECKING:
    import httpx2

MAX_CONNECTIONS = 32
READ_PERIODS = 6
"""An answer to a read may take so many times the timeout, as long as something comes all the time."""


class Unsent(Exception):
    """No connection: the server has seen nothing of the request."""


class Lost(Exception):
    """The request may have arrived; its answer did not."""


@dataclass(frozen=True, slots=True)
class Request:
    """``what`` is how errors call it: method and path, no query and no secret."""

    method: str
    url: str
    what: str
    headers: Mapping[str, str] = field(repr=False)  # the token is in them
    params: Mapping[str, Any] | None
    content: bytes | None
    is_write: bool
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of headers are in lower case. An answer with an error is cut off where it is too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Connections to one server, opened with the first request."""

    def __init__(self, timeout_s: float, transport: httpx2.AsyncBaseTransport | None) -> None:
        self._timeout_s = timeout_s
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    async def exchange(self, request: Request) -> Answer:
        """Send it once. Redirects are answers. Raises Unsent, Lost, and Refused for an answer that is too large."""
        import httpx2

        client = self._opened()
        periods = 2 if request.is_write else READ_PERIODS
        fault: Exception
        # Raised outside of the handlers: what the library says of a request can have the token in it.
        try:
            async with asyncio.timeout(periods * self._timeout_s):
                sending = client.stream(
                    request.method,
                    request.url,
                    params=request.params,
                    content=request.content,
                    headers=dict(request.headers),
                )
                async with sending as response:
                    return await self._read(request, response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            fault = Unsent(f"could not be reached ({type(error).__name__})")
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            fault = Refused(request.what, 400, f"it cannot be put into HTTP ({type(error).__name__})")
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            fault = Lost(f"did not answer ({type(error).__name__})")
        raise fault

    async def _read(self, request: Request, response: httpx2.Response) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > request.max_bytes:
                if response.status_code < 400:
                    raise Refused(request.what, 413, f"its answer is larger than {request.max_bytes:,} bytes")
                break
        return Answer(response.status_code, headers, bytes(body[: request.max_bytes]))

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            import httpx2

            self._client = httpx2.AsyncClient(
                # Less to connect than for the whole, so that a connection that fails is known to have failed.
                timeout=httpx2.Timeout(self._timeout_s, connect=self._timeout_s / 2, pool=self._timeout_s / 2),
                limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
                transport=self._transport,
                follow_redirects=False,
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
