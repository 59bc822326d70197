"""Faults: what the client hears, and whether it was carried out."""

import asyncio

import httpx2
import pytest

from tests.component.testing.github_double import PULL, REPO, REVIEWS, opened

BODY = {"body": "Once."}


@pytest.mark.parametrize(
    ("kind", "status", "committed"),
    [
        ("500", 500, False),
        ("commit-then-500", 500, True),
        ("403-retry-after", 403, False),
        ("429", 429, False),
        ("commit-late", 502, False),
        ("slow", 200, True),
    ],
)
async def test_a_fault_that_is_answered(kind: str, status: int, committed: bool) -> None:
    async with opened() as (gh, http):
        gh.fault(kind, method="POST", path=r"/reviews$", seconds=None if kind == "commit-late" else 0.01)
        answer = await http.post(REVIEWS, json=BODY)
        assert answer.status_code == status
        assert ("retry-after" in answer.headers) == (status in (403, 429))
        assert len(gh.reviews(REPO, 1)) == committed
        (entry,) = gh.journal()
        assert (entry["fault"], entry["status"], entry["committed"] == 200) == (kind, status, committed)
        assert gh.faults()[0]["hits"] == 1
        assert (await http.get(REVIEWS)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "committed"), [("hang", 0), ("commit-then-hang", 1), ("cut", 0), ("commit-then-cut", 1)]
)
async def test_a_fault_that_is_not_answered(kind: str, committed: int) -> None:
    async with opened() as (gh, http):
        gh.fault(kind)
        with pytest.raises((httpx2.ReadTimeout, httpx2.RemoteProtocolError)) as raised:
            await http.post(REVIEWS, json=BODY, timeout=0.3)
        assert isinstance(raised.value, httpx2.ReadTimeout) == kind.endswith("hang")
        assert len(gh.reviews(REPO, 1)) == committed
        assert gh.journal()[0]["status"] is None
        assert (await http.get(REVIEWS)).status_code == 200


async def test_what_is_late_is_committed_when_it_is_told_to_settle() -> None:
    async with opened() as (gh, http):
        gh.fault("commit-late", method="POST", count=2)
        for _ in range(2):
            assert (await http.post(REVIEWS, json=BODY)).status_code == 502
        assert gh.reviews(REPO, 1) == []
        assert await gh.settle() == 2
        assert [review["body"] for review in gh.reviews(REPO, 1)] == ["Once."]
        assert [entry["committed"] for entry in gh.journal()] == [200, 422]
        assert await gh.settle() == 0


async def test_what_is_late_is_committed_by_its_timer() -> None:
    async with opened() as (gh, http):
        gh.fault("commit-late", method="POST", seconds=0.02)
        await http.post(REVIEWS, json=BODY)
        for _ in range(500):
            if gh.reviews(REPO, 1):
                break
            await asyncio.sleep(0.01)
        assert len(gh.reviews(REPO, 1)) == 1
        assert await gh.settle() == 0


async def test_faults_strike_those_that_match_as_often_as_they_were_told() -> None:
    async with opened() as (gh, http):
        gh.fault("500", method="GET", path=r"/pulls/\d+$", count=2, skip=1)
        assert (await http.get(REVIEWS)).status_code == 200
        assert [(await http.get(PULL)).status_code for _ in range(4)] == [200, 500, 500, 200]
        gh.fault("429", count=None)
        assert [(await http.get(PULL)).status_code for _ in range(3)] == [429] * 3
        gh.clear_faults()
        assert (await http.get(PULL)).status_code == 200


async def test_faults_by_chance_are_the_same_for_a_seed() -> None:
    runs = []
    for seed in (1, 1, 2):
        async with opened() as (gh, http):
            gh.fault("500", count=None, probability=0.5, seed=seed)
            runs.append([(await http.get(PULL)).status_code for _ in range(20)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 500}
