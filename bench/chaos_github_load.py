"""The people of a chaos run: they open pull requests, push, close and dismiss, each after the story of it."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import nats
from nats.aio.client import Client as NatsClient

from bench.chaos_evidence import api
from bench.chaos_github_forge import PERSON, Forge
from bench.chaos_github_plan import LOGIN, Story
from bench.chaos_github_words import Tree, word_of
from quorate.contract import subjects
from quorate.contract.ids import task_id_from_key

TENANT = "default"
REVIEW, COMMAND = "code-review", "review-command"
RECEIPTS = "quorate.log.*.*.written.github"

LOOK_S = 0.5
WAIT_S = 180.0
"""So long a story waits for a receipt before it goes on without; the audit then says what is missing."""

_ISSUE = re.compile(r"<!-- quorate:finding ([\w.-]+) -->\s*\Z")


@dataclass
class Head:
    """A commit that was pushed, ``at`` seconds since the epoch, and what it holds."""

    sha: str
    tree: Tree
    at: float


@dataclass
class Pull:
    """A pull request as its people know it. ``dismissed`` is (word, issue), ``commands`` are ids of comments."""

    story: int
    repo: str
    number: int
    heads: list[Head] = field(default_factory=list)
    closed: bool = False
    dismissed: tuple[str, str] | None = None
    commands: list[int] = field(default_factory=list)

    @property
    def series(self) -> str:
        return f"github:{self.repo}#{self.number}"

    def review(self, sha: str) -> str:
        """The task that reviews a commit."""
        return task_id_from_key(TENANT, REVIEW, f"{self.series}@{sha}:review")

    def command(self, comment: int) -> str:
        """The task of a comment."""
        return task_id_from_key(TENANT, COMMAND, f"{self.series}:comment-{comment}")

    @property
    def tasks(self) -> list[str]:
        return [self.review(head.sha) for head in self.heads] + [self.command(each) for each in self.commands]

    def noted(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, note: dict[str, Any]) -> "Pull":
        """What was noted, as it was."""
        heads = [Head(**head) for head in note["heads"]]
        dismissed = tuple(note["dismissed"]) if note["dismissed"] else None
        return cls(**{**note, "heads": heads, "dismissed": dismissed})


class Receipts:
    """Which tasks have been written to GitHub. ``run`` it as a task."""

    def __init__(self, client: NatsClient) -> None:
        self._client = client
        self._more = asyncio.Condition()
        self.tasks: set[str] = set()

    async def run(self) -> None:
        while True:
            try:
                told = await api(self._client, f"STREAM.INFO.{subjects.LOG}", {"subjects_filter": RECEIPTS})
            except (nats.errors.Error, ValueError, TimeoutError):
                # The broker is away, or the log is not there yet.
                told = {"state": {}}
            found = {subject.split(".")[3] for subject in told["state"].get("subjects") or {}}
            async with self._more:
                self.tasks |= found
                self._more.notify_all()
            await asyncio.sleep(LOOK_S)

    async def until(self, has: Callable[[set[str]], bool], timeout_s: float = WAIT_S) -> bool:
        """Whether it came to this in time."""
        try:
            async with asyncio.timeout(timeout_s), self._more:
                await self._more.wait_for(lambda: has(self.tasks))
        except TimeoutError:
            return False
        return True


class Load:
    """Plays the stories, all at their times."""

    def __init__(self, forge: Forge, receipts: Receipts, stories: tuple[Story, ...]) -> None:
        self._forge = forge
        self._receipts = receipts
        self._stories = stories
        self.pulls: list[Pull] = []
        self.told = 0

    async def run(self) -> None:
        """Return when every story has come to its end."""
        begin = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for story in self._stories:
                await asyncio.sleep(max(0.0, begin + story.at - time.monotonic()))
                group.create_task(self._play(story))

    async def _play(self, story: Story) -> None:
        made = await self._forge.call(
            "open_pull", repo=story.repo, head=story.first, title=f"Change {story.number}", author=PERSON
        )
        pull = Pull(story.number, story.repo, made["number"])
        self._pushed(pull, made, story.first)
        self.pulls.append(pull)
        if story.course in ("overtaken", "closed"):
            await asyncio.sleep(story.after_s)
        elif story.course != "once":
            await self._until_written(pull.review(pull.heads[0].sha))
        if story.dismissed is not None:
            await self._dismiss(pull, story.dismissed)
        if story.course == "closed":
            pull.closed = True
            await self._forge.call("close", repo=pull.repo, number=pull.number)
        if story.second is not None:
            made = await self._forge.call("push", repo=pull.repo, number=pull.number, head=story.second)
            self._pushed(pull, made, story.second)
        self.told += 1

    @staticmethod
    def _pushed(pull: Pull, made: dict[str, Any], tree: Tree) -> None:
        pull.heads.append(Head(made["head"]["sha"], tree, time.time()))

    async def _dismiss(self, pull: Pull, word: str) -> None:
        """As a reader of the comment does, by the id that stands in it. Without the comment there is nothing to do."""
        for review in await self._forge.call("reviews", repo=pull.repo, number=pull.number):
            for comment in review["comments"]:
                issue = _ISSUE.search(comment["body"])
                if comment["user"]["login"] == LOGIN and word_of(comment["body"]) == word and issue:
                    text = f"/quorate dismiss {issue[1]} this is wanted"
                    made = await self._forge.call("comment", repo=pull.repo, number=pull.number, body=text, by=PERSON)
                    pull.dismissed = (word, issue[1])
                    pull.commands.append(made["id"])
                    await self._until_written(pull.command(made["id"]))
                    return

    async def _until_written(self, task: str) -> None:
        await self._receipts.until(lambda tasks: task in tasks)
