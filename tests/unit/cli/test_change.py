"""Changes as `quorate review` reads them, from real repositories, friendly and hostile."""

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.diff import FileChange, parse_diff
from quorate_cli import change as module
from quorate_cli import git as git_module
from quorate_cli.change import Change, ChangeError, all_files, commit_range, patch_file, staged, working_tree
from quorate_cli.worktree import WorkTree


class Repo:
    """A repository made by git itself."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def git(self, *arguments: str, check: bool = True, **variables: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.top, env=os.environ | variables, capture_output=True, check=False, timeout=20
        )
        if check and done.returncode:
            raise AssertionError(done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, path: str | bytes, content: str | bytes = "x\n") -> None:
        target = self.top / os.fsdecode(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, message: str = "m") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def own_git_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")


@pytest.fixture
def empty(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.top.mkdir()
    repo.git("init", "-q", "--template=", "-b", "main")
    return repo


@pytest.fixture
def repo(empty: Repo) -> Repo:
    empty.write("a.py", "one\ntwo\nthree\n")
    empty.write("sub/b.py", "b\n")
    empty.commit("first")
    return empty


def by_path(change: Change) -> dict[str, FileChange]:
    """Also proves that everything in the change is valid Unicode."""
    json.dumps([change.diff, change.files, change.title, change.unreadable], ensure_ascii=False).encode()
    return {file.path: file for file in parse_diff(change.diff)} if change.diff else {}


# What belongs to a change


def test_a_clean_working_tree_has_no_change(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")

    assert working_tree(repo.top) == Change("", {}, head, None, None, None, ())
    assert staged(repo.top) == Change("", {}, head, None, None, None, ())


def test_the_working_tree_has_staged_unstaged_and_untracked_changes(repo: Repo) -> None:
    repo.write("a.py", "one\nTWO\nthree\n")
    repo.git("add", "a.py")
    repo.write("a.py", "one\nTWO\nTHREE\n")
    repo.write("new/n.py", "n")
    repo.write("staged.py", "s\n")
    repo.git("add", "staged.py")

    change = working_tree(repo.top)
    files = by_path(change)

    assert {path: file.status for path, file in files.items()} == {
        "a.py": "modified",
        "staged.py": "added",
        "new/n.py": "added",
    }
    assert files["a.py"].hunks[0].added == ((2, 3),)
    assert files["new/n.py"].added_text == "n"
    assert change.files == {"a.py": "one\nTWO\nTHREE\n", "staged.py": "s\n", "new/n.py": "n"}
    assert change.head_sha is None


def test_staged_reads_the_index_and_nothing_else(repo: Repo) -> None:
    repo.write("a.py", "one\nindex\n")
    repo.git("add", "a.py")
    repo.write("a.py", "one\nworking tree\n")
    repo.write("untracked.py")

    change = staged(repo.top)

    assert list(by_path(change)) == ["a.py"]
    assert change.files == {"a.py": "one\nindex\n"}


def test_ignored_files_are_left_out(repo: Repo) -> None:
    repo.write(".gitignore", "*.log\n")
    (repo.top / ".git" / "info").mkdir()
    repo.write(".git/info/exclude", "secret.txt\n")
    repo.write("x.log")
    repo.write("secret.txt")

    assert list(by_path(working_tree(repo.top))) == [".gitignore"]


def test_the_users_own_ignore_file_counts(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ignore").write_text("*.swp\n")
    (tmp_path / "gitconfig").write_text(f"[core]\nexcludesFile = {tmp_path}/ignore\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    repo.write("x.swp")

    assert working_tree(repo.top).diff == ""


def test_a_subfolder_limits_the_change_and_paths_stay_relative_to_the_top(repo: Repo) -> None:
    repo.write("a.py", "changed\n")
    repo.write("sub/b.py", "changed\n")
    repo.write("sub/new.py", "new\n")
    repo.write("other.py")

    change = working_tree(repo.top / "sub")

    assert set(by_path(change)) == set(change.files) == {"sub/b.py", "sub/new.py"}


def test_a_file_limits_the_change_to_itself(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a.py", "changed\n")
    repo.write("sub/b.py", "changed\n")
    repo.write("sub/new[1]*.py", "new\n")
    monkeypatch.chdir(repo.top / "sub")

    assert list(working_tree(Path("b.py")).files) == ["sub/b.py"]
    assert list(working_tree(Path("new[1]*.py")).files) == ["sub/new[1]*.py"]
    assert list(working_tree(repo.top / "sub" / "b.py").files) == ["sub/b.py"]


def test_without_a_commit_everything_is_new(empty: Repo) -> None:
    empty.write("tracked.py", "t\n")
    empty.git("add", ".")
    empty.write("untracked.py", "u\n")

    change = working_tree(empty.top)

    assert {path: file.status for path, file in by_path(change).items()} == {
        "tracked.py": "added",
        "untracked.py": "added",
    }
    assert change.base_sha is None
    assert staged(empty.top).files == {"tracked.py": "t\n"}


def test_a_rename_is_found_with_its_new_content(repo: Repo) -> None:
    repo.git("mv", "a.py", "moved.py")
    repo.write("moved.py", "one\ntwo\nthree\nfour\n")

    for change, text in ((working_tree(repo.top), "one\ntwo\nthree\nfour\n"), (staged(repo.top), "one\ntwo\nthree\n")):
        file = by_path(change)["moved.py"]
        assert (file.status, file.old_path) == ("renamed", "a.py")
        assert change.files == {"moved.py": text}


def test_a_deleted_file_is_in_the_diff_only(repo: Repo) -> None:
    (repo.top / "a.py").unlink()

    change = working_tree(repo.top)

    assert by_path(change)["a.py"].status == "deleted"
    assert (change.files, change.unreadable) == ({}, ())


def test_a_new_mode_is_a_change(repo: Repo) -> None:
    (repo.top / "a.py").chmod(0o755)
    repo.write("run.sh")
    (repo.top / "run.sh").chmod(0o755)

    change = working_tree(repo.top)

    assert by_path(change)["a.py"].status == "mode"
    assert "new file mode 100755\n" in change.diff


def test_a_repository_that_does_not_trust_modes_sees_none(repo: Repo) -> None:
    repo.git("config", "core.fileMode", "off")
    (repo.top / "a.py").chmod(0o755)

    assert working_tree(repo.top).diff == ""


def test_binary_files_are_in_the_diff_without_content(repo: Repo) -> None:
    repo.write("a.py", b"\0\1\2")
    repo.write("new.bin", b"\0\1\2")

    change = working_tree(repo.top)

    assert [(file.path, file.binary) for file in by_path(change).values()] == [("a.py", True), ("new.bin", True)]
    assert (change.files, change.unreadable) == ({}, ())


def test_line_ends_stay_as_they_are(repo: Repo) -> None:
    repo.write("crlf.py", b"a\r\nb\rc\x0cd\xe2\x80\xa8e\r\n")

    change = working_tree(repo.top)

    assert change.files == {"crlf.py": "a\r\nb\rc\x0cd\u2028e\r\n"}
    assert by_path(change)["crlf.py"].added_text == change.files["crlf.py"]


def test_a_checkout_with_autocrlf_is_no_change(repo: Repo) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.write("a.py", "one\r\ntwo\r\nthree\r\n")

    assert working_tree(repo.top).diff == ""


@pytest.mark.parametrize("tracked", [False, True])
def test_names_and_contents_that_are_not_utf8_are_replaced_everywhere_alike(repo: Repo, tracked: bool) -> None:
    repo.write(b"sub/\xff \xc3\xa4.py", b"caf\xe9\n")
    repo.write(b'sub/q"\t\xff.py', b"x\n")
    if tracked:
        repo.git("add", ".")

    change = working_tree(repo.top)

    assert change.files == {"sub/\ufffd ä.py": "caf\ufffd\n", 'sub/q"\t\ufffd.py': "x\n"}
    assert {path: file.added_text for path, file in by_path(change).items()} == change.files
    if tracked:
        assert staged(repo.top).files == change.files


def test_of_two_names_that_look_the_same_the_second_is_unreadable(repo: Repo) -> None:
    repo.write(b"\xfe", "first\n")
    repo.write(b"\xff", "second\n")

    change = working_tree(repo.top)

    assert (change.files, change.unreadable) == ({"\ufffd": "first\n"}, ("\ufffd",))


def test_a_symlink_is_its_name_and_what_it_points_to_is_not_read(repo: Repo) -> None:
    (repo.top / "untracked").symlink_to("/etc/passwd")
    (repo.top / "tracked").symlink_to("/etc/passwd")
    repo.git("add", "tracked")
    (repo.top / "a.py").unlink()
    (repo.top / "a.py").symlink_to("/etc/passwd")

    change = working_tree(repo.top)

    assert all(by_path(change)[name].symlink for name in ("untracked", "tracked", "a.py"))
    assert change.diff.count("+/etc/passwd\n") == 3
    assert change.files == {}
    assert "root:" not in change.diff


def test_a_linked_folder_is_not_entered(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "b.py").write_text("secret\n")
    (repo.top / "sub" / "b.py").unlink()
    (repo.top / "sub").rmdir()
    (repo.top / "sub").symlink_to(tmp_path / "outside")

    change = working_tree(repo.top)

    assert "secret" not in change.diff + str(change.files)
    with WorkTree(repo.top) as tree:
        assert tree.read(b"sub/b.py", 100) is None


def test_a_submodule_is_left_out_of_the_files(repo: Repo, tmp_path: Path) -> None:
    other = Repo(tmp_path / "other")
    other.top.mkdir()
    other.git("init", "-q", "--template=")
    other.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.top), "module")

    change = working_tree(repo.top)

    assert by_path(change)["module"].submodule
    assert set(change.files) == {".gitmodules"}


def test_a_nested_repository_is_unreadable(repo: Repo) -> None:
    repo.git("init", "-q", "--template=", "nested")
    repo.write("nested/x.py")

    assert working_tree(repo.top).unreadable == ("nested/",)


def test_a_file_that_vanishes_is_unreadable(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a.py", "changed\n")
    repo.write("new.py", "new\n")
    read = WorkTree.read

    def vanish(tree: WorkTree, path: bytes, limit: int) -> object:
        (repo.top / os.fsdecode(path)).unlink()
        return read(tree, path, limit)

    monkeypatch.setattr(WorkTree, "read", vanish)
    change = working_tree(repo.top)

    assert list(by_path(change)) == ["a.py"]
    assert (change.files, change.unreadable) == ({}, ("a.py", "new.py"))


def test_a_named_pipe_in_place_of_a_file_does_not_block(repo: Repo) -> None:
    os.mkfifo(repo.top / "pipe")

    with WorkTree(repo.top) as tree:
        assert tree.read(b"pipe", 100) is None


@pytest.mark.parametrize("read", [working_tree, staged], ids=["working tree", "staged"])
def test_files_that_are_too_large_are_unreadable(
    repo: Repo, read: Callable[[Path], Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 10)
    monkeypatch.setattr(module, "MAX_FILES", 15)
    for name, size in (("1", 10), ("2", 11), ("3", 6), ("4", 5)):
        repo.write(name, "x" * size)
    repo.git("add", ".")

    change = read(repo.top)

    assert (list(change.files), change.unreadable) == (["1", "4"], ("2", "3"))


def test_an_untracked_file_that_is_too_large_is_shown_as_binary(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 10)
    repo.write("new.sql", "x" * 11)

    change = working_tree(repo.top)

    assert by_path(change)["new.sql"].binary
    assert change.unreadable == ("new.sql",)


@pytest.mark.parametrize("tracked", [True, False])
def test_a_change_that_is_too_large_is_refused(repo: Repo, tracked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a.py" if tracked else "new.py", "x\n" * 200)
    monkeypatch.setattr(module, "MAX_DIFF", 300)

    with pytest.raises(ChangeError, match="larger than 0 MiB: name a smaller PATH"):
        working_tree(repo.top)


def test_too_many_untracked_files_are_refused(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNTRACKED", 1)
    repo.write("1")
    repo.write("2")

    with pytest.raises(ChangeError, match=r"2 untracked files: put .* into .gitignore"):
        working_tree(repo.top)


def test_the_diff_applied_to_head_gives_the_working_tree(repo: Repo, tmp_path: Path) -> None:
    repo.git("mv", "sub/b.py", "sub/c d.py")
    repo.write("a.py", "zero\none\nthree")
    repo.write('q"uo\\te\t.py', "quoted\n\n")
    repo.write("blank name.sh", "#!/bin/sh\r\n")
    (repo.top / "blank name.sh").chmod(0o755)
    repo.write("empty.py", "")
    repo.write("noeol", "a\n\nb")
    (repo.top / "link").symlink_to("a.py")
    patch = tmp_path / "patch"
    patch.write_bytes(working_tree(repo.top).diff.encode())
    repo.git("clone", "-q", ".", str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")

    clone.git("apply", "--index", str(patch))

    repo.git("add", "-A")
    assert clone.git("write-tree") == repo.git("write-tree")


def test_conflicts_are_seen_in_the_working_tree_and_refused_in_the_index(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "other")
    repo.write("a.py", "theirs\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("a.py", "ours\n")
    repo.commit()
    repo.git("merge", "other", check=False)

    assert "<<<<<<< HEAD" in working_tree(repo.top).files["a.py"]
    assert by_path(working_tree(repo.top))["a.py"].added_lines == 4
    with pytest.raises(ChangeError, match="has conflicts: resolve"):
        staged(repo.top)


# All files


def test_all_files_are_what_is_tracked_as_it_lies_there(repo: Repo) -> None:
    repo.write("a.py", "changed\n")
    repo.write("staged.py", "s")
    repo.git("add", "staged.py")
    repo.write("untracked.py", "u\n")
    (repo.top / "sub" / "b.py").unlink()
    change = all_files(repo.top)

    files = by_path(change)
    assert {path: (file.status, file.added_text) for path, file in files.items()} == {
        "a.py": ("added", "changed\n"),
        "staged.py": ("added", "s"),
    }
    assert (change.files, change.base_sha, change.head_sha, change.top) == ({}, None, None, repo.top)


def test_all_files_below_a_folder_keep_their_paths_from_the_top(repo: Repo) -> None:
    assert by_path(all_files(repo.top / "sub")).keys() == {"sub/b.py"}
    assert by_path(all_files(repo.top / "sub" / "b.py")).keys() == {"sub/b.py"}


def test_of_all_files_links_are_not_followed_and_submodules_left_out(repo: Repo, tmp_path: Path) -> None:
    (repo.top / "link.py").symlink_to(tmp_path / "outside.py")
    (repo.top / "inner").mkdir()
    inner = Repo(repo.top / "inner")
    inner.git("init", "-q", "--template=")
    inner.write("i.py")
    inner.commit()
    repo.git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
    files = by_path(all_files(repo.top))

    assert files.keys() == {"a.py", "link.py", "sub/b.py"}
    assert files["link.py"].symlink


def test_of_all_files_a_large_one_is_shown_as_binary_and_unreadable(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 8)
    change = all_files(repo.top)

    assert by_path(change)["a.py"].binary
    assert change.unreadable == ("a.py",)
    monkeypatch.setattr(module, "MAX_DIFF", 120)
    with pytest.raises(ChangeError, match="name a smaller PATH"):
        all_files(repo.top)


def test_a_file_in_conflict_is_once_among_all_files(repo: Repo) -> None:
    repo.git("switch", "-qc", "other")
    repo.write("a.py", "theirs\n")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.write("a.py", "ours\n")
    repo.commit()
    repo.git("merge", "-q", "other", check=False)

    assert sum(file.path == "a.py" for file in parse_diff(all_files(repo.top).diff)) == 1


# Commits


@pytest.fixture
def branched(repo: Repo) -> Repo:
    """main: first, main; side (from first): side; then a merge of side into main."""
    repo.git("checkout", "-q", "-b", "side")
    repo.write("side.py", "side\n")
    repo.commit("A side\nline\n\nbody")
    repo.git("checkout", "-q", "main")
    repo.write("a.py", "main\n")
    repo.commit("main")
    repo.git("tag", "-a", "-m", "t", "v1")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    repo.write("a.py", "working tree\n")
    return repo


@pytest.mark.parametrize(
    ("spec", "files", "base", "head", "title"),
    [
        ("HEAD", {"side.py": "side\n"}, "v1^0", "HEAD", "merge"),
        ("v1", {"a.py": "main\n"}, "side~1", "v1^0", "main"),
        ("side", {"side.py": "side\n"}, "side~1", "side", "A side line"),
        ("side~1", {"a.py": "one\ntwo\nthree\n", "sub/b.py": "b\n"}, None, "side~1", "first"),
        ("side~1..v1", {"a.py": "main\n"}, "side~1", "v1^0", None),
        ("side..v1", {"a.py": "main\n"}, "side", "v1^0", None),
        ("side...v1", {"a.py": "main\n"}, "side~1", "v1^0", None),
        ("v1...side", {"side.py": "side\n"}, "side~1", "side", None),
        ("v1..", {"side.py": "side\n"}, "v1^0", "HEAD", None),
        ("..v1", {}, "HEAD", "v1^0", None),
    ],
)
def test_a_range_has_the_files_of_its_end(
    branched: Repo, spec: str, files: dict[str, str], base: str | None, head: str, title: str | None
) -> None:
    change = commit_range(branched.top, spec)

    assert change.files == files
    assert change.base_sha == (base and branched.git("rev-parse", base))
    assert change.head_sha == branched.git("rev-parse", head)
    assert change.title == title
    assert set(files) <= set(by_path(change))


def test_two_dots_compare_the_ends_and_three_the_common_ancestor(branched: Repo) -> None:
    assert by_path(commit_range(branched.top, "side..v1"))["side.py"].status == "deleted"
    assert "side.py" not in by_path(commit_range(branched.top, "side...v1"))


def test_a_range_is_limited_to_a_subfolder(branched: Repo) -> None:
    branched.write("sub/b.py", "new\n")
    branched.commit()

    assert commit_range(branched.top / "sub", "v1..HEAD").files == {"sub/b.py": "new\n"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nothing", "git cannot resolve nothing in"),
        ("main..nothing", "git cannot resolve main and nothing in"),
        ("", "is no range"),
        ("--all", "is no range"),
        ("main..--output=x", "is no range"),
        ("a\0b", "is no range"),
        ("main...orphan", "no common ancestor"),
        ("main:a.py", "git cannot resolve main:a.py"),
    ],
)
def test_a_range_that_git_does_not_know_is_the_users_error(repo: Repo, spec: str, message: str) -> None:
    repo.git("branch", "orphan", repo.git("commit-tree", "-m", "o", "HEAD^{tree}"))

    with pytest.raises(ChangeError, match=message):
        commit_range(repo.top, spec)


# Patches


def test_a_patch_is_read_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+ä\n"
    (tmp_path / "p").write_text(diff, encoding="utf-8")

    wanted = Change(diff, {}, None, None, None, None, ())

    assert patch_file(tmp_path / "p", None) == wanted
    assert patch_file(None, io.BytesIO(diff.encode())) == wanted
    assert patch_file(None, io.BytesIO(diff.encode("utf-16"))) == wanted
    assert patch_file(None, io.BytesIO(diff.encode("utf-8-sig"))) == wanted


def test_a_patch_in_another_encoding_is_valid_unicode() -> None:
    assert patch_file(None, io.BytesIO(b"--- a/x\n+caf\xe9\n")).diff == "--- a/x\n+caf\ufffd\n"


def test_a_mailed_patch_has_its_subject_as_title(repo: Repo) -> None:
    repo.write("a.py", "new\n")
    repo.commit("Grüße an alle, die einen sehr langen Betreff in mehr als einer Zeile lesen mögen, und mehr\n\nbody")
    patch = repo.git("format-patch", "--stdout", "-1", "HEAD") + "\n"

    change = patch_file(None, io.BytesIO(patch.encode()))

    assert change.title == "Grüße an alle, die einen sehr langen Betreff in mehr als einer Zeile lesen mögen, und mehr"
    assert list(by_path(change)) == ["a.py"]


def test_a_subject_in_an_unknown_encoding_is_shown_as_it_is() -> None:
    text = b"Subject: =?nonsense?q?a?= b\n\n---\n"

    assert patch_file(None, io.BytesIO(text)).title == "=?nonsense?q?a?= b"


def test_a_patch_that_cannot_be_read_is_the_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChangeError, match="missing cannot be read: No such file"):
        patch_file(tmp_path / "missing", None)
    with pytest.raises(ChangeError, match="cannot be read: Is a directory"):
        patch_file(tmp_path, None)
    with pytest.raises(ChangeError, match="There is no patch"):
        patch_file(None, None)
    monkeypatch.setattr(module, "MAX_DIFF", 10)
    with pytest.raises(ChangeError, match="larger than"):
        patch_file(None, io.BytesIO(b"x" * 11))


# Other kinds of repositories


def test_a_linked_work_tree_and_a_sha256_repository_are_read(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    linked.write("a.py", "linked\n")
    modern = Repo(tmp_path / "modern")
    modern.top.mkdir()
    modern.git("init", "-q", "--template=", "--object-format=sha256")
    modern.write("m.py", "m\n")
    modern.git("add", ".")

    assert working_tree(linked.top).files == {"a.py": "linked\n"}
    assert staged(modern.top).files == {"m.py": "m\n"}
    assert len(modern.commit()) == 64
    assert commit_range(modern.top, "HEAD").files == {"m.py": "m\n"}


def test_a_split_index_is_read(repo: Repo) -> None:
    repo.git("update-index", "--split-index")
    repo.write("a.py", "changed\n")
    repo.git("add", "a.py")

    assert staged(repo.top).files == {"a.py": "changed\n"}


def test_a_hook_that_commits_another_index_is_understood(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a.py", "next\n")
    index = str(repo.top / ".git" / "next-index-1.lock")
    repo.git("read-tree", "HEAD", GIT_INDEX_FILE=index)
    repo.git("add", "a.py", GIT_INDEX_FILE=index)

    assert staged(repo.top).diff == ""
    monkeypatch.setenv("GIT_INDEX_FILE", index)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert staged(repo.top).files == {"a.py": "next\n"}


def test_the_index_of_another_repository_is_not_used(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))

    assert working_tree(repo.top).diff == ""


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:token@example.org/owner/name.git", "owner/name"),
        ("git@example.org:owner/name.git", "owner/name"),
        ("ssh://git@example.org/owner/na.me", "owner/na.me"),
        ("/srv/git/name.git", None),
        ("https://example.org/a/b/c", None),
    ],
)
def test_the_remote_gives_the_name_and_never_its_credentials(repo: Repo, url: str, name: str | None) -> None:
    repo.git("remote", "add", "origin", url)

    assert working_tree(repo.top).repo == name


# Errors


def test_a_folder_without_a_repository_is_the_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(ChangeError, match=r"not in a git repository: .*--patch"):
        working_tree(tmp_path)


def test_a_path_that_does_not_exist_is_the_users_error(repo: Repo) -> None:
    with pytest.raises(ChangeError, match="does not exist"):
        working_tree(repo.top / "missing")


@pytest.mark.parametrize("bare", [True, False])
def test_a_folder_without_a_working_tree_is_the_users_error(repo: Repo, bare: bool) -> None:
    repo.git("init", "-q", "--bare", "bare.git")

    with pytest.raises(ChangeError, match="is not in a working tree"):
        working_tree(repo.top / ("bare.git" if bare else ".git"))


def test_a_repository_of_another_user_is_explained(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_module, "_OPTIONS", ())
    program = repo.top.parent / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho \"fatal: detected dubious ownership in repository at '$PWD'\" >&2\nexit 128\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))

    with pytest.raises(ChangeError, match=r"another user.*git config --global --add safe.directory /.*repo$"):
        working_tree(repo.top)


def test_without_git_a_patch_is_proposed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ChangeError, match=r"git is not installed: .*--patch"):
        working_tree(repo.top)


def test_a_git_that_hangs_is_ended(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    program = repo.top.parent / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n/bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(git_module, "TIMEOUT_S", 0.2)

    with pytest.raises(ChangeError, match=r"`git rev-parse` did not end within 0\.2 s"):
        working_tree(repo.top)


def test_a_git_in_the_reviewed_folder_is_not_run(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("git", "#!/bin/sh\ntouch canary\n")
    (repo.top / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}")
    monkeypatch.chdir(repo.top)

    assert set(working_tree(Path()).files) == {"git"}
    assert not (repo.top / "canary").exists()


def test_nothing_is_written_into_the_repository_and_no_file_is_left_behind(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = [path for path in repo.top.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    repo.write("a.py", "changed\n")
    os.utime(repo.top / "sub" / "b.py", (1, 1))  # git would like to refresh its index
    before = state()

    working_tree(repo.top)
    staged(repo.top)
    commit_range(repo.top, "HEAD")

    assert state() == before
    assert list(temporary.iterdir()) == []


# Hostile repositories


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def evil(tmp_path: Path, canary: Path) -> str:
    """A program that leaves a trace, and then does what a filter should."""
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\necho ran >> {canary}\n/bin/cat\n")
    program.chmod(0o755)
    return str(program)


Arm = Callable[[Repo, str], tuple[str, ...]]


def fsmonitor(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.git("config", "core.fsmonitor", evil)
    return ("status",)


def external_diff(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.git("config", "diff.external", evil)
    return ("diff", "HEAD")


def diff_driver(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.write(".gitattributes", "*.py diff=evil\n")
    repo.git("config", "diff.evil.command", evil)
    return ("diff", "HEAD")


def text_conversion(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.write(".gitattributes", "*.py diff=evil\n")
    repo.git("config", "diff.evil.textconv", evil)
    return ("diff", "HEAD")


def clean_filter(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.write(".gitattributes", "*.py filter=a=b.c\n")
    repo.git("config", "filter.a=b.c.clean", evil)
    repo.git("config", "filter.a=b.c.smudge", evil)
    repo.git("config", "filter.a=b.c.required", "true")
    return ("diff", "HEAD")


def process_filter_in_the_git_folder(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.write(".git/info/attributes", "* filter=evil\n")
    repo.git("config", "filter.evil.process", evil)
    return ("diff", "HEAD")


def included_configuration(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.write(".gitattributes", "*.py filter=evil\n")
    repo.write("evil.config", f'[filter "evil"]\nclean = {evil}\n')
    repo.git("config", "include.path", "../evil.config")
    return ("diff", "HEAD")


def work_tree_configuration(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("config", "--worktree", "core.fsmonitor", evil)
    return ("status",)


def hook(repo: Repo, evil: str) -> tuple[str, ...]:
    (repo.top / ".git" / "hooks").mkdir()
    (repo.top / ".git" / "hooks" / "post-index-change").symlink_to(evil)
    os.utime(repo.top / "sub" / "b.py", (1, 1))
    return ("status",)


def hook_elsewhere(repo: Repo, evil: str) -> tuple[str, ...]:
    (repo.top / "hooks").mkdir()
    (repo.top / "hooks" / "post-index-change").symlink_to(evil)
    repo.git("config", "core.hooksPath", "hooks")
    os.utime(repo.top / "sub" / "b.py", (1, 1))
    return ("status",)


def submodule(repo: Repo, evil: str) -> tuple[str, ...]:
    inner = Repo(repo.top / "inner")
    inner.top.mkdir()
    inner.git("init", "-q", "--template=")
    inner.write(".gitattributes", "* filter=evil\n")
    inner.write("x", "x\n")
    inner.commit()
    repo.write(".gitmodules", '[submodule "inner"]\npath = inner\nurl = ./inner\nignore = none\n')
    repo.git("add", ".gitmodules", "inner")
    repo.git("commit", "-q", "-m", "inner")
    inner.git("config", "filter.evil.clean", evil)
    inner.write("x", "y\n")  # of the same size, so that git has to read it
    return ("diff", "HEAD")


def alias(repo: Repo, evil: str) -> tuple[str, ...]:
    repo.git("config", "alias.evil", f"!{evil}")
    return ("evil",)


ARMS = [
    fsmonitor,
    external_diff,
    diff_driver,
    text_conversion,
    clean_filter,
    process_filter_in_the_git_folder,
    included_configuration,
    work_tree_configuration,
    hook,
    hook_elsewhere,
    submodule,
    alias,
]


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.__name__)
def test_nothing_that_a_repository_names_is_run(repo: Repo, canary: Path, evil: str, arm: Arm) -> None:
    repo.write("a.py", "changed\n")
    (repo.top / ".git" / "info").mkdir()
    naive = arm(repo, evil)
    canary.unlink(missing_ok=True)

    change = working_tree(repo.top)
    staged(repo.top)
    commit_range(repo.top, "HEAD")

    assert not canary.exists()
    assert change.files["a.py"] == "changed\n"
    assert by_path(change)["a.py"].hunks
    repo.git(*naive, check=False)
    assert canary.exists(), "git itself does not run it: this test proves nothing"


def test_missing_objects_are_not_fetched(repo: Repo, canary: Path, evil: str) -> None:
    blob = repo.git("rev-parse", "HEAD:a.py")
    repo.write("a.py", "changed\n")
    head = repo.commit()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(repo.top),
        "remote.origin.uploadpack": f"{evil} </dev/null; false",
    }.items():
        repo.git("config", key, value)
    (repo.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(ChangeError, match="partial clone"):
        commit_range(repo.top, "HEAD")
    (repo.top / ".git" / "objects" / head[:2] / head[2:]).unlink()
    with pytest.raises(ChangeError, match="git cannot resolve"):
        commit_range(repo.top, head)

    assert not canary.exists()
    repo.git("cat-file", "-p", blob, check=False)
    assert canary.exists(), "git itself does not fetch: this test proves nothing"


def test_attributes_cannot_hide_sources_from_the_review(repo: Repo) -> None:
    repo.write(".gitattributes", "*.py binary\n")
    repo.write("a.py", "changed\n")

    assert "Binary" in repo.git("diff", "HEAD")
    assert by_path(working_tree(repo.top))["a.py"].added_lines == 1


def test_a_work_tree_elsewhere_is_not_read(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret\n")
    repo.git("config", "core.worktree", str(tmp_path / "private"))

    with pytest.raises(ChangeError, match="is not in a working tree"):
        working_tree(repo.top)
    repo.git("config", "core.worktree", str(tmp_path))
    assert "secret" not in working_tree(repo.top).diff


def test_an_index_that_names_files_outside_is_refused(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("secret\n")
    blob = repo.git("rev-parse", "HEAD:a.py")
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},xx/outside.txt")
    index = repo.top / ".git" / "index"
    content = index.read_bytes()[:-20].replace(b"xx/outside.txt", b"../outside.txt")
    index.write_bytes(content + bytes(20))  # git takes a hash of zeros for "not computed"

    with pytest.raises(ChangeError, match=r"'\.\./outside\.txt' leaves the repository"):
        working_tree(repo.top)


def test_messages_of_git_cannot_control_the_terminal(repo: Repo) -> None:
    with pytest.raises(ChangeError) as caught:
        commit_range(repo.top, "\x1b[31mred")

    assert "\x1b" not in str(caught.value)
