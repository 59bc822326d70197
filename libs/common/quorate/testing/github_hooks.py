"""The App's webhook: events that happened, and their deliveries.

An event is held until it is delivered or lost on demand; only then the deliveries API knows it, as on GitHub.
"""

import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quorate.testing.github_http import Json

if TYPE_CHECKING:
    from quorate.testing.github_state import State

KEPT = 20_000
TIMEOUT_S = 10.0
ANSWER_BYTES = 64 * 1024
_NAMES = uuid.UUID("6b3f3a52-3f4b-4d3e-9d1e-7d1f1c1b2a10")


@dataclass(frozen=True)
class Event:
    """What happened, with the body as it is sent."""

    guid: str
    name: str
    action: str | None
    body: bytes
    installation: int | None
    repository: int | None

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class Delivery:
    """One try to deliver an event; status 0 is told where nobody answered."""

    id: int
    event: Event
    at: float
    redelivery: bool
    url: str | None
    status_code: int = 0
    status: str = "failed to connect to host"
    duration: float = 0.0
    request: dict[str, str] = field(default_factory=dict)
    response: dict[str, str] = field(default_factory=dict)
    answer: str = ""

    def told(self, at: str | None) -> Json:
        """As the list of deliveries has it."""
        return {
            "id": self.id,
            "guid": self.event.guid,
            "delivered_at": at,
            "redelivery": self.redelivery,
            "duration": self.duration,
            "status": self.status,
            "status_code": self.status_code,
            "event": self.event.name,
            "action": self.event.action,
            "installation_id": self.event.installation,
            "repository_id": self.event.repository,
            "throttled_at": None,
        }


class Hooks:
    def __init__(self, state: "State") -> None:
        self._state = state
        self.url: str | None = None
        self.secret: str | None = None
        self.held: deque[Event] = deque(maxlen=KEPT)
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self._posting = ThreadPoolExecutor(4, thread_name_prefix="hooks")
        self._redelivering: list[Future[Delivery]] = []
        self._number = 0

    def happened(
        self, name: str, action: str | None, payload: Json, *, installation: int | None, repository: int | None
    ) -> None:
        """Hold an event for its delivery, if the App subscribes to it."""
        if name not in self._state.access.app.events and name != "ping":
            return
        self._number += 1
        guid = str(uuid.uuid5(_NAMES, f"{self._state.url} {self._number}"))
        whole = {**({"action": action} if action else {}), **payload}
        if installation is not None:
            whole["installation"] = {"id": installation}
        body = json.dumps(whole, separators=(",", ":")).encode()
        self.held.append(Event(guid, name, action, body, installation, repository))

    def headers(self, event: Event, secret: str | None) -> dict[str, str]:
        """What is sent with the event; without a secret it is not signed."""
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/double",
            "X-GitHub-Delivery": event.guid,
            "X-GitHub-Event": event.name,
            "X-GitHub-Hook-ID": "1",
            "X-GitHub-Hook-Installation-Target-ID": str(self._state.access.app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
        }
        if secret is not None:
            for name, method in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256")):
                headers[name] = f"{method}={hmac.new(secret.encode(), event.body, method).hexdigest()}"
        return headers

    def lose(self, event: Event) -> Delivery:
        """As if the receiver had been down: the deliveries API knows of it, and nobody else."""
        return self._enter(self._new(event, self.url, self.secret))

    def post(self, event: Event, url: str, secret: str | None, *, redelivery: bool = False) -> Delivery:
        """Deliver, wait for the answer, and enter it into the deliveries. Blocks for up to 10 s."""
        with self._state.lock:
            delivery = self._new(event, url, secret, redelivery=redelivery)
        start = time.perf_counter()
        request = urllib.request.Request(url, event.body, delivery.request, method="POST")  # noqa: S310 - a test's own
        try:
            with _opener.open(request, timeout=TIMEOUT_S) as answer:
                self._heard(delivery, answer.status, answer.headers, answer.read(ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                self._heard(delivery, error.code, error.headers, error.read(ANSWER_BYTES))
        except TimeoutError:
            delivery.status = "timed out"
        except OSError as error:
            delivery.answer = str(error)
        delivery.duration = round(time.perf_counter() - start, 3)
        with self._state.lock:
            return self._enter(delivery)

    def redeliver(self, event: Event) -> None:
        """Deliver again to the App's URL, and do not wait for it."""
        if self.url is None:
            self._enter(self._new(event, None, self.secret, redelivery=True))
            return
        self._redelivering = [future for future in self._redelivering if not future.done()]
        self._redelivering.append(self._posting.submit(self.post, event, self.url, self.secret, redelivery=True))

    def under_way(self) -> list[Future[Delivery]]:
        return [future for future in self._redelivering if not future.done()]

    def close(self) -> None:
        self._posting.shutdown(wait=False, cancel_futures=True)

    def _new(self, event: Event, url: str | None, secret: str | None, *, redelivery: bool = False) -> Delivery:
        return Delivery(
            self._state.id("delivery"), event, self._state.now(), redelivery, url, request=self.headers(event, secret)
        )

    def _enter(self, delivery: Delivery) -> Delivery:
        self.deliveries.append(delivery)
        return delivery

    @staticmethod
    def _heard(delivery: Delivery, code: int, headers: Any, answer: bytes) -> None:
        delivery.status_code = code
        delivery.status = "OK" if 200 <= code < 300 else f"Invalid HTTP Response: {code}"
        delivery.response = dict(headers.items())
        delivery.answer = answer.decode("utf-8", "replace")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """GitHub follows no redirect of a webhook."""

    def redirect_request(self, *_: Any) -> None:
        return None


# Without the proxies of the environment: what is delivered to is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
