"""Text from anywhere as HTML that shows it as it is: no markup, no control characters, no change of direction."""

import re
from html import escape

from quorate.render.clean import MAX_LINE, lines, one_line

_QUOTED = re.compile(r"(?<!`)`([^`]+)`(?!`)")


def plain(text: str, limit: int = MAX_LINE) -> str:
    """The text on one line, for an element or an attribute in double quotes."""
    return escape(one_line(text, limit))


def code(text: str, limit: int = MAX_LINE) -> str:
    """The text on one line as code."""
    return f"<code>{plain(text, limit)}</code>"


def prose(text: str, limit: int = MAX_LINE) -> str:
    """The text on one line, except that what stands between single backticks becomes code."""
    parts = _QUOTED.split(one_line(text, limit))
    return "".join(f"<code>{escape(part)}</code>" if at % 2 else escape(part) for at, part in enumerate(parts))


def plain_line(row: str, columns: int) -> str:
    """A cleaned line of code, cut after so many characters."""
    return escape(row if len(row) <= columns else f"{row[:columns]}…")


def block(text: str, most: int, columns: int) -> list[str]:
    """Up to ``most`` lines of code, each cut after so many characters."""
    return [plain_line(row, columns) for row in lines(text, most)]


def link(address: str, shown: str) -> str:
    """A link to one of our own addresses; ``shown`` is HTML. What it leads to learns nothing of this page."""
    return f'<a href="{escape(address)}" rel="noreferrer noopener">{shown}</a>'
