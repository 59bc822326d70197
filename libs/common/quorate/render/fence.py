"""Code as a block of Markdown that it cannot break out of."""

import re
from collections.abc import Iterable


def fenced(rows: Iterable[str], language: str = "") -> str:
    """The rows, which hold no line ends, in a fence that is longer than any run of backticks in them."""
    body = "".join(f"{row}\n" for row in rows)
    longest = max(map(len, re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}{fence}"


def width(text: str) -> int:
    """The length in UTF-16 units, the strictest reading of a limit in characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
