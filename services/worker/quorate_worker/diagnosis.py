"""Which analyzers have their program on this machine."""

from quorate.diagnosis import Diagnosis
from quorate.settings import load
from quorate_worker.builtin import builtin_analyzers, configured_analyzers


def diagnose() -> list[Diagnosis]:
    """The analyzers that can run, and of the others what to do about it. It is no fault to lack some."""
    settings = load()
    there, absent = [], []
    for analyzer in [*builtin_analyzers(), *configured_analyzers(settings.tools)]:
        said = settings.agents.get(analyzer.name)
        if said is not None and not said.enabled:
            continue
        program = analyzer.program
        if program is None or program.argv(said.command if said is not None else None):
            there.append(analyzer.name)
        else:
            absent.append(f"{analyzer.name} ({program.install})")
    lacking = f"not installed: {', '.join(absent)}" if absent else ""
    return [Diagnosis("analyzers", bool(there), ", ".join(sorted(there)) or "none", advice=lacking, hint=lacking)]
