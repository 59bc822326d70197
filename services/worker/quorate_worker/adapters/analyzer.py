"""Analyzer: an agent whose work is done by a tool that reads files."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from quorate.agent_definition import Agent, Context
from quorate.contract.agents import AgentCard
from quorate.contract.base import Part
from quorate.contract.facts import AgentState, Contribution
from quorate.contract.finding import Clearance, Finding
from quorate.review import Review
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.cache import AnalysisCache
from quorate_worker.adapters.process import ToolError, ToolFailed, ToolTimeout
from quorate_worker.adapters.program import Program, identity_of
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.slots import Slots
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace, workspace

log = logging.getLogger("quorate.worker")

TIMEOUT_S = 120.0
WAIT_S = 480.0
"""How long an analyzer may wait for others to end, beside its own time."""

BATCH_CHARS = 4_000_000
SMALL_CHARS = 50_000
"""About what a tool reads in the time that it takes to start."""

UNKNOWN = "unknown"

Check = Callable[[Workspace, float], Awaitable[Analysis]]
"""Reads the files of a workspace within so many seconds. Raises ToolError."""


class _Kept(Part):
    """What the cache holds of one file, or of a whole change."""

    findings: tuple[Finding, ...] = ()
    cleared: tuple[Clearance, ...] = ()


_KEPT = TypeAdapter(_Kept)


@dataclass(frozen=True, kw_only=True)
class Analyzer:
    """What an analyzer is; ``agent`` makes it one.

    ``per_file`` says that a file's findings depend on that file alone, so that each can be kept and files can be put
    before several processes, ``batch`` files or ``BATCH_CHARS`` at a time at most. ``expected_s`` is about how long it
    takes beside others for a small change: the longest begin first. ``version`` is that of an analyzer of our own,
    without a program. ``configuration`` is what else its findings depend on, and so are the files ``depends_on``;
    without ``keeps`` nothing is kept at all. ``rules``, ``titles`` (of rules of our own), ``notes`` and ``homepage``
    are for its page in the documentation.
    """

    name: str
    description: str
    check: Check
    selection: Selection = field(default_factory=Selection)
    program: Program | None = None
    version: str = "1"
    configuration: str = ""
    depends_on: tuple[Path, ...] = ()
    keeps: bool = True
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
            run = _Run(self, toolbox.slots, toolbox.cache if self.keeps else None, argv, version, context.deadline_at)
            done = await (run.each(files) if self.per_file else run.all(files, review))
        except (ToolError, OSError) as error:
            return contribution(_state_of(error), version, clean(str(error)))
        if done.stopped_by is not None:
            return contribution(_state_of(done.stopped_by), version, clean(str(done.stopped_by)), done)
        return contribution("ok", version, None, done)

    def _wants(self, review: Review, path: str) -> bool:
        if not self.selection.names(path):
            return False
        change = review.change_of(path)
        return change is None or not (change.binary or change.submodule or change.symlink)


def _state_of(error: Exception) -> AgentState:
    return "timeout" if isinstance(error, ToolTimeout) else "failed"


@dataclass(frozen=True)
class _Run:
    """One tool over one change. ``argv`` starts the program, in its ``version``."""

    analyzer: Analyzer
    slots: Slots
    cache: AnalysisCache | None
    argv: tuple[str, ...]
    version: str
    deadline_at: float

    async def each(self, files: Mapping[str, str]) -> Analysis:
        """Files that depend on nothing else: the cache answers for those that it knows.

        What one batch of them found is kept, and told, whatever becomes of the others.
        """
        keys = {path: key for path, text in files.items() if (key := self._key(path, text)) is not None}
        done = Analysis()
        known = await self._known(keys.values())
        for key in keys.values():
            if (kept := known.get(key)) is not None:
                done.findings.extend(kept.findings)
                done.cleared.extend(kept.cleared)
        left = {path: text for path, text in files.items() if keys.get(path) not in known}
        batches = list(self._batches(left))
        results = await self._all_of(batches, keys)
        errors = [error for error in results if isinstance(error, Exception)]
        if errors and len(errors) == len(batches) and not known:
            raise errors[0]
        for batch, result in zip(batches, results, strict=True):
            if isinstance(result, Exception):
                done.unread |= dict.fromkeys(batch, f"{self.analyzer.name} {_state_of(result)}")
                done.stopped_by = done.stopped_by or result
            else:
                done.add(result)
        return done

    async def all(self, files: Mapping[str, str], review: Review) -> Analysis:
        """Files that depend on each other, and on what they were before the change."""
        before = {path: text for path in files if (text := review.before(path)) is not None}
        sides = [*sorted(files.items()), ("", ""), *sorted(before.items())]
        key = self._key(*(part for side in sides for part in side))
        if key is not None and (kept := (await self._known([key])).get(key)) is not None:
            return Analysis(list(kept.findings), list(kept.cleared))
        done = await self._check(files, before)
        if key is not None and not done.unread:
            await self._keep({key: _Kept(findings=tuple(done.findings), cleared=tuple(done.cleared))})
        return done

    def _key(self, *parts: str) -> bytes | None:
        analyzer = self.analyzer
        if self.cache is None:
            return None
        others = (str(identity_of(path)) for path in analyzer.depends_on)
        return self.cache.key(analyzer.name, self.version, analyzer.configuration, *others, "", *parts)

    async def _known(self, keys: Iterable[bytes]) -> dict[bytes, _Kept]:
        known = {}
        for key, value in (await self.cache.get(keys) if self.cache is not None else {}).items():
            # What cannot be read is as good as not there.
            with suppress(ValidationError):
                known[key] = _KEPT.validate_json(value)
        return known

    async def _keep(self, kept: Mapping[bytes, _Kept]) -> None:
        if self.cache is not None:
            await self.cache.put({key: _KEPT.dump_json(each, exclude_defaults=True) for key, each in kept.items()})

    def _batches(self, files: Mapping[str, str]) -> Iterator[dict[str, str]]:
        batch: dict[str, str] = {}
        size = 0
        for path, text in files.items():
            if batch and (len(batch) == self.analyzer.batch or size + len(text) > BATCH_CHARS):
                yield batch
                batch, size = {}, 0
            batch[path] = text
            size += len(text)
        if batch:
            yield batch

    async def _all_of(
        self, batches: Sequence[Mapping[str, str]], keys: Mapping[str, bytes]
    ) -> list[Analysis | ToolError | OSError]:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._one_of(batch, keys)) for batch in batches]
        return [task.result() for task in running]

    async def _one_of(self, files: Mapping[str, str], keys: Mapping[str, bytes]) -> Analysis | ToolError | OSError:
        try:
            done = await self._check(files, {})
        except (ToolError, OSError) as error:
            return error
        found: dict[str, list[Finding]] = defaultdict(list)
        for finding in done.findings:
            found[finding.path].append(finding)
        cleared: dict[str, list[Clearance]] = defaultdict(list)
        for clearance in done.cleared:
            cleared[clearance.path].append(clearance)
        # Nothing is kept of a file that was not read: the reason may be of today.
        await self._keep(
            {
                keys[path]: _Kept(findings=tuple(found[path]), cleared=tuple(cleared[path]))
                for path in files
                if path in keys and path not in done.unread
            }
        )
        return done

    async def _check(self, files: Mapping[str, str], before: Mapping[str, str]) -> Analysis:
        """Raises ToolError and OSError: whatever else goes wrong is a defect of the adapter, and told as a failure."""
        analyzer = self.analyzer
        expected_s = analyzer.expected_s * (1 + sum(map(len, files.values())) / SMALL_CHARS)
        async with self.slots.slot(expected_s), workspace(files, program=self.argv, before=before) as space:
            try:
                done = await analyzer.check(space, min(analyzer.timeout_s, self.deadline_at - time.time()))
            except (ToolError, OSError):
                raise
            except Exception as error:
                log.exception("%s: defect in the adapter", analyzer.name, extra={"action": "analyzer.defect"})
                what = f"could not be understood ({type(error).__name__}: {error})"
                raise ToolFailed(analyzer.name, what) from error
            done.unread |= space.unread
            return done
