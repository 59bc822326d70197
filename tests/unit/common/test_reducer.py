"""Reading stored facts, and the entry that a reducer commits."""

import pytest

from quorate.contract.facts import FACTS, CancelRequested, Contribution
from quorate.contract.task import TaskState
from quorate.reducer import Record, read_record

SUBJECT = "quorate.log.3.t1.cancel.request"


def test_a_stored_fact_becomes_a_record() -> None:
    record = read_record(SUBJECT, b'{"reason":"enough"}', 17, 5.5)
    assert record == Record("t1", "cancel", ("request",), 5.5, 17, CancelRequested(reason="enough"))


def test_the_key_of_a_contribution_names_agent_and_run() -> None:
    record = read_record("quorate.log.3.t1.contribution.ruff.review", b"{}", 1, 0.0)
    assert (record.key, record.fact) == (("ruff", "review"), Contribution())


@pytest.mark.parametrize(
    ("subject", "data", "reason"),
    [
        (SUBJECT, b"", "JSON"),
        (SUBJECT, b"[]", "valid dictionary or instance|object"),
        (SUBJECT, b'{"reason": 5}', "reason"),
        ("quorate.log.3.t1.rumour.x", b"{}", "unknown fact type 'rumour'"),
        ("quorate.log.t1.cancel.request", b"{}", "not the subject of a stored fact"),
        ("quorate.log.x.t1.cancel.request", b"{}", "invalid literal"),
    ],
)
def test_what_is_not_a_fact_is_a_value_error(subject: str, data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_record(subject, data, 1, 0.0)


def test_every_fact_is_known_by_the_token_of_its_subject() -> None:
    assert {type: fact.type for type, fact in FACTS.items()} == {type: type for type in FACTS}


def test_task_states_are_those_of_a2a() -> None:
    assert set(TaskState.__args__) >= {"submitted", "working", "input-required", "auth-required"}  # type: ignore[attr-defined]
