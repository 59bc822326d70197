"""The double of GitHub as a process of a chaos run, and its control over HTTP."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from bench.chaos_fleet import PATIENCE_S, ROOT, FleetBroken
from bench.chaos_github_plan import LOGIN, REPOSITORIES

TIMEOUT_S = 60.0
BASE = {"README.md": "# shop\n"}
PERSON = "author"


class Forge:
    """Started with ``start``. Calls are those of ``quorate.testing.github``; they raise ``httpx2.HTTPError``."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "github.log"
        self._process: subprocess.Popen[str] | None = None
        self._http: httpx2.AsyncClient | None = None
        self.addresses: dict[str, str] = {}
        self.token = ""

    async def start(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Raises FleetBroken when it does not come up."""
        url = await asyncio.to_thread(self._spawn)
        self._http = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self.addresses = await self.call("info")
        for repo in REPOSITORIES:
            await self.call("create_repository", repo=repo, files=BASE)
            await self.call("set_permission", repo=repo, login=LOGIN, role="write")
            await self.call("set_permission", repo=repo, login=PERSON, role="write")
        self.token = await self.call("token", login=LOGIN)
        # The events that the documentation asks an operator to subscribe to.
        names = ["pull_request", "issue_comment", "pull_request_review_comment"]
        await self.call("set_hook", events=names)
        # That the App was installed is no news of a pull request.
        await self.call("take")
        for fault in faults:
            await self.call("fault", **fault)

    async def call(self, name: str, **arguments: Any) -> Any:
        assert self._http is not None
        answer = await self._http.post(f"/_double/{name}", json=arguments)
        if answer.status_code != 200:
            raise ValueError(f"the double refused {name}: {answer.text[:500]}")
        return answer.json()

    def _spawn(self) -> str:
        """Start the process; the address that it says first."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.chaos_github_service", "github", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        if not url:
            raise FleetBroken(f"the double of GitHub did not start, its log is {self._log}")
        return url

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
        self.kill()

    def kill(self) -> None:
        """End the process, in order where it lets us, since it has folders to remove."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
