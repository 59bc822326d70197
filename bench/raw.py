"""The same task by hand: plain nats-py, the same durable writes in the same order, and nothing else.

Streams and consumers have our settings under other names. Bodies are as large as ours; what is not needed is blank.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext

from bench.mirror import PARTITIONS
from bench.noop import KINDS, NAMES
from bench.sizes import Sizes, fill

PULL_S = 30.0
DEADLINE = timedelta(seconds=600)
INTAKE_LOOPS = 16
AGENT_LOOPS = 4
"""As many as a worker of ours works on at a time for one agent."""

ONCE = ("submit", "submitted", "planned", "assigned", "timers", "outcome", "concluded", "results")


def writes(agents: int) -> dict[str, int]:
    """How many messages this path writes for a task, by what they are."""
    return {**dict.fromkeys(ONCE, 1), "work": agents, "contribution": agents, "router": 2, "collector": 1 + agents}


Handle = Callable[[Msg], Awaitable[None]]


async def consume(js: JetStreamContext, stream: str, durable: str, handle: Handle) -> None:
    """Fetch one message, handle it, ack it; forever."""
    subscription = await js.pull_subscribe_bind(durable=durable, stream=stream)
    while True:
        try:
            [message] = await subscription.fetch(1, timeout=PULL_S)
        except NatsTimeoutError:
            continue
        await handle(message)
        await message.ack()


class RawRouter:
    """Admits tasks, hands out the work, and publishes the result."""

    def __init__(self, nc: Client, js: JetStreamContext, sizes: dict[str, Sizes]) -> None:
        self._nc = nc
        self._js = js
        self._sizes = sizes
        self._tasks: dict[str, tuple[str, int]] = {}
        self._purges: set[asyncio.Task[Msg]] = set()

    def loops(self) -> list[Awaitable[None]]:
        intakes = [consume(self._js, "RAWNATS_INTAKE", "router", self.admit) for _ in range(INTAKE_LOOPS)]
        partitions = [
            consume(self._js, "RAWNATS_LOG", f"router-{partition}", self.advance) for partition in range(PARTITIONS)
        ]
        return [*intakes, *partitions]

    async def admit(self, message: Msg) -> None:
        kind = message.subject.rpartition(".")[2]
        task = "t" + (message.headers or {})["Nats-Msg-Id"]
        event = json.loads(message.data)
        submitted = {"kind": kind, "input": event["input"], "agents": NAMES[: KINDS[kind]]}
        await self._put(f"rawnats.log.{task}.submitted.task", fill(submitted, self._sizes[kind]["submitted"][0]))

    async def advance(self, message: Msg) -> None:
        _, _, _, task, type, *_ = message.subject.split(".")
        fact = json.loads(message.data)
        if type == "submitted":
            await self._dispatch(task, fact["kind"], fact["agents"], message.metadata.sequence.stream)
        else:
            await self._conclude(task, fact, message.metadata.sequence.stream)

    async def _dispatch(self, task: str, kind: str, agents: list[str], sequence: int) -> None:
        sizes = self._sizes[kind]
        state = {"applied": sequence, "state": {"kind": kind, "agents": agents}}
        self._tasks[task] = kind, await commit(self._js, "router", task, 0, fill(state, sizes["router"][0]))
        at = datetime.now(UTC) + DEADLINE
        await asyncio.gather(
            self._put(
                f"rawnats.log.{task}.assigned.work",
                fill({"kind": kind, "step": "work", "agents": agents}, sizes["assigned"][0]),
            ),
            self._put(
                f"rawnats.log.{task}.planned.plan",
                fill({"kind": kind, "agents": agents}, sizes["planned"][0]),
            ),
        )
        await asyncio.gather(
            self._js.publish(
                f"rawnats.timers.waiting.{task}.work",
                fill({"name": "work"}, sizes["timers"][0]),
                timeout=5,
                headers={
                    "Nats-Schedule": f"@at {at.isoformat(timespec='milliseconds')}",
                    "Nats-Schedule-Target": f"rawnats.timers.fired.{task}.work",
                    "Nats-Msg-Id": f"{task}-timer".zfill(40),
                },
            ),
            *(
                self._js.publish(
                    f"rawnats.work.{agent}",
                    fill({"task": task, "kind": kind, "agent": agent}, size),
                    timeout=5,
                    headers={"Nats-Msg-Id": f"{task}-{agent}".zfill(40)},
                )
                for agent, size in zip(agents, sizes["work"], strict=True)
            ),
        )

    async def _conclude(self, task: str, outcome: dict[str, Any], sequence: int) -> None:
        kind, revision = self._tasks.pop(task)
        sizes = self._sizes[kind]
        state = {"applied": sequence, "state": {"kind": kind, "final": "completed"}}
        await commit(self._js, "router", task, revision, fill(state, sizes["router"][1]))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        result = {"task_id": task, "kind": kind, "state": "completed", "answers": outcome["answers"]}
        await asyncio.gather(
            self._js.publish(
                f"rawnats.results.{kind}.{task}",
                fill(result, sizes["results"][0]),
                timeout=5,
                headers={
                    "Content-Type": "application/json",
                    "ce-specversion": "1.0",
                    "ce-type": "quorate.task.result.v1",
                    "ce-source": "rawnats",
                    "ce-id": task,
                    "ce-time": now.replace("+00:00", "Z"),
                    "Nats-Expected-Last-Subject-Sequence": "0",
                },
            ),
            self._put(
                f"rawnats.log.{task}.concluded.task",
                fill({"kind": kind, "state": "completed"}, sizes["concluded"][0]),
            ),
        )
        purge = asyncio.create_task(
            self._nc.request(
                "$JS.API.STREAM.PURGE.RAWNATS_TIMERS",
                json.dumps({"filter": f"rawnats.timers.waiting.{task}.*"}).encode(),
                timeout=5,
            )
        )
        self._purges.add(purge)
        purge.add_done_callback(self._purges.discard)

    async def _put(self, subject: str, body: bytes) -> None:
        await put_once(self._js, subject, body)


class RawWorker:
    """Checks that the work is still wanted, reads the input, and answers."""

    def __init__(self, nc: Client, js: JetStreamContext, sizes: dict[str, Sizes]) -> None:
        self._nc = nc
        self._js = js
        self._sizes = sizes
        self._inputs: dict[str, asyncio.Task[dict[str, Any]]] = {}

    def loops(self) -> list[Awaitable[None]]:
        return [
            consume(self._js, "RAWNATS_WORK", f"agent-{agent}", self.work)
            for agent in NAMES
            for _ in range(AGENT_LOOPS)
        ]

    async def work(self, message: Msg) -> None:
        assignment = json.loads(message.data)
        task, kind, agent = assignment["task"], assignment["kind"], assignment["agent"]
        sizes = self._sizes[kind]
        wanted = {
            "multi_last": [f"rawnats.log.*.{task}.contribution.{agent}.work", f"rawnats.log.*.{task}.concluded.>"]
        }
        if (await self._get(wanted)).headers.get("Status") != "404":
            return
        given = await self._input(task)
        await put_once(
            self._js,
            f"rawnats.log.{task}.contribution.{agent}.work",
            fill({"answer": bool(given), "kind": kind}, sizes["contribution"][0]),
        )

    async def _input(self, task: str) -> dict[str, Any]:
        """Read once for all agents of a task."""
        if task not in self._inputs:
            self._inputs[task] = asyncio.create_task(self._read(task))
            if len(self._inputs) > 64:
                del self._inputs[next(iter(self._inputs))]
        return await self._inputs[task]

    async def _read(self, task: str) -> dict[str, Any]:
        stored = await self._get({"last_by_subj": f"rawnats.log.*.{task}.submitted.task"})
        given: dict[str, Any] = json.loads(stored.data)["input"]
        return given

    async def _get(self, query: dict[str, Any]) -> Any:
        return await self._nc.request("$JS.API.DIRECT.GET.RAWNATS_LOG", json.dumps(query).encode(), timeout=5)


class RawCollector:
    """Waits for all agents of a step and writes the outcome."""

    def __init__(self, _: Client, js: JetStreamContext, sizes: dict[str, Sizes]) -> None:
        self._js = js
        self._sizes = sizes
        self._joins: dict[str, tuple[dict[str, Any], int]] = {}

    def loops(self) -> list[Awaitable[None]]:
        return [
            consume(self._js, "RAWNATS_LOG", f"collector-{partition}", self.advance) for partition in range(PARTITIONS)
        ]

    async def advance(self, message: Msg) -> None:
        _, _, _, task, type, key, *_ = message.subject.split(".")
        fact = json.loads(message.data)
        if type == "assigned":
            join, revision = {"kind": fact["kind"], "agents": fact["agents"], "answers": {}}, 0
        else:
            join, revision = self._joins[task]
            join["answers"][key] = fact["answer"]
        sizes = self._sizes[join["kind"]]
        size = sizes["collector"][len(join["answers"])]
        state = {"applied": message.metadata.sequence.stream, "open": join["agents"], "answered": list(join["answers"])}
        self._joins[task] = join, await commit(self._js, "collector", task, revision, fill(state, size))
        if len(join["answers"]) == len(join["agents"]):
            del self._joins[task]
            outcome = {"state": "completed", "answers": join["answers"]}
            await put_once(self._js, f"rawnats.log.{task}.outcome.work", fill(outcome, sizes["outcome"][0]))


async def put_once(js: JetStreamContext, subject: str, body: bytes) -> None:
    await js.publish(subject, body, timeout=5, headers={"Nats-Expected-Last-Subject-Sequence": "0"})


async def commit(js: JetStreamContext, reducer: str, task: str, revision: int, body: bytes) -> int:
    """Compare-and-set a task's state; the new revision."""
    headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
    return (await js.publish(f"$KV.RAWNATS_STATE.{reducer}.{task}", body, timeout=5, headers=headers)).seq
