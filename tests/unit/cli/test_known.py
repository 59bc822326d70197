"""What a baseline does to a result."""

import pytest

from quorate.contract.facts import AgentCoverage, Coverage
from quorate.contract.finding import DecidedFinding, Decision, Severity, Vote
from quorate.contract.result import Result, Timings
from quorate.render import render
from quorate_cli.baseline import Baseline, Entry
from quorate_cli.known import Known, for_people, known_in, put_aside

DIFF = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -4,0 +5,2 @@
+five
+six
"""
"""Changes the lines 5 and 6 of `a.py`."""


def finding(
    line: int | None,
    kind: str = "f",
    *,
    severity: Severity = "high",
    decision: Decision = "confirmed",
    indirect: bool = False,
) -> DecidedFinding:
    return DecidedFinding(
        id=f"{kind}-{line}",
        path="a.py",
        line=line,
        severity=severity,
        category="bug",
        message="m",
        indirect=indirect,
        fingerprint=kind,
        votes=(Vote(agent="ruff", lineage="ruff", rule="R", severity=severity, confidence=1, message="m"),),
        decision=decision,
        reason="r",
    )


def result(*findings: DecidedFinding, partial: bool = False) -> Result:
    return Result(
        task_id="t",
        kind="code-review",
        state="completed",
        partial=partial,
        reason="bandit: broke" if partial else None,
        verdict="request_changes",
        findings=findings,
        coverage=Coverage(agents={"ruff": AgentCoverage(state="ok", files=1)}),
        timings=Timings(finished_at="2026-01-01T00:00:00.000Z"),
    )


def known(**counts: int) -> Known:
    baseline = Baseline(
        tuple(Entry(path="a.py", severity="low", fingerprint=name, count=count) for name, count in counts.items()), {}
    )
    found = known_in(baseline, DIFF)
    assert found is not None
    return found


def decided(done: Result) -> dict[str, Decision]:
    return {finding.id: finding.decision for finding in done.findings}


def test_a_known_finding_is_withheld_with_the_reason() -> None:
    (withheld,) = put_aside(result(finding(5)), known(f=1), all_lines=False).findings

    assert (withheld.decision, withheld.reason) == ("withheld", "known from the baseline (.quorate-baseline.json)")


def test_one_more_of_a_kind_is_new_though_its_fingerprint_is_known() -> None:
    done = put_aside(result(finding(1), finding(5)), known(f=1), all_lines=False)

    assert decided(done) == {"f-5": "confirmed"}


def test_an_old_finding_whose_line_is_edited_stays_known() -> None:
    done = put_aside(result(finding(1), finding(5)), known(f=2), all_lines=False)

    assert decided(done) == {"f-5": "withheld"}


def test_findings_outside_of_the_change_are_left_out_and_the_new_ones_counted() -> None:
    given = result(finding(1), finding(2, "g"), finding(5, "h"), finding(9, "i", indirect=True), finding(None, "j"))
    done = put_aside(given, known(f=1), all_lines=False)

    assert decided(done) == {"h-5": "confirmed", "i-9": "confirmed", "j-None": "confirmed"}
    assert done.coverage.agents["ruff"].outside_change == 1


def test_all_lines_keep_what_is_outside_of_the_change() -> None:
    done = put_aside(result(finding(1), finding(2, "g")), known(f=1), all_lines=True)

    assert decided(done) == {"f-1": "withheld", "g-2": "confirmed"}


@pytest.mark.parametrize(
    ("left", "partial", "verdict"),
    [
        ((), False, "approve"),
        ((), True, "comment"),
        ((finding(6, "g", severity="info"),), False, "approve"),
        ((finding(6, "g", severity="low"),), False, "comment"),
        ((finding(6, "g", decision="demoted"),), False, "comment"),
        ((finding(6, "g"),), True, "request_changes"),
    ],
)
def test_the_verdict_is_that_of_what_is_left(left: tuple[DecidedFinding, ...], partial: bool, verdict: str) -> None:
    done = put_aside(result(finding(5), *left, partial=partial), known(f=1), all_lines=False)

    assert done.verdict == verdict
    assert "1 known from the baseline" in done.summary


def test_nothing_is_approved_that_nobody_read() -> None:
    given = result(finding(5))
    unread = given.model_copy(update={"coverage": given.coverage.model_copy(update={"unread_total": 1})})

    assert put_aside(unread, known(f=1), all_lines=False).verdict == "comment"


def test_people_are_told_how_many_are_not_shown() -> None:
    done = for_people(put_aside(result(finding(5), finding(6)), known(f=2), all_lines=False))

    assert done.findings == ()
    assert done.reason == "2 findings known from the baseline are not shown; --no-baseline shows them"
    for format in ("text", "markdown"):
        assert "2 findings known from the baseline" in render(done, format, width=100).replace("\\", "")  # type: ignore[arg-type]


def test_a_reason_that_was_there_stays() -> None:
    done = for_people(put_aside(result(finding(5), partial=True), known(f=1), all_lines=False))

    assert done.reason == ("bandit: broke; 1 finding known from the baseline is not shown; --no-baseline shows them")


def test_what_others_withheld_is_still_shown() -> None:
    given = result(finding(5, "g", decision="withheld"))

    assert for_people(given) == given


def test_a_baseline_of_other_files_changes_nothing() -> None:
    other = Baseline((Entry(path="b.py", severity="low", fingerprint="f"),), {})

    assert known_in(other, DIFF) is None
    assert known_in(None, DIFF) is None
    assert known_in(other, "no diff") is None
