"""A pull request on the double, results of reviews of it, and writers that tell them and may die at any request."""

import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from quorate.blobs import Blobs
from quorate.bus import Bus
from quorate.contract.facts import AgentCoverage, Assigned, Coverage, Submitted
from quorate.contract.finding import DecidedFinding, Resolved
from quorate.contract.ids import canonical_json
from quorate.contract.ledger import Receipt
from quorate.contract.result import Result, Timings
from quorate.embedded import EmbeddedBroker
from quorate.github import AppCredentials, Clock, Credentials, GitHub, TokenCredentials
from quorate.log import publish_fact
from quorate.provision import provision
from quorate.settings import Settings
from quorate.testing.github import GitHubDouble
from quorate_collector.adapters.github_writer import GitHubWriter
from quorate_collector.adapters.ledger import Ledger
from quorate_collector.domain import markers
from tests.support.system import connected, settings_of

_numbers = itertools.count(1)
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made once: to read all certificates takes longer than a whole test."""
LINES = [f"line {n}\n" for n in range(1, 41)]
BASE = {"a.py": "".join(LINES)}


class Killed(Exception):
    """The process died here."""


class Deadly:
    """Kills a writer at one of its requests, before or after it reached GitHub, and knows all that came by."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.requests: list[str] = []
        self._at = at
        self._after = after

    def before(self, request: httpx2.Request) -> None:
        self.requests.append(request.method)
        if len(self.requests) == self._at and not self._after:
            raise Killed(f"before {request.method} {request.url.path}")

    def after(self, request: httpx2.Request) -> None:
        if len(self.requests) == self._at:
            raise Killed(f"after {request.method} {request.url.path}")

    def deaths(self) -> list[tuple[int, bool]]:
        """Where dying makes a difference: before and after whatever may change something, and before the read that
        follows it, since there may be a note in between."""
        found: list[tuple[int, bool]] = []
        was_write = True
        for number, method in enumerate(self.requests, start=1):
            is_write = method != "GET"
            if is_write or was_write:
                found.append((number, False))
            if is_write:
                found.append((number, True))
            was_write = is_write
        return found


class Line(httpx2.AsyncBaseTransport):
    """Connections that whoever uses them at the moment may die of. Where ``rule`` answers, GitHub is not asked."""

    def __init__(self) -> None:
        self.deadly = Deadly()
        self.rule: Callable[[httpx2.Request], httpx2.Response | None] = lambda request: None
        self._inner = httpx2.AsyncHTTPTransport(verify=_NO_TLS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        deadly = self.deadly
        deadly.before(request)
        response = self.rule(request) or await self._inner.handle_async_request(request)
        try:
            deadly.after(request)
        except Killed:
            await response.aclose()
            raise
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _no_sleep(_: float) -> None:
    return


def finding(id: str, line: int | None = 2, **changed: Any) -> DecidedFinding:
    fields: dict[str, Any] = {
        "id": id,
        "issue": id,
        "path": "a.py",
        "line": line,
        "severity": "medium",
        "category": "bug",
        "message": f"Message of {id}.",
        "fingerprint": id,
        "decision": "confirmed",
        "reason": "found",
        "rules": ("S1",),
    }
    return DecidedFinding.model_validate(fields | changed)


def gone(issue: str) -> Resolved:
    return Resolved(issue=issue, path="a.py", severity="high", category="bug", message="old", reason="it is gone")


@dataclass
class Desk:
    """What the tests of the writer share. ``credentials`` are those of the App unless a test says otherwise."""

    gh: GitHubDouble
    bus: Bus
    settings: Settings
    credentials: Credentials
    line: Line = field(default_factory=Line)
    clients: dict[Credentials, GitHub] = field(default_factory=dict)
    number: int = field(default_factory=lambda: next(_numbers))
    head: str = ""

    @property
    def owner(self) -> str:
        return f"octo{self.number}"

    @property
    def repo(self) -> str:
        return f"{self.owner}/app"

    @property
    def series(self) -> str:
        return f"github:{self.repo}#1"

    def afresh(self, **changed: Any) -> "Desk":
        """A pull request of its own that adds line 2, changes line 20 and has ``changed`` about the desk."""
        desk = replace(self, number=next(_numbers), **changed)
        self.gh.create_repository(desk.repo, BASE)
        rows = [*LINES[:1], "new 2\n", "new 3\n", "new 4\n", *LINES[1:]]
        desk.head = self.gh.open_pull(desk.repo, {"a.py": "".join(rows)})["head"]["sha"]
        return desk

    def push(self) -> None:
        """A further commit, far from the lines that there are comments on."""
        rows = [*LINES[:1], "new 2\n", "new 3\n", "new 4\n", *LINES[1:-1], f"last {next(_numbers)}\n"]
        self.head = self.gh.push(self.repo, 1, {"a.py": "".join(rows)})["head"]["sha"]

    def github(self) -> GitHub:
        """A client that waits for nothing. All writers of a desk share it: to load the key of an App takes long."""
        if self.credentials not in self.clients:
            clock = Clock(sleep=_no_sleep)
            github = GitHub(self.settings.github, self.credentials, transport=self.line, clock=clock)
            self.clients[self.credentials] = github
        return self.clients[self.credentials]

    async def forget(self) -> None:
        """As if the processes began anew: what a client remembers of GitHub's limits is gone."""
        for client in self.clients.values():
            await client.close()
        self.clients.clear()
        self.line = Line()

    async def diff(self, ghost: bool) -> str:
        accept = "application/vnd.github.diff"
        text: str = await self.github().get(f"/repos/{self.repo}/pulls/1", repo=self.repo, accept=accept)
        return text + (GHOST if ghost else "")

    async def result(self, *findings: DecidedFinding, ghost: bool = False, **changed: Any) -> Result:
        """A result whose input is in the log. With ``ghost`` the diff has a file that GitHub's does not have."""
        task = f"t{next(_numbers):032x}"
        given = {"diff": await self.diff(ghost), "files": {}, "repo": self.repo, "head_sha": self.head}
        ref = await Blobs(self.bus).put(canonical_json(given))
        assigned = Assigned(kind="code-review", step="review", agents=(), deadline_s=9, input_ref=ref)
        await publish_fact(self.bus, task, "review", assigned)
        fields: dict[str, Any] = {
            "task_id": task,
            "kind": "code-review",
            "series": self.series,
            "head_sha": self.head,
            "state": "completed",
            "verdict": "comment",
            "findings": findings,
            "coverage": Coverage(agents={"bandit": AgentCoverage(state="ok", files=1)}),
            "timings": Timings(finished_at="2026-01-01T00:00:00.000Z"),
        }
        return Result.model_validate(fields | changed)

    async def command(self, command: str, summary: str, comment: int, **changed: Any) -> Result:
        """The result of what a person wrote."""
        task = f"t{next(_numbers):032x}"
        number = {"repo": self.repo, "number": 1}
        written = {k: changed.pop(k) for k in ("finding", "thread_of") if k in changed}
        given = {"pull_request": number, "command": command, "by": "author", "comment_id": comment} | written
        submitted = Submitted(kind="review-command", input=given, input_digest="x")
        await publish_fact(self.bus, task, "task", submitted)
        answer = {"command": command, "allowed": changed.pop("allowed", True), "finding": written.get("finding")}
        done = {"applied": True, "issue": written.get("finding"), "blockers": 0} | changed.pop("done", {})
        fields: dict[str, Any] = {
            "task_id": task,
            "kind": "review-command",
            "series": self.series,
            "state": "completed",
            "summary": summary,
            "answers": {"github": answer, "collector": done},
            "timings": Timings(finished_at="2026-01-01T00:00:00.000Z"),
        }
        return Result.model_validate(fields | changed)

    async def tell(self, result: Result, deadly: Deadly | None = None) -> Receipt | None:
        """One attempt of one process; None where the write has its receipt already."""
        writer = GitHubWriter(self.settings, self.github(), self.bus, Blobs(self.bus))
        write = writer.write_of(result)
        assert write is not None
        claim = await Ledger(self.bus, writer.name).claim(write.key, result.task_id, write.digest)
        if claim is None:
            return None
        self.line.deadly = deadly or Deadly()
        try:
            receipt = await writer.write(result, claim)
        finally:
            self.line.deadly = Deadly()
        await claim.finish(receipt)
        return receipt

    # What there is to see

    def reviews(self) -> list[dict[str, Any]]:
        """Ours, without those that GitHub makes of replies."""
        return [each for each in self.gh.reviews(self.repo, 1) if markers.is_review(each["body"])]

    def threads(self) -> dict[str | None, dict[str, Any]]:
        """By the issue of the first comment."""
        return {markers.issue_of(t["comments"][0]["body"]): t for t in self.gh.threads(self.repo, 1)}

    def requests(self, method: str, path: str, since: int = 0) -> int:
        """How many requests of this pull request reached GitHub."""
        return sum(
            entry["method"] == method and f"/{self.repo}/" in entry["path"] and path in entry["path"]
            for entry in self.gh.journal(since)
        )


GHOST = "diff --git a/ghost.py b/ghost.py\nnew file mode 100644\n--- /dev/null\n+++ b/ghost.py\n@@ -0,0 +1,1 @@\n+boo\n"


class Ground:
    """A broker and a GitHub for the tests of a module; each test has a pull request of its own."""

    def __init__(self, broker: EmbeddedBroker, gh: GitHubDouble) -> None:
        self._broker = broker
        self._gh = gh
        self._is_ready = False

    @asynccontextmanager
    async def desk(self, **github: Any) -> AsyncIterator[Desk]:
        """A desk with a pull request, by the App."""
        quick = {"api_url": self._gh.url, "write_interval_s": 0, "request_timeout_s": 2}
        settings = settings_of(self._broker, github=quick | github)
        async with connected(self._broker) as bus:
            if not self._is_ready:
                await provision(bus, settings)
                self._is_ready = True
            app = self._gh.app()
            first = Desk(self._gh, bus, settings, AppCredentials(app["id"], app["private_key"]))
            try:
                made = first.afresh()
                await made.github().login(made.repo)
                yield made
            finally:
                self._gh.clear_faults()
                for client in first.clients.values():
                    await client.close()


@contextmanager
def grounds(folder: Path) -> Iterator[Ground]:
    with EmbeddedBroker(folder) as broker, GitHubDouble() as gh:
        yield Ground(broker, gh)


def token_of(gh: GitHubDouble, login: str) -> TokenCredentials:
    return TokenCredentials(gh.token(login))
