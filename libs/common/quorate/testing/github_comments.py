"""Endpoints of comments on a pull request as an issue, and of reactions."""

from quorate.testing.github_events import issue_comment_event
from quorate.testing.github_http import Answer, Call, Endpoints, Problem, invalid, not_found
from quorate.testing.github_json import REACTIONS, issue_comment_json, issue_json, reaction_json
from quorate.testing.github_reviews import any_comment
from quorate.testing.github_state import IssueComment, Pull, Reaction, Repository, State, User

endpoints = Endpoints()
ISSUE = "/repos/{owner}/{repo}/issues/{number:int}"
COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment:int}"
REVIEW_COMMENT = "/repos/{owner}/{repo}/pulls/comments/{comment:int}"
MAY = ("issues", "pull_requests")


@endpoints.on("GET", ISSUE)
def issue(call: Call) -> Answer:
    repository = call.repository(*MAY)
    return Answer(200, issue_json(call.state, repository, call.pull(repository)))


@endpoints.on("GET", ISSUE + "/comments")
def comments(call: Call) -> Answer:
    repository = call.repository(*MAY)
    pull = call.pull(repository)
    return call.page(pull.comments, lambda comment: issue_comment_json(call.state, repository, pull, comment))


@endpoints.on("POST", ISSUE + "/comments")
def create(call: Call) -> Answer:
    repository = call.repository(*MAY, level="write")
    pull = call.pull(repository)
    body = call.text("body", required=True)
    comment = write_comment(call.state, repository, pull, call.identity.account, body)
    return Answer(201, issue_comment_json(call.state, repository, pull, comment))


def write_comment(state: State, repository: Repository, pull: Pull, user: User, body: str) -> IssueComment:
    now = state.now()
    body = state.body(body, "Issue comment")
    comment = IssueComment(state.id("issue comment"), user, body, now, now)
    pull.comments.append(comment)
    issue_comment_event(state, repository, pull, comment, "created", user)
    return comment


@endpoints.on("GET", COMMENT)
def comment(call: Call) -> Answer:
    repository = call.repository(*MAY)
    pull, chosen = _comment(call, repository)
    return Answer(200, issue_comment_json(call.state, repository, pull, chosen))


@endpoints.on("PATCH", COMMENT)
def edit(call: Call) -> Answer:
    repository, pull, chosen = _own(call)
    chosen.body = call.state.body(call.text("body", required=True), "Issue comment")
    chosen.updated_at = call.state.now()
    issue_comment_event(call.state, repository, pull, chosen, "edited", call.identity.account)
    return Answer(200, issue_comment_json(call.state, repository, pull, chosen))


@endpoints.on("DELETE", COMMENT)
def delete(call: Call) -> Answer:
    repository, pull, chosen = _own(call)
    pull.comments.remove(chosen)
    issue_comment_event(call.state, repository, pull, chosen, "deleted", call.identity.account)
    return Answer(204)


def _own(call: Call) -> tuple[Repository, Pull, IssueComment]:
    """The comment of the path, for its author or someone who may write. Raises Problem 403, 404."""
    repository = call.repository(*MAY, level="write")
    pull, chosen = _comment(call, repository)
    account = call.identity.account
    may_write = call.state.access.allows(call.identity, repository, MAY, "write", "write")
    if chosen.user is not account and not may_write:
        raise Problem(403, "Must have admin rights to Repository.")
    return repository, pull, chosen


def _comment(call: Call, repository: Repository) -> tuple[Pull, IssueComment]:
    for pull in repository.pulls.values():
        for chosen in pull.comments:
            if chosen.id == call.arguments["comment"]:
                return pull, chosen
    raise not_found()


def _reactions(call: Call, repository: Repository) -> list[Reaction]:
    if "/pulls/" in call.path:
        return any_comment(call, repository)[2].reactions
    if "number" in call.arguments:
        return call.pull(repository).reactions
    return _comment(call, repository)[1].reactions


def reactions(call: Call) -> Answer:
    return call.page(_reactions(call, call.repository(*MAY)), reaction_json)


def react(call: Call) -> Answer:
    held = _reactions(call, call.repository(*MAY, level="write"))
    user, content = call.identity.account, call.text("content", required=True)
    if content not in REACTIONS:
        raise invalid("Reaction", "content", "content is not a reaction", "invalid")
    for known in held:
        if known.user is user and known.content == content:
            return Answer(200, reaction_json(known))
    held.append(Reaction(call.state.id("reaction"), user, content, call.state.now()))
    return Answer(201, reaction_json(held[-1]))


def unreact(call: Call) -> Answer:
    held = _reactions(call, call.repository(*MAY, level="write"))
    for known in held:
        if known.id == call.arguments["reaction"] and known.user is call.identity.account:
            held.remove(known)
            return Answer(204)
    raise not_found()


for path in (ISSUE, COMMENT, REVIEW_COMMENT):
    endpoints.on("GET", path + "/reactions")(reactions)
    endpoints.on("POST", path + "/reactions")(react)
    endpoints.on("DELETE", path + "/reactions/{reaction:int}")(unreact)
