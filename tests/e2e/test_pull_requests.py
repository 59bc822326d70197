"""A pull request from the webhook to the review and on to the next push, on a double of GitHub."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from quorate.contract.facts import Written
from quorate.embedded import EmbeddedBroker
from quorate.testing.github import GitHubDouble
from tests.support.marking import SERVICES, marker
from tests.support.system import System, system, until

REPO = "acme/shop"
SECRET = "a secret of this test"
BASE = {"shop.py": "def total(items):\n    return sum(items)\n", "notes.txt": "one\ntwo\nthree\n"}


@dataclass
class Forge:
    """The double, and the system that reviews its pull requests."""

    github: GitHubDouble
    system: System
    hook: str

    async def delivered(self, times: int = 1) -> list[dict[str, Any]]:
        """Deliver every event that waits, so many times, and return the answers of the last time."""
        answers = await self.github.deliver(self.hook, SECRET)
        for _ in range(times - 1):
            for answer in list(answers):
                await self.github.redeliver(answer["guid"], self.hook)
        return answers

    async def written(self, count: int) -> list[Any]:
        """The receipts of the writer, once there are so many."""

        async def are_there() -> bool:
            return len(await self._receipts()) >= count

        await until(are_there, timeout_s=20)
        return await self._receipts()

    async def _receipts(self) -> list[Any]:
        tasks = [result.task_id for result in await self.system.results()]
        return [fact for task in tasks for fact in await self.system.facts(task, Written)]

    def submitted(self, number: int = 1) -> list[dict[str, Any]]:
        return [review for review in self.github.reviews(REPO, number) if review["state"] != "PENDING"]


@asynccontextmanager
async def forge(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, **github: Any) -> AsyncIterator[Forge]:
    async with GitHubDouble() as double:
        double.create_repository(REPO, BASE)
        monkeypatch.setenv("GITHUB_TOKEN", double.token("quorate"))
        monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
        double.set_permission(REPO, "quorate", "write")
        settings = {"api_url": double.url, "git_url": double.git_url, "write_interval_s": 0} | github
        async with system(broker, marker, only=SERVICES, github=settings, agents_wait_s=5.0) as s:
            yield Forge(double, s, f"{s.http_url}/github/webhook")


async def test_one_push_is_one_review_however_often_it_is_told(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forge(broker, monkeypatch) as f:
        f.github.open_pull(REPO, {"shop.py": BASE["shop.py"] + "\n\ndef bad():\n    BAD idea\n"}, title="Add bad")
        answers = await f.delivered(times=5)
        assert {answer["status"] for answer in answers} == {"OK"}
        [receipt] = await f.written(1)
        assert receipt.state == "done"
        [review] = f.submitted()
        assert (review["state"], review["user"]["login"]) == ("CHANGES_REQUESTED", "quorate")
        [comment] = review["comments"]
        assert (comment["path"], comment["line"]) == ("shop.py", 6)
        assert "Bad: idea" in comment["body"]


async def test_a_second_push_resolves_what_is_gone_and_posts_only_what_is_new(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forge(broker, monkeypatch) as f:
        text = BASE["shop.py"] + "\n\nBAD idea\nok = 1\nBAD taste\n"
        f.github.open_pull(REPO, {"shop.py": text})
        await f.delivered()
        await f.written(1)
        # One is mended, one moves down, one is new.
        mended = "import os\n" + text.replace("BAD idea", "good = 1")
        f.github.push(REPO, 1, {"shop.py": mended, "b.py": "BAD luck\n"})
        await f.delivered()
        await f.written(2)
        first, second = f.submitted()
        assert [told(comment) for comment in first["comments"]] == ["idea", "taste"]
        assert [told(comment) for comment in second["comments"]] == ["luck"]
        threads = {told(thread["comments"][0]): thread["isResolved"] for thread in f.github.threads(REPO, 1)}
        assert threads == {"idea": True, "taste": False, "luck": False}
        assert "1 new" in second["body"]


async def test_what_a_person_dismisses_is_not_told_again(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forge(broker, monkeypatch) as f:
        f.github.set_permission(REPO, "maintainer", "write")
        text = BASE["shop.py"] + "\n\nBAD idea\n"
        f.github.open_pull(REPO, {"shop.py": text})
        await f.delivered()
        await f.written(1)
        [thread] = f.github.threads(REPO, 1)
        root = thread["comments"][0]["id"]
        f.github.reply(REPO, 1, root, "/quorate dismiss it is meant so", by="stranger")
        f.github.reply(REPO, 1, root, "/quorate dismiss it is meant so", by="maintainer")
        await f.delivered()
        await f.written(3)
        [thread] = f.github.threads(REPO, 1)
        assert thread["isResolved"]
        answers = [comment["body"] for comment in thread["comments"] if comment["user"]["login"] == "quorate"][1:]
        assert sorted("Dismissed" in answer for answer in answers) == [False, True]
        assert [review["state"] for review in f.submitted() if review["body"]] == ["DISMISSED"]

        f.github.push(REPO, 1, {"shop.py": "import os\n" + text, "b.py": "BAD luck\n"})
        await f.delivered()
        await f.written(4)
        second = f.submitted()[-1]
        assert [told(comment) for comment in second["comments"]] == ["luck"]
        results = {result.head_sha: result for result in await f.system.results() if result.kind == "code-review"}
        decided = {finding.message: finding for finding in results[second["commit_id"]].findings}
        assert decided["Bad: luck"].decision == "confirmed"
        assert decided["Bad: idea"].decision == "withheld"
        assert "dismissed by maintainer: it is meant so" in decided["Bad: idea"].reason


def told(comment: dict[str, Any]) -> str:
    """What the agent said in a comment."""
    found = re.search(r"Bad: (\w+)", comment["body"])
    assert found is not None, comment["body"]
    return found[1]
