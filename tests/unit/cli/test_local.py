"""The file that `quorate up` leaves in a folder, and which broker is used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from quorate.embedded import EmbeddedBroker
from quorate.settings import Settings
from quorate_cli.local import (
    RunFile,
    client_of,
    keep_out_of_git,
    known_url,
    read_run_file,
    remove_run_file,
    throw_away_broker,
    write_run_file,
)

URL = "nats://127.0.0.1:4711"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / ".quorate"


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(data: Path, body: object) -> None:
    data.mkdir(exist_ok=True)
    (data / "run.json").write_text(body if isinstance(body, str) else json.dumps(body))


def test_what_is_written_is_read_and_removed(data: Path) -> None:
    write_run_file(data, URL)
    assert read_run_file(data) == RunFile(URL, None, os.getpid())
    assert json.loads((data / "run.json").read_text()) == {"nats_url": URL, "http_url": None, "pid": os.getpid()}
    assert [file.name for file in data.iterdir() if file.suffix == ".new"] == []

    remove_run_file(data)
    assert read_run_file(data) is None
    assert not (data / "run.json").exists()


def test_the_file_of_a_process_that_has_ended_does_not_count(data: Path, ended: int) -> None:
    leave(data, {"nats_url": URL, "http_url": None, "pid": ended})
    assert read_run_file(data) is None


@pytest.mark.parametrize("body", ["", "{", "[]", "null", {}, {"nats_url": URL}, {"nats_url": URL, "pid": "x"}])
def test_a_file_that_is_not_understood_does_not_count(data: Path, body: object) -> None:
    leave(data, body)
    assert read_run_file(data) is None


def test_the_file_of_another_process_is_not_removed(data: Path) -> None:
    leave(data, {"nats_url": URL, "http_url": None, "pid": os.getppid()})
    remove_run_file(data)
    assert read_run_file(data) == RunFile(URL, None, os.getppid())


def test_the_folder_is_kept_out_of_git_unless_someone_has_said_how(data: Path) -> None:
    write_run_file(data, URL)
    assert (data / ".gitignore").read_text() == "*\n"
    (data / ".gitignore").write_text("mine\n")
    keep_out_of_git(data)
    assert (data / ".gitignore").read_text() == "mine\n"


def test_the_broker_that_is_set_comes_before_the_one_that_runs_here(data: Path) -> None:
    assert known_url(Settings(), data) is None
    write_run_file(data, URL)
    assert known_url(Settings(), data) == URL
    assert known_url(Settings(nats_url="nats://elsewhere"), data) == "nats://elsewhere"


def test_a_client_needs_a_broker(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("QUORATE_NATS_URL", raising=False)
    with pytest.raises(click.UsageError, match="start it with `quorate up`, or set QUORATE_NATS_URL"):
        client_of(data)
    write_run_file(data, URL)
    client_of(data)


def test_a_throw_away_broker_leaves_nothing_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def used() -> None:
        with throw_away_broker() as broker:
            broker.wait_ready()
            assert broker.alive
            assert list(tmp_path.iterdir()) == [broker.data]
            used_brokers.append(broker)
            raise KeyboardInterrupt

    used_brokers: list[EmbeddedBroker] = []
    with pytest.raises(KeyboardInterrupt):
        used()
    assert [broker.alive for broker in used_brokers] == [False]
    assert list(tmp_path.iterdir()) == []
