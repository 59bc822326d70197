"""Who may write: the decisions of the ledger."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.ledger import MAX_DONE, LedgerEntry, Receipt
from quorate_collector.domain import claims
from quorate_collector.domain.claims import (
    ABANDONED_S,
    MAX_BYTES,
    Granted,
    Occupied,
    Told,
    claim,
    finished,
    noted,
    settled,
)

DONE = Receipt()


def held(task: str = "t1", entry: LedgerEntry | None = None, *, idle_s: float = 0.0) -> Granted:
    granted = claim(entry or LedgerEntry(), task, "d", idle_s=idle_s)
    assert isinstance(granted, Granted)
    return granted


def test_the_first_claim_of_a_place_is_fresh() -> None:
    granted = held()
    assert (granted.epoch, granted.fresh) == (1, True)
    intent = granted.entry.intent
    assert intent is not None
    assert (intent.task, intent.epoch, intent.digest) == ("t1", 1, "d")


def test_an_open_intent_of_the_same_task_is_taken_over_with_the_next_epoch() -> None:
    again = held(entry=held().entry)
    assert (again.epoch, again.fresh) == (2, False)


def test_another_task_waits_for_its_turn() -> None:
    assert claim(held().entry, "t2", "d", idle_s=ABANDONED_S - 1) == Occupied("t1")


def test_a_task_with_a_receipt_is_never_claimed_again() -> None:
    closed = finished(held().entry, "t1", 1, DONE)
    assert closed is not None
    assert claim(closed, "t1", "d", idle_s=0) == Told(DONE)
    assert closed.intent is None


@pytest.mark.parametrize(
    ("notes", "state"), [({}, "failed"), ({"begun": True}, "unknown"), ({"begun": False}, "failed")]
)
def test_an_abandoned_intent_makes_room_and_its_task_is_told_what_is_known(notes: dict[str, bool], state: str) -> None:
    entry = noted(held().entry, "t1", 1, {**notes, "kept": 1})
    assert entry is not None
    granted = held("t2", entry, idle_s=ABANDONED_S)
    assert (granted.epoch, granted.fresh) == (1, False)
    assert granted.entry.done["t1"].state == state
    assert granted.entry.notes == {"kept": 1}


@pytest.mark.parametrize(("task", "epoch"), [("t1", 1), ("t2", 2), ("t1", 3)])
def test_who_does_not_hold_the_intent_can_change_nothing(task: str, epoch: int) -> None:
    entry = held(entry=held().entry).entry
    assert noted(entry, task, epoch, {"x": 1}) is None
    assert finished(entry, task, epoch, DONE) is None


def test_notes_outlast_the_intent_and_what_was_begun_does_not() -> None:
    entry = noted(held().entry, "t1", 1, {"begun": True, "review": 7})
    assert entry is not None
    kept = finished(entry, "t1", 1, DONE)
    assert kept is not None
    assert kept.notes == {"review": 7}
    other = finished(entry, "t1", 1, DONE, {"review": 8})
    assert other is not None
    assert other.notes == {"review": 8}


def test_giving_up_without_the_claim_leaves_the_intent_of_another_task() -> None:
    entry = settled(held("t1").entry, "t2", "why")
    assert entry is not None
    assert entry.done == {"t2": Receipt(state="failed", note="why")}
    assert noted(entry, "t1", 1, {}) is not None


def test_giving_up_closes_the_intent_of_the_same_task_whoever_made_it() -> None:
    entry = noted(held().entry, "t1", 1, {"begun": True})
    assert entry is not None
    closed = settled(entry, "t1", "why")
    assert closed is not None
    assert (closed.intent, closed.notes) == (None, {})
    assert closed.done == {"t1": Receipt(state="unknown", note="why")}
    assert settled(closed, "t1", "again") is None


def test_only_the_last_receipts_are_kept() -> None:
    entry = LedgerEntry()
    for number in range(MAX_DONE + 5):
        closed = finished(held(f"t{number}", entry).entry, f"t{number}", 1, DONE)
        assert closed is not None
        entry = closed
    assert list(entry.done) == [f"t{number}" for number in range(5, MAX_DONE + 5)]


def test_an_entry_stays_below_what_the_broker_takes_and_the_newest_receipt_stays() -> None:
    entry = LedgerEntry(done={f"t{n}": Receipt(note="日" * 1_000) for n in range(MAX_DONE)}, notes={"a": "b" * 500_000})
    closed = finished(held("new", entry).entry, "new", 1, Receipt(note="日" * 1_000))
    assert closed is not None
    assert MAX_BYTES - 10_000 < len(closed.encode()) <= MAX_BYTES
    assert list(closed.done) == [*(f"t{n}" for n in range(MAX_DONE - len(closed.done) + 1, MAX_DONE)), "new"]
    grown = noted(held("other", closed).entry, "other", 1, {"a": "b" * 800_000})
    assert grown is not None
    assert len(grown.encode()) <= MAX_BYTES
    assert "new" in grown.done


def test_notes_that_are_too_large_alone_cost_all_receipts_but_the_newest() -> None:
    entry = noted(held("t3", LedgerEntry(done={"t1": DONE, "t2": DONE})).entry, "t3", 1, {"a": "b" * MAX_BYTES})
    assert entry is not None
    assert list(entry.done) == ["t2"]


@dataclass
class Process:
    """One that works as the ledger's adapter does: it changes what it has read, if nobody else has meanwhile."""

    task: str = ""
    epoch: int = 0
    entry: LedgerEntry | None = None
    revision: int = 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "note", "note", "finish", "settle"]),
        st.integers(0, 2),
        st.sampled_from(["t1", "t1", "t2", "t3"]),
        st.sampled_from([0.0, 0.0, 0.0, ABANDONED_S]),
        # Whether another process comes first between reading and storing.
        st.booleans(),
    ),
    min_size=5,
    max_size=60,
)


@given(steps=STEPS, most=st.integers(1, 4))
def test_however_processes_interleave_at_most_one_finishes_an_epoch_and_a_task(
    steps: list[tuple[str, int, str, float, bool]], most: int
) -> None:
    stored, revision = LedgerEntry(), 0
    processes = [Process() for _ in range(4)]
    granted: list[tuple[str, int]] = []
    closed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # Where fewer receipts are kept than there are tasks, one may be taken up anew: then only the bound counts.
        patch.setattr(claims, "MAX_DONE", most)
        for what, number, task, idle_s, stale in steps:
            process = processes[number]
            base, at = stored, revision
            changed: LedgerEntry | None = None
            epoch = 0
            if what == "claim":
                decision = claim(base, task, "d", idle_s=idle_s)
                if isinstance(decision, Granted):
                    changed, epoch = decision.entry, decision.epoch
            elif what == "settle":
                changed = settled(base, task, "why")
            elif process.entry is not None:
                # From memory first; who loses the race reads again, and then the intent decides.
                for base, at in ((process.entry, process.revision), (stored, revision)):
                    changed = (
                        noted(base, process.task, process.epoch, {"begun": True})
                        if what == "note"
                        else finished(base, process.task, process.epoch, DONE)
                    )
                    if changed is None or at == revision:
                        break
            if changed is None or at != revision or (stale and what == "claim"):
                continue
            before = stored
            stored, revision = changed, revision + 1
            assert len(stored.done) <= most
            if what == "claim":
                processes[number] = Process(task, epoch, stored, revision)
                granted.append((task, epoch))
                assert stored.intent is not None
            elif what == "note":
                process.entry, process.revision = stored, revision
                # Nobody else has been granted anything since.
                assert granted[-1] == (process.task, process.epoch)
            elif what == "finish":
                assert granted[-1] == (process.task, process.epoch)
                assert before.intent is not None
                assert stored.intent is None
            closed += [each for each in stored.done if each not in before.done]
            if most == 4:
                assert len(closed) == len(set(closed))
                assert len(granted) == len(set(granted))
