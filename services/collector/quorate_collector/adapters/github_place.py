"""One pull request, as the GitHub writer stands before it: who writes, what is remembered, and where things are."""

from collections.abc import Mapping
from typing import Any

from quorate.contract.task import PullRequest
from quorate.github import GitHub
from quorate_collector.domain.notes import Notes
from quorate_collector.ports import Claim

MAX_LISTED = 5_000
"""Reviews or comments that are looked through at most, to find what was made before."""
PER_PAGE = 100
MAX_PAGE = 10_000
"""Where the search for the last page of a list ends."""


class Place:
    """A pull request during one write. ``notes`` are always those that the ledger has."""

    def __init__(
        self, github: GitHub, claim: Claim, pull: PullRequest, *, series: str, task: str, key: bytes, login: str
    ) -> None:
        self.github = github
        self.pull = pull
        self.series = series
        self.task = task
        self.key = key
        self.login = login
        self.notes = Notes.model_validate(claim.notes)
        self.remarks: list[str] = []
        """What could not be done and does not matter enough to fail."""
        self._claim = claim

    @property
    def is_taken_over(self) -> bool:
        """Whether somebody began this write before, so that what they made must be looked for."""
        return not self._claim.fresh

    def path(self, below: str = "") -> str:
        return f"/repos/{self.pull.repo}/pulls/{self.pull.number}{below}"

    def issue_path(self, below: str = "") -> str:
        return f"/repos/{self.pull.repo}/issues/{self.pull.number}{below}"

    def repo_path(self, below: str) -> str:
        return f"/repos/{self.pull.repo}{below}"

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return await self.github.get(path, repo=self.pull.repo, params=params)

    async def pages(self, path: str, params: Mapping[str, Any] | None = None, *, items: str | None = None) -> list[Any]:
        return await self.github.pages(path, repo=self.pull.repo, params=params, limit=MAX_LISTED, items=items)

    async def newest(self, path: str) -> list[Any]:
        """The items of a list that GitHub gives oldest first: all, or of a very long one some thousands at its end."""
        found = await self.pages(path)
        if len(found) < MAX_LISTED:
            return found
        full, beyond = MAX_LISTED // PER_PAGE, 2 * MAX_LISTED // PER_PAGE
        while await self._page(path, beyond) and beyond < MAX_PAGE:
            full, beyond = beyond, 2 * beyond
        while beyond - full > 1:
            middle = (full + beyond) // 2
            full, beyond = (middle, beyond) if await self._page(path, middle) else (full, middle)
        found = []
        for number in range(max(1, full - MAX_LISTED // PER_PAGE + 1), beyond + 1):
            found += await self._page(path, number)
        return found

    async def _page(self, path: str, number: int) -> list[Any]:
        page: list[Any] = await self.get(path, {"per_page": PER_PAGE, "page": number})
        return page

    async def write(
        self, step: str, method: str, path: str, body: Mapping[str, Any] | None = None, **known: Any
    ) -> Any:
        """Take a step, with the note of it right before the request: whoever is overtaken while waiting for a turn at
        GitHub sends nothing. Raises Overtaken then."""

        async def before() -> None:
            await self.begin(step, **known)

        return await self.github.write(method, path, body, repo=self.pull.repo, before=before)

    def is_ours(self, made: Mapping[str, Any]) -> bool:
        """Whether it was written under our login. GraphQL names an App without ``[bot]``."""
        author = made.get("user") or made.get("author") or {}
        return str(author.get("login", "")).removesuffix("[bot]").lower() == self.login.removesuffix("[bot]").lower()

    async def begin(self, step: str, **known: Any) -> None:
        """Note the step that comes next, so that nobody takes it twice without looking. Raises Overtaken."""
        underway = self.notes.begun_for(self.task).model_copy(update={"step": step, **known})
        await self.remember(self.notes.model_copy(update={"underway": underway, "begun": True}))

    async def done(self, step: str) -> None:
        """Note that a step need not come again."""
        underway = self.notes.begun_for(self.task)
        underway = underway.model_copy(update={"done": (*underway.done, step)})
        await self.remember(self.notes.model_copy(update={"underway": underway}))

    def is_done(self, step: str) -> bool:
        return step in self.notes.begun_for(self.task).done

    async def finish(self) -> None:
        """Note that no step is open any more. What was done stays known, should the receipt be lost."""
        if self.notes.begun:
            await self.remember(self.notes.model_copy(update={"begun": False}))

    async def remember(self, notes: Notes) -> None:
        """Replace the notes. Raises Overtaken when another process writes here now."""
        await self._claim.note(notes.model_dump(mode="json", exclude_defaults=True))
        self.notes = notes
