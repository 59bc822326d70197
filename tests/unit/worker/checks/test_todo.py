"""To-dos that are found, and those that are somewhere else kept track of, or none."""

import pytest

from quorate_worker.checks import todo
from quorate_worker.checks.comments import comment_lines
from tests.unit.worker.checks.changed import found


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "x = 1  # TODO: make it two\n", {"todo a.py:1"}),
        ("a.py", "# TODO make it two\n", {"todo a.py:1"}),
        ("a.py", "# FIXME\n", {"fixme a.py:1"}),
        ("a.py", "# XXX this is odd\n", {"todo a.py:1"}),
        ("a.py", "# TODO: try it 3 times, in python too\n", {"todo a.py:1"}),
        ("a.py", "# later TODO: this\n", {"todo a.py:1"}),
        ("a.py", "# TODO() nobody\n", {"todo a.py:1"}),
        ("a.py", "# TODO: support UTF-8\n", {"todo a.py:1"}),
        ("a.js", "f(); // HACK around it\n", {"fixme a.js:1"}),
        ("a.go", "s := `a // b`\n/* one\n * TODO: two\n */\n", {"todo a.go:3"}),
        ("a.rs", "fn f<'a>() {} // TODO: x\n", {"todo a.rs:1"}),
        ("a.yml", "a: don't  # TODO: x\n", {"todo a.yml:1"}),
        ("a.sh", "echo hello # FIXME: quote\n", {"fixme a.sh:1"}),
        ("Dockerfile", "FROM x\n# TODO: pin\n", {"todo Dockerfile:2"}),
        ("a.sql", "select 1 -- TODO: x\n", {"todo a.sql:1"}),
        ("a.md", "text\n<!-- TODO: write -->\n", {"todo a.md:2"}),
        ("a.css", "a { } /* TODO: x */\n", {"todo a.css:1"}),
    ],
)
def test_a_new_comment_that_leaves_work_is_found(path: str, text: str, expected: set[str]) -> None:
    assert found(todo, {}, {path: text}) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "# TODO(alice): x\n"),
        ("a.py", "# TODO @alice x\n"),
        ("a.py", "# TODO: x, see #123\n"),
        ("a.py", "# TODO GH-12 x\n"),
        ("a.py", "# TODO: PROJ-77 x\n"),
        ("a.py", "# TODO: https://example.com/1\n"),
        ("a.py", "# TODO 4.0: merge it\n"),
        ("a.py", "# TODO: drop it in v2.x\n"),
        ("a.py", "# TODO: drop it with support for PY312\n"),
        ("a.py", "# TODO: x when\n# https://example.com/1 is solved\n"),
        ("a.py", "# puts it on the TODO list\n"),
        ("a.py", "# a TODO-like word, XXXL and XXX.XXX\n"),
        ("a.py", "# todo lists are fine\n"),
        ("a.py", 'title = "TODO: x"\n'),
        ("a.py", 's = """\n# TODO: in a text\n"""\n'),
        ("a.py", "s = '# TODO: x'\n"),
        ("a.py", "TODO = 1\n"),
        ("a.js", "const s = `\n// TODO: x\n`;\n"),
        ("a.js", 'f("http://x // TODO: y");\n'),
        ("a.sh", "x=${y#TODO: }\n"),
        ("a.md", "# TODO\n\nTODO: prose\n"),
        ("a.txt", "# TODO: prose\n"),
        ("a.unknown", "# TODO: x\n"),
        ("vendor/a.py", "# TODO: x\n"),
        ("a_pb2.py", "# TODO: x\n"),
    ],
)
def test_what_is_tracked_or_no_comment_is_left_alone(path: str, text: str) -> None:
    assert found(todo, {}, {path: text}) == set()


def test_a_comment_that_was_there_or_is_moved_is_not_new() -> None:
    before = {"a.py": "# TODO: x\na = 1\n", "b.py": "b = 1\n"}

    assert found(todo, before, {"a.py": "# TODO: x\na = 2\n", "b.py": "b = 1\n"}) == set()
    assert found(todo, before, {"a.py": "a = 1\n", "b.py": "if b:\n    # TODO: x\n    b = 1\n"}) == set()


def test_without_the_content_of_the_file_its_added_lines_are_read() -> None:
    before = {"a.py": "a\nb\nc\n"}
    after = {"a.py": "a\n# TODO: one\nb\nx = '# TODO: two'\nc  # FIXME\n"}

    assert found(todo, before, after, send_files=False) == {"todo a.py:2", "fixme a.py:5"}


def test_with_the_content_of_the_file_a_string_that_began_above_is_known() -> None:
    before = {"a.py": 's = """\nx\n"""\n'}
    after = {"a.py": 's = """\nx\n# TODO: in a text\n"""\n'}

    assert found(todo, before, after) == set()


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "'''#''' # a\n\"\\\"#\" # b", [(1, "# a"), (2, "# b")]),
        ("a.c", "'\"' /* a\nb */ // c", [(1, "/* a"), (2, "b */"), (2, "// c")]),
        ("a.js", "'it\\'s // no' // a", [(1, "// a")]),
        ("a.py", '"""never closed # no', []),
        ("a.c", "/* never closed", [(1, "/* never closed")]),
        ("a.php", "#[Attribute]\n# a", [(2, "# a")]),
        ("a.html", "<!-- a -- b --> c", [(1, "<!-- a -- b -->")]),
        ("a.bin", "# a", []),
    ],
)
def test_comments_are_told_from_strings(path: str, text: str, expected: list[tuple[int, str]]) -> None:
    assert list(comment_lines(path, text)) == expected
