"""The file that `quorate up` leaves in a folder, and which broker is used."""

import json
import os
from pathlib import Path

import click
import pytest

from quorate.embedded import EmbeddedBroker
from quorate.settings import Settings
from quorate_cli.local import (
    RunFile,
    agent_files,
    client_of,
    keep_out_of_git,
    known_url,
    read_run_file,
    run_file,
    throw_away_broker,
)

URL = "nats://127.0.0.1:4711"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / ".quorate"


def leave(data: Path, body: object) -> None:
    data.mkdir(exist_ok=True)
    (data / "run.json").write_text(body if isinstance(body, str) else json.dumps(body))


def test_what_is_written_is_read_for_as_long_as_it_is_held(data: Path) -> None:
    with run_file(data) as write:
        assert read_run_file(data) is None
        write(URL, None)
        assert read_run_file(data) == RunFile(URL, None, os.getpid())
        assert json.loads((data / "run.json").read_text()) == {"nats_url": URL, "http_url": None, "pid": os.getpid()}
        assert (data / "run.json").stat().st_mode & 0o777 == 0o600
        assert [file.name for file in data.iterdir() if file.suffix == ".new"] == []
    assert read_run_file(data) is None
    assert not (data / "run.json").exists()


def test_a_file_that_nobody_holds_does_not_count(data: Path) -> None:
    """As it may come with a folder under review, with the id of a process that runs."""
    leave(data, {"nats_url": URL, "http_url": None, "pid": os.getppid()})
    assert read_run_file(data) is None
    (data / "run.lock").touch()
    assert read_run_file(data) is None


@pytest.mark.parametrize("body", ["", "{", "[]", "null", {}, {"nats_url": URL}, {"nats_url": URL, "pid": "x"}])
def test_a_file_that_is_not_understood_does_not_count(data: Path, body: object) -> None:
    with run_file(data):
        leave(data, body)
        assert read_run_file(data) is None


def test_of_several_in_one_folder_the_first_is_told_of(data: Path) -> None:
    with run_file(data) as first:
        first(URL, "http://127.0.0.1:1")
        with run_file(data) as second:
            second("nats://elsewhere", None)
        assert read_run_file(data) == RunFile(URL, "http://127.0.0.1:1", os.getpid())


@pytest.mark.parametrize(("name", "file"), [("mine", "mine.py"), ("mine.py", "mine.py"), ("a.b", "a/b.py")])
def test_a_module_of_the_current_folder_is_named_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert agent_files([name]) == (name,)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert agent_files([name]) == (str(tmp_path / file),)


def test_the_folder_is_kept_out_of_git_unless_someone_has_said_how(data: Path) -> None:
    with run_file(data):
        assert (data / ".gitignore").read_text() == "*\n"
    (data / ".gitignore").write_text("mine\n")
    keep_out_of_git(data)
    assert (data / ".gitignore").read_text() == "mine\n"


def test_the_broker_that_is_set_comes_before_the_one_that_runs_here(data: Path) -> None:
    assert known_url(Settings(), data) is None
    with run_file(data) as write:
        write(URL, None)
        assert known_url(Settings(), data) == URL
        assert known_url(Settings(nats_url="nats://elsewhere"), data) == "nats://elsewhere"


def test_a_client_needs_a_broker(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("QUORATE_NATS_URL", raising=False)
    with pytest.raises(click.UsageError, match="start it with `quorate up`, or set QUORATE_NATS_URL"):
        client_of(data)
    with run_file(data) as write:
        write(URL, None)
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
