"""What the streams hold when a chaos run is over. Read with nats-py alone: the audit trusts no code that it judges."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import nats
from nats.aio.client import Client as NatsClient
from nats.js.api import AckPolicy, ConsumerConfig

from quorate.contract import subjects

BATCH = 500
PATIENCE_S = 10.0


class Kept(NamedTuple):
    """A stored message; ``at_ns`` is the broker's time of it in nanoseconds since the epoch."""

    subject: str
    sequence: int
    at_ns: int
    data: bytes
    headers: dict[str, str]


class Run(NamedTuple):
    """One run of an agent, as the agent itself wrote it down; ``ended`` is False for one that was cut short."""

    task: str
    agent: str
    step: str
    run: str
    pid: int
    ended: bool


@dataclass(frozen=True)
class Evidence:
    """``queues`` is what still lies in the streams that ought to be empty; ``lagging`` what consumers have not done."""

    facts: tuple[Kept, ...]
    results: tuple[Kept, ...]
    states: tuple[Kept, ...]
    dead: tuple[Kept, ...]
    queues: dict[str, int]
    lagging: dict[str, int]


QUEUES = (subjects.INTAKE, subjects.WORK, subjects.TIMERS)


async def collect(url: str) -> Evidence:
    """Read everything. Raises ``nats.errors.Error`` when the broker does not answer."""
    client = await nats.connect(url, name="chaos-audit")
    try:
        return Evidence(
            facts=await read_all(client, subjects.LOG, "quorate.log.>"),
            results=await read_all(client, subjects.RESULTS, "quorate.results.>"),
            states=await read_all(client, f"KV_{subjects.STATE}", f"$KV.{subjects.STATE}.>"),
            dead=await read_all(client, subjects.DEAD, "quorate.dead.>"),
            queues=await queues(client),
            lagging=await lagging(client),
        )
    finally:
        await client.close()


async def queues(client: NatsClient) -> dict[str, int]:
    """How many messages lie in each stream that is empty when all work is done."""
    return {name: (await api(client, f"STREAM.INFO.{name}"))["state"]["messages"] for name in QUEUES}


async def lagging(client: NatsClient, stream: str = subjects.LOG) -> dict[str, int]:
    """Messages that a durable consumer has not been given, or has not acked; consumers without any are left out."""
    found: dict[str, int] = {}
    offset = 0
    while True:
        page = await api(client, f"CONSUMER.LIST.{stream}", {"offset": offset})
        consumers = page.get("consumers") or []
        for info in consumers:
            behind = info["num_pending"] + info["num_ack_pending"]
            if behind and info["config"].get("durable_name"):
                found[info["name"]] = behind
        offset += len(consumers)
        if not consumers or offset >= page["total"]:
            return found


def read_runs(file: Path) -> tuple[Run, ...]:
    """The runs that agents wrote down. Raises ValueError for a line that is torn."""
    began: dict[str, Run] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        note = json.loads(line)
        began[note["run"]] = Run(
            note["task"], note["agent"], note["step"], note["run"], note["pid"], note["what"] != "began"
        )
    return tuple(began.values())


async def read_all(client: NatsClient, stream: str, subject: str) -> tuple[Kept, ...]:
    """Every message of a stream whose subject matches."""
    js = client.jetstream()
    subscription = await js.pull_subscribe(
        subject,
        stream=stream,
        config=ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True, num_replicas=1),
    )
    found: list[Kept] = []
    try:
        expected = (await subscription.consumer_info()).num_pending or 0
        while len(found) < expected:
            for message in await subscription.fetch(min(BATCH, expected - len(found)), timeout=PATIENCE_S):
                # $JS.ACK.<stream>.<consumer>.<attempt>.<sequence>.<consumer sequence>.<time>.<pending>
                tokens = message.reply.split(".")
                headers = {str(name): str(value) for name, value in (message.headers or {}).items()}
                found.append(Kept(message.subject, int(tokens[5]), int(tokens[7]), message.data, headers))
    finally:
        await subscription.unsubscribe()
    return tuple(found)


async def api(client: NatsClient, operation: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the broker. Raises ValueError with what it refuses, or ``nats.errors.Error``."""
    reply = await client.request(f"$JS.API.{operation}", json.dumps(body).encode() if body else b"", timeout=5)
    answer: dict[str, Any] = json.loads(reply.data)
    if "error" in answer:
        raise ValueError(f"{operation}: {answer['error']}")
    return answer


async def until_quiet(client: NatsClient, timeout_s: float) -> float:
    """Wait until queues are empty and reducers idle, for ``timeout_s`` at most; the seconds that it took."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    while loop.time() - begin < timeout_s:
        if not any((await queues(client)).values()) and not await lagging(client):
            break
        await asyncio.sleep(0.25)
    return loop.time() - begin
