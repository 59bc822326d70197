"""Plans of more than one step: a pull request is fetched first, and findings without a quorum are looked at again."""

from typing import Any

import pytest

from quorate.contract.agents import AgentCard
from quorate.contract.blob import BlobRef
from quorate.contract.facts import Fact, Outcome, Question, Submitted
from quorate.reducer import Record
from quorate_router.domain.decide import RouterDecision, decide
from quorate_router.domain.state import Conclude, Dispatch, RouterState

DEADLINES = {"code-review": 600.0, "": 60.0}
RUFF = AgentCard(name="ruff", version="1", kinds=("code-review",))
GITHUB = AgentCard(name="github", version="2", kinds=("pull-request", "review-command"))
SKEPTIC = AgentCard(name="skeptic", version="3", kinds=("verify",))
PANEL = AgentCard(name="panel", version="4", kinds=("discuss",))
INPUT = BlobRef(key="k", sha256="1" * 64, size=9)
FINDINGS = BlobRef(key="f", sha256="2" * 64, size=9)


def after(state: RouterState | None, fact: Fact, at: float = 100.0) -> RouterDecision:
    return decide(state, Record("t1", fact.type, ("key",), at, 1, fact), DEADLINES)


def submitted(**fields: Any) -> Submitted:
    given = {"kind": "code-review", "input_digest": "d", "agents": (RUFF,), "series": "github:acme/shop#7"}
    return Submitted.model_validate(given | fields)


def fetching() -> RouterState:
    state = after(None, submitted(helpers=(GITHUB, SKEPTIC))).state
    assert state is not None
    return state


def reviewing(*helpers: AgentCard) -> RouterState:
    state = after(None, submitted(series="nightly", helpers=helpers)).state
    assert state is not None
    return state


def asks(kind: str, *agents: str, round: int = 1) -> Outcome:
    question = Question.model_validate(
        {"kind": kind, "agents": agents, "round": round, "findings": ("f1",), "ref": FINDINGS}
    )
    return Outcome(step="review", state="completed", question=question)


def fetched(**answer: Any) -> Outcome:
    return Outcome(step="fetch", state="completed", answers={"github": answer})


def test_a_pull_request_is_fetched_and_then_reviewed() -> None:
    state = fetching()
    assert [(each.step.name, each.step.agents, each.step.deadline_s, each.status) for each in state.steps] == [
        ("fetch", ("github",), 300.0, "assigned"),
        ("review", ("ruff",), 600.0, "waiting"),
    ]
    assert (state.steps[1].step.needs, state.steps[1].step.input_from) == (("fetch",), "fetch")
    assert state.deadline_at == 700.0


def test_what_was_fetched_is_the_input_of_the_review() -> None:
    decision = after(fetching(), fetched(input_ref=INPUT.model_dump(), head_sha="a1b2c3"))
    assert decision.commands == (Dispatch(step="review"),)
    assert decision.state is not None
    assert decision.state.steps[1].input_ref == INPUT
    assert decision.state.head_sha == "a1b2c3"


@pytest.mark.parametrize(
    ("outcome", "final", "reason"),
    [
        (fetched(skip="the pull request is closed"), "canceled", "the pull request is closed"),
        (fetched(input_ref={"key": "no"}), "failed", "the answer of github is no input"),
        (fetched(), "failed", "the answer of github is no input"),
        (Outcome(step="fetch", state="completed"), "failed", "the answer of nobody is no input"),
        (Outcome(step="fetch", state="completed", answers={"github": "text"}), "failed", "the answer of github is no"),
        (Outcome(step="fetch", state="failed", reason="github: 404"), "failed", "github: 404"),
    ],
)
def test_without_an_input_there_is_no_review(outcome: Outcome, final: str, reason: str) -> None:
    decision = after(fetching(), outcome)
    assert decision.commands == (Conclude(),)
    assert decision.state is not None
    assert decision.state.final == final
    assert (decision.state.reason or "").startswith(reason)


def test_a_pull_request_fails_when_nobody_can_fetch_it() -> None:
    state = after(None, submitted(helpers=(SKEPTIC,))).state
    assert state is not None
    assert (state.final, "quorate up gateway" in (state.reason or "")) == ("failed", True)


def test_a_review_command_about_a_pull_request_is_one_step() -> None:
    state = after(None, submitted(kind="review-command", agents=(GITHUB,))).state
    assert state is not None
    assert [each.step.name for each in state.steps] == ["work"]


def test_findings_without_a_quorum_are_put_to_the_verifiers_with_the_time_that_is_left() -> None:
    decision = after(reviewing(SKEPTIC, PANEL), asks("verify", "skeptic", "absent"), at=400.0)
    assert decision.commands == (Dispatch(step="verify-1"),)
    assert decision.state is not None
    step = decision.state.steps[-1]
    assert (step.step.agents, step.step.deadline_s, step.step.follows) == (("skeptic",), 300.0, "review")
    assert (step.about_ref, step.status) == (FINDINGS, "assigned")


def test_a_discussion_asks_all_who_can_discuss() -> None:
    decision = after(reviewing(SKEPTIC, PANEL), asks("discuss", round=2))
    assert decision.state is not None
    assert (decision.state.steps[-1].step.name, decision.state.steps[-1].step.agents) == ("discuss-2", ("panel",))


@pytest.mark.parametrize(
    ("helpers", "outcome", "at", "reason"),
    [
        ((PANEL,), asks("verify", "skeptic"), 400.0, "nobody is there to verify 1 finding (skeptic)"),
        ((), asks("discuss"), 400.0, "nobody is there to discuss 1 finding (no agent serves the kind discuss)"),
        ((SKEPTIC,), asks("verify", "skeptic"), 699.5, "no time is left to verify 1 finding"),
    ],
)
def test_a_question_that_nobody_can_answer_does_not_keep_the_task_from_ending(
    helpers: tuple[AgentCard, ...], outcome: Outcome, at: float, reason: str
) -> None:
    decision = after(reviewing(*helpers), outcome, at)
    assert decision.commands == (Conclude(),)
    assert decision.state is not None
    assert (decision.state.final, decision.state.reason, decision.state.partial) == ("completed", reason, True)


def test_the_outcome_of_the_second_look_ends_the_task() -> None:
    asked = after(reviewing(SKEPTIC), asks("verify", "skeptic")).state
    decision = after(asked, Outcome(step="verify-1", state="completed"))
    assert decision.commands == (Conclude(),)


def test_a_second_look_at_a_pull_request_reads_the_same_input() -> None:
    review = after(fetching(), fetched(input_ref=INPUT.model_dump(), head_sha="a1b2c3")).state
    asked = after(review, asks("verify", "skeptic")).state
    assert asked is not None
    assert asked.steps[-1].input_ref == INPUT
