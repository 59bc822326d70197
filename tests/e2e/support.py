"""The command line as a user has it: processes, with a folder, a home and an environment of their own.

Whatever a command prints is looked through for stack traces: none is ever shown to a user.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
CHANGE = ROOT / "examples" / "change.patch"
LIMIT_S = 60.0
POLL_S = 0.01

MARKERS = '''
"""Two agents that find lines such as `# MARK high`; two, so that even a critical finding is confirmed."""

from quorate import Context, Finding, agent


def marks(ctx):
    return [
        Finding(path=path, line=number, severity=line.split()[-1], category="bug", message="a marked line", rule="mark")
        for path, text in ctx.review.texts().items()
        for number, line in enumerate(text.split("\\n"), start=1)
        if "# MARK " in line
    ]


@agent("marker")
async def marker(ctx: Context) -> list[Finding]:
    """Finds marked lines."""
    return marks(ctx)


@agent("second-marker")
async def second(ctx: Context) -> list[Finding]:
    """Finds them as well."""
    return marks(ctx)
'''

NAPS = '''
"""An agent for tasks of its own kind: it naps for `s` seconds, or until there is a file.

Where it began it leaves one.
"""

import asyncio
import os
from pathlib import Path

from quorate import Context, agent


@agent("napper", kinds=["nap"])
async def napper(ctx: Context) -> str:
    """Naps for as long as it is asked to."""
    Path(f"nap-{ctx.task}-{os.getpid()}").touch()
    await asyncio.sleep(ctx.input.get("s", 0))
    while "until" in ctx.input and not Path(ctx.input["until"]).exists():
        await asyncio.sleep(0.02)
    return f"rested in {os.getpid()}"
'''


class Done(NamedTuple):
    """How a command ended; negative codes are signals."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON values on standard output, one on each line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Started:
    """A command that runs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def err(self) -> str:
        """What it has printed to standard error so far."""
        return self._log.with_suffix(".err").read_text()

    @property
    def out(self) -> str:
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM, *, within_s: float = LIMIT_S) -> Done:
        """Send a signal, then wait for the end."""
        self._process.send_signal(number)
        return self.end(within_s)

    def end(self, within_s: float = LIMIT_S) -> Done:
        self._process.wait(within_s)
        return checked(Done(self._process.returncode, self.out, self.err))

    def close(self) -> None:
        """Whatever a test left running."""
        if self.running:
            self._process.kill()
            self._process.wait()


NAPPING = {
    "QUORATE_BUILTIN_AGENTS": "false",
    "QUORATE_AGENT_MODULES": "naps.py",
    "QUORATE_PARTITIONS": "2",
    "QUORATE_ACK_WAIT_S": "1",
    "QUORATE_AGENTS_WAIT_S": "0",
    "QUORATE_HEARTBEAT_S": "0.3",
}
"""The environment of a system that naps, and loses no time at anything else."""


class Shell:
    """Runs `quorate` in a folder. ``environment`` is added to a bare one."""

    def __init__(self, base: Path, **environment: str) -> None:
        self.folder = base / "work"
        self.temporary = base / "tmp"
        home = base / "home"
        for folder in (self.folder, self.temporary, home):
            folder.mkdir(parents=True)
        (home / ".gitconfig").write_text("[user]\nname = You\nemail = you@example.com\n[init]\ndefaultBranch = main\n")
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        self.environment = {
            "PATH": path,
            "HOME": str(home),
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "80",
            **environment,
        }
        self._logs = base
        self._started: list[Started] = []

    def __call__(self, *arguments: str, stdin: str | bytes = b"", **environment: str) -> Done:
        """Run a command of `quorate` to its end."""
        return self.run(["quorate", *arguments], stdin=stdin, **environment)

    def run(self, command: Sequence[str], *, stdin: str | bytes = b"", **environment: str) -> Done:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=LIMIT_S,
        )
        return checked(Done(done.returncode, done.stdout.decode(), done.stderr.decode()))

    def start(self, *arguments: str, **environment: str) -> Started:
        """Begin a command; :func:`shell` ends what is left of it."""
        log = self._logs / f"{len(self._started)}.log"
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                ["quorate", *arguments],
                cwd=self.folder,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self._started.append(started := Started(process, log))
        return started

    def up(self, *arguments: str, **environment: str) -> Started:
        """`quorate up`, ready."""
        service = self.start("up", *arguments, **environment)
        until(lambda: "ready:" in service.out or not service.running, "`quorate up` is ready")
        assert service.running, service.err
        return service

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def submit(self, kind: str, input: dict[str, Any], *options: str) -> str:
        """Submit a task; returns its id."""
        done = self("submit", kind, "--input", "-", *options, stdin=json.dumps(input))
        assert done.code == 0, done.err
        return done.out.strip()

    def git(self, *arguments: str) -> str:
        return self.run(["git", *arguments]).out

    def commit(self, **files: str) -> None:
        """Commit files with these contents; ``__`` in a name is a slash, and each ends in ``.py``."""
        for name, text in files.items():
            self.write(f"{name.replace('__', '/')}.py", text)
        self.git("add", "-A")
        self.git("commit", "-qm", "a commit")

    def running(self, data: str = ".quorate") -> dict[str, Any]:
        """What `quorate up` wrote about itself."""
        body: dict[str, Any] = json.loads((self.folder / data / "run.json").read_text())
        return body

    def close(self) -> None:
        for started in self._started:
            started.close()


@contextmanager
def napping(base: Path) -> Iterator[Shell]:
    """A folder in which `quorate up` runs, with an agent that naps."""
    with shell(base, **NAPPING) as opened:
        opened.write("naps.py", NAPS)
        opened.up()
        yield opened


@contextmanager
def shell(base: Path, **environment: str) -> Iterator[Shell]:
    opened = Shell(base, **environment)
    try:
        yield opened
    finally:
        opened.close()


def checked(done: Done) -> Done:
    assert "Traceback" not in done.out + done.err, done.err
    return done


def until(condition: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    """Poll for a condition that another process brings about."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(POLL_S)


def below(pid: int) -> dict[int, str]:
    """The processes that a process started, and those that they started, with their command lines."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    parents = {}
    commands = {}
    for line in listed.splitlines():
        child, parent, command = line.split(None, 2)
        parents[int(child)], commands[int(child)] = int(parent), command
    found: dict[int, str] = {}
    while more := [child for child, parent in parents.items() if parent in (pid, *found) and child not in found]:
        found |= {child: commands[child] for child in more}
    return found


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for has."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return state == "" or state.startswith("Z")


def broker_of(pid: int) -> int:
    """The process id of the one nats-server that a process has started."""
    (broker,) = (child for child, command in below(pid).items() if "nats-server -c" in command)
    return broker


def addition(path: str, *lines: str) -> str:
    """The diff of a new file."""
    body = "".join(f"+{line}\n" for line in lines)
    header = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return f"{header}@@ -0,0 +1,{len(lines)} @@\n{body}"
