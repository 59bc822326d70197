"""What people ask of a series of reviews."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.history import Dismissal, History
from quorate.contract.task import ReviewCommandName
from quorate_collector.domain.commands import HELP, Command, apply
from tests.support.series import history, issue

ONE = issue(id="1a2b3c4d5e6f7081")
TWO = issue("Unused import `os`", 20, id="1a2b3cffffffffff", severity="low")
SECOND = issue(line=30, id="1a2b3c4d5e6f7081-2")


def run(
    before: History, name: ReviewCommandName, finding: str | None = None, argument: str = "", task: str = "t1"
) -> tuple[History, str]:
    return apply(before, Command(name=name, by="ada", task=task, finding=finding, argument=argument))


@pytest.mark.parametrize("wanted", [ONE.id, "1a2b3c4", " `1A2B3C4D` ", "#1a2b3c4d5e"])
def test_a_finding_is_dismissed_by_its_id_or_the_beginning_of_it(wanted: str) -> None:
    after, answer = run(history(ONE, TWO), "dismiss", wanted, "only  constants\nreach it")
    assert after.issues[0].state == "dismissed"
    assert after.issues[0].dismissal == Dismissal(by="ada", reason="only constants reach it", agents=("bandit",))
    assert after.issues[1] == TWO
    assert after.recorded == ("t1",)
    assert [(fate.agents, fate.right, fate.wrong) for fate in after.unsettled] == [(("bandit",), 0, 1)]
    assert answer == (
        "Dismissed 1a2b3c4d5e6f7081 (a.py:10). It is not reported any more; "
        "/quorate undismiss 1a2b3c4d5e6f7081 undoes it."
    )


def test_a_whole_id_is_that_finding_even_where_another_begins_so() -> None:
    after, _ = run(history(ONE, SECOND), "dismiss", ONE.id)
    assert [each.state for each in after.issues] == ["dismissed", "open"]


def test_a_finding_is_known_by_every_print_it_was_reported_under() -> None:
    after, _ = run(history(issue(id="first", fingerprints=("abcdef01", "9876543210"))), "dismiss", "987654")
    assert after.issues[0].state == "dismissed"


@pytest.mark.parametrize(
    ("finding", "answer"),
    [
        (None, "Which finding? Write /quorate dismiss ID. Open are:\n- 1a2b3c4d5e6f7081: high, a.py:10: The query is"),
        ("1a2b", "1a2b is too short: write 6 characters of the id or more. Open are:\n- 1a2b3c4d"),
        ("1a2b3c", "1a2b3c may be any of 2 findings; write more of the id.\n- 1a2b3c4d5e6f7081: high"),
        ("ffffffff", "No finding has the id ffffffff. Open are:\n- 1a2b3c4d5e6f7081: high, a.py:10"),
    ],
)
def test_an_id_that_is_not_one_is_answered_with_those_that_are_open(finding: str | None, answer: str) -> None:
    before = history(TWO, ONE)
    after, said = run(before, "dismiss", finding)
    assert after is before
    assert said.startswith(answer)


def test_at_most_five_open_findings_are_listed_the_most_severe_first() -> None:
    many = [issue(line=n, id=f"issue-{n}", severity="low") for n in range(9)]
    _, said = run(history(*many, ONE, issue(id="gone-gone", state="fixed")), "explain", "unknown")
    assert [row.split(":")[0] for row in said.splitlines()[1:]] == [
        f"- {ONE.id}", *(f"- issue-{n}" for n in range(4)), "- and 5 more"
    ]  # fmt: skip
    assert run(history(), "dismiss", "unknown")[1] == "No finding has the id unknown. No finding is open."


@pytest.mark.parametrize(
    ("state", "name", "answer"),
    [
        ("dismissed", "dismiss", "Nothing to do: {id} is dismissed already by ada: only constants reach it."),
        ("fixed", "dismiss", "Nothing to do: {id} (a.py:10) was not found any more by the last review."),
        ("open", "undismiss", "Nothing to do: {id} is not dismissed."),
        ("fixed", "undismiss", "Nothing to do: {id} is not dismissed."),
    ],
)
def test_a_command_that_changes_nothing_says_so(state: str, name: ReviewCommandName, answer: str) -> None:
    before = history(issue(id=ONE.id, state=state))
    after, said = run(before, name, ONE.id)
    assert after is before
    assert said == answer.format(id=ONE.id)


def test_a_dismissal_is_undone_with_what_it_said_of_the_agents() -> None:
    dismissed, _ = run(history(ONE), "dismiss", ONE.id, task="t1")
    after, said = run(dismissed, "undismiss", ONE.id, task="t2")
    assert after.issues == (ONE,)
    assert [fate.wrong for fate in after.unsettled] == [1, -1]
    assert len({fate.event for fate in after.unsettled}) == 2
    assert said == f"{ONE.id} (a.py:10) is reported again from the next review on."


def test_only_those_that_were_blamed_are_cleared_again() -> None:
    dismissed, _ = run(history(ONE), "dismiss", ONE.id, task="t1")
    [blamed] = dismissed.issues
    reported = blamed.model_copy(update={"agents": ("ruff", "bandit")})
    after, _ = run(dismissed.model_copy(update={"issues": (reported,)}), "undismiss", ONE.id, task="t2")
    assert [(fate.agents, fate.wrong) for fate in after.unsettled] == [(("bandit",), 1), (("bandit",), -1)]


def test_reviews_are_paused_and_go_on() -> None:
    paused, said = run(history(), "pause", task="t1")
    assert paused.paused
    assert said.startswith("Reviews are paused")
    again, said = run(paused, "pause", task="t2")
    assert again is paused
    assert said == "Nothing to do: reviews are paused already."
    resumed, said = run(paused, "resume", task="t3")
    assert not resumed.paused
    assert said.startswith("Reviews go on")
    assert run(resumed, "resume", task="t4") == (resumed, "Nothing to do: reviews are not paused.")


@pytest.mark.parametrize(
    ("name", "undone", "changed_since"),
    [
        ("dismiss", "undismiss", f"{ONE.id} was dismissed, and that was undone since."),
        ("pause", "resume", "This was done, and changed again since."),
    ],
)
def test_a_command_that_comes_again_is_answered_again_and_done_once(
    name: ReviewCommandName, undone: ReviewCommandName, changed_since: str
) -> None:
    once, said = run(history(ONE), name, ONE.id, task="t1")
    assert run(once, name, ONE.id, task="t1") == (once, said)
    back, said = run(once, undone, ONE.id, task="t2")
    assert run(back, undone, ONE.id, task="t2") == (back, said)
    assert run(back, name, ONE.id, task="t1") == (back, changed_since)


def test_an_undoing_that_comes_again_after_another_dismissal_changes_nothing() -> None:
    before = history(ONE)
    for task, name in (("t1", "dismiss"), ("t2", "undismiss"), ("t3", "dismiss")):
        before, _ = run(before, name, ONE.id, task=task)  # type: ignore[arg-type]
    assert run(before, "undismiss", ONE.id, task="t2") == (before, f"{ONE.id} was dismissed again since.")


def test_a_finding_is_explained() -> None:
    before = history(issue(id=ONE.id, cwe=89, agents=("bandit", "ruff"), state="dismissed"))
    after, said = run(before, "explain", ONE.id)
    assert after is before
    assert said == (
        f"{ONE.id} is dismissed by ada: only constants reach it.\n"
        "- what: The query is put together from text\n"
        "- where: a.py:10\n"
        "- weight: high security, confirmed. Weakness: CWE-89.\n"
        "- reported by: bandit, ruff (B608)\n"
        "- first seen at c1, last seen at c1"
    )


def test_help_and_review_change_nothing() -> None:
    before = history(ONE)
    assert run(before, "help") == (before, HELP)
    assert run(before, "review")[0] is before
    for name in ("review", "dismiss", "undismiss", "explain", "pause", "resume", "help"):
        assert name in HELP


@given(
    st.sampled_from(["dismiss", "undismiss", "explain", "pause", "resume", "help", "review"]),
    st.one_of(st.none(), st.text(max_size=200), st.just(ONE.id)),
    st.text(max_size=3_000),
    st.sampled_from(["open", "fixed", "dismissed"]),
)
def test_every_answer_is_short_and_never_empty(
    name: ReviewCommandName, finding: str | None, argument: str, state: str
) -> None:
    long = issue("word " * 100, id=ONE.id, state=state, path="p/" * 2_000, rules=("rule " * 20,) * 8)
    after, said = run(history(long), name, finding, argument)
    assert 0 < len(said) < 3_000
    assert len(after.encode()) < 20_000
