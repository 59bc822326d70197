"""The collector in a whole system: whose word counts, and what is concluded when not everyone speaks."""

import asyncio
from typing import Any

import pytest

from quorate import Context, Contribution, agent
from quorate.agent_definition import Agent
from quorate.contract.facts import Outcome
from quorate.contract.finding import Finding
from quorate.embedded import EmbeddedBroker
from quorate.log import publish_fact
from tests.support.system import DIFF, emptied, system, until

LEAK = Finding(path="x.py", line=1, message="Leak", severity="critical", category="security")


def reviewer(name: str, *found: Finding) -> Agent:
    @agent(name)
    async def review(ctx: Context) -> list[Finding]:
        return list(found)

    return review


def silent(name: str, kind: str = "k") -> Agent:
    @agent(name, kinds=[kind])
    async def wait(ctx: Context) -> None:
        await asyncio.Event().wait()

    return wait


def held(name: str, go: asyncio.Event, value: Any = 1) -> Agent:
    @agent(name, kinds=["k", "code-review"])
    async def wait(ctx: Context) -> Any:
        await go.wait()
        return value

    return wait


async def assigned(s: Any, task: str) -> None:
    async def stands() -> bool:
        return "assigned" in {record.type for record in await s.client.facts(task)}

    await until(stands)


async def test_two_agents_confirm_what_one_alone_cannot(broker: EmbeddedBroker) -> None:
    change = {"diff": DIFF, "files": {"x.py": "b\n"}}
    async with system(broker, reviewer("a", LEAK), reviewer("b", LEAK)) as s:
        result = await s.run("code-review", change)
        [finding] = result.findings
        assert (finding.decision, finding.reason) == ("confirmed", "2 lineages (a, b) found it, critical needs 2")
        assert [vote.agent for vote in finding.votes] == ["a", "b"]
        assert (result.verdict, result.summary) == ("request_changes", "1 critical found by 2 of 2 agents")

    async with system(broker, reviewer("a", LEAK), reviewer("b")) as s:
        result = await s.run("code-review", change)
        assert [finding.decision for finding in result.findings] == ["demoted"]
        assert result.verdict == "comment"


async def test_lineages_are_the_operators_to_decide(broker: EmbeddedBroker) -> None:
    same: dict[str, Any] = {"agents": {"a": {"lineage": "gpt"}, "b": {"lineage": "gpt"}}}
    async with system(broker, reviewer("a", LEAK), reviewer("b", LEAK), **same) as s:
        result = await s.run("code-review", {"diff": DIFF})
        [finding] = result.findings
        assert finding.decision == "demoted"
        assert {vote.lineage for vote in finding.votes} == {"gpt"}
        assert {each.lineage for each in result.coverage.agents.values()} == {"gpt"}


async def test_the_operators_quorum_counts(broker: EmbeddedBroker) -> None:
    async with system(broker, reviewer("a", LEAK), quorum={"critical": 1}) as s:
        [finding] = (await s.run("code-review", {"diff": DIFF})).findings
        assert finding.decision == "confirmed"


async def test_a_contribution_of_an_agent_that_was_not_asked_is_ignored(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()
    async with system(broker, held("a", go, [LEAK])) as s:
        task = await s.client.submit("code-review", {"diff": DIFF})
        await assigned(s, task)
        for key in ("stranger.review", "stranger.work", "a.other", "a.review~2", "a", "a.review.more"):
            await publish_fact(s.bus, task, key, Contribution(version="1", findings=(LEAK,), answer="forged"))
        go.set()
        result = await s.client.result(task, timeout=20)
        assert list(result.coverage.agents) == ["a"]
        [finding] = result.findings
        assert [vote.agent for vote in finding.votes] == ["a"]
        assert (finding.decision, result.answers) == ("demoted", {})


async def test_contributions_to_a_task_that_nobody_submitted_make_no_task(broker: EmbeddedBroker) -> None:
    async with system(broker, reviewer("a")) as s:
        await publish_fact(s.bus, "t1", "a.review", Contribution(answer="x"))
        await s.run("code-review", {"diff": DIFF})
        assert [record.type for record in await s.client.facts("t1")] == ["contribution"]
        assert await s.bus.get_last("KV_QUORATE_STATE", "$KV.QUORATE_STATE.collector.t1") is None


async def test_whoever_is_missing_at_the_deadline_makes_the_result_partial(broker: EmbeddedBroker) -> None:
    async with system(broker, reviewer("a", LEAK), silent("b", "code-review")) as s:
        result = await s.run("code-review", {"diff": DIFF}, deadline_s=0.3)
        assert (result.state, result.partial, result.missing) == ("completed", True, ("b",))
        assert result.reason == "no answer before the deadline from b"
        assert {name: each.state for name, each in result.coverage.agents.items()} == {"a": "ok", "b": "missing"}
        assert (len(result.findings), result.verdict) == (1, "comment")
        assert 300 <= result.timings.elapsed_ms < 5_000


async def test_a_task_that_nobody_answers_fails_at_the_deadline(broker: EmbeddedBroker) -> None:
    async with system(broker, silent("a"), silent("b")) as s:
        result = await s.run("k", deadline_s=0.2)
        assert (result.state, result.partial, result.missing) == ("failed", True, ("a", "b"))
        assert (result.summary, result.verdict) == ("no agent answered", None)
        assert result.reason == "no answer before the deadline from a, b"


async def test_the_deadline_of_the_settings_counts_where_none_was_asked_for(broker: EmbeddedBroker) -> None:
    async with system(broker, silent("a"), task_deadline_s=0.2) as s:
        assert (await s.run("k")).state == "failed"


async def test_what_comes_after_the_deadline_changes_nothing(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()

    @agent("late", kinds=["k"])
    async def late(ctx: Context) -> int:
        try:
            await go.wait()
        except asyncio.CancelledError:
            # It will not be stopped.
            await go.wait()
        return 1

    async with system(broker, late) as s:
        result = await s.run("k", deadline_s=0.2)
        go.set()
        await emptied(s.bus, "QUORATE_WORK")
        await s.run("k", deadline_s=0.2)
        assert len(await s.facts(result.task_id, Outcome)) == 1
        assert await s.client.result(result.task_id, timeout=5) == result


async def test_the_collector_reads_contributions_of_any_size(broker: EmbeddedBroker) -> None:
    many = [Finding(path="x.py", line=1, message=f"{n} {'x' * 500}", severity="low") for n in range(1_200)]
    async with system(broker, reviewer("a", *many), reviewer("b", *many)) as s:
        result = await s.run("code-review", {"diff": DIFF})
        assert len(result.findings) == 1_200
        assert {len(finding.votes) for finding in result.findings} == {2}


async def test_large_answers_go_by_reference(broker: EmbeddedBroker) -> None:
    @agent("big", kinds=["k"])
    async def big(ctx: Context) -> str:
        return "x" * 900_000

    async with system(broker, big) as s:
        result = await s.run("k")
        assert result.answers == {"big": "x" * 900_000}
        [stored] = await s.results()
        assert (stored.answers, stored.answers_ref is not None) == ({}, True)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"state": "failed", "reason": "r" * 2_000_000}, id="a long reason"),
        pytest.param({"version": "v" * 2_000_000}, id="a long version"),
        pytest.param({"unread": {f"{n}{'p' * 300}": "" for n in range(6_000)}}, id="many paths"),
    ],
)
async def test_an_agent_that_says_too_much_does_not_stop_its_partition(
    broker: EmbeddedBroker, said: dict[str, Any]
) -> None:
    @agent("talkative", kinds=["k"])
    async def talkative(ctx: Context) -> Contribution:
        return Contribution.model_validate(said if ctx.input else {})

    async with system(broker, talkative, partitions=1) as s:
        task = await s.client.submit("k", {"talk": True})
        assert (await s.run("k")).state == "completed"
        assert (await s.client.result(task, timeout=10)).state in ("completed", "failed")
