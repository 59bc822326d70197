"""What a person's command came to, in words for them."""

from collections.abc import Mapping
from typing import Any

from quorate.contract.base import Part
from quorate.contract.result import Result
from quorate.render.markdown import prose

COLLECTOR = "collector"
MAX_LINES = 60
MAX_LINE = 1_000


class Answer(Part):
    """What became of a command: whether the person may give it, and what the collector did.

    ``applied`` says that it was carried out, ``issue`` whom it was about, and ``blockers`` how many confirmed issues
    are open still that ask for changes.
    """

    is_allowed: bool = False
    applied: bool = False
    issue: str | None = None
    blockers: int = 0


def answer_of(result: Result, answers: Mapping[str, Any]) -> Answer:
    """A command that nobody allowed is not allowed. What the collector did is its own word: no agent has its name."""
    if result.state != "completed":
        return Answer()
    checked = [each for name, each in answers.items() if name != COLLECTOR and isinstance(each, dict)]
    done = answers.get(COLLECTOR)
    return Answer.model_validate(
        {**(done if isinstance(done, dict) else {}), "is_allowed": any(each.get("allowed") is True for each in checked)}
    )


def answer_text(result: Result) -> str:
    """The summary line by line, each escaped; empty where there is nothing to say.

    As a quotation: a line of it can then be no command itself.
    """
    rows = result.summary.strip().split("\n")
    if result.state != "completed":
        rows = [f"This could not be done: {result.reason or result.state}"]
    shown = [f"> {prose(row, MAX_LINE)}".rstrip() for row in rows[:MAX_LINES]]
    more = ["> and more"] if len(rows) > MAX_LINES else []
    return "\n".join([*shown, *more]) if any(row.strip() for row in rows) else ""
