"""`quorate baseline` and what a review makes of it: real git, real reviews."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.e2e.support import MARKERS, ROOT, Shell, shell

FILE = ".quorate-baseline.json"


@pytest.fixture
def quorate(tmp_path: Path) -> Iterator[Shell]:
    """A repository with old code: two marked lines in `app.py`, one in `lib/tool.py`; nothing is known yet."""
    with shell(tmp_path, QUORATE_BUILTIN_AGENTS="false", QUORATE_AGENT_MODULES="../markers.py") as opened:
        (tmp_path / "markers.py").write_text(MARKERS)
        opened.git("init", "-q")
        opened.commit(app="one = 1\n# MARK high\nthree = 3\n# MARK high\n", lib__tool="# MARK medium\n")
        yield opened


@pytest.fixture
def known(quorate: Shell) -> Shell:
    """The same with a baseline, which is committed."""
    done = quorate("baseline", "write", "-q")
    assert done.code == 0, done.err
    quorate.git("add", "-A")
    quorate.git("commit", "-qm", "know what is there")
    return quorate


def places(body: dict[str, list[dict[str, object]]]) -> dict[tuple[object, object], object]:
    return {(finding["path"], finding["line"]): finding["decision"] for finding in body["findings"]}


# Writing


def test_everything_that_is_tracked_is_written_down(quorate: Shell) -> None:
    quorate.write("untracked.py", "# MARK high\n")
    done = quorate("baseline", "write", "-q")

    assert done.code == 0
    assert "3 findings (2 high, 1 medium) written to .quorate-baseline.json" in done.out
    body = json.loads((quorate.folder / FILE).read_text())
    assert [(entry["path"], entry.get("count", 1)) for entry in body["findings"]] == [("app.py", 2), ("lib/tool.py", 1)]
    assert set(body["agents"]) == {"marker", "second-marker"}


def test_below_a_folder_only_its_part_is_written_anew(known: Shell) -> None:
    known.commit(lib__tool="tool = 1\n", app="fine = 1\n")
    assert ": 0 more, 1 gone" in known("baseline", "write", "lib", "-q").out

    shown = known("baseline", "show").out
    assert "app.py" in shown
    assert "lib/tool.py" not in shown


def test_the_same_code_gives_the_same_file(known: Shell) -> None:
    before = (known.folder / FILE).read_bytes()
    assert ": as before" in known("baseline", "write", "-q").out
    assert (known.folder / FILE).read_bytes() == before


def test_it_can_be_written_and_used_from_a_subfolder(quorate: Shell) -> None:
    inner = quorate.folder / "lib"
    module = str(quorate.folder.parent / "markers.py")
    done = quorate.run(
        ["env", "-C", str(inner), f"QUORATE_AGENT_MODULES={module}", "quorate", "baseline", "write", "-q", ".."]
    )

    assert done.code == 0, done.err
    assert (quorate.folder / FILE).is_file()


def test_a_file_that_is_no_baseline_is_not_written_over(quorate: Shell) -> None:
    done = quorate("baseline", "write", "-q", "--file", "app.py")

    assert done.code == 2
    assert "app.py is no baseline" in done.err
    assert "MARK" in (quorate.folder / "app.py").read_text()


def test_no_baseline_is_written_from_a_review_that_is_not_whole(quorate: Shell) -> None:
    quorate.write(
        "broken.py", "from quorate import agent\n\n\n@agent('broken')\nasync def b(ctx):\n    raise OSError\n"
    )
    done = quorate("baseline", "write", "-q", "--agents", "broken.py")

    assert done.code == 3
    assert "no baseline without a complete review" in done.err
    assert "broken" in done.err
    assert not (quorate.folder / FILE).exists()


def test_a_folder_without_tracked_files_is_told(tmp_path: Path) -> None:
    with shell(tmp_path) as quorate:
        quorate.git("init", "-q")
        done = quorate("baseline", "write")

    assert done.code == 2
    assert "git tracks no file here" in done.err


def test_the_tools_find_nothing_in_a_baseline(tmp_path: Path) -> None:
    with shell(tmp_path) as quorate:
        quorate.git("init", "-q")
        for number in range(20):
            quorate.write(f"s{number}.py", f'PASSWORD = "hunter2-and-more-{number}"\nassert PASSWORD\n')
        quorate.git("add", "-A")
        assert quorate("baseline", "write", "-q").code == 0
        quorate.git("add", "-A")
        body = quorate("review", "--staged", FILE, "--format", "json", "-q").json

    assert body["findings"] == []
    assert body["coverage"]["agents"]["detect-secrets"]["files"] == 1


# Reviewing


def test_a_review_hides_what_is_known_and_says_so(known: Shell) -> None:
    known.write("app.py", "one = 1\n# MARK high \nthree = 3\n# MARK high\n")
    known.write("new.py", "# MARK low\n")
    done = known("review", "-q")

    assert done.code == 0
    assert "new.py:1" in done.out
    assert "app.py:2" not in done.out
    assert "1 finding known from the baseline is not shown; --no-baseline shows them" in done.out
    assert known("review", "-q", "--no-baseline").code == 1


def test_one_more_of_a_kind_is_shown(known: Shell) -> None:
    known.write("app.py", "one = 1\n# MARK high\nthree = 3\n# MARK high\n# MARK high\n")
    done = known("review", "-q", "--format", "json")

    assert places(done.json) == {("app.py", 5): "confirmed"}
    assert done.code == 1


def test_code_that_only_moves_stays_known(known: Shell) -> None:
    known.write("app.py", "zero = 0\n" * 30 + "# MARK high\nthree = 3\n# MARK high\n")
    done = known("review", "-q", "--format", "json")

    assert done.code == 0
    assert set(places(done.json).values()) <= {"withheld"}


def test_programs_get_what_is_known_as_withheld(known: Shell) -> None:
    known.write("app.py", "one = 1\n# MARK high #\nthree = 3\n# MARK high\n".replace(" #\n", "\n", 1) + "x = 1\n")
    known.write("lib/tool.py", "# MARK medium\n\n# MARK medium\n")
    done = known("review", "-q", "--all", "--format", "json", "--also", "sarif=review.sarif")

    assert places(done.json)["app.py", 2] == "withheld"
    assert "known from the baseline" in done.json["findings"][0]["reason"]
    assert sorted(map(str, places(done.json).values())) == ["confirmed", "withheld", "withheld", "withheld"]
    log = json.loads((known.folder / "review.sarif").read_text())
    jsonschema.validate(log, json.loads((ROOT / "tests/contract/sarif-2.1.0.schema.json").read_text()))
    suppressed = [item["suppressions"][0] for item in log["runs"][0]["results"] if "suppressions" in item]
    assert [item["status"] for item in suppressed] == ["accepted"] * 3
    assert {item["kind"] for item in suppressed} == {"external"}


def test_a_change_cannot_silence_its_reviewers(known: Shell) -> None:
    """Commits are reviewed with the baseline of the commit that they are compared with."""
    known.git("switch", "-qc", "topic")
    known.write("new.py", "# MARK high\n")
    known.git("add", "-A")
    assert known("baseline", "write", "-q").code == 0
    known.git("add", "-A")
    known.git("commit", "-qm", "a finding, and it is known")

    assert known("review", "--range", "main..topic", "-q").code == 1
    assert known("review", "--range", "main...topic", "-q", "--baseline", FILE).code == 1, "nor by naming the file"
    assert known("review", "--range", "topic", "-q").code == 1
    later = known("review", "--range", "topic..", "-q")
    assert later.code == 0


def test_commits_are_reviewed_with_the_baseline_of_their_base(known: Shell) -> None:
    known.commit(app="one = 1\n# MARK high\nthree = 3\nfour = 4\n# MARK high\n")
    (known.folder / FILE).unlink()

    assert known("review", "--range", "HEAD", "-q").code == 0


def test_a_baseline_from_elsewhere_counts_where_it_is_named(known: Shell, tmp_path: Path) -> None:
    elsewhere = tmp_path / "theirs.json"
    (known.folder / FILE).rename(elsewhere)
    known.git("commit", "-qam", "without a baseline")
    known.git("mv", "app.py", "old.py")
    known.git("mv", "old.py", "app.py")
    known.commit(app="one = 1\n# MARK high\n\n# MARK high\n# three\n")
    patch = known.git("diff", "--no-renames", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "HEAD")

    assert known("review", "--patch", "-", "-q", stdin=patch).code == 1
    assert known("review", "--patch", "-", "-q", "--baseline", str(elsewhere), stdin=patch).code == 0
    assert known("review", "--all-files", "-q", "--baseline", str(elsewhere)).code == 0
    assert known("review", "--all-files", "-q").code == 1


def test_a_named_baseline_that_the_base_has_not_is_an_error(quorate: Shell) -> None:
    quorate("baseline", "write", "-q")
    quorate.commit(app="x = 1\n")
    done = quorate("review", "--range", "HEAD", "--baseline", FILE)

    assert done.code == 2
    assert f"has no {FILE}: a review of commits reads the baseline there" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "absent.json"], "the baseline absent.json cannot be read: No such file or directory"),
        (["--baseline", "x.json", "--no-baseline"], "give --baseline or --no-baseline"),
    ],
    ids=["absent", "both"],
)
def test_what_cannot_be_a_baseline_is_refused(quorate: Shell, arguments: list[str], said: str) -> None:
    quorate.write("new.py", "")
    done = quorate("review", "-q", *arguments)

    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize("text", ["{", '{"version": 99}', "<<<<<<< HEAD\n"])
def test_a_broken_baseline_stops_the_review_with_a_sentence(quorate: Shell, text: str) -> None:
    quorate.write(FILE, text)
    done = quorate("review", "-q")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"quorate: {FILE} ")
    assert done.err.count("\n") == 1
    assert quorate("review", "-q", "--no-baseline").code == 0


def test_a_baseline_that_is_a_link_is_refused(quorate: Shell, tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text("{}")
    (quorate.folder / FILE).symlink_to(tmp_path / "theirs.json")

    assert "is a symbolic link" in quorate("review", "-q").err


# Looking after it


def test_pruning_removes_what_is_gone_and_adds_nothing(known: Shell) -> None:
    known.write("app.py", "one = 1\n# MARK high\n")
    known.write("lib/tool.py", "# MARK medium\n# MARK medium\n")
    done = known("baseline", "prune", "-q")

    assert "2 findings (1 high, 1 medium) left in .quorate-baseline.json: 0 more, 1 gone" in done.out
    assert "Nothing to remove" in known("baseline", "prune", "-q").out


def test_pruning_below_a_folder_leaves_the_rest(known: Shell) -> None:
    known.write("app.py", "one = 1\n")
    known.write("lib/tool.py", "")
    known("baseline", "prune", "lib", "-q")

    assert "2 findings (2 high)" in known("baseline", "show").out


def test_nothing_is_pruned_when_an_agent_that_looked_is_not_there(known: Shell) -> None:
    known.write("app.py", "one = 1\n")
    done = known("baseline", "prune", "-q", QUORATE_AGENT_MODULES="", QUORATE_BUILTIN_AGENTS="true")

    assert done.code == 3
    assert "nothing was removed: marker, second-marker looked when the baseline was written" in done.err


def test_a_baseline_is_shown_by_file(known: Shell) -> None:
    shown = known("baseline", "show").out.splitlines()

    assert shown[:2] == ["app.py", "  high      mark ×2 a marked line"]
    assert shown[-1] == "3 findings (2 high, 1 medium), found by marker 1, second-marker 1"


@pytest.mark.parametrize("command", ["show", "prune"])
def test_where_there_is_no_baseline_it_is_told(quorate: Shell, command: str) -> None:
    done = quorate("baseline", command)

    assert done.code == 2
    assert f"{FILE} cannot be read: No such file or directory" in done.err
