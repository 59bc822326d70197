"""`quorate review` as a user meets it: a real broker, real services, real git, in processes of their own."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from quorate.contract.result import Result
from tests.e2e.support import CHANGE, MARKERS, NAPS, ROOT, Shell, addition, below, is_gone, shell, until

SLOW = '''
"""An agent that takes longer than anyone waits, with a tool that does as well."""

from pathlib import Path

from quorate import Context, agent
from quorate_worker.adapters.process import run_tool


@agent("slow", kinds=["code-review", "nap"])
async def slow(ctx: Context) -> None:
    """Takes its time."""
    here = Path.cwd()
    Path("begun").touch()
    await run_tool(["sleep", "600"], cwd=here, home=here, timeout_s=600)
'''

READER = """
from quorate import Context, agent


@agent("reader")
async def reader(ctx: Context) -> list:
    ctx.review.texts()
    return []
"""


@pytest.fixture
def quorate(tmp_path: Path) -> Iterator[Shell]:
    """An empty folder whose reviews are those of the marking agents alone."""
    with shell(tmp_path, QUORATE_BUILTIN_AGENTS="false", QUORATE_AGENT_MODULES="../markers.py") as opened:
        (tmp_path / "markers.py").write_text(MARKERS)
        yield opened


@pytest.fixture
def repository(quorate: Shell) -> Shell:
    """The same with a repository: `app.py` and `lib/tool.py` are committed."""
    quorate.git("init", "-q")
    quorate.commit(app="old = 1\n# MARK low\nlast = 1\n", lib__tool="tool = 1\n")
    return quorate


def found(body: Any) -> set[tuple[str, int]]:
    return {(finding["path"], finding["line"]) for finding in body["findings"]}


# What is reviewed


def test_the_example_is_reviewed_by_every_analyzer(tmp_path: Path) -> None:
    with shell(tmp_path, QUORATE_CACHE="false") as quorate:
        done = quorate("review", "--patch", str(CHANGE), "--format", "json")

    assert done.code == 1
    body = done.json
    states = {name: agent["state"] for name, agent in body["coverage"]["agents"].items()}
    assert states.pop("semgrep") in {"ok", "missing"}, "it is not among what is installed with the rest"
    assert {name for name, state in states.items() if state == "ok"} == {
        *("bandit", "complexity", "detect-secrets", "format", "mypy", "performance", "ruff", "taint"),
        *("conflict-markers", "dependencies", "large-files", "licence-headers", "tests-touched", "todo"),
    }
    assert {name for name, state in states.items() if state == "skipped"} == {
        *("biome", "hadolint", "shellcheck", "yamllint", "zizmor")
    }
    assert {"shop/reports.py"} == {finding["path"] for finding in body["findings"]}
    assert body["verdict"] == "request_changes"
    assert body["coverage"]["unread"] == ["README.md", "shop/app.py"]
    assert "mypy: " in done.err, "progress is told on standard error"


def test_a_working_tree_is_reviewed_with_its_untracked_files(repository: Shell) -> None:
    repository.write("app.py", "old = 1\n# MARK low\nlast = 1\n# MARK medium\n")
    repository.write("new.py", "# MARK high\n")
    done = repository("review", "--format", "json", "-q")

    assert found(done.json) == {("app.py", 4), ("new.py", 1)}
    assert done.code == 1
    assert done.err == ""


def test_a_change_in_the_second_of_the_commit_is_seen(repository: Shell) -> None:
    """git knows a changed file by its size and its time in seconds, but for those as young as the index itself."""
    app = repository.folder / "app.py"

    def changed_in_the_same_second(number: int) -> bool:
        repository.commit(app=f"number = {number}\n")
        committed_at = int(app.stat().st_ctime)
        app.write_text(f"number = {number + 1}\n")
        return int(app.stat().st_ctime) == committed_at

    assert any(changed_in_the_same_second(number) for number in range(1, 8, 2))
    assert repository.git("diff", "--stat")
    until(lambda: time.time() > int(app.stat().st_ctime) + 1, "the second is over")

    assert "Nothing to review" not in repository("review").out


def test_a_subfolder_is_reviewed_alone(repository: Shell) -> None:
    repository.write("app.py", "# MARK high\n")
    repository.write("lib/new.py", "# MARK low\n")

    assert found(repository("review", "lib", "--format", "json").json) == {("lib/new.py", 1)}


def test_only_what_is_staged_is_reviewed_if_asked(repository: Shell) -> None:
    repository.write("staged.py", "# MARK low\n")
    repository.git("add", "staged.py")
    repository.write("staged.py", "# MARK low\n# MARK high\n")
    repository.write("other.py", "# MARK high\n")

    assert found(repository("review", "--staged", "--format", "json").json) == {("staged.py", 1)}


def test_a_range_and_a_single_commit_are_reviewed(repository: Shell) -> None:
    repository.commit(first="# MARK low\n")
    repository.commit(second="# MARK low\n")
    repository.write("not-committed.py", "# MARK high\n")

    ranged = repository("review", "--range", "HEAD~2..", "--format", "json").json
    assert found(ranged) == {("first.py", 1), ("second.py", 1)}
    assert found(repository("review", "--range", "HEAD~1", "--format", "json").json) == {("first.py", 1)}


def test_a_patch_from_standard_input_is_the_same_as_from_a_file(quorate: Shell) -> None:
    patch = addition("a.py", "x = 1", "# MARK low")
    quorate.write("a.patch", patch)

    from_file = quorate("review", "--patch", "a.patch", "--format", "json").json
    from_stdin = quorate("review", "--patch", "-", "--format", "json", stdin=patch).json
    assert found(from_file) == found(from_stdin) == {("a.py", 2)}


def test_findings_outside_the_changed_lines_are_shown_with_all_only(repository: Shell) -> None:
    repository.write("app.py", "old = 1\n# MARK low\nlast = 22\n")

    changed = repository("review")
    assert "nothing found" in changed.out
    assert "left out; `--all` asks for them too" in changed.out
    assert found(repository("review", "--all", "--format", "json").json) == {("app.py", 2)}


def test_a_deleted_file_leaves_nothing_to_find(repository: Shell) -> None:
    (repository.folder / "lib" / "tool.py").unlink()
    done = repository("review", "--format", "json")

    assert (done.code, done.json["findings"], done.json["state"]) == (0, [], "completed")


def test_a_change_of_binary_files_only_is_not_approved(quorate: Shell) -> None:
    patch = "diff --git a/x.bin b/x.bin\nindex 1111111..2222222 100644\nBinary files a/x.bin and b/x.bin differ\n"
    done = quorate("review", "--patch", "-", stdin=patch)

    assert done.code == 0
    assert "no agent read any file; 1 file unread" in done.out


def test_names_that_are_not_utf_8_are_reviewed(repository: Shell) -> None:
    name = os.fsencode(repository.folder) + b"/caf\xe9.py"
    Path(os.fsdecode(name)).write_text("# MARK high\n")
    done = repository("review")

    assert done.code == 1
    assert "caf\N{REPLACEMENT CHARACTER}.py:1" in done.out


def test_a_change_of_a_thousand_files_is_reviewed_whole(quorate: Shell) -> None:
    patch = "".join(addition(f"p/m{number}.py", "x = 1", "# MARK low") for number in range(1_000))
    started = time.monotonic()
    body = quorate("review", "--patch", "-", "--format", "json", stdin=patch).json

    assert len(body["findings"]) == 1_000
    assert body["coverage"]["agents"]["marker"]["files"] == 1_000
    assert time.monotonic() - started < 15


def test_a_change_of_thirty_megabytes_is_reviewed_whole(quorate: Shell) -> None:
    lines = [f"value_{number} = {number!r:>60}" for number in range(7_000)]
    quorate.write("big.patch", "".join(addition(f"p/m{number}.py", *lines, "# MARK low") for number in range(60)))
    assert (quorate.folder / "big.patch").stat().st_size > 30e6
    started = time.monotonic()
    body = quorate("review", "--patch", "big.patch", "--format", "json").json

    assert len(body["findings"]) == 60
    assert time.monotonic() - started < 30


# What is no change


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing has changed here since the last commit; --range reviews commits"),
        (["--staged"], "nothing is staged here"),
        (["--range", "HEAD..HEAD"], "HEAD..HEAD changes nothing here"),
        (["--patch", "-"], "the patch is empty"),
    ],
)
def test_an_empty_change_is_no_error(repository: Shell, arguments: list[str], said: str) -> None:
    done = repository("review", *arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Nothing to review: {said}")


def test_an_empty_change_is_a_result_for_programs(quorate: Shell) -> None:
    done = quorate("review", "--patch", "-", "--format", "json")
    body = Result.model_validate(done.json)

    assert (body.state, body.verdict, body.findings) == ("completed", "approve", ())
    assert (done.code, body.summary) == (0, "the patch is empty")


def test_what_is_not_a_diff_is_refused(quorate: Shell) -> None:
    done = quorate("review", "--patch", "-", "--format", "json", stdin="hello\nworld\n")

    assert done.code == 2
    assert done.json["state"] == "rejected"
    assert "No diff" in done.json["reason"]


def test_a_patch_whose_paths_escape_is_refused(quorate: Shell) -> None:
    patch = "--- a/../outside.py\n+++ b/../outside.py\n@@ -1 +1 @@\n-a\n+b\n"
    done = quorate("review", "--patch", "-", stdin=patch)

    assert done.code == 2
    assert "Rejected" in done.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "run this in one, or give a diff with --patch FILE"),
        (["--range", "HEAD"], "run this in one, or give a diff with --patch FILE"),
        (["nowhere"], "'nowhere' does not exist"),
        (["--patch", "nowhere.patch"], "The patch in nowhere.patch cannot be read"),
        (["--staged", "--range", "HEAD"], "at most one of --range, --staged, --patch and --all-files"),
        (["--fail-on", "sometimes"], "'sometimes' is not one of"),
        (["--patch", "-", "--output", "nowhere/x"], "there is no folder"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(quorate: Shell, arguments: list[str], hint: str) -> None:
    done = quorate("review", *arguments)

    assert (done.code, done.out) == (2, "")
    assert hint in done.err


def test_a_revision_that_is_unknown_is_named(repository: Shell) -> None:
    done = repository("review", "--range", "no-such-branch..HEAD")

    assert done.code == 2
    assert "no-such-branch" in done.err
    assert "git log" in done.err


# Exit codes


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        ("medium", "high", 0),
        ("medium", "medium", 1),
        ("critical", "critical", 1),
        ("critical", "never", 0),
    ],
)
def test_the_exit_code_follows_fail_on(quorate: Shell, severity: str, fail_on: str, code: int) -> None:
    patch = addition("a.py", f"# MARK {severity}")
    done = quorate("review", "--patch", "-", "--fail-on", fail_on, "--format", "json", stdin=patch)

    assert [finding["severity"] for finding in done.json["findings"]] == [severity]
    assert done.code == code


def test_a_required_agent_that_is_not_there_makes_the_review_incomplete(quorate: Shell) -> None:
    patch = addition("a.py", "# MARK high")

    assert quorate("review", "--patch", "-", stdin=patch, QUORATE_REQUIRED_AGENTS="marker").code == 1
    assert quorate("review", "--patch", "-", stdin=patch, QUORATE_REQUIRED_AGENTS="marker,absent").code == 3


def test_a_review_whose_agents_all_fail_is_incomplete_and_says_why(quorate: Shell) -> None:
    quorate.write(
        "failing.py",
        "from quorate import agent\n\n@agent('failing')\nasync def failing(ctx):\n    raise RuntimeError('kaput')\n",
    )
    done = quorate("review", "--patch", str(CHANGE), QUORATE_AGENT_MODULES="failing.py")

    assert done.code == 3
    assert "RuntimeError: kaput" in done.out
    assert "RuntimeError: kaput" in done.err
    with pytest.raises(AssertionError, match=r"failing\.py"):
        quorate("review", "--patch", str(CHANGE), QUORATE_AGENT_MODULES="failing.py", QUORATE_TRACEBACK="1")


# Output


def test_json_is_the_body_of_the_result_and_nothing_else(quorate: Shell) -> None:
    done = quorate("review", "--patch", "-", "--format", "json", stdin=addition("a.py", "# MARK low"))

    assert done.out.endswith("}\n")
    assert Result.model_validate_json(done.out).model_dump(mode="json") == done.json


def test_sarif_is_valid(quorate: Shell) -> None:
    done = quorate("review", "--patch", "-", "--format", "sarif", stdin=addition("a.py", "# MARK high"))
    schema = json.loads((ROOT / "tests" / "contract" / "sarif-2.1.0.schema.json").read_text())

    jsonschema.Draft7Validator(schema).validate(done.json)
    (result,) = done.json["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.py"
    assert done.code == 1


def test_markdown_names_the_findings(quorate: Shell) -> None:
    done = quorate("review", "--patch", "-", "--format", "markdown", stdin=addition("a.py", "# MARK high"))

    assert done.out.startswith("## ")
    assert "a marked line" in done.out


def test_the_result_can_go_to_a_file(quorate: Shell) -> None:
    patch = addition("a.py", "# MARK low")
    done = quorate("review", "--patch", "-", "--format", "json", "--output", "result.json", stdin=patch)

    assert done.out == ""
    assert "written to result.json" in done.err
    assert found(json.loads((quorate.folder / "result.json").read_text())) == {("a.py", 1)}


def test_a_result_that_cannot_be_written_is_an_error_of_one_line(quorate: Shell) -> None:
    full = quorate.run(["bash", "-c", f"quorate review -q --patch {CHANGE} > /dev/full"])
    assert (full.code, full.err) == (3, "quorate: No space left on device\n")

    (quorate.folder / "a.json").symlink_to("/dev/full")
    to_file = quorate("review", "-q", "--patch", str(CHANGE), "--output", "a.json")
    assert (to_file.code, to_file.err.count("\n")) == (3, 1)
    assert "could not be written to a.json" in to_file.err


@pytest.mark.parametrize(("severity", "code"), [("high", 1), ("low", 0)])
def test_a_reader_that_goes_early_changes_no_exit_code(quorate: Shell, severity: str, code: int) -> None:
    patch = "".join(addition(f"m{number}.py", f"# MARK {severity}") for number in range(1_000))
    quorate.write("a.patch", patch)
    done = quorate.run(["bash", "-c", "quorate review -q --patch a.patch | head -1; exit ${PIPESTATUS[0]}"])

    assert len(done.out.splitlines()) == 1
    assert (done.code, done.err) == (code, "")


def test_closed_streams_are_no_error(quorate: Shell) -> None:
    quorate.write("a.patch", addition("a.py", "# MARK high"))

    assert quorate.run(["bash", "-c", "quorate review -q --patch a.patch <&- >&- 2>&-"]).code == 1
    assert quorate.run(["bash", "-c", "quorate review -q --patch - <&-"]).out.startswith("Nothing to review")


# Agents and settings


def test_an_agent_of_ones_own_joins_the_review(repository: Shell) -> None:
    repository.write("mine.py", READER.replace('"reader"', '"mine"'))
    body = repository("review", "--agents", "mine.py", "--format", "json").json

    assert set(body["coverage"]["agents"]) == {"marker", "second-marker", "mine"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise RuntimeError('kaput')\n", "RuntimeError: kaput"),
        ("def (\n", "SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError"),
        ("x = 1\n", "defines no agent"),
        (None, "there is no file"),
    ],
)
def test_a_module_without_usable_agents_is_named(quorate: Shell, source: str | None, said: str) -> None:
    if source is not None:
        quorate.write("mine.py", source)
    done = quorate("review", "--patch", str(CHANGE), "--agents", "mine.py")

    assert (done.code, done.out) == (2, "")
    assert "mine.py" in done.err
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [("a = [", "could not be read"), ("nope = 1", "nope"), ("partitions = 'many'", "partitions"), (None, "not a file")],
)
def test_a_wrong_settings_file_is_named(quorate: Shell, content: str | None, said: str) -> None:
    if content is not None:
        quorate.write("mine.toml", content)
    done = quorate("review", "--patch", str(CHANGE), QUORATE_CONFIG="mine.toml")

    assert (done.code, done.out) == (2, "")
    assert "mine.toml" in done.err
    assert said in done.err


def test_settings_that_come_with_the_change_are_ignored(repository: Shell) -> None:
    for name in ("quorate.toml", ".quorate.toml", ".config/quorate/quorate.toml"):
        repository.write(name, 'required_agents = ["absent"]\n')

    assert repository("review").code == 0
    repository.environment["XDG_CONFIG_HOME"] = str(repository.folder / ".config")
    assert repository("review").code == 3, "the file would have counted where it belongs"


# Interrupted


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_review_ends_at_once_and_leaves_nothing(quorate: Shell, number: int, code: int) -> None:
    quorate.write("slow.py", SLOW)
    started = quorate.start("review", "--patch", str(CHANGE), "--agents", "slow.py")
    until(lambda: any("sleep 600" in command for command in below(started.pid).values()), "the agent's tool runs")
    children = below(started.pid)
    assert any("nats-server" in command for command in children.values())
    assert any(quorate.temporary.iterdir())

    stopped_at = time.monotonic()
    done = started.stop(number)
    assert time.monotonic() - stopped_at < 2
    assert (done.code, done.out) == (code, "")
    assert done.err.strip() == "stopped"
    until(lambda: all(map(is_gone, children)), "every process is gone", within_s=2)
    assert list(quorate.temporary.iterdir()) == []


def test_a_patch_that_never_comes_can_be_interrupted(quorate: Shell) -> None:
    os.mkfifo(quorate.folder / "never.patch")
    started = quorate.start("review", "--patch", "never.patch")
    until(lambda: below(started.pid), "its broker runs")

    assert started.stop(signal.SIGINT, within_s=3).code == 130
    assert list(quorate.temporary.iterdir()) == []


# On a running system


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder in which `quorate up` runs with the marking agents, and one that is slow at naps."""
    base = tmp_path_factory.mktemp("served")
    with shell(base, QUORATE_BUILTIN_AGENTS="false", QUORATE_PARTITIONS="2") as opened:
        opened.write("markers.py", MARKERS)
        opened.write("naps.py", NAPS)
        opened.up("--agents", "markers.py", "--agents", "naps.py")
        yield opened


def test_a_review_uses_what_runs_in_this_folder(served: Shell) -> None:
    done = served("review", "--patch", "-", "--format", "json", stdin=addition("a.py", "# MARK low"))

    assert found(done.json) == {("a.py", 1)}
    shown = served("task", "show", done.json["task_id"], "--format", "json")
    assert shown.json == done.json, "it is in the log of the running system"
    assert list(served.temporary.iterdir()) == [], "and there was no broker of its own"


def test_a_large_review_goes_by_reference(served: Shell) -> None:
    lines = ["x" * 99] * 11_000
    done = served("review", "--patch", "-", "--format", "json", stdin=addition("a.py", *lines, "# MARK low"))

    assert found(done.json) == {("a.py", 11_001)}
    submitted = served("task", "events", done.json["task_id"], "--json").lines[0]["fact"]
    assert "input" not in submitted
    assert submitted["input_ref"]["size"] > 1_100_000


def test_a_review_elsewhere_uses_the_broker_that_is_set(served: Shell, quorate: Shell) -> None:
    url = served.running()["nats_url"]
    patch = addition("a.py", "# MARK low")
    by_environment = quorate("review", "--patch", "-", "--format", "json", stdin=patch, QUORATE_NATS_URL=url)
    assert served("task", "show", by_environment.json["task_id"]).code == 0

    file = quorate.write("mine.toml", f'nats_url = "{url}"\n')
    by_file = quorate("review", "--patch", "-", "--format", "json", stdin=patch, QUORATE_CONFIG=str(file))
    assert served("task", "show", by_file.json["task_id"]).code == 0


def test_agents_cannot_join_a_running_system(served: Shell) -> None:
    done = served("review", "--patch", str(CHANGE), "--agents", "markers.py")

    assert done.code == 2
    assert "give it to `quorate up`" in done.err


def test_an_interrupted_review_is_canceled_on_the_system_that_runs_it(quorate: Shell) -> None:
    quorate.write("slow.py", SLOW)
    service = quorate.up("--agents", "slow.py", QUORATE_PARTITIONS="2")
    started = quorate.start("review", "--patch", str(CHANGE), "-q")
    until((quorate.folder / "begun").exists, "the agent has begun")

    assert started.stop(signal.SIGINT, within_s=3).code == 130
    until(lambda: not any("sleep 600" in command for command in below(service.pid).values()), "the tool is stopped")
    (result,) = quorate("tail", "--replay", "--count", "1", "--json").lines
    assert (result["state"], result["reason"]) == ("canceled", "the reviewer was interrupted")
    assert service.stop().code == 0


def test_formats_and_severities_are_those_of_the_contract(quorate: Shell) -> None:
    """The command names them itself, so as not to import what defines them before it must."""
    from quorate.contract.finding import SEVERITIES
    from quorate.render import FORMATS
    from quorate_cli.commands import review

    assert review.FORMATS == FORMATS
    assert (*SEVERITIES, "never") == review.SEVERITIES
