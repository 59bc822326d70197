"""The threads below our comments: settled when their issue is, opened again when it comes back."""

from collections.abc import Iterable
from dataclasses import dataclass

from quorate.github import Refused
from quorate_collector.adapters.github_place import Place

MAX_PAGES = 20

_THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          comments(first: 1) { nodes { databaseId } }
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
    """A thread as GraphQL tells it."""

    id: str
    is_resolved: bool


async def settle(place: Place, issues: Iterable[str]) -> None:
    """Resolve the threads of these issues; the review says why. What is settled already is left alone.

    Nobody is answered there: to GitHub each reply is a review of its own, and a mail to everyone who takes part.
    """
    told = place.notes.told
    due = [issue for issue in issues if issue in told and told[issue].open and told[issue].comment is not None]
    if not due:
        return
    threads = await _threads(place)
    for issue in due:
        thread = threads.get(told[issue].comment or 0)
        # Someone may have deleted the comment, or resolved the thread before us.
        if thread is not None and not thread.is_resolved:
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


async def _turn(place: Place, thread: Thread, *, is_resolved: bool) -> None:
    await place.begin("thread")
    try:
        await place.github.graphql(
            _RESOLVE if is_resolved else _UNRESOLVE, {"id": thread.id}, repo=place.pull.repo, mutation=True
        )
    except Refused as error:
        place.remarks.append(f"a thread could not be {'resolved' if is_resolved else 'opened again'}: {error}")


async def _threads(place: Place) -> dict[int, Thread]:
    """The threads by the id of their first comment. What cannot be read is a remark: no review fails by it."""
    try:
        return await _listed(place)
    except Refused as error:
        place.remarks.append(f"the threads could not be read: {error}")
    except (LookupError, TypeError, AttributeError):
        place.remarks.append("the threads could not be read: GitHub's answer has another shape")
    return {}


async def _listed(place: Place) -> dict[int, Thread]:
    """Raises Refused, or what comes of walking an answer of another shape."""
    owner, _, name = place.pull.repo.partition("/")
    found: dict[int, Thread] = {}
    after: str | None = None
    for _ in range(MAX_PAGES):
        variables = {"owner": owner, "name": name, "number": place.pull.number, "after": after}
        told = await place.github.graphql(_THREADS, variables, repo=place.pull.repo)
        page = told["repository"]["pullRequest"]["reviewThreads"]
        for node in page["nodes"]:
            # Null stands for what may not be seen.
            comments = node["comments"]["nodes"] if node is not None else []
            if comments and comments[0] is not None and comments[0].get("databaseId"):
                found[comments[0]["databaseId"]] = Thread(node["id"], node["isResolved"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return found
