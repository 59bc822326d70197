"""GitHub, as far as reviews of pull requests need it: a server with a memory, for tests and trials.

In a test::

    async with GitHubDouble() as gh:
        gh.create_repository("octo/app", {"app.py": "one = 1\\n"})
        pull = gh.open_pull("octo/app", {"app.py": "one = 1\\ntwo = 2\\n"})
        ... point what is tested to gh.url and gh.git_url, with gh.token("someone") ...
        assert gh.reviews("octo/app", 1)[0]["state"] == "COMMENTED"

As a process of its own: ``python -m quorate.testing.github --port 0`` prints the URL on its first line, and the same
calls are below ``/_double/``: ``POST /_double/open_pull {"repo": "octo/app", "head": {"app.py": "..."}}``.

Ids of commits, diffs and clones are real: a bare git repository in a temporary folder holds them. Everything else is in
memory, and gone in the end.

Faults, see ``GitHubDouble.fault``; seconds are what is said with it:

======================  ===============================================================================
``500``                 answered with 500, and not carried out
``commit-then-500``     carried out, and answered with 500
``hang``                no answer, and not carried out, until the client gives up
``commit-then-hang``    carried out, and never answered
``cut``                 the connection closes in the midst of an answer; not carried out
``commit-then-cut``     the same, and carried out
``commit-late``         answered with 502 at once, carried out after `seconds`, or by ``settle()`` without
``403-retry-after``     403 of the secondary limit, with retry-after `seconds` (60)
``429``                 429 with retry-after `seconds` (60)
``slow``                carried out after `seconds` (1), and answered
======================  ===============================================================================

Limits of GitHub are those of ``Limits``. The rate of writes is off by default; ``content_per_minute=80`` is GitHub's.

What it does not imitate: merging and mergeability; `refs/pull/N/merge`; branch protection, CODEOWNERS, teams and
members of organizations; comments on files as a whole and single review comments outside of a review; labels, issues
that are no pull requests, timelines; conditional requests (ETag); the limits of concurrency and of points; scopes of
personal tokens; permissions of an App to resolve threads beyond `pull_requests: write`; events of checks and statuses;
the delay after which GitHub shows what was written; histories with merges, and pushes over git (the repository is for
reading; use ``push``). A permission that is missing is 403 here, also where GitHub says 404. The format `patch` of a
pull request is its diff. Error texts are GitHub's where they are publicly known.
"""

import argparse
import inspect
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from quorate.testing.github_control import Control
from quorate.testing.github_server import Application, Serving
from quorate.testing.github_state import Limits, State

__all__ = ["GitHubDouble", "Limits"]


class GitHubDouble(Control):
    """GitHub on 127.0.0.1, from entering it to leaving it, with ``with`` or ``async with``."""

    def __init__(self, limits: Limits | None = None, *, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        """``port`` 0 takes one that is free; ``clock`` tells seconds since 1970."""
        self._folder = Path(tempfile.mkdtemp(prefix="quorate-github-"))
        super().__init__(State(self._folder, limits or Limits(), clock))
        try:
            self._serving = Serving(Application(self.state, self._call), port)
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.url = self.state.url = self._serving.url

    @property
    def git_url(self) -> str:
        """``f"{git_url}/{owner}/{name}.git"`` can be cloned."""
        return self._folder.as_uri()

    def start(self) -> "GitHubDouble":
        self._serving.start()
        return self

    def stop(self) -> None:
        """Ends requests that hang, and removes the repositories."""
        self._serving.stop()
        self.state.hooks.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def info(self) -> dict[str, str]:
        """The two addresses."""
        return {"url": self.url, "git_url": self.git_url}

    def __enter__(self) -> "GitHubDouble":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> "GitHubDouble":
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        """One call of the control over HTTP."""
        if name.startswith("_") or name not in CALLS:
            raise LookupError(f"there is no call {name!r}: choose one of {', '.join(sorted(CALLS))}")
        made = getattr(self, name)(**arguments)
        return await made if inspect.isawaitable(made) else made


CALLS = {name for name, _ in inspect.getmembers(Control, inspect.isfunction) if name[0] != "_"} | {"info"}
"""What can be called below ``/_double/``."""


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    import signal
    import threading

    parser = argparse.ArgumentParser(prog="python -m quorate.testing.github", description="A double of GitHub's API.")
    parser.add_argument("--port", type=int, default=0, help="0 takes one that is free (default)")
    parser.add_argument("--content-per-minute", type=int, help="limit of requests that write; GitHub's is 80")
    parser.add_argument("--requests-per-hour", type=int, default=5_000, help="the primary limit (default: 5000)")
    given = parser.parse_args(argv)
    limits = Limits(content_per_minute=given.content_per_minute, requests_per_hour=given.requests_per_hour)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with GitHubDouble(limits, port=given.port) as double:
        print(double.url, flush=True)  # noqa: T201 - this is what the program says
        ended.wait()


if __name__ == "__main__":
    main()
