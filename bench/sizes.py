"""How large our messages are: seen on the wire for one task of each kind, for the other paths to write as much."""

import asyncio
import json
from collections import defaultdict
from pathlib import Path

from nats.aio.msg import Msg

Sizes = dict[str, list[int]]
"""Bytes of the bodies of one task by what they are, in the order in which they came."""

LISTENED = ("quorate.>", "$KV.QUORATE_STATE.>")


class Scale:
    """Subscribe :meth:`weigh` to every subject in ``LISTENED``, run one task, and take its ``sizes``."""

    def __init__(self) -> None:
        self.sizes: Sizes = defaultdict(list)
        self.complete = asyncio.Event()
        """Set when the log's last entry and the result have been seen; either may come first."""

    async def weigh(self, message: Msg) -> None:
        self.sizes[_name(message.subject.split("."))].append(len(message.data))
        if "concluded" in self.sizes and "results" in self.sizes:
            self.complete.set()


def _name(tokens: list[str]) -> str:
    """The type of a fact, the reducer of a state, and the first word of any other subject."""
    if tokens[0] == "$KV":
        return tokens[2]
    return tokens[3] if tokens[1] == "log" else tokens[1]


def save(path: Path, by_kind: dict[str, Sizes]) -> None:
    path.write_text(json.dumps(by_kind))


def load(path: Path) -> dict[str, Sizes]:
    found: dict[str, Sizes] = json.loads(path.read_text())
    return found


def fill(value: object, size: int) -> bytes:
    """``value`` as JSON of ``size`` bytes. Raises ValueError when it does not fit."""
    body = json.dumps(value, separators=(",", ":")).encode()
    if len(body) > size:
        raise ValueError(f"{len(body)} bytes do not fit into {size}: {body[:200]!r}")
    return body.ljust(size)
