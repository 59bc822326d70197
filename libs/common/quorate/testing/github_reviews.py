"""Endpoints of reviews and review comments.

A review without an event is pending: its author alone sees it, and has one per pull request at most.
"""

from typing import Any

from quorate.testing.github_anchors import Place, follow, place
from quorate.testing.github_events import review_comment_event, review_event
from quorate.testing.github_http import Answer, Call, Endpoints, Problem, not_found, unprocessable
from quorate.testing.github_json import node, review_comment_json, review_json
from quorate.testing.github_state import Pull, Repository, Review, ReviewComment, State, Thread, User

endpoints = Endpoints()
REVIEWS = "/repos/{owner}/{repo}/pulls/{number:int}/reviews"
REVIEW = REVIEWS + "/{review:int}"
COMMENT = "/repos/{owner}/{repo}/pulls/comments/{comment:int}"
STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
ONE_PENDING = "User can only have one pending review per pull request"


@endpoints.on("POST", REVIEWS)
def create(call: Call) -> Answer:
    repository, pull, user = _writing(call)
    body = call.body
    event = _event(body.get("event"))
    commit = body.get("commit_id") or pull.head
    if commit not in pull.heads and commit not in {c.sha for c in repository.git.between(pull.base, pull.head)}:
        raise unprocessable("commitOID is not part of the pull request")
    if _pending(pull, user) is not None:
        raise unprocessable(ONE_PENDING)
    text = call.state.body(call.text("body"), "Pull request review")
    comments = _comments(call, repository, pull, commit)
    review = Review(call.state.id("review"), user, text, commit)
    if event is not None:
        _may_submit(pull, review, event, bool(comments))
    # Nothing was changed until here: a request that is refused leaves nothing behind.
    pull.reviews.append(review)
    made = [_write_comment(call.state, pull, review, at, written) for at, written in comments]
    if commit != pull.head:
        follow(repository, pull, made, (repository.merge_base(pull, commit), commit))
    if event is not None:
        _submit(call, repository, pull, review, event)
    return Answer(200, review_json(call.state, repository, pull, review))


def _comments(call: Call, repository: Repository, pull: Pull, head: str) -> list[tuple[Place, str]]:
    wanted = call.body.get("comments") or []
    limit = call.state.limits.comments_per_review
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise Problem(422, 'Invalid request.\n\n"comments" is not an array of objects.')
    if limit is not None and len(wanted) > limit:
        raise unprocessable("Review comments is invalid and Review threads is invalid")
    made = []
    for item in wanted:
        if not isinstance(item.get("body"), str) or not item["body"].strip():
            raise unprocessable("Pull request review comment body can't be blank")
        made.append((place(repository, pull, head, item), call.state.body(item["body"], "Pull request review comment")))
    return made


def _write_comment(state: State, pull: Pull, review: Review, at: Place, body: str) -> ReviewComment:
    now = state.now()
    comment = ReviewComment(
        id=state.id("review comment"),
        user=review.user,
        body=body,
        path=at.path,
        side=at.side,
        line=at.line,
        start_side=at.start_side,
        start_line=at.start_line,
        original_line=at.line,
        original_start_line=at.start_line,
        commit=review.commit,
        original_commit=review.commit,
        diff_hunk=at.diff_hunk,
        position=at.position,
        at=now,
        updated_at=now,
        review=review,
    )
    pull.threads.append(Thread(node("PRRT", state.id("thread")), [comment]))
    return comment


def _event(event: Any) -> str | None:
    if event in (None, "", "PENDING"):
        return None
    if event not in STATES:
        raise Problem(422, f"Invalid request.\n\n{event!r} is not a possible value of event: {', '.join(STATES)}.")
    return str(event)


def _may_submit(pull: Pull, review: Review, event: str, has_comments: bool) -> None:
    if event != "COMMENT" and review.user is pull.author:
        act = "approve" if event == "APPROVE" else "request changes on"
        raise unprocessable(f"Can not {act} your own pull request")
    if event != "APPROVE" and not review.body.strip() and not has_comments:
        raise unprocessable("Review body can't be blank")


def _submit(call: Call, repository: Repository, pull: Pull, review: Review, event: str) -> None:
    review.state = STATES[event]  # type: ignore[assignment]
    review.submitted_at = pull.updated_at = call.state.now()
    review_event(call.state, repository, pull, review, "submitted", review.user)
    for comment in _comments_of(pull, review):
        review_comment_event(call.state, repository, pull, comment, "created", review.user)


def _comments_of(pull: Pull, review: Review) -> list[ReviewComment]:
    return [comment for comment in pull.review_comments if comment.review is review]


@endpoints.on("GET", REVIEWS)
def reviews(call: Call) -> Answer:
    repository = call.repository("pull_requests")
    pull = call.pull(repository)
    seen = [review for review in pull.reviews if visible(review, call.identity.user)]
    return call.page(seen, lambda review: review_json(call.state, repository, pull, review))


def visible(review: Review, user: User | None) -> bool:
    return review.state != "PENDING" or review.user is user


@endpoints.on("GET", REVIEW)
def review(call: Call) -> Answer:
    repository = call.repository("pull_requests")
    pull = call.pull(repository)
    return Answer(200, review_json(call.state, repository, pull, _review(call, pull)))


@endpoints.on("PUT", REVIEW)
def update(call: Call) -> Answer:
    repository, pull, user = _writing(call)
    chosen = _review(call, pull)
    if chosen.user is not user:
        raise Problem(403, "You can not edit a review of another user")
    chosen.body = call.state.body(call.text("body", required=True), "Pull request review")
    review_event(call.state, repository, pull, chosen, "edited", user)
    return Answer(200, review_json(call.state, repository, pull, chosen))


@endpoints.on("DELETE", REVIEW)
def delete(call: Call) -> Answer:
    repository, pull, _ = _writing(call)
    chosen = _review(call, pull)
    if chosen.state != "PENDING":
        raise unprocessable("Can not delete a non-pending pull request review")
    pull.reviews.remove(chosen)
    for thread in pull.threads:
        thread.comments = [comment for comment in thread.comments if comment.review is not chosen]
    pull.threads = [thread for thread in pull.threads if thread.comments]
    return Answer(200, review_json(call.state, repository, pull, chosen))


@endpoints.on("POST", REVIEW + "/events")
def submit(call: Call) -> Answer:
    repository, pull, _ = _writing(call)
    chosen = _review(call, pull)
    event = _event(call.body.get("event"))
    if event is None:
        raise unprocessable("Event can't be blank")
    if chosen.state != "PENDING":
        raise unprocessable("Could not submit the review: it is not pending")
    before, text = chosen.body, call.text("body")
    chosen.body = call.state.body(text, "Pull request review") or before
    try:
        _may_submit(pull, chosen, event, bool(_comments_of(pull, chosen)))
    except Problem:
        chosen.body = before
        raise
    _submit(call, repository, pull, chosen, event)
    return Answer(200, review_json(call.state, repository, pull, chosen))


@endpoints.on("PUT", REVIEW + "/dismissals")
def dismiss(call: Call) -> Answer:
    repository = call.repository("pull_requests", level="write", role="write")
    pull = call.pull(repository)
    chosen = _review(call, pull)
    call.text("message", required=True)
    if chosen.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise unprocessable(f"Can not dismiss a {chosen.state.lower()} pull request review")
    chosen.state = "DISMISSED"
    review_event(call.state, repository, pull, chosen, "dismissed", call.identity.account)
    return Answer(200, review_json(call.state, repository, pull, chosen))


@endpoints.on("GET", REVIEW + "/comments")
def comments_of_review(call: Call) -> Answer:
    repository = call.repository("pull_requests")
    pull = call.pull(repository)
    chosen = _comments_of(pull, _review(call, pull))
    return call.page(chosen, lambda comment: review_comment_json(call.state, repository, pull, comment))


@endpoints.on("GET", "/repos/{owner}/{repo}/pulls/{number:int}/comments")
def comments(call: Call) -> Answer:
    """Without those of pending reviews: GitHub tells them only with their review."""
    repository = call.repository("pull_requests")
    pull = call.pull(repository)
    chosen = [comment for comment in pull.review_comments if comment.review.state != "PENDING"]
    return call.page(chosen, lambda comment: review_comment_json(call.state, repository, pull, comment))


@endpoints.on("POST", "/repos/{owner}/{repo}/pulls/{number:int}/comments/{comment:int}/replies")
def reply(call: Call) -> Answer:
    repository, pull, user = _writing(call)
    parent = find_comment(pull, call.arguments["comment"], user)
    made = write_reply(call.state, repository, pull, parent, user, call.text("body", required=True))
    return Answer(201, review_comment_json(call.state, repository, pull, made))


def write_reply(
    state: State, repository: Repository, pull: Pull, parent: ReviewComment, user: User, body: str
) -> ReviewComment:
    """A reply is a review of its own, with one comment. Raises Problem 422."""
    thread = next(thread for thread in pull.threads if parent in thread.comments)
    if _pending(pull, user) is not None:
        raise Problem(
            422,
            "Validation Failed",
            [{
                "resource": "PullRequestReview", "code": "custom", "field": "user_id",
                "message": "user_id can only have one pending review per pull request",
            }],
        )  # fmt: skip
    root, now = thread.comments[0], state.now()
    body = state.body(body, "Pull request review comment")
    review = Review(state.id("review"), user, "", pull.head, "COMMENTED", now)
    pull.reviews.append(review)
    made = ReviewComment(
        **{name: getattr(root, name) for name in _PLACE},
        id=state.id("review comment"),
        user=user,
        body=body,
        at=now,
        updated_at=now,
        review=review,
        in_reply_to=root.id,
    )
    thread.comments.append(made)
    review_comment_event(state, repository, pull, made, "created", user)
    return made


_PLACE = (
    "path", "side", "line", "start_side", "start_line", "original_line", "original_start_line", "commit",
    "original_commit", "diff_hunk", "position",
)  # fmt: skip


@endpoints.on("GET", COMMENT)
def comment(call: Call) -> Answer:
    repository, pull, chosen = any_comment(call, call.repository("pull_requests"))
    return Answer(200, review_comment_json(call.state, repository, pull, chosen))


@endpoints.on("PATCH", COMMENT)
def edit_comment(call: Call) -> Answer:
    repository, pull, chosen = any_comment(call, call.repository("pull_requests", level="write"))
    if chosen.user is not call.identity.account:
        raise Problem(403, "You can not edit a comment of another user")
    chosen.body = call.state.body(call.text("body", required=True), "Pull request review comment")
    chosen.updated_at = call.state.now()
    return Answer(200, review_comment_json(call.state, repository, pull, chosen))


@endpoints.on("DELETE", COMMENT)
def delete_comment(call: Call) -> Answer:
    _, pull, chosen = any_comment(call, call.repository("pull_requests", level="write"))
    if chosen.user is not call.identity.account:
        raise Problem(403, "You can not delete a comment of another user")
    for thread in pull.threads:
        thread.comments = [comment for comment in thread.comments if comment is not chosen]
    pull.threads = [thread for thread in pull.threads if thread.comments]
    return Answer(204)


def any_comment(call: Call, repository: Repository) -> tuple[Repository, Pull, ReviewComment]:
    """The comment of the path. Raises Problem 404."""
    for pull in repository.pulls.values():
        for chosen in pull.review_comments:
            if chosen.id == call.arguments["comment"] and visible(chosen.review, call.identity.user):
                return repository, pull, chosen
    raise not_found()


def find_comment(pull: Pull, number: int, user: User) -> ReviewComment:
    for chosen in pull.review_comments:
        if chosen.id == number and visible(chosen.review, user):
            return chosen
    raise not_found()


def _writing(call: Call) -> tuple[Repository, Pull, User]:
    repository = call.repository("pull_requests", level="write")
    return repository, call.pull(repository), call.identity.account


def _review(call: Call, pull: Pull) -> Review:
    for chosen in pull.reviews:
        if chosen.id == call.arguments["review"] and visible(chosen, call.identity.user):
            return chosen
    raise not_found()


def _pending(pull: Pull, user: User) -> Review | None:
    return next((r for r in pull.reviews if r.user is user and r.state == "PENDING"), None)
