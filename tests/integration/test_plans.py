"""Plans of several steps in a whole system: what one step fetches is reviewed by the next."""

from typing import Any

from quorate import Context, Finding, agent
from quorate.agent_definition import Agent
from quorate.blobs import Blobs
from quorate.contract.facts import Assigned, Planned
from quorate.contract.ids import canonical_json
from quorate.embedded import EmbeddedBroker
from tests.support.system import DIFF, System, connected, system

PULL_REQUEST = {"pull_request": {"repo": "Acme/Shop", "number": 7}, "head_sha": "a1b2c3"}


def source(answer: dict[str, Any]) -> Agent:
    @agent("source", kinds=["pull-request"])
    async def fetch(ctx: Context) -> dict[str, Any]:
        assert ctx.input["pull_request"] == PULL_REQUEST["pull_request"]
        return answer

    return fetch


@agent("reader")
async def reader(ctx: Context) -> list[Finding]:
    return [Finding(path="x.py", line=1, message=ctx.input["title"])]


async def stored(broker: EmbeddedBroker, value: dict[str, Any]) -> dict[str, Any]:
    async with connected(broker) as bus:
        return (await Blobs(bus).put(canonical_json(value))).model_dump()


async def test_a_pull_request_is_fetched_by_one_agent_and_reviewed_by_the_others(broker: EmbeddedBroker) -> None:
    async with system(broker, only=("router",)):
        pass  # makes the streams
    ref = await stored(broker, {"diff": DIFF, "title": "From afar"})
    fetched = source({"input_ref": ref, "head_sha": "d4e5f6"})
    async with system(broker, fetched, reader) as s:
        result = await s.run("code-review", PULL_REQUEST)
        assert [finding.message for finding in result.findings] == ["From afar"]
        assert (result.series, result.head_sha) == ("github:acme/shop#7", "d4e5f6")
        assert set(result.coverage.agents) == {"reader"}
        [planned] = await s.facts(result.task_id, Planned)
        assert [step.name for step in planned.steps] == ["fetch", "review"]
        fetch, review = await s.facts(result.task_id, Assigned)
        assert (fetch.series, review.series) == (None, "github:acme/shop#7")


async def test_what_is_skipped_is_canceled_with_the_reason(broker: EmbeddedBroker) -> None:
    async with system(broker, source({"skip": "the pull request is closed"}), reader) as s:
        result = await s.run("code-review", PULL_REQUEST)
        assert (result.state, result.reason) == ("canceled", "the pull request is closed")


async def test_a_pull_request_that_nobody_can_fetch_is_rejected(broker: EmbeddedBroker) -> None:
    async with system(broker, reader) as s:
        result = await s.run("code-review", PULL_REQUEST)
        assert result.state == "rejected"
        assert "quorate up gateway" in (result.reason or "")


async def refused(s: System, kind: str, input: dict[str, Any]) -> str:
    result = await s.run(kind, input)
    assert result.state == "rejected"
    return result.reason or ""


async def test_wrong_inputs_are_refused_with_the_field(broker: EmbeddedBroker) -> None:
    async with system(broker, source({}), reader) as s:
        assert "pull_request.repo" in await refused(s, "code-review", {"pull_request": {"repo": "x", "number": 1}})
        assert "a series of its own" in await refused(s, "code-review", PULL_REQUEST | {"series": "mine"})
        assert "a series of its own" in await refused(s, "code-review", {"diff": DIFF, "series": "github:a/b#1"})
        assert "command" in await refused(s, "review-command", {"command": "merge"})
