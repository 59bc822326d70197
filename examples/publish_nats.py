"""Submits tasks with nothing but a NATS client: any language can do the same."""

import asyncio
import json
from pathlib import Path

import nats

# Written by `quorate up` in the folder in which it runs.
URL = json.loads(Path(".quorate/run.json").read_text())["nats_url"]


async def main() -> None:
    connection = await nats.connect(URL)
    stream = connection.jetstream()

    # Plain JSON. The publish returns when the event is stored.
    event = {"input": {"text": "as plain JSON"}, "idempotency_key": "plain-1", "labels": {"team": "blue"}}
    await stream.publish("quorate.submit.text-stats", json.dumps(event).encode())

    # A CloudEvent in binary mode: its attributes are headers.
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "quorate.task.submit.v1",
        "ce-source": "/poems",
        "ce-id": "7",
    }
    await stream.publish("quorate.submit.text-stats", b'{"input": {"text": "a binary event"}}', headers=headers)

    # The same in structured mode: everything is in the body.
    cloud_event = {
        "specversion": "1.0",
        "type": "quorate.task.submit.v1",
        "source": "/poems",
        "id": "8",
        "data": {"input": {"text": "a structured event"}},
    }
    await stream.publish("quorate.submit.text-stats", json.dumps(cloud_event).encode())
    await connection.close()


asyncio.run(main())
