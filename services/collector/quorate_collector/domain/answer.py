"""What a person's command came to, in words for them."""

from collections.abc import Mapping
from typing import Any

from quorate.contract.base import Part
from quorate.contract.result import Result
from quorate.contract.task import ReviewCommandInput
from quorate.render.markdown import prose
from quorate_collector.domain.notes import Notes

MAX_LINES = 60
MAX_LINE = 1_000


class Answer(Part):
    """What the agent that checked the command says of it. ``finding`` is the issue that is meant."""

    is_allowed: bool = False
    finding: str | None = None


def answer_of(result: Result, answers: Mapping[str, Any]) -> Answer:
    """The agent's answer; a command that nobody allowed is not allowed."""
    if result.state == "completed":
        for answer in answers.values():
            if isinstance(answer, dict) and "command" in answer:
                finding = answer.get("finding")
                return Answer(
                    is_allowed=answer.get("allowed") is True, finding=finding if isinstance(finding, str) else None
                )
    return Answer()


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


def issue_meant(command: ReviewCommandInput, answer: Answer, notes: Notes) -> str | None:
    """The issue that a command names, by its id or by the beginning of one that no other begins with."""
    named = answer.finding or command.finding
    if not named or named in notes.told:
        return named or None
    alike = [issue for issue in notes.told if issue.startswith(named)]
    return alike[0] if len(alike) == 1 else None
