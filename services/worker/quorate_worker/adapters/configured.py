"""Analyzers that the operator describes in ``quorate.toml``, in a table ``[tools.NAME]``."""

import re

from quorate.settings import ToolSettings
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.command import Command
from quorate_worker.adapters.lines import lines_parser
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.sarif import sarif_parser
from quorate_worker.adapters.selection import Selection


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
            suffixes=frozenset(
                pattern[1:].lower() for pattern in tool.files if re.fullmatch(r"\*\.[^*?\[\]./]+", pattern)
            ),
            patterns=tool.files,
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
        per_file=tool.per_file,
        timeout_s=tool.timeout_s,
    )
