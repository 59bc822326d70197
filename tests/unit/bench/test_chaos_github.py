"""What a chaos run of pull requests plans, and how it reads what stands on GitHub."""

import random
from collections import Counter
from typing import Any

import pytest

from bench.chaos_github_evidence import Seen
from bench.chaos_github_plan import COURSES, CRASHPOINTS, FAULTS, copies_of, faults_of, plan_run
from bench.chaos_github_view import View, issue_of, mark_of, reply_of, task_of
from bench.chaos_github_words import bad, first_tree, next_tree, odd, said, word_of
from quorate.testing.github_faults import KINDS, Fault

SIZE = {"pulls": 200, "kills": 60, "broker_kills": 3, "ambiguous": 0.1, "pace": 1.0, "ack_wait_s": 2.0}


def test_one_seed_is_one_plan() -> None:
    assert plan_run(3, **SIZE) == plan_run(3, **SIZE)  # type: ignore[arg-type]
    assert plan_run(3, **SIZE) != plan_run(4, **SIZE)  # type: ignore[arg-type]


def test_a_plan_has_every_course_and_every_crashpoint() -> None:
    plan = plan_run(1, **SIZE)  # type: ignore[arg-type]
    assert {story.course for story in plan.stories} == set(COURSES)
    assert set(plan.crashpoints) == set(CRASHPOINTS)
    assert len(plan.blows) == 60
    assert [story.at for story in plan.stories] == sorted(story.at for story in plan.stories)


def test_only_what_is_followed_has_a_second_push_and_only_what_is_dismissed_a_word() -> None:
    for story in plan_run(1, **SIZE).stories:  # type: ignore[arg-type]
        assert (story.second is not None) == (story.course in ("followed", "overtaken", "dismissed"))
        assert (story.dismissed is not None) == (story.course == "dismissed")
        if story.dismissed is not None and story.second is not None:
            assert story.dismissed in {word for _, word in bad(story.second)}


def test_all_faults_are_equally_likely_and_together_as_likely_as_asked_for() -> None:
    plan = plan_run(1, **SIZE)  # type: ignore[arg-type]
    faults = [Fault(**fault) for fault in faults_of(plan, late_s=1.0)]
    assert {fault.kind for fault in faults} == set(FAULTS) <= set(KINDS)
    path = "/repos/a/b/pulls/1/reviews"
    hits = Counter(next((f.kind for f in faults if f.strikes("POST", path)), "none") for _ in range(20_000))
    assert 20_000 - hits["none"] == pytest.approx(2_000, rel=0.1)
    for kind in FAULTS:
        assert hits[kind] == pytest.approx(2_000 / len(FAULTS), rel=0.25)


@pytest.mark.parametrize(
    ("method", "path", "is_struck"),
    [
        ("POST", "/repos/a/b/pulls/1/reviews", True),
        ("POST", "/repos/a/b/pulls/1/reviews/2/events", True),
        ("PUT", "/repos/a/b/pulls/1/reviews/2/dismissals", True),
        ("DELETE", "/repos/a/b/pulls/1/reviews/2", True),
        ("POST", "/repos/a/b/issues/1/comments", True),
        ("POST", "/repos/a/b/statuses/abc", True),
        ("POST", "/graphql", True),
        ("GET", "/repos/a/b/pulls/1/reviews", False),
        ("POST", "/repos/a/b/check-runs", False),
    ],
)
def test_faults_strike_writes_only(method: str, path: str, is_struck: bool) -> None:
    plan = plan_run(1, **{**SIZE, "ambiguous": 0.5})  # type: ignore[arg-type]
    faults = [Fault(**fault) for fault in faults_of(plan, late_s=1.0)]
    assert any(fault.strikes(method, path) for _ in range(100) for fault in faults) is is_struck


def test_without_ambiguity_there_are_no_faults() -> None:
    assert list(faults_of(plan_run(1, **{**SIZE, "ambiguous": 0.0}), late_s=1.0)) == []  # type: ignore[arg-type]


def test_a_webhook_is_sent_one_to_five_times_and_first_at_once() -> None:
    all_copies = [copies_of(1, number) for number in range(300)]
    assert {len(copies) for copies in all_copies} == {1, 2, 3, 4, 5}
    assert {copies[0] for copies in all_copies} == {0.0}


@pytest.mark.parametrize("seed", range(30))
def test_a_push_mends_something_keeps_what_it_must_and_moves_the_rest(seed: int) -> None:
    chance = random.Random(seed)
    first = first_tree(chance)
    assert 2 <= len(bad(first)) <= 6
    keep = min(bad(first))[1] if seed % 2 else None
    second = next_tree(chance, first, keep)
    gone, new = bad(first) - bad(second), bad(second) - bad(first)
    assert gone
    assert keep not in {word for _, word in gone}
    if bad(second):
        assert (len(gone), len(new)) == (1, 1)
        assert odd(first) == odd(second)
    else:
        assert not odd(second)
    for path, word in bad(first) & bad(second):
        assert first[path].splitlines().index(f"BAD {word}") < second[path].splitlines().index(f"BAD {word}")


def test_words_of_one_pull_request_differ() -> None:
    tree = first_tree(random.Random(1))
    words = [word for _, word in [*bad(tree), *odd(tree)]]
    assert len(set(words)) == len(words)


def test_the_word_of_a_comment_is_found_in_it() -> None:
    assert word_of(f"**critical**: {said('bad', 'bacedi3x')}") == "bacedi3x"
    assert word_of("nothing to see") is None


MARK = f"<!-- quorate:review {'a' * 64} -->"
REPLY = f"<!-- quorate:reply {'b' * 64} -->"
TASK = "t" + 32 * "1"


def _review(body: str, *comments: dict[str, Any], state: str = "COMMENTED", login: str = "quorate") -> dict[str, Any]:
    return {"state": state, "user": {"login": login}, "body": body, "comments": list(comments)}


def _comment(body: str, reply_to: int | None = None, login: str = "quorate") -> dict[str, Any]:
    return {"body": body, "user": {"login": login}, "in_reply_to_id": reply_to}


def test_marks_are_read_at_the_end_only() -> None:
    assert mark_of({"body": f"text\n\n{MARK}\n"}) == "a" * 64
    assert mark_of({"body": f"{MARK} and more"}) is None
    assert mark_of({"body": None}) is None
    assert reply_of({"body": f"text {REPLY}"}) == "b" * 64
    assert issue_of({"body": "text\n<!-- quorate:finding abc123 -->"}) == "abc123"
    assert task_of({"body": f"<sub>Task `{TASK}` · more"}) == TASK


def test_what_others_wrote_and_replies_are_no_reviews_of_ours() -> None:
    view = View(
        Seen(
            reviews=[
                _review(f"ours {MARK}", _comment("here <!-- quorate:finding one -->")),
                _review("theirs", login="author"),
                _review("", _comment(f"a reply {REPLY}", reply_to=1)),
                _review(f"a draft {MARK}", _comment("<!-- quorate:finding two -->"), state="PENDING"),
            ],
            threads=[],
            comments=[_comment(f"an answer {REPLY}"), _comment(f"quoted {REPLY}", login="author")],
        )
    )
    assert len(view.ours) == 2
    assert len(view.submitted) == 1
    assert view.issues == ["one"]
    assert view.replies == ["b" * 64]
    assert view.tells("one")
    assert not view.tells("two")


def test_an_issue_in_the_body_of_a_review_is_told() -> None:
    view = View(Seen(reviews=[_review(f"- text · `abc` {MARK}")], threads=[], comments=[]))
    assert view.tells("abc")
    assert not view.tells("ab")
