"""A program of its own, run by the agent `complexity`: measures functions with the library lizard.

Input: JSON, `{"texts": [[suffix, text], ...]}`. Output: JSON, a list with an entry for each text: `{"functions":
[[name, first line, last line, complexity, lines of code, parameters], ...]}` or `{"unread": reason}`. Nothing of
Quorate is imported: that would take longer than the measuring.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

from lizard_core.file_analyzer import (  # type: ignore[import-untyped]
    FileAnalyzer,
    condition_counter,
    line_counter,
    preprocessing,
    token_counter,
)

OWN = frozenset({"self", "cls", "this"})
"""Parameters that nobody passes."""


def without_comments(tokens: Iterable[str], reader: Any) -> Iterator[str]:
    """In the place of the library's own, which obeys comments that forgive a function or end a file."""
    for token in tokens:
        comment = reader.get_comment_from_token(token)
        if comment is None:
            yield token
        else:
            yield from ("\n" for _ in comment.splitlines()[1:])


def measure(suffix: str, text: str) -> dict[str, object]:
    """The functions of one text; lines are from 1 and end at `\\n`."""
    processors = [preprocessing, without_comments, line_counter, token_counter, condition_counter]
    said = StringIO()
    try:
        with redirect_stderr(said):
            found = FileAnalyzer(processors).analyze_source_code(f"file{suffix}", text)
    except Exception as error:  # one file that it stumbles over must not hide what is in the others
        return {"unread": f"lizard could not read it: {type(error).__name__}"}
    if said.getvalue():
        return {"unread": "lizard could not read it: it is nested too deeply"}
    return {
        "functions": [
            [
                function.name[:200],
                function.start_line,
                function.end_line,
                function.cyclomatic_complexity,
                function.nloc,
                sum(name not in OWN for name in function.parameters),
            ]
            for function in found.function_list
        ]
    }


if __name__ == "__main__":
    json.dump([measure(suffix, text) for suffix, text in json.load(sys.stdin)["texts"]], sys.stdout)
