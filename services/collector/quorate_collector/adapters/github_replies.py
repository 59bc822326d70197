"""Words to people below a pull request: answers to their commands, and that a review could not be done."""

import contextlib
from typing import Any

from quorate.contract.result import Result
from quorate.contract.task import ReviewCommandInput
from quorate.errors import Retryable
from quorate.github import Refused
from quorate_collector.adapters import github_review, github_threads
from quorate_collector.adapters.github_place import Place
from quorate_collector.domain import markers
from quorate_collector.domain.answer import Answer, answer_of, answer_text


async def comment(place: Place, text: str) -> str | None:
    """A comment on the pull request, once; returns its address."""
    mark = markers.reply(place.key, place.series, place.task)
    made = await _made(place, place.issue_path("/comments"), mark)
    if made is None:
        made = await place.write("comment", "POST", place.issue_path("/comments"), {"body": f"{text}\n\n{mark}"})
    return made.get("html_url")


async def reply(place: Place, thread_of: int, text: str) -> str | None:
    """A reply in a thread, once; returns its address. Where the thread is gone it becomes a comment."""
    mark = markers.reply(place.key, place.series, place.task)
    made = await _made(place, place.path("/comments"), mark)
    if made is None:

        async def send() -> Any:
            path = place.path(f"/comments/{thread_of}/replies")
            return await place.write("reply", "POST", path, {"body": f"{text}\n\n{mark}"})

        try:
            # A reply is a review of its own to GitHub, which a draft excludes.
            made = await github_review.past_drafts(place, send)
        except Refused as error:
            if error.status != 404:
                raise
            return await comment(place, text)
    url: str | None = made.get("html_url")
    return url


async def answer(place: Place, result: Result, command: ReviewCommandInput, answers: dict[str, Any]) -> str | None:
    """Tell the person who wrote a command what came of it, and turn the thread that it is about."""
    told = answer_of(result, answers)
    url = None
    if place.task not in place.notes.replied:
        await _react(place, command, told)
        if text := answer_text(result):
            in_thread = command.thread_of is not None
            url = await reply(place, command.thread_of or 0, text) if in_thread else await comment(place, text)
        await place.remember(place.notes.replying(place.task))
    if told.applied and told.issue is not None and command.command in {"dismiss", "undismiss"}:
        await github_threads.turn(place, told.issue, is_resolved=command.command == "dismiss")
    if told.applied and command.command == "dismiss" and not told.blockers:
        await github_review.dismiss(place, f"Dismissed by {command.by}: nothing blocks any more.")
    return url


async def _react(place: Place, command: ReviewCommandInput, told: Answer) -> None:
    """A sign that the command was heard. It is the same however often it is given, and not worth a failure."""
    where = "pulls" if command.thread_of is not None else "issues"
    path = place.repo_path(f"/{where}/comments/{command.comment_id}/reactions")
    with contextlib.suppress(Refused, Retryable):
        sign = {"content": "+1" if told.is_allowed else "confused"}
        await place.github.write("POST", path, sign, repo=place.pull.repo)


async def _made(place: Place, path: str, mark: str) -> dict[str, Any] | None:
    """What an earlier attempt wrote."""
    if not place.is_taken_over:
        return None
    for each in await place.newest(path):
        if place.is_ours(each) and markers.ends_with(each.get("body"), mark):
            found: dict[str, Any] = each
            return found
    return None
