"""The least that four hops over work queues cost: state in memory, no log, no compare-and-set, nothing to resume."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from bench.noop import KINDS, NAMES
from bench.raw import AGENT_LOOPS, INTAKE_LOOPS, consume
from bench.sizes import Sizes, fill


class FloorRouter:
    """Hands out the work."""

    def __init__(self, _: Client, js: JetStreamContext, sizes: dict[str, Sizes]) -> None:
        self._js = js
        self._sizes = sizes

    def loops(self) -> list[Awaitable[None]]:
        return [consume(self._js, "FLOOR_INTAKE", "router", self.dispatch) for _ in range(INTAKE_LOOPS)]

    async def dispatch(self, message: Msg) -> None:
        kind = message.subject.rpartition(".")[2]
        task = "t" + (message.headers or {})["Nats-Msg-Id"]
        given = json.loads(message.data)["input"]
        await asyncio.gather(
            *(
                self._js.publish(
                    f"floor.work.{agent}",
                    fill({"task": task, "kind": kind, "agent": agent, "input": given}, size),
                    timeout=5,
                )
                for agent, size in zip(NAMES[: KINDS[kind]], self._sizes[kind]["work"], strict=True)
            )
        )


class FloorWorker:
    """Answers."""

    def __init__(self, _: Client, js: JetStreamContext, sizes: dict[str, Sizes]) -> None:
        self._js = js
        self._sizes = sizes

    def loops(self) -> list[Awaitable[None]]:
        return [
            consume(self._js, "FLOOR_WORK", f"agent-{agent}", self.work) for agent in NAMES for _ in range(AGENT_LOOPS)
        ]

    async def work(self, message: Msg) -> None:
        assignment = json.loads(message.data)
        answer = {**assignment, "answer": bool(assignment.pop("input"))}
        answer.pop("input")
        size = self._sizes[assignment["kind"]]["contribution"][0]
        await self._js.publish(f"floor.done.{assignment['agent']}", fill(answer, size), timeout=5)


class FloorCollector:
    """Counts the answers and publishes the result."""

    def __init__(self, _: Client, js: JetStreamContext, sizes: dict[str, Sizes]) -> None:
        self._js = js
        self._sizes = sizes
        self._answers: dict[str, dict[str, Any]] = defaultdict(dict)

    def loops(self) -> list[Awaitable[None]]:
        return [consume(self._js, "FLOOR_DONE", "router", self.join) for _ in range(INTAKE_LOOPS)]

    async def join(self, message: Msg) -> None:
        contribution = json.loads(message.data)
        task, kind = contribution["task"], contribution["kind"]
        answers = self._answers[task]
        answers[contribution["agent"]] = contribution["answer"]
        if len(answers) < KINDS[kind]:
            return
        del self._answers[task]
        result = {"task_id": task, "kind": kind, "state": "completed", "answers": answers}
        size = self._sizes[kind]["results"][0]
        await self._js.publish(f"floor.results.{kind}.{task}", fill(result, size), timeout=5)
