"""Findings without a quorum in a whole system: who is asked about them, and what becomes of them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from quorate import Ballot, Context, Contribution, Finding, agent
from quorate.agent_definition import Agent
from quorate.contract.facts import Assigned, Outcome, Planned
from quorate.contract.finding import DecidedFinding
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from quorate.log import publish_fact
from quorate_collector.adapters.histories import Histories
from tests.support.system import DIFF, System, services, system, until

CHANGE = {"diff": DIFF, "files": {"x.py": "b\n"}}
LEAK = Finding(path="x.py", line=1, message="Leak", severity="critical", category="security")
CLEAN: tuple[Finding, ...] = ()

VERIFY: dict[str, Any] = {"critical": {"lineages": 2, "otherwise": "verify", "verifiers": ["checker"]}}
DISCUSS: dict[str, Any] = {"critical": {"lineages": 2, "otherwise": "discuss", "rounds": 2}}


def reviewer(name: str, *found: Finding) -> Agent:
    @agent(name)
    async def review(ctx: Context) -> list[Finding]:
        return list(found)

    return review


Say = Callable[[DecidedFinding], Ballot]


def agrees(finding: DecidedFinding) -> Ballot:
    return Ballot(finding=finding.id, agrees=True, message="it is logged")


def disagrees(finding: DecidedFinding) -> Ballot:
    return Ballot(finding=finding.id, agrees=False, message="only constants reach it")


def asked(name: str, kind: str, say: Say, seen: list[tuple[DecidedFinding, ...]] | None = None) -> Agent:
    """An agent that says the same of every finding; ``seen`` gets what it was shown."""

    @agent(name, kinds=[kind])
    async def vote(ctx: Context) -> list[Ballot]:
        assert ctx.input["diff"] == DIFF
        if seen is not None:
            seen.append(ctx.in_question)
        return [say(finding) for finding in ctx.in_question]

    return vote


def waiting(name: str, kind: str, go: asyncio.Event, say: Say = agrees) -> Agent:
    @agent(name, kinds=[kind])
    async def vote(ctx: Context) -> list[Ballot]:
        await go.wait()
        return [say(finding) for finding in ctx.in_question]

    return vote


async def has_begun(s: System, task: str, run: str) -> None:
    async def stands() -> bool:
        return any(each.type == "assigned" and each.key == (run,) for each in await s.client.facts(task))

    await until(stands)


def decision(result: Result) -> tuple[str, str]:
    [finding] = result.findings
    return finding.decision, finding.reason


async def test_what_a_verifier_agrees_with_is_confirmed(broker: EmbeddedBroker) -> None:
    seen: list[tuple[DecidedFinding, ...]] = []
    async with system(broker, reviewer("a", LEAK), asked("checker", "verify", agrees, seen), quorum=VERIFY) as s:
        result = await s.run("code-review", CHANGE)
        assert decision(result)[0] == "confirmed"
        assert decision(result)[1].startswith("2 lineages (a, checker) supported it, critical needs 2; verification")
        assert (result.state, result.partial, result.verdict) == ("completed", False, "request_changes")
        assert {name: each.state for name, each in result.coverage.agents.items()} == {"a": "ok", "checker": "ok"}
        [[shown]] = seen
        assert ([vote.agent for vote in shown.votes], shown.decision) == (["a"], "demoted")
        assert len(await s.results()) == 1

        first, second = await s.facts(result.task_id, Planned)
        assert [step.name for step in first.steps] == ["review"]
        assert second.reason == "review left findings without a quorum"
        [step] = second.steps
        assert (step.name, step.agents, step.needs, step.follows) == ("verify-1", ("checker",), ("review",), "review")
        review, verify = await s.facts(result.task_id, Assigned)
        assert (review.follows, review.about_ref) == (None, None)
        assert (verify.follows, verify.about_ref is not None) == ("review", True)
        asking, last = await s.facts(result.task_id, Outcome)
        assert asking.question is not None
        assert (asking.question.kind, asking.question.agents, asking.question.round) == ("verify", ("checker",), 1)
        assert asking.question.findings == (shown.id,)
        assert asking.question.ref == verify.about_ref
        assert last.question is None


async def test_what_a_verifier_confirmed_is_resolved_when_it_is_gone(broker: EmbeddedBroker) -> None:
    there = [LEAK]

    @agent("a")
    async def review(ctx: Context) -> list[Finding]:
        return list(there)

    async with system(broker, review, asked("checker", "verify", agrees), quorum=VERIFY) as s:
        first = await s.run("code-review", CHANGE | {"series": "nightly"})
        assert decision(first)[0] == "confirmed"

        async def is_confirmed() -> bool:
            recorded = await Histories(s.bus).read("default", "nightly")
            return [each.decision for each in recorded.issues] == ["confirmed"]

        await until(is_confirmed)
        there.clear()
        second = await s.run("code-review", CHANGE | {"series": "nightly"})
        assert (second.findings, second.verdict) == ((), "approve")
        assert [each.issue for each in second.resolved] == [first.findings[0].issue]


async def test_what_a_verifier_disagrees_with_is_demoted_with_its_words(broker: EmbeddedBroker) -> None:
    async with system(broker, reviewer("a", LEAK), asked("checker", "verify", disagrees), quorum=VERIFY) as s:
        result = await s.run("code-review", CHANGE)
        assert decision(result)[0] == "demoted"
        assert "checker looked and objects: only constants reach it" in decision(result)[1]
        [finding] = result.findings
        assert [each.agent for each in finding.objections] == ["checker"]
        assert result.verdict == "comment"


async def test_a_verifier_that_is_not_there_leaves_the_finding_demoted(broker: EmbeddedBroker) -> None:
    async with system(broker, reviewer("a", LEAK), quorum=VERIFY) as s:
        result = await s.run("code-review", CHANGE)
        assert (result.state, decision(result)[0]) == ("completed", "demoted")
        assert result.reason == "nobody is there to verify 1 finding (checker)"
        assert decision(result)[1].endswith("put to checker, round 1 of 1")


async def test_a_verifier_that_does_not_answer_is_waited_for_until_the_deadline(broker: EmbeddedBroker) -> None:
    silent = waiting("checker", "verify", asyncio.Event())
    async with system(broker, reviewer("a", LEAK), silent, quorum=VERIFY) as s:
        result = await s.run("code-review", CHANGE, deadline_s=1.5)
        assert (result.state, result.partial, result.missing) == ("completed", True, ("checker",))
        assert result.reason == "no answer before the deadline from checker"
        assert decision(result)[0] == "demoted"
        assert "checker did not answer" in decision(result)[1]
        assert result.coverage.agents["checker"].state == "missing"


async def test_without_time_left_nobody_is_asked(broker: EmbeddedBroker) -> None:
    async with system(broker, reviewer("a", LEAK), asked("checker", "verify", agrees), quorum=VERIFY) as s:
        result = await s.run("code-review", CHANGE, deadline_s=0.9)
        assert (result.state, decision(result)[0]) == ("completed", "demoted")
        assert result.reason == "no time is left to verify 1 finding"


async def test_agents_discuss_and_see_what_was_said(broker: EmbeddedBroker) -> None:
    """In the first round nobody moves; in the second one of them is convinced by the vote of the other."""
    shown: list[tuple[str, ...]] = []

    def convinced(finding: DecidedFinding) -> Ballot:
        objected = tuple(each.message for each in finding.objections)
        shown.append(objected)
        return agrees(finding) if objected else disagrees(finding)

    agents = (
        reviewer("a", LEAK),
        asked("one", "discuss", agrees),
        asked("two", "discuss", convinced),
    )
    async with system(broker, *agents, quorum=DISCUSS) as s:
        result = await s.run("code-review", CHANGE)
        assert shown == [(), ("only constants reach it",)]
        assert decision(result)[0] == "confirmed"
        [finding] = result.findings
        assert ([vote.agent for vote in finding.votes], finding.objections) == (["a", "one", "two"], ())
        assert "discussion, round 2 of 2: one stood by it, two agreed and withdrew its objection" in finding.reason
        assert len(await s.results()) == 1
        rounds = [each.question.round for each in await s.facts(result.task_id, Outcome) if each.question is not None]
        assert rounds == [1, 2]
        follows = {each.step: each.follows for each in await s.facts(result.task_id, Assigned)}
        assert follows == {"review": None, "discuss-1": "review", "discuss-2": "discuss-1"}


async def test_who_found_it_may_take_it_back_in_the_discussion(broker: EmbeddedBroker) -> None:
    @agent("a", kinds=["code-review", "discuss"])
    async def both(ctx: Context) -> list[Finding] | list[Ballot]:
        return [disagrees(finding) for finding in ctx.in_question] if ctx.in_question else [LEAK]

    async with system(broker, both, quorum=DISCUSS) as s:
        result = await s.run("code-review", CHANGE)
        [finding] = result.findings
        assert (finding.decision, finding.votes) == ("demoted", ())
        assert "a withdrew its vote" in finding.reason
        assert len(await s.facts(result.task_id, Outcome)) == 3


@pytest.mark.parametrize(
    ("otherwise", "becomes", "words"),
    [("hold", "held", "held for a person to decide"), ("withhold", "withheld", "withheld, as the policy wants it")],
)
async def test_what_is_held_or_withheld_is_put_to_nobody(
    broker: EmbeddedBroker, otherwise: str, becomes: str, words: str
) -> None:
    quorum = {"critical": {"lineages": 2, "otherwise": otherwise}}
    agents = (reviewer("a", LEAK), asked("checker", "verify", agrees), asked("one", "discuss", agrees))
    async with system(broker, *agents, quorum=quorum) as s:
        result = await s.run("code-review", CHANGE)
        assert decision(result)[0] == becomes
        assert decision(result)[1].endswith(words)
        assert f"1 {becomes}" in result.summary
        [outcome] = await s.facts(result.task_id, Outcome)
        assert outcome.question is None


async def test_ballots_of_agents_that_were_not_asked_do_not_count(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()
    agents = (reviewer("a", LEAK), reviewer("b"), waiting("checker", "verify", go, disagrees))
    async with system(broker, *agents, quorum=VERIFY) as s:
        task = await s.client.submit("code-review", CHANGE)
        await has_begun(s, task, "verify-1")
        [outcome] = await s.facts(task, Outcome)
        [id] = outcome.question.findings
        forged = Contribution(ballots=(Ballot(finding=id, agrees=True),))
        for key in ("stranger.verify-1", "b.verify-1", "checker.verify-1~2", "checker.verify-2", "checker.review"):
            await publish_fact(s.bus, task, key, forged)
        go.set()
        result = await s.client.result(task, timeout=20)
        [finding] = result.findings
        assert (finding.decision, [vote.agent for vote in finding.votes]) == ("demoted", ["a"])
        assert [each.agent for each in finding.objections] == ["checker"], "its own word, after all of theirs"
        assert set(result.coverage.agents) == {"a", "b", "checker"}


async def test_ballots_about_other_findings_do_not_count_and_are_told(broker: EmbeddedBroker) -> None:
    low = LEAK.model_copy(update={"severity": "low", "message": "Unused"})

    @agent("checker", kinds=["verify"])
    async def eager(ctx: Context) -> list[Ballot]:
        [finding] = ctx.in_question
        return [agrees(finding), disagrees(finding), Ballot(finding="another", agrees=False)]

    async with system(broker, reviewer("a", LEAK, low), eager, quorum=VERIFY) as s:
        result = await s.run("code-review", CHANGE)
        assert {each.message: each.decision for each in result.findings} == {"Leak": "demoted", "Unused": "confirmed"}
        assert "2 ballots are ignored" in (result.coverage.agents["checker"].reason or "")


async def test_a_task_that_is_canceled_in_its_second_look_ends_canceled(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()
    async with system(broker, reviewer("a", LEAK), waiting("checker", "verify", go), quorum=VERIFY) as s:
        task = await s.client.submit("code-review", CHANGE)
        await has_begun(s, task, "verify-1")
        assert await s.client.cancel(task, "not needed any more")
        result = await s.client.result(task, timeout=20)
        assert (result.state, result.reason) == ("canceled", "not needed any more")
        go.set()
        await s.run("code-review", {"diff": DIFF.replace("+b", "+c")})
        assert len(await s.facts(task, Outcome)) == 1


@pytest.mark.parametrize("away", [("collector",), ("router", "worker", "collector")], ids=["collector", "everything"])
async def test_services_that_come_back_go_on_with_the_second_look(
    broker: EmbeddedBroker, away: tuple[str, ...]
) -> None:
    """The verifier answers while there is no collector."""
    go = asyncio.Event()
    agents = (reviewer("a", LEAK), waiting("checker", "verify", go))
    others = tuple(name for name in ("router", "worker") if name not in away)
    async with system(broker, *agents, only=others, quorum=VERIFY) as s:
        async with services(s.settings, *away, agents=agents):
            task = await s.client.submit("code-review", CHANGE)
            await has_begun(s, task, "verify-1")
        go.set()
        if others:

            async def voted() -> bool:
                return ("checker", "verify-1") in {each.key for each in await s.client.facts(task)}

            await until(voted)
            assert len(await s.facts(task, Outcome)) == 1
        async with services(s.settings, *away, agents=agents):
            result = await s.client.result(task, timeout=20)
        [finding] = result.findings
        assert (finding.decision, [vote.agent for vote in finding.votes]) == ("confirmed", ["a", "checker"])
        assert len(await s.facts(task, Outcome)) == 2
        assert await s.dead_letters() == []


COLLECTOR = """
import asyncio, sys
from quorate.service import installed_services, running
from quorate.settings import Settings

async def main():
    async with running([installed_services()["collector"]], Settings.model_validate_json(sys.argv[1])):
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("crashpoint", ["committed:2", "published:2", "published:3", "decided:4", "committed:4"])
async def test_a_collector_that_is_killed_in_either_look_is_replaced(broker: EmbeddedBroker, crashpoint: str) -> None:
    """Its second fact closes the first look, its fourth the second one."""
    agents = (reviewer("a", LEAK), asked("checker", "verify", agrees))
    quick = {"quorum": VERIFY, "partitions": 1, "ack_wait_s": 0.5}
    async with system(broker, *agents, only=("router", "worker"), **quick) as s:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", COLLECTOR, s.settings.model_dump_json()),
            env={**os.environ, "QUORATE_CRASHPOINT": f"collector.{crashpoint}"},
            stderr=subprocess.PIPE,
        )
        try:
            task = await s.client.submit("code-review", CHANGE | {"series": "nightly"})
            _, errors = await asyncio.wait_for(child.communicate(), 30)
            assert child.returncode == -signal.SIGKILL, errors.decode()
            async with services(s.settings, "collector"):
                result = await s.client.result(task, timeout=20)

                async def is_recorded() -> bool:
                    recorded = await Histories(s.bus).read("default", "nightly")
                    return [each.decision for each in recorded.issues] == ["confirmed"]

                await until(is_recorded)
        finally:
            if child.returncode is None:
                child.kill()
                await child.communicate()
        [finding] = result.findings
        assert (finding.decision, finding.standing, finding.since) == ("confirmed", "new", task)
        assert len(await s.facts(task, Outcome)) == 2
        [issue] = (await Histories(s.bus).read("default", "nightly")).issues
        assert (issue.id, issue.decision, issue.agents) == (finding.issue, "confirmed", ("a",))
        assert await s.dead_letters() == []
