"""`quorate review --watch`: a real watcher over a real repository."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import MARKERS, Shell, Started, shell, until


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path, QUORATE_BUILTIN_AGENTS="false", QUORATE_AGENT_MODULES="../markers.py") as opened:
        (tmp_path / "markers.py").write_text(MARKERS)
        opened.git("init", "-q")
        opened.write(".gitignore", "ignored/\n")
        opened.commit(app="old = 1\n")
        yield opened


def watching(repository: Shell, *arguments: str) -> Started:
    """A watch that has shown its first review."""
    watch = repository.start("review", "--watch", "-q", *arguments)
    until(lambda: "Nothing to review" in watch.out or not watch.running, "the first review is there")
    return watch


def test_each_change_is_reviewed_and_named(repository: Shell) -> None:
    watch = watching(repository)
    repository.write("app.py", "old = 1\n# MARK high\n")
    until(lambda: "app.py:2" in watch.out, "the change is reviewed")
    repository.write("app.py", "old = 1\n")
    until(lambda: watch.out.count("Nothing to review") == 2, "that it was taken back is seen")
    repository.write("new.py", "# MARK low\n")
    until(lambda: "new.py:1" in watch.out, "a new file is reviewed")

    assert watch.out.count("app.py changed") == 2
    assert "new.py changed" in watch.out
    assert watch.stop(signal.SIGINT).code == 130


def test_what_git_ignores_and_saves_without_a_difference_are_not_reviewed(repository: Shell) -> None:
    watch = watching(repository)
    repository.write("ignored/new.py", "# MARK high\n")
    repository.write(".quorate/new.json", "{}")
    (repository.folder / "app.py").touch()
    repository.write("last.py", "# MARK low\n")
    until(lambda: "last.py:1" in watch.out, "what came after them is reviewed")

    assert watch.out.count(" changed\n") == 1
    assert "ignored" not in watch.out


def test_what_is_staged_is_watched_in_gits_index(repository: Shell) -> None:
    watch = watching(repository, "--staged")
    repository.write("new.py", "# MARK low\n")
    repository.git("add", "new.py")
    until(lambda: "new.py:1" in watch.out, "the staged file is reviewed")
    repository.git("commit", "-qm", "in")
    until(lambda: watch.out.count("Nothing to review") == 2, "the commit is seen")


def test_a_change_that_comes_during_a_review_is_reviewed_after_it(repository: Shell) -> None:
    slow = repository.write(
        "../slow.py",
        "import time\nfrom pathlib import Path\nfrom quorate import Context, agent\n\n\n"
        "@agent('slow')\nasync def slow(ctx: Context) -> None:\n    Path('../begun').touch()\n"
        "    while not Path('../go').exists():\n        time.sleep(0.01)\n",
    )
    repository.write("app.py", "# MARK low\n")
    watch = repository.start("review", "--watch", "-q", "--agents", str(slow))
    until((repository.folder / "../begun").exists, "the first review runs")
    repository.write("app.py", "# MARK low\n# MARK medium\n")
    (repository.folder / "../go").touch()
    until(lambda: "app.py:2" in watch.out, "the later change is reviewed")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watch_ends_at_once_and_leaves_nothing(repository: Shell, number: int, code: int) -> None:
    watch = watching(repository)
    repository.write("new.py", "# MARK low\n")
    until(lambda: "new.py:1" in watch.out, "it waits again")
    stopped_at = time.monotonic()
    done = watch.stop(number)

    assert (done.code, done.err.strip()) == (code, "stopped")
    assert time.monotonic() - stopped_at < 3
    assert list(repository.temporary.iterdir()) == []


def test_a_baseline_that_breaks_is_told_and_the_watch_goes_on(repository: Shell) -> None:
    watch = watching(repository)
    repository.write(".quorate-baseline.json", "{")
    until(lambda: ".quorate-baseline.json is no baseline" in watch.err, "it is told")
    (repository.folder / ".quorate-baseline.json").unlink()
    until(lambda: watch.out.count("Nothing to review") == 2, "the next change is reviewed")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--range", "HEAD"],
        ["--patch", "x.patch"],
        ["--all-files"],
        ["--format", "json"],
        ["--output", "review.txt"],
        ["--also", "json=review.json"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_beside_a_watch_is_refused(repository: Shell, arguments: list[str]) -> None:
    done = repository("review", "--watch", *arguments)

    assert done.code == 2
    assert "--watch" in done.err


def test_a_folder_that_is_no_repository_is_told_at_once(tmp_path: Path) -> None:
    with shell(tmp_path) as quorate:
        done = quorate("review", "--watch")

    assert done.code == 2
    assert "not in a git repository" in done.err
