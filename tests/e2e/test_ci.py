"""What build servers and hooks run: the script, the steps of the action and a hook, with real git."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.support import MARKERS, ROOT, Done, Shell, shell

SCRIPT = ROOT / "deploy" / "ci" / "review.sh"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Shell]:
    """A repository with sixty commits on `topic` since it left `main`, the last one with a finding."""
    with shell(tmp_path, QUORATE_BUILTIN_AGENTS="false", QUORATE_AGENT_MODULES=str(tmp_path / "markers.py")) as opened:
        (tmp_path / "markers.py").write_text(MARKERS)
        opened.git("init", "-q")
        opened.commit(app="old = 1\n")
        opened.commit(app="# MARK high\n")
        opened.git("switch", "-qc", "topic")
        for number in range(60):
            opened.git("commit", "-q", "--allow-empty", "-m", f"{number}")
        opened.commit(new="# MARK medium\n")
        opened.git("switch", "-q", "main")
        opened.commit(other="# MARK high\n")
        yield opened


def clone(origin: Shell, *options: str) -> Path:
    target = origin.folder.parent / "clone"
    origin.git("clone", "-q", *options, f"file://{origin.folder}", str(target))
    return target


def review(origin: Shell, folder: Path, *arguments: str, **environment: str) -> Done:
    return origin.run(["env", "-C", str(folder), "bash", str(SCRIPT), *arguments], **environment)


def test_what_a_branch_has_and_its_base_has_not_is_reviewed(origin: Shell) -> None:
    folder = clone(origin, "--branch", "topic")
    done = review(origin, folder, BASE="origin/main", REPORTS="reports")

    assert done.code == 0, done.err
    body = json.loads((folder / "reports" / "review.json").read_text())
    assert [(finding["path"], finding["severity"]) for finding in body["findings"]] == [("new.py", "medium")]
    assert "new.py" in (folder / "reports" / "review.md").read_text()
    assert json.loads((folder / "reports" / "review.sarif").read_text())["version"] == "2.1.0"
    assert review(origin, folder, BASE="origin/main", FAIL_ON="medium").code == 1
    assert review(origin, folder, "--format", "json", BASE="origin/main").json["verdict"] == "comment"


def test_a_shallow_clone_gets_the_history_that_is_missing(origin: Shell) -> None:
    base = origin.git("rev-parse", "main").strip()
    folder = clone(origin, "--depth", "1", "--branch", "topic")
    done = review(origin, folder, "--format", "json", BASE=base)

    assert done.code == 0, done.err
    assert {finding["path"] for finding in done.json["findings"]} == {"new.py"}
    assert f"{base} is not here: fetching it" in done.err
    assert "fetching more (500)" in done.err


def test_a_whole_clone_stays_whole_when_a_commit_is_fetched(origin: Shell) -> None:
    folder = clone(origin, "--branch", "topic", "--single-branch")
    done = review(origin, folder, BASE=origin.git("rev-parse", "main").strip())

    assert done.code == 0, done.err
    assert origin.git("-C", str(folder), "rev-parse", "--is-shallow-repository").strip() == "false"


@pytest.mark.parametrize("options", [[], ["--depth", "1"]], ids=["whole", "shallow"])
def test_a_first_push_is_reviewed_as_its_last_commit(origin: Shell, options: list[str]) -> None:
    folder = clone(origin, *options)
    done = review(origin, folder, "--format", "json", BASE="0" * 40)

    assert {finding["path"] for finding in done.json["findings"]} == {"other.py"}
    assert "there was no commit before this one" in done.err


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "BASE is not set"),
        ({"BASE": "absent"}, "absent could not be fetched from origin"),
        ({"BASE": "--upload-pack=touch x"}, "is no name of a commit"),
        ({"BASE": "main:refs/heads/x"}, "is no name of a commit"),
    ],
    ids=["none", "absent", "option", "refspec"],
)
def test_what_cannot_be_reviewed_is_told(origin: Shell, environment: dict[str, str], said: str) -> None:
    done = review(origin, clone(origin), **environment)

    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_histories_that_never_met_are_told(origin: Shell) -> None:
    origin.git("switch", "-q", "--orphan", "island")
    origin.commit(island="x = 1\n")
    done = review(origin, clone(origin), BASE="origin/main", HEAD="origin/island")

    assert done.code == 2
    assert "have no common commit" in done.err


def test_a_review_becomes_a_report_of_code_quality(origin: Shell) -> None:
    folder = clone(origin, "--branch", "topic")
    review(origin, folder, BASE="origin/main", REPORTS=str(folder))
    converted = origin.run(
        [sys.executable, str(ROOT / "deploy" / "ci" / "code_quality.py")], stdin=(folder / "review.json").read_text()
    )

    (issue,) = converted.json
    assert issue["location"] == {"path": "new.py", "lines": {"begin": 1}}
    assert (issue["severity"], issue["description"], issue["check_name"]) == ("major", "a marked line", "mark")
    assert issue["fingerprint"]


# The action


def step(name: str) -> dict[str, Any]:
    (found,) = (each for each in ACTION["runs"]["steps"] if each["name"] == name)
    return dict(found)


def run_step(origin: Shell, name: str, folder: Path, **environment: str) -> Done:
    """Run a step's script as the runner does."""
    script = folder.parent / "step.sh"
    script.write_text(step(name)["run"])
    return origin.run(
        ["env", "-C", str(folder), "bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], **environment
    )


@pytest.mark.parametrize(("fail_on", "code"), [("high", 0), ("medium", 1)])
def test_the_action_reports_and_then_fails(origin: Shell, tmp_path: Path, fail_on: str, code: int) -> None:
    folder = clone(origin, "--branch", "topic")
    output, summary = tmp_path / "output", tmp_path / "summary"
    done = run_step(
        origin,
        "Review",
        folder,
        BASE="origin/main",
        HEAD="topic",
        FAIL_ON=fail_on,
        RUNNER_TEMP=str(tmp_path),
        GITHUB_ACTION_PATH=str(ROOT),
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(summary),
    )

    assert done.code == 0, done.err
    values = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert values == {"exit-code": str(code), "reports": str(tmp_path / "quorate-reports"), "sarif": "true"}
    assert (Path(values["reports"]) / "review.sarif").is_file()
    assert "new.py" in summary.read_text()
    assert run_step(origin, "Verdict", folder, CODE=values["exit-code"]).code == code


def test_the_action_fails_without_reports_where_there_is_no_review(origin: Shell, tmp_path: Path) -> None:
    output = tmp_path / "output"
    run_step(
        origin,
        "Review",
        clone(origin),
        BASE="absent",
        HEAD="main",
        FAIL_ON="high",
        RUNNER_TEMP=str(tmp_path),
        GITHUB_ACTION_PATH=str(ROOT),
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
    )

    assert "exit-code=2\n" in output.read_text()
    assert "sarif" not in output.read_text().replace("quorate-reports", "")


# Hooks


@pytest.mark.parametrize("hook", ["recipe", "pre-commit"])
def test_a_commit_with_a_finding_is_refused_until_it_is_mended(origin: Shell, hook: str) -> None:
    (described,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    command = "quorate review --staged --quiet" if hook == "recipe" else shlex.join(shlex.split(described["entry"]))
    file = origin.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec {command}\n")
    file.chmod(0o755)
    head = origin.git("rev-parse", "HEAD")

    origin.write("bad.py", "# MARK high\n")
    origin.git("add", "-A")
    refused = commit(origin)
    assert refused.returncode == 1
    assert "bad.py:1" in refused.stdout + refused.stderr
    assert origin.git("rev-parse", "HEAD") == head

    origin.write("bad.py", "# mended\n")
    origin.write("unstaged.py", "# MARK high\n")
    origin.git("add", "bad.py")
    assert commit(origin).returncode == 0
    assert origin.git("rev-parse", "HEAD") != head


def commit(origin: Shell) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", "commit", "-m", "a commit"],
        cwd=origin.folder,
        env=origin.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
