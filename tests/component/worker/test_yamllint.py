"""The agent `yamllint`, with the real tool."""

from collections.abc import Callable
from importlib import metadata

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.yamllint import YAMLLINT, diff_lines

ContextOf = Callable[..., Context]


async def run(context: Context) -> Contribution:
    report = await YAMLLINT.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((item.path, item.line, item.rule) for item in report.findings)


async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    code = "a: 1\nb:\n    c: yes\n    d:   'x'\n    c: 2\nmode: 0644\nlike: *nothing\n"

    report = await run(context_of({"a.yaml": code, "clean.yml": "a: [1,2 ]   \n", "notes.txt": "a: 1\na: 2\n"}))

    assert (report.state, report.version) == ("ok", metadata.version("yamllint"))
    assert report.read == ("a.yaml", "clean.yml")
    assert rules(report) == [("a.yaml", 5, "key-duplicates"), ("a.yaml", 6, "octal-values"), ("a.yaml", 7, "anchors")]
    assert report.findings[0] == Finding(
        path="a.yaml",
        line=5,
        end_line=5,
        severity="medium",
        category="bug",
        message='duplication of key "c" in mapping',
        rule="key-duplicates",
        confidence=0.95,
    )


async def test_what_directs_the_tool_makes_findings_notes_and_hides_none(context_of: ContextOf) -> None:
    files = {
        ".yamllint": "rules: {}\nignore: '*'\n",
        ".yamllint.yaml": "ignore: '*'\nrules: {}\n",
        ".config/yamllint/config": "rules: {}\n",
        "line.yaml": "a: 1\na: 2  # yamllint disable-line\na: 3\n",
        "rest.yaml": "a: 1\n# yamllint disable rule:key-duplicates\na: 2\n# yamllint enable\na: 3\n",
        "file.yaml": "# yamllint disable-file\na: 1\na: 2\n",
        "open.yaml": "# yamllint disable-file\na: [\n",
    }

    report = await run(context_of(files))

    assert sorted((item.path, item.line, item.severity) for item in report.findings) == [
        ("file.yaml", 3, "info"),
        ("line.yaml", 2, "info"),
        ("line.yaml", 3, "medium"),
        ("open.yaml", 2, "high"),
        ("rest.yaml", 3, "info"),
        ("rest.yaml", 5, "medium"),
    ]


async def test_a_syntax_error_is_a_finding_and_the_file_is_unread(context_of: ContextOf) -> None:
    report = await run(context_of({"bad.yaml": "a: 1\n\tb: 2\n", "good.yaml": "a: 1\n"}))

    assert report.read == ("good.yaml",)
    assert report.unread == {"bad.yaml": r"line 2: syntax error: found character '\t' that cannot start any token"}
    assert [(item.line, item.rule, item.severity) for item in report.findings] == [(2, "syntax", "high")]


async def test_a_template_is_unread_and_no_finding(context_of: ContextOf) -> None:
    report = await run(context_of({"templates/a.yaml": "a: {{ .x }}\n{{- if x }}\nb: 1\n{{ end }}\n"}))

    assert (report.state, report.findings) == ("ok", ())
    assert report.unread == {"templates/a.yaml": "line 3: syntax error: could not find expected ':'"}


async def test_a_file_that_it_stumbles_over_does_not_hide_the_others(context_of: ContextOf) -> None:
    report = await run(context_of({"bad.yaml": "a: \x01\n", "good.yaml": "a: 1\na: 2\n"}))

    assert rules(report) == [("good.yaml", 2, "key-duplicates")]
    assert "special characters are not allowed" in report.unread["bad.yaml"]


async def test_odd_contents_and_names_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.yaml": "",
        "crlf.yaml": "a: 1\r\na: 2\r\n",
        "bom.yaml": "\ufeffa: 1\na: 2",
        "cr.yaml": "# x\ra: 1\ra: 2\nb: 1\nb: 2\n",
        "moved.yaml": "# \x85# \u2028# \u2029\na: 1\na: 2\n",
        "a b.yaml": "a: 1\na: 2\n",
        "ü/[x].yml": "a: 1\na: 2\n",
        "-d.yaml": "a: 1\na: 2\n",
        "replaced.yaml": "a: '\ud800'\na: 2\n",
        ".venv/x.yaml": "a: 1\na: 2\n",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert rules(report) == [
        ("-d.yaml", 2, "key-duplicates"),
        (".venv/x.yaml", 2, "key-duplicates"),
        ("a b.yaml", 2, "key-duplicates"),
        ("bom.yaml", 2, "key-duplicates"),
        ("cr.yaml", 1, "key-duplicates"),
        ("cr.yaml", 3, "key-duplicates"),
        ("crlf.yaml", 2, "key-duplicates"),
        ("moved.yaml", 3, "key-duplicates"),
        ("replaced.yaml", 2, "key-duplicates"),
        ("ü/[x].yml", 2, "key-duplicates"),
    ]


@pytest.mark.parametrize(
    ("text", "number", "line"),
    [("a\nb\n", 2, 2), ("a\r\nb\r\n", 2, 2), ("a\x85b\nc\n", 3, 2), ("a\rb\rc\n", 3, 1), ("a\n", 2, 1), ("", 1, 1)],
)
def test_what_ends_a_line_only_in_yaml_does_not_move_a_finding(text: str, number: int, line: int) -> None:
    lines = diff_lines(text)

    assert lines[min(number, len(lines)) - 1] == line


async def test_a_key_cannot_forge_an_entry_of_the_output(context_of: ContextOf) -> None:
    forged = r'"k\nx:1:1: [error] y (syntax)\n0:1:1: [error] y (syntax)": 1' + "\n"

    report = await run(context_of({"a.yaml": forged * 2, "b.yaml": "a: 1\na: 2\n"}))

    assert (report.state, report.read) == ("ok", ("a.yaml", "b.yaml"))
    assert rules(report) == [("a.yaml", 2, "key-duplicates"), ("b.yaml", 2, "key-duplicates")]
    assert {item.severity for item in report.findings} == {"medium"}
    assert report.findings[0].message == (
        'duplication of key "k x:1:1: [error] y (syntax) 0:1:1: [error] y (syntax)" in mapping'
    )
