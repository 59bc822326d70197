"""When each exit code is due."""

from itertools import product

import pytest

from quorate.contract.facts import AgentCoverage, AgentState, Coverage
from quorate.contract.finding import SEVERITIES, DecidedFinding, Decision, Severity
from quorate.contract.result import Result, Timings
from quorate.contract.task import FinalState
from quorate.errors import Misconfigured, QuorateError
from quorate_cli.exits import FOUND, INCOMPLETE, OK, USAGE, code_of, exit_code, root_of


def finding(severity: Severity, decision: Decision = "confirmed") -> DecidedFinding:
    return DecidedFinding(
        id="f",
        path="a.py",
        line=1,
        severity=severity,
        category="bug",
        message="m",
        fingerprint="f",
        decision=decision,
        reason="r",
    )


def result(
    *findings: DecidedFinding, state: FinalState = "completed", partial: bool = False, **agents: AgentState
) -> Result:
    return Result(
        task_id="t",
        kind="code-review",
        state=state,
        partial=partial,
        findings=findings,
        coverage=Coverage(agents={name: AgentCoverage(state=agent) for name, agent in agents.items()}),
        timings=Timings(finished_at="2026-01-01T00:00:00.000Z"),
    )


@pytest.mark.parametrize(("severity", "fail_on"), list(product(SEVERITIES, SEVERITIES)))
def test_a_finding_fails_the_review_from_its_severity_down(severity: Severity, fail_on: Severity) -> None:
    due = FOUND if SEVERITIES.index(severity) <= SEVERITIES.index(fail_on) else OK
    assert exit_code(result(finding(severity)), fail_on, ()) == due
    assert exit_code(result(finding(severity)), None, ()) == OK


@pytest.mark.parametrize(
    ("decision", "code"), [("confirmed", FOUND), ("held", FOUND), ("demoted", OK), ("withheld", OK)]
)
def test_only_what_is_confirmed_or_held_counts(decision: Decision, code: int) -> None:
    assert exit_code(result(finding("critical", decision)), "high", ()) == code


@pytest.mark.parametrize(
    ("state", "code"), [("completed", OK), ("failed", INCOMPLETE), ("canceled", INCOMPLETE), ("rejected", USAGE)]
)
def test_a_review_that_did_not_complete_says_so(state: FinalState, code: int) -> None:
    assert exit_code(result(state=state), "high", ()) == code
    if state != "completed":
        assert exit_code(result(finding("critical"), state=state), "info", ()) == code


@pytest.mark.parametrize(
    ("state", "code"),
    [("ok", OK), ("skipped", OK), ("failed", INCOMPLETE), ("timeout", INCOMPLETE), ("missing", INCOMPLETE)],
)
def test_a_required_agent_must_have_answered(state: AgentState, code: int) -> None:
    assert exit_code(result(a=state), "high", ["a"]) == code
    assert exit_code(result(a=state), "high", []) == OK


def test_a_required_agent_that_was_never_asked_makes_it_incomplete_whatever_was_found() -> None:
    assert exit_code(result(finding("critical"), a="ok"), "high", ["a", "b"]) == INCOMPLETE


def test_a_partial_review_is_judged_by_what_it_found() -> None:
    assert exit_code(result(finding("high"), partial=True, a="ok", b="timeout"), "high", ["a"]) == FOUND
    assert exit_code(result(partial=True, a="ok", b="timeout"), "high", ["a"]) == OK


def test_the_root_of_a_group_is_its_first_error() -> None:
    root = ValueError("first")
    assert root_of(ExceptionGroup("", [ExceptionGroup("", [root]), ValueError("second")])) is root
    assert root_of(root) is root


def test_a_wrong_setting_is_wrong_usage_and_any_other_error_is_not() -> None:
    assert code_of(Misconfigured("x")) == USAGE
    assert code_of(QuorateError("x")) == code_of(RuntimeError("x")) == INCOMPLETE
