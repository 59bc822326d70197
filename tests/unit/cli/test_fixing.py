"""Which fixes go together, what becomes of the files, and what is told about it."""

import os
import re
import stat
import subprocess
import tempfile
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.contract.facts import Coverage
from quorate.contract.finding import DecidedFinding
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render.clean import MAX_LINE
from quorate.render.terminal import Terminal
from quorate_cli.fixing import MAX_TRIES, Fixes, carry_out, plan
from quorate_cli.replacing import NotReplaced, replace_file
from quorate_cli.showing_fixes import MAX_LEFT_OUT, render

TEN = "".join(f"{number}\n" for number in range(1, 11))


def edit(line: int, end_line: int, text: str) -> Edit:
    return Edit(line=line, end_line=end_line, text=text)


IDS = count(1)


def finding(*edits: Edit, safe: bool = True, path: str = "a.txt", **fields: Any) -> DecidedFinding:
    return DecidedFinding.model_validate(
        {
            "id": f"f{next(IDS)}",
            "path": path,
            "line": edits[0].line if edits else 1,
            "severity": "low",
            "category": "bug",
            "message": "m",
            "rules": ("R1",),
            "fix": Fix(edits=edits, safe=safe) if edits else None,
            "fingerprint": "f",
            "decision": "confirmed",
            "reason": "r",
            **fields,
        }
    )


def after(fixes: Fixes) -> str:
    (file,) = fixes.files
    return file.after


def reasons(fixes: Fixes) -> list[str]:
    return [left.reason for left in fixes.left_out]


# What goes together


def test_fixes_of_one_file_are_applied_together() -> None:
    fixes = plan(
        [
            finding(edit(9, 9, "nine\n")),
            finding(edit(2, 3, "")),
            finding(edit(1, 0, "zero\n"), edit(5, 5, "five\nand\n")),
            finding(edit(11, 10, "eleven")),
        ],
        {"a.txt": TEN},
    )

    assert after(fixes) == "zero\n1\n4\nfive\nand\n6\n7\n8\nnine\n10\neleven"
    assert (fixes.fixed, fixes.confirmed, fixes.left_out) == (4, 4, ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (edit(2, 4, "x\n"), edit(4, 5, "y\n")),
        (edit(2, 4, "x\n"), edit(3, 3, "y\n")),
        (edit(2, 4, "x\n"), edit(3, 2, "y\n")),
        (edit(2, 1, "x\n"), edit(2, 1, "y\n")),
        (edit(2, 1, "x\n"), edit(2, 2, "y\n")),
        (edit(1, 10, "x\n"), edit(10, 10, "y\n")),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_fixes_that_meet_the_one_of_the_more_severe_finding_is_applied(
    one: Edit, other: Edit, turned: bool
) -> None:
    winner, loser = (other, one) if turned else (one, other)
    low, high = finding(loser, severity="low"), finding(winner, severity="high")
    fixes = plan([low, high], {"a.txt": TEN})

    assert after(fixes) == after(plan([high], {"a.txt": TEN}))
    assert [left.finding for left in fixes.left_out] == [low]
    assert reasons(fixes) == [f"its fix meets another one in line {winner.line}: run again"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (edit(2, 4, ""), edit(5, 5, "")),
        (edit(2, 4, "x\n"), edit(5, 4, "y\n")),
        (edit(2, 1, "x\n"), edit(1, 1, "y\n")),
    ],
)
def test_fixes_side_by_side_are_both_applied(one: Edit, other: Edit) -> None:
    fixes = plan([finding(one), finding(other)], {"a.txt": TEN})

    assert fixes.left_out == ()
    assert fixes.fixed == 2


def test_one_fix_may_settle_several_findings() -> None:
    same = (edit(2, 2, "x\n"), edit(4, 4, ""))
    fixes = plan([finding(*same), finding(*same)], {"a.txt": TEN})

    assert after(fixes) == "1\nx\n3\n5\n6\n7\n8\n9\n10\n"
    assert fixes.fixed == 2


def test_only_safe_fixes_of_confirmed_findings_are_applied() -> None:
    fixes = plan(
        [
            finding(edit(1, 1, ""), safe=False),
            finding(edit(2, 2, ""), decision="demoted"),
            finding(edit(3, 3, ""), decision="held"),
            finding(edit(4, 4, ""), decision="withheld"),
            finding(),
        ],
        {"a.txt": TEN},
    )

    assert fixes == Fixes(confirmed=2, unsafe=1, files=(), left_out=())


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (TEN, edit(11, 11, "x\n")),
        (TEN, edit(12, 11, "x\n")),
        (TEN, edit(2, 2, "x")),
        (TEN, edit(2, 1, "x")),
        ("1\n2", edit(3, 2, "x\n")),
    ],
    ids=["no such line", "beyond the end", "joins two lines", "joins what follows", "joins the last line"],
)
def test_a_fix_that_does_not_fit_the_file_is_left_out(text: str, wrong: Edit) -> None:
    fixes = plan([finding(wrong)], {"a.txt": text})

    assert fixes.files == ()
    assert reasons(fixes) == ["its fix does not fit the file"]


@pytest.mark.parametrize(
    ("text", "right", "expected"),
    [
        ("1\n2", edit(2, 2, "x"), "1\nx"),
        ("1\n2", edit(2, 2, ""), "1\n"),
        ("1\n", edit(2, 1, "x"), "1\nx"),
        ("", edit(1, 0, "x\n"), "x\n"),
        ("1\r2\r\n3", edit(1, 1, "x\r\n"), "x\r\n3"),
        ("\x0c\u2028\n2\n", edit(2, 2, "x\n"), "\x0c\u2028\nx\n"),
    ],
)
def test_line_ends_are_kept_as_they_are(text: str, right: Edit, expected: str) -> None:
    assert after(plan([finding(right)], {"a.txt": text})) == expected


def test_a_file_that_was_not_reviewed_whole_is_left_alone() -> None:
    fixes = plan([finding(edit(1, 1, ""), path="b.txt")], {"a.txt": TEN})

    assert (fixes.files, reasons(fixes)) == ((), ["the whole file was not reviewed"])


# Python stays Python


def test_two_fixes_that_empty_a_block_together_are_not_applied_together() -> None:
    text = "def f():\n    import os\n    import sys\n"
    fixes = plan([finding(edit(number, number, ""), path="a.py") for number in (2, 3)], {"a.py": text})

    assert after(fixes) == "def f():\n    import sys\n"
    assert reasons(fixes) == ["with its fix the file could not be parsed any more; run again"]


def test_a_fix_that_breaks_a_file_is_not_applied() -> None:
    fixes = plan([finding(edit(1, 1, "def (\n"), path="a.py")], {"a.py": "x = 1\n"})

    assert (fixes.files, reasons(fixes)) == ((), ["with its fix the file could not be parsed any more"])


IMPORTED_TWICE = """
from a import b


def f():
    from a import b

    return b


def g():
    b = 1
    return b
"""


def test_two_fixes_that_remove_both_imports_of_a_name_are_not_applied_together() -> None:
    inner = finding(edit(6, 6, ""), path="a.py", severity="medium")
    outer = finding(edit(2, 2, ""), path="a.py")
    fixes = plan([outer, inner], {"a.py": IMPORTED_TWICE})

    assert after(fixes) == IMPORTED_TWICE.replace("    from a import b\n", "")
    assert reasons(fixes) == ["with its fix `b` would not be defined any more; run again"]
    assert fixes.left_out[0].finding is outer
    assert plan([outer], {"a.py": IMPORTED_TWICE}).left_out == ()


@pytest.mark.parametrize(
    ("text", "line", "lost"),
    [
        ("import a\nprint(a)\n", 1, "a"),
        ("def f():\n    return g()\ndef g(): pass\n", 3, "g"),
        ("class A:\n    import a\n    b = a\n", 2, "a"),
        ("def f():\n    global a\n    a = 1\n    b = 1\nprint(a)\n", 3, "a"),
        ("x = 1\ny = [x for z in ()]\n", 1, "x"),
        ("import a\nimport b\nprint(b)\n", 1, None),
        ("import a\ntry:\n    import a\nexcept ImportError: pass\nprint(a)\n", 1, None),
        ("import a\ndel a\n", 2, None),
        ("print(undefined)\nimport a\n", 2, None),
    ],
)
def test_no_name_is_lost(text: str, line: int, lost: str | None) -> None:
    fixes = plan([finding(edit(line, line, ""), path="a.py")], {"a.py": text})

    assert reasons(fixes) == ([f"with its fix `{lost}` would not be defined any more"] if lost else [])


@pytest.mark.parametrize("text", ["def (\n", "x = 1\n\0", f"{'(' * 5_000}\n"])
def test_a_file_that_is_broken_is_left_alone(text: str) -> None:
    fixes = plan([finding(edit(1, 1, ""), path="a.py")], {"a.py": text})

    assert fixes.files == ()
    assert re.fullmatch(r"Python 3\.\d+ cannot parse the file as it is", reasons(fixes)[0])


@pytest.mark.parametrize(
    "text", ["\ufeffx = 1\nimport os\n", "x = '\\d' is 1\nimport os\n", "# coding: latin-1\n'é'\n"]
)
def test_what_python_reads_or_only_warns_of_is_fixed(text: str) -> None:
    fixes = plan([finding(edit(2, 2, "y = 1\n"), path="a.py")], {"a.py": text})

    assert after(fixes).endswith("\ny = 1\n")


def test_the_search_for_the_fix_that_breaks_a_file_is_bounded() -> None:
    many = MAX_TRIES + 5
    text = "x = 1\n" * many + "y = 1\n"
    harmless = [finding(edit(number, number, "x = 2\n"), path="a.py") for number in range(1, many + 1)]
    breaking = finding(edit(many + 1, many + 1, "(\n"), path="a.py", severity="high")
    fixes = plan([*harmless, breaking], {"a.py": text})

    assert fixes.fixed == MAX_TRIES - 1
    assert len(fixes.left_out) == 1 + 6


# Files


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "top" / "in").mkdir(parents=True)
    (tmp_path / "top" / "in" / "a.txt").write_bytes(b"old\r\n\xef\xbb\xbf\xc3\xa9")
    return tmp_path / "top"


OLD = "old\r\n\ufeffé"


def test_a_file_is_replaced_with_its_permissions(top: Path) -> None:
    file = top / "in" / "a.txt"
    file.chmod(0o2751)
    replace_file(top, "in/a.txt", OLD, "new\r\n\ufeffé")

    assert file.read_bytes() == b"new\r\n\xef\xbb\xbf\xc3\xa9"
    assert stat.S_IMODE(file.stat().st_mode) == 0o2751
    assert list((top / "in").iterdir()) == [file]


def test_attributes_and_owner_of_a_file_are_kept(top: Path) -> None:
    file = top / "in" / "a.txt"
    try:
        os.setxattr(file, "user.note", b"kept")
        os.chown(file, 12345, 12345)
    except (AttributeError, OSError):
        pytest.skip("this system lets us set neither attributes nor owners")
    replace_file(top, "in/a.txt", OLD, "new")

    assert os.getxattr(file, "user.note") == b"kept"
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12345)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"other", "it has changed since it was reviewed"),
        (b"old\r\n\xef\xbb\xbf\xc3\xa9 and more", "it has changed since it was reviewed"),
        (b"old\r\n\xef\xbb\xbf\xc3", "it has changed since it was reviewed"),
        (b"", "it has changed since it was reviewed"),
        (b"old\xff", "it is not valid UTF-8"),
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_a_file_that_is_not_what_was_reviewed_is_left_alone(top: Path, data: bytes, said: str, write: bool) -> None:
    file = top / "in" / "a.txt"
    file.write_bytes(data)
    with pytest.raises(NotReplaced, match=said):
        replace_file(top, "in/a.txt", OLD, "new", write=write)

    assert file.read_bytes() == data


def test_a_byte_that_was_replaced_for_the_review_is_never_written_as_its_replacement(top: Path) -> None:
    (top / "b.txt").write_bytes(b"\xff\n")
    with pytest.raises(NotReplaced, match="not valid UTF-8"):
        replace_file(top, "b.txt", b"\xff\n".decode(errors="replace"), "new")


@pytest.mark.parametrize("path", ["link.txt", "folder/a.txt"])
def test_no_link_is_followed(top: Path, path: str) -> None:
    outside = top.parent / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("old")
    (top / "link.txt").symlink_to(outside / "a.txt")
    (top / "folder").symlink_to(outside)
    with pytest.raises(NotReplaced, match="symbolic link"):
        replace_file(top, path, "old", "new")

    assert (outside / "a.txt").read_text() == "old"
    assert (top / "link.txt").is_symlink()


@pytest.mark.parametrize("path", ["../outside.txt", "in/../../outside.txt", ".git/config", "/etc/hostname"])
def test_nothing_outside_of_the_folder_is_written(top: Path, path: str) -> None:
    (top.parent / "outside.txt").write_text("old")
    with pytest.raises(NotReplaced, match="path"):
        replace_file(top, path, "old", "new")

    assert (top.parent / "outside.txt").read_text() == "old"


def test_a_file_that_is_gone_or_none_at_all_is_named(top: Path) -> None:
    with pytest.raises(NotReplaced, match="it is gone"):
        replace_file(top, "in/b.txt", OLD, "new")
    os.mkfifo(top / "pipe")
    with pytest.raises(NotReplaced, match="not a regular file"):
        replace_file(top, "pipe", OLD, "new")
    with pytest.raises(NotReplaced, match="Is a directory"):
        replace_file(top, "in", OLD, "new")


def test_a_write_protected_file_is_left_alone(top: Path) -> None:
    (top / "in" / "a.txt").chmod(0o444)
    with pytest.raises(NotReplaced, match="write-protected"):
        replace_file(top, "in/a.txt", OLD, "new")


def test_a_file_that_changes_meanwhile_is_left_alone(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = top / "in" / "a.txt"
    fsync = os.fsync

    def changing(number: int) -> None:
        file.write_text("changed meanwhile")
        fsync(number)

    monkeypatch.setattr(os, "fsync", changing)
    with pytest.raises(NotReplaced, match="has changed"):
        replace_file(top, "in/a.txt", OLD, "new")

    assert file.read_text() == "changed meanwhile"
    assert list((top / "in").iterdir()) == [file]


@pytest.mark.parametrize(
    ("error", "raised"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left on device"), NotReplaced)],
)
def test_an_interruption_leaves_the_old_file_and_nothing_beside_it(
    top: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, raised: type[BaseException]
) -> None:
    def failing(number: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(raised):
        replace_file(top, "in/a.txt", OLD, "new")

    file = top / "in" / "a.txt"
    assert file.read_bytes() == OLD.encode()
    assert list((top / "in").iterdir()) == [file]


def test_at_any_time_the_file_is_the_old_or_the_new_one(top: Path) -> None:
    old, new = "old\n" * 20_000, "new\n" * 20_000
    file = top / "big.txt"
    file.write_text(old)
    seen: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(file.read_text())

    reading = threading.Thread(target=read)
    reading.start()
    try:
        for _ in range(20):
            replace_file(top, "big.txt", old, new)
            replace_file(top, "big.txt", new, old)
    finally:
        done.set()
        reading.join()

    assert seen
    assert all(text in (old, new) for text in seen)


def test_files_that_cannot_be_fixed_are_told_and_the_others_are_fixed(top: Path) -> None:
    (top / "b.txt").write_text("b\n")
    fixes = plan(
        [finding(edit(1, 1, "new\n"), path="in/a.txt"), finding(edit(1, 1, "new\n"), path="b.txt")],
        {"in/a.txt": "something else\n", "b.txt": "b\n"},
    )
    done = carry_out(fixes, top, write=True)

    assert [file.path for file in done.files] == ["b.txt"]
    assert (top / "b.txt").read_text() == "new\n"
    assert reasons(done) == ["it has changed since it was reviewed"]
    assert (done.fixed, done.confirmed) == (1, 2)


def test_without_writing_all_is_looked_at_and_nothing_changed(top: Path) -> None:
    (top / "b.txt").write_text("b\n")
    fixes = plan([finding(edit(1, 1, "new\n"), path="b.txt")], {"b.txt": "b\n"})

    assert carry_out(fixes, top, write=False) == fixes
    assert (top / "b.txt").read_text() == "b\n"


def test_what_remains_of_a_result_is_what_was_not_fixed() -> None:
    fixed, left = finding(edit(1, 1, "")), finding(severity="high")
    result = Result(
        task_id="t",
        kind="code-review",
        state="completed",
        findings=(left, fixed),
        coverage=Coverage(),
        timings=Timings(finished_at="2026-01-01T00:00:00.000Z"),
    )

    assert plan(result.findings, {"a.txt": TEN}).remaining(result).findings == (left,)


# What is told


PLAIN = Terminal()


def told(fixes: Fixes, *findings: DecidedFinding, written: bool = True, terminal: Terminal = PLAIN) -> str:
    return render(fixes, findings, terminal, written=written)


@given(
    st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=25),
    st.sampled_from(["", "last"]),
    st.lists(
        st.tuples(st.integers(1, 27), st.integers(0, 3), st.lists(st.sampled_from(["a\n", "x\n"]), max_size=3)),
        min_size=1,
        max_size=6,
    ),
)
@settings(max_examples=60, deadline=None)
def test_the_diff_is_one_that_git_applies(lines: list[str], last: str, edits: list[tuple[int, int, list[str]]]) -> None:
    text = "".join(lines) + last
    fixes = plan([finding(edit(line, line + count - 1, "".join(new))) for line, count, new in edits], {"a.txt": text})
    for file in fixes.files:
        diff = told(replace(fixes, left_out=())).rpartition("\n\n")[0].strip("\n") + "\n"
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, "a.txt")
            target.write_text(text)
            subprocess.run(["git", "apply", "-p0", "-"], cwd=folder, input=diff.encode(), check=True)
            assert target.read_text() == file.after


def test_the_diff_has_the_changed_lines_and_a_few_around_them() -> None:
    fixes = plan([finding(edit(5, 5, "five\n"))], {"a.txt": TEN})

    assert told(fixes) == (
        "\n--- a.txt\n+++ a.txt\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        "\nFixed 1 of 1 finding in 1 file. The review is of the files before.\n"
    )


def test_the_diff_of_an_empty_file_begins_before_its_first_line() -> None:
    assert "\n@@ -0,0 +1 @@\n+x\n" in told(plan([finding(edit(1, 0, "x\n"))], {"a.txt": ""}))


def test_an_endless_line_is_cut() -> None:
    shown = told(plan([finding(edit(1, 1, ""))], {"a.txt": "x" * (MAX_LINE + 1)}))

    assert f"\n-{'x' * MAX_LINE}\n" in shown


def test_lines_that_an_edit_keeps_are_not_shown_as_changed() -> None:
    fixes = plan([finding(edit(1, 10, TEN.replace("5\n", "")))], {"a.txt": TEN})

    assert [line for line in told(fixes).split("\n")[3:] if line[:1] in ("-", "+")] == ["-5"]


@pytest.mark.parametrize(("between", "hunks"), [(6, 1), (7, 2)])
def test_changes_whose_surroundings_meet_are_shown_together(between: int, hunks: int) -> None:
    text = "x\n" * 20
    fixes = plan([finding(edit(2, 2, "")), finding(edit(3 + between, 3 + between, ""))], {"a.txt": text})

    assert told(fixes).count("@@ -") == hunks


def test_no_character_of_a_file_controls_the_terminal() -> None:
    text = "a\x1b[2J\u202e\x07\tb\r\n"
    fixes = plan([finding(edit(1, 1, "\x1b]0;x\x07\n"), path="\x1b[1m.txt")], {"\x1b[1m.txt": text})
    shown = told(fixes)

    assert "\n--- \\x1b[1m.txt\n" in shown
    assert "\n-a\\x1b[2J\\u202e\\x07" in shown
    assert "\n+\\x1b]0;x\\x07\n" in shown
    assert shown.replace("\n", "").isprintable()
    assert told(fixes, terminal=Terminal(encoding="ascii")).isascii()


def test_a_terminal_gets_colours() -> None:
    shown = told(plan([finding(edit(5, 5, "five\n"))], {"a.txt": TEN}), terminal=Terminal(color=True))

    assert "\x1b[31m-5\x1b[0m\n\x1b[32m+five\x1b[0m\n 6\n" in shown


SECRET = "kestrel-9-umbrella"


def test_the_line_of_a_secret_is_not_shown() -> None:
    text = f"1\na = '{SECRET}'\n3\n4\ntoken = '{SECRET}'\n6\n"
    about = finding(path="a.txt", line=2, category="secrets")
    beside = plan([finding(edit(3, 3, ""))], {"a.txt": text})
    within = plan([finding(edit(2, 2, f"b = '{SECRET}'\n"))], {"a.txt": text})

    assert told(beside, about).count("not shown") == 2
    assert SECRET not in told(beside, about)
    assert SECRET not in told(within, about)
    assert "\n-3\n" in told(beside, about)


@pytest.mark.parametrize(
    ("findings", "written", "said"),
    [
        ([], True, "There is nothing to fix."),
        ([finding()], True, "Fixed 0 of 1 finding: none has a safe fix."),
        ([finding()], False, "Would fix 0 of 1 finding: none has a safe fix."),
        (
            [finding(edit(1, 1, "")), finding(), finding()],
            True,
            "Fixed 1 of 3 findings in 1 file; 2 are left. The review is of the files before.",
        ),
        (
            [finding(edit(1, 1, "")), finding(edit(1, 1, ""), path="b.txt"), finding()],
            True,
            "Fixed 2 of 3 findings in 2 files; 1 is left. The review is of the files before.",
        ),
        (
            [finding(edit(1, 1, "")), finding()],
            False,
            "Would fix 1 of 2 findings in 1 file; 1 would be left. Nothing was changed: --fix does it.",
        ),
        (
            [finding(edit(1, 1, ""), safe=False)],
            True,
            "Fixed 0 of 1 finding: none has a safe fix.\n1 has a fix that may change behaviour: apply it by hand.",
        ),
        (
            [finding(edit(1, 1, ""), safe=False)] * 2,
            True,
            "Fixed 0 of 2 findings: none has a safe fix.\n2 have fixes that may change behaviour: apply them by hand.",
        ),
    ],
)
def test_a_summary_says_what_it_comes_to(findings: list[DecidedFinding], written: bool, said: str) -> None:
    fixes = plan(findings, {"a.txt": TEN, "b.txt": TEN})

    assert told(fixes, written=written).rpartition("\n\n")[2] in (f"{said}\n", f"\n{said}\n")


def test_fixes_that_are_left_out_are_named_with_the_reason() -> None:
    wrong = [finding(edit(99, 99, ""), line=number) for number in range(1, MAX_LEFT_OUT + 3)]
    shown = told(plan(wrong, {"a.txt": TEN}))

    assert "\nNot fixed: a.txt:1 R1: its fix does not fit the file\n" in shown
    assert shown.count("Not fixed: ") == MAX_LEFT_OUT
    assert "\nand 2 more\n" in shown
    assert shown.endswith("\n\nFixed 0 of 22 findings.\n")
