"""The threads below our comments: settled when their issue is, opened again when it comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quorate.github import Refused
from quorate.render.markdown import code, prose
from quorate_collector.adapters.github_place import Place
from quorate_collector.adapters.github_review import past_drafts
from quorate_collector.domain import markers

MAX_REPLIES = 20
"""Of one result; further threads are resolved without a word."""
MAX_PAGES = 20
MAX_REASON = 500

_THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          comments(first: 50) { nodes { databaseId body author { login } } }
        }
      }
    }
  }
}
"""
_RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"
_UNRESOLVE = "mutation($id: ID!) { unresolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"


@dataclass
class Thread:
    """A thread: ``comments`` are its first ones, as GraphQL tells them."""

    id: str
    is_resolved: bool
    comments: list[dict[str, Any]] = field(default_factory=list)


async def settle(place: Place, reasons: Mapping[str, str], head: str) -> None:
    """Resolve the threads of these issues, each with a short word on why. What is settled already is left alone."""
    told = place.notes.told
    due = [issue for issue in reasons if issue in told and told[issue].open and told[issue].comment is not None]
    if not due:
        return
    threads = await _threads(place)
    replies = 0
    for issue in due:
        comment = told[issue].comment
        thread = threads.get(comment or 0)
        # Someone may have deleted the comment, or resolved the thread before us.
        if thread is not None and not thread.is_resolved:
            if replies < MAX_REPLIES:
                replies += 1
                await _say_why(place, thread, issue, comment, reasons[issue], head)
            await _turn(place, thread, is_resolved=True)
        await place.remember(place.notes.settling(issue, open=False))


async def turn(place: Place, issue: str, *, is_resolved: bool) -> None:
    """Resolve the thread of an issue or open it again, as a person asked for."""
    told = place.notes.told.get(issue)
    if told is None:
        return
    if told.comment is not None:
        thread = (await _threads(place)).get(told.comment)
        if thread is not None and thread.is_resolved != is_resolved:
            await _turn(place, thread, is_resolved=is_resolved)
    await place.remember(place.notes.settling(issue, open=not is_resolved))


async def _say_why(place: Place, thread: Thread, issue: str, comment: int | None, reason: str, head: str) -> None:
    mark = markers.reply(place.key, place.series, place.task, issue)
    if any(place.is_ours(each) and markers.ends_with(each.get("body"), mark) for each in thread.comments):
        return
    body = f"Settled at {code(head[:10])}: {prose(reason, MAX_REASON)}\n\n{mark}"

    async def send() -> Any:
        await place.begin("reply")
        return await place.write("POST", place.path(f"/comments/{comment}/replies"), {"body": body})

    try:
        await past_drafts(place, send)
    except Refused as error:
        place.remarks.append(f"a thread could not be answered: {error}")


async def _turn(place: Place, thread: Thread, *, is_resolved: bool) -> None:
    await place.begin("thread")
    try:
        await place.github.graphql(
            _RESOLVE if is_resolved else _UNRESOLVE, {"id": thread.id}, repo=place.pull.repo, mutation=True
        )
    except Refused as error:
        place.remarks.append(f"a thread could not be {'resolved' if is_resolved else 'opened again'}: {error}")


async def _threads(place: Place) -> dict[int, Thread]:
    """The threads by the id of their first comment."""
    owner, _, name = place.pull.repo.partition("/")
    found: dict[int, Thread] = {}
    after: str | None = None
    for _ in range(MAX_PAGES):
        variables = {"owner": owner, "name": name, "number": place.pull.number, "after": after}
        told = await place.github.graphql(_THREADS, variables, repo=place.pull.repo)
        page = told["repository"]["pullRequest"]["reviewThreads"]
        for node in page["nodes"]:
            comments = node["comments"]["nodes"]
            if comments and comments[0].get("databaseId"):
                found[comments[0]["databaseId"]] = Thread(node["id"], node["isResolved"], comments)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return found
