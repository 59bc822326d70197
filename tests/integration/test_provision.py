"""Provisioning against a real broker."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.embedded import EmbeddedBroker
from quorate.errors import Misconfigured
from quorate.provision import drift, ensure_consumers, provision, recorded_partitions
from quorate.settings import DAY_S
from quorate.topology import agent_consumer, expiring, reducer_consumer, streams
from tests.support.system import connected, settings_of


async def update(bus: Bus, stream: str, **changed: Any) -> None:
    config = (await bus.api(f"STREAM.INFO.{stream}"))["config"]
    await bus.api(f"STREAM.UPDATE.{stream}", config | changed)


async def test_everything_is_made_and_nothing_differs(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        settings = settings_of(broker)
        provisioned = await provision(bus, settings)
        names = (await bus.api("STREAM.NAMES"))["streams"]
        assert set(names) == {
            *(f"QUORATE_{name}" for name in ("INTAKE", "LOG", "WORK", "RESULTS", "TIMERS", "EVENTS", "DEAD")),
            *(f"KV_QUORATE_{name}" for name in ("AGENTS", "STATE", "LEDGER")),
            "OBJ_QUORATE_BLOBS",
        }
        assert (provisioned.partitions, provisioned.drift) == (2, ())
        assert await drift(bus, settings) == ()


async def test_before_there_is_anything_all_is_missing(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        found = await drift(bus, settings_of(broker))
        assert len(found) == 11
        assert str(found[0]) == "QUORATE_INTAKE: stream is 'missing', wanted 'present'"
        assert await recorded_partitions(bus) is None


async def test_any_number_of_processes_may_provision_at_once_and_again(broker: EmbeddedBroker) -> None:
    settings = settings_of(broker)
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(connected(broker)) for _ in range(6)]
        first = await asyncio.gather(*(provision(bus, settings) for bus in buses))
        again = await asyncio.gather(*(provision(bus, settings) for bus in buses))
        consumers = [reducer_consumer("router", n, ("submitted",), settings) for n in range(2)]
        differences = await asyncio.gather(*(ensure_consumers(bus, subjects.LOG, consumers) for bus in buses))
        found = await buses[0].api("CONSUMER.NAMES.QUORATE_LOG")
    assert len({each.intake_identity for each in (*first, *again)}) == 1
    assert {each.drift for each in (*first, *again)} == {()}
    assert set(differences) == {()}
    assert sorted(found["consumers"]) == ["router-0", "router-1"]


async def test_a_new_intake_stream_has_another_identity(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        first = await provision(bus, settings_of(broker))
        await bus.api("STREAM.DELETE.QUORATE_INTAKE")
        second = await provision(bus, settings_of(broker))
        assert first.intake_identity != second.intake_identity


async def test_a_limit_that_the_owner_changed_is_reported_and_left_alone(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker))
        await update(bus, subjects.RESULTS, max_age=3 * DAY_S * 10**9)

        provisioned = await provision(bus, settings_of(broker))

        assert [str(each) for each in provisioned.drift] == [
            f"QUORATE_RESULTS: max_age is {3 * DAY_S * 10**9}, wanted {30 * DAY_S * 10**9}"
        ]
        assert provisioned.drift == await drift(bus, settings_of(broker))
        assert (await bus.api("STREAM.INFO.QUORATE_RESULTS"))["config"]["max_age"] == 3 * DAY_S * 10**9


@pytest.mark.parametrize(
    ("stream", "changed"),
    [
        (subjects.LOG, {"discard": "old", "discard_new_per_subject": False}),
        (subjects.LOG, {"max_msgs_per_subject": 2}),
        (subjects.LOG, {"subjects": ["quorate.log.>", "more.>"]}),
        (subjects.RESULTS, {"max_msgs_per_subject": 2}),
        (subjects.WORK, {"discard": "old"}),
        (subjects.DEAD, {"discard": "old"}),
    ],
)
async def test_a_difference_that_would_do_harm_is_refused(
    broker: EmbeddedBroker, stream: str, changed: dict[str, Any]
) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker))
        await update(bus, stream, **changed)
        with pytest.raises(Misconfigured, match=f"would break a guarantee: {stream}: {next(iter(changed))} is"):
            await provision(bus, settings_of(broker))


async def test_a_ledger_of_an_older_version_may_let_its_entries_expire_from_now_on(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        settings = settings_of(broker)
        ledger = next(each for each in streams(settings, 2) if each["name"] == f"KV_{subjects.LEDGER}")
        older = {name: value for name, value in ledger.items() if name != "allow_msg_ttl"}
        await bus.api(f"STREAM.CREATE.{ledger['name']}", older)
        before = await bus.publish(subjects.writes("w", "k"), b"{}", expect_sequence=0)
        assert (await provision(bus, settings)).drift == ()
        stored = await bus.publish(
            subjects.writes("w", "k"), b"{}", expect_sequence=before.sequence, headers=expiring(settings)
        )
        assert not stored.taken


async def test_another_number_of_partitions_is_refused(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker, partitions=2))
        with pytest.raises(Misconfigured, match="created with 2 partitions, and 4 are configured"):
            await provision(bus, settings_of(broker, partitions=4))


async def test_the_number_of_partitions_is_taken_from_the_log(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker, partitions=5))
        assert (await provision(bus, settings_of(broker, partitions=None))).partitions == 5


async def test_processes_that_start_at_once_with_different_numbers_do_not_both_run(broker: EmbeddedBroker) -> None:
    async with connected(broker) as one, connected(broker) as other:
        outcomes = await asyncio.gather(
            provision(one, settings_of(broker, partitions=2)),
            provision(other, settings_of(broker, partitions=4)),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, Misconfigured)]
        assert len(refused) == 1


async def test_a_log_of_someone_else_is_refused(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await bus.api("STREAM.CREATE.QUORATE_LOG", {"name": "QUORATE_LOG", "subjects": ["quorate.log.>"]})
        with pytest.raises(Misconfigured, match="not made by Quorate"):
            await provision(bus, settings_of(broker))


async def test_a_consumer_that_differs_harmlessly_is_reported_and_left_alone(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker))
        await ensure_consumers(bus, subjects.WORK, [agent_consumer("a", settings_of(broker))])

        differences = await ensure_consumers(
            bus, subjects.WORK, [agent_consumer("a", settings_of(broker, ack_wait_s=7))]
        )

        assert [str(each) for each in differences] == [
            "QUORATE_WORK/agent-a: ack_wait is 1000000000, wanted 7000000000"
        ]


async def test_a_consumer_that_would_break_the_order_is_refused(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        settings = settings_of(broker)
        await provision(bus, settings)
        wanted = reducer_consumer("router", 0, ("submitted",), settings)
        await ensure_consumers(bus, subjects.LOG, [wanted | {"max_ack_pending": 100}])
        with pytest.raises(Misconfigured, match="router-0: max_ack_pending is 100, wanted 1"):
            await ensure_consumers(bus, subjects.LOG, [wanted])


async def test_nobody_can_forge_or_erase_facts_by_schedules_rollups_or_ttl(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker))
        for stream in (subjects.LOG, subjects.RESULTS):
            config = (await bus.api(f"STREAM.INFO.{stream}"))["config"]
            assert not config.get("allow_msg_schedules")
            assert not config.get("allow_rollup_hdrs")
            assert not config.get("allow_msg_ttl")
