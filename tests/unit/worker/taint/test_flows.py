"""Values that reach a shell, and values that only seem to: one table of each."""

import textwrap

import pytest

from quorate_worker.taint.analysis import analyze
from tests.unit.worker.taint.flask_cases import HANDLER, PASSES, STOPS, SYSTEM
from tests.unit.worker.taint.framework_cases import MODULES
from tests.unit.worker.taint.kind_cases import REAL, SAFE


def rules(body: str) -> set[str]:
    report = analyze(HANDLER.format(body=textwrap.indent(f"{body}\n{SYSTEM}", "    ")))
    assert report.unread is None
    return {finding.rule for finding in report.findings}


@pytest.mark.parametrize("body", PASSES.values(), ids=PASSES.keys())
def test_a_value_passes_through(body: str) -> None:
    assert "command-injection" in rules(body)


@pytest.mark.parametrize("body", STOPS.values(), ids=STOPS.keys())
def test_a_value_is_stopped_by(body: str) -> None:
    assert "command-injection" not in rules(body)


def pairs(table: dict[str, dict[str, str]]) -> list[object]:
    return [
        pytest.param(rule, body, id=f"{rule} by {name}")
        for rule, cases in table.items()
        for name, body in cases.items()
    ]


def found(body: str) -> set[str]:
    report = analyze(HANDLER.format(body=textwrap.indent(body, "    ")))
    assert report.unread is None
    return {finding.rule for finding in report.findings}


@pytest.mark.parametrize(("rule", "body"), pairs(REAL))
def test_a_weakness_is_found(rule: str, body: str) -> None:
    assert rule in found(body)


@pytest.mark.parametrize(("rule", "body"), pairs(SAFE))
def test_a_look_alike_is_not_reported(rule: str, body: str) -> None:
    assert rule not in found(body)


@pytest.mark.parametrize(("present", "absent", "code"), MODULES.values(), ids=MODULES.keys())
def test_a_module_of_a_framework_has_one_weakness_and_not_the_other(present: str, absent: str, code: str) -> None:
    report = analyze(code)
    rules_found = {finding.rule for finding in report.findings}
    assert report.unread is None
    assert present in rules_found
    assert absent not in rules_found
