"""The change of a pull request, read from GitHub: by the first of three ways that gives all of it.

1. The diff in one piece (up to 300 files), if it has as many files as the pull request.
2. The list of changed files with their patches (up to 3,000 files), and both sides' trees.
3. A clone, where the list is cut off or leaves out lines, and ``github.clone`` allows it.

Where a clone is not allowed or fails, lines that the list leaves out are made from both contents, a few files' worth;
what is missing even then stays in the diff as changed, and is named. ``github.clone = "always"`` knows no other way.

The diff in one piece is of whatever the head is by then, so it counts only if the head is the same afterwards.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from quorate.diff import NotADiff
from quorate.errors import Rejected
from quorate.github import GitHub, GitHubBusy, Refused
from quorate.settings import GitHubSettings
from quorate_gateway.adapters.clone import Caps, Cloned, CloneFailed, CloneRefused, Remote, clone
from quorate_gateway.domain.source import (
    MAX_DIFF,
    MAX_FILE,
    MAX_LISTED,
    MAX_TEXTS,
    Draft,
    Fetched,
    Listed,
    Pull,
    Sections,
    Skipped,
    Tree,
    draft_of,
    fetched,
    is_binary,
    patch_between,
    reason_to_skip,
    sections_of,
    shown,
    tree_of,
    wanted,
)
from quorate_gateway.domain.webhooks import not_covered

RAW = "application/vnd.github.raw+json"
DIFF = "application/vnd.github.diff"
AT_ONCE = 8
MAX_LACKING = 50
"""Of so many files both contents are read, to make the lines that GitHub leaves out."""
MAX_MOVES = 3
"""How often a pull request may be pushed to while it is read, where any head will do."""

_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_TOO_LARGE = (406, 413, 422)

Progress = Callable[[str], Awaitable[None]]


class PullRequests:
    """Pull requests as inputs of reviews. ``settings`` are the operator's for GitHub."""

    def __init__(self, github: GitHub, settings: GitHubSettings, caps: Caps | None = None) -> None:
        self._github = github
        self._settings = settings
        self._caps = caps

    async def fetch(self, repo: str, number: int, head_sha: str | None, progress: Progress) -> Fetched | Skipped:
        """The change up to ``head_sha`` (None: as it is now), or why there is nothing to review.

        Raises GitHubBusy, CloneFailed (later), Refused and other Rejected (never).
        """
        if not _REPO.fullmatch(repo) or {".", ".."} & set(repo.split("/")):
            raise Rejected(f"{repo[:100]!r} is not the name of a repository: give owner/name")
        if not self._settings.covers(repo):
            raise Rejected(not_covered(repo))
        path = f"/repos/{repo}/pulls/{number}"
        for _ in range(MAX_MOVES):
            pull = await self._pull(repo, path)
            if reason := reason_to_skip(pull, head_sha):
                return Skipped(reason)
            found = await _One(self._github, self._settings, self._caps, repo, path, pull, progress).read()
            if isinstance(found, Skipped):
                return found
            reason = reason_to_skip(await self._pull(repo, path), pull.head.sha)
            if reason is None:
                return found
            if head_sha is not None:
                return Skipped(reason)
        raise GitHubBusy(f"{repo}#{number} was pushed to {MAX_MOVES} times while it was read", 30)

    async def _pull(self, repo: str, path: str) -> Pull:
        try:
            return Pull.model_validate(await self._github.get(path, repo=repo))
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
            raise Rejected(f"GitHub's description of {path} is not understood: look at {fields}") from error


class _One:
    """One pull request at one head."""

    def __init__(
        self,
        github: GitHub,
        settings: GitHubSettings,
        caps: Caps | None,
        repo: str,
        path: str,
        pull: Pull,
        progress: Progress,
    ) -> None:
        self._github = github
        self._settings = settings
        self._caps = caps
        self._repo = repo
        self._path = path
        self._pull = pull
        self._progress = progress

    async def read(self) -> Fetched | Skipped:
        base = await self._merge_base()
        draft = cloned = None
        if self._settings.clone == "always":
            cloned = await self._clone(base)
        else:
            draft = await self._in_one_piece()
            if draft is None:
                draft, cloned = await self._by_list(base)
        if cloned is not None:
            draft = cloned.draft
        if draft is None or not draft.changes:
            unread = "; ".join(f"{name}: {reason}" for name, reason in (draft.unread if draft else {}).items())
            return Skipped(f"nothing that can be reviewed changed: {unread}" if unread else "nothing changed")
        files, missing = (cloned.files, cloned.unread) if cloned is not None else await self._files(draft)
        return fetched(self._repo, base, self._pull, draft, files, missing)

    async def _merge_base(self) -> str:
        """The commit that the change is a change of. Commits without a common one are compared as they are."""
        base, head = self._pull.base.sha, self._pull.head.sha
        try:
            told = await self._github.get(
                f"/repos/{self._repo}/compare/{base}...{head}",
                repo=self._repo,
                params={"per_page": 1, "page": 2},  # the files are on the first page only
            )
        except Refused as error:
            if error.status != 404:
                raise
            return base
        commit = told.get("merge_base_commit") if isinstance(told, dict) else None
        sha = commit.get("sha") if isinstance(commit, dict) else None
        return sha if isinstance(sha, str) else base

    # The ways

    async def _in_one_piece(self) -> Draft | None:
        """The diff, None if GitHub does not give it or not all of it."""
        if self._pull.changed_files > MAX_LISTED:
            return None
        try:
            text = await self._github.get(self._path, repo=self._repo, accept=DIFF, max_bytes=MAX_DIFF)
        except Refused as error:
            if error.status not in _TOO_LARGE:
                raise
            await self._progress("the diff is too large for one piece: reading the list of files")
            return None
        if not self._pull.changed_files and not text.strip():
            return Draft("", ())
        try:
            draft = await asyncio.to_thread(draft_of, text)
        except NotADiff:
            return None
        return draft if draft.names >= self._pull.changed_files else None

    async def _by_list(self, base: str) -> tuple[Draft | None, Cloned | None]:
        """The diff from the list of files, or a clone where that leaves something out."""
        beyond = self._pull.changed_files - MAX_LISTED
        if beyond > 0 and (cloned := await self._clone_if_allowed(base)):
            return None, cloned
        listed = await self._github.pages(f"{self._path}/files", repo=self._repo, limit=MAX_LISTED)
        try:
            files = [Listed.model_validate(item) for item in listed]
        except ValidationError as error:
            raise Rejected(f"GitHub's list of the files of {self._path} is not understood") from error
        trees = [await self._tree(sha) for sha in (base, self._pull.head.sha)]
        sections = await asyncio.to_thread(sections_of, files, *trees)
        if sections.lacking and beyond <= 0 and (cloned := await self._clone_if_allowed(base)):
            return None, cloned
        draft = await asyncio.to_thread(sections.filled, await self._lacking(sections, base))
        unlisted = self._pull.changed_files - len(files)
        if unlisted > 0:
            reason = f"GitHub lists {len(files):,} files of a pull request; the others are not reviewed"
            draft = Draft(draft.diff, draft.changes, {**draft.unread, f"{unlisted:,} more files": reason})
        return draft, None

    async def _tree(self, sha: str) -> Tree | None:
        try:
            told = await self._github.get(
                f"/repos/{self._repo}/git/trees/{sha}", repo=self._repo, params={"recursive": 1}
            )
        except Refused:
            return None
        return tree_of(told)

    async def _clone_if_allowed(self, base: str) -> Cloned | None:
        if self._settings.clone == "never":
            return None
        try:
            return await self._clone(base)
        except (CloneFailed, CloneRefused) as error:
            await self._progress(f"{error}: going on with what GitHub lists")
            return None

    async def _clone(self, base: str) -> Cloned:
        url = f"{self._settings.clone_url}/{self._repo}.git"
        authorization = None
        if url.startswith("http"):
            authorization = await self._github.git_authorization(self._repo)
        await self._progress("fetching the change by git")
        return await clone(Remote(url, authorization), base, self._pull.head.sha, self._caps)

    # Contents

    async def _lacking(self, sections: Sections, base: str) -> dict[str, str]:
        """Patches for files whose lines the list leaves out, made from their contents: the first few of them."""
        patches: dict[str, str] = {}
        chosen = [change for change in sections.lacking if change.is_file][:MAX_LACKING]
        room = _Room(MAX_TEXTS)

        async def make(change: Any) -> None:
            old = new = ""
            if change.old is not None:
                old = await self._content(change.old_path, base, room)
            if change.new is not None:
                new = await self._content(change.file.path, self._pull.head.sha, room)
            if old != new and not is_binary(old) and not is_binary(new):
                patches[change.file.path] = patch_between(old, new)

        async def attempt(change: Any) -> None:
            try:
                await make(change)
            except _Unreadable:
                return  # it stays without lines, and is named

        await _each(chosen, attempt)
        return patches

    async def _files(self, draft: Draft) -> tuple[dict[str, str], Mapping[str, str]]:
        """The whole new contents of changed files, and why others have none."""
        paths, unread = wanted(draft.changes, self._settings.max_files)
        files: dict[str, str] = {}
        room = _Room(MAX_TEXTS)

        async def read(path: str) -> None:
            try:
                text = await self._content(path, self._pull.head.sha, room)
            except _Unreadable as error:
                unread[shown(path)] = f"not read whole: {error}"
                return
            if not is_binary(text):
                files[shown(path)] = text

        if paths:
            await self._progress(f"reading {len(paths)} changed files")
        await _each(paths, read)
        return {name: files[name] for name in map(shown, paths) if name in files}, unread

    async def _content(self, path: str, sha: str, room: "_Room") -> str:
        """A file's content at a commit. Raises _Unreadable."""
        if room.left <= 0:
            raise _Unreadable("the change is too large for the contents of all its files")
        place = quote(path.encode("utf-8", "surrogateescape"))
        try:
            text: str = await self._github.get(
                f"/repos/{self._repo}/contents/{place}",
                repo=self._repo,
                accept=RAW,
                params={"ref": sha},
                max_bytes=min(MAX_FILE, room.left),
            )
        except Refused as error:
            raise _Unreadable(error.message or f"GitHub answered {error.status}") from error
        room.left -= len(text.encode("utf-8", "replace"))
        return text


class _Room:
    """The bytes that may still be read; requests underway together may take a little more."""

    def __init__(self, size: int) -> None:
        self.left = size


class _Unreadable(Exception):
    """A content that cannot be had; the message says why."""


async def _each(items: Iterable[Any], work: Callable[[Any], Awaitable[None]]) -> None:
    """Work on each, AT_ONCE at a time. The first error ends all, and is raised."""
    queue = iter(items)

    async def run() -> None:
        for item in queue:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(run())
    except ExceptionGroup as error:
        raise error.exceptions[0] from None
