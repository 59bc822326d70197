"""`quorate up`: starting, stopping, dying, and several of them on one broker."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quorate.embedded import EmbeddedBroker
from tests.e2e.support import NAPPING, NAPS, Shell, below, broker_of, is_gone, shell, until


@pytest.fixture
def quorate(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path, **NAPPING) as opened:
        opened.write("naps.py", NAPS)
        yield opened


def nap(quorate: Shell, seconds: float = 0, *more: str) -> Any:
    done = quorate("submit", "nap", "--input", "-", "--wait", *more, stdin=f'{{"s": {seconds}}}')
    assert done.code == 0, done
    return done.json


def run_file(quorate: Shell) -> Path:
    return quorate.folder / ".quorate" / "run.json"


def test_up_tells_where_it_is_and_stops_cleanly_on_either_signal(quorate: Shell) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        service = quorate.start("up")
        ready = quorate("doctor", "--wait")
        assert ready.code == 0, ready.out
        running = quorate.running()
        assert running == {**running, "pid": service.pid}
        assert running["http_url"].startswith("http://127.0.0.1:")
        services = "collector, gateway, router, worker"
        told = f"{running['nats_url']}\n{running['http_url']}\nready: {services} (pid {service.pid})"
        assert service.out.startswith(told)
        broker = broker_of(service.pid)

        done = service.stop(number, within_s=5)
        assert (done.code, done.err) == (0, "")
        assert is_gone(broker)
        assert not run_file(quorate).exists()
    assert (quorate.folder / ".quorate" / ".gitignore").read_text() == "*\n"


def test_a_killed_up_leaves_no_broker_and_its_data_is_kept(quorate: Shell) -> None:
    first = quorate.up()
    task = nap(quorate)["task_id"]
    broker = broker_of(first.pid)
    os.kill(first.pid, signal.SIGKILL)
    assert first.end().code == -signal.SIGKILL
    until(lambda: is_gone(broker), "the broker is gone")

    assert run_file(quorate).exists()
    assert "nothing is running here" in quorate("tail").err, "what the file says does not count any more"

    quorate.up()
    (result,) = quorate("tail", "--replay", "--count", "1", "--json").lines
    assert (result["task_id"], result["state"]) == (task, "completed")
    assert nap(quorate)["state"] == "completed"


def test_a_broker_that_dies_is_started_again_and_work_goes_on(quorate: Shell) -> None:
    service = quorate.up()
    before = nap(quorate)["task_id"]
    waiting = quorate.start("submit", "nap", "--input", str(quorate.write("nap.json", '{"s": 2}')), "--wait")
    until(lambda: any(quorate.folder.glob(f"nap-{waiting.err.strip() or 'none'}-*")), "the nap has begun")
    broker = broker_of(service.pid)
    os.kill(broker, signal.SIGKILL)

    until(lambda: below(service.pid).keys() - {broker}, "another broker runs")
    done = waiting.end(30)
    assert (done.code, done.json["state"]) == (0, "completed")
    assert "the broker has died; starting it again" in service.err
    replayed = quorate("tail", "--replay", "--count", "2", "--json").lines
    assert before in {result["task_id"] for result in replayed}
    assert service.stop().code == 0


def test_a_port_can_be_chosen_unless_it_is_taken_and_a_folder_as_well(quorate: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = quorate("up", "--port", str(port))
        assert (done.code, done.out) == (3, "")
        assert f"port {port} of 127.0.0.1 is taken" in done.err
    service = quorate.up("--port", str(port))
    assert quorate.running()["nats_url"] == f"nats://127.0.0.1:{port}"

    second = quorate("up")
    assert (second.code, second.out) == (3, "")
    assert f"in use by process {service.pid}, broker nats://127.0.0.1:{port}" in second.err
    assert nap(quorate)["state"] == "completed", "the first goes on"
    assert quorate.running()["pid"] == service.pid
    assert service.stop().code == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["nowhere"], {}, 2, "no service nowhere: choose from collector, gateway, router, worker"),
        (["--port", "4222"], {"QUORATE_NATS_URL": "nats://127.0.0.1:1"}, 2, "--port is for a broker of one's own"),
        (["--agents", "absent.py"], {}, 2, "absent.py"),
        (["--data", "naps.py/data"], {}, 3, "naps.py/data"),
    ],
)
def test_what_up_cannot_do_is_told_in_a_sentence(
    quorate: Shell, arguments: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    done = quorate("up", *arguments, **environment)

    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert not run_file(quorate).exists()


def test_a_broken_agent_is_logged_in_a_line(quorate: Shell) -> None:
    service = quorate.up()
    failed = quorate("submit", "nap", "--input", "-", "--wait", stdin='{"s": "long"}')

    assert (failed.code, failed.json["state"]) == (3, "failed")
    assert "TypeError" in service.stop().err


# Several on one broker


@pytest.fixture
def shared(quorate: Shell, broker: EmbeddedBroker) -> Shell:
    """All of its commands use one broker, which is nobody's."""
    quorate.environment["QUORATE_NATS_URL"] = broker.url
    return quorate


def test_services_in_processes_of_their_own_work_together(shared: Shell) -> None:
    started = [shared.start("up", name) for name in ("collector", "worker", "router")]
    ready = shared("doctor", "--wait", "--timeout", "20")
    assert ready.code == 0, ready.out

    assert nap(shared)["state"] == "completed"
    assert below(started[0].pid) == {}, "none of them has a broker of its own"
    assert {service.stop().code for service in started} == {0}
    gone = shared("doctor", "--service", "router")
    assert gone.code == 3
    assert "start one with `quorate up router`" in gone.out


def test_a_worker_that_stops_hands_its_work_to_the_others(shared: Shell) -> None:
    """Both have an ack wait of 30 s: nothing of what the one leaves may wait for that."""
    patient = {"QUORATE_WORKER_CONCURRENCY": "1", "QUORATE_STOP_GRACE_S": "0.2", "QUORATE_ACK_WAIT_S": "30"}
    shared.up("router", "collector", **patient)
    first = shared.up("worker", **patient)
    long = shared.submit("nap", {"until": "morning"})
    until((shared.folder / f"nap-{long}-{first.pid}").exists, "the first worker naps")
    others = [shared.submit("nap", {}) for _ in range(3)]
    second = shared.up("worker", **patient)
    assert first.stop(within_s=5).code == 0
    until((shared.folder / f"nap-{long}-{second.pid}").exists, "the second worker naps", within_s=5)
    shared.write("morning", "")

    results = shared("tail", "--replay", "--count", "4", "--json").lines
    assert {result["task_id"]: result["state"] for result in results} == dict.fromkeys([long, *others], "completed")
    assert {result["answers"]["napper"] for result in results} == {f"rested in {second.pid}"}


def test_a_broker_that_stays_away_ends_the_process(shared: Shell, broker: EmbeddedBroker) -> None:
    service = shared.up(QUORATE_MAX_DISCONNECTED_S="0.5")
    broker.stop()
    done = service.end(5)

    assert done.code == 3
    assert "the broker was gone for 0.5 s; is it running?" in done.err
    assert not run_file(shared).exists()
