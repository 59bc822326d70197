"""The result's body, for programs."""

from quorate.contract.result import Result


def render(result: Result, indent: int | None) -> str:
    """The same JSON value as on the results topic, on one line, or indented by ``indent`` spaces.

    Characters that do not print are written as JSON escapes: it may well be read on a terminal.
    """
    text = result.model_dump_json(indent=indent)
    # They occur only within strings, where an escape means the same; the line ends of the indentation stay.
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char.isprintable() or char == "\n":
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
