"""Connections that say nothing, or one byte at a time, do not keep their place.

The server has a limit of connections, and none of its own for how long a request's head takes: a few hundred silent
ones would keep everybody else out. This module loads uvicorn; import it where the server is made.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


class PromptProtocol(H11Protocol):
    """HTTP/1.1, and a connection that owes the whole head of a request for ``head_s`` seconds is closed.

    Between two requests it may be silent as long as uvicorn has it; its time begins with the first byte. So it does
    with what comes after an answer and is no request, as the rest of a body that nobody reads.
    """

    head_s: float
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._overdue = self.loop.call_later(self.head_s, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            self._forgive()
        elif self._overdue is None:
            self._overdue = self.loop.call_later(self.head_s, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forgive()
        super().connection_lost(exc)

    def _forgive(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None


def prompt(head_s: float) -> type[PromptProtocol]:
    """The protocol with its time in seconds."""
    return type("Prompt", (PromptProtocol,), {"head_s": head_s})
