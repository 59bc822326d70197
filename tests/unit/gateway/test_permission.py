"""Who may have which command carried out."""

from typing import Any, get_args

import pytest

from quorate.contract.task import ReviewCommandName
from quorate_gateway.domain.permission import may_write, refusal

COMMANDS: tuple[ReviewCommandName, ...] = get_args(ReviewCommandName)


@pytest.mark.parametrize(
    ("told", "may"),
    [
        ({"permission": "admin", "role_name": "admin"}, True),
        ({"permission": "write", "role_name": "maintain"}, True),
        ({"permission": "write", "role_name": "releasers"}, True),
        ({"permission": "read", "role_name": "triage"}, False),
        ({"permission": "none"}, False),
        ({}, False),
        ("admin", False),
        (None, False),
    ],
)
def test_those_may_write_of_whom_github_says_so(told: Any, may: bool) -> None:
    assert may_write(told) is may


@pytest.mark.parametrize("command", COMMANDS)
def test_who_may_write_may_everything_and_others_may_ask(command: ReviewCommandName) -> None:
    assert refusal(command, writer=True, author=False, fork=True, forks="ask") is None
    refused = refusal(command, writer=False, author=False, fork=False, forks="review")
    assert (refused is None) == (command in ("help", "explain"))


def test_authors_may_have_their_own_reviewed_but_not_dismiss_what_was_found() -> None:
    assert refusal("review", writer=False, author=True, fork=False, forks="ask") is None
    assert refusal("review", writer=False, author=True, fork=True, forks="review") is None
    assert refusal("review", writer=False, author=True, fork=True, forks="ask") is not None
    assert refusal("dismiss", writer=False, author=True, fork=False, forks="review") is not None


def test_where_forks_are_ignored_nobody_has_them_reviewed() -> None:
    assert refusal("review", writer=True, author=True, fork=True, forks="ignore") is not None
    assert refusal("dismiss", writer=True, author=True, fork=True, forks="ignore") is None
