"""A pull request becomes the input of a review, whichever way GitHub lets it be read."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from quorate.errors import Rejected
from quorate.github import AppCredentials, Clock, GitHub, GitHubBusy, Refused, TokenCredentials
from quorate.review import Review
from quorate.settings import GitHubSettings
from quorate.testing.github import GitHubDouble, Limits
from quorate_gateway.adapters import pull_requests as module
from quorate_gateway.adapters.clone import Caps, Cloned, CloneFailed, CloneRefused, Remote
from quorate_gateway.adapters.pull_requests import PullRequests
from quorate_gateway.domain.source import Fetched, Skipped

REPO = "octo/app"
LONG = "".join(f"line {number}\n" for number in range(60))
BASE: dict[str, Any] = {
    "kept.py": "kept\n",
    "changed.py": LONG,
    "old name.py": LONG.replace("line", "moved"),
    "gone.py": "gone\n",
    "image.png": b"\0one",
    "tool": "tool\n",
}
HEAD: dict[str, Any] = {
    "changed.py": LONG.replace("line 7\n", "seven\n"),
    "old name.py": None,
    "new name.py": LONG.replace("line", "moved") + "more\n",
    "gone.py": None,
    "added ä.py": "added",
    "image.png": b"\0two",
    "link": {"symlink": "kept.py"},
    "tool": {"program": "tool\n"},
}


async def at_once(_seconds: float) -> None:
    """No wait between the tries of a read."""


class Desk:
    """A double with one pull request, and what is read from it. ``told`` is the progress."""

    def __init__(self, double: GitHubDouble, folder: Path) -> None:
        self.double = double
        self.told: list[str] = []
        self.folder = folder
        self._clients: list[GitHub] = []

    def open(self, head: Mapping[str, Any] = HEAD, base: Mapping[str, Any] = BASE, **more: Any) -> str:
        self.double.create_repository(REPO, dict(base))
        sha: str = self.double.open_pull(REPO, dict(head), **more)["head"]["sha"]
        return sha

    def source(self, caps: Caps | None = None, **settings: Any) -> PullRequests:
        given = GitHubSettings(
            api_url=self.double.url, git_url=self.double.git_url, write_interval_s=0, request_timeout_s=5, **settings
        )
        github = GitHub(given, TokenCredentials(self.double.token("reader")), clock=Clock(sleep=at_once))
        self._clients.append(github)
        return PullRequests(github, given, caps)

    async def fetch(self, head: str | None = None, caps: Caps | None = None, **settings: Any) -> Fetched | Skipped:
        return await self.source(caps, **settings).fetch(REPO, 1, head, self.tell)

    async def read(self, head: str | None = None, caps: Caps | None = None, **settings: Any) -> Fetched:
        found = await self.fetch(head, caps, **settings)
        assert isinstance(found, Fetched), found
        return found

    async def tell(self, text: str) -> None:
        self.told.append(text)

    def asked(self, part: str) -> list[dict[str, Any]]:
        return [entry for entry in self.double.journal() if part in entry["path"]]

    async def close(self) -> None:
        for github in self._clients:
            await github.close()


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def desk(tmp_path: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    with GitHubDouble(limits) as double:
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        made = Desk(double, folder)
        yield made
        await made.close()


def is_all_there(found: Fetched, head: str) -> None:
    """The whole of HEAD over BASE, as a review sees it."""
    review = Review(found.review.model_dump(exclude_none=True))
    assert {change.path: change.status for change in review.changes} == {
        "changed.py": "modified",
        "new name.py": "renamed",
        "gone.py": "deleted",
        "added ä.py": "added",
        "image.png": "modified",
        "link": "added",
        "tool": "mode",
    }
    assert review.text("changed.py") == HEAD["changed.py"]
    assert review.before("changed.py") == LONG
    assert review.text("new name.py") == HEAD["new name.py"]
    assert review.text("added ä.py") == "added"
    assert review.text("tool") == "tool\n"
    assert review.unreadable == {"image.png": "binary file", "link": "symbolic link"}
    assert found.review.repo == REPO
    assert found.review.head_sha == head
    assert found.unread == ()


WAYS = {
    "one piece": (Limits(), {"clone": "never"}, ".diff"),
    "list": (Limits(diff_files=3), {"clone": "never"}, "/files"),
    "clone": (Limits(), {"clone": "always"}, None),
}


@pytest.mark.parametrize(
    ("limits", "settings", "way"),
    [pytest.param(limits, given, way, id=name) for name, (limits, given, way) in WAYS.items()],
)
async def test_every_way_gives_all_of_it(desk: Desk, settings: dict[str, Any], way: str | None) -> None:
    head = desk.open(title="A title", body="A text")

    found = await desk.read(head, **settings)

    is_all_there(found, head)
    assert (found.review.title, found.review.description) == ("A title", "A text")
    assert bool(desk.asked("/files")) == (way == "/files")
    assert ("fetching the change by git" in desk.told) == (way is None)
    assert list(desk.folder.iterdir()) == []


async def test_a_repository_that_the_settings_leave_out_is_not_asked_for(desk: Desk) -> None:
    desk.open()
    with pytest.raises(Rejected, match="not among the repositories"):
        await desk.fetch(repositories=("elsewhere/*",))
    assert desk.asked("/repos") == []


async def test_the_change_is_that_since_the_merge_base(desk: Desk) -> None:
    head = desk.open()
    base = desk.double.pull(REPO, 1)["base"]["sha"]
    desk.double.push_branch(REPO, {"kept.py": "elsewhere\n"})

    found = await desk.read(head)

    is_all_there(found, head)
    assert found.review.base_sha == base


@pytest.mark.parametrize("limits", [Limits(diff_files=3, patch_bytes=160)])
async def test_where_the_list_leaves_out_lines_git_fetches_them(desk: Desk) -> None:
    head = desk.open()

    found = await desk.read(head)

    is_all_there(found, head)
    assert "fetching the change by git" in desk.told


@pytest.mark.parametrize("limits", [Limits(diff_files=3, patch_bytes=160)])
async def test_without_a_clone_the_lines_are_made_of_both_contents(desk: Desk) -> None:
    head = desk.open()

    found = await desk.read(head, clone="never")

    is_all_there(found, head)


@pytest.mark.parametrize("limits", [Limits(diff_files=3, patch_bytes=160)])
async def test_a_file_whose_lines_cannot_be_had_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LACKING", 0)
    head = desk.open()

    found = await desk.read(head, clone="never")

    review = Review(found.review.model_dump(exclude_none=True))
    assert {"changed.py", "new name.py"} <= set(review.paths)
    assert review.added("changed.py") == {}
    assert any(text.startswith("changed.py: GitHub leaves its lines out") for text in found.unread)


@pytest.mark.parametrize("limits", [Limits(diff_files=1, listed_files=3)])
async def test_beyond_the_list_git_fetches_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    head = desk.open()

    is_all_there(await desk.read(head), head)
    assert not desk.asked("/files")


@pytest.mark.parametrize("limits", [Limits(diff_files=1, listed_files=3)])
async def test_without_a_clone_files_beyond_the_list_are_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    head = desk.open()

    found = await desk.read(head, clone="never")

    assert found.unread[-1].startswith("4 more files: GitHub lists 3 files")
    assert len(Review(found.review.model_dump(exclude_none=True)).changes) == 3


@pytest.mark.parametrize("limits", [Limits(diff_files=3, patch_bytes=160)])
async def test_a_clone_that_is_too_large_leaves_the_other_ways(desk: Desk) -> None:
    head = desk.open()

    found = await desk.read(head, Caps(fetched_bytes=10))

    is_all_there(found, head)
    assert any("more than 10 bytes" in text for text in desk.told)


async def test_a_clone_that_must_be_and_fails_says_whether_to_try_again(desk: Desk) -> None:
    head = desk.open()

    with pytest.raises(CloneRefused):
        await desk.fetch(head, Caps(fetched_bytes=10), clone="always")
    with pytest.raises(CloneFailed):
        await desk.fetch(head, Caps(seconds=0.001), clone="always")


# Contents


async def test_no_more_files_are_read_whole_than_is_set(desk: Desk) -> None:
    head = desk.open()

    found = await desk.read(head, clone="never", max_files=1)

    assert list(found.review.files) == ["changed.py"]
    assert {text.partition(":")[0] for text in found.unread} == {"new name.py", "tool"}
    assert len(desk.asked("/contents/")) == 1


async def test_a_file_that_is_too_large_is_reviewed_by_its_diff(desk: Desk) -> None:
    large = "line\n" * 300_000
    head = desk.open({"large.txt": large + "more\n", "small.txt": "two\n"}, {"large.txt": large, "small.txt": "one\n"})

    found = await desk.read(head, clone="never")

    assert list(found.review.files) == ["small.txt"]
    assert found.unread == ("large.txt: not read whole: its answer is larger than 1,048,576 bytes",)
    assert Review(found.review.model_dump(exclude_none=True)).added("large.txt") == {300_001: "more"}


async def test_all_contents_together_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXTS", 1_000)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    names = [f"f{number}.txt" for number in range(5)]
    head = desk.open(dict.fromkeys(names, "b" * 600 + "\n"), dict.fromkeys(names, "a" * 600 + "\n"))

    found = await desk.read(head, clone="never")

    assert len(found.review.files) == 1
    assert len(found.unread) == 4


async def test_a_server_that_fails_meanwhile_is_an_error_for_later(desk: Desk) -> None:
    head = desk.open()
    desk.double.fault("500", path="/contents/changed.py", count=None)

    with pytest.raises(GitHubBusy):
        await desk.fetch(head)
    assert len(desk.asked("/contents/changed.py")) == 3


# What is skipped, and what is refused


async def test_a_head_that_moved_on_is_skipped(desk: Desk) -> None:
    old = desk.open()
    new = desk.double.push(REPO, 1, {"more.py": "more\n"})["head"]["sha"]

    assert await desk.fetch(old) == Skipped(f"superseded by {new}")


@pytest.mark.parametrize("merged", [True, False])
async def test_a_closed_one_is_skipped(desk: Desk, merged: bool) -> None:
    head = desk.open()
    desk.double.close(REPO, 1, merged=merged)

    assert await desk.fetch(head) == Skipped(f"the pull request is {'merged' if merged else 'closed'}")


@pytest.mark.parametrize("clone", ["auto", "always"])
async def test_one_that_changes_nothing_is_skipped(desk: Desk, clone: str) -> None:
    head = desk.open({})

    assert await desk.fetch(head, clone=clone) == Skipped("nothing changed")


async def test_a_push_while_it_is_read_makes_it_superseded(desk: Desk) -> None:
    head = desk.open()

    async def push(_text: str) -> None:
        if len(desk.double.pull(REPO, 1)["title"]) and not pushed:
            pushed.append(desk.double.push(REPO, 1, {"more.py": "more\n"})["head"]["sha"])

    pushed: list[str] = []
    found = await desk.source().fetch(REPO, 1, head, push)

    assert found == Skipped(f"superseded by {pushed[0]}")


async def test_where_any_head_will_do_a_push_has_it_read_again(desk: Desk) -> None:
    desk.open()
    pushed: list[str] = []

    async def push(_text: str) -> None:
        if not pushed:
            pushed.append(desk.double.push(REPO, 1, {"more.py": "more\n"})["head"]["sha"])

    found = await desk.source().fetch(REPO, 1, None, push)

    assert isinstance(found, Fetched)
    assert found.review.head_sha == pushed[0]
    assert "more.py" in (found.review.diff or "")


async def test_one_that_is_not_there_is_refused(desk: Desk) -> None:
    desk.double.create_repository(REPO)

    with pytest.raises(Refused) as raised:
        await desk.fetch()

    assert raised.value.status == 404


@pytest.mark.parametrize("repo", ["../..", "octo/..", "./app", "octo", "octo/app/x", "octo/a b"])
async def test_a_name_that_leads_elsewhere_is_rejected_and_nothing_is_asked(desk: Desk, repo: str) -> None:
    with pytest.raises(Rejected, match="is not the name of a repository"):
        await desk.source().fetch(repo, 1, None, desk.tell)

    assert desk.asked("") == []


async def test_names_that_are_not_safe_are_left_out_and_told(desk: Desk) -> None:
    head = desk.open({"good.py": "x\n", "a\\..\\..\\evil.py": "x\n"}, {"kept.py": ""})

    found = await desk.read(head)

    assert [change.path for change in Review(found.review.model_dump(exclude_none=True)).changes] == ["good.py"]
    assert len(found.unread) == 1
    assert "leaves the repository" in found.unread[0]


async def test_a_fork_is_read_as_any_other(desk: Desk) -> None:
    head = desk.open(fork="stranger")

    is_all_there(await desk.read(head), head)


async def test_an_app_reads_with_a_token_of_the_repository_alone(desk: Desk) -> None:
    head = desk.open()
    app = desk.double.app()
    settings = GitHubSettings(api_url=desk.double.url, git_url=desk.double.git_url, write_interval_s=0)
    github = GitHub(settings, AppCredentials(app["id"], app["private_key"]))

    found = await PullRequests(github, settings).fetch(REPO, 1, head, desk.tell)
    login = await github.login(REPO)
    desk.double.create_repository("octo/other", private=True)
    with pytest.raises(Refused):
        await github.get("/repos/octo/other/contents/README.md", repo=REPO)
    await github.close()

    assert isinstance(found, Fetched)
    is_all_there(found, head)
    assert login == app["login"]
    assert len(desk.asked("/access_tokens")) == 1


async def test_the_token_of_an_installation_says_whose_it_is(desk: Desk) -> None:
    desk.open()
    app = desk.double.app()
    settings = GitHubSettings(api_url=desk.double.url, write_interval_s=0)
    tokens = {
        app["login"]: desk.double.installation_token("octo"),
        "github-actions[bot]": desk.double.actions_token(REPO),
    }
    for login, token in tokens.items():
        github = GitHub(settings, TokenCredentials(token))
        assert await github.login(REPO) == login
        await github.close()


async def test_git_asks_the_server_whose_token_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Remote] = []

    async def refuse(remote: Remote, *_: Any) -> Cloned:
        asked.append(remote)
        raise CloneFailed("not now")

    monkeypatch.setattr(module, "clone", refuse)
    head = desk.open()
    settings = GitHubSettings(api_url=desk.double.url, clone="always", write_interval_s=0)
    github = GitHub(settings, TokenCredentials(desk.double.token("someone")))

    with pytest.raises(CloneFailed):
        await PullRequests(github, settings).fetch(REPO, 1, head, desk.tell)
    await github.close()

    [remote] = asked
    assert remote.url == f"{desk.double.url}/{REPO}.git"
    assert remote.authorization is not None
