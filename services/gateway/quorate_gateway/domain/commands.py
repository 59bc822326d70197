"""What people write below a pull request: ``/quorate <command> [finding] [words]``."""

import re
from typing import NamedTuple, get_args

from quorate.contract.task import ReviewCommandName

NAMES: tuple[ReviewCommandName, ...] = get_args(ReviewCommandName)
MAX_LINES = 2_000
MAX_ARGUMENT = 2_000

# Nothing else ends a line where comments are shown, so that a quote goes on beyond it.
_LINE_END = re.compile(r"\r\n|\r|\n")
# Four blanks would make it code.
_COMMAND = re.compile(r"^ {0,3}/quorate(?:[ \t]+(\S+)(?:[ \t]+(.*))?)?[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
# A word such as "facade" is no id: nearly all of these have a digit.
_FINDING = re.compile(r"^(?=[0-9a-f]*[0-9])[0-9a-f]{6,64}(?:-[0-9]{1,4})?$")
_TAKES_A_FINDING = ("explain", "dismiss", "undismiss")


class Command(NamedTuple):
    """A command, the id of the finding that it is about where one was given, and the rest of the line."""

    name: ReviewCommandName
    finding: str | None = None
    argument: str = ""


def command_in(text: str) -> Command | None:
    """The first command of a comment, or None.

    It stands at the beginning of a line; in code, in quotes and in what is not shown, there are no commands. What is
    not known is a question for help, with what was written as the argument, so that its author hears back.
    """
    fence, hidden = "", False
    for line in _LINE_END.split(text, MAX_LINES)[:MAX_LINES]:
        if hidden:
            hidden = "-->" not in line
            continue
        marks = _FENCE.match(line)
        if fence:
            if marks and marks[1].startswith(fence) and not marks[2].strip():
                fence = ""
            continue
        if marks and not (marks[1][0] == "`" and "`" in marks[2]):
            fence = marks[1]
            continue
        if found := _COMMAND.match(line):
            return _command(found[1] or "help", (found[2] or "").strip())
        hidden = "<!--" in line and "-->" not in line.rpartition("<!--")[2]
    return None


def _command(word: str, rest: str) -> Command:
    name = next((name for name in NAMES if name == word.lower()), None)
    if name is None:
        return Command("help", argument=f"{word} {rest}".strip()[:MAX_ARGUMENT])
    first, _, words = rest.partition(" ")
    if name in _TAKES_A_FINDING and _FINDING.match(first.lower()):
        return Command(name, first.lower(), words.strip()[:MAX_ARGUMENT])
    return Command(name, argument=rest[:MAX_ARGUMENT])
