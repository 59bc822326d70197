"""Command: the declarative form of an adapter. A command line, and what to make of its output."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from quorate_worker.adapters.analysis import Analysis
from quorate_worker.adapters.deafness import countdown
from quorate_worker.adapters.process import ToolFailed, ToolOutput
from quorate_worker.adapters.workspace import Workspace

FILES = "{files}"
HOME = "{home}"
MAX_ARGUMENTS = 100_000
"""Bytes of paths on one command line: every system takes that much."""

Parser = Callable[[ToolOutput, Workspace], Analysis]
"""Reads a tool's output. Raises ValueError (KeyError, TypeError) for what it does not understand."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """``arguments`` follow the program's name: ``{files}`` stands for the paths, ``{home}`` for a folder with
    ``configuration`` (name to text), where the reviewed code has no say. ``codes`` are the exit codes of a tool that
    did its work. An instance is the ``check`` of an ``Analyzer``."""

    name: str
    arguments: tuple[str, ...]
    parse: Parser
    codes: frozenset[int] = frozenset({0, 1})
    configuration: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, space: Workspace, timeout_s: float) -> Analysis:
        for name, text in self.configuration.items():
            (space.home / name).write_text(text, encoding="utf-8")
        left = countdown(timeout_s)
        done = Analysis()
        for paths in self._portions(list(space.files)):
            output = await space.run([*space.program, *self._filled(space, paths)], left(), name=self.name)
            if output.code not in self.codes:
                raise ToolFailed(self.name, f"ended with code {output.code}", output.stderr or output.stdout)
            try:
                done.add(self.parse(output, space))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                what = f"wrote something that is not its usual output ({type(error).__name__}: {error})"
                raise ToolFailed(self.name, what, output.stderr) from error
        return done

    def _filled(self, space: Workspace, paths: Sequence[str]) -> Iterator[str]:
        for argument in self.arguments:
            if argument == FILES:
                # No path can be taken for an option.
                yield from (f"./{path}" for path in paths)
            else:
                yield argument.replace(HOME, str(space.home))

    def _portions(self, paths: list[str]) -> Iterator[list[str]]:
        if FILES not in self.arguments:
            yield paths
            return
        portion: list[str] = []
        size = 0
        for path in paths:
            need = len(path.encode()) + 3
            if portion and size + need > MAX_ARGUMENTS:
                yield portion
                portion, size = [], 0
            portion.append(path)
            size += need
        if portion:
            yield portion


def reviewed_path(name: str, space: Workspace) -> str | None:
    """The path under review that a tool calls ``name``: relative, absolute or a URI; None for any other file."""
    if name.startswith("file:"):
        name = unquote(urlsplit(name).path)
    for candidate in (name, unquote(name)):
        pure = PurePosixPath(candidate)
        if pure.is_absolute() and pure.is_relative_to(str(space.tree)):
            pure = pure.relative_to(str(space.tree))
        if str(pure) in space.files:
            return str(pure)
    return None
