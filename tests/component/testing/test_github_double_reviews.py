"""The rules of reviews: what is refused, who sees what, and where comments are after a push."""

from typing import Any

import httpx2
import pytest

from quorate.testing.github import Limits
from tests.component.testing.github_double import NEW, PULL, REPO, REVIEWS, client, opened


def at(line: int, **more: Any) -> dict[str, Any]:
    return {"path": "app.py", "line": line, "body": "Why?", **more}


async def refusal(http: httpx2.AsyncClient, **body: Any) -> Any:
    answer = await http.post(REVIEWS, json=body)
    assert answer.status_code == 422, answer.text
    return answer.json().get("errors") or answer.json()["message"]


@pytest.mark.parametrize(
    "comment",
    [
        at(10), at(11), at(8), at(31, side="RIGHT"), at(10, side="LEFT"), at(9, side="LEFT"), at(30, side="LEFT"),
        at(11, start_line=10), at(11, start_line=10, start_side="LEFT"), {"path": "app.py", "position": 5, "body": "x"},
    ],
)  # fmt: skip
async def test_a_comment_stands_on_a_line_that_the_diff_shows(comment: dict[str, Any]) -> None:
    async with opened() as (_, http):
        created = await http.post(REVIEWS, json={"comments": [comment], "event": "COMMENT"})
        assert created.status_code == 200, created.text
        (told,) = (await http.get(f"{PULL}/comments")).json()
        assert told["line"] == comment.get("line", 10)
        assert told["diff_hunk"].startswith("@@ -")
        assert told["pull_request_review_id"] == created.json()["id"]


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        (at(1), "Line could not be resolved"),
        (at(20), "Line could not be resolved"),
        (at(45), "Line could not be resolved"),
        (at(33, side="LEFT", start_line=7), "Start line must be part of the same hunk as the line."),
        (at(10, start_line=11), "Start line must precede the end line."),
        (at(10, start_line=10), "Start line must precede the end line."),
        (at(10, start_line=2), "Start line could not be resolved"),
        (at(10, path="other.py"), "Path could not be resolved"),
        (at(10, body=" "), "Pull request review comment body can't be blank"),
        ({"path": "app.py", "body": "x"}, "Line could not be resolved"),
    ],
)
async def test_one_bad_comment_refuses_the_whole_review_and_is_not_named(comment: dict[str, Any], said: str) -> None:
    async with opened() as (gh, http):
        assert await refusal(http, body="All of it.", comments=[at(11), comment]) == [said]
        assert gh.reviews(REPO, 1) == []
        assert gh.threads(REPO, 1) == []


async def test_a_pending_review_is_its_authors_alone() -> None:
    async with opened() as (gh, http), client(gh, gh.token("author")) as author:
        review = (await http.post(REVIEWS, json={"body": "Soon.", "comments": [at(10)]})).json()
        assert review["state"] == "PENDING"
        assert "submitted_at" not in review
        assert [r["id"] for r in (await http.get(REVIEWS)).json()] == [review["id"]]
        assert len((await http.get(f"{REVIEWS}/{review['id']}/comments")).json()) == 1
        assert (await http.get(f"{PULL}/comments")).json() == []
        assert (await author.get(REVIEWS)).json() == []
        assert (await author.get(f"{REVIEWS}/{review['id']}")).status_code == 404
        sent = await http.post(f"{REVIEWS}/{review['id']}/events", json={"event": "COMMENT"})
        assert (sent.status_code, sent.json()["state"], sent.json()["body"]) == (200, "COMMENTED", "Soon.")
        assert len((await author.get(f"{PULL}/comments")).json()) == 1


async def test_a_user_has_one_pending_review_at_most() -> None:
    async with opened() as (gh, http), client(gh, gh.token("author")) as author:
        one = (await http.post(REVIEWS, json={"body": "First."})).json()
        said = ["User can only have one pending review per pull request"]
        assert await refusal(http, body="Second.") == said
        assert await refusal(http, body="Second.", event="COMMENT") == said
        assert (await author.post(REVIEWS, json={"body": "Mine."})).status_code == 200
        assert (await http.delete(f"{REVIEWS}/{one['id']}")).json()["body"] == "First."
        assert (await http.get(f"{REVIEWS}/{one['id']}")).status_code == 404
        assert (await http.post(REVIEWS, json={"body": "Second.", "event": "COMMENT"})).status_code == 200


async def test_what_is_submitted_can_be_edited_and_neither_deleted_nor_submitted_again() -> None:
    async with opened() as (gh, http), client(gh, gh.token("author")) as author:
        review = (await http.post(REVIEWS, json={"body": "No.", "event": "REQUEST_CHANGES"})).json()
        path = f"{REVIEWS}/{review['id']}"
        assert (await http.post(f"{path}/events", json={"event": "COMMENT"})).status_code == 422
        assert (await http.delete(path)).status_code == 422
        assert (await author.put(path, json={"body": "Yes!"})).status_code == 403
        assert (await http.put(path, json={"body": "Not yet."})).json()["body"] == "Not yet."
        dismissed = await http.put(f"{path}/dismissals", json={"message": "Done."})
        assert dismissed.json()["state"] == "DISMISSED"
        assert (await http.put(f"{path}/dismissals", json={"message": "Done."})).status_code == 422


async def test_bodies_events_and_commits_are_judged() -> None:
    async with opened(Limits(comments_per_review=2)) as (gh, http), client(gh, gh.token("author")) as author:
        assert await refusal(author, event="APPROVE") == ["Can not approve your own pull request"]
        said = ["Can not request changes on your own pull request"]
        assert await refusal(author, body="x", event="REQUEST_CHANGES") == said
        assert (await author.post(REVIEWS, json={"body": "x", "event": "COMMENT"})).status_code == 200
        assert await refusal(http, event="COMMENT") == ["Review body can't be blank"]
        assert "too long" in (await refusal(http, body="x" * 65_537))[0]
        assert await refusal(http, body="x", commit_id="0" * 40) == ["commitOID is not part of the pull request"]
        base = gh.pull(REPO, 1)["base"]["sha"]
        assert await refusal(http, body="x", commit_id=base) == ["commitOID is not part of the pull request"]
        assert "not a possible value" in await refusal(http, body="x", event="SHRUG")
        assert len(await refusal(http, comments=[at(10)] * 3)) == 1
        assert (await http.post(REVIEWS, json={"event": "APPROVE"})).json()["state"] == "APPROVED"
        assert (await http.post(REVIEWS, json={"body": "x" * 65_536, "event": "COMMENT"})).status_code == 200


async def test_comments_move_with_their_lines_and_are_outdated_when_these_change() -> None:
    async with opened() as (gh, http):
        comments = [at(10, start_line=9), at(31), at(30, side="LEFT")]
        await http.post(REVIEWS, json={"comments": comments, "event": "COMMENT"})
        first = gh.pull(REPO, 1)["head"]["sha"]
        gh.push(REPO, 1, {"app.py": "new\n" + NEW.replace("line thirty\n", "line 30!\n")})
        moved, changed, left = (await http.get(f"{PULL}/comments")).json()
        assert (moved["line"], moved["start_line"], moved["original_line"]) == (11, 10, 10)
        assert moved["commit_id"] == gh.pull(REPO, 1)["head"]["sha"]
        assert (changed["line"], changed["original_line"], changed["commit_id"]) == (None, 31, first)
        assert left["line"] == 30
        assert [thread["isOutdated"] for thread in gh.threads(REPO, 1)] == [False, True, False]
        assert (await http.post(REVIEWS, json={"body": "x", "commit_id": first})).status_code == 200


async def test_a_review_of_an_older_commit_stands_on_the_lines_of_that_commit() -> None:
    async with opened() as (gh, http):
        first = gh.pull(REPO, 1)["head"]["sha"]
        gh.push(REPO, 1, {"app.py": "new\n" + NEW.replace("line thirty\n", "line 30!\n")})
        comments = [at(10), at(31)]
        review = (await http.post(REVIEWS, json={"commit_id": first, "comments": comments, "event": "COMMENT"})).json()
        assert review["commit_id"] == first
        moved, changed = (await http.get(f"{PULL}/comments")).json()
        assert (moved["line"], moved["original_line"], moved["original_commit_id"]) == (11, 10, first)
        assert (changed["line"], changed["original_line"], changed["commit_id"]) == (None, 31, first)


async def test_replies_stay_in_their_thread_and_wait_for_a_pending_review() -> None:
    async with opened() as (gh, http):
        await http.post(REVIEWS, json={"comments": [at(10)], "event": "COMMENT"})
        (root,) = (await http.get(f"{PULL}/comments")).json()
        by_author = gh.reply(REPO, 1, root["id"], "Because.", by="author")
        reply = (await http.post(f"{PULL}/comments/{root['id']}/replies", json={"body": "I see."})).json()
        assert reply["in_reply_to_id"] == by_author["in_reply_to_id"] == root["id"]
        (thread,) = gh.threads(REPO, 1)
        assert [comment["body"] for comment in thread["comments"]] == ["Why?", "Because.", "I see."]
        path = f"/repos/{REPO}/pulls/comments/{root['id']}"
        assert (await http.post(f"{path}/reactions", json={"content": "+1"})).status_code == 201
        assert (await http.get(path)).json()["reactions"]["+1"] == 1
        assert gh.reactions(REPO, 1)[0]["on"] == root["node_id"]
        await http.post(REVIEWS, json={"body": "Pending."})
        refused = await http.post(f"{PULL}/comments/{root['id']}/replies", json={"body": "More."})
        assert refused.json()["errors"][0]["field"] == "user_id"
        assert (await http.post(f"{PULL}/comments/7/replies", json={"body": "x"})).status_code == 404


async def test_comments_of_the_pull_request_are_written_edited_deleted_and_reacted_to() -> None:
    async with opened() as (gh, http), client(gh, gh.token("passer-by")) as other:
        asked = gh.comment(REPO, 1, "/quorate review", by="author")
        path = f"/repos/{REPO}/issues/comments/{asked['id']}"
        assert (await http.post(f"{path}/reactions", json={"content": "eyes"})).status_code == 201
        assert (await http.post(f"{path}/reactions", json={"content": "eyes"})).status_code == 200
        assert (await http.post(f"{path}/reactions", json={"content": "fish"})).status_code == 422
        (reaction,) = gh.reactions(REPO, 1)
        assert (reaction["content"], reaction["on"]) == ("eyes", asked["node_id"])
        made = (await http.post(f"/repos/{REPO}/issues/1/comments", json={"body": "Mine."})).json()
        mine = f"/repos/{REPO}/issues/comments/{made['id']}"
        assert (await other.patch(mine, json={"body": "Ours."})).status_code == 403
        assert (await http.patch(mine, json={"body": "Still mine."})).json()["body"] == "Still mine."
        assert [c["body"] for c in (await http.get(f"/repos/{REPO}/issues/1/comments")).json()][1] == "Still mine."
        assert (await http.delete(mine)).status_code == 204
        assert (await http.get(mine)).status_code == 404
        assert len(gh.comments(REPO, 1)) == 1
