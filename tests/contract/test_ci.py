"""The files for build servers and hooks, as the tools of their platforms read them. No job is run here."""

import re
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from quorate_cli.commands.review import FORMATS, SEVERITIES
from quorate_cli.commands.review import command as review

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
CI = ROOT / "deploy" / "ci"
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", "deploy/ci/github-actions.yml"),
        ("vendor.gitlab-ci", "deploy/ci/gitlab-ci.yml"),
    ],
)
def test_the_schemas_of_the_platforms_accept_the_files(schema: str, path: str) -> None:
    assert run(SCRIPTS / "check-jsonschema", "--builtin-schema", schema, ROOT / path) == ""


def test_zizmor_finds_nothing_in_the_workflow_and_the_action() -> None:
    arguments = ["--offline", "--quiet", "--persona=pedantic"]
    assert run(SCRIPTS / "zizmor", *arguments, ROOT / "action.yml", CI / "github-actions.yml") == ""


def test_shellcheck_finds_nothing_in_the_script() -> None:
    assert run(SCRIPTS / "shellcheck", "--severity=style", CI / "review.sh") == ""


def test_shellcheck_finds_nothing_in_the_steps_of_the_action(tmp_path: Path) -> None:
    for number, step in enumerate(read(ROOT / "action.yml")["runs"]["steps"]):
        if "run" in step:
            file = tmp_path / f"{number}.sh"
            file.write_text(step["run"])
            assert run(SCRIPTS / "shellcheck", "--shell=bash", file) == ""


def test_every_action_is_pinned_by_its_commit() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "action.yml", CI / "github-actions.yml"))
    used = re.findall(r"uses: .+", text)
    ours = [line for line in used if "your-organisation/quorate" in line]

    assert len(ours) == 1
    assert len(used) > 2
    assert [line for line in used if line not in ours and not PINNED.match(line)] == []


def test_the_workflow_asks_for_no_more_than_it_needs() -> None:
    workflow = read(CI / "github-actions.yml")

    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "security-events": "write"}
    assert job["steps"][0]["with"]["persist-credentials"] is False
    # YAML takes the key `on` for a truth value.
    assert list(workflow[True]) == ["pull_request"], "pull_request_target would give forks the rights of the repository"


def test_no_step_of_the_action_has_an_expression_in_its_script() -> None:
    """The name of a branch would become part of the program."""
    scripts = [step["run"] for step in read(ROOT / "action.yml")["runs"]["steps"] if "run" in step]

    assert len(scripts) == 3
    assert all("${{" not in script for script in scripts)


def test_the_action_and_the_jobs_install_what_is_locked() -> None:
    for path in (ROOT / "action.yml", CI / "gitlab-ci.yml"):
        text = path.read_text(encoding="utf-8")
        assert "--require-hashes -r" in text
        assert "requirements/run.txt" in text
        assert "--no-deps --no-build-isolation" in text


def test_the_hook_for_pre_commit_is_a_command_that_exists() -> None:
    (hook,) = read(ROOT / ".pre-commit-hooks.yaml")
    program, command, *options = shlex.split(hook["entry"])

    assert (program, command) == ("quorate", "review")
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    parsed = review.make_context("review", list(options), resilient_parsing=False)
    assert isinstance(parsed, click.Context)
    assert (parsed.params["only_staged"], parsed.params["quiet"]) == (True, True)


def test_the_script_knows_the_severities_and_formats_of_the_command() -> None:
    text = (CI / "review.sh").read_text(encoding="utf-8")
    (told,) = re.findall(r"# +FAIL_ON +(.+)\.", text)
    (formats,) = re.findall(r"for format in (.+); do", text)

    assert set(re.findall(r"\w+", told)) - {"the", "default", "or"} == set(SEVERITIES)
    assert {pair.partition("=")[0] for pair in formats.split()} <= set(FORMATS)
