"""What a review says of what the reviews before it have found, and what is recorded of it."""

from typing import Any

import pytest

from quorate.contract.facts import Contribution
from quorate.contract.finding import DecidedFinding, Objection, Resolved
from quorate.contract.history import MAX_ISSUES, MAX_NAMES, MAX_RECORDED, History, Issue
from quorate_collector.domain.following import MAX_RESOLVED_BYTES, TOO_MUCH, Followed, follow
from quorate_collector.domain.history import MAX_BYTES, MAX_UNSETTLED, record, redecide, settled
from quorate_collector.domain.looked import Looked, looked_at
from tests.support.series import MESSAGE, finding, history, issue, looked, numbered

ALL = looked("bandit", "ruff")
OBJECTION = Objection(agent="taint", lineage="quorate", confidence=0.9, message="only constants reach it")


def review(
    before: History,
    *findings: DecidedFinding,
    seen: Looked = ALL,
    task: str = "t2",
    label: str = "c2",
    position: int = 0,
) -> tuple[Followed, History]:
    followed = follow(before, numbered(findings), seen, label)
    return followed, record(before, followed.findings, followed.resolved, task, label, position)


def only(followed: Followed) -> DecidedFinding:
    assert len(followed.findings) == 1
    return followed.findings[0]


def test_a_first_review_has_only_new_findings() -> None:
    followed, after = review(history(), finding(line=10), finding(line=20), task="t1", label="c1", position=7)
    assert [(f.issue, f.standing, f.since) for f in followed.findings] == [
        (finding().id, "new", "c1"),
        (f"{finding().id}-2", "new", "c1"),
    ]
    assert after.issues == (issue(line=10), issue(line=20, id=f"{issue().id}-2"))
    assert (after.position, after.recorded, after.unsettled) == (7, ("t1",), ())


def test_a_finding_that_moved_is_known_and_its_line_is_kept() -> None:
    followed, after = review(history(issue()), finding(line=99))
    found = only(followed)
    assert (found.issue, found.standing, found.since) == (issue().id, "known", "c1")
    assert (after.issues[0].line, after.issues[0].first_seen, after.issues[0].last_seen) == (99, "c1", "c2")
    assert followed.resolved == ()


def test_an_id_of_the_series_is_never_given_twice() -> None:
    before = history(issue(line=10), issue("Unused", 5, id=f"{finding().id}-2", path="b.py"))
    followed, after = review(before, finding(line=10), finding(line=300))
    assert sorted(f.issue for f in followed.findings if f.path == "a.py") == [finding().id, f"{finding().id}-3"]
    assert len({each.id for each in after.issues}) == 3


@pytest.mark.parametrize(
    ("seen", "agents", "why"),
    [
        pytest.param(looked("ruff"), ("bandit",), "bandit did not report", id="failed or too late"),
        pytest.param(looked("ruff", asked=["ruff"]), ("bandit",), "bandit was not asked", id="not asked"),
        pytest.param(looked("bandit"), ("bandit", "ruff"), "ruff did not report", id="one of two"),
        pytest.param(
            looked("bandit", paths=["b.py"], changed=["a.py", "b.py"]), ("bandit",), "bandit did not read the file",
            id="left out",
        ),
        pytest.param(looked("bandit", paths=[]), ("bandit",), "bandit did not read the file", id="nothing known"),
        pytest.param(looked("ruff", paths=["b.py"]), ("bandit",), "bandit did not report", id="gone, agent missing"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("decision", ["confirmed", "demoted"])
def test_what_nobody_looked_for_again_is_carried_as_it_was_decided(
    seen: Looked, agents: tuple[str, ...], why: str, decision: str
) -> None:
    before = history(issue(agents=agents, decision=decision))
    followed, after = review(before, seen=seen)
    carried = only(followed)
    assert (carried.standing, carried.decision, carried.since) == ("carried", decision, "c1")
    assert carried.reason == f"carried over, last seen at c1: {why}"
    assert followed.resolved == ()
    assert after.issues == before.issues


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(ALL, "bandit looked again and did not find it", id="read again"),
        pytest.param(
            looked("bandit", paths=["b.py"]),
            "a.py is no longer part of the change, and bandit reported nothing there",
            id="gone",
        ),
    ],
)
def test_what_everyone_looked_for_again_and_did_not_find_is_resolved(seen: Looked, reason: str) -> None:
    followed, after = review(history(issue()), seen=seen)
    assert followed.findings == ()
    assert followed.resolved == (
        Resolved(
            issue=issue().id, path="a.py", line=10, severity="high", category="security", message=MESSAGE, reason=reason
        ),
    )
    assert after.issues == (issue(state="fixed"),)
    assert [(fate.agents, fate.right, fate.wrong) for fate in after.unsettled] == [(("bandit",), 1, 0)]


def test_an_agent_that_reported_it_once_still_has_to_look() -> None:
    before = history(issue(agents=("bandit", "ruff")))
    _, after = review(before, finding(agents=["ruff"]), seen=looked("ruff"))
    assert after.issues[0].agents == ("ruff", "bandit")
    followed, _ = review(after, seen=looked("ruff"), task="t3", label="c3")
    assert only(followed).reason.endswith("bandit did not report")


@pytest.mark.parametrize(
    ("found", "seen", "decision"),
    [
        pytest.param({}, looked("ruff"), "confirmed", id="the other voter is missing"),
        pytest.param({}, ALL, "demoted", id="the other voter found nothing"),
        pytest.param({"objections": (OBJECTION,)}, looked("ruff"), "demoted", id="an agent objects"),
        pytest.param({"severity": "critical"}, looked("ruff"), "demoted", id="more severe than confirmed"),
        pytest.param({"decision": "confirmed"}, looked("ruff"), "confirmed", id="confirmed anyway"),
    ],
)
def test_a_confirmed_finding_is_not_demoted_by_a_voter_that_is_missing(
    found: dict[str, Any], seen: Looked, decision: str
) -> None:
    before = history(issue(agents=("bandit", "ruff")))
    fields: dict[str, Any] = {"decision": "demoted"} | found
    followed, after = review(before, finding(agents=["ruff"], **fields), seen=seen)
    assert only(followed).decision == decision
    assert after.issues[0].decision == decision
    upheld = "it was confirmed before, and bandit did not report" in only(followed).reason
    assert upheld is (decision == "confirmed" and "decision" not in found)


@pytest.mark.parametrize(
    ("message", "line", "reason"),
    [
        (MESSAGE, 30, "dismissed by ada: only constants reach it; 1 lineage found it"),
        (
            "This query is put together out of text",
            11,
            f"like {issue().id}, dismissed by ada: only constants reach it; 1 lineage found it",
        ),
    ],
)
def test_a_dismissed_finding_is_withheld_with_who_and_why(message: str, line: int, reason: str) -> None:
    before = history(issue(state="dismissed"))
    followed, after = review(before, finding(message, line))
    found = only(followed)
    assert (found.decision, found.standing, found.reason) == ("withheld", "known", reason)
    assert after.issues[0].state == "dismissed"
    assert after.issues[0].decision == "confirmed", "what it was is known again once that is undone"


def test_a_dismissed_finding_stays_as_severe_as_it_was_dismissed() -> None:
    _, after = review(history(issue(state="dismissed", severity="high")), finding(severity="low"))
    assert (after.issues[0].severity, after.issues[0].state) == ("high", "dismissed")
    followed, _ = review(after, finding(severity="high"), task="t3")
    assert only(followed).decision == "withheld"
    followed, after = review(after, finding(severity="critical"), task="t3")
    assert (only(followed).decision, only(followed).standing) == ("confirmed", "new")
    assert [(each.state, each.severity) for each in after.issues] == [("dismissed", "high"), ("open", "critical")]


def test_a_twin_of_what_was_dismissed_is_told_by_every_review() -> None:
    before = history(issue(state="dismissed"))
    followed, after = review(before, finding(line=510))
    twin = only(followed)
    assert (twin.decision, twin.standing) == ("confirmed", "new")
    assert [(each.state, each.line) for each in after.issues] == [("dismissed", 10), ("open", 510)]
    followed, _ = review(after, finding(line=510), task="t3")
    assert (only(followed).decision, only(followed).issue) == ("confirmed", twin.issue)


def test_a_dismissed_finding_that_is_not_seen_stays_remembered_and_is_not_told() -> None:
    before = history(issue(state="dismissed"))
    followed, after = review(before, seen=ALL)
    assert (followed.findings, followed.resolved) == ((), ())
    assert after.issues == before.issues
    assert after.unsettled == ()


def test_a_fixed_finding_that_comes_back_is_known_and_open_and_no_agent_was_right_yet() -> None:
    before = history(issue(state="fixed"))
    followed, after = review(before, finding(line=12))
    found = only(followed)
    assert (found.standing, found.since, found.decision) == ("known", "c1", "confirmed")
    assert found.reason.endswith("it was gone before, and is back")
    assert after.issues[0].state == "open"
    assert [fate.right for fate in after.unsettled] == [-1]


def test_what_is_carried_in_a_renamed_file_goes_with_it() -> None:
    seen = looked("ruff", paths=["new.py"], renamed={"new.py": "a.py"})
    followed, after = review(history(issue(), issue("Unused", state="dismissed")), seen=seen)
    assert (only(followed).path, only(followed).standing) == ("new.py", "carried")
    assert [each.path for each in after.issues] == ["new.py", "new.py"]
    followed, _ = review(after, finding("Unused", 12, path="new.py"), finding(path="new.py"), task="t3")
    assert [each.decision for each in followed.findings] == ["confirmed", "withheld"]
    assert {each.standing for each in followed.findings} == {"known"}


@pytest.mark.parametrize(
    ("others", "path"),
    [
        pytest.param([finding("Unused", 30, path="new.py")], "new.py", id="two in the new file"),
        pytest.param([], "new.py", id="one in the new file"),
        pytest.param([finding("Unused", 30)], "a.py", id="one in the old file as well"),
    ],
)
def test_what_was_dismissed_goes_with_a_file_that_findings_show_to_be_renamed(
    others: list[DecidedFinding], path: str
) -> None:
    before = history(issue(), issue("Unused", 30), issue("Dismissed", 50, state="dismissed"))
    moved = finding(path="new.py", issue=issue().id, standing="known")
    others = [each.model_copy(update={"issue": before.issues[1].id, "standing": "known"}) for each in others]
    after = record(before, (moved, *others), (), "t2", "c2", 0)
    assert [each.path for each in after.issues if each.message == "Dismissed"] == [path]


def test_findings_come_the_most_severe_first_whoever_saw_them() -> None:
    before = history(issue("Old", 1, path="b.py", severity="critical", agents=("ruff",)))
    seen = looked("bandit")
    followed, _ = review(before, finding("Low", 5, severity="low"), finding("High", 4), seen=seen)
    assert [(f.severity, f.standing) for f in followed.findings] == [
        ("critical", "carried"),
        ("high", "new"),
        ("low", "new"),
    ]


def test_ids_of_a_result_stay_distinct_with_what_is_carried() -> None:
    """The finding is the second of two issues, and has the id of the first one in this result."""
    before = history(issue(line=10), issue(line=50, id=f"{issue().id}-2", agents=("ruff",)))
    followed, _ = review(before, finding(line=51), seen=looked("ruff"))
    assert [(f.id, f.issue) for f in followed.findings] == [
        (issue().id, f"{issue().id}-2"),
        (f"{issue().id}-2", issue().id),
    ]


def test_a_task_is_recorded_once() -> None:
    followed, after = review(history(issue()), finding("Unused", 3))
    assert record(after, followed.findings, followed.resolved, "t2", "c2", 0) is after


class TestAReviewThatIsRecordedLate:
    """It began before another review of the series that is recorded already."""

    def test_it_is_remembered_and_changes_nothing(self) -> None:
        before = history(issue(), issue("Unused", 3, state="fixed"), position=9)
        shown = (finding("Unused", 3), finding("Shadowed", 7))
        followed, after = review(before, *shown, task="late", position=8)
        assert (len(followed.findings), len(followed.resolved)) == (2, 1)
        assert after == before.model_copy(update={"recorded": ("late",)})
        assert review(after, *shown, task="late", position=8)[1] is after

    def test_a_later_one_and_one_of_the_same_place_change_the_history(self) -> None:
        _, after = review(history(position=9), finding(), task="t2", position=9)
        _, after = review(after, finding("Unused", 3), task="t3", position=12)
        assert [each.state for each in after.issues] == ["open", "fixed"]
        assert after.position == 12


class TestAnotherLook:
    """What a verification or discussion decides of findings that are recorded."""

    def test_only_the_decision_changes_and_only_of_what_is_open(self) -> None:
        before = history(
            issue(decision="demoted", agents=("bandit",)),
            issue("Unused", 3, state="fixed", decision="demoted"),
            issue("Shadowed", 7, state="dismissed", decision="demoted"),
            issue("Of another review", 9, decision="demoted"),
            position=3,
        )
        looked_at_again = tuple(
            finding(
                each.message, each.line and each.line + 50, agents=["bandit", "judge"], issue=each.id, path="new.py"
            )
            for each in before.issues[:3]
        )
        after = redecide(before, (*looked_at_again, finding("Dropped", issue="dropped")))
        confirmed = before.issues[0].model_copy(update={"decision": "confirmed"})
        assert after == before.model_copy(update={"issues": (confirmed, *before.issues[1:])})
        assert redecide(after, looked_at_again) is after

    def test_what_a_verifier_confirmed_is_gone_when_those_that_reported_it_find_it_no_more(self) -> None:
        seen = looked("bandit", asked=["bandit"])
        followed, after = review(history(), finding(decision="demoted"), seen=seen, task="t1")
        verified = [each.model_copy(update={"decision": "confirmed"}) for each in followed.findings]
        votes = finding(agents=["bandit", "judge"]).votes
        after = redecide(after, [each.model_copy(update={"votes": votes}) for each in verified])
        assert [(each.decision, each.agents) for each in after.issues] == [("confirmed", ("bandit",))]
        followed, _ = review(after, seen=seen)
        assert (followed.findings, [each.issue for each in followed.resolved]) == ((), [issue().id])


class TestWhatIsGone:
    """It is told in a message, which has its bounds."""

    def test_what_finds_no_room_is_carried_and_told_by_the_next_review(self) -> None:
        def many(count: int, severity: str) -> list[Issue]:
            return [
                issue(f"{severity} {n} {'ü' * 480}", n + 1, severity=severity, path="a.py" if n % 2 else "b.py")
                for n in range(count)
            ]

        before = history(*many(150, "low"), *many(20, "critical"))
        told: list[str] = []
        for n in range(9):
            followed, before = review(before, task=f"t{n}", label=f"c{n}")
            assert sum(len(each.model_dump_json().encode()) for each in followed.resolved) <= MAX_RESOLVED_BYTES
            assert {each.issue for each in followed.findings}.isdisjoint(each.issue for each in followed.resolved)
            for each in followed.findings:
                assert (each.standing, each.decision) == ("carried", "confirmed")
                assert each.reason == f"carried over, last seen at c1: {TOO_MUCH}"
            if not n:
                assert [each.severity for each in followed.resolved[:20]] == ["critical"] * 20
                assert 50 < len(followed.resolved) < 170
            told += [each.issue for each in followed.resolved]
        assert (len(told), len(set(told))) == (170, 170)
        assert {each.state for each in before.issues} == {"fixed"}

    def test_one_that_never_fits_does_not_keep_the_others(self) -> None:
        long = issue("Long", path="p" * MAX_RESOLVED_BYTES, severity="critical")
        followed, _ = review(history(long, issue()))
        assert ([each.issue for each in followed.findings], [each.issue for each in followed.resolved]) == (
            [long.id],
            [issue().id],
        )


class TestBetweenTwoReviews:
    """Another review of the series is recorded after the findings were followed and before they are recorded."""

    def both(self, before: History, one: list[DecidedFinding], other: list[DecidedFinding]) -> History:
        followed = follow(before, numbered(one), ALL, "c2")
        _, between = review(before, *other, task="t-other", label="c-other")
        return record(between, followed.findings, followed.resolved, "t2", "c2", 0)

    def test_what_both_found_is_one_issue(self) -> None:
        after = self.both(history(), [finding(), finding("Unused", 3)], [finding(line=12), finding("Shadowed", 7)])
        assert sorted(each.message for each in after.issues) == sorted([MESSAGE, "Unused", "Shadowed"])
        assert after.recorded == ("t-other", "t2")

    def test_what_both_found_is_one_issue_under_two_ids(self) -> None:
        before = history(issue("This query is put together out of text"))
        mine = follow(history(), (finding(),), ALL, "c2")
        _, between = review(before, finding(line=11), task="t-other")
        after = record(between, mine.findings, (), "t2", "c2", 0)
        assert [each.id for each in after.issues] == [before.issues[0].id]
        assert after.issues[0].line == 10

    def test_what_one_found_and_the_other_resolved_is_open(self) -> None:
        after = self.both(history(issue()), [finding()], [])
        assert [each.state for each in after.issues] == ["open"]
        assert [fate.right for fate in after.unsettled] == [1, -1]

    def test_what_both_resolved_counts_once(self) -> None:
        after = self.both(history(issue()), [], [])
        assert [each.state for each in after.issues] == ["fixed"]
        assert [fate.right for fate in after.unsettled] == [1]

    @pytest.mark.parametrize("found", [[finding()], []])
    def test_a_dismissal_stands(self, found: list[DecidedFinding]) -> None:
        followed = follow(history(issue()), numbered(found), ALL, "c2")
        after = record(history(issue(state="dismissed")), followed.findings, followed.resolved, "t2", "c2", 0)
        assert [(each.state, each.decision) for each in after.issues] == [("dismissed", "confirmed")]

    def test_what_was_fixed_is_not_opened_by_being_carried(self) -> None:
        followed = follow(history(issue()), (), looked("ruff"), "c2")
        after = record(history(issue(state="fixed")), followed.findings, followed.resolved, "t2", "c2", 0)
        assert [each.state for each in after.issues] == ["fixed"]
        assert record(history(), followed.findings, (), "t2", "c2", 0).issues == (), "nor is what was dropped"


class TestBounds:
    """A history is one message."""

    def test_fixed_ones_go_first_then_the_least_severe_and_dismissed_ones_last(self) -> None:
        def many(state: str, count: int, severity: str = "high") -> list[Issue]:
            return [
                issue(f"{severity} {state} {n}", n + 1, state=state, severity=severity, agents=("ruff",))
                for n in range(count)
            ]

        kept = [*many("dismissed", 300), *many("open", 500), *many("open", 100, "low"), *many("fixed", 110)]
        _, after = review(history(*kept), seen=looked("bandit"))
        assert len(after.issues) == MAX_ISSUES
        assert [each.message for each in after.issues if each.state == "fixed"] == [
            f"high fixed {n}" for n in range(10, 110)
        ]
        kept += many("dismissed", 400, "info")
        _, after = review(history(*kept), seen=looked("bandit"))
        counts = {
            (state, severity): sum(each.state == state and each.severity == severity for each in after.issues)
            for state, severity in (("fixed", "high"), ("open", "low"), ("open", "high"), ("dismissed", "info"))
        }
        assert list(counts.values()) == [0, 0, 300, 400]

    def test_what_is_fixed_first_is_dropped_first(self) -> None:
        before = history(issue("One", 1), issue("Two", 2))
        _, before = review(before, finding("One", 1), task="t2")
        _, before = review(before, task="t3")
        assert [each.message for each in before.issues] == ["Two", "One"]

    @pytest.mark.parametrize("text", ["x" * 500, "ü" * 500, "\U0001f600" * 500])
    def test_a_thousand_issues_fit_a_message_whatever_they_say(self, text: str) -> None:
        findings = [
            finding(f"{n} {text}", n + 1, agents=[f"agent-number-{a}" for a in range(9)], path=f"{'p/' * 100}{n}.py")
            for n in range(MAX_ISSUES)
        ]
        _, after = review(history(), *findings, seen=ALL)
        assert len(after.encode()) <= MAX_BYTES
        assert len(after.issues) == MAX_ISSUES
        assert all(len(each.message) >= 80 for each in after.issues)
        assert History.model_validate_json(after.encode()) == after

    def test_what_does_not_fit_even_so_is_dropped(self) -> None:
        findings = [finding(f"{n}", n + 1, path=f"{'long/' * 800}{n}.py", severity="low") for n in range(300)]
        _, after = review(history(issue(state="dismissed")), *findings, finding("High", 5))
        assert len(after.encode()) <= MAX_BYTES
        assert 200 < len(after.issues) < 300
        assert {"dismissed", "open"} == {each.state for each in after.issues}
        assert "High" in {each.message for each in after.issues}

    def test_lists_of_names_and_of_tasks_are_bounded(self) -> None:
        before = history()
        for n in range(MAX_RECORDED + 5):
            name = f"agent-{n}"
            shown = finding(f"Wording {n}", agents=[name], rule="", rules=("B608", "r" * 200, *map(str, range(20))))
            _, before = review(before, shown, seen=looked(name), task=f"t{n}", label=f"c{n}")
        assert len(before.recorded) == MAX_RECORDED
        assert before.recorded[-1] == f"t{MAX_RECORDED + 4}"
        for each in before.issues:
            assert max(map(len, (each.agents, each.rules, each.fingerprints))) <= MAX_NAMES
            assert max(map(len, each.rules)) <= 100

    def test_fates_are_bounded_and_leave_once_they_are_counted(self) -> None:
        findings = [finding(f"{n}", n + 1) for n in range(MAX_ISSUES)]
        before = history()
        for n in range(3):
            _, before = review(before, *findings, task=f"found-{n}")
            _, before = review(before, task=f"fixed-{n}")
        assert len(before.unsettled) == MAX_UNSETTLED
        assert len({fate.event for fate in before.unsettled}) == MAX_UNSETTLED
        left = settled(before, before.unsettled[:10])
        assert left.unsettled == before.unsettled[10:]
        assert settled(left, before.unsettled[:10]) is left


class TestLooked:
    """Who looked at what, as the contributions of a run say."""

    def test_only_agents_that_are_ok_have_looked(self) -> None:
        seen = looked_at(
            ["bandit", "ruff", "mypy"],
            {"bandit": Contribution(read=("a.py",)), "ruff": Contribution(state="failed", read=("a.py",))},
        )
        assert seen.absence("bandit", "a.py") is None
        assert seen.absence("ruff", "a.py") == "ruff did not report"
        assert seen.absence("gone", "a.py") == "gone was not asked"

    def test_an_agent_that_judges_the_change_looked_at_all_that_it_does_not_call_unread(self) -> None:
        seen = looked_at(
            ["check", "bandit"],
            {
                "check": Contribution(changed=("a.py", "b.py", "c.png"), unread={"c.png": "binary"}),
                "bandit": Contribution(read=("a.py",), unread={"b.py": "too large"}),
            },
        )
        assert seen.read == {"check": {"a.py", "b.py"}, "bandit": {"a.py"}}
        assert seen.absence("check", "c.png") == "check did not read the file"
        assert seen.absence("bandit", "b.py") == "bandit did not read the file"

    @pytest.mark.parametrize(
        ("skipped", "why"),
        [
            pytest.param(Contribution(state="skipped"), None, id="nothing is its business"),
            pytest.param(
                Contribution(state="skipped", unread={"b.py": "no content"}), "bandit did not report", id="not read"
            ),
        ],
    )
    def test_an_agent_with_nothing_to_do_looked_and_read_nothing(self, skipped: Contribution, why: str | None) -> None:
        seen = looked_at(["bandit", "diff"], {"bandit": skipped, "diff": Contribution(changed=("b.py", "README.md"))})
        assert seen.absence("bandit", "a.py") == why, "it has left the change"
        assert seen.absence("bandit", "b.py") == (why or "bandit did not read the file")

    @pytest.mark.parametrize(("changed", "left"), [(("a.py",), True), ((), False)])
    def test_a_path_has_left_the_change_only_where_someone_knows_all_of_it(
        self, changed: tuple[str, ...], left: bool
    ) -> None:
        seen = looked_at(["bandit"], {"bandit": Contribution(read=("a.py",), changed=changed)})
        assert seen.left_change("b.py") is left
        assert (seen.absence("bandit", "b.py") is None) is left
