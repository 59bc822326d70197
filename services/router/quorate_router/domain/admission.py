"""Admission: whether an event can be a task, before anything is planned."""

from typing import Any

from pydantic import ValidationError

from quorate.contract.ids import KIND
from quorate.contract.intake import explain
from quorate.diff import NotADiff, UnsafePath
from quorate.review import Review

CODE_REVIEW = "code-review"


def check_kind(kind: str) -> str | None:
    """Why a kind cannot be one, or None."""
    if KIND.match(kind):
        return None
    return f"unknown kind {kind[:80]!r}: a kind is lower-case letters, digits, '-' and '_', 63 at most"


def check_input(kind: str, value: dict[str, Any]) -> str | None:
    """Why an input cannot be worked on, or None. What other kinds take is for their agents to say."""
    if kind != CODE_REVIEW:
        return None
    try:
        review = Review(value)
    except ValidationError as error:
        return f"the input is wrong: {explain(error)}"
    except (NotADiff, UnsafePath) as error:
        return str(error)
    return None if review.changes else "the diff changes nothing"


def unknown_kind(kind: str, known: tuple[str, ...]) -> str | None:
    """The refusal of a kind that nobody serves; a code review is known, and fails if nobody is there for it."""
    if kind == CODE_REVIEW:
        return None
    kinds = ", ".join(known) or "none"
    return f"unknown kind {kind!r}: no agent serves it (kinds that are served: {kinds}); start a worker that does"
