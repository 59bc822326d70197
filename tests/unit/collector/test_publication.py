"""What is posted: nothing twice, nothing lost, nothing that the change could abuse."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.contract.facts import AgentCoverage, Coverage, Verdict
from quorate.contract.finding import SEVERITIES, DecidedFinding, Resolved
from quorate.contract.result import Result, Timings
from quorate.diff import parse_diff
from quorate.render.fence import width
from quorate.render.source import Source
from quorate_collector.domain import checks, markers
from quorate_collector.domain.anchors import Anchor, Anchors
from quorate_collector.domain.answer import Answer, answer_of, answer_text
from quorate_collector.domain.comment_text import comment, issue_of, item
from quorate_collector.domain.notes import MAX_REVIEWS, MAX_TOLD, MAX_TOLD_BYTES, Event, Notes, Posted, Told
from quorate_collector.domain.publication import (
    MAX_BODY,
    Draft,
    Publication,
    draft,
    event_of,
    failure,
    publication,
)

DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,9 @@\n one\n" + "".join(
    f"+line {n}\n" for n in range(2, 10)
)
ANCHORS = Anchors(parse_diff(DIFF))
HEAD = "a" * 40


def finding(id: str = "f1", **changed: Any) -> DecidedFinding:
    fields: dict[str, Any] = {
        "id": id,
        "path": "a.py",
        "line": 2,
        "severity": "high",
        "category": "bug",
        "message": f"Message of {id}.",
        "fingerprint": "0123456789abcdef",
        "decision": "confirmed",
        "reason": "found",
        "rules": ("S1",),
    }
    return DecidedFinding.model_validate(fields | changed)


def result(*findings: DecidedFinding, **changed: Any) -> Result:
    fields: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "series": "github:o/r#1",
        "head_sha": HEAD,
        "state": "completed",
        "verdict": "request_changes",
        "findings": findings,
        "coverage": Coverage(agents={"bandit": AgentCoverage(state="ok", files=1)}),
        "timings": Timings(finished_at="2026-01-01T00:00:00.000Z"),
    }
    return Result.model_validate(fields | changed)


def plan(shown: Result, notes: Notes | None = None, *, max_inline: int = 30) -> Publication:
    return publication(
        shown,
        notes or Notes(),
        ANCHORS,
        Source({}, shown.findings),
        head=HEAD,
        event="COMMENT",
        max_inline=max_inline,
    )


def posted(shown: Result, notes: Notes | None = None, *, task: str = "t0") -> Notes:
    """The notes after the review was posted."""
    notes = notes or Notes()
    planned = plan(shown, notes)
    sent = draft(planned)
    inline = {each.issue for each in sent.comments}
    told = {
        issue: Told(review=7, comment=100 if issue in inline else None, confirmed=confirmed)
        for issue, confirmed in sent.told.items()
    }
    review = Posted(task=task, head=HEAD, review=7, event="COMMENT", verdict=shown.verdict)
    return notes.posting(review, told, [resolved.issue for resolved in planned.fixed])


def everything(sent: Draft) -> str:
    return "\n".join([sent.body, *(each.body for each in sent.comments)])


@pytest.mark.parametrize(
    ("verdict", "approve", "own", "event"),
    [
        ("request_changes", False, False, "REQUEST_CHANGES"),
        ("request_changes", True, True, "COMMENT"),
        ("approve", False, False, "COMMENT"),
        ("approve", True, False, "APPROVE"),
        ("approve", True, True, "COMMENT"),
        ("comment", True, False, "COMMENT"),
        (None, True, False, "COMMENT"),
    ],
)
def test_the_event_follows_the_verdict_as_far_as_it_may(
    verdict: Verdict | None, approve: bool, own: bool, event: str
) -> None:
    assert event_of(verdict, approve=approve, own=own) == event


def test_the_first_review_is_posted_even_if_nothing_was_found() -> None:
    planned = plan(result(verdict="approve"))

    assert planned.manner == "review"
    assert "First review" in draft(planned).body


def test_what_was_told_is_not_told_again_and_nothing_new_is_no_review() -> None:
    shown = result(finding())

    again = plan(shown.model_copy(update={"task_id": "t2"}), posted(shown))

    assert (again.manner, again.news, len(again.standing)) == ("update", (), 1)
    assert not again.comments


@pytest.mark.parametrize(
    "later",
    [
        result(finding(), finding("f2")),
        result(finding(), verdict="comment"),
        result(
            resolved=[
                Resolved(issue="f1", path="a.py", severity="high", category="bug", message="gone", reason="it is gone")
            ]
        ),
    ],
    ids=["new", "verdict", "fixed"],
)
def test_a_later_review_is_posted_when_something_has_changed(later: Result) -> None:
    assert plan(later, posted(result(finding()))).manner == "review"


def test_a_later_review_counts_what_is_new_fixed_and_still_open_and_names_open_blockers() -> None:
    notes = posted(result(finding("f1"), finding("f2", line=3)))
    gone = Resolved(issue="f2", path="a.py", severity="high", category="bug", message="old", reason="it is gone")

    body = draft(plan(result(finding("f1"), finding("f3", line=4), resolved=[gone]), notes)).body

    assert "1 new, 1 fixed, 1 still open" in body
    assert "Still open and blocking" in body
    assert "Message of f1" in body
    assert "old" in body


@pytest.mark.parametrize(("verdict", "manner"), [("request_changes", "review"), ("comment", "update")])
def test_what_blocks_again_after_a_dismissal_is_a_review(verdict: Verdict, manner: str) -> None:
    shown = result(finding(), verdict=verdict)
    notes = posted(shown)
    demand = notes.reviews[0].model_copy(update={"verdict": verdict, "event": "REQUEST_CHANGES"})
    assert plan(shown, notes.model_copy(update={"reviews": (demand,)})).manner == "update"
    lifted = notes.model_copy(update={"reviews": (demand.model_copy(update={"dismissed": True}),)})
    assert plan(shown, lifted).manner == manner
    # Where it could only comment then, it is not said once more with each push.
    again = demand.model_copy(update={"task": "t9", "review": 9, "event": "COMMENT"})
    assert plan(shown, lifted.model_copy(update={"reviews": (*lifted.reviews, again)})).manner == "update"


def test_an_issue_that_comes_back_is_told_again() -> None:
    notes = posted(result(finding())).settling("f1", open=False)

    assert [issue_of(each) for each in plan(result(finding()), notes).news] == ["f1"]


def test_what_was_told_as_unconfirmed_is_told_again_once_it_is_confirmed() -> None:
    notes = posted(result(finding(decision="demoted"), verdict="comment"))

    assert plan(result(finding(decision="demoted"), verdict="comment"), notes).manner == "update"
    assert plan(result(finding()), notes).comments


def test_the_most_severe_findings_are_on_their_lines_and_the_others_in_the_body() -> None:
    found = [finding(f"f{n}", severity=severity, line=2 + n) for n, severity in enumerate(reversed(SEVERITIES))]

    sent = draft(plan(result(*found), max_inline=2))

    assert [each.issue for each in sent.comments] == ["f4", "f3"]
    assert all(f"Message of f{n}" in sent.body for n in range(3))
    assert "Message of f4" not in sent.body


def test_what_is_not_confirmed_is_never_on_a_line() -> None:
    sent = draft(plan(result(finding("f1", decision="demoted"), finding("f2", decision="held"))))

    assert not sent.comments
    assert "<details><summary>Unconfirmed" in sent.body
    assert "Waiting for a person" in sent.body


def test_what_is_withheld_is_only_counted() -> None:
    sent = draft(plan(result(finding(decision="withheld"))))

    assert "Message of f1" not in everything(sent)
    assert "1 withheld" in sent.body
    assert not sent.told


def test_refused_comments_move_into_the_body() -> None:
    planned = plan(result(finding("f1"), finding("f2", line=3)))

    sent = draft(planned, {"f1"})

    assert [each.issue for each in sent.comments] == ["f2"]
    assert "Message of f1" in sent.body
    assert sent.told.keys() == {"f1", "f2"}


def test_files_that_nobody_read_and_agents_that_failed_are_named() -> None:
    coverage = Coverage(
        agents={"bandit": AgentCoverage(state="failed", reason="it crashed"), "ruff": AgentCoverage(state="ok")},
        unread=("b.bin",),
        unread_total=1,
    )

    body = draft(plan(result(verdict="comment", coverage=coverage))).body

    assert "`b.bin`" in body
    assert "it crashed" in body


def test_a_comment_ends_with_its_mark_and_says_how_to_answer() -> None:
    made = comment(finding(issue="abc-2"), ANCHORS, Source({}, ()))

    assert made is not None
    assert markers.issue_of(made.body) == "abc-2"
    assert "/quorate dismiss abc-2 reason" in made.body


SAFE = {"safe": True, "edits": [{"line": 2, "end_line": 3, "text": "x = 1\n"}]}


def test_a_safe_fix_of_its_own_lines_is_a_suggestion_on_them() -> None:
    made = comment(finding(fix=SAFE), ANCHORS, Source({}, ()))

    assert made is not None
    assert made.anchor == Anchor("a.py", 3, 2)
    assert "```suggestion\nx = 1\n```" in made.body


def test_a_suggestion_cannot_leave_its_block() -> None:
    text = "````\n@everyone\n```suggestion\n"
    fix = {"safe": True, "edits": [{"line": 2, "end_line": 2, "text": text}]}

    made = comment(finding(fix=fix), ANCHORS, Source({}, ()))

    assert made is not None
    assert f"\n`````suggestion\n{text}`````\n" in made.body


def test_a_deletion_is_an_empty_suggestion() -> None:
    fix = {"safe": True, "edits": [{"line": 2, "end_line": 2, "text": ""}]}
    made = comment(finding(fix=fix), ANCHORS, Source({}, ()))

    assert made is not None
    assert "```suggestion\n```" in made.body


@pytest.mark.parametrize(
    "changed",
    [
        {"fix": SAFE | {"safe": False}},
        {"fix": {"safe": True, "edits": [{"line": 2, "end_line": 1, "text": "import x\n"}]}},
        {"fix": {"safe": True, "edits": [{"line": 9, "end_line": 9, "text": "y\n"}]}},
        {"fix": {"safe": True, "edits": [{"line": 2, "end_line": 30, "text": "y\n"}]}},
        {"fix": {"safe": True, "edits": [{"line": 2, "end_line": 2, "text": "a\u202eb\n"}]}},
        {"fix": {"safe": True, "edits": [{"line": 2, "end_line": 2, "text": "a\r\n"}]}},
        {"fix": {"safe": True, "edits": [SAFE["edits"][0], {"line": 5, "end_line": 5, "text": "y\n"}]}},  # type: ignore[index]
    ],
    ids=["unsafe", "insertion", "elsewhere", "beyond the hunk", "invisible", "carriage return", "two edits"],
)
def test_any_other_fix_is_shown_and_cannot_be_committed_by_a_click(changed: dict[str, Any]) -> None:
    made = comment(finding(**changed), ANCHORS, Source({}, ()))

    assert made is not None
    assert "suggestion\n" not in made.body
    assert "```diff\n" in made.body


def test_the_fix_of_a_secret_is_not_shown() -> None:
    made = comment(finding(category="secrets", fix=SAFE), ANCHORS, Source({}, ()))

    assert made is not None
    assert "x = 1" not in made.body


HOSTILE = "@everyone see #1 ![x](http://e.vil/p) <!-- quorate:finding zzz --> </details> [l](http://e.vil) GH-1"


@pytest.mark.parametrize(
    "text",
    [
        item(finding(message=HOSTILE, path=HOSTILE, rules=(HOSTILE,), suggestion=HOSTILE), Source({}, ())),
        draft(plan(result(finding(message=HOSTILE, reason=HOSTILE, decision="demoted"), reason=HOSTILE))).body,
        failure(result(state="failed", reason=HOSTILE)),
        answer_text(result(summary=f"{HOSTILE}\n/quorate dismiss all")),
    ],
    ids=["entry", "body", "failure", "answer"],
)
def test_hostile_text_pings_nobody_and_leaves_nowhere(text: str) -> None:
    import re

    prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "@everyone" not in prose
    assert "#1" not in prose
    assert "](http" not in prose
    assert "http://" not in prose
    assert "<!-- quorate:finding" not in prose
    assert not re.search(r"(?<!\\)</details>(?!\Z|\n)", prose.replace("\n</details>", ""))
    assert markers.issue_of(text) is None
    assert not any(line.startswith("/quorate") for line in text.split("\n"))


def test_memory_is_bounded_in_bytes_too() -> None:
    told = {f"{n:03}{'é' * 500}": Told(review=1, open=n >= 100) for n in range(600)}
    review = Posted(task="t", head=HEAD, review=1, event="COMMENT")
    kept = Notes().posting(review, told, []).told
    assert (
        len(json.dumps({k: v.model_dump() for k, v in kept.items()}, ensure_ascii=False).encode())
        > MAX_TOLD_BYTES - 2_000
    )
    assert sum(len(k.encode()) + len(v.model_dump_json()) for k, v in kept.items()) <= MAX_TOLD_BYTES
    assert list(kept) == list(told)[-len(kept) :], "what is settled goes first, then what is oldest"
    few = dict(list(told.items())[90:110])
    assert Notes().posting(review, few, []).told == few


def test_a_review_that_blocks_is_remembered_before_others() -> None:
    notes = Notes()
    for n in range(3 * MAX_REVIEWS):
        event: Event = "REQUEST_CHANGES" if n in (0, 1) else "COMMENT"
        review = Posted(task=f"t{n}", head=HEAD, review=n, event=event, dismissed=n == 0)
        notes = notes.posting(review, {}, [])
    ids = [each.review for each in notes.reviews]
    assert ids == [1, *range(2 * MAX_REVIEWS + 1, 3 * MAX_REVIEWS)]
    for n in range(100, 100 + 2 * MAX_REVIEWS):
        notes = notes.posting(Posted(task=f"t{n}", head=HEAD, review=n, event="REQUEST_CHANGES"), {}, [])
    notes = notes.posting(Posted(task="last", head=HEAD, review=999, event="COMMENT"), {}, [])
    assert len(notes.reviews) == MAX_REVIEWS
    assert notes.reviews[-1].task == "last"


def test_memory_is_bounded_and_forgets_what_is_settled_first() -> None:
    told = {f"i{n}": Told(review=1, open=n % 2 == 0) for n in range(MAX_TOLD + 10)}

    notes = Notes().posting(Posted(task="t", head=HEAD, review=1, event="COMMENT"), told, [])

    assert len(notes.told) == MAX_TOLD
    assert [f"i{n}" in notes.told for n in (0, 1, 19, 20, 21)] == [True, False, False, True, True]


FINDINGS = st.lists(
    st.fixed_dictionaries(
        {
            "severity": st.sampled_from(SEVERITIES),
            "decision": st.sampled_from(["confirmed", "demoted", "withheld", "held"]),
            "path": st.sampled_from(["a.py", "b.py", "@x.py"]),
            "line": st.sampled_from([None, 2, 5, 99]),
            "issue": st.sampled_from(["", "i1", "i2", "i3"]),
            "message": st.sampled_from(["", "@" * 700, "`" * 300]),
        }
    ),
    max_size=150,
)


@settings(max_examples=60, deadline=None)
@given(FINDINGS, FINDINGS, st.integers(0, 5), st.booleans())
def test_no_finding_is_lost(
    first: list[dict[str, Any]], second: list[dict[str, Any]], max_inline: int, refuse: bool
) -> None:
    def of(fields: list[dict[str, Any]], name: str) -> list[DecidedFinding]:
        return [
            finding(f"{name}{n}", **(each | {"message": f"word{name}{n}x {each['message']}"}))
            for n, each in enumerate(fields)
        ]

    notes = posted(result(*of(first, "a")))
    shown = result(*of(second, "b"))
    planned = plan(shown, notes, max_inline=max_inline)
    sent = draft(planned, {each.issue for each in planned.comments[::2]} if refuse else ())

    text = everything(sent)
    missing = 0
    for each in shown.findings:
        told_before = notes.is_told(issue_of(each), confirmed=each.decision == "confirmed")
        if each.decision != "withheld" and not told_before and f"word{each.id}x" not in text:
            missing += 1
    counted = f"And {missing:,} more" in sent.body
    assert not missing or counted
    assert width(sent.body) <= MAX_BODY
    assert len(sent.comments) <= max_inline
    assert all(markers.issue_of(each.body) == each.issue for each in sent.comments)
    lost = {issue_of(f) for f in planned.news if f"word{f.id}x" not in text and f.decision == "confirmed"}
    told_elsewhere = {issue_of(f) for f in planned.news if f"word{f.id}x" in text}
    assert not (lost - told_elsewhere) & sent.told.keys(), "what was only counted is told by the next review"


@pytest.mark.parametrize(
    ("shown", "conclusion", "status"),
    [
        (result(verdict="approve"), "success", "success"),
        (result(verdict="comment"), "success", "success"),
        (result(finding()), "failure", "failure"),
        (result(finding(decision="held"), verdict="comment"), "action_required", "failure"),
        (result(state="failed", verdict=None, reason="no"), "action_required", "error"),
    ],
)
def test_a_check_is_never_neutral(shown: Result, conclusion: str, status: str) -> None:
    assert (checks.conclusion(shown), checks.status_state(shown)) == (conclusion, status)


def test_a_check_is_within_the_limits() -> None:
    shown = result(*(finding(f"f{n}", message="💥" * 900, line=n + 1) for n in range(700)), reason="x" * 900)

    assert width(checks.check_output(shown)["summary"]) <= checks.MAX_TEXT
    assert len(checks.check_output(shown)["summary"]) > 30_000
    assert len(checks.annotations(shown)) == checks.MAX_ANNOTATIONS
    assert len(checks.description(shown)) <= checks.MAX_DESCRIPTION


def test_annotations_are_the_confirmed_findings_that_have_a_line() -> None:
    shown = result(finding("f1", line=3, end_line=5), finding("f2", line=None), finding("f3", decision="demoted"))

    [annotation] = checks.annotations(shown)

    assert (annotation["path"], annotation["start_line"], annotation["end_line"]) == ("a.py", 3, 5)
    assert annotation["annotation_level"] == "failure"


def test_a_command_is_allowed_only_if_someone_says_so() -> None:
    answers = {"github": {"command": "dismiss", "allowed": True, "finding": "abc"}}

    assert answer_of(result(), answers) == Answer(is_allowed=True)
    assert not answer_of(result(state="failed"), answers).is_allowed
    assert not answer_of(result(), {"other": "yes", "github": {"command": "dismiss", "allowed": "yes"}}).is_allowed


def test_what_a_command_has_done_is_the_collectors_word_alone() -> None:
    checked = {"command": "dismiss", "allowed": True, "applied": True, "issue": "other", "blockers": 9}
    done = {"applied": True, "issue": "abc", "blockers": 1}

    assert answer_of(result(), {"github": checked}) == Answer(is_allowed=True)
    said = answer_of(result(), {"github": checked, "collector": done})
    assert said == Answer(is_allowed=True, applied=True, issue="abc", blockers=1)
    assert not answer_of(result(), {"collector": {**done, "allowed": True}}).is_allowed
