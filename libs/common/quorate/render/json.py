"""The result's body, for programs."""

import re

from quorate.contract.result import Result

_UNUSUAL = re.compile(r"[^ -~\n]")
"""What may be unprintable; to look at every character otherwise would take seconds for a large result."""


def render(result: Result, indent: int | None) -> str:
    """The same JSON value as on the results topic, on one line, or indented by ``indent`` spaces.

    Characters that do not print are written as JSON escapes: it may well be read on a terminal.
    """
    return printable(result.model_dump_json(indent=indent))


def printable(text: str) -> str:
    """JSON with the characters that do not print written as JSON escapes."""
    # They occur only within strings, where an escape means the same; the line ends of the indentation stay.
    return _UNUSUAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
