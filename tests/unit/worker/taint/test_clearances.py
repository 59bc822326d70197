"""What is cleared, and what is not: one table of each."""

import textwrap

import pytest

from quorate_worker.taint.analysis import analyze
from quorate_worker.taint.clearances import MAX_CLEARANCES
from tests.unit.worker.taint.clearance_cases import (
    HANDLER,
    HARMLESS,
    HARMLESS_IN_HANDLERS,
    NOT_HARMLESS,
    NOT_HARMLESS_IN_HANDLERS,
)


def handler(body: str) -> str:
    return HANDLER + textwrap.indent(body, "    ")


def cleared(code: str) -> set[tuple[int, int]]:
    """The weaknesses and lines that are cleared."""
    report = analyze(code)
    assert report.unread is None
    return {(each.cwe, line) for each in report.cleared for line in range(each.line, each.end_line + 1)}


def place(cwe: int, code: str) -> tuple[int, int]:
    return cwe, next(number for number, line in enumerate(code.split("\n"), 1) if line.endswith("# here"))


def cases(plain: dict[str, tuple[int, str]], handlers: dict[str, tuple[int, str]]) -> list[object]:
    return [pytest.param(cwe, code, id=name) for name, (cwe, code) in plain.items()] + [
        pytest.param(cwe, handler(code), id=name) for name, (cwe, code) in handlers.items()
    ]


@pytest.mark.parametrize(("cwe", "code"), cases(HARMLESS, HARMLESS_IN_HANDLERS))
def test_a_harmless_place_is_cleared(cwe: int, code: str) -> None:
    assert place(cwe, code) in cleared(code)


@pytest.mark.parametrize(("cwe", "code"), cases(NOT_HARMLESS, NOT_HARMLESS_IN_HANDLERS))
def test_a_place_is_not_cleared_that_may_do_harm(cwe: int, code: str) -> None:
    assert place(cwe, code) not in cleared(code)


def test_a_place_has_its_lines_and_a_reason() -> None:
    code = handler("n = int(name)\ndb.execute(\n    f'select {n} from t where x = ?',\n    (number,),\n)")
    call, text = analyze(code).cleared

    assert (call.line, call.end_line, call.cwe, call.confidence) == (7, 10, 89, 0.8)
    assert call.message == (
        "only constants and values that do no harm reach this query, and its parameters are passed apart from its text"
    )
    assert (text.line, text.end_line, text.cwe) == (8, 8, 89)


def test_the_reason_names_the_value_that_was_checked() -> None:
    code = handler("if name in ('a', 'b'):\n    db.execute('select ' + name)")

    assert {each.message for each in analyze(code).cleared} == {
        "the parameter name (line 5) is checked, converted or escaped before it reaches this query",
        "the parameter name (line 5) is checked, converted or escaped before it reaches this text",
    }


def test_nothing_is_cleared_in_a_file_that_was_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "db.execute('select 1')\n" + "x = [1, 2]\n" * 500
    assert analyze(code).cleared
    monkeypatch.setattr("quorate_worker.taint.machine.STEPS_AT_LEAST", 500)
    monkeypatch.setattr("quorate_worker.taint.machine.STEPS_PER_NODE", 0)

    report = analyze(code)

    assert (report.unread, report.cleared) == ("takes too many steps to follow", ())


def test_clearances_are_bounded() -> None:
    assert len(analyze("db.execute('select 1')\n" * 2_000).cleared) == MAX_CLEARANCES
