"""What follows from a webhook."""

from typing import Any

import pytest

from quorate.contract.task import CodeReviewInput, ReviewCommandInput
from quorate.settings import GitHubSettings
from quorate_gateway.domain.webhooks import Cancel, Ignore, NotAnEvent, Submit, decide

A, B, BASE = "a" * 40, "b" * 40, "c" * 40
RULES = GitHubSettings()


def merged(value: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """With ``changes``, whose keys are paths such as ``pull_request.head.sha``; None takes something away."""
    for path, change in changes.items():
        *parents, last = path.split("__")
        place = value
        for parent in parents:
            place = place[parent]
        place[last] = change
    return value


def pull_request(action: str, **changes: Any) -> dict[str, Any]:
    payload = {
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "state": "open",
            "draft": False,
            "title": "Speed it up",
            "body": "By half.",
            "user": {"login": "dependabot[bot]", "type": "Bot"},
            "head": {"sha": A, "ref": "fast", "repo": {"full_name": "Acme/Shop"}},
            "base": {"sha": BASE, "ref": "main", "repo": {"full_name": "Acme/Shop"}},
        },
        "repository": {"full_name": "Acme/Shop"},
        "sender": {"login": "alice", "type": "User"},
    }
    return merged(payload, changes)


def comment(body: str, **changes: Any) -> dict[str, Any]:
    payload = {
        "action": "created",
        "issue": {"number": 7, "pull_request": {"url": "https://example.org"}, "state": "open"},
        "comment": {"id": 11, "body": body, "user": {"login": "alice", "type": "User"}},
        "repository": {"full_name": "Acme/Shop"},
    }
    return merged(payload, changes)


def review_comment(body: str, **changes: Any) -> dict[str, Any]:
    payload = comment(body)
    del payload["issue"]
    return merged({**payload, "pull_request": {"number": 7}}, changes)


def only(event: str, payload: dict[str, Any], rules: GitHubSettings = RULES) -> Submit | Cancel | Ignore:
    [action] = decide(event, payload, rules)
    return action


def reason(event: str, payload: dict[str, Any], rules: GitHubSettings = RULES) -> str:
    action = only(event, payload, rules)
    assert isinstance(action, Ignore)
    return action.reason


def test_a_pull_request_that_is_opened_is_reviewed() -> None:
    submit = only("pull_request", pull_request("opened"))

    assert submit == Submit(
        kind="code-review",
        input={
            "pull_request": {"repo": "Acme/Shop", "number": 7},
            "head_sha": A,
            "base_sha": BASE,
            "title": "Speed it up",
            "description": "By half.",
        },
        key=f"github:acme/shop#7@{A}:review",
        labels={"repo": "Acme/Shop", "pull_request": "7", "event": "pull_request.opened", "head_sha": A},
        automatic=True,
    )
    CodeReviewInput.model_validate(submit.input)


def test_a_push_is_reviewed_and_the_review_of_the_commit_before_it_ends() -> None:
    review, cancel = decide("pull_request", pull_request("synchronize", before=B, after=A), RULES)

    assert isinstance(review, Submit)
    assert (review.key, review.again) == (f"github:acme/shop#7@{A}:review", "unless reviewed")
    assert cancel == Cancel(f"github:acme/shop#7@{B}:review", f"superseded by {A}")


def test_what_is_closed_is_not_wanted_any_more() -> None:
    key = f"github:acme/shop#7@{A}:review"
    assert only("pull_request", pull_request("closed")) == Cancel(key, "the pull request was closed")
    assert only("pull_request", pull_request("closed", pull_request__merged=True)) == Cancel(
        key, "the pull request was merged"
    )


def test_a_new_base_makes_a_new_review() -> None:
    changes = {"base": {"ref": {"from": "old"}, "sha": {"from": B}}}
    review, cancel = decide("pull_request", pull_request("edited", changes=changes), RULES)

    assert isinstance(review, Submit)
    assert review.again == "if the base changed"
    assert cancel == Cancel(review.key, f"superseded by the base {BASE}")
    assert "'edited'" in reason("pull_request", pull_request("edited", changes={"title": {"from": "x"}}))


@pytest.mark.parametrize("action", ["labeled", "assigned", "converted_to_draft", "unlabeled", "x" * 100])
def test_from_other_actions_nothing_follows(action: str) -> None:
    assert "nothing follows" in reason("pull_request", pull_request(action))


@pytest.mark.parametrize("event", ["installation", "installation_repositories", "push", "", "x" * 1_000])
def test_from_other_events_nothing_follows(event: str) -> None:
    assert "nothing follows" in reason(event, {"action": "created"})


def test_drafts_wait_until_they_are_ready() -> None:
    draft = pull_request("opened", pull_request__draft=True)

    assert "draft" in reason("pull_request", draft)
    assert isinstance(only("pull_request", draft, GitHubSettings(drafts=True)), Submit)
    assert isinstance(only("pull_request", pull_request("ready_for_review")), Submit)


def test_a_push_to_a_draft_ends_the_review_from_before() -> None:
    actions = decide("pull_request", pull_request("synchronize", before=B, pull_request__draft=True), RULES)
    assert [type(action) for action in actions] == [Ignore, Cancel]


@pytest.mark.parametrize("source", [None, {"full_name": "mallory/shop"}])
@pytest.mark.parametrize(("forks", "said"), [("review", None), ("ask", "/quorate review"), ("ignore", "not reviewed")])
def test_forks_are_reviewed_as_the_operator_says(source: dict[str, Any] | None, forks: Any, said: str | None) -> None:
    action = only("pull_request", pull_request("opened", pull_request__head__repo=source), GitHubSettings(forks=forks))
    if said is None:
        assert isinstance(action, Submit)
    else:
        assert isinstance(action, Ignore)
        assert said in action.reason


def test_only_the_repositories_that_are_named_are_reviewed() -> None:
    for patterns in (("acme/*",), ("other/*", "ACME/shop"), ("*",)):
        assert isinstance(only("pull_request", pull_request("opened"), GitHubSettings(repositories=patterns)), Submit)
    for rules in (GitHubSettings(repositories=("acme/shops",)), GitHubSettings(repositories=("shop",))):
        assert "not among the repositories" in reason("pull_request", pull_request("opened"), rules)
        assert "not among the repositories" in reason("pull_request", pull_request("closed"), rules)
        assert "not among the repositories" in reason("issue_comment", comment("/quorate help"), rules)


def test_a_closed_pull_request_is_not_reviewed() -> None:
    assert "closed" in reason("pull_request", pull_request("opened", pull_request__state="closed"))


def test_long_texts_are_cut_and_their_control_characters_are_gone() -> None:
    long = "\x00\x1b[31m" + "ü\r\n" * 200_000
    submit = only("pull_request", pull_request("opened", pull_request__title=long, pull_request__body=long))

    assert isinstance(submit, Submit)
    assert submit.input["title"].startswith("[31mü\nü")
    assert len(submit.input["title"].encode()) <= 4_096
    assert 262_000 < len(submit.input["description"].encode()) <= 262_144
    CodeReviewInput.model_validate(submit.input)


def test_a_pull_request_without_a_text_has_none() -> None:
    submit = only("pull_request", pull_request("opened", pull_request__body=None, pull_request__title=""))
    assert isinstance(submit, Submit)
    assert submit.input.keys() == {"pull_request", "head_sha", "base_sha"}


def test_a_command_below_a_pull_request_is_carried_out() -> None:
    submit = only("issue_comment", comment("/quorate dismiss 0123456789abcdef checked above"))

    assert submit == Submit(
        kind="review-command",
        input={
            "pull_request": {"repo": "Acme/Shop", "number": 7},
            "command": "dismiss",
            "finding": "0123456789abcdef",
            "argument": "checked above",
            "by": "alice",
            "comment_id": 11,
        },
        key="github:acme/shop#7:comment-11",
        labels={"repo": "Acme/Shop", "pull_request": "7", "event": "issue_comment.created"},
    )
    ReviewCommandInput.model_validate(submit.input)


def test_a_command_in_a_thread_names_the_thread() -> None:
    submit = only("pull_request_review_comment", review_comment("/quorate explain", comment__in_reply_to_id=9))

    assert isinstance(submit, Submit)
    assert submit.input["thread_of"] == 9
    first = only("pull_request_review_comment", review_comment("/quorate explain"))
    assert isinstance(first, Submit)
    assert first.input["thread_of"] == first.input["comment_id"] == 11
    below = only("issue_comment", comment("/quorate explain"))
    assert isinstance(below, Submit)
    assert "thread_of" not in below.input
    # The numbers of the two sorts of comments are two sequences.
    assert submit.key == "github:acme/shop#7:review-comment-11"
    ReviewCommandInput.model_validate(submit.input)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (comment("/quorate review", action="edited"), "only a new comment"),
        (comment("/quorate review", comment__user={"login": "x", "type": "Bot"}), "not a person's"),
        (comment("/quorate review", comment__user={"login": "x[bot]"}), "not a person's"),
        (comment("/quorate review", comment__user=None), "not a person's"),
        (comment("<!-- quorate:1 -->\n/quorate review"), "our own"),
        (comment("nice"), "no command"),
        (comment("", comment__body=None), "no command"),
        (comment("/quorate review", issue__pull_request=None), "on an issue"),
    ],
)
def test_other_comments_are_no_commands(payload: dict[str, Any], said: str) -> None:
    assert said in reason("issue_comment", payload)


def test_commands_can_be_switched_off() -> None:
    assert "switched off" in reason("issue_comment", comment("/quorate review"), GitHubSettings(commands=False))


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("pull_request", {}),
        ("pull_request", {"action": "opened", "pull_request": []}),
        ("pull_request", pull_request("opened", pull_request__head__sha="main")),
        ("pull_request", pull_request("opened", pull_request__head__sha=A + "\n")),
        ("pull_request", pull_request("opened", pull_request__head__sha="../" * 13 + "a")),
        ("pull_request", pull_request("opened", pull_request__number=-1)),
        ("pull_request", pull_request("opened", pull_request__number=10**30)),
        ("pull_request", pull_request("opened", repository__full_name="../..")),
        ("pull_request", pull_request("opened", repository__full_name="acme/..")),
        ("pull_request", pull_request("opened", repository__full_name="acme/shop/pulls")),
        ("pull_request", pull_request("opened", repository__full_name="acme/shop?x")),
        ("pull_request", pull_request("synchronize", before="x")),
        ("pull_request", pull_request("x" * 101)),
        ("issue_comment", comment("/quorate review", comment__id="x")),
        ("issue_comment", comment("/quorate review", comment__id=2**63)),
        ("issue_comment", comment("/quorate review", comment__user={"login": "../x"})),
        ("issue_comment", comment("/quorate review", comment__body=5)),
        ("pull_request_review_comment", comment("/quorate review")),
    ],
)
def test_a_payload_of_another_shape_is_refused(event: str, payload: dict[str, Any]) -> None:
    with pytest.raises(NotAnEvent):
        decide(event, payload, RULES)


def test_nothing_in_a_comment_can_become_an_input_that_no_task_has() -> None:
    text = "/quorate dismiss " + "\x00\x1b\x7f" * 1_000 + "ü" * 3_000
    submit = only("issue_comment", comment(text))
    assert isinstance(submit, Submit)
    ReviewCommandInput.model_validate(submit.input)
    assert "\x00" not in submit.input["argument"]
