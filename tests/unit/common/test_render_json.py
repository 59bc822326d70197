import json
from typing import Any

import pytest

from quorate.contract.facts import Coverage
from quorate.contract.result import Result, Timings
from quorate.render import FORMATS, Format, render


def result(**fields: Any) -> Result:
    known: dict[str, Any] = {"task_id": "t1", "kind": "code-review", "state": "completed"}
    return Result(**(known | fields), timings=Timings(finished_at="2026-01-02T03:04:05Z"))


def test_json_is_the_body_of_the_result_message() -> None:
    subject = result(summary="drei Wörter 漢")
    assert render(subject, "json") == subject.encode().decode() + "\n"


def test_an_indent_changes_the_look_and_not_the_value() -> None:
    subject = result(coverage=Coverage(unread=("a", "b")))
    page = render(subject, "json", indent=2)
    assert page.startswith('{\n  "schema_version": 1,\n  "task_id": "t1",\n')
    assert json.loads(page) == json.loads(subject.encode())


@pytest.mark.parametrize("indent", [None, 2])
def test_characters_that_control_terminals_are_json_escapes(indent: int | None) -> None:
    subject = result(summary="\x1b[2J \x9b31m \x7f \u202e \u2028 \U000e0041 ok")
    page = render(subject, "json", indent=indent)
    assert page.replace("\n", "").isprintable()
    assert "\\u001b[2J \\u009b31m \\u007f \\u202e \\u2028 \\udb40\\udc41 ok" in page
    assert json.loads(page)["summary"] == subject.summary


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_in_exactly_one_line_end(name: Format) -> None:
    page = render(result(), name)
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
