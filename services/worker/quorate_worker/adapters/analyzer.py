"""Analyzer: an agent whose work is done by a tool that reads files."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import Field, TypeAdapter

from quorate.agent_definition import Agent, Context
from quorate.contract.agents import AgentCard
from quorate.contract.base import Part
from quorate.contract.facts import AgentState, Contribution
from quorate.contract.finding import Clearance, Finding
from quorate.review import Review
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.cache import key_of
from quorate_worker.adapters.process import ToolError, ToolTimeout
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace, workspace

TIMEOUT_S = 120.0
WAIT_S = 480.0
"""How long an analyzer may wait for others to end, beside its own time."""

UNKNOWN = "unknown"

Check = Callable[[Workspace, float], Awaitable[Analysis]]
"""Reads the files of a workspace within so many seconds. Raises ToolError."""


class _Kept(Part):
    """What the cache holds of one file, or of a whole change."""

    findings: tuple[Finding, ...] = ()
    cleared: tuple[Clearance, ...] = ()
    unread: dict[str, str] = Field(default_factory=dict)


_KEPT = TypeAdapter(_Kept)


@dataclass(frozen=True, kw_only=True)
class Analyzer:
    """What an analyzer is; ``agent`` makes it one.

    ``per_file`` says that a file's findings depend on that file alone, so that each can be kept and files can be put
    before several processes, ``batch`` at a time at least. ``expected_s`` is about how long it takes beside others
    for a small change: the longest begin first. ``version`` is that of an analyzer of our own, without a program.
    ``configuration`` is what else its findings depend on. ``rules``, ``titles`` (of rules of our own), ``notes`` and
    ``homepage`` are for its page in the documentation.
    """

    name: str
    description: str
    check: Check
    selection: Selection = field(default_factory=Selection)
    program: Program | None = None
    version: str = "1"
    configuration: str = ""
    languages: tuple[str, ...] = ()
    per_file: bool = True
    batch: int = 200
    expected_s: float = 0.1
    timeout_s: float = TIMEOUT_S
    rules: Mapping[str, Rule] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    homepage: str = ""

    def agent(self, toolbox: Toolbox) -> Agent:
        """An agent that is asked about code reviews."""
        version = self.version if self.program is None else self.program.packaged or UNKNOWN
        card = AgentCard(
            name=self.name,
            version=version[:64],
            kinds=("code-review",),
            languages=self.languages,
            description=self.description,
        )

        async def run(context: Context) -> Contribution:
            return await self.analyze(context, toolbox)

        return Agent(card, run, self.timeout_s + WAIT_S)

    async def analyze(self, context: Context, toolbox: Toolbox) -> Contribution:
        """Put the changed files that are its business before the tool; say what was read and found.

        Other files are neither read nor unread. A tool's failure is a state, not an exception.
        """
        started = time.perf_counter()
        review = context.review
        files = self.selection.of(review.texts())
        unread = {path: why for path, why in review.unreadable.items() if self._wants(review, path)}

        def contribution(
            state: AgentState, version: str, reason: str | None = None, done: Analysis | None = None
        ) -> Contribution:
            if done is None:
                why = "is not installed" if state == "missing" else state
                done = Analysis(unread=dict.fromkeys(files, f"{self.name} {why}"))
            return Contribution(
                state=state,
                version=version[:64],
                reason=reason,
                findings=tuple(done.findings),
                cleared=tuple(done.cleared),
                read=tuple(path for path in files if path not in done.unread),
                unread={clean(path): clean(why) for path, why in (unread | done.unread).items()},
                elapsed_ms=round((time.perf_counter() - started) * 1000),
            )

        if not files:
            noun = self.selection.noun
            why = f"none of its {noun}s came with content" if unread else f"no {noun} in the change"
            return contribution("skipped", self.version if self.program is None else "", why)
        version = self.version if self.program is None else UNKNOWN
        argv: tuple[str, ...] = ()
        try:
            if self.program is not None:
                located = await self.program.locate(toolbox.commands.get(self.name))
                if located is None:
                    return contribution(
                        "missing", "", f"{self.program.command} is not installed: {self.program.install}"
                    )
                argv, version = located.argv, located.version
            run = _Run(self, toolbox, argv, version, context.deadline_at)
            done = await (run.each(files) if self.per_file else run.all(files, review))
        except (ToolError, OSError) as error:
            state: AgentState = "timeout" if isinstance(error, ToolTimeout) else "failed"
            return contribution(state, version, clean(str(error)))
        return contribution("ok", version, None, done)

    def _wants(self, review: Review, path: str) -> bool:
        if not self.selection.names(path):
            return False
        change = review.change_of(path)
        return change is None or not (change.binary or change.submodule or change.symlink)


@dataclass(frozen=True)
class _Run:
    """One tool over one change. ``argv`` starts the program, in its ``version``."""

    analyzer: Analyzer
    toolbox: Toolbox
    argv: tuple[str, ...]
    version: str
    deadline_at: float

    async def each(self, files: Mapping[str, str]) -> Analysis:
        """Files that depend on nothing else: the cache answers for those that it knows."""
        cache = self.toolbox.cache
        if cache is None:
            return await self._in_batches(files)
        keys = {path: self._key(path, text) for path, text in files.items()}
        known = {key: _KEPT.validate_json(value) for key, value in (await cache.get(keys.values())).items()}
        done = await self._in_batches({path: text for path, text in files.items() if keys[path] not in known})
        found: dict[str, list[Finding]] = defaultdict(list)
        for finding in done.findings:
            found[finding.path].append(finding)
        cleared: dict[str, list[Clearance]] = defaultdict(list)
        for clearance in done.cleared:
            cleared[clearance.path].append(clearance)
        fresh = {
            keys[path]: _Kept(
                findings=tuple(found[path]),
                cleared=tuple(cleared[path]),
                unread={path: done.unread[path]} if path in done.unread else {},
            )
            for path in files
            if keys[path] not in known and path not in done.unwritten
        }
        await cache.put({key: _KEPT.dump_json(kept, exclude_defaults=True) for key, kept in fresh.items()})
        for path in files:
            if (kept := known.get(keys[path])) is not None:
                done.findings.extend(kept.findings)
                done.cleared.extend(kept.cleared)
                done.unread |= kept.unread
        return done

    async def all(self, files: Mapping[str, str], review: Review) -> Analysis:
        """Files that depend on each other, and on what they were before the change."""
        before = {path: text for path in files if (text := review.before(path)) is not None}
        cache = self.toolbox.cache
        if cache is None:
            return await self._check(files, before)
        sides = [*sorted(files.items()), ("", ""), *sorted(before.items())]
        key = self._key(*(part for side in sides for part in side))
        if (value := (await cache.get([key])).get(key)) is not None:
            kept = _KEPT.validate_json(value)
            return Analysis(list(kept.findings), list(kept.cleared), dict(kept.unread))
        done = await self._check(files, before)
        kept = _Kept(findings=tuple(done.findings), cleared=tuple(done.cleared), unread=done.unread)
        await cache.put({key: _KEPT.dump_json(kept, exclude_defaults=True)})
        return done

    def _key(self, *parts: str) -> bytes:
        return key_of(self.analyzer.name, self.version, self.analyzer.configuration, *parts)

    async def _in_batches(self, files: Mapping[str, str]) -> Analysis:
        """As many processes as there are slots, if there is enough for each to do."""
        count = max(1, min(self.toolbox.slots.count, len(files) // self.analyzer.batch))
        paths = list(files)
        done = Analysis()
        if not paths:
            return done
        try:
            async with asyncio.TaskGroup() as group:
                batches = [
                    group.create_task(self._check({path: files[path] for path in paths[at::count]}, {}))
                    for at in range(count)
                ]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        for batch in batches:
            done.add(batch.result())
        return done

    async def _check(self, files: Mapping[str, str], before: Mapping[str, str]) -> Analysis:
        async with (
            self.toolbox.slots.slot(self.analyzer.expected_s),
            workspace(files, program=self.argv, before=before) as space,
        ):
            done = await self.analyzer.check(space, min(self.analyzer.timeout_s, self.deadline_at - time.time()))
            done.unwritten = dict(space.unread)
            done.unread |= space.unread
            return done
