"""What a diff says, and what is refused."""

import contextlib
import re
import time

import pytest

from quorate import diff as module
from quorate.diff import FileChange, Hunk, NotADiff, UnsafePath, check_path, parse_diff

HEADER = "diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n"


def only(text: str) -> FileChange:
    (change,) = parse_diff(text)
    return change


def test_a_modified_file_has_its_hunks_and_the_lines_they_add() -> None:
    change = only(HEADER + "@@ -1,3 +1,4 @@ def f():\n a\n-b\n+B\n+C\n c\n@@ -9 +10,2 @@\n+i\n j\n")

    assert change == FileChange(
        path="x",
        old_path="x",
        status="modified",
        binary=False,
        submodule=False,
        symlink=False,
        hunks=(Hunk(1, 3, 1, 4, ((2, 3),)), Hunk(9, 1, 10, 2, ((10, 10),))),
        added_text=None,
    )
    assert change.added_lines == 3


def test_added_lines_with_only_removed_ones_between_them_are_one_range() -> None:
    assert only(HEADER + "@@ -1,2 +1,2 @@\n+a\n-b\n-c\n+d\n").hunks[0].added == ((1, 2),)


@pytest.mark.parametrize(
    ("line", "end_line", "touched"),
    [
        (1, None, False),
        (2, None, True),
        (3, None, True),
        (4, None, False),
        (1, 2, True),
        (4, 9, False),
        (4, 10, True),
        (10, 99, True),
        (11, None, False),
        (1, 999, True),
        (12, 999, False),
    ],
)
def test_a_range_touches_a_file_where_it_meets_an_added_line(line: int, end_line: int | None, touched: bool) -> None:
    change = only(HEADER + "@@ -1,3 +1,4 @@\n a\n-b\n+B\n+C\n c\n@@ -7,2 +8,0 @@\n-x\n-y\n@@ -11 +10,2 @@\n+i\n j\n")

    assert change.touches(line, end_line) is touched


def test_an_added_file_gives_its_whole_text() -> None:
    change = only("diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,3 @@\n+a\n+\n++b\n")

    assert (change.status, change.old_path, change.added_text) == ("added", None, "a\n\n+b\n")


def test_an_added_text_keeps_the_missing_newline_at_its_end() -> None:
    change = only("--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n")

    assert (change.path, change.added_text) == ("n", "a")


@pytest.mark.parametrize("index", ["", "index 0000000..e69de29\n"])
def test_an_added_empty_file_has_an_empty_text(index: str) -> None:
    change = only(f"diff --git a/e.py b/e.py\nnew file mode 100644\n{index}")

    assert (change.path, change.status, change.hunks, change.added_text) == ("e.py", "added", (), "")


def test_an_added_file_without_its_content_in_the_diff_has_no_text() -> None:
    assert only("diff --git a/e b/e\nnew file mode 100644\nindex 0000000..1234567\n").added_text is None


def test_a_deleted_file_keeps_its_old_path() -> None:
    change = only(
        "diff --git a/d b/d\ndeleted file mode 100644\nindex 1..0\n--- a/d\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
    )

    assert (change.path, change.old_path, change.status) == ("d", "d", "deleted")
    assert change.hunks == (Hunk(1, 2, 0, 0, ()),)


@pytest.mark.parametrize(("word", "status"), [("rename", "renamed"), ("copy", "copied")])
def test_a_rename_or_copy_names_both_paths_with_and_without_hunks(word: str, status: str) -> None:
    head = f"diff --git a/o b/x b/n b/x\nsimilarity index 90%\n{word} from o b/x\n{word} to n b/x\n"

    bare, changed = parse_diff(head + head + "index 1..2 100644\n--- a/o b/x\t\n+++ b/n b/x\t\n@@ -1 +1 @@\n-a\n+b\n")

    assert (bare.path, bare.old_path, bare.status, bare.hunks) == ("n b/x", "o b/x", status, ())
    assert (changed.path, changed.old_path, changed.status) == ("n b/x", "o b/x", status)
    assert changed.touches(1)


def test_a_change_of_the_mode_alone_is_of_status_mode() -> None:
    assert only("diff --git a/x y b/x y\nold mode 100644\nnew mode 100755\n").status == "mode"


def test_a_change_of_mode_and_content_is_a_modification() -> None:
    text = HEADER.replace("index", "old mode 100644\nnew mode 100755\nindex") + "@@ -1 +1 @@\n-a\n+b\n"

    assert only(text).status == "modified"


@pytest.mark.parametrize(
    "body",
    [
        "Binary files a/x b/i and b/x b/i differ\n",
        "GIT binary patch\nliteral 3\nKcmZQ%&@@-1+1\n\nliteral 0\nHcmV?d00001\n\n",
    ],
)
def test_a_binary_file_has_no_lines(body: str) -> None:
    first, second = parse_diff(
        f"diff --git a/x b/i b/x b/i\nindex 1..2 100644\n{body}" + HEADER + "@@ -1 +1 @@\n-a\n+b\n"
    )

    assert (first.path, first.status, first.binary, first.hunks) == ("x b/i", "modified", True, ())
    assert not second.binary


def test_binary_files_of_diff_r_are_found() -> None:
    change = only("diff -r a/i.png b/i.png\nBinary files a/i.png and b/i.png differ\n")

    assert (change.path, change.binary) == ("i.png", True)


def test_a_submodule_and_a_symlink_are_told_from_files() -> None:
    submodule, link, updated = parse_diff(
        "diff --git a/s b/s\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n+++ b/s\n"
        "@@ -0,0 +1 @@\n+Subproject commit 1111\n"
        "diff --git a/l b/l\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/l\n"
        "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
        "diff --git a/s b/s\nindex 1111111..2222222 160000\n--- a/s\n+++ b/s\n"
        "@@ -1 +1 @@\n-Subproject commit 1111\n+Subproject commit 2222\n"
    )

    assert (submodule.submodule, submodule.symlink, submodule.added_text) == (True, False, None)
    assert (link.submodule, link.symlink, link.added_text) == (False, True, None)
    assert (updated.submodule, updated.status) == (True, "modified")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("Submodule s t 1234567..89abcde:\n  > --- x", "modified"),
        ("Submodule s t 1234567...89abcde (rewind):", "modified"),
        ("Submodule s t 1234567...89abcde (commits not present)", "modified"),
        ("Submodule s t 0000000...89abcde (new submodule)", "added"),
        ("Submodule s t 1234567...0000000 (submodule deleted)", "deleted"),
    ],
)
def test_a_submodule_whose_commits_are_listed_is_a_change(line: str, status: str) -> None:
    dirty = "Submodule s t contains untracked content\n"
    submodule, file = parse_diff(f"{dirty}{line}\n{HEADER}@@ -1 +1 @@\n-a\n+b\n")

    assert (submodule.path, submodule.status, submodule.submodule, submodule.hunks) == ("s t", status, True, ())
    assert (submodule.old_path is None, file.path) == (status == "added", "x")


def test_a_hash_that_ends_like_a_mode_is_no_mode() -> None:
    change = only("diff --git a/x b/x\nindex 1111111..1160000\nBinary files a/x and b/x differ\n")

    assert not change.submodule


def test_only_a_newline_ends_a_line() -> None:
    content = "a\x0cb\u2028c\u2029d\x85e\x1ef\rg"
    change = only(f"--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+{content}\n+z\r\n")

    assert change.added_text == f"{content}\nz\r\n"
    assert change.hunks[0].added == ((1, 2),)


def test_a_diff_that_a_mailer_converted_to_crlf_is_read_as_if_it_had_not() -> None:
    text = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    converted = (text + HEADER + "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n").replace("\n", "\r\n")

    added, modified = parse_diff(converted)

    assert (added.path, added.added_text) == ("n", "a\nb\n")
    assert (modified.path, modified.hunks[0].added) == ("x", ((3, 3),))


def test_lines_that_look_like_headers_are_content() -> None:
    change = only(
        HEADER
        + "@@ -1,5 +1,5 @@\n diff --git a/y b/y\n--- a/old\n+++ b/new\n \n-@@ -1 +1 @@\n+@@ -2 +2 @@\n Binary files\n"
    )

    assert change.hunks[0].added == ((2, 2), (4, 4))


def test_quoted_paths_are_decoded_and_other_bytes_become_surrogates() -> None:
    name = r"\303\244 \"q\"\t\\x\377.py"
    change = only(
        f'diff --git "a/{name}" "b/{name}"\nindex 1..2\n--- "a/{name}"\n+++ "b/{name}"\n@@ -1 +1 @@\n-a\n+b\n'
    )

    assert change.path == 'ä "q"\t\\x\udcff.py'
    assert change.path.encode("utf-8", "surrogateescape").endswith(b"\xff.py")


@pytest.mark.parametrize("path", ["a b/c.py", "x b/x", "tab\\there", "ü", "a/b", "b/b"])
@pytest.mark.parametrize(("old", "new"), [("a/", "b/"), ("i/", "w/"), ("c/", "o/"), ("", ""), ("old/", "new/")])
def test_paths_lose_their_prefix_whatever_it_is(path: str, old: str, new: str) -> None:
    def written(prefix: str) -> str:
        return f'"{prefix}{path}"' if "\\" in path else prefix + path

    real = path.replace("\\t", "\t")
    head = f"diff --git {written(old)} {written(new)}\n"

    mode, content = parse_diff(
        f"{head}old mode 100644\nnew mode 100755\n"
        f"{head}index 1..2\n--- {written(old)}\t\n+++ {written(new)}\t\n@@ -1 +1 @@\n-a\n+b\n"
    )

    assert (mode.path, mode.old_path) == (real, real)
    assert (content.path, content.old_path) == (real, real)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a/x y.py", "b/x y.py", ("x y.py", "x y.py", "modified")),
        ("x.py.orig", "x.py", ("x.py", "x.py.orig", "modified")),
        ("./x.py", "./x.py", ("x.py", "x.py", "modified")),
        ("/dev/null", "b/x.py", ("x.py", None, "added")),
        ("a/x.py", "/dev/null", ("x.py", "x.py", "deleted")),
        ("x.py\t1970-01-01 01:00:00.000000000 +0100", "x.py", ("x.py", None, "added")),
    ],
)
def test_plain_diffs_need_no_git_header(old: str, new: str, expected: tuple[str, str | None, str]) -> None:
    hunk = {"added": "@@ -0,0 +1 @@\n+b\n", "deleted": "@@ -1 +0,0 @@\n-a\n"}.get(expected[2], "@@ -1 +1 @@\n-a\n+b\n")
    old = old if "\t" in old else old + "\t2026-01-02 03:04:05.000000000 +0000"

    change = only(f"diff -u x y\n--- {old}\n+++ {new}\t2026-01-02 03:04:05.000000000 +0000\n{hunk}")

    assert (change.path, change.old_path, change.status) == expected


def test_a_patch_from_a_mail_is_read_without_its_message_and_signature() -> None:
    change = only(
        "From 1234 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH] x\n\n"
        "--- a note\n+++ another\n- item\n+ item\n---\n x | 2 +-\n\n" + HEADER + "@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n\n"
    )

    assert (change.path, change.added_lines) == ("x", 1)


def test_a_series_of_patches_may_change_a_file_twice() -> None:
    patch = HEADER + "@@ -1 +1 @@\n-a\n+b\n"

    assert [change.path for change in parse_diff(f"{patch}-- \n2.39\n\nFrom 12\n\nmore\n\n{patch}")] == [
        "x",
        "x",
    ]


def test_the_patches_of_a_series_are_counted() -> None:
    patch = HEADER + "@@ -1 +1 @@\n-a\n+b\n"
    between = [
        "-- \n2.39\n\nFrom 12\n--- \nSubject: y\n",
        "",
        "\ncommit 1234567\n\n    m\n\n--- \n\n",
        "Only in b: z\n",
    ]

    changes = parse_diff("From 11\n\n" + patch + "".join(text + patch for text in between))

    assert [change.patch for change in changes] == [0, 1, 1, 2, 2]


def test_hunks_tell_where_their_lines_begin() -> None:
    text = HEADER + "@@ -1 +1 @@ f\n-a\n+b\n@@ -9 +9 @@\n-c\n+d\n"

    assert [text[hunk.body : hunk.body + 2] for hunk in only(text).hunks] == ["-a", "-c"]


def test_plain_files_may_follow_each_other_without_a_line_between() -> None:
    assert len(parse_diff("--- a\n+++ a\n@@ -1 +1 @@\n-a\n+b\n--- b\n+++ b\n@@ -1 +1 @@\n-a\n+b\n")) == 2


def test_a_file_of_which_only_the_time_stamp_changed_is_left_out() -> None:
    assert only("diff --git a/t b/t\n" + HEADER + "@@ -1 +1 @@\n-a\n+b\n").path == "x"


def test_the_last_line_may_lack_its_newline() -> None:
    assert only("--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b").added_text == "a\nb\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("hello\nworld\n", "begins 'hello'"),
        ("commit 1234567\nMerge: 1 2\n\n    m\n", "a merge: give it as `git diff MERGE"),
        ("@@ -1 +1 @@\n-a\n+b\n", "Line 1: a hunk without the name of its file"),
        (
            HEADER + "@@ -1,3 +1,3 @@\n a\n",
            "Line 5: the hunk announces 3 old and 3 new lines and has 1 and 1",
        ),
        (HEADER + "@@ -1,9 +1,9 @@\n a\n" + HEADER, "Line 5: the hunk announces"),
        (HEADER + "@@ -1 +1 @@\n-a\n-b\n+c\n", "Line 5: the hunk announces"),
        (HEADER + "@@ -1 +1 @@\n-a\n+b\n+c\n", "Line 8: more lines than the hunk above announces"),
        (HEADER + "@@ -1 +1 @@\n-a\n+b\n--- c\n", "Line 8: more lines"),
        (HEADER + "@@ -1 +1 @@\n-a\n+b\n@@ -1 +1 @@\n-c\n+d\n", "Line 8: the hunk begins before"),
        (HEADER + "@@ -1,99999999999 +1 @@\n", "Line 5: '@@ -1,99999999999 [+]1 @@' is not a hunk header"),
        (HEADER + "@@ -0 +0,2 @@\n+a\n+b\n", "counted from 1"),
        (HEADER, "Line 5: no hunk"),
        ("--- /dev/null\n+++ /dev/null\n@@ -0,0 +0,0 @@\n", "Line 1: both sides are /dev/null"),
        ("diff --git a/x b/y\nold mode 100644\nnew mode 100755\n", "Line 1: cannot tell the path"),
        (
            HEADER.replace("+++ b/x", "+++ b/y") + "@@ -1 +1 @@\n-a\n+b\n",
            "the header names 'x', but --- or [+]{3} 'b/y'",
        ),
        ("--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "'x' is new, but"),
        ("--- a/x\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "'x' is deleted, but"),
        (
            "diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n--a\n++b\n",
            "Line 1: a combined diff of a merge",
        ),
        ("--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n--a\n++b\n", "Line 3: a combined diff of a merge"),
    ],
)
def test_what_is_no_sound_diff_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NotADiff, match=reason):
        parse_diff(text)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../x", "leaves the repository"),
        ("a/../../x", "leaves the repository"),
        ("..\\x", "leaves the repository"),
        ("a\\..\\..\\x", "leaves the repository"),
        ("/etc/passwd", "is absolute"),
        ("\\\\server\\x", "is absolute"),
        ("C:\\x", "is absolute"),
        ("c:x", "is absolute"),
        (".git/hooks/pre-commit", "inside .git"),
        ("a/.GIT/config", "inside .git"),
        ("a\\.git\\config", "inside .git"),
        (".git. /config", "inside .git"),
        ("git~1/config", "inside .git"),
        (".git::$INDEX_ALLOCATION/config", "inside .git"),
        ("a\0b", "NUL"),
        ("", "is empty"),
        ("./.", "is empty"),
        ("x" * 5000, "longer than 4096"),
    ],
)
def test_a_path_that_leads_out_of_the_repository_is_unsafe(path: str, reason: str) -> None:
    with pytest.raises(UnsafePath, match=reason) as caught:
        check_path(path)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("path", ["x", "a/b.py", ".github/x.yml", ".gitignore", "a..b/...", "back\\slash", "ab:c", "ü"])
def test_an_ordinary_path_is_safe_and_unchanged(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "--- a/../../x\n+++ b/../../x\n@@ -1 +1 @@\n-a\n+b\n",
        "diff --git a/../x b/../x\nold mode 100644\nnew mode 100755\n",
        "diff --git a//etc/x b//etc/x\nnew file mode 100644\n",
        'diff --git "a/.\\056/x" "b/.\\056/x"\nnew file mode 100644\n',
        "diff --git a/x b/y\nrename from ../x\nrename to y\n",
        "diff --git a/x b/y\nrename from x\nrename to .git/y\n",
        'diff --git "a/x\\000y" "b/x\\000y"\nnew file mode 100644\n',
        'diff --git "a/\ud800" "b/\ud800"\nnew file mode 100644\n',
    ],
)
def test_unsafe_paths_are_refused_wherever_a_diff_names_them(text: str) -> None:
    with pytest.raises(UnsafePath):
        parse_diff(text)


def test_more_parts_than_a_real_diff_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEADER + "@@ -1,9 +1,18 @@\n" + "+\n \n" * 9
    monkeypatch.setattr(module, "MAX_PARTS", 11)
    assert only(text).added_lines == 9
    monkeypatch.setattr(module, "MAX_PARTS", 10)

    with pytest.raises(NotADiff, match="more than 10 files, hunks and ranges"):
        parse_diff(text)


@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        "--- \n",
        "--- a\n+++ b\n",
        "@@ \n",
        "diff --git a\n",
        "Submodule 1234567..",
        "Submodule a 1234567..1234567\n",
        "diff --cc a\n",
        "old mode 1\n",
        '"',
        "\\303",
        " ",
        "a/",
    ],
)
def test_hostile_repetition_costs_linear_time(piece: str) -> None:
    def seconds(count: int) -> float:
        text = "diff --git " + piece * count + "\nindex 1..2\n"
        best = 9.0
        for _ in range(3):
            begun = time.perf_counter()
            with contextlib.suppress(NotADiff, UnsafePath):
                parse_diff(text)
            best = min(best, time.perf_counter() - begun)
        return best

    assert seconds(80_000) < 40 * seconds(8_000) + 0.05  # quadratic time would be a hundredfold


def test_lines_between_patches_that_look_like_headers_cost_linear_time() -> None:
    def seconds(count: int) -> float:
        text = HEADER + "@@ -1 +1 @@\n-a\n+b\n" + "Fro \n--- \n" * count
        begun = time.process_time()
        parse_diff(text)
        return time.process_time() - begun

    assert seconds(100_000) < 40 * max(seconds(10_000), 0.005)


def test_parsing_speed_is_far_from_being_noticed() -> None:
    body = "".join(
        f"@@ -{n * 50 + 1},3 +{n * 50 + 1},4 @@ def f\n a\n-{'b' * 60}\n+{'c' * 60}\n+d\n e\n" for n in range(100)
    )
    text = "".join(re.sub(r"\bx\b", f"src/m{n}.py", HEADER) + body for n in range(250))

    begun = time.perf_counter()
    changes = parse_diff(text)

    assert sum(change.added_lines for change in changes) == 50_000
    assert time.perf_counter() - begun < 2  # 4 MB; measured: 0.07 s
