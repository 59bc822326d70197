"""`quorate agents`: who is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.contract.agents import AgentHeartbeat
from tests.e2e.support import Shell, napping, shell, until


@pytest.fixture(scope="module")
def quorate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with napping(tmp_path_factory.mktemp("napping")) as opened:
        yield opened


def test_agents_are_listed_with_what_they_do(quorate: Shell) -> None:
    done = quorate("agents")

    assert (done.code, done.err) == (0, "")
    heading, napper = done.out.splitlines()
    assert heading.split() == ["AGENT", "VERSION", "KINDS", "WORKERS", "RUNNING", "WHAT", "IT", "DOES"]
    assert napper.split(None, 5) == ["napper", "1", "nap", "1", "0/4", "Naps for as long as it is asked to."]


def test_agents_are_data_for_programs(quorate: Shell) -> None:
    (heartbeat,) = [AgentHeartbeat.model_validate(each) for each in quorate("agents", "--json").json]

    assert (heartbeat.card.name, heartbeat.card.kinds, heartbeat.concurrency) == ("napper", ("nap",), 4)


def test_workers_add_up_and_leave_when_they_stop(quorate: Shell) -> None:
    url = quorate.running()["nats_url"]
    second = quorate.up("worker", "--data", "elsewhere", QUORATE_NATS_URL=url, QUORATE_WORKER_CONCURRENCY="2")
    assert quorate("agents").out.splitlines()[1].split()[3:5] == ["2", "0/6"]

    assert second.stop().code == 0
    assert quorate("agents").out.splitlines()[1].split()[3:5] == ["1", "0/4"]


def test_a_system_without_agents_says_how_to_have_some(tmp_path: Path) -> None:
    with shell(tmp_path, QUORATE_PARTITIONS="2") as quorate:
        quorate.up("router", "collector")
        done = quorate("agents")
        assert (done.code, done.out) == (0, "")
        assert "start some with `quorate up worker`" in done.err
        assert quorate("agents", "--json").json == []


def test_busy_agents_are_shown_as_such(quorate: Shell) -> None:
    task = quorate.submit("nap", {"until": "never"})
    until(lambda: "1/4" in quorate("agents").out, "the registry has heard of it")
    assert quorate("task", "cancel", task).code == 0
    until(lambda: "0/4" in quorate("agents").out, "the registry has heard of its end")
