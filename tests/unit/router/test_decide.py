"""The router's decisions: (state, fact) -> (state, commands)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.agents import AgentCard
from quorate.contract.facts import Assignee, CancelRequested, Concluded, Fact, Failed, Outcome, Step, Submitted
from quorate.reducer import Decision, Record
from quorate_router.domain.decide import decide
from quorate_router.domain.state import Conclude, Dispatch, RouterState, StepState

DEADLINES = {"code-review": 600.0, "": 60.0}
RUFF = AgentCard(name="ruff", version="0.17", kinds=("code-review",))
BANDIT = AgentCard(name="bandit", version="1.9", kinds=("code-review",))


def record(fact: Fact, at: float = 100.0) -> Record:
    return Record("t1", fact.type, ("key",), at, 1, fact)


def submitted(**fields: Any) -> Submitted:
    return Submitted.model_validate({"kind": "code-review", "input_digest": "d", "agents": (BANDIT, RUFF)} | fields)


def step(name: str, status: Any = "assigned", attempt: int = 1) -> StepState:
    assigned = (Assignee(agent="ruff", version="0.17"),)
    return StepState(
        step=Step(name=name, agents=("ruff",), deadline_s=60), agents=assigned, status=status, attempt=attempt
    )


def working(*steps: StepState, **fields: Any) -> RouterState:
    return RouterState.model_validate({"kind": "k", "submitted_at": 1.0, "started_at": 1.0, "steps": steps} | fields)


def ended(state: RouterState, final: Any, reason: str | None = None) -> RouterState:
    return state.model_copy(update={"final": final, "reason": reason})


DONE = Outcome(step="one", state="completed")
LOST = Outcome(step="one", state="failed", reason="no agent answered")
FAILED = Failed(service="collector", subject="quorate.log.0.t1.contribution.ruff.work", reason="ValueError: no")
FAILURE = (
    "the collector could not process quorate.log.0.t1.contribution.ruff.work: ValueError: no;"
    " the fact is in the dead letters (`quorate dead list`)"
)


def test_a_submitted_task_asks_every_agent_that_serves_its_kind() -> None:
    assert decide(None, record(submitted(idempotency_key="key", labels={"a": "b"})), DEADLINES) == Decision(
        RouterState(
            kind="code-review",
            idempotency_key="key",
            labels={"a": "b"},
            submitted_at=100.0,
            started_at=100.0,
            deadline_at=700.0,
            steps=(
                StepState(
                    step=Step(name="review", agents=("bandit", "ruff"), deadline_s=600.0),
                    agents=(Assignee(agent="bandit", version="1.9"), Assignee(agent="ruff", version="0.17")),
                    status="assigned",
                ),
            ),
        ),
        (Dispatch(step="review"),),
    )


def test_a_task_counts_from_the_publication_of_its_event_and_begins_with_its_fact() -> None:
    state = decide(None, record(submitted(received_at=98.5)), DEADLINES).state
    assert state is not None
    assert (state.submitted_at, state.started_at) == (98.5, 100.0)


@pytest.mark.parametrize(
    ("kind", "asked", "deadline_s", "name"),
    [
        ("code-review", None, 600.0, "review"),
        ("code-review", 5.0, 5.0, "review"),
        ("question", None, 60.0, "work"),
        ("question", 0.5, 0.5, "work"),
    ],
)
def test_a_step_has_the_deadline_that_was_asked_for_or_that_of_its_kind(
    kind: str, asked: float | None, deadline_s: float, name: str
) -> None:
    state = decide(None, record(submitted(kind=kind, deadline_s=asked)), DEADLINES).state
    assert state is not None
    assert [(each.step.name, each.step.deadline_s) for each in state.steps] == [(name, deadline_s)]


def test_a_refused_task_is_rejected_at_once() -> None:
    assert decide(None, record(submitted(refusal="the diff changes nothing", agents=())), DEADLINES) == Decision(
        RouterState(
            kind="code-review",
            submitted_at=100.0,
            started_at=100.0,
            final="rejected",
            reason="the diff changes nothing",
        ),
        (Conclude(),),
    )


@pytest.mark.parametrize(
    ("state", "fact", "after", "commands"),
    [
        pytest.param(
            working(step("one")),
            DONE,
            ended(working(step("one", "joined")), "completed"),
            (Conclude(),),
            id="the last step's outcome completes the task",
        ),
        pytest.param(
            working(step("one")),
            DONE.model_copy(update={"partial": True, "reason": "late"}),
            ended(working(step("one", "joined")), "completed", "late"),
            (Conclude(),),
            id="a partial outcome says why",
        ),
        pytest.param(
            working(step("one")),
            LOST,
            ended(working(step("one", "joined")), "failed", "no agent answered"),
            (Conclude(),),
            id="a failed step fails the task",
        ),
        pytest.param(
            working(step("one"), step("two", "waiting"), step("three", "waiting")),
            DONE,
            working(step("one", "joined"), step("two"), step("three", "waiting")),
            (Dispatch(step="two"),),
            id="the next step follows",
        ),
        pytest.param(
            working(step("one"), step("two", "waiting")),
            LOST,
            ended(working(step("one", "joined"), step("two", "waiting")), "failed", "no agent answered"),
            (Conclude(),),
            id="no step follows a failed one",
        ),
        pytest.param(
            working(step("one", "joined"), step("two")),
            DONE,
            working(step("one", "joined"), step("two")),
            (),
            id="an outcome that was seen before",
        ),
        pytest.param(
            working(step("one", attempt=2)),
            DONE,
            working(step("one", attempt=2)),
            (),
            id="the outcome of an earlier attempt",
        ),
        pytest.param(working(step("other")), DONE, working(step("other")), (), id="the outcome of an unknown step"),
        pytest.param(
            working(step("zero"), step("one", "waiting")),
            DONE,
            working(step("zero"), step("one", "waiting")),
            (),
            id="the outcome of a step that was not assigned yet",
        ),
        pytest.param(
            working(step("one")),
            CancelRequested(reason="enough"),
            ended(working(step("one")), "canceled", "enough"),
            (Conclude(),),
            id="a request cancels the task",
        ),
        pytest.param(
            working(step("one")),
            FAILED,
            ended(working(step("one")), "failed", FAILURE),
            (Conclude(),),
            id="a fact that cannot be processed fails the task",
        ),
        pytest.param(
            working(step("one")), submitted(), working(step("one")), (), id="a submission that was seen before"
        ),
        pytest.param(
            None,
            FAILED,
            RouterState(submitted_at=100.0, final="failed", reason=FAILURE),
            (Conclude(),),
            id="a failure comes before the submission",
        ),
        pytest.param(None, DONE, None, (), id="the outcome of an unknown task"),
        pytest.param(None, CancelRequested(), None, (), id="the cancellation of an unknown task"),
    ],
)
def test_a_fact_decides(state: RouterState | None, fact: Fact, after: RouterState | None, commands: Any) -> None:
    assert decide(state, record(fact), DEADLINES) == Decision(after, commands)


FACTS = st.sampled_from(
    [
        submitted(kind="k"),
        submitted(kind="k", refusal="no", agents=()),
        Outcome(step="work", state="completed"),
        Outcome(step="work", state="failed", reason="nobody"),
        Outcome(step="work", attempt=2, state="completed"),
        CancelRequested(),
        FAILED,
        Concluded(kind="k", state="completed"),
    ]
)


@given(st.lists(FACTS, max_size=12))
def test_a_task_is_concluded_once_whatever_facts_follow(facts: list[Fact]) -> None:
    state: RouterState | None = None
    commands: list[Any] = []
    for fact in facts:
        before = state
        decision = decide(state, record(fact), DEADLINES)
        state = decision.state
        commands += decision.commands
        if before is not None and before.final is not None:
            assert decision == Decision(before), "a final state changes no more"
    assert commands.count(Conclude()) == (state is not None and state.final is not None)


@given(st.lists(FACTS, max_size=12))
def test_nothing_is_handed_out_after_the_end(facts: list[Fact]) -> None:
    state: RouterState | None = None
    for fact in facts:
        decision = decide(state, record(fact), DEADLINES)
        if decision.state is not None and decision.state.final is not None:
            assert not any(isinstance(command, Dispatch) for command in decision.commands)
        state = decision.state


def test_a_task_whose_kind_is_known_and_has_no_agents_fails() -> None:
    fact = Submitted(kind="code-review", input={}, input_digest="d")
    decision = decide(None, Record("t1", "submitted", ("task",), 1.0, 1, fact), {"": 60.0})
    assert decision.state is not None
    assert decision.state.final == "failed"
    assert "start a worker" in (decision.state.reason or "")
    assert decision.commands == (Conclude(),)
