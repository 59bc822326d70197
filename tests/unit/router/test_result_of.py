"""The result of a task from its state and last outcome."""

import pytest

from quorate.contract.blob import BlobRef
from quorate.contract.facts import AgentCoverage, Coverage, Outcome, Usage
from quorate.contract.finding import DecidedFinding, Resolved
from quorate.contract.result import Timings
from quorate_router.domain.result import result_of
from quorate_router.domain.state import RouterState

REF = BlobRef(key="k", sha256="0" * 64, size=9)
FINDING = DecidedFinding(
    id="f", path="x.py", severity="high", category="bug", message="m", fingerprint="f", decision="confirmed", reason="r"
)
RESOLVED = Resolved(issue="g", path="y.py", severity="low", category="bug", message="m", reason="gone")


def test_a_result_holds_all_that_the_outcome_says() -> None:
    outcome = Outcome(
        step="review",
        state="completed",
        partial=True,
        reason="late",
        verdict="comment",
        summary="1 high",
        findings=(FINDING,),
        findings_ref=REF,
        resolved=(RESOLVED,),
        answers={"a": 1},
        answers_ref=REF,
        coverage=Coverage(agents={"a": AgentCoverage(state="ok")}, unread=("y.py",), unread_total=1),
        missing=("b",),
        usage=Usage(llm_calls=3),
    )
    state = RouterState(
        kind="code-review",
        idempotency_key="key",
        labels={"a": "b"},
        series="nightly",
        head_sha="a1b2c3",
        submitted_at=100.0,
        started_at=100.25,
        final="completed",
        reason="late",
    )

    result = result_of("t1", state, outcome, 101.5)

    for field in set(Outcome.model_fields) - {"schema_version", "step", "attempt", "question"}:
        assert getattr(result, field) == getattr(outcome, field), field
    assert (result.task_id, result.kind, result.idempotency_key, result.labels) == (
        "t1",
        "code-review",
        "key",
        {"a": "b"},
    )
    assert (result.series, result.head_sha) == ("nightly", "a1b2c3")
    assert result.timings == Timings(
        submitted_at="1970-01-01T00:01:40.000Z",
        started_at="1970-01-01T00:01:40.250Z",
        finished_at="1970-01-01T00:01:41.500Z",
        elapsed_ms=1500,
    )


@pytest.mark.parametrize("final", ["failed", "canceled", "rejected"])
def test_a_task_without_an_outcome_says_why(final: str) -> None:
    state = RouterState.model_validate({"kind": "k", "submitted_at": 5.0, "final": final, "reason": "so"})
    result = result_of("t1", state, None, 5.0)
    assert (result.state, result.reason, result.summary, result.verdict) == (final, "so", f"{final}: so", None)
    assert result.timings.started_at is None


def test_a_task_whose_submission_nobody_saw_has_an_unknown_kind() -> None:
    assert result_of("t1", RouterState(submitted_at=5.0, final="failed"), None, 5.0).kind == "unknown"


def test_clocks_that_run_backwards_give_no_negative_duration() -> None:
    assert result_of("t1", RouterState(submitted_at=5.0, final="failed"), None, 4.0).timings.elapsed_ms == 0


def test_a_task_that_has_not_ended_has_no_result() -> None:
    with pytest.raises(ValueError, match="t1 has not ended"):
        result_of("t1", RouterState(submitted_at=5.0), None, 5.0)
