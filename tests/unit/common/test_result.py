"""A result's body and headers."""

import json

import pytest

from quorate.bus import parse_time
from quorate.contract.result import Result, Timings, iso

RESULT = Result(
    task_id="t1", kind="code-review", state="completed", timings=Timings(finished_at="2027-01-15T08:00:00.000Z")
)


def test_a_result_shows_every_field_of_the_contract_also_where_there_is_nothing_to_say() -> None:
    shown = json.loads(RESULT.encode())
    assert set(shown) == {
        *("task_id", "kind", "idempotency_key", "labels", "schema_version", "state", "partial", "reason", "verdict"),
        *("summary", "findings", "findings_ref", "answers", "answers_ref", "coverage", "missing", "usage", "timings"),
        *("series", "head_sha", "resolved"),
    }
    assert shown["reason"] is None
    assert set(shown["usage"]) == {"llm_calls", "tokens_in", "tokens_out", "cost_usd", "tool_calls"}
    assert set(shown["timings"]) == {"submitted_at", "started_at", "finished_at", "elapsed_ms"}
    assert set(shown["coverage"]) >= {"agents", "unread"}


def test_a_result_is_a_cloud_event_in_binary_mode() -> None:
    assert RESULT.headers() == {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-type": "quorate.task.result.v1",
        "ce-source": "quorate",
        "ce-id": "t1",
        "ce-time": "2027-01-15T08:00:00.000Z",
    }


def test_times_are_iso_8601_in_utc_to_the_millisecond() -> None:
    assert iso(1800000000.2504) == "2027-01-15T08:00:00.250Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2027-01-15T08:00:00Z", 1800000000.0),
        ("2027-01-15T08:00:00.25Z", 1800000000.25),
        ("2027-01-15T08:00:00.000000001Z", 1800000000.0),
        ("2027-01-15T08:00:00.999999999Z", 1800000001.0),
    ],
)
def test_the_brokers_times_are_read(stamp: str, seconds: float) -> None:
    assert parse_time(stamp) == pytest.approx(seconds, abs=1e-6)
