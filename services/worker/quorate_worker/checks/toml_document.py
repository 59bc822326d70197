"""TOML from strangers: `tomllib` takes time with the square of a dotted key's parts."""

import re
import tomllib
from typing import Any

MAX_TEXT = 256_000
"""Characters; a manifest that people write has a few thousand."""

MAX_DOTS = 64
"""Dots between two signs that end a key or a value."""

_SIGN = re.compile(r"[=,\[\]{}\n]")


def parse_toml(text: str) -> dict[str, Any]:
    """The document. Raises ValueError for what is not TOML or takes too long to parse, RecursionError if too nested."""
    if len(text) > MAX_TEXT or any(piece.count(".") > MAX_DOTS for piece in _SIGN.split(text)):
        raise ValueError("too much to be parsed as TOML")
    return tomllib.loads(text)
