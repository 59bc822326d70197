"""Findings: how a flow is told to a reader."""

import re
from typing import NamedTuple

from quorate_worker.taint.rules import RULES, SEVERITIES, STRENGTHS
from quorate_worker.taint.values import Taint

MAX_EVIDENCE = 600
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class Finding(NamedTuple):
    """A weakness in some lines of one file, as the program prints it."""

    line: int
    end_line: int
    rule: str
    cwe: int
    severity: str
    confidence: float
    message: str
    evidence: str

    def fields(self, path: str) -> dict[str, object]:
        return {"path": path, **self._asdict()}


class Place(NamedTuple):
    """The lines of a sink, and what it is called in the code."""

    line: int
    end_line: int
    name: str


def of_flow(rule: str, place: Place, what: str, taint: Taint, weight: float) -> Finding:
    """An untrusted value that reaches a sink, which takes it as `what`."""
    known = RULES[rule]
    confidence = round(min(max(taint.confidence * weight, 0.05), 0.99), 2)
    severity = lowered(known.severity, STRENGTHS[taint.source.strength].lower)
    origin = f"{_shown(taint.source.label)} (line {taint.source.line})"
    name = taint.trace[-1].name if taint.trace else ""
    subject = f"`{_shown(name)}` from {origin}" if name else f"A value from {origin}"
    message = f"{subject} reaches {_shown(place.name)} as {what}: {known.advice}."
    steps = [f"line {taint.source.line}: {_shown(taint.source.label)}"]
    steps += [f"line {step.line}: {_shown(step.name)} = ..." for step in taint.trace]
    steps.append(f"line {place.line}: {_shown(place.name)}")
    evidence = " -> ".join(steps)[:MAX_EVIDENCE]
    return Finding(place.line, place.end_line, rule, known.cwe, severity, confidence, message, evidence)


def of_use(rule: str, place: Place, what: str, confidence: float) -> Finding:
    """A weakness that needs no flow: a hash, a cipher or a cookie. `what` says what is there."""
    known = RULES[rule]
    message = f"{what}: {known.advice}."
    evidence = f"line {place.line}: {_shown(place.name)}"
    return Finding(place.line, place.end_line, rule, known.cwe, known.severity, confidence, message, evidence)


def lowered(severity: str, steps: int) -> str:
    """A severity some steps lower, at least `low`."""
    return SEVERITIES[max(SEVERITIES.index(severity) - steps, min(1, SEVERITIES.index(severity)))]


def _shown(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)[:80]
