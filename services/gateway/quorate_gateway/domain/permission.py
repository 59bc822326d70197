"""Who may have which command carried out."""

from collections.abc import Mapping
from typing import Any, Literal

from quorate.contract.task import ReviewCommandName

FOR_ANYBODY: tuple[ReviewCommandName, ...] = ("help", "explain")
WRITERS = ("admin", "maintain", "write")


def may_write(told: Any) -> bool:
    """Whether GitHub's answer about a collaborator says so. A role of an organisation's own stands beside what it comes
    to (``permission``); ``maintain`` is told as ``write`` there."""
    if not isinstance(told, Mapping):
        return False
    return told.get("permission") in WRITERS or told.get("role_name") in WRITERS


def refusal(
    command: ReviewCommandName,
    *,
    writer: bool,
    author: bool,
    fork: bool,
    forks: Literal["review", "ask", "ignore"],
) -> str | None:
    """Why someone may not have this command carried out, or None.

    Authors may have their own pull request reviewed, unless it comes from a fork and someone else is to be asked.
    """
    if command in FOR_ANYBODY:
        return None
    if command == "review" and fork and forks == "ignore":
        return "pull requests from forks are not reviewed here"
    if writer:
        return None
    if command != "review":
        return f"`{command}` is for those who may write to the repository"
    if author and (not fork or forks == "review"):
        return None
    if author:
        return "a pull request from a fork is reviewed when someone who may write to the repository asks for it"
    return "a review is for the author of the pull request, and those who may write to the repository, to ask for"
