"""Analyzers as tests need them."""

from dataclasses import replace

from quorate_worker.adapters.analyzer import Analyzer


async def argv(analyzer: Analyzer) -> tuple[str, ...]:
    """How the analyzer's program is started."""
    located = await analyzer.program.locate() if analyzer.program else None
    return located.argv if located else ()


def without(analyzer: Analyzer) -> Analyzer:
    """The analyzer on a machine where its program is not."""
    assert analyzer.program is not None
    gone = replace(analyzer.program, command="no-such-program-here", distribution="no-such-package-here")
    return replace(analyzer, program=gone)
