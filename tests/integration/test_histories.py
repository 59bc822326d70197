"""The documents of a series and of a tenant, on a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from quorate.bus import Bus
from quorate.contract import ids, subjects
from quorate.contract.finding import DecidedFinding
from quorate.contract.history import MAX_ISSUES, MAX_MESSAGE, AgentRecord, Fate, History
from quorate.embedded import EmbeddedBroker
from quorate.errors import Rejected, Retryable, StreamFull, Unavailable
from quorate.provision import provision
from quorate_collector.adapters import histories as module
from quorate_collector.adapters.histories import Histories, UnreadableHistory
from quorate_collector.domain import history as domain
from quorate_collector.domain.commands import Command
from quorate_collector.domain.following import follow
from quorate_collector.domain.history import MAX_BYTES
from tests.support.series import finding, looked
from tests.support.system import connected, settings_of

TENANT, SERIES = "default", "github:o/r#1"
SUBJECT = subjects.history(ids.series_key(TENANT, SERIES))


@pytest.fixture
async def bus(broker: EmbeddedBroker) -> AsyncIterator[Bus]:
    async with connected(broker) as connection:
        await provision(connection, settings_of(broker))
        yield connection


async def record(histories: Histories, task: str, *findings: DecidedFinding) -> History:
    """Follow and record a review in which everyone looked at everything."""
    before = await histories.read(TENANT, SERIES)
    followed = follow(before, findings, looked("bandit", "ruff"), task)
    return await histories.record(TENANT, SERIES, followed.findings, followed.resolved, task, f"commit-of-{task}", 0)


def dismiss(task: str, id: str, name: str = "dismiss") -> Command:
    return Command(name=name, by="ada", task=task, finding=id, argument="only constants")  # type: ignore[arg-type]


async def test_a_series_begins_empty_and_keeps_what_is_recorded(bus: Bus, broker: EmbeddedBroker) -> None:
    histories = Histories(bus)
    assert await histories.read(TENANT, SERIES) == History(series=SERIES)
    recorded = await record(histories, "t1", finding())
    async with connected(broker) as other:
        assert await Histories(other, replicas=3).read(TENANT, SERIES) == recorded
        assert await Histories(other).read("another tenant", SERIES) == History(series=SERIES)
    assert [(each.path, each.state) for each in recorded.issues] == [("a.py", "open")]


async def test_recording_a_task_again_writes_nothing(bus: Bus) -> None:
    histories = Histories(bus)
    recorded = await record(histories, "t1", finding())
    stored = await bus.get_last(f"KV_{subjects.LEDGER}", SUBJECT)
    assert await record(histories, "t1", finding("Unused", 3)) == recorded
    again = await bus.get_last(f"KV_{subjects.LEDGER}", SUBJECT)
    assert stored is not None
    assert again is not None
    assert again.sequence == stored.sequence


async def test_reviews_and_commands_at_the_same_time_are_all_recorded(bus: Bus, broker: EmbeddedBroker) -> None:
    """Each follows the same empty history, and all but one lose the compare-and-set at first."""
    await record(Histories(bus), "t0", finding())
    async with connected(broker) as other:
        writers = [Histories(bus), Histories(other)]
        before = await writers[0].read(TENANT, SERIES)

        async def write(number: int) -> None:
            followed = follow(before, (finding(), finding(f"Finding {number}", 50)), looked("bandit"), "c2")
            await writers[number % 2].record(TENANT, SERIES, followed.findings, (), f"t{number}", "c2", 1)

        await asyncio.gather(
            *(write(n) for n in range(1, 7)), writers[0].command(TENANT, SERIES, dismiss("d", finding().id))
        )
    after = await Histories(bus).read(TENANT, SERIES)
    assert set(after.recorded) == {"d", *(f"t{n}" for n in range(7))}
    assert len(after.issues) == 7
    assert [each.state for each in after.issues if each.id == finding().id] == ["dismissed"]


async def test_whoever_loses_every_time_is_told_to_try_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRIES", 0)
    with pytest.raises(Unavailable, match="changed by others"):
        await record(Histories(bus), "t1", finding())


async def test_what_became_of_findings_is_counted_for_their_agents_once(bus: Bus) -> None:
    histories = Histories(bus)
    both = finding(agents=["bandit", "ruff"])
    other = finding("Unused import `os`", 3, agents=["ruff"], rule="F401")
    await record(histories, "t1", both, other)
    await histories.command(TENANT, SERIES, dismiss("t2", other.id))
    after = await record(histories, "t3", other)
    assert after.unsettled == ()
    track = await histories.track_record(TENANT)
    assert track.agents == {"bandit": AgentRecord(right=1), "ruff": AgentRecord(right=1, wrong=1)}
    assert len(track.counted) == 2
    assert (await histories.track_record("another tenant")).agents == {}


async def test_fates_that_were_counted_and_not_taken_out_do_not_count_again(bus: Bus) -> None:
    """As after a process that died between the two writes."""
    histories = Histories(bus)
    await record(histories, "t1", finding())
    await record(histories, "t2")
    left = (await histories.read(TENANT, SERIES)).model_copy(update={"unsettled": _fates_of_the_second()})
    await bus.publish(SUBJECT, left.encode())
    assert (await histories.settle(TENANT, left)).unsettled == ()
    assert (await histories.track_record(TENANT)).agents == {"bandit": AgentRecord(right=1)}


def _fates_of_the_second() -> tuple[Fate, ...]:
    """What the second review says of the agents, computed again."""
    everyone = looked("bandit", "ruff")
    first = domain.record(
        History(series=SERIES), follow(History(series=SERIES), (finding(),), everyone, "t1").findings, (), "t1", "c1", 0
    )
    return domain.record(first, (), follow(first, (), everyone, "t2").resolved, "t2", "c2", 0).unsettled


async def test_another_look_changes_decisions_and_writes_nothing_when_it_comes_again(bus: Bus) -> None:
    histories = Histories(bus)
    recorded = await record(histories, "t1", finding(decision="demoted"))
    seen = finding(agents=["bandit", "judge"], issue=recorded.issues[0].id)
    after = await histories.redecide(TENANT, SERIES, (seen,))
    stored = await bus.get_last(f"KV_{subjects.LEDGER}", SUBJECT)
    assert [(each.decision, each.agents) for each in after.issues] == [("confirmed", ("bandit",))]
    assert after.recorded == ("t1",)
    assert await histories.redecide(TENANT, SERIES, (seen,)) == after == await histories.read(TENANT, SERIES)
    again = await bus.get_last(f"KV_{subjects.LEDGER}", SUBJECT)
    assert stored is not None
    assert again is not None
    assert again.sequence == stored.sequence


async def test_a_review_that_comes_too_late_does_not_turn_back_what_a_later_one_recorded(bus: Bus) -> None:
    histories = Histories(bus)
    await record(histories, "t0", finding())
    before = await histories.read(TENANT, SERIES)
    late, later = (
        follow(before, found, looked("bandit"), label) for found, label in (((finding(),), "c1"), ((), "c2"))
    )
    await histories.record(TENANT, SERIES, later.findings, later.resolved, "t2", "c2", 20)
    after = await histories.record(TENANT, SERIES, late.findings, late.resolved, "t1", "c1", 10)
    assert [(each.state, each.last_seen) for each in after.issues] == [("fixed", "commit-of-t0")]
    assert (after.position, after.recorded) == (20, ("t0", "t2", "t1"))
    assert (await histories.track_record(TENANT)).agents == {"bandit": AgentRecord(right=1)}


async def test_a_command_is_answered_and_changes_what_later_reviews_say(bus: Bus) -> None:
    histories = Histories(bus)
    nothing = await histories.command(TENANT, SERIES, dismiss("t0", finding().id))
    assert nothing == f"No finding has the id {finding().id}. No finding is open."
    await record(histories, "t1", finding())
    said = await histories.command(TENANT, SERIES, dismiss("t2", finding().id[:6]))
    assert said.startswith(f"Dismissed {finding().id}")
    assert await histories.command(TENANT, SERIES, dismiss("t2", finding().id[:6])) == said
    followed = follow(await histories.read(TENANT, SERIES), (finding(),), looked("bandit"), "c2")
    assert [each.decision for each in followed.findings] == ["withheld"]
    await histories.command(TENANT, SERIES, dismiss("t3", finding().id, "undismiss"))
    assert (await histories.track_record(TENANT)).agents["bandit"] == AgentRecord()


async def test_a_history_of_a_thousand_long_issues_fits_a_message_of_the_broker(bus: Bus) -> None:
    histories = Histories(bus)
    text = "ü" * MAX_MESSAGE
    findings = [finding(f"{n} {text}", n + 1, path=f"src/package/module_{n % 40}.py") for n in range(MAX_ISSUES)]
    began = time.perf_counter()
    after = await record(histories, "t1", *findings)
    assert time.perf_counter() - began < 10
    assert len(after.issues) == MAX_ISSUES
    assert len(after.encode()) < MAX_BYTES
    assert (await record(histories, "t2", *findings)).recorded == ("t1", "t2")


async def test_a_full_ledger_is_a_reason_to_try_again(broker: EmbeddedBroker) -> None:
    async with connected(broker) as bus:
        await provision(bus, settings_of(broker, max_stream_bytes=1024**2))
        await bus.publish(f"$KV.{subjects.LEDGER}.of-another", b"x" * 900_000)
        histories = Histories(bus)
        many = [finding(f"Finding {n} {'x' * 400}", n + 1) for n in range(500)]
        with pytest.raises(StreamFull) as caught:
            await record(histories, "t1", *many)
        assert isinstance(caught.value, Retryable)
        assert await histories.read(TENANT, SERIES) == History(series=SERIES)
        assert (await record(histories, "t1", many[0])).recorded == ("t1",), "and what has room goes on"


async def test_a_document_that_somebody_else_wrote_is_refused_and_named(bus: Bus) -> None:
    await bus.publish(SUBJECT, b'{"series": 1}')
    with pytest.raises(UnreadableHistory, match=f"{SUBJECT[4:]} cannot be read: look at it and delete it") as caught:
        await Histories(bus).read(TENANT, SERIES)
    assert isinstance(caught.value, Rejected)


async def test_a_key_that_was_deleted_begins_anew(bus: Bus) -> None:
    histories = Histories(bus)
    await record(histories, "t1", finding())
    await bus.publish(SUBJECT, b"", headers={"KV-Operation": "PURGE"})
    assert await histories.read(TENANT, SERIES) == History(series=SERIES)
    assert (await record(histories, "t2", finding())).recorded == ("t2",)


async def test_a_broker_that_takes_only_small_messages_gets_a_shorter_history(bus: Bus) -> None:
    bus.client._max_payload = 40_000
    assert bus.client.max_payload == 40_000
    findings = [finding(f"{n} " + "x" * 400, n + 1) for n in range(200)]
    after = await record(Histories(bus), "t1", *findings)
    assert len(after.encode()) < 40_000
    assert 50 < len(after.issues) < 200
    said = await Histories(bus).command(TENANT, SERIES, dismiss("t2", after.issues[0].id))
    assert said.startswith("Dismissed")
