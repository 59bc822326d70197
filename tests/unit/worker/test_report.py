"""From what an agent returned to its contribution."""

import time
from typing import Any

import pytest

from quorate.agent_definition import Agent, Context, agent
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate.review import Review
from quorate_worker.domain.report import BadReport, contribution_of

DIFF = (
    "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n keep\n-old\n+new\n"
    "--- a/y.js\n+++ b/y.js\n@@ -1 +1 @@\n-a\n+b\n"
    "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+fresh\n"
    "--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
)
FILES = {"x.py": "keep\nnew\n"}


def named(*languages: str) -> Agent:
    @agent("mine", version="3", languages=languages)
    async def mine(ctx: Context) -> None: ...

    return mine


def review(scope: str = "changed") -> Review:
    return Review({"diff": DIFF, "files": FILES, "scope": scope})


def finding(path: str = "x.py", line: int | None = 2) -> Finding:
    return Finding(path=path, line=line, message="m")


@pytest.mark.parametrize("answer", [None, 5, 1.5, True, "text", {"a": [1]}, [], [1, "x"], [{"path": "x.py"}]])
def test_a_json_value_is_an_answer(answer: Any) -> None:
    contribution = contribution_of(named(), answer, None)
    expected = Contribution(version="3") if answer == [] else Contribution(version="3", answer=answer)
    assert contribution == expected


def test_findings_bring_the_coverage_of_what_could_be_read() -> None:
    assert contribution_of(named(), [finding()], review()) == Contribution(
        version="3",
        findings=(finding(),),
        read=("x.py", "new.py"),
        unread={"y.js": "only its diff was sent, not its whole content (`files`)"},
        changed=("x.py", "y.js", "new.py"),
    )


def test_an_agent_has_read_the_files_of_its_languages_only() -> None:
    assert contribution_of(named("javascript"), [], review()).read == ()
    assert contribution_of(named("python"), [], review()).read == ("x.py", "new.py")


def test_a_contribution_keeps_its_own_coverage_and_version() -> None:
    own = Contribution(version="9", read=("x.py",), unread={"new.py": "too long"})
    assert contribution_of(named(), own, review()) == own
    assert contribution_of(named(), Contribution(), None).version == "3"


@pytest.mark.parametrize(
    ("found", "kept", "outside"),
    [
        (finding("x.py", 2), 1, 0),
        (finding("x.py", 1), 0, 1),
        (finding("x.py", None), 1, 0),
        (finding("new.py", 1), 1, 0),
        (finding("elsewhere.py", 1), 0, 1),
        (finding("elsewhere.py", None), 0, 1),
    ],
)
def test_findings_outside_the_change_are_left_out_and_counted(found: Finding, kept: int, outside: int) -> None:
    contribution = contribution_of(named(), [found], review())
    assert (len(contribution.findings), contribution.outside_change) == (kept, outside)


def test_findings_on_unchanged_lines_of_changed_files_stay_where_all_are_wanted() -> None:
    contribution = contribution_of(named(), [finding("x.py", 1), finding("elsewhere.py", 1)], review("all"))
    assert contribution.findings == (finding("x.py", 1),)


@pytest.mark.parametrize("scope", ["changed", "all"])
@pytest.mark.parametrize(
    ("path", "line", "indirect"),
    [("x.py", 1, True), ("x.py", 2, False), ("x.py", None, False), ("new.py", 1, False)],
)
def test_a_finding_is_indirect_only_where_it_touches_no_changed_line(
    scope: str, path: str, line: int | None, indirect: bool
) -> None:
    found = finding(path, line).model_copy(update={"indirect": True})
    contribution = contribution_of(named(), [found], review(scope))
    assert contribution.findings == (found.model_copy(update={"indirect": indirect}),)
    assert contribution.outside_change == 0


@pytest.mark.parametrize("scope", ["changed", "all"])
def test_an_indirect_finding_of_a_file_that_is_not_part_of_the_change_is_left_out(scope: str) -> None:
    found = finding("elsewhere.py", 1).model_copy(update={"indirect": True})
    contribution = contribution_of(named(), [found], review(scope))
    assert (contribution.findings, contribution.outside_change) == ((), 1)


def commented(comment: str) -> Review:
    return Review({"diff": DIFF, "files": {"x.py": f"keep\nnew  # {comment}\n"}})


def test_a_finding_that_the_code_dismisses_with_a_reason_is_a_note_of_any_agent() -> None:
    (found,) = contribution_of(named(), [finding()], commented("quorate: ignore[mine] made up")).findings
    assert (found.severity, found.message) == ("info", "m (dismissed in the code by `quorate: ignore`: made up)")


def test_a_finding_that_the_code_dismisses_without_a_reason_counts() -> None:
    (found,) = contribution_of(named(), [finding()], commented("quorate: ignore")).findings
    assert (found.severity, found.message) == (
        "medium",
        "m (its `quorate: ignore` gives no reason, so it counts)",
    )


def test_a_contribution_of_the_agents_own_making_obeys_the_comments_too() -> None:
    own = Contribution(findings=(finding(),))
    assert contribution_of(named(), own, commented("quorate: ignore made up")).findings[0].severity == "info"


def test_a_finding_with_a_message_of_full_length_can_be_dismissed() -> None:
    full = finding().model_copy(update={"message": "m" * 8_000})
    (found,) = contribution_of(named(), [full], commented("quorate: ignore made up")).findings
    assert found.message.endswith("m (dismissed in the code by `quorate: ignore`: made up)")


def test_a_file_full_of_comments_takes_no_time() -> None:
    lines = 100_000
    diff = f"--- /dev/null\n+++ b/x.py\n@@ -0,0 +1,{lines} @@\n" + "+x  # quorate: ignore made up\n" * lines
    many = Review({"diff": diff})
    findings = [finding("x.py", line) for line in range(1, lines, 200)]
    begun = time.process_time()
    contribution = contribution_of(named(), findings, many)
    assert {found.severity for found in contribution.findings} == {"info"}
    assert time.process_time() - begun < 3


def test_findings_and_other_things_in_one_list_are_refused() -> None:
    with pytest.raises(BadReport, match="mine returned a list of findings and other things"):
        contribution_of(named(), [finding(), "and more"], None)  # type: ignore[list-item]


@pytest.mark.parametrize("report", [object(), b"\xff", {1: object()}])
def test_what_is_not_json_is_refused(report: Any) -> None:
    with pytest.raises(BadReport, match="mine"):
        contribution_of(named(), report, None)


@pytest.mark.parametrize(
    ("report", "answer"),
    [
        ("\ud800", "\\ud800"),
        ({"a": ["x\udcff"]}, {"a": ["x\\udcff"]}),
    ],
)
def test_half_a_character_is_written_out(report: Any, answer: Any) -> None:
    assert contribution_of(named(), report, None).answer == answer


def test_a_contribution_that_could_not_be_read_again_is_refused() -> None:
    broken = Contribution.model_construct(state="excellent")  # type: ignore[arg-type]
    with pytest.raises(BadReport, match="mine"):
        contribution_of(named(), broken, None)
