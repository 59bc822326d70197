"""Events of the webhook, made from what happened to a pull request."""

from quorate.testing.github_http import Json
from quorate.testing.github_json import (
    issue_comment_json,
    issue_json,
    pull_json,
    repository_json,
    review_comment_json,
    review_json,
    user_json,
)
from quorate.testing.github_state import IssueComment, Pull, Repository, Review, ReviewComment, State, User


def pull_event(state: State, repository: Repository, pull: Pull, action: str, by: User, **more: object) -> None:
    shown = {"number": pull.number, "pull_request": pull_json(state, repository, pull), **more}
    _happened(state, repository, "pull_request", action, shown, by)


def issue_comment_event(
    state: State, repository: Repository, pull: Pull, comment: IssueComment, action: str, by: User
) -> None:
    shown = {
        "issue": issue_json(state, repository, pull),
        "comment": issue_comment_json(state, repository, pull, comment),
    }
    _happened(state, repository, "issue_comment", action, shown, by)


def review_event(state: State, repository: Repository, pull: Pull, review: Review, action: str, by: User) -> None:
    shown = review_json(state, repository, pull, review)
    shown["state"] = shown["state"].lower()  # as GitHub writes it in events, and nowhere else
    body = {"review": shown, "pull_request": pull_json(state, repository, pull, whole=False)}
    _happened(state, repository, "pull_request_review", action, body, by)


def review_comment_event(
    state: State, repository: Repository, pull: Pull, comment: ReviewComment, action: str, by: User
) -> None:
    body = {
        "comment": review_comment_json(state, repository, pull, comment),
        "pull_request": pull_json(state, repository, pull, whole=False),
    }
    _happened(state, repository, "pull_request_review_comment", action, body, by)


def _happened(state: State, repository: Repository, name: str, action: str, payload: Json, by: User) -> None:
    installed = [
        installation.id
        for installation in state.installations.values()
        if installation.account is repository.owner and installation.reaches(repository.full_name)
    ]
    if not installed:
        return  # an App hears of the repositories only that it is installed in
    payload = {**payload, "repository": repository_json(state, repository), "sender": user_json(by)}
    state.hooks.happened(name, action, payload, installation=installed[0], repository=repository.id)
