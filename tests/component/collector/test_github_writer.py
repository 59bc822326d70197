"""Results on GitHub: what is posted when, whatever GitHub answers."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from quorate.blobs import Blobs
from quorate.contract.ids import series_key
from quorate.contract.ledger import Receipt
from quorate.contract.task import PullRequest
from quorate.errors import Retryable
from quorate.github import Ambiguous, Clock, GitHub, GitHubBusy, Refused, Unauthorized
from quorate.settings import Settings
from quorate.testing.github import Limits
from quorate.testing.github_access import PERMISSIONS
from quorate_collector.adapters import github_place
from quorate_collector.adapters.github_key import SUBJECT, marker_key
from quorate_collector.adapters.github_writer import GitHubWriter, github_writer
from quorate_collector.adapters.ledger import Ledger, Overtaken
from quorate_collector.domain import markers
from quorate_collector.domain.notes import Notes
from quorate_collector.ports import Later
from quorate_collector.writing import until_next
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


def passing(request: httpx2.Request) -> None:
    """GitHub answers by itself."""


def answer(status: int, body: Any = None) -> httpx2.Response:
    return httpx2.Response(status, json={"message": "no"} if body is None else body)


async def notes_of(of: Desk) -> Notes:
    key = series_key(of.settings.tenant, of.series)
    return Notes.model_validate((await Ledger(of.bus, "github").read(key))[0].notes)


async def give_up(of: Desk, result: Any) -> None:
    """As it is done after all attempts."""
    await Ledger(of.bus, "github").settle(series_key(of.settings.tenant, of.series), result.task_id, "given up")


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


async def test_what_was_gone_at_a_review_that_was_not_posted_is_settled_by_the_next(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), finding("f2", 3), **BLOCKED))
        of.push()
        unposted = await of.result(finding("f2", 3), resolved=[gone("f1")])
        of.push()
        assert "superseded" in (await told(of, unposted)).note

        await told(of, await of.result(finding("f2", 3)))

        assert states(of) == ["DISMISSED", "COMMENTED"]
        assert of.threads()["f1"]["isResolved"]
        assert not of.threads()["f2"]["isResolved"]
        assert "1 fixed" in of.reviews()[1]["body"]


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


async def test_a_copy_that_lags_behind_the_submission_makes_no_second_review(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"), finding("f2", 99))
        of.line.rule = lambda r: answer(404) if r.method == "GET" and r.url.path.endswith("/comments") else None
        with pytest.raises(Later) as later:
            await of.tell(result)
        assert later.value.retry_after_s == 5
        assert [posted.unread for posted in (await notes_of(of)).reviews] == [True]

        of.line.rule = passing
        assert (await told(of, result)).url == of.reviews()[0]["html_url"]

        notes = await notes_of(of)
        assert [posted.unread for posted in notes.reviews] == [False]
        assert {issue: each.comment for issue, each in notes.told.items()} == {
            "f1": of.threads()["f1"]["comments"][0]["id"],
            "f2": None,
        }
        assert len(of.reviews()) == 1


async def test_a_review_whose_comments_were_never_read_is_not_posted_again_by_the_next(ground: Ground) -> None:
    async with ground.desk() as of:
        result = await of.result(finding("f1"))
        of.line.rule = lambda r: answer(404) if r.method == "GET" and r.url.path.endswith("/comments") else None
        with pytest.raises(Later):
            await of.tell(result)
        await give_up(of, result)
        of.push()

        receipt = await told(of, await of.result(finding("f1", standing="known")))

        assert "comments of an earlier review" in receipt.note
        assert len(of.reviews()) == 1


REFUSED: dict[str, Any] = {"data": {"repository": None}, "errors": [{"type": "FORBIDDEN", "message": "not accessible"}]}


def threads_answer(**threads: Any) -> dict[str, Any]:
    page = {"pageInfo": {"hasNextPage": False, "endCursor": None}} | threads
    return {"data": {"repository": {"pullRequest": {"reviewThreads": page}}}}


@pytest.mark.parametrize(
    ("body", "remark"),
    [
        (REFUSED, "threads could not be read: GitHub refused"),
        ({"data": {"repository": None}}, "another shape"),
        ({"data": {"repository": {"pullRequest": None}}}, "another shape"),
        ({"data": None}, "another shape"),
        (threads_answer(nodes=7), "another shape"),
        (threads_answer(nodes=[None, {"id": "x", "isResolved": False, "comments": {"nodes": [None]}}]), ""),
    ],
)
async def test_threads_that_cannot_be_read_are_no_failure(ground: Ground, body: dict[str, Any], remark: str) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))
        await of.forget()
        of.line.rule = lambda r: answer(200, body) if r.url.path.endswith("/graphql") else None
        of.push()

        receipt = await told(of, await of.result(resolved=[gone("f1")], verdict="approve"))

        assert receipt.state == "done"
        assert (remark in receipt.note) if remark else not receipt.note
        assert [run["conclusion"] for run in of.gh.check_runs(of.repo) if run["head_sha"] == of.head] == ["success"]
        # Nor is there a review with each push because of it.
        of.push()
        await told(of, await of.result(verdict="approve"))
        assert len(of.reviews()) == 2


async def test_the_check_comes_before_the_threads(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1")))
        of.push()
        of.gh.fault("500", method="POST", path="/graphql$", count=3)

        with pytest.raises(GitHubBusy):
            await of.tell(await of.result(resolved=[gone("f1")]))

        assert [run["head_sha"] for run in of.gh.check_runs(of.repo)].count(of.head) == 1


@pytest.mark.parametrize("status", [403, 409])
async def test_a_dismissal_that_is_refused_is_tried_again_by_the_next_review(ground: Ground, status: int) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))
        of.push()
        of.line.rule = lambda r: answer(status) if r.url.path.endswith("/dismissals") else None
        refused = await told(of, await of.result(resolved=[gone("f1")], verdict="approve"))
        assert "could not be dismissed" in refused.note
        assert states(of)[0] == "CHANGES_REQUESTED"

        of.line.rule = passing
        of.push()
        await told(of, await of.result(verdict="approve"))

        assert states(of)[0] == "DISMISSED"


@pytest.mark.parametrize("status", [404, 422])
async def test_a_review_that_is_gone_is_not_dismissed_again(ground: Ground, status: int) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))
        asked = 0

        def refuse(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal asked
            if not request.url.path.endswith("/dismissals"):
                return None
            asked += 1
            return answer(status)

        of.line.rule = refuse
        for resolved in ([gone("f1")], []):
            of.push()
            await told(of, await of.result(resolved=resolved, verdict="approve"))

        assert asked == 1


@pytest.mark.parametrize("state", ["failed", "completed"])
async def test_who_is_overtaken_while_waiting_for_a_turn_at_github_sends_nothing(ground: Ground, state: str) -> None:
    async with ground.desk(checks=False, write_interval_s=4.0) as of:
        found = [] if state == "failed" else [finding("f1")]
        verdict = None if state == "failed" else "comment"
        result = await of.result(*found, state=state, verdict=verdict, reason="no agent answered")
        waiting, go = asyncio.Event(), asyncio.Event()

        async def sleep(_: float) -> None:
            waiting.set()
            await go.wait()

        slow = GitHub(of.settings.github, of.credentials, transport=of.line, clock=Clock(sleep=sleep))
        at_once = of.settings.github.model_copy(update={"write_interval_s": 0.0})
        other = GitHub(at_once, of.credentials, transport=of.line, clock=Clock(sleep=pause))
        with pytest.raises(Refused):
            # A write of this process just before, so that the next one has to wait for its turn.
            await slow.write("POST", f"/repos/{of.repo}/issues/99/comments", {"body": "x"}, repo=of.repo)

        async def write(github: GitHub) -> Receipt:
            writer = GitHubWriter(of.settings, github, of.bus, Blobs(of.bus))
            what = writer.write_of(result)
            assert what is not None
            claim = await Ledger(of.bus, "github").claim(what.key, result.task_id, what.digest)
            assert claim is not None
            receipt = await writer.write(result, claim)
            await claim.finish(receipt)
            return receipt

        first = asyncio.create_task(write(slow))
        await asyncio.wait_for(waiting.wait(), 5)
        assert (await write(other)).state == "done"
        go.set()
        with pytest.raises(Overtaken):
            await first

        assert len(of.gh.comments(of.repo, 1)) + len(of.gh.reviews(of.repo, 1)) == 1
        path = "/issues/1/comments" if state == "failed" else "/reviews"
        assert of.requests("POST", path) == (1 if state == "failed" else 2)


async def pause(_: float) -> None:
    return


async def test_a_token_that_is_not_taken_is_waited_for(ground: Ground) -> None:
    async with ground.desk() as of:
        of.credentials = token_of(of.gh, of.owner)
        result = await of.result(finding("f1"))
        of.line.rule = lambda r: answer(401) if r.method == "POST" else None
        with pytest.raises(Unauthorized) as refused:
            await of.tell(result)
        assert until_next(refused.value, 1, 0.0) == refused.value.retry_after_s

        of.line.rule = passing
        await told(of, result)

        assert states(of) == ["COMMENTED"]


async def test_what_is_undismissed_blocks_again(ground: Ground) -> None:
    async with ground.desk() as of:
        await told(of, await of.result(finding("f1", **HIGH), **BLOCKED))
        for command, blockers in (("dismiss", 0), ("undismiss", 1)):
            said = of.gh.comment(of.repo, 1, f"/quorate {command} f1", by="author")
            done = {"blockers": blockers}
            await told(of, await of.command(command, f"f1: {command}", said["id"], finding="f1", done=done))
        assert states(of) == ["DISMISSED"]
        of.push()

        for _ in range(2):
            await told(of, await of.result(finding("f1", standing="known", **HIGH), **BLOCKED))

        assert states(of) == ["DISMISSED", "CHANGES_REQUESTED"]
        assert len(of.gh.threads(of.repo, 1)) == 1, "told again, and not on its line a second time"


async def test_what_was_written_below_a_very_long_list_is_found_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_place, "MAX_LISTED", 4)
    monkeypatch.setattr(github_place, "PER_PAGE", 2)
    async with ground.desk() as of:
        for n in range(21):
            of.gh.comment(of.repo, 1, f"chat {n}", by="author")
        result = await of.result(state="failed", verdict=None, reason="no agent answered")
        of.gh.fault("commit-then-500", method="POST", path="/issues/1/comments$")
        with pytest.raises(Ambiguous):
            await of.tell(result)

        await told(of, result)

        assert sum("no agent answered" in each["body"] for each in of.gh.comments(of.repo, 1)) == 1


@pytest.mark.parametrize("length", [0, 3, 4, 5, 8, 9, 16, 17, 40])
async def test_the_newest_of_a_list_are_at_its_end(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(github_place, "MAX_LISTED", 4)
    monkeypatch.setattr(github_place, "PER_PAGE", 2)
    async with ground.desk() as of:
        ids = [of.gh.comment(of.repo, 1, f"chat {n}", by="author")["id"] for n in range(length)]
        claim = await Ledger(of.bus, "github").claim(f"newest{length}", "t1", "d")
        assert claim is not None
        pull = PullRequest(repo=of.repo, number=1)
        place = github_place.Place(of.github(), claim, pull, series=of.series, task="t1", key=b"", login="quorate")

        found = [each["id"] for each in await place.newest(place.issue_path("/comments"))]

        assert found == ids[-len(found) :] if found else not ids
        assert min(length, 3) <= len(found) <= 4


async def test_a_key_that_was_deleted_is_made_anew(ground: Ground) -> None:
    async with ground.desk() as of:
        first = await marker_key(of.bus)
        await of.bus.publish(SUBJECT, b"", headers={"KV-Operation": "DEL"})

        made = await asyncio.gather(*(marker_key(of.bus) for _ in range(4)))

        assert len(set(made)) == 1
        assert len(made[0]) == 32
        assert made[0] != first


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
