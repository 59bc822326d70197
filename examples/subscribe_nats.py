"""Reads results with nothing but a NATS client, and goes on where it stopped the last time."""

import asyncio
import json
from pathlib import Path

import nats

# Written by `quorate up` in the folder in which it runs.
URL = json.loads(Path(".quorate/run.json").read_text())["nats_url"]


async def main() -> None:
    connection = await nats.connect(URL)
    # A durable consumer: the broker remembers under this name what has been acked.
    results = await connection.jetstream().pull_subscribe(
        "quorate.results.text-stats.*", durable="my-archive", stream="QUORATE_RESULTS"
    )
    try:
        while True:
            for message in await results.fetch(10, timeout=0.5):
                result = json.loads(message.data)
                print(result["state"], result["idempotency_key"], result["answers"])
                await message.ack()
    except TimeoutError:
        print("nothing new")
    await connection.close()


asyncio.run(main())
