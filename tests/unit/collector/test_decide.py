"""The collector's decisions: (state, fact) -> (state, commands)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import Assigned, Assignee, CancelRequested, Contribution, Fact, TimerFired
from quorate.reducer import Decision, Record
from quorate_collector.domain.decide import decide
from quorate_collector.domain.state import Close, CollectorState, Join

A, B = Assignee(agent="a", version="1"), Assignee(agent="b", version="1")


def record(fact: Fact, *key: str) -> Record:
    return Record("t1", fact.type, key or ("key",), 100.0, 1, fact)


def assigned(step: str = "work", attempt: int = 1, agents: tuple[Assignee, ...] = (A, B)) -> Record:
    return record(Assigned(kind="k", step=step, attempt=attempt, agents=agents, deadline_s=60), step)


def contribution(agent: str, run: str = "work") -> Record:
    return record(Contribution(), agent, run)


def timer(step: str = "work", attempt: int = 1) -> Record:
    return record(TimerFired(name="any", step=step, attempt=attempt))


def join(*answered: str, closed: bool = False, **fields: Any) -> Join:
    return Join.model_validate(
        {
            "kind": "k",
            "position": 1,
            "step": "work",
            "attempt": 1,
            "agents": (A, B),
            "answered": answered,
            "closed": closed,
        }
        | fields
    )


def joining(*answered: str, closed: bool = False) -> CollectorState:
    return CollectorState(joins={"work": join(*answered, closed=closed)})


CANCELED = joining("a").model_copy(update={"canceled": True})
SECOND = {"work~2": join(attempt=2)}


def test_a_join_knows_where_its_assignment_stands_in_the_log() -> None:
    opened = decide(None, replace(assigned(), sequence=4711)).state
    assert opened is not None
    assert opened.joins["work"].position == 4711
    answered = decide(opened, replace(contribution("a"), sequence=4712)).state
    assert answered is not None
    assert answered.joins["work"].position == 4711


@pytest.mark.parametrize(
    ("state", "fact", "after", "commands"),
    [
        pytest.param(None, assigned(), joining(), (), id="an assignment opens a join"),
        pytest.param(
            None,
            assigned(agents=()),
            CollectorState(joins={"work": join(agents=(), closed=True)}),
            (Close(run="work"),),
            id="an assignment to nobody is joined at once",
        ),
        pytest.param(joining("a"), assigned(), joining("a"), (), id="an assignment that was seen before"),
        pytest.param(
            joining("a"),
            assigned(attempt=2),
            CollectorState(joins={"work": join("a"), **SECOND}),
            (),
            id="a second attempt has a join of its own",
        ),
        pytest.param(CANCELED, assigned("other"), CANCELED, (), id="a canceled task joins nothing more"),
        pytest.param(joining(), contribution("a"), joining("a"), (), id="an agent answers"),
        pytest.param(
            joining("b"),
            contribution("a"),
            joining("b", "a", closed=True),
            (Close(run="work"),),
            id="the last answer closes the join",
        ),
        pytest.param(joining("a"), contribution("a"), joining("a"), (), id="an answer that was seen before"),
        pytest.param(joining("a"), contribution("c"), joining("a"), (), id="an agent that was not asked"),
        pytest.param(joining("a"), contribution("b", "other"), joining("a"), (), id="an answer to another step"),
        pytest.param(joining("a"), contribution("b", "work~2"), joining("a"), (), id="an answer to another attempt"),
        pytest.param(joining("a"), record(Contribution(), "b"), joining("a"), (), id="an answer to no step"),
        pytest.param(
            joining("a", closed=True), contribution("b"), joining("a", closed=True), (), id="an answer that is late"
        ),
        pytest.param(CANCELED, contribution("b"), CANCELED, (), id="an answer to a canceled task"),
        pytest.param(None, contribution("a"), None, (), id="an answer to an unknown task"),
        pytest.param(
            joining("a"), timer(), joining("a", closed=True), (Close(run="work"),), id="the deadline closes the join"
        ),
        pytest.param(
            joining(), timer(), joining(closed=True), (Close(run="work"),), id="the deadline without any answer"
        ),
        pytest.param(
            joining("a", "b", closed=True), timer(), joining("a", "b", closed=True), (), id="a deadline after the join"
        ),
        pytest.param(joining("a"), timer(attempt=2), joining("a"), (), id="the deadline of another attempt"),
        pytest.param(joining("a"), timer("other"), joining("a"), (), id="the deadline of another step"),
        pytest.param(CANCELED, timer(), CANCELED, (), id="the deadline of a canceled task"),
        pytest.param(None, timer(), None, (), id="the deadline of an unknown task"),
        pytest.param(joining("a"), record(CancelRequested()), CANCELED, (), id="a request cancels the task"),
        pytest.param(None, record(CancelRequested()), None, (), id="the cancellation of an unknown task"),
    ],
)
def test_a_fact_decides(
    state: CollectorState | None, fact: Record, after: CollectorState | None, commands: Any
) -> None:
    assert decide(state, fact) == Decision(after, commands)


FACTS = st.sampled_from(
    [
        assigned(),
        assigned(attempt=2),
        contribution("a"),
        contribution("b"),
        contribution("c"),
        contribution("a", "work~2"),
        contribution("b", "work~2"),
        timer(),
        timer(attempt=2),
        record(CancelRequested()),
    ]
)


@given(st.lists(FACTS, max_size=20))
def test_a_run_is_closed_once_at_most_and_counts_no_one_twice_whatever_facts_come(facts: list[Record]) -> None:
    state: CollectorState | None = None
    closed: list[str] = []
    for fact in facts:
        decision = decide(state, fact)
        for command in decision.commands:
            assert decision.state is not None
            assert decision.state.joins[command.run].closed
        closed += [command.run for command in decision.commands]
        state = decision.state
    assert len(closed) == len(set(closed))
    for each in state.joins.values() if state else ():
        assert len(each.answered) == len(set(each.answered))
        assert set(each.answered) <= {"a", "b"}


@given(st.permutations([contribution("a"), contribution("b"), contribution("a"), contribution("c"), contribution("b")]))
def test_answers_close_a_run_in_any_order_and_however_often_they_come(facts: list[Record]) -> None:
    state = decide(None, assigned()).state
    closed = 0
    for fact in facts:
        decision = decide(state, fact)
        state = decision.state
        closed += len(decision.commands)
    assert state is not None
    assert closed == 1
    assert set(state.joins["work"].answered) == {"a", "b"}
