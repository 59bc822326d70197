"""Kill everything at each step on the way of a pull request: it gets one review, and the next push knows of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quorate.contract import subjects
from quorate.contract.facts import Written
from quorate.contract.history import History
from quorate.contract.ids import series_key
from quorate.embedded import EmbeddedBroker
from quorate.settings import Settings
from quorate.testing.github import GitHubDouble
from tests.support.crashing import OF_GITHUB
from tests.support.marking import SERVICES, marker
from tests.support.system import settings_of, system, until

ROOT = Path(__file__).parents[2]
REPO = "acme/shop"
SECRET = "a secret of this test"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.create_repository(REPO, {"a.py": "one = 1\n"})
        double.set_permission(REPO, "quorate", "write")
        monkeypatch.setenv("GITHUB_TOKEN", double.token("quorate"))
        monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
        yield double


@asynccontextmanager
async def child(settings: Settings, crashpoint: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """All services in a process that dies at the crashpoint, and where its gateway listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.marking", settings.model_dump_json(exclude_unset=True)),
        cwd=ROOT,
        env={**os.environ, "QUORATE_CRASHPOINT": crashpoint},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process, (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("crashpoint", OF_GITHUB)
async def test_a_pull_request_gets_one_review_although_everything_is_killed(
    broker: EmbeddedBroker, github: GitHubDouble, crashpoint: str
) -> None:
    own = {"api_url": github.url, "git_url": github.git_url, "write_interval_s": 0}
    chosen = settings_of(broker, github=own, agents_wait_s=20.0, partitions=1, ack_wait_s=0.5, stop_grace_s=0.0)
    github.open_pull(REPO, {"a.py": "one = 1\nBAD idea\n"})
    async with child(chosen, crashpoint) as (process, url):
        hook = f"{url}/github/webhook"
        delivered = await github.deliver(hook, SECRET)
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    changed = chosen.model_dump(exclude_unset=True)
    async with system(broker, marker, only=SERVICES, **{k: v for k, v in changed.items() if k != "nats_url"}) as s:
        for each in delivered:
            await github.redeliver(each["guid"], f"{s.http_url}/github/webhook")

        async def is_written() -> bool:
            results = await s.results()
            return bool(results) and bool(await s.facts(results[0].task_id, Written))

        await until(is_written, timeout_s=30)
        [result] = await s.results()
        [written] = await s.facts(result.task_id, Written)
        assert (result.state, written.state) == ("completed", "done")
        [review] = github.reviews(REPO, 1)
        assert review["state"] == "CHANGES_REQUESTED"
        assert len(review["comments"]) == 1
        key = series_key(s.settings.tenant, f"github:{REPO}#1")
        stored = await s.bus.get_last(f"KV_{subjects.LEDGER}", subjects.history(key))
        assert stored is not None
        history = History.model_validate_json(stored.data)
        assert ([issue.state for issue in history.issues], history.recorded) == (["open"], (result.task_id,))
        assert await s.dead_letters() == []
