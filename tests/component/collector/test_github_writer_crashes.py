"""The writer dies before or after each of its requests, and another one goes on: one review, and everything right."""

from collections.abc import Iterator
from typing import Any

import pytest

from quorate.contract.result import Result
from quorate_collector.domain import markers
from tests.component.collector.pull_requests import Deadly, Desk, Ground, Killed, finding, gone, grounds


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with grounds(tmp_path_factory.mktemp("broker")) as made:
        yield made


HIGH: dict[str, Any] = {"severity": "high"}
MANY = 60
"""Findings: more annotations than one request takes."""


async def first(of: Desk) -> Result:
    """The first review. GitHub does not know one of the places."""
    findings = [finding("f1", 2, **HIGH), finding("ghost", 1, path="ghost.py"), finding("f2", 3)]
    return await of.result(*findings, ghost=True, verdict="request_changes")


def seen_first(of: Desk, task: str) -> None:
    [review] = of.reviews()
    assert review["state"] == "CHANGES_REQUESTED"
    assert of.threads().keys() == {"f1", "f2"}
    assert "Message of ghost" in review["body"]
    [run] = of.gh.check_runs(of.repo)
    assert (run["external_id"], run["conclusion"]) == (task, "failure")


async def second(of: Desk) -> Result:
    """A later review: one finding is gone, one still there, and many are new."""
    findings = [finding("f2", 3), finding("f3", 4), *(finding(f"n{n}", 30 + n) for n in range(MANY))]
    return await of.result(*findings, resolved=[gone("f1")])


def seen_second(of: Desk, task: str) -> None:
    before, after = of.reviews()
    assert (before["state"], after["state"]) == ("DISMISSED", "COMMENTED")
    threads = of.threads()
    assert threads.keys() >= {"f1", "f2", "f3"}
    assert {issue for issue, thread in threads.items() if thread["isResolved"]} == {"f1"}
    assert all(len(thread["comments"]) == 1 for thread in threads.values())
    assert len(of.gh.threads(of.repo, 1)) == len(threads), "no comment is there twice"
    assert all(f"Message of n{n}" in after["body"] or f"n{n}" in threads for n in range(MANY))
    [run] = [run for run in of.gh.check_runs(of.repo) if run["external_id"] == task]
    assert len(run["annotations"]) == MANY + 2
    assert 1 <= len([each for each in of.gh.sarifs(of.repo) if each["commit"] == of.head]) <= 2


async def failed(of: Desk) -> Result:
    return await of.result(state="failed", verdict=None, reason="no agent answered")


def seen_failed(of: Desk, task: str) -> None:
    [comment] = of.gh.comments(of.repo, 1)
    assert "no agent answered" in comment["body"]
    [run] = of.gh.check_runs(of.repo)
    assert run["conclusion"] == "action_required"


async def answered(of: Desk) -> Result:
    thread = of.threads()["f1"]
    root = thread["comments"][0]["id"]
    said = of.gh.reply(of.repo, 1, root, "/quorate dismiss f1 wrong", by="author")
    return await of.command("dismiss", "f1 is dismissed.", said["id"], finding="f1", thread_of=root)


def seen_answered(of: Desk, task: str) -> None:
    thread = of.threads()["f1"]
    assert thread["isResolved"]
    assert [comment["user"]["login"] for comment in thread["comments"]] == ["quorate[bot]", "author", "quorate[bot]"]
    assert "is dismissed" in thread["comments"][2]["body"]
    assert [each["content"] for each in of.gh.reactions(of.repo, 1)] == ["+1"]


SCENES: dict[str, Any] = {
    "the first review": ([], first, seen_first),
    "a later review": ([first], second, seen_second),
    "a failed review": ([], failed, seen_failed),
    "an answer": ([first], answered, seen_answered),
}


@pytest.mark.parametrize("scene", SCENES)
async def test_a_writer_may_die_at_any_request(ground: Ground, scene: str) -> None:
    before, made, seen = SCENES[scene]

    async def begun(of: Desk) -> Result:
        for earlier in before:
            await of.tell(await earlier(of))
            if made is second:
                of.push()
        result: Result = await made(of)
        return result

    async with ground.desk(sarif=True) as shared:
        whole = Deadly()
        calm = shared.afresh()
        result = await begun(calm)
        await calm.tell(result, whole)
        seen(calm, result.task_id)
        assert len(whole.deaths()) > 4

        for number, after in whole.deaths():
            of = shared.afresh()
            result = await begun(of)
            with pytest.raises(Killed) as killed:
                await of.tell(result, Deadly(number, after=after))
            receipt = await of.tell(result)
            try:
                seen(of, result.task_id)
                assert not [r for r in of.gh.reviews(of.repo, 1) if r["state"] == "PENDING"]
            except Exception as error:
                raise AssertionError(f"killed {killed.value}") from error
            assert receipt is not None
            assert await of.tell(result) is None, "a receipt ends it"


async def test_a_writer_may_die_again_and_again(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await first(of)
        for number in range(1, 60):
            try:
                await of.tell(result, Deadly(number, after=number % 3 != 0))
            except Killed:
                continue
            break

        seen_first(of, result.task_id)
        assert not [review for review in of.gh.reviews(of.repo, 1) if review["state"] == "PENDING"]
        assert markers.is_review(of.reviews()[0]["body"])
