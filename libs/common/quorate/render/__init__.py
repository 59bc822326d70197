"""Results as people and programs read them."""

from collections.abc import Mapping
from typing import Literal, assert_never, get_args

from quorate.contract.result import Result

Format = Literal["text", "json", "markdown", "sarif", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(
    result: Result,
    format: Format,
    *,
    files: Mapping[str, str] | None = None,
    color: bool = False,
    width: int = 80,
    encoding: str = "utf-8",
    indent: int | None = None,
) -> str:
    """The result in one of the formats, ending in a line end.

    ``files`` maps paths to their new contents: text and HTML take excerpts from it, HTML and Markdown what a fix
    replaces, SARIF fingerprints. For text: ``color``, ``width`` (columns) and ``encoding`` describe the terminal
    (``Terminal.of`` finds them out). For JSON and SARIF: ``indent``, in spaces, or None for one line.
    """
    # Each format is imported when it is asked for: a review has 0.7 s in all.
    match format:
        case "text":
            from quorate.render import text
            from quorate.render.terminal import Terminal

            body = text.render(result, files or {}, Terminal(color=color, width=width, encoding=encoding))
        case "json":
            from quorate.render import json

            body = json.render(result, indent)
        case "markdown":
            from quorate.render import markdown

            body = markdown.render(result, files or {})
        case "sarif":
            from quorate.render import sarif

            body = sarif.render(result, files or {}, indent)
        case "html":
            from quorate.render import html

            body = html.render(result, files or {})
        case _:
            assert_never(format)
    return body.rstrip("\n") + "\n"
