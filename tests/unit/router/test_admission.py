"""Whether an event can be a task."""

from typing import Any

import pytest

from quorate_router.domain.admission import check_input, check_kind, unknown_kind

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.mark.parametrize("kind", ["code-review", "a", "incident_2"])
def test_a_kind_of_small_letters_is_one(kind: str) -> None:
    assert check_kind(kind) is None


@pytest.mark.parametrize("kind", ["Code", "", "-x", "größe", "x" * 64, "a b"])
def test_another_kind_is_refused_with_the_rule(kind: str) -> None:
    refusal = check_kind(kind)
    assert refusal is not None
    assert "lower-case letters" in refusal
    assert len(refusal) < 200


@pytest.mark.parametrize(
    "value",
    [
        {"diff": DIFF},
        {"diff": DIFF, "files": {"x.py": "b\n"}, "repo": "acme/shop", "title": "t", "scope": "all"},
    ],
)
def test_a_diff_can_be_reviewed(value: dict[str, Any]) -> None:
    assert check_input("code-review", value) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "exactly one of `diff` and `pull_request`"),
        ({"diff": DIFF, "pull_request": {"repo": "a/b", "number": 1}}, "exactly one of"),
        ({"diff": 5}, "diff"),
        ({"diff": DIFF, "path": "/etc"}, "path"),
        ({"diff": DIFF, "files": {"x.py": 1}}, "files.x.py"),
        ({"diff": DIFF, "files": {"../x.py": ""}}, "../x.py"),
        ({"diff": DIFF, "files": {"/etc/passwd": ""}}, "/etc/passwd"),
        ({"diff": DIFF, "scope": "some"}, "scope"),
        ({"pull_request": {"repo": "acme", "number": 1}}, "pull_request.repo"),
        ({"pull_request": {"repo": "acme/shop", "number": 0}}, "pull_request.number"),
        ({"diff": "hello"}, "diff"),
        ({"diff": "--- a/x\n+++ b/../../x\n@@ -1 +1 @@\n-a\n+b\n"}, "x"),
    ],
)
def test_another_input_is_refused_with_the_reason(value: dict[str, Any], reason: str) -> None:
    refusal = check_input("code-review", value)
    assert refusal is not None
    assert reason in refusal


@pytest.mark.parametrize("diff", ["", "\n", " \n\n"])
def test_an_empty_diff_is_refused(diff: str) -> None:
    refusal = check_input("code-review", {"diff": diff})
    assert refusal is not None
    assert "diff is empty" in refusal


def test_the_input_of_another_kind_is_for_its_agents_to_judge() -> None:
    assert check_input("question", {"anything": 1}) is None


def test_a_kind_without_agents_is_refused_with_the_kinds_that_have_some() -> None:
    assert unknown_kind("x", ("code-review", "question")) == (
        "unknown kind 'x': no agent serves it (kinds that are served: code-review, question); start a worker that does"
    )
    assert "kinds that are served: none" in (unknown_kind("x", ()) or "")


def test_a_review_is_a_known_kind_also_without_agents() -> None:
    assert unknown_kind("code-review", ()) is None
