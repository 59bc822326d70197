"""GitHub's API, as the gateway and the collector need it: reads that are repeated, writes that never are.

``httpx2`` carries the requests. Of ``gidgethub`` the functions without I/O are used where GitHub's protocol is more
than HTTP: ``create_headers`` (who asks, in which format, in whose name) and ``decipher_response`` (the body of an
answer and the ``rel="next"`` of its ``Link``). Its client (``gidgethub.httpx``) is not: it speaks to the older
``httpx``, cannot stop reading an endless answer and does not tell a write that was never sent from one whose answer
was lost. Nor are its exceptions: ``decipher_response`` raises ``ValueError`` for a status that the standard library
has no name for (a proxy's 520), takes a 429 for a bad request and knows no ``retry-after``. ``gidgethub.apps.get_jwt``
asks the system for the time, which a test cannot set, so the token of an App is made with ``pyjwt``.

All three are imported with the first request: importing this package costs no more than ``asyncio``.
"""

from quorate.github.client import JSON, GitHub
from quorate.github.clock import Clock
from quorate.github.credentials import (
    AppCredentials,
    Credentials,
    TokenCredentials,
    credentials_of,
    webhook_secret_of,
)
from quorate.github.errors import Ambiguous, GitHubBusy, Refused, Unauthorized

__all__ = [
    "JSON",
    "Ambiguous",
    "AppCredentials",
    "Clock",
    "Credentials",
    "GitHub",
    "GitHubBusy",
    "Refused",
    "TokenCredentials",
    "Unauthorized",
    "credentials_of",
    "webhook_secret_of",
]
