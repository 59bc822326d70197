"""Results on GitHub: what is posted when, whatever GitHub answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from quorate.blobs import Blobs
from quorate.errors import Retryable
from quorate.github import Ambiguous, GitHub, GitHubBusy, Refused
from quorate.settings import Settings
from quorate.testing.github import Limits
from quorate.testing.github_access import PERMISSIONS
from quorate_collector.adapters.github_key import marker_key
from quorate_collector.adapters.github_writer import GitHubWriter, github_writer
from quorate_collector.adapters.ledger import Ledger
from quorate_collector.domain import markers
from quorate_collector.ports import Later
from tests.component.collector.pull_requests import Desk, Ground, finding, gone, grounds, token_of


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with grounds(tmp_path_factory.mktemp("broker")) as made:
        yield made


HIGH: dict[str, Any] = {"severity": "high"}
BLOCKED: dict[str, Any] = {"verdict": "request_changes"}


async def told(of: Desk, result: Any) -> Any:
    receipt = await of.tell(result)
    assert receipt is not None
    return receipt


def states(of: Desk) -> list[str]:
    return [review["state"] for review in of.reviews()]


async def test_a_review_has_comments_on_lines_a_verdict_and_a_check(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1", 2, end_line=4, **HIGH), finding("f2", 99), **BLOCKED)

        receipt = await told(of, result)

        [review] = of.reviews()
        assert review["state"] == "CHANGES_REQUESTED"
        assert review["commit_id"] == of.head
        assert review["user"]["login"] == "quorate[bot]"
        assert receipt.url == review["html_url"]
        [comment] = review["comments"]
        assert (comment["path"], comment["start_line"], comment["line"]) == ("a.py", 2, 4)
        assert "Message of f2" in review["body"]
        [run] = of.gh.check_runs(of.repo)
        assert (run["name"], run["head_sha"], run["conclusion"]) == ("Quorate", of.head, "failure")
        assert of.requests("POST", "/reviews") == 2, "a draft, and its submission"


async def test_nothing_new_is_a_word_below_the_last_review(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1")))
        for _ in range(2):
            of.push()
            await told(of, await of.result(finding("f1", standing="known")))

        [review] = of.reviews()
        assert review["body"].count("nothing new") == 1
        assert of.head[:10] in review["body"]
        assert len(of.threads()) == 1
        assert len(of.gh.check_runs(of.repo)) == 3


async def test_what_is_fixed_is_resolved_and_the_block_is_lifted(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), finding("f2", 3), **BLOCKED))
        of.push()
        await told(of, await of.result(finding("f2", 3), resolved=[gone("f1")]))

        assert states(of) == ["DISMISSED", "COMMENTED"]
        threads = of.threads()
        assert (threads["f1"]["isResolved"], threads["f2"]["isResolved"]) == (True, False)
        assert len(threads["f1"]["comments"]) == 1, "a reply would be a review of its own, and a mail to everyone"
        assert "1 fixed" in of.reviews()[1]["body"]
        assert "it is gone" in of.reviews()[1]["body"]


async def test_a_finding_that_is_withheld_now_has_its_thread_resolved(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1")))
        await told(of, await of.result(finding("f1", decision="withheld", reason="dismissed by ann")))

        thread = of.threads()["f1"]
        assert (thread["isResolved"], len(thread["comments"])) == (True, 1)


async def test_a_thread_that_a_person_has_resolved_is_left_to_them(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1")))
        of.gh.resolve(of.repo, 1, of.threads()["f1"]["id"], by="author")
        of.push()
        await told(of, await of.result(resolved=[gone("f1")]))

        assert of.threads()["f1"]["resolvedBy"] == "author"


async def test_a_result_for_an_older_commit_posts_nothing(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.push()

        receipt = await told(of, result)

        assert (of.reviews(), of.gh.check_runs(of.repo)) == ([], [])
        assert "superseded" in receipt.note


async def test_a_closed_pull_request_is_left_alone(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.gh.close(of.repo, 1)

        assert "closed" in (await told(of, result)).note
        assert of.reviews() == []


@pytest.mark.parametrize("approve", [False, True])
async def test_approval_is_given_only_where_it_is_wanted(ground: Ground, approve: bool) -> None:
    async with ground.desk(approve=approve) as of:
        await told(of, await of.result(verdict="approve"))

        assert states(of) == ["APPROVED" if approve else "COMMENTED"]


async def test_nobody_requests_changes_of_their_own_pull_request(ground: Ground) -> None:
    async with ground.desk() as of:
        of.credentials = token_of(of.gh, "author")

        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))

        assert states(of) == ["COMMENTED"]


async def test_an_event_that_is_refused_becomes_a_comment(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ground.desk() as of:
        of.credentials = token_of(of.gh, "author")
        # As if nobody knew whose pull request it is: GitHub may also refuse for reasons that cannot be known before.
        monkeypatch.setattr("quorate_collector.adapters.github_writer.event_of", lambda *_, **__: "REQUEST_CHANGES")

        receipt = await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))

        assert states(of) == ["COMMENTED"]
        assert "REQUEST_CHANGES is not permitted" in receipt.note


async def test_a_token_sets_a_status_and_no_check(ground: Ground) -> None:
    async with ground.desk() as of:
        of.credentials = token_of(of.gh, of.owner)

        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))

        [status] = of.gh.statuses(of.repo)
        assert (status["context"], status["state"], status["sha"]) == ("quorate", "failure", of.head)
        assert of.gh.check_runs(of.repo) == []


async def test_what_is_not_permitted_is_left_out_and_noted(ground: Ground) -> None:
    async with ground.desk(sarif=True) as of:
        lacking = {name: level for name, level in PERMISSIONS.items() if name not in {"checks", "security_events"}}
        of.gh.install(of.owner, permissions=lacking)

        receipt = await told(of, await of.result(finding("f1")))

        assert states(of) == ["COMMENTED"]
        assert "no check" in receipt.note
        assert "code scanning" in receipt.note


async def test_findings_go_to_code_scanning_where_this_is_wanted(ground: Ground) -> None:
    async with ground.desk(sarif=True) as of:
        await told(of, await of.result(finding("f1")))

        [sarif] = of.gh.sarifs(of.repo)
        assert (sarif["commit"], sarif["ref"]) == (of.head, "refs/pull/1/head")
        assert len(sarif["document"]["runs"][0]["results"]) == 1


async def test_the_failure_of_a_commit_is_told_once(ground: Ground) -> None:
    async with ground.desk() as of:
        for _ in range(2):
            await told(of, await of.result(state="failed", verdict=None, reason="no @agent answered"))

        [comment] = of.gh.comments(of.repo, 1)
        assert "/quorate review" in comment["body"]
        assert "@agent" not in comment["body"]
        assert [run["conclusion"] for run in of.gh.check_runs(of.repo)] == ["action_required"] * 2


# Faults


@pytest.mark.parametrize("kind", ["500", "commit-then-500", "commit-then-cut", "commit-late", "cut", "hang"])
@pytest.mark.parametrize("path", ["/reviews$", "/events$", "/check-runs$", "/dismissals$", "/graphql$"])
async def test_an_answer_that_is_lost_makes_no_second_review(ground: Ground, kind: Any, path: str) -> None:
    async with ground.desk(request_timeout_s=0.2) as of:
        await told(of, await of.result(finding("f1", **HIGH), finding("f2", 3), **BLOCKED))
        of.push()
        result = await of.result(finding("f2", 3), finding("f3", 4), resolved=[gone("f1")])
        of.gh.fault(kind, method="POST|PUT", path=path, count=3 if path == "/graphql$" else 1)

        attempts = 1
        while attempts < 6 and not await succeeds(of, result):
            await of.gh.settle()
            attempts += 1

        assert 1 < attempts < 6
        assert states(of) == ["DISMISSED", "COMMENTED"]
        threads = of.threads()
        assert len(of.gh.threads(of.repo, 1)) == len(threads) == 3
        assert threads["f1"]["isResolved"]
        assert len(threads["f1"]["comments"]) == 1
        assert len(of.gh.check_runs(of.repo)) == 2


async def succeeds(of: Desk, result: Any) -> bool:
    """Whether an attempt has come to its end."""
    try:
        return await of.tell(result) is not None
    except (Ambiguous, GitHubBusy):
        return False


async def test_a_draft_that_arrives_too_late_is_deleted_by_the_next_review(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.gh.fault("commit-late", method="POST", path="/reviews$")
        with pytest.raises(Ambiguous):
            await of.tell(result)
        await told(of, result)
        await of.gh.settle()
        assert states(of) == ["COMMENTED", "PENDING"]

        of.push()
        await told(of, await of.result(finding("f1"), finding("f2", 3)))

        assert states(of) == ["COMMENTED", "COMMENTED"]
        assert of.threads().keys() == {"f1", "f2"}


async def test_a_limit_says_when_to_come_back(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.gh.fault("403-retry-after", method="POST", path="/reviews$", seconds=7)

        with pytest.raises(GitHubBusy) as busy:
            await of.tell(result)
        await of.forget()
        await told(of, result)

        assert busy.value.retry_after_s == 7
        assert states(of) == ["COMMENTED"]


@pytest.mark.parametrize("bad", [1, 3])
async def test_comments_that_github_refuses_move_into_the_body(ground: Ground, bad: int) -> None:
    async with ground.desk() as of:
        ghosts = [finding(f"g{n}", 1, path="ghost.py") for n in range(bad)]
        good = [finding(f"f{n}", 2 + n) for n in range(4)]

        await told(of, await of.result(*good, *ghosts, ghost=True))

        [review] = of.reviews()
        assert of.threads().keys() == {"f0", "f1", "f2", "f3"}
        assert all(f"Message of g{n}" in review["body"] for n in range(bad))
        assert len(of.gh.reviews(of.repo, 1)) == 1


async def test_comments_that_are_too_many_together_move_into_the_body(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ground.desk() as of:
        monkeypatch.setattr(of.gh.state, "limits", Limits(comments_per_review=1))

        await told(of, await of.result(*(finding(f"f{n}", 2 + n) for n in range(4))))

        [review] = of.reviews()
        assert all(f"Message of f{n}" in review["body"] or f"f{n}" in of.threads() for n in range(4))


async def test_a_push_while_it_is_posted_supersedes_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        write = GitHub.write

        async def write_after_a_push(github: GitHub, *args: Any, **named: Any) -> Any:
            of.gh.push(of.repo, 1, {"b.py": "b\n"}, force=True)
            of.gh.state.repositories[of.repo].pulls[1].heads[:-1] = []
            return await write(github, *args, **named)

        monkeypatch.setattr(GitHub, "write", write_after_a_push)

        receipt = await told(of, result)

        assert "superseded" in receipt.note
        assert of.reviews() == []
        assert of.requests("POST", "/reviews") == 1, "no comment is suspected"


async def test_a_draft_that_arrives_after_its_review_is_deleted_and_not_submitted(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.gh.fault("commit-late", method="POST", path="/reviews$")
        with pytest.raises(Ambiguous):
            await of.tell(result)
        of.gh.fault("commit-then-500", method="POST", path="/events$")
        with pytest.raises(Ambiguous):
            await of.tell(result)
        await of.gh.settle()
        assert states(of) == ["COMMENTED", "PENDING"]

        await told(of, result)

        assert states(of) == ["COMMENTED"]


async def test_a_draft_that_a_push_supersedes_is_deleted(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.gh.fault("500", method="POST", path="/events$")
        with pytest.raises(Ambiguous):
            await of.tell(result)
        assert states(of) == ["PENDING"]
        of.push()

        assert "superseded" in (await told(of, result)).note
        assert states(of) == []


async def test_a_review_that_was_submitted_before_a_push_is_remembered(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.gh.fault("commit-then-500", method="POST", path="/events$")
        with pytest.raises(Ambiguous):
            await of.tell(result)
        of.push()

        assert (await told(of, result)).url is not None
        await told(of, await of.result(finding("f1"), finding("f2", 3)))

        assert len(of.gh.threads(of.repo, 1)) == 2, "f1 is not told again"


async def test_a_submission_that_arrives_late_is_found_when_ours_is_refused(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1", **HIGH), **BLOCKED)
        write = GitHub.write

        async def write_again(github: GitHub, method: str, path: str, *args: Any, **named: Any) -> Any:
            if path.endswith("/events"):
                await write(github, method, path, *args, **named)
            return await write(github, method, path, *args, **named)

        monkeypatch.setattr(GitHub, "write", write_again)

        receipt = await told(of, result)

        assert states(of) == ["CHANGES_REQUESTED"]
        assert receipt.note == ""


async def test_a_draft_that_a_person_has_begun_is_left_alone(ground: Ground) -> None:
    async with ground.desk() as of:
        of.credentials = token_of(of.gh, of.owner)
        github = of.github()
        draft = await github.write("POST", f"/repos/{of.repo}/pulls/1/reviews", {"body": "by hand"}, repo=of.repo)
        result = await of.result(finding("f1"))

        with pytest.raises(Later):
            await of.tell(result)
        assert [review["body"] for review in of.gh.reviews(of.repo, 1)] == ["by hand"]
        await github.write(
            "POST", f"/repos/{of.repo}/pulls/1/reviews/{draft['id']}/events", {"event": "COMMENT"}, repo=of.repo
        )
        await told(of, result)

        assert states(of) == ["COMMENTED"]


async def test_a_process_that_was_overtaken_touches_nothing_more(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        writer = GitHubWriter(of.settings, of.github(), of.bus, Blobs(of.bus))
        write = writer.write_of(result)
        assert write is not None
        ledger = Ledger(of.bus, "github")
        mine = await ledger.claim(write.key, result.task_id, write.digest)
        assert await ledger.claim(write.key, result.task_id, write.digest) is not None
        assert mine is not None

        with pytest.raises(Retryable):
            await writer.write(result, mine)

        assert of.requests("POST", "/reviews") == 0


async def test_a_repository_that_the_settings_leave_out_is_not_written_to(ground: Ground) -> None:
    async with ground.desk(repositories=("elsewhere/*",)) as of:
        writer = GitHubWriter(of.settings, of.github(), of.bus, Blobs(of.bus))
        assert writer.write_of(await of.result(finding("f1"))) is None
        await writer.close()


# Commands


@pytest.mark.parametrize(("command", "resolved"), [("dismiss", True), ("undismiss", False)])
async def test_a_command_turns_its_thread_and_is_answered_in_it(ground: Ground, command: str, resolved: bool) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1")))
        thread = of.threads()["f1"]
        of.gh.resolve(of.repo, 1, thread["id"], by="author", resolved=not resolved)
        root = thread["comments"][0]["id"]
        said = of.gh.reply(of.repo, 1, root, f"/quorate {command} f1", by="author")

        await told(of, await of.command(command, "Done.\n/quorate x @all", said["id"], finding="f1", thread_of=root))

        thread = of.threads()["f1"]
        assert thread["isResolved"] is resolved
        answer = thread["comments"][-1]["body"]
        assert answer.startswith("> Done")
        assert "@all" not in answer
        assert [each["content"] for each in of.gh.reactions(of.repo, 1)] == ["+1"]


async def test_a_command_that_the_collector_did_not_carry_out_turns_no_thread(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))
        root = of.threads()["f1"]["comments"][0]["id"]
        said = of.gh.reply(of.repo, 1, root, "/quorate dismiss f1", by="author")

        refused = {"applied": False, "issue": None, "blockers": 1}
        await told(of, await of.command("dismiss", "No such finding.", said["id"], finding="f1", done=refused))

        assert not of.threads()["f1"]["isResolved"]
        assert states(of) == ["CHANGES_REQUESTED"]


@pytest.mark.parametrize(("blockers", "state"), [(0, "DISMISSED"), (1, "CHANGES_REQUESTED")])
async def test_dismissing_the_last_blocker_lifts_the_block(ground: Ground, blockers: int, state: str) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))
        root = of.threads()["f1"]["comments"][0]["id"]
        said = of.gh.reply(of.repo, 1, root, "/quorate dismiss f1", by="author")

        await told(of, await of.command("dismiss", "Done.", said["id"], finding="f1", done={"blockers": blockers}))

        assert states(of) == [state]


async def test_a_command_below_the_pull_request_is_answered_there(ground: Ground) -> None:
    async with ground.desk() as of:
        said = of.gh.comment(of.repo, 1, "/quorate help", by="author")

        receipt = await told(of, await of.command("help", "Commands:\n\ndismiss", said["id"]))

        [_, answer] = of.gh.comments(of.repo, 1)
        assert answer["html_url"] == receipt.url
        assert "dismiss" in answer["body"]


async def test_a_command_that_is_not_allowed_changes_nothing(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1")))
        said = of.gh.comment(of.repo, 1, "/quorate dismiss f1", by="stranger")
        answers = {"github": {"command": "dismiss", "allowed": False, "reason": "no"}}

        await told(of, await of.command("dismiss", "No.", said["id"], finding="f1", answers=answers))

        assert not of.threads()["f1"]["isResolved"]
        assert [each["content"] for each in of.gh.reactions(of.repo, 1)] == ["confused"]


async def test_an_answer_is_given_once_although_its_confirmation_is_lost(ground: Ground) -> None:
    async with ground.desk() as of:
        said = of.gh.comment(of.repo, 1, "/quorate help", by="author")
        result = await of.command("help", "Help.", said["id"])
        of.gh.fault("commit-then-500", method="POST", path="/issues/1/comments$")

        with pytest.raises(Ambiguous):
            await of.tell(result)
        await told(of, result)

        assert len(of.gh.comments(of.repo, 1)) == 2


# What concerns the writer


@pytest.mark.parametrize(
    ("changed", "concerns"),
    [
        ({}, True),
        ({"state": "failed"}, True),
        ({"state": "rejected"}, True),
        ({"state": "canceled"}, False),
        ({"kind": "incident"}, False),
        ({"kind": "review-command"}, True),
        ({"series": None}, False),
        ({"series": "branch main"}, False),
    ],
)
async def test_results_of_pull_requests_concern_the_writer(
    ground: Ground, changed: dict[str, Any], concerns: bool
) -> None:
    async with ground.desk() as of:
        writer = github_writer(of.settings, {"GITHUB_TOKEN": "x"}, of.bus, Blobs(of.bus))
        assert writer is not None
        result = (await of.result()).model_copy(update=changed)

        write = writer.write_of(result)

        assert (write is not None) is concerns
        await writer.close()


async def test_there_is_no_writer_without_credentials_or_against_the_settings(ground: Ground) -> None:
    async with ground.desk() as of:
        silent = Settings.model_validate({"github": {"write": False}})

        assert github_writer(Settings(), {}, of.bus, Blobs(of.bus)) is None
        assert github_writer(silent, {"GITHUB_TOKEN": "x"}, of.bus, Blobs(of.bus)) is None


async def test_a_missing_pull_request_is_no_reason_to_try_again(ground: Ground) -> None:
    async with ground.desk() as of:
        result = (await of.result()).model_copy(update={"series": f"github:{of.repo}#99"})

        with pytest.raises(Refused):
            await of.tell(result)


async def test_marks_are_made_with_one_key_for_all(ground: Ground) -> None:
    async with ground.desk() as of:
        key = await marker_key(of.bus)

        assert key == await marker_key(of.bus)
        assert len(key) == 32
        result = await of.result()
        await told(of, result)
        mark = markers.review(key, of.series, result.task_id)
        assert markers.ends_with(of.reviews()[0]["body"], mark)
