"""`quorate review --fix` as a user meets it: in real git repositories, with every byte of the files looked at."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Shell, addition, shell

FIXER = '''
"""An agent that finds lines such as `# DROP high`, and would delete them."""

from quorate import Context, Finding, agent
from quorate.contract.fix import Edit, Fix


@agent("fixer")
async def fixer(ctx: Context) -> list[Finding]:
    """Finds them."""
    return [
        Finding(
            path=path,
            line=number,
            severity=line.split()[2],
            category="style",
            message="a line to drop",
            rule="drop",
            fix=Fix(edits=(Edit(line=number, end_line=number, text=""),), safe="UNSAFE" not in line),
        )
        for path, text in ctx.review.texts().items()
        for number, line in enumerate(text.split("\\n"), start=1)
        if line.startswith("# DROP ")
    ]
'''


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Shell]:
    """A repository with a committed `app.py`, whose reviews are those of the fixing agent alone."""
    with shell(tmp_path, QUORATE_BUILTIN_AGENTS="false", QUORATE_AGENT_MODULES="../fixer.py") as opened:
        (tmp_path / "fixer.py").write_text(FIXER)
        opened.git("init", "-q")
        opened.commit(app="old = 1\n# DROP low\nlast = 1\n")
        yield opened


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".git"}


def test_what_is_shown_is_fixed_and_nothing_else(repository: Shell) -> None:
    app = repository.write("app.py", "new = 1\n# DROP medium\nold = 1\n# DROP low\nlast = 1\n")
    repository.write("lib/new.py", "# DROP low\nx = 1\n# DROP low UNSAFE\n")
    done = repository("review", "--fix", "-q")

    assert app.read_text() == "new = 1\nold = 1\n# DROP low\nlast = 1\n", "an unchanged line is not in the review"
    assert (repository.folder / "lib" / "new.py").read_text() == "x = 1\n# DROP low UNSAFE\n"
    assert files(repository.folder) == {"app.py", "lib"}
    assert (done.code, done.err) == (0, "")
    review, _, told = done.out.partition("\n--- app.py\n")
    assert "a line to drop" in review
    assert told == (
        "+++ app.py\n@@ -1,5 +1,4 @@\n new = 1\n-# DROP medium\n old = 1\n # DROP low\n last = 1\n"
        "\n--- lib/new.py\n+++ lib/new.py\n@@ -1,3 +1,2 @@\n-# DROP low\n x = 1\n # DROP low UNSAFE\n"
        "\nFixed 2 of 3 findings in 2 files; 1 is left. The review is of the files before.\n"
        "1 has a fix that may change behaviour: apply it by hand.\n"
    )


def test_a_second_time_there_is_nothing_left_to_fix(repository: Shell) -> None:
    app = repository.write("app.py", "# DROP low\nold = 1\n# DROP low\nlast = 1\n")
    repository("review", "--fix", "-q")
    first = (app.read_bytes(), app.stat())
    done = repository("review", "--fix", "-q")

    assert first[0] == b"old = 1\n# DROP low\nlast = 1\n"
    assert done.out.startswith("Nothing to review")
    assert (app.read_bytes(), app.stat()) == first


def test_the_diff_alone_changes_nothing(repository: Shell) -> None:
    app = repository.write("app.py", "# DROP high\nlast = 1\n")
    before = (app.read_bytes(), app.stat())
    done = repository("review", "--diff", "-q")

    assert (app.read_bytes(), app.stat()) == before
    assert "\n@@ -1,2 +1 @@\n-# DROP high\n last = 1\n" in done.out
    assert done.out.endswith("\nWould fix 1 of 1 finding in 1 file. Nothing was changed: --fix does it.\n")
    assert done.code == 1
    assert repository("review", "--fix", "--diff", "-q").out.partition("@@")[2] == done.out.partition("@@")[2]
    assert (app.read_bytes(), app.stat()) == before


@pytest.mark.parametrize(
    ("lines", "code"), [("# DROP high\n", 0), ("# DROP high UNSAFE\n", 1), ("# DROP high\n# DROP high UNSAFE\n", 1)]
)
def test_the_exit_code_is_that_of_what_remains(repository: Shell, lines: str, code: int) -> None:
    repository.write("app.py", lines)

    assert repository("review", "--fix", "-q").code == code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a = 1\r\n# DROP low\r\nb = 1\r\n", b"a = 1\r\nb = 1\r\n"),
        (b"a = 1\n# DROP low\nb = 1", b"a = 1\nb = 1"),
        (b"a = 1\n# DROP low", b"a = 1\n"),
        (b"\xef\xbb\xbfa = 1\n# DROP low\nb = '\xc3\xa9'\r\n\x0c", b"\xef\xbb\xbfa = 1\nb = '\xc3\xa9'\r\n\x0c"),
        (b"# DROP low\n", b""),
    ],
    ids=["crlf", "unterminated", "the unterminated line", "byte order mark", "all of it"],
)
def test_every_other_byte_stays(repository: Shell, before: bytes, after: bytes) -> None:
    file = repository.folder / "new.py"
    file.write_bytes(before)
    done = repository("review", "--fix", "-q")

    assert file.read_bytes() == after
    assert "Fixed 1 of 1 finding in 1 file." in done.out


def test_a_file_in_another_encoding_is_left_alone(repository: Shell) -> None:
    file = repository.folder / "new.py"
    file.write_bytes(b"# coding: latin-1\n# DROP low\nb = '\xe9'\n")
    done = repository("review", "--fix", "-q")

    assert file.read_bytes() == b"# coding: latin-1\n# DROP low\nb = '\xe9'\n"
    assert "Not fixed: new.py:2 drop: it is not valid UTF-8\n" in done.out


def test_a_script_stays_executable(repository: Shell) -> None:
    file = repository.write("run", "#!/bin/sh\n# DROP low\n")
    file.chmod(0o750)
    repository("review", "--fix", "-q")

    assert file.read_text() == "#!/bin/sh\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o750


def test_what_a_link_leads_to_is_not_written(repository: Shell, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("# DROP low\n")
    link = repository.folder / "link.py"
    link.symlink_to(outside)
    repository.write("new.py", "# DROP low\n")
    repository("review", "--fix", "-q")

    assert outside.read_text() == "# DROP low\n"
    assert link.is_symlink()
    assert (repository.folder / "new.py").read_text() == ""


def test_a_subfolder_is_fixed_alone_and_from_wherever_one_stands(repository: Shell) -> None:
    app = repository.write("app.py", "# DROP low\n")
    new = repository.write("lib/new.py", "# DROP low\n")
    done = repository.run(["bash", "-c", "cd lib && QUORATE_AGENT_MODULES=../../fixer.py quorate review --fix -q"])

    assert "--- lib/new.py\n" in done.out
    assert (new.read_text(), app.read_text()) == ("", "# DROP low\n")


def test_whole_files_are_fixed_if_all_of_them_are_reviewed(repository: Shell) -> None:
    done = repository("review", "--all-files", "--fix", "-q", "--format", "json")

    assert len(done.json["findings"]) == 1
    assert (repository.folder / "app.py").read_text() == "old = 1\nlast = 1\n"


@pytest.mark.parametrize("format_", ["json", "sarif", "markdown"])
def test_other_formats_stay_what_they_are(repository: Shell, format_: str) -> None:
    repository.write("new.py", "# DROP low\n")
    shown = repository("review", "--diff", "-q", "--format", format_)
    fixed = repository("review", "--fix", "-q", "--format", format_)

    assert shown.err.startswith("\n--- new.py\n+++ new.py\n@@ -1 +0,0 @@\n-# DROP low\n")
    assert "Fixed 1 of 1 finding in 1 file. The review is of the files before.\n" in fixed.err
    for done in (shown, fixed):
        assert "a line to drop" in done.out
        assert "@@ -1" not in done.out
        if format_ != "markdown":
            json.loads(done.out)


def test_a_result_that_goes_to_a_file_is_that_of_before(repository: Shell) -> None:
    repository.write("new.py", "# DROP low\n")
    done = repository("review", "--fix", "-q", "--format", "json", "--output", "../result.json")

    assert done.out == ""
    assert "Fixed 1 of 1 finding" in done.err
    assert len(json.loads((repository.folder.parent / "result.json").read_text())["findings"]) == 1


def test_a_reader_that_goes_early_keeps_no_file_from_being_fixed(repository: Shell) -> None:
    for number in range(100):
        repository.write(f"new{number}.py", "# DROP low\n" * 30)
    done = repository.run(["bash", "-c", "quorate review --fix -q | head -1; exit ${PIPESTATUS[0]}"])

    assert (done.code, done.err) == (0, "")
    assert all((repository.folder / f"new{number}.py").read_text() == "" for number in range(100))


@pytest.mark.parametrize("option", ["--fix", "--diff"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--range", "HEAD"], "leave out --range and --patch"),
        (["--patch", "-"], "leave out --range and --patch"),
        (["--staged"], "leave out --staged, and `git add` the files afterwards"),
        (["--watch"], "go without --watch"),
    ],
)
def test_only_the_working_tree_is_fixed(repository: Shell, option: str, arguments: list[str], said: str) -> None:
    done = repository("review", option, *arguments, stdin=addition("new.py", "# DROP low"))

    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())


def test_ruff_fixes_what_it_finds(tmp_path: Path) -> None:
    with shell(tmp_path) as quorate:
        quorate.git("init", "-q")
        new = quorate.write("new.py", "")
        new.write_bytes(b"import os\r\nimport sys\r\n\r\n\r\ndef f(x=[]):\r\n    return getattr(sys, 'argv'), x\r\n")
        done = quorate("review", "--fix", "-q")

    assert new.read_bytes() == b"import sys\r\n\r\n\r\ndef f(x=[]):\r\n    return sys.argv, x\r\n"
    assert "Fixed 2 of 3 findings in 1 file; 1 is left." in done.out


def test_what_a_comment_dismisses_is_not_fixed(tmp_path: Path) -> None:
    text = "from os import (\n    sep,\n    path,  # noqa: F401\n)\nimport sys  # noqa: F401\n"
    with shell(tmp_path) as quorate:
        quorate.git("init", "-q")
        new = quorate.write("new.py", text)
        quorate("review", "--fix", "-q")

    assert new.read_text() == text.replace("    sep,\n", "")
