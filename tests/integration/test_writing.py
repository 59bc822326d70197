"""Writing results through a real broker: what comes to a writer, and what is known of it afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from quorate import Context, agent
from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Written
from quorate.contract.ids import canonical_json
from quorate.contract.ledger import LedgerEntry, Receipt
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from quorate.errors import Misconfigured, Rejected, TooLarge, Unavailable
from quorate.log import read_facts
from quorate.provision import ensure_consumers, provision
from quorate.settings import DAY_S, Settings, WriterSettings
from quorate.topology import writer_consumer
from quorate_collector import writing as module
from quorate_collector.adapters.http_writer import HttpWriter
from quorate_collector.adapters.ledger import Busy, Ledger, Overtaken, Unreadable
from quorate_collector.app import writers
from quorate_collector.domain.claims import ABANDONED_S, MAX_BYTES
from quorate_collector.ports import Claim, Later, Write, Writer
from quorate_collector.writing import MAX_AGE_S, MAX_ATTEMPTS, MAX_SURPRISES, MIN_ATTEMPTS, Writing, until_next
from tests.support.receiving import Answer, Receiver, all_acked, result_of, subject_of
from tests.support.system import connected, dead_letters, settings_of, system, until

RESULT = result_of("one")


@pytest.fixture
async def bus(broker: EmbeddedBroker) -> AsyncIterator[Bus]:
    async with connected(broker) as connection:
        await provision(connection, settings_of(broker))
        yield connection


class Told:
    """A writer that remembers what it was told; ``answer`` decides what comes of it."""

    def __init__(self, name: str = "out", kinds: tuple[str, ...] = ()) -> None:
        self.name = name
        self.kinds = kinds
        self.results: list[Result] = []
        self.answer: Callable[[Claim], Receipt] = lambda claim: Receipt(url="x://1")

    def write_of(self, result: Result) -> Write | None:
        return None if result.labels.get("skip") else Write(result.series or result.task_id, "d")

    async def write(self, result: Result, claim: Claim) -> Receipt:
        self.results.append(result)
        return self.answer(claim)

    async def close(self) -> None: ...


@asynccontextmanager
async def running(bus: Bus, settings: Settings, *all_writers: Writer) -> AsyncIterator[list[Writing]]:
    async with AsyncExitStack() as stack:
        made = [Writing(bus, Blobs(bus), writer, settings) for writer in all_writers]
        for writing in made:
            stack.push_async_callback(writing.stop)
            await writing.start()
        yield made


async def publish(bus: Bus, result: Result, subject: str | None = None) -> None:
    await bus.publish(subject or subject_of(result), result.encode(), headers=result.headers())


async def settle(bus: Bus, writer: str = "out", timeout_s: float = 10) -> None:
    """Wait until the writer has acked everything."""

    await until(lambda: all_acked(bus, subjects.RESULTS, f"writer-{writer}"), timeout_s)


async def facts(bus: Bus, result: Result) -> list[Any]:
    return [record.fact for record in await read_facts(bus, result.task_id, f"{Written.type}.>")]


async def entry_of(bus: Bus, key: str, writer: str = "out") -> LedgerEntry:
    stored = await bus.get_last(f"KV_{subjects.LEDGER}", subjects.writes(writer, key))
    return LedgerEntry.model_validate_json(stored.data) if stored else LedgerEntry()


def http(receiver: Receiver, **settings: Any) -> HttpWriter:
    return HttpWriter("out", WriterSettings.model_validate({"url": receiver.url, **settings}), None)


# The whole system.


async def test_the_result_of_a_task_is_written_and_its_log_says_so(broker: EmbeddedBroker, tmp_path: Path) -> None:
    @agent("a", kinds=["k"])
    async def answer(ctx: Context) -> str:
        return "yes"

    with Receiver() as receiver:
        chosen = {"disk": {"folder": str(tmp_path / "results")}, "chat": {"url": receiver.url, "kinds": ["other"]}}
        async with system(broker, answer, writers=chosen) as s:
            result = await s.run("k")
            await settle(s.bus, "disk")
            await settle(s.bus, "chat")
            [fact] = await s.facts(result.task_id, Written)
            [file] = (tmp_path / "results").iterdir()
            assert (fact.state, fact.url) == ("done", file.as_uri())
            assert Result.model_validate(json.loads(file.read_text())) == result
            # It is not of the kind that the other one takes.
            assert receiver.requests == []
        # And again: what is written is not written anew, and the consumers are as they should be.
        async with system(broker, answer, writers=chosen) as s:
            second = await s.run("k")
            await settle(s.bus, "disk")
            assert {path.name for path in (tmp_path / "results").iterdir()} == {
                file.name,
                f"k-{second.task_id}.json",
            }


async def test_a_writer_cannot_have_the_name_of_the_writer_of_reviews(tmp_path: Path, bus: Bus) -> None:
    settings = Settings(writers={"github": WriterSettings(folder=str(tmp_path))})
    with pytest.raises(Misconfigured, match="github"):
        list(writers(settings, {}, bus, Blobs(bus)))


async def test_reviews_are_written_where_there_are_credentials(broker: EmbeddedBroker, bus: Bus) -> None:
    settings, token = settings_of(broker), {"GITHUB_TOKEN": "ghs_double"}
    unwanted = settings_of(broker, github={"write": False})
    found = {
        "without": list(writers(settings, {}, bus, Blobs(bus))),
        "unwanted": list(writers(unwanted, token, bus, Blobs(bus))),
        "with": list(writers(settings, token, bus, Blobs(bus))),
    }
    for writer in found["with"]:
        await writer.close()
    assert {case: [writer.name for writer in each] for case, each in found.items()} == {
        "without": [],
        "unwanted": [],
        "with": ["github"],
    }


# What comes to a writer.


async def test_two_collectors_write_every_result_once(broker: EmbeddedBroker, bus: Bus) -> None:
    results = [result_of(str(number)) for number in range(40)]
    settings = settings_of(broker)
    with Receiver() as receiver:
        async with (
            connected(broker) as other,
            running(bus, settings, http(receiver)),
            running(other, settings, http(receiver)),
        ):
            await asyncio.gather(*(publish(bus, result) for result in results))
            await settle(bus)
        sent = sorted(request.headers["X-Quorate-Task"] for request in receiver.requests)
        assert sent == sorted(result.task_id for result in results)


async def test_a_writer_begins_with_what_comes_after_it(broker: EmbeddedBroker, bus: Bus) -> None:
    await publish(bus, result_of("before"))
    told = Told()
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    # What comes while nobody runs is not lost.
    await publish(bus, result_of("meanwhile"))
    async with running(bus, settings_of(broker), told):
        await settle(bus)
    assert told.results == [RESULT, result_of("meanwhile")]


async def test_a_restart_with_other_kinds_finds_its_consumer_as_it_should_be(broker: EmbeddedBroker, bus: Bus) -> None:
    settings = settings_of(broker)
    async with running(bus, settings, Told(kinds=("a",))):
        pass
    assert await ensure_consumers(bus, subjects.RESULTS, [writer_consumer("out", settings)]) == ()
    told = Told(kinds=("b",))
    async with running(bus, settings, told):
        for kind in ("a", "b"):
            await publish(bus, result_of("one", kind))
        await publish(bus, result_of("two", "b", labels={"skip": "1"}))
        await settle(bus)
    assert told.results == [result_of("one", "b")]


async def test_findings_that_did_not_fit_the_message_are_there(broker: EmbeddedBroker, bus: Bus) -> None:
    blobs, told = Blobs(bus), Told()
    finding = {
        "path": "x.py",
        "message": "m",
        "decision": "confirmed",
        "reason": "r",
        "fingerprint": "f",
        "id": "i",
        "severity": "low",
        "category": "bug",
    }
    whole = Result.model_validate({**RESULT.model_dump(), "findings": [finding], "answers": {"a": 1}})
    refs = {
        "findings_ref": await blobs.put(canonical_json([whole.findings[0].model_dump()])),
        "answers_ref": await blobs.put(canonical_json(whole.answers)),
    }
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT.model_copy(update=refs))
        await settle(bus)
    [got] = told.results
    assert (got.findings, got.answers) == (whole.findings, whole.answers)


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        (subject_of(RESULT), b"{", "not a result"),
        (subject_of(RESULT), b'{"task_id": "t"}', "not a result"),
        (subject_of(result_of("two")), RESULT.encode(), "on the subject of another"),
        (subjects.result("other", RESULT.task_id), RESULT.encode(), "on the subject of another"),
    ],
)
async def test_what_is_no_result_goes_to_the_dead_letters(
    broker: EmbeddedBroker, bus: Bus, subject: str, body: bytes, reason: str
) -> None:
    told = Told()
    async with running(bus, settings_of(broker), told):
        await bus.publish(subject, body)
        await settle(bus)
    [letter] = await dead_letters(bus)
    assert (letter.stream, letter.body) == (subjects.RESULTS, body)
    assert reason in letter.reason
    assert told.results == []


# What comes of a write.


async def test_a_write_that_can_never_succeed_has_failed(broker: EmbeddedBroker, bus: Bus) -> None:
    told = Told()

    def refuse(claim: Claim) -> Receipt:
        raise Rejected("no such channel")

    told.answer = refuse
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    [letter] = await dead_letters(bus)
    assert letter.reason.endswith(f"`quorate task show {RESULT.task_id}` prints. no such channel")
    assert letter.body == RESULT.encode()
    assert await facts(bus, RESULT) == [Written(state="failed", note="no such channel")]
    assert (await entry_of(bus, RESULT.task_id)).done == {
        RESULT.task_id: Receipt(state="failed", note="no such channel")
    }
    assert len(told.results) == 1


async def test_a_write_of_which_nobody_knows_is_said_to_be_unknown(broker: EmbeddedBroker, bus: Bus) -> None:
    with Receiver(Answer(None)) as receiver:
        async with running(bus, settings_of(broker), http(receiver)):
            await publish(bus, RESULT)
            await settle(bus)
        assert len(receiver.requests) == 1
    [letter] = await dead_letters(bus)
    assert letter.reason.startswith(f"whether out has written the result of {RESULT.task_id} is unknown")
    [fact] = await facts(bus, RESULT)
    assert fact.state == "unknown"


async def test_a_receiver_that_asks_for_patience_gets_it(broker: EmbeddedBroker, bus: Bus) -> None:
    with Receiver(Answer(429, {"Retry-After": "0"}), Answer(503, {"Retry-After": "0"}), Answer(201)) as receiver:
        async with running(bus, settings_of(broker), http(receiver)):
            await publish(bus, RESULT)
            await settle(bus)
        assert [request.headers["X-Quorate-Delivery"] for request in receiver.requests] == ["1", "2", "3"]
        assert len({request.headers["Idempotency-Key"] for request in receiver.requests}) == 1
    assert await facts(bus, RESULT) == [Written(state="done", note="HTTP 201")]


@pytest.mark.parametrize(("begun", "state"), [(False, "failed"), (True, "unknown")])
async def test_what_is_given_up_is_unknown_if_it_had_begun(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch, begun: bool, state: Literal["failed", "unknown"]
) -> None:
    class Begins(Told):
        async def write(self, result: Result, claim: Claim) -> Receipt:
            self.results.append(result)
            await claim.note({"begun": begun})
            raise Later("not now", 0.0)

    monkeypatch.setattr(module, "MAX_ATTEMPTS", 3)
    told = Begins()
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    assert len(told.results) == 3
    assert await facts(bus, RESULT) == [Written(state=state, note="given up after 3 attempts: not now")]
    assert len(await dead_letters(bus)) == 1


async def test_waiting_for_a_turn_takes_no_attempt_away(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ATTEMPTS", 3)
    monkeypatch.setattr(module, "MAX_BUSY_DELAY_S", 0.01)
    holder = await Ledger(bus, "out").claim("s", "t0", "d")
    assert holder is not None
    told = Told()
    refused: list[int] = []

    def refuse_twice(claim: Claim) -> Receipt:
        if len(refused) < 2:
            refused.append(claim.epoch)
            raise Later("not now", 0.0)
        return Receipt()

    told.answer = refuse_twice
    result = result_of("one", series="s")
    waits = 0
    claim = Ledger.claim

    async def claim_after_waiting(self: Ledger, key: str, task: str, digest: str) -> Any:
        nonlocal waits
        waits += 1
        if waits == 6:
            await holder.finish(Receipt())
        if waits == 5:
            raise Unavailable("away")
        return await claim(self, key, task, digest)

    monkeypatch.setattr(Ledger, "claim", claim_after_waiting)
    async with running(bus, settings_of(broker), told):
        await publish(bus, result)
        await settle(bus)
    assert (waits, refused) == (8, [1, 2])
    assert await facts(bus, result) == [Written(state="done")]


@pytest.mark.parametrize("garbage", [b"garbage", None])
async def test_a_write_without_a_place_for_its_receipt_comes_to_an_end(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch, garbage: bytes | None
) -> None:
    class Spoils(Told):
        async def write(self, result: Result, claim: Claim) -> Receipt:
            self.results.append(result)
            if garbage is None:
                await claim.note({"all": "x" * 2 * MAX_BYTES})
            else:
                await bus.publish(subjects.writes("out", RESULT.task_id), garbage)
            raise Rejected("no")

    told = Spoils()
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    assert len(told.results) == 1
    [fact] = await facts(bus, RESULT)
    assert (fact.state, "more than the broker" in fact.note) == ("failed", garbage is None)
    assert len(await dead_letters(bus)) == 1


@pytest.mark.parametrize("method", ["claim", "settle"])
async def test_a_ledger_whose_entry_is_too_large_ends_in_the_dead_letters(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def too_large(*_: Any) -> None:
        raise TooLarge("more than the broker takes")

    monkeypatch.setattr(Ledger, "claim", too_large)
    if method == "settle":
        monkeypatch.setattr(Ledger, "settle", too_large)
    told = Told()
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    assert await facts(bus, RESULT) == [Written(state="failed", note="more than the broker takes")]
    assert len(await dead_letters(bus)) == 1
    assert (RESULT.task_id in (await entry_of(bus, RESULT.task_id)).done) is (method == "claim")


async def test_an_error_that_nobody_foresaw_does_not_go_on_for_ever(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_SURPRISES", 1)
    told = Told()

    def fail(claim: Claim) -> Receipt:
        raise KeyError("a bug")

    told.answer = fail
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    assert await facts(bus, RESULT) == [Written(state="failed", note="given up after 1 attempts: KeyError: 'a bug'")]
    assert "Traceback" in caplog.text


async def test_a_reference_to_nothing_is_no_reason_to_try_again(broker: EmbeddedBroker, bus: Bus) -> None:
    ref = BlobRef(key="0" * 64, sha256="0" * 64, size=1)
    told = Told()
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT.model_copy(update={"findings_ref": ref}))
        await settle(bus)
    [fact] = await facts(bus, RESULT)
    assert (fact.state, told.results) == ("failed", [])
    assert (await entry_of(bus, RESULT.task_id)).intent is None


async def test_a_ledger_that_cannot_be_read_ends_in_the_dead_letters(broker: EmbeddedBroker, bus: Bus) -> None:
    await bus.publish(subjects.writes("out", RESULT.task_id), b"{")
    told = Told()
    async with running(bus, settings_of(broker), told):
        await publish(bus, RESULT)
        await settle(bus)
    [letter] = await dead_letters(bus)
    assert "cannot be read: look at it and delete it" in letter.reason
    assert told.results == []


async def test_a_receipt_is_stored_although_the_broker_is_away_for_a_moment(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Ledger.write
    failures = [Unavailable("away")]

    async def write(self: Ledger, key: str, entry: LedgerEntry, revision: int) -> int | None:
        if entry.done and failures:
            raise failures.pop()
        return await original(self, key, entry, revision)

    monkeypatch.setattr(Ledger, "write", write)
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    with Receiver() as receiver:
        async with running(bus, settings_of(broker), http(receiver)):
            await publish(bus, RESULT)
            await settle(bus)
        assert len(receiver.requests) == 1
    assert await facts(bus, RESULT) == [Written(state="done", note="HTTP 200")]


async def test_two_tasks_write_to_one_place_one_after_the_other(
    broker: EmbeddedBroker, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BUSY_DELAY_S", 0.05)
    inside: list[str] = []
    most = 0

    class Slow(Told):
        async def write(self, result: Result, claim: Claim) -> Receipt:
            nonlocal most
            inside.append(result.task_id)
            most = max(most, len(inside))
            await claim.note({**claim.notes, result.task_id: claim.epoch})
            inside.remove(result.task_id)
            return await super().write(result, claim)

    told = Slow()
    results = [result_of(str(number), series="s") for number in range(6)]
    async with running(bus, settings_of(broker), told):
        await asyncio.gather(*(publish(bus, result) for result in results))
        await settle(bus)
    assert most == 1
    entry = await entry_of(bus, "s")
    assert set(entry.done) == set(entry.notes) == {result.task_id for result in results}


async def test_who_stalls_while_another_takes_over_writes_nothing_more(broker: EmbeddedBroker, bus: Bus) -> None:
    entered, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Stalls(HttpWriter):
        async def write(self, result: Result, claim: Claim) -> Receipt:
            entered.set()
            await go.wait()
            try:
                return await super().write(result, claim)
            except Overtaken:
                ended.set()
                raise

    settings = settings_of(broker, ack_wait_s=0.5)
    with Receiver() as receiver:
        stalling = Stalls("out", WriterSettings(url=receiver.url), None)
        async with connected(broker) as other, running(bus, settings, stalling) as [stalled]:
            await publish(bus, RESULT)
            await entered.wait()
            # As if the process were stopped: nothing tells the broker that it is still at it.
            assert stalled._pull is not None
            assert stalled._pull._keeper is not None
            await stalled._pull._unsubscribe()
            stalled._pull._keeper.cancel()
            async with running(other, settings, http(receiver)):
                await settle(bus)
            go.set()
            await asyncio.wait_for(ended.wait(), 5)
        [request] = receiver.requests
        assert request.headers["X-Quorate-Delivery"] == "2"
    assert await facts(bus, RESULT) == [Written(state="done", note="HTTP 200")]


# The ledger.


@pytest.fixture(params=[1, 3], ids=["nearest", "leader"])
async def ledger(bus: Bus, request: pytest.FixtureRequest) -> Ledger:
    return Ledger(bus, "out", replicas=request.param)


async def test_a_claim_leads_to_a_receipt(ledger: Ledger) -> None:
    claim = await ledger.claim("place", "t1", "d")
    assert claim is not None
    assert (claim.fresh, claim.epoch, claim.notes) == (True, 1, {})
    await claim.note({"begun": True, "a": [1, None]})
    assert claim.notes == {"begun": True, "a": [1, None]}
    assert await ledger.receipt("place", "t1") is None
    await claim.finish(Receipt(url="u"), {"b": 2})
    assert await ledger.receipt("place", "t1") == Receipt(url="u")
    assert await ledger.claim("place", "t1", "d") is None
    following = await ledger.claim("place", "t2", "d")
    assert following is not None
    assert (following.fresh, following.notes) == (True, {"b": 2})


async def test_of_many_at_the_same_moment_one_gets_the_claim(ledger: Ledger) -> None:
    found = await asyncio.gather(*(ledger.claim("place", "t1", "d") for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in found) == 1
    assert {type(each) for each in found if isinstance(each, BaseException)} == {Overtaken}
    found = await asyncio.gather(*(ledger.claim("other", f"t{n}", "d") for n in range(8)), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in found) == 1
    assert {type(each) for each in found if isinstance(each, BaseException)} == {Busy}


async def test_after_a_takeover_the_first_one_can_change_nothing(ledger: Ledger) -> None:
    first = await ledger.claim("place", "t1", "d")
    second = await ledger.claim("place", "t1", "d")
    assert first is not None
    assert second is not None
    assert (second.fresh, second.epoch) == (False, 2)
    for attempt in (first.note({"begun": True}), first.finish(Receipt())):
        with pytest.raises(Overtaken):
            await attempt
    await second.finish(Receipt(note="by the second"))
    with pytest.raises(Overtaken):
        await first.finish(Receipt(note="by the first"))
    assert await ledger.receipt("place", "t1") == Receipt(note="by the second")


async def test_another_task_that_is_given_up_does_not_disturb_who_holds_the_place(ledger: Ledger) -> None:
    claim = await ledger.claim("place", "t1", "d")
    assert claim is not None
    with pytest.raises(Busy):
        await ledger.claim("place", "t2", "d")
    assert (await ledger.settle("place", "t2", "too old")).state == "failed"
    await claim.note({"a": 1})
    await claim.finish(Receipt())
    assert await ledger.receipt("place", "t1") == Receipt()
    assert await ledger.receipt("place", "t2") == Receipt(state="failed", note="too old")
    assert await ledger.settle("place", "t2", "again") == Receipt(state="failed", note="too old")


async def test_an_entry_goes_by_itself_when_the_results_have_long_gone(bus: Bus) -> None:
    writer = Told()
    result = result_of("one")
    async with running(bus, Settings(ack_wait_s=1.0, retention_s=365 * DAY_S), writer):
        await publish(bus, result)
        await settle(bus)
    stored = await bus.get_last(f"KV_{subjects.LEDGER}", subjects.writes("out", result.task_id))
    assert stored is not None
    assert stored.headers["Nats-TTL"] == f"{366 * DAY_S}s"


async def test_a_place_that_was_abandoned_is_free_again(bus: Bus) -> None:
    first = await Ledger(bus, "out").claim("place", "t1", "d")
    assert first is not None
    await first.note({"begun": True})
    later = Ledger(bus, "out", clock=lambda: 4e9)
    assert ABANDONED_S > MAX_AGE_S
    claim = await later.claim("place", "t2", "d")
    assert claim is not None
    receipt = await later.receipt("place", "t1")
    assert receipt is not None
    assert (claim.fresh, receipt.state) == (False, "unknown")
    with pytest.raises(Overtaken):
        await first.finish(Receipt())


async def test_what_is_no_entry_is_left_alone(bus: Bus, ledger: Ledger) -> None:
    await bus.publish(subjects.writes("out", "place"), b"[]")
    with pytest.raises(Unreadable, match=r"writes\.out\.place"):
        await ledger.claim("place", "t1", "d")


async def test_a_key_that_was_deleted_counts_as_new(bus: Bus, ledger: Ledger) -> None:
    assert await ledger.claim("place", "t1", "d") is not None
    await bus.publish(subjects.writes("out", "place"), b"", headers={"KV-Operation": "DEL"})
    claim = await ledger.claim("place", "t1", "d")
    assert claim is not None
    assert claim.fresh


# When a write is tried again.

DAY = MAX_AGE_S


@pytest.mark.parametrize(
    ("error", "attempt", "age_s", "expected"),
    [
        (Unavailable("x"), 1, 0, 1.0),
        (Unavailable("x"), 4, 0, 8.0),
        (Unavailable("x"), 60, 0, 300.0),
        (Unavailable("x"), MAX_ATTEMPTS - 1, DAY - 1, 300.0),
        (Unavailable("x"), MAX_ATTEMPTS, 0, None),
        (Unavailable("x"), MIN_ATTEMPTS, DAY, None),
        # After a long stop even an old result is tried a few times.
        (Unavailable("x"), 1, 2 * DAY, 1.0),
        (Later("x"), 3, 0, 4.0),
        (Later("x", 7.0), 3, 0, 7.0),
        (Later("x", -7.0), 3, 0, 0.0),
        (Later("x", float("inf")), 3, 0, 3_600.0),
        (Busy("x"), 1, 0, 1.0),
        (Busy("x"), 10 * MAX_ATTEMPTS, 0, 5.0),
        (Busy("x"), MIN_ATTEMPTS, DAY, None),
        (ValueError("x"), MAX_SURPRISES - 1, 0, 8.0),
        (ValueError("x"), MAX_SURPRISES, 0, None),
        (Rejected("x"), 1, 0, None),
    ],
)
def test_patience_depends_on_the_error(error: Exception, attempt: int, age_s: float, expected: float | None) -> None:
    assert until_next(error, attempt, age_s) == expected
