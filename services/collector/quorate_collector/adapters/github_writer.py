"""Results of pull requests to GitHub: one review for each, and an answer to each command."""

import logging
from collections.abc import Mapping

from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus
from quorate.contract.ids import digest, series_key
from quorate.contract.ledger import Receipt
from quorate.contract.result import Result
from quorate.contract.task import PullRequest, pull_request_of
from quorate.github import GitHub, credentials_of
from quorate.render.source import Source
from quorate.settings import Settings
from quorate_collector.adapters import (
    github_checks,
    github_input,
    github_key,
    github_replies,
    github_review,
    github_threads,
)
from quorate_collector.adapters.github_place import Place
from quorate_collector.domain.anchors import Anchors
from quorate_collector.domain.comment_text import issue_of
from quorate_collector.domain.notes import Notes
from quorate_collector.domain.publication import event_of, failure, publication
from quorate_collector.ports import Claim, Write, Writer

log = logging.getLogger("quorate.collector.github")

REVIEW = "code-review"
COMMAND = "review-command"
_TOLD = {REVIEW: ("completed", "failed", "rejected"), COMMAND: ("completed", "failed", "rejected")}
"""What is told of each kind; of what was canceled nobody wants to hear."""


def github_writer(settings: Settings, environ: Mapping[str, str], bus: Bus, blobs: Blobs) -> Writer | None:
    """The writer, or None without credentials, or where the settings do not want it. Raises Misconfigured."""
    credentials = credentials_of(settings.github, environ) if settings.github.write else None
    if credentials is None:
        return None
    return GitHubWriter(settings, GitHub(settings.github, credentials), bus, blobs)


class GitHubWriter:
    """Tells GitHub. One process may have one; several processes are kept apart by the ledger."""

    name = "github"
    kinds = (REVIEW, COMMAND)

    def __init__(self, settings: Settings, github: GitHub, bus: Bus, blobs: Blobs) -> None:
        self._settings = settings
        self._github = github
        self._bus = bus
        self._blobs = blobs
        self._key: bytes | None = None

    def write_of(self, result: Result) -> Write | None:
        if result.state not in _TOLD.get(result.kind, ()) or result.series is None:
            return None
        pull = pull_request_of(result.series)
        if pull is None or not self._settings.github.covers(pull.repo):
            return None
        return Write(key=series_key(self._settings.tenant, result.series), digest=digest(result.encode()))

    async def write(self, result: Result, claim: Claim) -> Receipt:
        pull = pull_request_of(result.series)
        if pull is None or result.series is None:
            raise ValueError(f"{result.task_id} is of no pull request")
        place = await self._place(result.series, pull, result.task_id, claim)
        if result.kind == COMMAND:
            receipt = await self._answer(place, result)
        else:
            receipt = await self._review(place, result)
        await place.finish()
        notes = "; ".join(filter(None, (receipt.note, *place.remarks)))
        return receipt.model_copy(update={"note": notes[:1_000]})

    async def close(self) -> None:
        await self._github.close()

    async def _place(self, series: str, pull: PullRequest, task: str, claim: Claim) -> Place:
        if self._key is None:
            self._key = await github_key.marker_key(self._bus)
        login = await self._github.login(pull.repo)
        return Place(self._github, claim, pull, series=series, task=task, key=self._key, login=login)

    async def _review(self, place: Place, result: Result) -> Receipt:
        found = await github_review.find(place) if place.is_taken_over else None
        posted = place.notes.review_of(place.task) is not None or (found or {}).get("state", "PENDING") != "PENDING"
        pull = await place.get(place.path())
        current = pull["head"]["sha"]
        head = result.head_sha or current
        if not posted and (why := _superseded(pull, head)):
            return await self._leave(place, found, why)
        if result.state != "completed":
            return await self._failed(place, result, head)
        if result.verdict is None:
            return Receipt(note="there is no verdict to tell")
        try:
            return await self._completed(place, result, head, found, str((pull.get("user") or {}).get("login", "")))
        except github_review.Unpostable as error:
            current = (await place.get(place.path()))["head"]["sha"]
            if current == head:
                raise error.__cause__ or error from None
            return await self._leave(place, None, f"superseded by {current[:10]}")

    async def _leave(self, place: Place, found: github_review.Json | None, why: str) -> Receipt:
        """Post nothing, and leave no draft behind."""
        if found is not None:
            await github_review.discard(place, found["id"])
        log.info("nothing is posted: %s", why, extra={"action": "github.superseded", "task": place.task})
        return Receipt(note=why)

    async def _completed(
        self, place: Place, result: Result, head: str, found: github_review.Json | None, author: str
    ) -> Receipt:
        github = self._settings.github
        review = await github_input.reviewed(self._bus, self._blobs, place.task)
        files = review.files if review is not None else {}
        # Without the commit nobody knows whether the lines are still those that were reviewed.
        changes = await github_input.changes_of(review) if result.head_sha else ()
        posted = place.notes.review_of(place.task)
        if posted is None:
            plan = publication(
                result,
                place.notes,
                Anchors(changes),
                Source(files, result.findings),
                head=head,
                event=event_of(result.verdict, approve=github.approve, own=author.lower() == place.login.lower()),
                max_inline=github.max_inline,
            )
            if plan.manner == "review" or found is not None:
                posted = await github_review.post(place, plan, found)
            else:
                posted = await github_review.update(place, head)
        await github_review.read(place, posted)
        if result.verdict != "request_changes":
            await github_review.dismiss(place, f"Resolved in {head[:10]}.")
        # Before the threads, which matter less: merging may wait for it.
        await self._mark(place, result, head)
        await github_threads.settle(place, _settled(result, place.notes))
        if github.sarif:
            await github_checks.upload(place, result, head, files)
        return Receipt(url=posted.url)

    async def _failed(self, place: Place, result: Result, head: str) -> Receipt:
        url = None
        if head not in place.notes.failed:
            url = await github_replies.comment(place, failure(result))
            await place.remember(place.notes.failing(head))
        await self._mark(place, result, head)
        return Receipt(url=url)

    async def _mark(self, place: Place, result: Result, head: str) -> None:
        if self._settings.github.checks:
            await github_checks.check(place, result, head)

    async def _answer(self, place: Place, result: Result) -> Receipt:
        command = await github_input.command(self._bus, self._blobs, place.task)
        if command is None:
            return Receipt(note="the command is not in the log any more")
        answers = result.answers
        if result.answers_ref is not None:
            try:
                answers = await self._blobs.get_json(result.answers_ref)
            except BadReference:
                answers = {}
        return Receipt(url=await github_replies.answer(place, result, command, answers))


def _superseded(pull: github_review.Json, head: str) -> str | None:
    """Why a review of the commit is of no use any more."""
    if pull["state"] != "open":
        return "the pull request is closed"
    current: str = pull["head"]["sha"]
    return f"superseded by {current[:10]}" if current != head else None


def _settled(result: Result, notes: Notes) -> list[str]:
    """The issues that were told and need no answer any more: gone, or not to be heard of.

    What is open is found again or carried, so whatever is not among the findings is over, also where it was an earlier
    review that noticed and nobody was told of that one.
    """
    present = {issue_of(finding) for finding in result.findings if finding.decision != "withheld"}
    return [issue for issue, told in notes.told.items() if told.open and issue not in present]
