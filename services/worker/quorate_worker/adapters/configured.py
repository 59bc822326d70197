"""Analyzers that the operator describes in ``quorate.toml``, in a table ``[tools.NAME]``."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from quorate.settings import ToolSettings
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.command import Command
from quorate_worker.adapters.lines import lines_parser
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.sarif import sarif_parser
from quorate_worker.adapters.selection import Selection

CONFIGURATION = (
    *("*.cfg", "*.conf", "*.config.*", "*.ini", "*rc", "*rc.*", ".*", "conftest.py", "pyproject.toml"),
    *("package.json", "tsconfig*.json", "deno.json", "biome.json*", "Makefile", "Rakefile", "Gruntfile*", "gulpfile*"),
)
"""Files with which the reviewed code would configure the tool, or have it run code: not put before it unless the
operator names just that file."""


def configured_analyzer(name: str, tool: ToolSettings) -> Analyzer:
    """An analyzer that runs the tool of this table."""
    program, *arguments = tool.command
    rules = {"": Rule(tool.category, tool.severity, tool.confidence)}
    return Analyzer(
        name=name,
        description=tool.description or f"What `{program}` finds",
        program=Program(
            command=program,
            install=tool.install or "install it, or give the path of its program",
            tells_version=False,
        ),
        selection=Selection(
            noun=f"file of {name}",
            patterns=tool.files,
            excluded=CONFIGURATION,
        ),
        check=Command(
            name=name,
            arguments=tuple(arguments),
            codes=frozenset(tool.codes),
            parse=sarif_parser(rules, tool.severities or None)
            if tool.pattern is None
            else lines_parser(re.compile(tool.pattern), rules, tool.severities),
        ),
        configuration=tool.model_dump_json(),
        depends_on=tuple(_files_among(arguments)),
        keeps=tool.cache,
        per_file=tool.is_per_file,
        timeout_s=tool.timeout_s,
    )


def _files_among(arguments: Iterable[str]) -> Iterator[Path]:
    """Files of the operator that the tool is given, such as a script or its configuration."""
    for argument in arguments:
        for part in (argument, argument.partition("=")[2]):
            if Path(part).is_absolute() and Path(part).is_file():
                yield Path(part)
