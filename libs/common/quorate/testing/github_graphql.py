"""The GraphQL endpoint: threads of a pull request, resolving them, and minimizing comments. See ``SUPPORTED``."""

from collections.abc import Mapping
from typing import Any

from quorate.testing.github_http import Answer, Call, Endpoints, Json, Problem
from quorate.testing.github_json import node
from quorate.testing.github_query import Operation, QueryError, Selection, connection, cut, parse
from quorate.testing.github_reviews import visible
from quorate.testing.github_state import IssueComment, Pull, Repository, Review, ReviewComment, Thread, User, instant

endpoints = Endpoints()
SUPPORTED = (
    "Supported are the queries viewer, rateLimit, repository { pullRequest { reviewThreads, reviews, comments } } and "
    "node of a thread, comment or review; and the mutations resolveReviewThread, unresolveReviewThread, "
    "minimizeComment and unminimizeComment."
)
CLASSIFIERS = ("SPAM", "ABUSE", "OFF_TOPIC", "OUTDATED", "DUPLICATE", "RESOLVED", "LOW_QUALITY")
Minimizable = ReviewComment | IssueComment | Review


class Failed(Exception):
    """One field failed: GitHub answers 200 with null and this error."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type


@endpoints.on("POST", "/graphql")
def graphql(call: Call) -> Answer:
    if call.identity.kind in ("nobody", "app"):
        raise Problem(401, "This endpoint requires you to be authenticated.")
    query, variables = call.text("query", required=True), call.body.get("variables") or {}
    if not isinstance(variables, dict):
        raise Problem(400, "variables is not an object")
    try:
        operation = parse(query, variables)
        fields = {s.name for s in operation.fields if s.on is None}
        known = _MUTATIONS if operation.kind == "mutation" else _QUERIES
        for name in sorted(fields - known.keys() - {"__typename"}):
            kind = operation.kind.capitalize()
            raise QueryError(
                f"Field '{name}' doesn't exist on type '{kind}', or this double does not know it. {SUPPORTED}"
            )
        return Answer(200, _run(call, operation, known))
    except QueryError as error:
        return Answer(200, {"errors": [{"message": str(error)}]})


def _run(call: Call, operation: Operation, known: Mapping[str, Any]) -> Json:
    data: Json = {}
    errors = []
    for selection in operation.fields:
        if selection.name == "__typename":
            data[selection.alias] = operation.kind.capitalize()
            continue
        try:
            made = known[selection.name](call, selection)
            data[selection.alias] = cut(made, selection.fields, SUPPORTED)
        except Failed as failed:
            data[selection.alias] = None
            errors.append({"type": failed.type, "path": [selection.alias], "message": str(failed)})
    return {"data": data, **({"errors": errors} if errors else {})}


def _viewer(call: Call, _: Selection) -> Json:
    return _actor(call.identity.account)


def _rate_limit(call: Call, _: Selection) -> Json:
    rates = call.state.access.rates(call.identity)
    shown = {"__typename": "RateLimit", "cost": 1, "limit": rates["limit"], "remaining": rates["remaining"]}
    return shown | {"used": rates["used"], "resetAt": instant(rates["reset"])}


def _repository(call: Call, selection: Selection) -> Json:
    name = f"{selection.arguments.get('owner')}/{selection.arguments.get('name')}"
    found = call.state.repositories.get(name.lower())
    if found is None or not call.state.access.sees(call.identity, found):
        raise Failed("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")

    def pull(arguments: Mapping[str, Any]) -> Json:
        chosen = found.pulls.get(arguments.get("number", 0))
        if chosen is None:
            number = arguments.get("number")
            raise Failed("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
        if not call.state.access.allows(call.identity, found, ("pull_requests",), "read", "read"):
            raise Failed("FORBIDDEN", "Resource not accessible by integration")
        return _pull(call, found, chosen)

    return {"__typename": "Repository", "nameWithOwner": found.full_name, "name": found.name, "pullRequest": pull}


def _pull(call: Call, repository: Repository, pull: Pull) -> Json:
    user = call.identity.user
    threads = [thread for thread in pull.threads if visible(thread.comments[0].review, user)]
    reviews = [review for review in pull.reviews if visible(review, user)]
    state = "MERGED" if pull.merged else pull.state.upper()
    return {
        "__typename": "PullRequest",
        "id": node("PR", pull.id),
        "number": pull.number,
        "title": pull.title,
        "state": state,
        "isDraft": pull.draft,
        "headRefOid": pull.head,
        "baseRefOid": pull.base,
        "author": _actor(pull.author),
        "reviewThreads": lambda arguments: connection(threads, arguments, lambda t: _thread(call, repository, pull, t)),
        "reviews": lambda arguments: connection(reviews, arguments, _written),
        "comments": lambda arguments: connection(pull.comments, arguments, _written),
    }


def _thread(call: Call, repository: Repository, pull: Pull, thread: Thread) -> Json:
    root = thread.comments[0]
    comments = [comment for comment in thread.comments if visible(comment.review, call.identity.user)]
    may = _may_resolve(call, repository, pull)
    return {
        "__typename": "PullRequestReviewThread",
        "id": thread.id,
        "isResolved": thread.resolved_by is not None,
        "resolvedBy": _actor(thread.resolved_by) if thread.resolved_by else None,
        "isOutdated": root.line is None,
        "isCollapsed": thread.resolved_by is not None or root.line is None,
        "viewerCanResolve": may and thread.resolved_by is None,
        "viewerCanUnresolve": may and thread.resolved_by is not None,
        "path": root.path,
        "diffSide": root.side,
        "line": root.line,
        "startLine": root.start_line,
        "originalLine": root.original_line,
        "originalStartLine": root.original_start_line,
        "subjectType": "LINE",
        "comments": lambda arguments: connection(comments, arguments, _written),
    }


def _written(item: Minimizable) -> Json:
    """A comment or a review."""
    kind, prefix = {
        ReviewComment: ("PullRequestReviewComment", "PRRC"),
        IssueComment: ("IssueComment", "IC"),
        Review: ("PullRequestReview", "PRR"),
    }[type(item)]
    shown: Json = {
        "__typename": kind,
        "id": node(prefix, item.id),
        "databaseId": item.id,
        "fullDatabaseId": str(item.id),
        "body": item.body,
        "author": _actor(item.user),
        "isMinimized": item.minimized is not None,
        # In lower case with hyphens, unlike the classifier that it was given.
        "minimizedReason": item.minimized.lower().replace("_", "-") if item.minimized else None,
    }
    if isinstance(item, Review):
        return shown | {"state": item.state, "submittedAt": instant(item.submitted_at), "commit": {"oid": item.commit}}
    shown["createdAt"] = instant(item.at)
    if isinstance(item, ReviewComment):
        shown |= {
            "path": item.path,
            "line": item.line,
            "originalLine": item.original_line,
            "outdated": item.line is None,
            "diffHunk": item.diff_hunk,
            "pullRequestReview": {"databaseId": item.review.id, "state": item.review.state},
        }
    return shown


def _actor(user: User) -> Json:
    """GraphQL tells the login of a bot without ``[bot]``."""
    kind = user.type
    return {"__typename": kind, "login": user.login.removesuffix("[bot]"), "databaseId": user.id}


def _node(call: Call, selection: Selection) -> Json:
    wanted = str(selection.arguments.get("id"))
    if wanted.startswith("PRRT_"):
        return _thread(call, *_find_thread(call, wanted))
    return _written(_find_written(call, wanted)[1])


def _find_thread(call: Call, wanted: Any) -> tuple[Repository, Pull, Thread]:
    for repository in call.state.repositories.values():
        if call.state.access.sees(call.identity, repository):
            for pull in repository.pulls.values():
                for thread in pull.threads:
                    if thread.id == wanted and visible(thread.comments[0].review, call.identity.user):
                        return repository, pull, thread
    raise Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'.")


def _find_written(call: Call, wanted: Any) -> tuple[Repository, Minimizable]:
    for repository in call.state.repositories.values():
        if call.state.access.sees(call.identity, repository):
            for pull in repository.pulls.values():
                items: list[Minimizable] = [*pull.comments, *pull.reviews, *pull.review_comments]
                for item in items:
                    review = item.review if isinstance(item, ReviewComment) else item
                    hidden = isinstance(review, Review) and not visible(review, call.identity.user)
                    if _written(item)["id"] == wanted and not hidden:
                        return repository, item
    raise Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'.")


def _may_resolve(call: Call, repository: Repository, pull: Pull) -> bool:
    access = call.state.access
    if call.identity.user is pull.author:
        return True
    return access.allows(call.identity, repository, ("pull_requests",), "write", "write")


def _input(selection: Selection, name: str) -> Any:
    value = (selection.arguments.get("input") or {}).get(name)
    if value is None:
        raise QueryError(f"Argument '{name}' on InputObject is required.")
    return value


def _resolve(call: Call, selection: Selection) -> Json:
    repository, pull, thread = _find_thread(call, _input(selection, "threadId"))
    if not _may_resolve(call, repository, pull):
        raise _forbidden(call)
    thread.resolved_by = call.identity.account if selection.name == "resolveReviewThread" else None
    shown = _thread(call, repository, pull, thread)
    return {"__typename": "Payload", "clientMutationId": None, "thread": shown}


def _minimize(call: Call, selection: Selection) -> Json:
    repository, item = _find_written(call, _input(selection, "subjectId"))
    if item.user is not call.identity.user and not call.state.access.allows(
        call.identity, repository, ("pull_requests", "issues"), "write", "write"
    ):
        raise _forbidden(call)
    key = "unminimizedComment"
    item.minimized = None
    if selection.name == "minimizeComment":
        key = "minimizedComment"
        item.minimized = str(_input(selection, "classifier"))
        if item.minimized not in CLASSIFIERS:
            wrong, item.minimized = item.minimized, None
            raise QueryError(f"'{wrong}' is no ReportedContentClassifiers: {', '.join(CLASSIFIERS)}")
    return {"__typename": "Payload", "clientMutationId": None, key: _written(item)}


def _forbidden(call: Call) -> Failed:
    by = "integration" if call.identity.is_app else "personal access token"
    return Failed("FORBIDDEN", f"Resource not accessible by {by}")


_QUERIES = {"viewer": _viewer, "rateLimit": _rate_limit, "repository": _repository, "node": _node}
_MUTATIONS = {
    "resolveReviewThread": _resolve,
    "unresolveReviewThread": _resolve,
    "minimizeComment": _minimize,
    "unminimizeComment": _minimize,
}
