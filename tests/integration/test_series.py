"""Reviews of one series in a whole system: what is followed, carried, gone, dismissed, and remembered of the agents."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from quorate import Context, Finding, agent
from quorate.agent_definition import Agent
from quorate.blobs import Blobs
from quorate.contract.finding import DecidedFinding, Severity
from quorate.contract.history import AgentRecord, History
from quorate.contract.ids import canonical_json
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from quorate_collector.adapters.histories import Histories
from quorate_collector.domain.commands import Command
from tests.support.system import System, services, system, until

SERIES = "nightly"
PULL_REQUEST = {"repo": "Acme/Shop", "number": 7}
PULL_SERIES = "github:acme/shop#7"
PRIOR = 10
"""So many dismissals are forgiven."""


def change(*lines: str, **more: Any) -> dict[str, Any]:
    """A review of a new file."""
    added = "".join(f"+{line}\n" for line in lines)
    diff = f"--- /dev/null\n+++ b/x.py\n@@ -0,0 +1,{len(lines)} @@\n{added}"
    return {"diff": diff, "files": {"x.py": "".join(f"{line}\n" for line in lines)}, **more}


def nightly(*lines: str, **more: Any) -> dict[str, Any]:
    return change(*lines, series=SERIES, **more)


def reader(name: str, *, words: Sequence[str] = ("eval", "exec"), severity: Severity = "high") -> Agent:
    """Reports each line with one of the words; a line ``crash <name>`` makes it fail, and ``hang <name>`` hang."""

    @agent(name)
    async def read(ctx: Context) -> list[Finding]:
        lines = ctx.input["files"]["x.py"].splitlines()
        if f"crash {name}" in lines:
            raise RuntimeError("out of memory")
        if f"hang {name}" in lines:
            await asyncio.Event().wait()
        return [
            Finding(path="x.py", line=at, severity=severity, message=f"`{line}` runs text as code", rule="R1")
            for at, line in enumerate(lines, 1)
            if any(word in line for word in words)
        ]

    return read


def only(result: Result) -> DecidedFinding:
    [finding] = result.findings
    return finding


async def history(s: System, series: str = SERIES) -> History:
    return await Histories(s.bus).read("default", series)


async def review(s: System, input: dict[str, Any], **options: Any) -> Result:
    result = await s.run("code-review", input, **options)
    await recorded(s, result)
    return result


async def recorded(s: System, result: Result) -> None:
    """Wait until a review is recorded: its result does not."""

    async def is_recorded() -> bool:
        return result.task_id in (await history(s, result.series or "")).recorded

    if result.series is not None and result.state == "completed":
        await until(is_recorded)


async def test_what_was_found_before_is_known_wherever_it_has_moved(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a")) as s:
        first = only(result := await review(s, nightly("x = eval(a)")))
        assert (first.standing, first.since, first.issue) == ("new", result.task_id, first.id)
        assert result.series == SERIES

        second = await review(s, nightly("import os", "", "x = eval(a)", "exec(b)"))
        moved, added = second.findings
        assert (moved.standing, moved.since, moved.issue, moved.line) == ("known", first.since, first.issue, 3)
        assert (added.standing, added.since, added.line) == ("new", second.task_id, 4)
        assert second.resolved == ()
        [one, other] = (await history(s)).issues
        assert (one.first_seen, one.last_seen, one.line) == (first.since, second.task_id, 3)
        assert other.first_seen == second.task_id


async def test_another_series_and_none_know_nothing_of_it(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a")) as s:
        await review(s, nightly("x = eval(a)"))
        assert only(await review(s, change("x = eval(a)", series="weekly"))).standing == "new"
        alone = only(await review(s, change("x = eval(a)")))
        assert (alone.standing, alone.issue, alone.since) == ("new", "", None)
        assert len((await history(s)).recorded) == 1


async def test_the_commit_is_told_where_one_is_known(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a")) as s:
        await review(s, nightly("x = eval(a)", head_sha="c0ffee"))
        again = await review(s, nightly("x = eval(a)", head_sha="decade"))
        assert (only(again).since, again.head_sha) == ("c0ffee", "decade")
        [issue] = (await history(s)).issues
        assert (issue.first_seen, issue.last_seen) == ("c0ffee", "decade")


async def test_what_nobody_finds_any_more_is_resolved_and_may_come_back(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a")) as s:
        found = only(await review(s, nightly("x = eval(a)")))
        fixed = await review(s, nightly("x = a"))
        assert (fixed.findings, fixed.verdict) == ((), "approve")
        [gone] = fixed.resolved
        assert (gone.issue, gone.path, gone.reason) == (found.issue, "x.py", "a looked again and did not find it")
        assert (await review(s, nightly("x = a"))).resolved == (), "it is told once"

        back = only(await review(s, nightly("x = eval(a)")))
        assert (back.standing, back.issue, back.since) == ("known", found.issue, found.since)
        assert back.reason.endswith("it was gone before, and is back")


@pytest.mark.parametrize(
    ("lines", "options", "why"),
    [
        pytest.param(("crash a",), {}, "a did not report", id="it fails"),
        pytest.param(("hang a",), {"deadline_s": 0.5}, "a did not report", id="it is late"),
    ],
)
async def test_what_an_agent_found_is_carried_until_it_looks_again(
    broker: EmbeddedBroker, lines: tuple[str, ...], options: dict[str, Any], why: str
) -> None:
    async with system(broker, reader("a"), reader("b", words=("nothing",))) as s:
        found = only(await review(s, nightly("x = eval(a)")))
        result = await review(s, nightly(*lines), **options)
        assert (result.partial, result.resolved) == (True, ())
        carried = only(result)
        assert (carried.standing, carried.issue, carried.since) == ("carried", found.issue, found.since)
        assert (carried.decision, carried.line) == ("confirmed", 1)
        assert carried.reason == f"carried over, last seen at {(found.since or '')[:12]}: {why}"

        fixed = await review(s, nightly("x = a"))
        assert [each.issue for each in fixed.resolved] == [found.issue]


def renamed(old: str, new: str, text: str) -> str:
    """A diff that renames a file and appends a line to it."""
    lines = text.splitlines()
    kept = "".join(f" {line}\n" for line in lines)
    return (
        f"diff --git a/{old} b/{new}\nsimilarity index 90%\nrename from {old}\nrename to {new}\n"
        f"--- a/{old}\n+++ b/{new}\n@@ -1,{len(lines)} +1,{len(lines) + 1} @@\n{kept}+end\n"
    )


@agent("words")
async def words(ctx: Context) -> list[Finding]:
    """Reports each line of any file that says eval."""
    return [
        Finding(path=path, line=at, severity="high", message=f"`{line}` runs text as code", rule="R1")
        for path, text in ctx.review.texts().items()
        for at, line in enumerate(text.splitlines(), 1)
        if "eval" in line
    ]


async def test_what_was_found_in_a_file_that_left_the_change_is_resolved(broker: EmbeddedBroker) -> None:
    async with system(broker, words) as s:
        found = only(await review(s, nightly("x = eval(a)")))
        other = "--- /dev/null\n+++ b/other.py\n@@ -0,0 +1 @@\n+fine = 1\n"
        result = await review(s, {"diff": other, "series": SERIES})
        assert result.findings == ()
        [gone] = result.resolved
        assert (gone.issue, gone.path) == (found.issue, "x.py")


async def test_a_renamed_file_takes_what_is_known_and_dismissed_along(broker: EmbeddedBroker) -> None:
    text = "x = eval(a)\none = 1\ntwo = 2\n"
    async with system(broker, words) as s:
        found = only(await review(s, nightly(*text.splitlines())))
        await Histories(s.bus).command("default", SERIES, Command("dismiss", "alice", "t" + "0" * 32, found.issue))
        moved = {"diff": renamed("x.py", "y.py", text), "files": {"y.py": f"{text}end\n"}, "series": SERIES}
        again = only(await review(s, {**moved, "scope": "all"}))
        assert (again.path, again.issue, again.standing, again.decision) == ("y.py", found.issue, "known", "withheld")


async def test_what_an_agent_found_that_is_not_asked_any_more_is_carried(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a"), reader("b", words=("nothing",))) as s:
        found = only(await review(s, nightly("x = eval(a)")))
    async with system(broker, reader("b", words=("nothing",))) as s:
        carried = only(await review(s, nightly("x = a")))
        assert (carried.standing, carried.issue) == ("carried", found.issue)
        assert carried.reason.endswith("a was not asked")


async def test_what_was_confirmed_stays_so_while_one_of_those_who_found_it_is_away(broker: EmbeddedBroker) -> None:
    critical = [reader(name, severity="critical") for name in ("a", "b")]
    async with system(broker, *critical) as s:
        assert only(await review(s, nightly("x = eval(a)"))).decision == "confirmed"
        alone = only(await review(s, nightly("x = eval(a)", "crash b")))
        assert (alone.decision, [vote.agent for vote in alone.votes]) == ("confirmed", ["a"])
        assert alone.reason.endswith("it was confirmed before, and b did not report")


async def test_a_review_that_nobody_answers_is_not_recorded(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a")) as s:
        await review(s, nightly("x = eval(a)"))
        assert (await review(s, nightly("crash a"))).state == "failed"
        assert len((await history(s)).recorded) == 1
        assert [issue.state for issue in (await history(s)).issues] == ["open"]


async def test_two_reviews_of_a_series_at_the_same_time_report_one_issue(broker: EmbeddedBroker) -> None:
    go = asyncio.Event()
    slow = reader("a")

    @agent("a")
    async def held(ctx: Context) -> Any:
        await go.wait()
        return await slow(ctx)

    async with system(broker, held) as s:
        tasks = [
            await s.client.submit("code-review", nightly("x = eval(a)", head_sha="one")),
            await s.client.submit("code-review", nightly("", "x = eval(a)", "exec(b)", head_sha="two")),
        ]
        go.set()
        results = await asyncio.gather(*(s.client.result(task, timeout=20) for task in tasks))
        for result in results:
            await recorded(s, result)
        assert [len(result.findings) for result in results] == [1, 2]
        known = await history(s)
        assert set(known.recorded) == set(tasks)
        assert {issue.id for issue in known.issues} == {each.issue for each in results[1].findings}
        assert only(results[0]).issue in {issue.id for issue in known.issues}

        after = await review(s, nightly("x = eval(a)", "exec(b)"))
        assert {finding.standing for finding in after.findings} == {"known"}
        assert {finding.issue for finding in after.findings} == {issue.id for issue in known.issues}


class Forge:
    """A pull request whose head a test sets, and the agent that fetches it and checks commands."""

    def __init__(self, s: System) -> None:
        self._s = s
        self._comments = 0

    @staticmethod
    def agent() -> Agent:
        @agent("github", kinds=["pull-request", "review-command"])
        async def github(ctx: Context) -> dict[str, Any]:
            if ctx.step == "fetch":
                return {"input_ref": json.loads(ctx.input["title"]), "head_sha": ctx.input["head_sha"]}
            allowed = ctx.input["by"] != "mallory"
            answer = {name: ctx.input.get(name) for name in ("command", "by", "finding")}
            reason = "" if allowed else "mallory may not write to Acme/Shop."
            return answer | {"argument": ctx.input.get("argument", ""), "allowed": allowed, "reason": reason}

        return github

    async def push(self, head_sha: str, *lines: str) -> Result:
        """A push, and its review."""
        ref = await Blobs(self._s.bus).put(canonical_json(change(*lines, head_sha=head_sha)))
        title = ref.model_dump_json()
        return await review(self._s, {"pull_request": PULL_REQUEST, "head_sha": head_sha, "title": title})

    async def say(self, command: str, finding: str | None = None, argument: str = "", by: str = "ada") -> str:
        """A command below the pull request, and the answer to it."""
        self._comments += 1
        asked = {"command": command, "argument": argument, "by": by, "comment_id": self._comments}
        if finding is not None:
            asked["finding"] = finding
        result = await self._s.run("review-command", {"pull_request": PULL_REQUEST, **asked})
        assert (result.state, result.series, result.verdict) == ("completed", PULL_SERIES, None)
        return result.summary


async def test_what_was_dismissed_is_withheld_until_it_is_undismissed(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a"), Forge.agent()) as s:
        forge = Forge(s)
        found = only(first := await forge.push("c1", "x = eval(a)"))
        assert (first.series, first.head_sha, found.since, found.decision) == (PULL_SERIES, "c1", "c1", "confirmed")

        assert (await forge.say("dismiss", found.issue[:8], "only constants reach it")).startswith(
            f"Dismissed {found.issue} (x.py:1)."
        )
        second = await forge.push("c2", "", "x = eval(a)")
        withheld = only(second)
        assert (withheld.issue, withheld.standing, withheld.since) == (found.issue, "known", "c1")
        assert withheld.decision == "withheld"
        assert withheld.reason.startswith("dismissed by ada: only constants reach it; ")
        assert (second.verdict, second.summary) == ("approve", "nothing found by 1 of 1 agents, 1 withheld")
        assert (await forge.say("dismiss", found.issue)).startswith("Nothing to do")

        third = await forge.push("c3", "x = a")
        assert (third.findings, third.resolved) == ((), ()), "what was dismissed is not told to be fixed"
        assert only(await forge.push("c4", "x = eval(a)")).decision == "withheld"

        assert "is reported again" in await forge.say("undismiss", found.issue)
        assert only(await forge.push("c5", "x = eval(a)")).decision == "confirmed"


async def test_who_may_not_dismiss_is_told_so(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a"), Forge.agent()) as s:
        forge = Forge(s)
        found = only(await forge.push("c1", "x = eval(a)"))
        assert await forge.say("dismiss", found.issue, by="mallory") == "mallory may not write to Acme/Shop."
        assert only(await forge.push("c2", "x = eval(a)")).decision == "confirmed"
        assert (await history(s, PULL_SERIES)).recorded == tuple(
            [result.task_id for result in await s.results() if result.kind == "code-review"]
        )


async def test_people_are_answered(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a"), Forge.agent()) as s:
        forge = Forge(s)
        assert await forge.say("explain", "abcdef") == "No finding has the id abcdef. No finding is open."
        found = only(await forge.push("c1", "x = eval(a)"))
        explained = await forge.say("explain", found.issue)
        assert explained.startswith(f"{found.issue} is open.\n- what: `x = eval(a)` runs text as code\n")
        assert "- reported by: a (R1)\n- first seen at c1, last seen at c1" in explained
        assert "No finding has the id 0000000. Open are:\n" in await forge.say("explain", "0000000")
        assert "Which finding?" in await forge.say("dismiss")

        assert "Reviews are paused" in await forge.say("pause")
        assert (await history(s, PULL_SERIES)).paused
        assert "paused already" in await forge.say("pause")
        assert "Reviews go on" in await forge.say("resume")
        assert not (await history(s, PULL_SERIES)).paused
        assert "dismiss ID reason" in await forge.say("help")


async def test_who_was_often_dismissed_needs_more_support_where_others_have_to_agree(broker: EmbeddedBroker) -> None:
    wrong = [f"eval({name})" for name in "abcdefghijk"]
    assert len(wrong) == PRIOR + 1
    agents = (reader("a"), reader("b", words=("exec",)), Forge.agent())
    async with system(broker, *agents, only=("router", "worker"), quorum={"high": 2}) as s:
        forge = Forge(s)
        async with services(s.settings, "collector"):
            noise = await forge.push("c1", *wrong)
            assert {finding.decision for finding in noise.findings} == {"demoted"}
            for finding in noise.findings:
                assert (await forge.say("dismiss", finding.issue)).startswith("Dismissed")
            records = (await Histories(s.bus).track_record("default")).agents
            assert records == {"a": AgentRecord(wrong=PRIOR + 1)}
        # A collector that has just begun knows the records as they are.
        async with services(s.settings, "collector"):
            both = only(await review(s, change("x = exec(a)")))
            assert both.decision == "demoted"
            assert both.reason.startswith("high needs 2 votes; ")
            assert {vote.agent: vote.weight for vote in both.votes} == {"a": 0.952, "b": 1}


async def test_what_an_operator_says_of_an_agent_counts_more_than_its_record(broker: EmbeddedBroker) -> None:
    async with system(broker, reader("a"), agents={"a": {"weight": 0.5}}) as s:
        lone = only(await review(s, change("x = exec(a)")))
        assert (lone.decision, lone.reason) == ("demoted", "high needs 1 vote; a 0.5 = 0.5 (a 0.5, by the operator)")
