"""How often agents were right, and what their votes count for."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.history import AgentRecord, Fate, TrackRecord
from quorate_collector.domain import track_record
from quorate_collector.domain.track_record import MAX_COUNTED, PRIOR, settle, weight_of


def fate(event: str, right: int = 0, wrong: int = 0, *agents: str) -> Fate:
    return Fate(event=event, agents=agents or ("bandit",), right=right, wrong=wrong)


def test_every_event_counts_once_for_every_agent() -> None:
    fates = (fate("a", 1, 0, "bandit", "ruff"), fate("b", 0, 1), fate("b", 0, 1))
    once = settle(TrackRecord(), fates)
    assert once.agents == {"bandit": AgentRecord(right=1, wrong=1), "ruff": AgentRecord(right=1)}
    assert settle(once, fates) is once


def test_what_was_counted_can_be_taken_back() -> None:
    track = settle(TrackRecord(), (fate("a", right=1), fate("b", wrong=1), fate("c", right=-1), fate("d", wrong=-1)))
    assert track.agents["bandit"] == AgentRecord()
    assert settle(track, (fate("e", wrong=-1),)).agents["bandit"] == AgentRecord(), "and never more than all"


def test_the_memory_of_events_and_the_number_of_agents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_record, "MAX_AGENTS", 2)
    track = settle(TrackRecord(), tuple(fate(f"event-{n}", 1, 0, f"agent-{n % 3}") for n in range(2 * MAX_COUNTED)))
    assert len(track.counted) == MAX_COUNTED
    assert track.counted[-1] == f"event-{2 * MAX_COUNTED - 1}"
    assert set(track.agents) == {"agent-0", "agent-1"}
    assert len(track.encode()) < 100_000


@pytest.mark.parametrize(
    ("right", "wrong", "weight"),
    [
        (0, 0, 1.0),
        (0, PRIOR, 1.0),
        (0, PRIOR + 1, 20 / 21),
        (0, 20, 2 / 3),
        (0, 100, 2 / 11),
        (100, 100, 1.0),
        (100, 110, 1.0),
        (100, 200, 220 / 310),
    ],
)
def test_a_vote_weighs_less_only_for_an_agent_that_was_wrong_more_often_than_right(
    right: int, wrong: int, weight: float
) -> None:
    assert weight_of(AgentRecord(right=right, wrong=wrong)) == pytest.approx(weight)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_weight_is_a_share_that_falls_with_every_wrong_one_and_rises_with_every_right_one(
    right: int, wrong: int
) -> None:
    here = weight_of(AgentRecord(right=right, wrong=wrong))
    assert 0 < here <= 1
    assert (
        weight_of(AgentRecord(right=right, wrong=wrong + 1))
        <= here
        <= weight_of(AgentRecord(right=right + 1, wrong=wrong))
    )
    assert here == 1 or wrong > right


def test_a_weight_falls_for_good() -> None:
    weights = [weight_of(AgentRecord(wrong=wrong)) for wrong in range(PRIOR, 200)]
    assert all(one > other for one, other in pairwise(weights))
