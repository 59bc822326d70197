"""Hidden marks: what finds a posted text again, and nothing else."""

from quorate_collector.domain import markers

KEY = b"k" * 32
MARK = markers.review(KEY, "github:o/r#1", "t1")


def test_a_review_is_known_by_the_mark_at_its_end() -> None:
    assert markers.ends_with(f"words\r\n\r\n{MARK}\r\n", MARK)
    assert markers.is_review(f"words {MARK}")
    assert not markers.ends_with(f"{MARK} and more", MARK), "what stands further up may come from the change"
    assert not markers.ends_with(None, MARK)


def test_marks_differ_by_key_series_task_and_purpose() -> None:
    marks = {
        MARK,
        markers.review(b"other", "github:o/r#1", "t1"),
        markers.review(KEY, "github:o/r#2", "t1"),
        markers.review(KEY, "github:o/r#1", "t2"),
        markers.probe(KEY, "github:o/r#1", "t1"),
        markers.review(KEY, "github:o/r#", "1t1"),
    }
    assert len(marks) == 6
    assert len({markers.reply(KEY, "s", "t"), markers.reply(KEY, "s", "u"), markers.reply(KEY, "r", "t")}) == 3


def test_a_mark_of_another_kind_is_no_match() -> None:
    review = markers.review(KEY, "s", "t")

    assert not markers.ends_with(review.replace("review", "reply"), review)
    assert not markers.is_review(markers.finding("abc"))


def test_the_issue_of_a_comment_is_the_one_at_its_end() -> None:
    forged = "look: `<!-- quorate:finding theirs -->`"

    assert markers.issue_of(f"{forged}\n\n{markers.finding('0123abcd-2')}") == "0123abcd-2"
    assert markers.issue_of(forged) is None


def test_the_word_on_the_latest_commit_replaces_the_one_before() -> None:
    body = f"words\n\n{MARK}"

    once = markers.with_latest(body, "up to a")
    twice = markers.with_latest(once, "up to b")

    assert "up to a" in once
    assert "up to a" not in twice
    assert "up to b" in twice
    assert markers.ends_with(twice, MARK)
    assert twice.startswith("words\n")
    assert markers.with_latest(twice, "up to b") == twice


def test_what_looks_like_the_latest_word_further_up_stays() -> None:
    body = f"<!-- quorate:latest -->of the change\nmore\n\n{MARK}"

    assert "of the change" in markers.with_latest(body, "up to a")


def test_a_body_without_a_mark_stays_as_it_is() -> None:
    assert markers.with_latest("a person's", "up to a") == "a person's"
