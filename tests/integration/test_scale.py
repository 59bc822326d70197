"""Several of each service on connections of their own share the work, and nothing is done twice."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

from quorate import Context, agent
from quorate.agent_definition import Agent
from quorate.contract import subjects
from quorate.contract.facts import Assigned, Concluded, Contribution, Outcome
from quorate.embedded import EmbeddedBroker
from quorate.log import read_facts
from tests.support.system import emptied, services, system, until

TASKS = 200


async def test_replicas_share_the_work_and_nothing_is_done_twice(broker: EmbeddedBroker) -> None:
    runs: Counter[tuple[str, str]] = Counter()
    workers: Counter[int] = Counter()

    def agents_of(worker: int) -> list[Agent]:
        def made(name: str) -> Agent:
            @agent(name, kinds=["k"])
            async def run(ctx: Context) -> int:
                runs[ctx.task, name] += 1
                workers[worker] += 1
                return int(ctx.input["n"])

            return run

        return [made("a"), made("b")]

    async with system(broker, only=[], partitions=4, ack_wait_s=10.0, worker_concurrency=2, agents_wait_s=20) as s:
        async with AsyncExitStack() as stack:
            for worker in range(3):
                await stack.enter_async_context(services(s.settings, "worker", agents=agents_of(worker)))
            for name in ("router", "router", "collector", "collector"):
                await stack.enter_async_context(services(s.settings, name))

            tasks = await asyncio.gather(*(s.client.submit("k", {"n": n}) for n in range(TASKS)))

            async def all_have_ended() -> bool:
                return len(await s.results()) == TASKS

            await until(all_have_ended, timeout_s=60)
            await emptied(s.bus, "QUORATE_WORK")

        assert set(runs) == {(task, name) for task in tasks for name in ("a", "b")}
        assert set(runs.values()) == {1}, "every assignment ran once"
        assert len(workers) == 3, "every worker had a share"
        results = {result.task_id: result for result in await s.results()}
        assert {task: results[task].answers for task in tasks} == {
            task: {"a": n, "b": n} for n, task in enumerate(tasks)
        }
        assert {result.state for result in results.values()} == {"completed"}
        for task in tasks[:20]:
            types = Counter(record.type for record in await read_facts(s.bus, task))
            assert types == {
                "submitted": 1,
                "planned": 1,
                Assigned.type: 1,
                Contribution.type: 2,
                Outcome.type: 1,
                Concluded.type: 1,
            }
        assert await s.dead_letters() == []


async def test_every_replica_of_a_reducer_gets_facts(broker: EmbeddedBroker) -> None:
    """The broker deals the facts of a partition to whoever pulls; none of them has to be elected."""

    @agent("a", kinds=["k"])
    async def run(ctx: Context) -> int:
        return 1

    async with system(broker, run, only=["worker"], partitions=2) as s, AsyncExitStack() as stack:
        for name in ("router", "router", "collector", "collector"):
            await stack.enter_async_context(services(s.settings, name))
        for _ in range(10):
            await s.run("k")
        for reducer in ("router", "collector"):
            for partition in range(2):
                info = await s.bus.api(f"CONSUMER.INFO.{subjects.LOG}.{reducer}-{partition}")
                assert info["config"]["max_ack_pending"] == 1
                assert info["num_waiting"] == 2, "both ask the broker for facts"
