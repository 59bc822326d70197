"""`quorate doctor`: the installation, the system, and waiting for it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import NAPPING, NAPS, Shell, shell, until


@pytest.fixture
def quorate(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path, **NAPPING) as opened:
        opened.write("naps.py", NAPS)
        yield opened


def test_an_installation_is_checked_without_a_system(quorate: Shell) -> None:
    done = quorate("doctor")

    assert (done.code, done.err) == (0, "")
    lines = [line for line in done.out.splitlines() if not line.startswith(" ")]
    assert [line.split()[1] for line in lines] == [
        *("quorate", "nats-server", "git", "services", "settings", "github", "webhook", "analyzers", "broker")
    ]
    assert all(line.startswith("ok ") for line in lines)
    assert "`quorate review` brings its own" in done.out


def test_checks_are_data_for_programs(quorate: Shell) -> None:
    checks = quorate("doctor", "--json").json

    assert [set(check) for check in checks] == [{"name", "ok", "found", "advice", "hint"}] * len(checks)
    assert {check["ok"] for check in checks} == {True}


def test_the_analyzers_that_are_there_are_named_and_those_that_are_not_with_what_to_do(quorate: Shell) -> None:
    settings = quorate.write("own.toml", "[agents.ruff]\ncommand = '/gone'\n")
    checks = quorate("doctor", "--json", QUORATE_CONFIG=str(settings)).json

    [analyzers] = [check for check in checks if check["name"] == "analyzers"]
    assert "bandit" in analyzers["found"]
    assert "ruff (pip install ruff)" in analyzers["hint"]


def test_wrong_settings_are_a_finding_and_nothing_to_wait_for(quorate: Shell) -> None:
    quorate.environment["QUORATE_PARTITIONS"] = "many"
    done = quorate("doctor")
    assert done.code == 3
    assert "FAIL  settings" in done.out
    assert "partitions" in done.out

    waited = quorate("doctor", "--wait")
    assert (waited.code, waited.out) == (2, "")
    assert "partitions" in waited.err


def test_git_that_is_missing_is_a_finding(quorate: Shell) -> None:
    command = quorate.run(["bash", "-c", "command -v quorate"]).out.strip()
    done = quorate.run([command, "doctor"], PATH="/nowhere")

    assert done.code == 3
    assert "FAIL  git" in done.out


def test_waiting_without_a_system_ends_with_the_time(quorate: Shell) -> None:
    done = quorate("doctor", "--wait", "--timeout", "0.3")

    assert done.code == 3
    assert "none runs here" in done.out
    assert "start `quorate up`" in done.out


def test_a_broker_that_does_not_answer_is_a_finding(quorate: Shell) -> None:
    done = quorate("doctor", QUORATE_NATS_URL="nats://you:kestrel@127.0.0.1:1")

    assert done.code == 3
    assert "FAIL  broker" in done.out
    assert "no connection to the broker at nats://127.0.0.1:1" in done.out
    assert "kestrel" not in done.out + done.err


def test_a_running_system_is_checked_part_by_part(quorate: Shell) -> None:
    waiting = quorate.start("doctor", "--wait", "--json")
    service = quorate.start("up", "router", "collector")
    until(lambda: "ready:" in service.out, "two of the services are ready")
    assert waiting.running, "a system without a worker is not ready"
    partial = quorate("doctor")
    assert partial.code == 3
    assert [line.split()[1] for line in partial.out.splitlines() if line.startswith("FAIL")] == ["worker", "agents"]
    assert "start one with `quorate up worker`" in partial.out
    assert quorate("doctor", "--service", "router", "--service", "collector").code == 0

    url = quorate.running()["nats_url"]
    quorate.up("worker", "--data", "elsewhere", QUORATE_NATS_URL=url)
    done = waiting.end(20)
    assert done.code == 0
    assert {check["name"]: check["found"] for check in done.json} == {
        "broker": url,
        "router": "1 ready",
        "collector": "1 ready",
        "worker": "1 ready",
        "streams": "as they should be",
        "storage": "room in every stream",
        "agents": "napper",
        "dead letters": "none",
    }
    drifted = quorate("doctor", QUORATE_MAX_STREAM_BYTES="2000000")
    assert drifted.code == 3
    assert "FAIL  streams" in drifted.out
    assert service.stop(signal.SIGINT).code == 0
