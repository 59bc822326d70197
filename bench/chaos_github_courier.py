"""Webhooks on their way: each is sent once to five times, to whichever gateway, until one takes it.

GitHub does not send again by itself what nobody took; an operator does (and an App's sweep, which a token does not
have). The courier stands for them.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx2

from bench.chaos_github_forge import Forge
from bench.chaos_github_plan import LATEST_S, Plan, copies_of

LOOK_S = 0.05
RETRY_S = 0.3
TIMEOUT_S = 10.0
PATIENCE_S = 90.0
AT_ONCE = 48


@dataclass
class Webhook:
    """An event and what came of it. ``at`` is when it was first sent, in seconds since the epoch. ``answers`` are
    (status, task that is named) of every time that a gateway took or refused it; ``retries`` counts the other times.
    ``what`` is the repository, the number of the pull request, and the commit or the comment that it is about."""

    guid: str
    event: str
    action: str
    what: str
    at: float
    copies: int
    answers: list[tuple[int, str | None]] = field(default_factory=list)
    retries: int = 0

    @property
    def taken(self) -> int:
        return sum(200 <= status < 300 for status, _ in self.answers)


class Courier:
    """``run`` it as a task; ``idle`` returns when everything that has happened so far was taken, or given up."""

    def __init__(self, forge: Forge, secret: str, gateways: tuple[str, ...], plan: Plan) -> None:
        self._forge = forge
        self._secret = secret
        self._gateways = gateways
        self._seed = plan.seed
        self._latest_s = min(LATEST_S, plan.duration_s / 2)
        self._chance = random.Random(f"{plan.seed}:gateways")
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._underway: set[asyncio.Task[None]] = set()
        self._http = httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._looking = asyncio.Lock()
        self.webhooks: list[Webhook] = []

    async def run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK_S)

    async def idle(self) -> None:
        await self._look()
        while self._underway:
            await asyncio.wait(set(self._underway))

    async def close(self) -> None:
        for sending in self._underway:
            sending.cancel()
        await self._http.aclose()

    async def _look(self) -> None:
        async with self._looking:
            for event in await self._forge.call("take", secret=self._secret):
                later = copies_of(self._seed, len(self.webhooks), self._latest_s)
                webhook = Webhook(
                    guid=event["guid"],
                    event=event["event"],
                    action=event["action"] or "",
                    what=_what(event["event"], json.loads(event["body"])),
                    at=time.time(),
                    copies=len(later),
                )
                self.webhooks.append(webhook)
                for after_s in later:
                    sending = asyncio.create_task(self._send(webhook, event, after_s))
                    self._underway.add(sending)
                    sending.add_done_callback(self._underway.discard)

    async def _send(self, webhook: Webhook, event: Mapping[str, Any], after_s: float) -> None:
        await asyncio.sleep(after_s)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            gateway = self._chance.choice(self._gateways)
            try:
                async with self._slots:
                    answer = await self._http.post(
                        f"{gateway}/github/webhook", content=event["body"].encode(), headers=event["headers"]
                    )
            except httpx2.HTTPError:
                status = 0
            else:
                status = answer.status_code
                if 0 < status < 500:
                    told = answer.json()
                    webhook.answers.append((status, told.get("task")))
                    return
            webhook.retries += 1
            await asyncio.sleep(RETRY_S)


def _what(event: str, body: Mapping[str, Any]) -> str:
    """``acme/shop#1@<commit>`` or ``acme/shop#1:comment-<id>``."""
    repo = body["repository"]["full_name"]
    if event == "pull_request":
        return f"{repo}#{body['pull_request']['number']}@{body['pull_request']['head']['sha']}"
    number = (body.get("issue") or body.get("pull_request") or {}).get("number")
    return f"{repo}#{number}:comment-{(body.get('comment') or {}).get('id')}"


def noted(webhooks: list[Webhook]) -> list[dict[str, Any]]:
    return [asdict(webhook) for webhook in webhooks]


def read(notes: list[dict[str, Any]]) -> tuple[Webhook, ...]:
    """What was noted, as it was."""
    return tuple(Webhook(**{**note, "answers": [(status, task) for status, task in note["answers"]]}) for note in notes)
