"""The gateway as a GitHub App, at a double of GitHub: from what people do there to the result."""

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from quorate import Context, agent
from quorate.contract.finding import Finding
from quorate.embedded import EmbeddedBroker
from quorate.github import GitHub, credentials_of
from quorate.testing.github import GitHubDouble
from quorate_gateway.sweep import Sweep
from tests.integration.test_gateway import SECRET, Sender, gateway
from tests.support.system import System, system

REPO = "acme/shop"


@agent("mine", kinds=["code-review"])
async def mine(ctx: Context) -> list[Finding]:
    """Finds something on the first line of every file that it is given whole."""
    assert ctx.parsed is not None
    return [Finding(path=path, line=1, message="bad", severity="high") for path in sorted(ctx.parsed.input.files)]


@dataclass
class Hub:
    """GitHub, and a gateway that is its App."""

    github: GitHubDouble
    system: System
    sender: Sender

    async def deliver(self) -> list[dict[str, Any]]:
        """What the gateway answers to the webhooks that wait."""
        return [json.loads(each["answer"]) for each in await self.github.deliver(f"{self.sender.url}/github/webhook")]

    async def result_of(self, answer: dict[str, Any]) -> Any:
        return await self.system.client.result(answer["task"], timeout=20)


@asynccontextmanager
async def hub(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, **rules: Any) -> AsyncIterator[Hub]:
    async with GitHubDouble() as github:
        app = github.app()
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        monkeypatch.delenv("GITHUB_API_URL", raising=False)
        monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("GITHUB_PRIVATE_KEY", app["private_key"])
        github.set_hook(secret=SECRET)
        github.create_repository(REPO, {"app.py": "one = 1\n"})
        settings = {"api_url": github.url, "git_url": github.git_url, "app_id": app["id"], "sweep_s": 0.0, **rules}
        async with system(broker, mine, github=settings) as s, gateway(s.settings) as sender:
            github.take()
            yield Hub(github, s, sender)


async def test_a_pull_request_is_reviewed_with_what_is_in_it(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub(broker, monkeypatch) as h:
        h.github.open_pull(REPO, {"app.py": "one = 1\ntwo = 2\n"})
        [answer] = await h.deliver()
        result = await h.result_of(answer)
        assert (result.state, result.series) == ("completed", f"github:{REPO}#1")
        assert [(each.path, each.message) for each in result.findings] == []
        assert result.coverage.agents["mine"].outside_change == 1

        h.github.push(REPO, 1, {"app.py": "one = 3\ntwo = 2\n"})
        [answer] = await h.deliver()
        result = await h.result_of(answer)
        assert (result.state, result.head_sha) == ("completed", h.github.pull(REPO, 1)["head"]["sha"])
        assert [(each.path, each.line) for each in result.findings] == [("app.py", 1)]


async def test_what_was_closed_meanwhile_is_not_reviewed(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub(broker, monkeypatch) as h:
        h.github.open_pull(REPO, {"app.py": "two = 2\n"})
        h.github.close(REPO, 1)
        [answer] = [each for each in await h.deliver() if "task" in each]
        assert (await h.result_of(answer)).state == "canceled"


async def test_commands_are_for_those_who_may(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub(broker, monkeypatch) as h:
        for who, role in (("alice", "write"), ("bob", "read"), ("carol", "read")):
            h.github.set_permission(REPO, who, role)
        h.github.open_pull(REPO, {"app.py": "two = 2\n"}, author="bob")
        await h.deliver()
        told = {}
        for who in ("alice", "bob", "carol", "nobody"):
            h.github.comment(REPO, 1, "/quorate review", by=who)
            [answer] = await h.deliver()
            told[who] = (await h.result_of(answer)).answers["github"]
        assert {who: answer["allowed"] for who, answer in told.items()} == {
            "alice": True,
            "bob": True,
            "carol": False,
            "nobody": False,
        }
        assert (await h.system.client.result(told["alice"]["task"], timeout=20)).state == "completed"


async def test_what_github_lost_is_asked_for_and_reviewed(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub(broker, monkeypatch) as h:
        h.github.set_hook(f"{h.sender.url}/github/webhook", "It's a Secret to Everybody")
        h.github.open_pull(REPO, {"app.py": "two = 2\n"})
        h.github.lose()
        rules = h.system.settings.github
        github = GitHub(rules, credentials_of(rules, os.environ))
        try:
            sweep = Sweep(h.sender.bus, github, time.time)
            assert await sweep.round() == 1
            await h.github.settle()
            [lost, again] = h.github.deliveries()
            assert (lost["status_code"], again["status_code"], again["guid"]) == (0, 202, lost["guid"])
            assert await sweep.round() == 0
        finally:
            await github.close()
