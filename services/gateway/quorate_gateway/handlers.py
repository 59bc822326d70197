"""The webhook's handler: signature, parsing, decision, and what follows from it stored before the answer."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from pydantic_core import from_json

from quorate.bus import ApiError
from quorate.contract.task import PullRequest, series_of
from quorate.errors import Retryable, TooLarge
from quorate.settings import GitHubSettings
from quorate_gateway.domain.signature import is_signed
from quorate_gateway.domain.webhooks import CODE_REVIEW, Action, Cancel, Ignore, NotAnEvent, Submit, decide
from quorate_gateway.tasks import Submission, Tasks

log = logging.getLogger("quorate.gateway")

RETRY_AFTER_S = 30
MAX_WORD = 128
OFF_LOOP_BYTES = 256 * 1024

NO_SECRET = (
    "webhooks are not taken here: set GITHUB_WEBHOOK_SECRET, or [github] webhook_secret_file, to the secret that the"
    " webhook has at GitHub"
)


@dataclass(frozen=True)
class Answer:
    """What the sender hears: a status of HTTP, and a JSON object that says what was decided."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Webhook:
    """Takes GitHub's webhooks. Without a secret it takes none."""

    def __init__(self, tasks: Tasks, rules: GitHubSettings, secret: str | None) -> None:
        self._tasks = tasks
        self._rules = rules
        self._secret = secret

    @property
    def is_open(self) -> bool:
        return self._secret is not None

    async def take(self, headers: Mapping[str, str], body: bytes, *, within_s: float) -> Answer:
        """Answer a request whose ``headers`` have lower-case names.

        What cannot be stored in ``within_s`` seconds is answered with 503, and GitHub keeps it to be sent again.
        """
        if self._secret is None:
            return Answer(404, {"error": NO_SECRET})
        large = len(body) > OFF_LOOP_BYTES
        check = (self._secret, body, headers.get("x-hub-signature-256"))
        if not (await asyncio.to_thread(is_signed, *check) if large else is_signed(*check)):
            return Answer(401, {"error": "X-Hub-Signature-256 is not the signature of this body with our secret"})
        try:
            read = (headers.get("content-type", ""), body)
            payload = await asyncio.to_thread(_payload, *read) if large else _payload(*read)
            event = headers.get("x-github-event", "")
            if event == "ping":
                return Answer(200, {"decided": "pong"})
            actions = decide(event, payload, self._rules)
        except ValueError as error:
            return Answer(400, {"error": str(error)[:1_000]})
        delivery = _word(headers.get("x-github-delivery", ""))
        if not self._tasks.can_be_stored:
            return _later("there is no connection to the broker")
        try:
            async with asyncio.timeout(within_s):
                return Answer(202, await self._follow(actions, delivery))
        except TooLarge as error:
            return Answer(413, {"error": str(error)})
        except (Retryable, ApiError, TimeoutError) as error:
            reason = str(error) or f"the broker took longer than {within_s:g} s"
            log.warning("%s: %s", delivery, reason, extra={"action": "gateway.unavailable"})
            return _later(reason)

    async def _follow(self, actions: tuple[Action, ...], delivery: str) -> dict[str, Any]:
        """Do what was decided, submissions first: to have canceled twice does no harm."""
        said: dict[str, Any] = {"decided": "ignored"}
        made: Submission | None = None
        for action in actions:
            match action:
                case Ignore(reason):
                    said = {"decided": "ignored", "reason": reason}
                case Submit():
                    if action.automatic and await self._tasks.is_paused(_series(action)):
                        said = {"decided": "ignored", "reason": "paused: `/quorate resume` ends it"}
                        continue
                    made = await self._tasks.submit(action, delivery)
                    decided = "submitted" if made.attempt.standing == "new" else "known"
                    said = {"decided": decided, "kind": action.kind, "task": made.task}
                    log.info("%s: %s %s", action.key, decided, made.task, extra={"action": "gateway.submit"})
                case Cancel():
                    if made is not None and made.attempt.standing == "same":
                        continue
                    said |= await self._cancel(action, made.task if made else None)
        return said

    async def _cancel(self, cancel: Cancel, spare: str | None) -> dict[str, Any]:
        task = await self._tasks.cancel(CODE_REVIEW, cancel, spare=spare)
        if task is not None:
            log.info("%s: canceled %s, %s", cancel.key, task, cancel.reason, extra={"action": "gateway.cancel"})
            return {"canceled": task, "because": cancel.reason}
        return {} if spare is not None else {"reason": f"{cancel.reason}, and no review of it is underway"}


def _later(reason: str) -> Answer:
    return Answer(503, {"error": f"{reason}; send it again"}, {"Retry-After": str(RETRY_AFTER_S)})


def _series(submit: Submit) -> str:
    return series_of(PullRequest.model_validate(submit.input["pull_request"]))


def _payload(content_type: str, body: bytes) -> Mapping[str, Any]:
    """The JSON object of a webhook, which GitHub sends as it is or as a field of a form. Raises NotAnEvent."""
    sort = content_type.partition(";")[0].strip().lower()
    text: bytes | str = body
    if sort == "application/x-www-form-urlencoded":
        fields = parse_qs(body.decode("ascii", "replace"), max_num_fields=8)
        if "payload" not in fields:
            raise NotAnEvent("the form has no field `payload`")
        text = fields["payload"][0]
    elif sort != "application/json":
        raise NotAnEvent(f"the content type is {sort[:80]!r}: set the webhook's to application/json")
    try:
        # This parser stops at a depth of its own, where the standard library's would exhaust the stack.
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise NotAnEvent(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotAnEvent(f"not a JSON object but {type(value).__name__}")
    return value


def _word(text: str) -> str:
    """A header that becomes a label: one short word, or nothing."""
    return text if text.isascii() and text.isprintable() and len(text) <= MAX_WORD else ""
