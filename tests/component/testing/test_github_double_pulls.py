"""What a pull request changes, in every way in which the double tells it, against git itself."""

import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from quorate.testing.github import Limits
from tests.component.testing.github_double import NEW, OLD, PULL, REPO, opened

DIFF = {"accept": "application/vnd.github.v3.diff"}


def git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("fork", [None, "stranger"])
async def test_the_repository_can_be_cloned_and_says_the_same_as_the_diff(tmp_path: Path, fork: str | None) -> None:
    async with opened(fork=fork) as (gh, http):
        gh.push_branch(REPO, {"elsewhere.py": "y = 2\n"})
        pull = (await http.get(PULL)).json()
        git("clone", "--quiet", f"{gh.git_url}/{REPO}.git", "clone", cwd=tmp_path)
        clone = tmp_path / "clone"
        git("fetch", "--quiet", "origin", "refs/pull/1/head", cwd=clone)
        assert git("rev-parse", "FETCH_HEAD", cwd=clone).strip() == pull["head"]["sha"]
        assert git("fsck", "--strict", "--no-dangling", cwd=clone) == ""
        told = git("diff", f"{pull['base']['sha']}...{pull['head']['sha']}", cwd=clone)
        assert (await http.get(PULL, headers=DIFF)).text == told
        assert git("show", "origin/main:elsewhere.py", cwd=clone) == "y = 2\n"
        assert pull["head"]["repo"]["full_name"] == f"{fork or 'octo'}/app"
        assert pull["head"]["repo"]["fork"] == (fork is not None)


async def test_files_are_told_with_their_kind_of_change() -> None:
    base = {
        "gone.py": "x\n" * 3, "old name.py": OLD, "bild.png": b"\x89PNG\0", "run.sh": "echo\n",
        "lines\tand\nä.py": "1\n", "to-link": "text\n",
    }  # fmt: skip
    head: dict[str, Any] = {
        "gone.py": None, "old name.py": None, "new/name.py": OLD + "more\n", "bild.png": b"\x89PNG\0\0",
        "run.sh": {"program": "echo\n"}, "lines\tand\nä.py": "2\n", "link": {"symlink": "run.sh"},
        "to-link": {"symlink": "run.sh"}, "z.py": "z\n",
    }  # fmt: skip
    async with opened(base=base, head=head) as (_, http):
        files = {file["filename"]: file for file in (await http.get(f"{PULL}/files")).json()}
    assert files.keys() == {*head} - {"old name.py"}
    assert {name: file["status"] for name, file in files.items()} == {
        "gone.py": "removed", "new/name.py": "renamed", "bild.png": "modified", "run.sh": "modified",
        "lines\tand\nä.py": "modified", "link": "added", "to-link": "changed", "z.py": "added",
    }  # fmt: skip
    assert files["new/name.py"]["previous_filename"] == "old name.py"
    assert "patch" not in files["bild.png"]
    assert "patch" not in files["run.sh"]
    assert files["z.py"]["patch"] == "@@ -0,0 +1 @@\n+z"
    assert (files["gone.py"]["deletions"], files["gone.py"]["additions"]) == (3, 0)


async def test_lists_have_pages() -> None:
    async with opened(head={f"f{n:02}.py": "x\n" for n in range(7)}) as (_, http):
        names: list[str] = []
        url, asked = f"{PULL}/files?per_page=3", 0
        while url:
            answer = await http.get(url)
            names += [file["filename"] for file in answer.json()]
            url, asked = answer.links.get("next", {}).get("url", ""), asked + 1
        assert names == [f"f{n:02}.py" for n in range(7)]
        assert asked == 3
        assert (await http.get(f"{PULL}/files?per_page=3&page=4")).json() == []


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(diff_files=2), "maximum number of files (2)"),
        (Limits(diff_lines=5), "maximum number of lines (5)"),
        (Limits(diff_bytes=50), "maximum size (50 bytes)"),
    ],
)
async def test_a_diff_beyond_the_limits_is_refused_and_its_files_are_told(limits: Limits, said: str) -> None:
    async with opened(limits, head={f"f{n}.py": "x\n" for n in range(3)}) as (_, http):
        refused = await http.get(PULL, headers=DIFF)
        assert refused.status_code == 406
        assert said in refused.json()["message"]
        assert refused.json()["errors"] == [{"resource": "PullRequest", "field": "diff", "code": "too_large"}]
        assert len((await http.get(f"{PULL}/files")).json()) == 3


async def test_large_files_have_no_patch_and_long_lists_end() -> None:
    limits = Limits(patch_bytes=200, listed_files=2)
    async with opened(limits, head={"a.py": "x" * 300, "b.py": "x\n", "c.py": "x\n"}) as (_, http):
        first, second = (await http.get(f"{PULL}/files")).json()
        assert "patch" not in first
        assert first["additions"] == 1
        assert "patch" in second


async def test_pushes_add_commits_and_a_forced_one_replaces_them() -> None:
    async with opened() as (gh, http):
        first = gh.pull(REPO, 1)["head"]["sha"]
        pushed = gh.push(REPO, 1, {"app.py": NEW + "end\n"}, message="Second")
        commits = (await http.get(f"{PULL}/commits")).json()
        assert [commit["sha"] for commit in commits] == [first, pushed["head"]["sha"]]
        tip = gh.push_branch(REPO, {"other.py": "x = 2\n"})
        forced = gh.push(REPO, 1, {"app.py": NEW}, force=True)
        assert forced["base"]["sha"] == tip
        assert forced["commits"] == forced["changed_files"] == 1


async def test_comparisons_tell_the_merge_base_and_the_files() -> None:
    async with opened() as (gh, http):
        before = gh.pull(REPO, 1)["base"]["sha"]
        gh.push_branch(REPO, {"other.py": "x = 2\n"})
        told = (await http.get(f"/repos/{REPO}/compare/main...change-1")).json()
        assert (told["status"], told["ahead_by"], told["behind_by"]) == ("diverged", 1, 1)
        assert told["merge_base_commit"]["sha"] == before
        assert [file["filename"] for file in told["files"]] == ["app.py"]
        assert (await http.get(f"/repos/{REPO}/compare/main...nowhere")).status_code == 404


async def test_lists_of_pull_requests_are_chosen_by_state_and_head() -> None:
    async with opened() as (gh, http):
        gh.open_pull(REPO, {"b.py": "b\n"}, fork="stranger", head_ref="topic", draft=True)
        gh.close(REPO, 1)

        async def numbers(**params: str) -> list[int]:
            return [pull["number"] for pull in (await http.get(f"/repos/{REPO}/pulls", params=params)).json()]

        assert await numbers() == [2]
        assert await numbers(state="all") == [2, 1]
        assert await numbers(state="closed") == [1]
        assert await numbers(head="stranger:topic") == [2]
        assert await numbers(head="octo:topic") == []


async def test_contents_are_told_as_github_tells_them() -> None:
    head: dict[str, Any] = {
        "dir/a.py": "a = 1\n",
        "dir/link": {"symlink": "a.py"},
        "dangling": {"symlink": "../outside"},
        "module": {"submodule": "1" * 40},
        "big.txt": "y" * 300,
        "huge.txt": "y" * 600,
    }
    limits = Limits(inline_content_bytes=200, content_bytes=500)
    async with opened(limits, head=head) as (gh, http):
        ref = gh.pull(REPO, 1)["head"]["sha"]

        async def get(path: str, **headers: str) -> Any:
            return await http.get(f"/repos/{REPO}/contents/{path}", params={"ref": ref}, headers=headers)

        raw = {"accept": "application/vnd.github.raw+json"}
        told = (await get("dir/a.py")).json()
        assert b64decode(told["content"]) == b"a = 1\n"
        assert (await get("dir/a.py", **raw)).content == b"a = 1\n"
        assert [item["name"] for item in (await get("dir")).json()] == ["a.py", "link"]
        assert (await get("dir/link")).json()["type"] == "file"
        assert (await get("dangling")).json()["target"] == "../outside"
        assert (await get("module")).json()["type"] == "submodule"
        assert (await get("big.txt")).json()["encoding"] == "none"
        assert len((await get("big.txt", **raw)).content) == 300
        assert (await get("huge.txt", **raw)).json()["errors"][0]["code"] == "too_large"
        assert (await get("nothing")).status_code == 404
        assert (await http.get(f"/repos/{REPO}/contents/dir/a.py")).status_code == 404
        blob = (await http.get(f"/repos/{REPO}/git/blobs/{told['sha']}")).json()
        assert b64decode(blob["content"]) == b"a = 1\n"
        flat = (await http.get(f"/repos/{REPO}/git/trees/{ref}")).json()["tree"]
        assert {item["path"]: item["type"] for item in flat}["dir"] == "tree"
        deep = (await http.get(f"/repos/{REPO}/git/trees/{ref}?recursive=1")).json()["tree"]
        assert {"dir/a.py", "module", "app.py"} <= {item["path"] for item in deep}
