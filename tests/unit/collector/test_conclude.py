"""The conclusion of a step."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import AgentCoverage, Assignee, Contribution, Coverage, Outcome, Usage
from quorate.contract.finding import SEVERITIES, Finding
from quorate.contract.fix import Edit, Fix
from quorate.settings import Quorum
from quorate_collector.domain.conclude import Policy, conclude_first_look, decide_findings
from quorate_collector.domain.coverage import MAX_UNREAD_BYTES
from quorate_collector.domain.state import Join
from tests.support.findings import AGENTS, CONTRIBUTIONS

POLICY = Policy(quorum=Quorum().of)


def join(*agents: str, kind: str = "code-review", answered: tuple[str, ...] = ()) -> Join:
    assignees = tuple(Assignee(agent=agent, version="1") for agent in agents)
    return Join(kind=kind, step="review", attempt=2, agents=assignees, answered=answered)


def concluded(
    answers: dict[str, Contribution], *asked: str, kind: str = "code-review", policy: Policy = POLICY
) -> Outcome:
    return conclude_first_look(join(*asked, kind=kind, answered=tuple(answers)), answers, policy).outcome


def finding(severity: Any = "high", message: str = "Leak", line: int = 5) -> Finding:
    return Finding(path="a.py", line=line, message=message, severity=severity)


OK = Contribution(version="1", read=("a.py",))
FAILED = Contribution(state="failed", version="1", reason="ValueError: no")
FOUND = Contribution(version="1", read=("a.py",), findings=(finding(),))


@pytest.mark.parametrize(
    ("answers", "asked", "state", "partial", "verdict", "reason"),
    [
        pytest.param({"a": OK}, ["a"], "completed", False, "approve", None, id="nothing found"),
        pytest.param({"a": FOUND}, ["a"], "completed", False, "request_changes", None, id="something severe"),
        pytest.param(
            {"a": Contribution(read=("a.py",), findings=(finding("info"),))},
            ["a"],
            "completed",
            False,
            "approve",
            None,
            id="notes stop nobody",
        ),
        pytest.param(
            {"a": OK, "b": Contribution(unread={"b.png": "binary file"})},
            ["a", "b"],
            "completed",
            False,
            "comment",
            None,
            id="nothing is approved that nobody read",
        ),
        pytest.param(
            {"a": OK, "b": Contribution(state="missing", reason="b is not installed", unread={"a.py": "no b"})},
            ["a", "b"],
            "completed",
            False,
            "approve",
            None,
            id="a tool that is not installed stops nobody where others read",
        ),
        pytest.param(
            {"a": Contribution(state="skipped", reason="no Python file in the change")},
            ["a"],
            "completed",
            False,
            "comment",
            None,
            id="nothing is approved that was nobody's business",
        ),
        pytest.param(
            {"a": Contribution(findings=(finding("medium"),))},
            ["a"],
            "completed",
            False,
            "comment",
            None,
            id="something else",
        ),
        pytest.param(
            {"a": Contribution(findings=(finding("critical"),))},
            ["a"],
            "completed",
            False,
            "comment",
            None,
            id="something severe that nobody confirms",
        ),
        pytest.param(
            {"a": OK},
            ["a", "b"],
            "completed",
            True,
            "comment",
            "no answer before the deadline from b",
            id="nothing is approved while someone is missing",
        ),
        pytest.param(
            {"a": OK, "b": FAILED},
            ["a", "b"],
            "completed",
            True,
            "comment",
            "b: ValueError: no",
            id="nothing is approved when someone failed",
        ),
        pytest.param(
            {"a": OK, "b": FAILED.model_copy(update={"state": "timeout", "reason": None})},
            ["a", "b", "c"],
            "completed",
            True,
            "comment",
            "no answer before the deadline from c; b: timeout",
            id="missing and timed out",
        ),
        pytest.param(
            {"a": FOUND},
            ["a", "b"],
            "completed",
            True,
            "request_changes",
            "no answer before the deadline from b",
            id="something severe although someone is missing",
        ),
        pytest.param({"a": FAILED}, ["a"], "failed", True, None, "a: ValueError: no", id="everyone failed"),
        pytest.param(
            {}, ["a", "b"], "failed", True, None, "no answer before the deadline from a, b", id="nobody answered"
        ),
        pytest.param({}, [], "failed", False, None, None, id="nobody was asked"),
    ],
)
def test_a_step_is_concluded(
    answers: dict[str, Contribution],
    asked: list[str],
    state: str,
    partial: bool,
    verdict: str | None,
    reason: str | None,
) -> None:
    outcome = concluded(answers, *asked)
    assert (outcome.state, outcome.partial, outcome.verdict, outcome.reason) == (state, partial, verdict, reason)
    assert (outcome.step, outcome.attempt) == ("review", 2)


def test_a_fix_does_not_repeat_the_line_of_a_secret() -> None:
    def fixed(line: int, end_line: int) -> Finding:
        fix = Fix(edits=(Edit(line=line, end_line=end_line, text="password = 'kestrel'\n"),), safe=True)
        return Finding(path="a.py", line=line, message=f"Lines {line} to {end_line}", fix=fix)

    secret = Finding(path="a.py", line=5, message="A password", category="secrets")
    fixable = (fixed(3, 4), fixed(4, 5), fixed(5, 5), fixed(6, 6), fixed(6, 5))

    found = concluded({"a": Contribution(findings=(secret, *fixable))}, "a").findings

    assert {finding.message for finding in found if finding.fix} == {"Lines 3 to 4", "Lines 6 to 6", "Lines 6 to 5"}


def test_of_very_many_unread_files_as_many_are_named_as_fit() -> None:
    many = {f"folder/{number}.py": "x" * 600 for number in range(10_000)}

    coverage = concluded({"a": Contribution(unread=many)}, "a", "b").coverage.agents["a"]

    assert coverage.unread_total == 10_000
    assert 50 < len(coverage.unread) < 200
    assert all(len(reason) == 500 for reason in coverage.unread.values())


def test_everyone_who_was_asked_is_in_the_coverage() -> None:
    answered = {
        "a": Contribution(
            version="7",
            read=("a.py", "b.py"),
            unread={"c.py": "too long", "d.png": "binary"},
            elapsed_ms=5,
            outside_change=2,
        ),
        "b": Contribution(state="failed", reason="no", read=("c.py",)),
    }

    outcome = concluded(answered, "a", "b", "c", policy=Policy(quorum=Quorum().of, lineages={"a": "gpt"}))

    assert outcome.coverage == Coverage(
        agents={
            "a": AgentCoverage(
                state="ok",
                version="7",
                lineage="gpt",
                files=2,
                elapsed_ms=5,
                outside_change=2,
                unread={"c.py": "too long", "d.png": "binary"},
                unread_total=2,
            ),
            "b": AgentCoverage(state="failed", version="1", lineage="b", files=1, reason="no"),
            "c": AgentCoverage(state="missing", version="1", lineage="c", reason="no answer before the deadline"),
        },
        unread=("d.png",),
        unread_total=1,
    )
    assert outcome.missing == ("c",)


def test_unread_paths_are_counted_where_they_are_too_many_to_name() -> None:
    paths = [f"{n:010}" for n in range(MAX_UNREAD_BYTES // 12 + 5)]
    outcome = concluded({"a": Contribution(unread=dict.fromkeys(paths, "too long"))}, "a")
    assert outcome.coverage.unread == tuple(paths[:-5])
    assert outcome.coverage.unread_total == len(paths)
    assert outcome.summary.endswith(f"{len(paths)} changed files unread")


@pytest.mark.parametrize(
    "talkative",
    [
        pytest.param({"state": "failed", "reason": "r" * 3_000_000}, id="a long reason"),
        pytest.param({"version": "v" * 3_000_000}, id="a long version"),
        pytest.param({"unread": {"p" * 3_000_000: ""}}, id="a long path"),
        pytest.param({"unread": {f"{n}{'p' * 200}": "" for n in range(20_000)}}, id="many paths"),
        pytest.param({"unread": {f"{n}{chr(1) * 200}": "" for n in range(20_000)}}, id="paths that grow when escaped"),
    ],
)
def test_an_outcome_fits_a_message_whatever_an_agent_says(talkative: dict[str, Any]) -> None:
    """The broker refuses more than 1 MiB, of which findings and answers may take three quarters."""
    contribution = Contribution.model_validate(talkative)
    assert len(concluded({"a": contribution}, "a").encode()) < 256 * 1024


def test_the_summary_counts_what_was_confirmed_and_names_the_rest() -> None:
    found = (finding("high"), finding("low", line=7), finding("low", line=9), finding("critical", line=11))
    assert concluded({"a": Contribution(findings=found)}, "a", "b").summary == (
        "1 high, 2 low found by 1 of 2 agents, 1 unconfirmed"
    )
    assert concluded({"a": OK}, "a").summary == "nothing found by 1 of 1 agents"
    assert concluded({}, "a").summary == "no agent answered"
    one_unread = Contribution(unread={"x.png": "binary file"})
    assert concluded({"a": one_unread}, "a").summary == "nothing found by 1 of 1 agents; 1 changed file unread"


def test_answers_are_kept_by_agent_and_bring_no_verdict() -> None:
    outcome = concluded({"b": Contribution(answer={"x": 1}), "a": Contribution(answer=0)}, "a", "b", kind="question")
    assert list(outcome.answers.items()) == [("a", 0), ("b", {"x": 1})]
    assert (outcome.verdict, outcome.summary) == (None, "answered by 2 of 2 agents")


def test_usage_is_added_up() -> None:
    used = {"a": OK.model_copy(update={"usage": Usage(llm_calls=1, tokens_in=5, cost_usd=0.5)})}
    used["b"] = OK.model_copy(update={"usage": Usage(llm_calls=2, tokens_out=7, cost_usd=0.25, tool_calls=1)})
    assert concluded(used, "a", "b").usage == Usage(llm_calls=3, tokens_in=5, tokens_out=7, cost_usd=0.75, tool_calls=1)


def test_a_lineage_comes_from_the_operator_and_not_from_the_message() -> None:
    claiming = Contribution.model_validate({"findings": [finding("critical").model_dump()], "lineage": "other"})
    both = {"a": claiming, "b": claiming}
    [together] = decide_findings(both, Policy(quorum=Quorum().of, lineages={"a": "gpt", "b": "gpt"}))
    [apart] = decide_findings(both, POLICY)
    assert (together.decision, apart.decision) == ("demoted", "confirmed")


@given(CONTRIBUTIONS, st.data())
def test_an_outcome_does_not_depend_on_the_order_of_answers_and_findings(
    contributions: dict[str, Contribution], data: Any
) -> None:
    another_order = {
        agent: Contribution(findings=tuple(data.draw(st.permutations(contributions[agent].findings))))
        for agent in data.draw(st.permutations(sorted(contributions)))
    }
    assert concluded(another_order, *AGENTS) == concluded(contributions, *AGENTS)


@given(CONTRIBUTIONS)
def test_no_observation_is_lost_and_the_most_severe_come_first(contributions: dict[str, Contribution]) -> None:
    findings = decide_findings(contributions, POLICY)
    assert sum(len(each.votes) for each in findings) == sum(len(each.findings) for each in contributions.values())
    assert [each.severity for each in findings] == sorted((each.severity for each in findings), key=SEVERITIES.index)
    assert len({each.id for each in findings}) == len(findings)
