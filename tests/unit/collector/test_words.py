"""What is taken out of a message."""

import pytest

from quorate_collector.domain.words import MAX_TEXT, stem, wording


@pytest.mark.parametrize(
    "forms",
    [
        ("check", "checks", "checked", "checking"),
        ("index", "indexes", "indexed"),
        ("running", "runs", "run"),
        ("validate", "validation", "validated", "validating"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


def test_a_name_and_its_words_have_the_same_stems() -> None:
    assert wording("getUserId").stems == wording("get user_id").stems == wording("`get user id`").stems


def test_words_of_any_review_and_denials_are_no_stems() -> None:
    assert not wording("the function should not use this value; it is never called").stems


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("`os.path` is used", {"os", "path"}),
        ("'limit' is unused", {"limit"}),
        ('"limit" is unused', {"limit"}),
        ("user.name may fail", {"user", "name"}),
        ("maxSize and MaxSize", {"maxsize"}),
        ("max_size is big", {"max_size"}),
        ("open() fails", {"open"}),
        ("It isn't what he doesn't say", set()),
        ("Nothing of code here.", set()),
    ],
)
def test_names_of_code_are_found(message: str, names: set[str]) -> None:
    assert wording(message).names == names


def test_numbers_are_found_but_neither_lines_nor_parts_of_names() -> None:
    assert wording("on line 7 and lines 8-12, sha256 waits 30 s, 2.5 times").numbers == {"30", "2.5"}


@pytest.mark.parametrize(
    ("message", "denies"),
    [
        ("The lock is held", False),
        ("The lock is not held", True),
        ("The lock isn't held", True),
        ("The lock is never not held", False),
    ],
)
def test_what_denies_is_known(message: str, denies: bool) -> None:
    assert wording(message).denies is denies


def test_only_the_beginning_of_a_message_is_looked_at() -> None:
    assert len(wording("x" * 10 * MAX_TEXT).text) == MAX_TEXT
