"""Submits a task and waits for its result, with the client that comes with Quorate."""

import asyncio
import json
from pathlib import Path

from quorate import Client

# Written by `quorate up` in the folder in which it runs.
URL = json.loads(Path(".quorate/run.json").read_text())["nats_url"]


async def main() -> None:
    async with Client(URL) as client:
        task = await client.submit("text-stats", {"text": "to be or not to be"}, idempotency_key="hamlet-3-1")
        result = await client.result(task, timeout=30)
        print(result.state, result.answers)


asyncio.run(main())
