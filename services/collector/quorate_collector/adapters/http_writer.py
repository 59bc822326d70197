"""A writer that sends each result to an address by HTTP POST.

A request cannot be taken back, and an answer can be lost. So a note goes before each request, and where a note stands
and no answer is known, the receiver is asked, if it can be, and otherwise nothing is sent again.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from quorate import __version__, crashpoints
from quorate.contract.base import Part
from quorate.contract.ids import TASK_ID, digest, message_id
from quorate.contract.ledger import Receipt
from quorate.contract.result import Result
from quorate.errors import Misconfigured, Rejected
from quorate.render import render
from quorate.render.clean import one_line
from quorate.settings import WriterSettings
from quorate_collector.ports import Claim, Later, Write

CONTENT_TYPES = {
    "json": "application/json",
    "markdown": "text/markdown; charset=utf-8",
    "sarif": "application/sarif+json",
    "text": "text/plain; charset=utf-8",
}
MAX_ANSWER = 2_048
TEXT_S = 1.0
"""For the text of an answer, beyond ``timeout_s`` for the answer itself."""
REFUSED_FOR_NOW = (408, 425, 429)
CONNECT_PART = 0.5
"""Of ``timeout_s``; a connection that cannot be made in it fails before anything was sent."""


class Notes(Part):
    """The memory of one request. ``settled`` says that no request of an earlier attempt can still be underway."""

    begun: bool = False
    settled: bool = False


@dataclass(frozen=True)
class Answer:
    """What the receiver said: ``text`` is the beginning of it."""

    status: int
    retry_after_s: float | None
    text: str


class NotSent(Exception):
    """There was no connection, so nothing has arrived."""


class Unanswered(Exception):
    """The request was sent, at least in part, and no answer came."""


def read_secret(name: str, settings: WriterSettings) -> bytes | None:
    """The key of the signatures. Raises Misconfigured."""
    if settings.secret_file is None:
        return None
    try:
        secret = Path(settings.secret_file).expanduser().read_bytes().strip()
    except OSError as error:
        raise Misconfigured(
            f"the secret of the writer {name} could not be read from {settings.secret_file}: {error.strerror}"
        ) from error
    if not secret:
        raise Misconfigured(f"{settings.secret_file}, the secret of the writer {name}, is empty")
    return secret


class HttpWriter:
    """Sends results to the address that the settings name; it follows no redirects."""

    def __init__(
        self,
        name: str,
        settings: WriterSettings,
        secret: bytes | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.kinds = settings.kinds
        self._format = settings.format
        self._url = _parsed(name, settings.url or "")
        self._shown = f"{self._url.scheme}://{self._url.host}"
        self._check_url = settings.check_url
        if settings.check_url is not None:
            _parsed(name, settings.check_url.replace("{key}", "0"))
        self._secret = secret
        self._timeout_s = settings.timeout_s
        self._monotonic = monotonic
        self._clock = clock
        # It logs whole addresses, and some of them are secrets.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        self._client = httpx2.AsyncClient(
            follow_redirects=False,
            timeout=httpx2.Timeout(settings.timeout_s, connect=settings.timeout_s * CONNECT_PART),
            # A connection that was kept may be closed by the other side just as it is used, and then nobody knows.
            limits=httpx2.Limits(max_keepalive_connections=0),
            headers={"User-Agent": f"quorate/{__version__}", "Accept-Encoding": "identity"},
        )

    def __repr__(self) -> str:
        return f"HttpWriter({self.name!r}, {self._shown!r})"

    def write_of(self, result: Result) -> Write | None:
        return Write(result.task_id, digest(f"{self._format} {result.task_id}".encode() + result.encode()))

    async def close(self) -> None:
        await self._client.aclose()

    async def write(self, result: Result, claim: Claim) -> Receipt:
        """Raises Later or Rejected. The receipt is ``unknown`` when no one can say whether the request arrived."""
        if not TASK_ID.match(result.task_id):
            raise Rejected(f"{result.task_id[:80]!r} is not the id of a task")
        key = message_id("write", self.name, result.task_id)
        try:
            notes = Notes.model_validate(claim.notes)
        except ValidationError as error:
            raise Rejected(f"the ledger's notes for {result.task_id} cannot be read: {error}") from error
        if notes.begun and (receipt := await self._reconciled(key, notes, claim)) is not None:
            return receipt
        body = (await asyncio.to_thread(render, result, self._format)).encode()
        noted_at = self._monotonic()
        await claim.note(Notes(begun=True).model_dump())
        crashpoints.reached("http_writer.begun")
        if self._monotonic() - noted_at > self._timeout_s:
            # This process slept. Whoever has taken the write over in the meantime must be able to rely on the note.
            await self._withdraw(claim)
            raise Later(f"{self._shown}: too much time has passed between the decision to send and the sending")
        try:
            answer = await self._send(body, key, result.task_id, claim.epoch)
        except NotSent as error:
            await self._withdraw(claim)
            raise Later(str(error)) from error
        except Unanswered as error:
            return await self._doubt(claim, str(error))
        return await self._judged(answer, claim)

    async def _reconciled(self, key: str, notes: Notes, claim: Claim) -> Receipt | None:
        """What came of an earlier attempt; None when it is certain that nothing did."""
        if self._check_url is None:
            return _unknown(f"{self._shown}: an earlier attempt was interrupted")
        if not notes.settled:
            # An attempt sends within this time after its note, and ends within as much again.
            await claim.note(Notes(begun=True, settled=True).model_dump())
            raise Later(f"{self._shown}: an earlier attempt may still be underway", 2 * self._timeout_s)
        if await self._has_arrived(key):
            return Receipt(note="an earlier attempt had arrived, as check_url says")
        return None

    async def _judged(self, answer: Answer, claim: Claim) -> Receipt:
        status = answer.status
        if 200 <= status < 300:
            return Receipt(note=f"HTTP {status}")
        told = f"{self._shown} answered {status}" + (f": {answer.text}" if answer.text else "")
        if status in REFUSED_FOR_NOW or (status == 503 and answer.retry_after_s is not None):
            await self._withdraw(claim)
            raise Later(told, answer.retry_after_s)
        if status >= 500:
            # It may have come from in between, after the receiver had taken it.
            return await self._doubt(claim, told)
        await self._withdraw(claim)
        if 300 <= status < 400:
            raise Rejected(f"{self._shown} answered {status}, and redirects are not followed: set `url` to where it is")
        raise Rejected(told)

    async def _doubt(self, claim: Claim, why: str) -> Receipt:
        if self._check_url is None:
            return _unknown(why)
        await claim.note(Notes(begun=True, settled=True).model_dump())
        raise Later(f"{why}; whether it arrived is asked for later", self._timeout_s)

    async def _withdraw(self, claim: Claim) -> None:
        await claim.note(Notes().model_dump())

    async def _send(self, body: bytes, key: str, task: str, epoch: int) -> Answer:
        headers = {
            "Content-Type": CONTENT_TYPES[self._format],
            "Idempotency-Key": key,
            "X-Quorate-Task": task,
            "X-Quorate-Delivery": str(epoch),
        }
        if self._secret is not None:
            signature = await asyncio.to_thread(hmac.digest, self._secret, body, "sha256")
            headers["X-Quorate-Signature-256"] = f"sha256={signature.hex()}"
        return await self._ask("POST", self._url, headers, body)

    async def _has_arrived(self, key: str) -> bool:
        """What check_url says. Raises Later when that is neither yes nor no."""
        url = httpx2.URL((self._check_url or "").replace("{key}", quote(key, safe="")))
        try:
            status = (await self._ask("GET", url, {}, None)).status
        except (NotSent, Unanswered) as error:
            raise Later(f"check_url: {error}") from error
        if status not in (200, 404):
            raise Later(f"check_url answered {status}, and only 200 (it has arrived) and 404 (it has not) are answers")
        return status == 200

    async def _ask(self, method: str, url: httpx2.URL, headers: dict[str, str], body: bytes | None) -> Answer:
        shown = f"{url.scheme}://{url.host}"
        try:
            request = self._client.build_request(method, url, headers=headers, content=body)
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request, stream=True)
            try:
                text = "" if response.is_success else await _beginning(response)
                after = _seconds(response.headers.get("Retry-After"), self._clock())
                return Answer(response.status_code, after, text)
            finally:
                await response.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            raise NotSent(f"{shown} could not be reached: {str(error) or type(error).__name__}") from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unanswered(f"{shown} gave no answer: {str(error) or type(error).__name__}") from error


def _parsed(name: str, url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise Misconfigured(f"an address of the writer {name} is none: {error}") from error
    if not parsed.host:
        raise Misconfigured(f"an address of the writer {name} names no host")
    return parsed


def _unknown(why: str) -> Receipt:
    return Receipt(state="unknown", note=f"whether it arrived is unknown: {why}")


async def _beginning(response: httpx2.Response) -> str:
    """What can be had of the text at once; the status is known without it."""
    found = b""
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(TEXT_S):
            async for chunk in response.aiter_raw():
                found += chunk
                if len(found) >= MAX_ANSWER:
                    break
    return one_line(found[:MAX_ANSWER].decode(errors="replace"), 200)


def _seconds(retry_after: str | None, now: float) -> float | None:
    """The header Retry-After, which is a number of seconds or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None
