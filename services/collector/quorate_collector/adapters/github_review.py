"""A review on GitHub, once: as a draft that only we see, then submitted.

GitHub allows one draft of a user in a pull request. This excludes two writers at the same time, and a draft whose
creation was answered too late or by nobody is found again by its mark.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from quorate import crashpoints
from quorate.github import Refused
from quorate_collector.adapters.github_place import Place
from quorate_collector.domain import markers
from quorate_collector.domain.comment_text import Comment
from quorate_collector.domain.notes import Event, Posted, Told
from quorate_collector.domain.publication import Draft, Publication, draft, update_line
from quorate_collector.ports import Later

log = logging.getLogger("quorate.collector.github")

MAX_PROBES = 20
"""Drafts that are tried at most to find the comments that GitHub does not take; the rest goes into the body."""
COPIED_S = 5.0
"""When to look again for what was written just now."""
FOREIGN_DRAFT_S = 300.0
"""When to look again whether a person has finished the draft that stands in the way."""

_NOTHING_TO_DISMISS = (404, 422)
"""What GitHub says of a review that is gone, or was dismissed by a person already or before an interruption."""

_EVENTS: dict[str, Event] = {"APPROVED": "APPROVE", "CHANGES_REQUESTED": "REQUEST_CHANGES"}

Json = dict[str, Any]


class Unpostable(Exception):
    """GitHub does not take the review as it is: its commit may not be the newest any more."""


async def find(place: Place) -> Json | None:
    """The review that an earlier attempt of this task made. Our drafts of other tasks are deleted on the way."""
    mark = _mark(place)
    ours = [review for review in await place.newest(place.path("/reviews")) if place.is_ours(review)]
    mine = [review for review in ours if markers.ends_with(review.get("body"), mark)]
    # One that is submitted counts before a draft, which then came of a request that arrived late.
    found = min(mine, key=lambda review: (review["state"] == "PENDING", review["id"]), default=None)
    for review in ours:
        if review is not found and review["state"] == "PENDING" and _is_stale(place, review):
            await discard(place, review["id"])
    return found


def _is_stale(place: Place, review: Json) -> bool:
    """Whether a draft is of this program: under a person's token, that person may have begun one by hand."""
    return place.github.is_app or markers.is_review(review.get("body"))


async def discard(place: Place, review: int) -> None:
    """Delete a draft."""
    try:
        await place.write("discard", "DELETE", place.path(f"/reviews/{review}"))
    except Refused as error:
        if error.status != 404:
            raise
    log.info("a draft was deleted", extra={"action": "github.discarded", "task": place.task, "review": review})


async def post(place: Place, publication: Publication, found: Json | None) -> Posted:
    """Create and submit the review, or go on with ``found``, and remember it. Raises Unpostable, Retryable, Refused."""
    review = await _create(place, publication) if found is None else found
    crashpoints.reached("github.reviewed")
    if review["state"] == "PENDING":
        review = await _submit(place, publication, review)
    crashpoints.reached("github.submitted")
    sent = draft(publication, place.notes.begun_for(place.task).unanchored)
    told = {issue: Told(review=review["id"], confirmed=confirmed) for issue, confirmed in sent.told.items()}
    posted = Posted(
        task=place.task,
        head=publication.head,
        review=review["id"],
        event=_EVENTS.get(review["state"], "COMMENT"),
        verdict=publication.result.verdict,
        url=review.get("html_url"),
        unread=True,
    )
    # Before anything else is asked: whatever becomes of that, nobody tells these issues again.
    await place.remember(place.notes.posting(posted, told, [resolved.issue for resolved in publication.fixed]))
    return posted


async def read(place: Place, posted: Posted) -> None:
    """Remember which comments a review has got, where this is not known yet. Raises Later."""
    if not posted.unread:
        return
    try:
        comments = await place.pages(place.path(f"/reviews/{posted.review}/comments"))
    except Refused as error:
        if posted.task != place.task:
            place.remarks.append(f"the comments of an earlier review cannot be read: {error}")
            return
        # GitHub reads from copies, which may not have what was written a moment ago.
        raise Later(f"the comments of {posted.url or posted.review} cannot be read: {error}", COPIED_S) from error
    ids = {markers.issue_of(each.get("body")): each["id"] for each in comments}
    await place.remember(place.notes.reading(posted.review, ids))


async def update(place: Place, head: str) -> Posted:
    """Say below the last review that there is nothing new."""
    last = place.notes.reviews[-1]
    try:
        body = (await place.get(place.path(f"/reviews/{last.review}"))).get("body") or ""
        if (changed := markers.with_latest(body, update_line(head))) != body:
            await place.write("update", "PUT", place.path(f"/reviews/{last.review}"), {"body": changed})
    except Refused as error:
        place.remarks.append(f"the last review could not be updated: {error}")
    return last


async def dismiss(place: Place, why: str) -> None:
    """Take back what earlier reviews asked for, now that nothing blocks any more."""
    for posted in place.notes.reviews:
        if not posted.blocks or posted.task == place.task:
            continue
        message = {"message": why, "event": "DISMISS"}
        try:
            await place.write("dismiss", "PUT", place.path(f"/reviews/{posted.review}/dismissals"), message)
        except Refused as error:
            if error.status not in _NOTHING_TO_DISMISS:
                # It blocks still, so that the next review tries again.
                place.remarks.append(f"an earlier review could not be dismissed: {error}")
                continue
        await place.remember(place.notes.dismissing(posted.review))


def _mark(place: Place) -> str:
    return markers.review(place.key, place.series, place.task)


async def _create(place: Place, publication: Publication) -> Json:
    """A draft with the comments that GitHub takes, and all else in its body."""
    unanchored = place.notes.begun_for(place.task).unanchored
    for tries in range(3):
        sent = draft(publication, unanchored)
        try:
            return await _send_or_adopt(place, publication, sent, unanchored)
        except Refused as error:
            if error.status != 422:
                raise
            if not sent.comments:
                raise Unpostable(str(error)) from error
            await _check_head(place, publication.head, error)
        # What is refused together though each is taken alone goes into the body as a whole.
        refused = await _refused(place, publication.head, sent.comments) if tries == 0 else sent.comments
        unanchored = (*unanchored, *(each.issue for each in refused))
        log.info(
            "%d comments are not on lines that GitHub takes",
            len(refused),
            extra={"action": "github.unanchored", "task": place.task},
        )
    raise AssertionError("unreachable: the last try has no comments")


async def _check_head(place: Place, head: str, error: Refused) -> None:
    """A push between our look and the request is the likeliest reason, and no comment is to blame then."""
    pull = await place.get(place.path())
    if pull["head"]["sha"] != head:
        raise Unpostable(str(error)) from error


async def _send_or_adopt(place: Place, publication: Publication, sent: Draft, unanchored: Sequence[str]) -> Json:
    body = f"{sent.body}\n\n{_mark(place)}"

    async def send() -> Json:
        return await _send(place, "create", publication.head, sent.comments, body, unanchored=tuple(unanchored))

    return await past_drafts(place, send)


async def past_drafts(place: Place, send: Callable[[], Awaitable[Json]]) -> Json:
    """Do ``send``, whatever stale drafts of ours stand in its way; or return the review of this task that does.

    A draft that a person has begun by hand under the same login is left alone: raises Later then.
    """
    for is_last in (False, True):
        try:
            return await send()
        except Refused as error:
            if not _is_occupied(error):
                raise
            if (found := await find(place)) is not None:
                return found
            if is_last:
                raise Later(
                    f"{place.login} has a draft of a review of {place.series}: submit or delete it, this one follows",
                    FOREIGN_DRAFT_S,
                ) from error
    raise AssertionError("unreachable: the loop returns or raises")


async def _send(place: Place, step: str, head: str, comments: Iterable[Comment], body: str, **known: Any) -> Json:
    listed = [each.anchor.fields() | {"body": each.body} for each in comments]
    # Without an event it is a draft.
    sent = {"commit_id": head, "body": body, "comments": listed}
    review: Json = await place.write(step, "POST", place.path("/reviews"), sent, **known)
    return review


def _is_occupied(error: Refused) -> bool:
    return error.status == 422 and "pending review" in f"{error.message} {' '.join(error.errors)}".lower()


async def _refused(place: Place, head: str, comments: Sequence[Comment]) -> list[Comment]:
    """The comments at fault, by halves: a refusal concerns all of a draft and does not say which comment it is for.

    A draft that GitHub takes is deleted again. Its mark says that it is only a trial, so that nobody takes it for the
    review after an interruption. Beyond ``MAX_PROBES`` every comment in question counts as refused.
    """
    probes = 0

    async def fits(group: Sequence[Comment]) -> bool:
        nonlocal probes
        if probes == MAX_PROBES:
            return False
        probes += 1
        return await _takes(place, head, group)

    async def at_fault(group: Sequence[Comment]) -> list[Comment]:
        if len(group) == 1:
            return list(group)
        left, right = group[: len(group) // 2], group[len(group) // 2 :]
        if await fits(left):
            return await at_fault(right)
        found = await at_fault(left)
        return found if await fits(right) else found + await at_fault(right)

    return await at_fault(comments)


async def _takes(place: Place, head: str, comments: Iterable[Comment]) -> bool:
    mark = markers.probe(place.key, place.series, place.task)
    try:
        review = await _send(place, "probe", head, comments, f"This is being written.\n\n{mark}")
    except Refused as error:
        if _is_occupied(error):
            raise Later(f"a draft of a review of {place.series} stands in the way", 1.0) from error
        if error.status != 422:
            raise
        return False
    await discard(place, review["id"])
    return True


async def _submit(place: Place, publication: Publication, review: Json) -> Json:
    """Make the draft a review. What GitHub does not let us demand or approve becomes a remark."""
    events = list(dict.fromkeys((publication.event, "COMMENT")))
    for event in events:
        try:
            path = place.path(f"/reviews/{review['id']}/events")
            submitted: Json = await place.write("submit", "POST", path, {"event": event}, review=review["id"])
        except Refused as error:
            if error.status == 404:
                raise Later(f"the draft of {place.series} is gone: it is written again", 1.0) from error
            current: Json = await place.get(place.path(f"/reviews/{review['id']}"))
            if current["state"] != "PENDING":
                return current
            if error.status not in (403, 422) or event == events[-1]:
                raise
            place.remarks.append(f"{event} is not permitted: {error.message}")
        else:
            return submitted
    raise AssertionError("unreachable: the loop returns or raises")
