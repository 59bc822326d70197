"""From edits by characters to whole lines: by properties, and against what ruff itself does."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.fix import MAX_EDITS, MAX_TEXT, Edit, Fix
from quorate_worker.adapters import edits as module
from quorate_worker.adapters.edits import (
    ColumnEdit,
    OffsetEdit,
    Unit,
    fix_of,
    fix_of_offsets,
    ruff_fix,
    sarif_fix,
)

TEXTS = st.lists(
    st.sampled_from(
        ["a", "bc", " ", "\t", "\n", "\r\n", "\r", "\x0c", "\u2028", "\x85", "日", "e\u0301", "👍", "\ufeff"]
    ),
    max_size=24,
).map("".join)


def applied(text: str, fix: Fix) -> str:
    """As the contract says it: whole lines of the file, which end at line feeds, become others."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    for edit in reversed(fix.edits):
        assert edit.line <= len(lines) + 1
        assert edit.end_line <= len(lines)
        assert edit.text[-1:] in ("", "\n") or edit.end_line == len(lines)
        lines[edit.line - 1 : edit.end_line] = [edit.text]
    return "".join(lines)


def directly(text: str, edits: Sequence[OffsetEdit]) -> str:
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.content + text[edit.end :]
    return text


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, list[OffsetEdit]]:
    """A text, and edits of it that are apart."""
    text = draw(TEXTS)
    count = draw(st.integers(1, 4))
    places = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2 * count, max_size=2 * count)))
    found = [OffsetEdit(places[2 * at], places[2 * at + 1], draw(TEXTS)) for at in range(count)]
    # Two of them that meet at one place would depend on their order.
    apart = [edit for edit, before in zip(found, [None, *found], strict=False) if not before or edit.start > before.end]
    return text, draw(st.permutations(apart))


def column(text: str, offset: int) -> tuple[int, int]:
    """Row and column as ruff counts them."""
    before = text[:offset].removeprefix("\ufeff")
    if before.endswith("\r") and text[offset : offset + 1] == "\n":
        before = before[:-1] + "x"  # between the two there is no new row yet
    ends = [found.end() for found in re.finditer(r"\r\n|\r|\n", before)]
    return len(ends) + 1, len(before) - (ends[-1] if ends else 0) + 1


@given(changes())
def test_a_fix_does_what_its_edits_do(case: tuple[str, list[OffsetEdit]]) -> None:
    text, edits = case
    fix = fix_of_offsets(text, edits, unit="codepoint", safe=True)

    assert (text if fix is None else applied(text, fix)) == directly(text, edits)


@given(changes())
def test_rows_and_columns_are_the_same_places_as_offsets(case: tuple[str, list[OffsetEdit]]) -> None:
    text, edits = case
    # No column is before a byte order mark.
    edits = [edit for edit in edits if edit.start > 0 or not text.startswith("\ufeff")]
    by_column = [ColumnEdit(*column(text, edit.start), *column(text, edit.end), edit.content) for edit in edits]

    assert fix_of(text, by_column, safe=False) == fix_of_offsets(text, edits, unit="codepoint", safe=False)


@given(changes(), st.sampled_from([("utf16", "utf-16-le", 2), ("utf8", "utf-8", 1)]))
def test_offsets_may_be_of_an_encoding(case: tuple[str, list[OffsetEdit]], kind: tuple[Unit, str, int]) -> None:
    text, edits = case
    unit, encoding, size = kind

    def units(offset: int) -> int:
        return len(text[:offset].encode(encoding)) // size

    encoded = [OffsetEdit(units(edit.start), units(edit.end), edit.content) for edit in edits]
    by_character = fix_of_offsets(text, edits, unit="codepoint", safe=True)
    assert fix_of_offsets(text, encoded, unit=unit, safe=True) == by_character


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("a\nb\nc\n", (2, 1, 3, 1, ""), Edit(line=2, end_line=2, text="")),
        ("a\nb\nc\n", (2, 1, 2, 1, "x\n"), Edit(line=2, end_line=1, text="x\n")),
        ("a\nb\nc\n", (2, 1, 2, 1, "x"), Edit(line=2, end_line=2, text="xb\n")),
        ("a\nb\nc\n", (2, 2, 3, 1, ""), Edit(line=2, end_line=3, text="bc\n")),
        ("a\nb\n", (3, 1, 3, 1, "x\n"), Edit(line=3, end_line=2, text="x\n")),
        ("a\nb", (2, 2, 2, 2, "\n"), Edit(line=2, end_line=2, text="b\n")),
        ("a\nb", (2, 1, 2, 2, ""), Edit(line=2, end_line=2, text="")),
        ("", (1, 1, 1, 1, "x"), Edit(line=1, end_line=0, text="x")),
        ("a\r\nb\r\n", (2, 1, 2, 2, "x"), Edit(line=2, end_line=2, text="x\r\n")),
        ("a\rb\rc\n", (2, 1, 2, 2, "x"), Edit(line=1, end_line=1, text="a\rx\rc\n")),
        ("\ufeffa\n", (1, 1, 1, 2, "x"), Edit(line=1, end_line=1, text="\ufeffx\n")),
        ("a\x0cb\u2028c\n", (1, 5, 1, 6, "x"), Edit(line=1, end_line=1, text="a\x0cb\u2028x\n")),
    ],
)
def test_only_the_lines_that_change_are_replaced(
    text: str, edit: tuple[int, int, int, int, str], expected: Edit
) -> None:
    assert fix_of(text, [ColumnEdit(*edit)], safe=True) == Fix(edits=(expected,), safe=True)


def test_edits_of_one_line_become_one() -> None:
    edits = [ColumnEdit(1, 3, 1, 4, "y"), ColumnEdit(1, 1, 1, 2, "x"), ColumnEdit(3, 1, 3, 2, "z")]

    assert fix_of("a b\n\nc\n", edits, safe=False) == Fix(
        edits=(Edit(line=1, end_line=1, text="x y\n"), Edit(line=3, end_line=3, text="z\n"))
    )


LINES = "a\n\n" * 1_000


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        ("abc\n", [(1, 1, 1, 3, "x"), (1, 2, 1, 3, "y")]),
        ("abc\n", [(1, 1, 1, 2, "a")]),
        ("abc\n", []),
        ("abc\n", [(1, 2, 1, 1, "x")]),
        ("abc\n", [(2, 1, 2, 2, "x")]),
        ("abc\n", [(3, 1, 3, 1, "x")]),
        ("abc\nd\n", [(1, 1, 1, 6, "x")]),
        ("abc\n", [(0, 1, 1, 1, "x")]),
        ("abc\n", [(1, 0, 1, 1, "x")]),
        ("abc\n", [(1, 1, 1, 1, "\ud800")]),
        ("abc\n", [(1, 1, 1, 1, "x" * MAX_TEXT)]),
        (LINES, [(2 * row + 1, 1, 2 * row + 1, 1, "x") for row in range(MAX_EDITS + 1)]),
        ("abc\n", [(1, 1, 1, 1, "x")] * (module.MAX_EDITS + 1)),
    ],
    ids=lambda value: None,
)
def test_edits_that_do_not_fit_are_no_fix(text: str, edits: list[tuple[int, int, int, int, str]]) -> None:
    assert fix_of(text, (ColumnEdit(*edit) for edit in edits), safe=True) is None


def test_as_many_edits_as_a_fix_may_have_are_one() -> None:
    fix = fix_of(LINES, [ColumnEdit(2 * row + 1, 1, 2 * row + 1, 1, "x") for row in range(MAX_EDITS)], safe=True)

    assert fix is not None
    assert len(fix.edits) == MAX_EDITS


@pytest.mark.parametrize(("unit", "offset"), [("utf16", 2), ("utf8", 3), ("utf8", 9), ("utf16", -1)])
def test_an_offset_within_a_character_or_beyond_the_text_does_not_fit(unit: Unit, offset: int) -> None:
    assert fix_of_offsets("a👍b\n", [OffsetEdit(0, offset, "x")], unit=unit, safe=True) is None


# SARIF


def replacing(region: dict[str, int], text: str | None = "x", uri: str = "a.js") -> dict[str, Any]:
    replacement: dict[str, Any] = {"deletedRegion": region}
    if text is not None:
        replacement["insertedContent"] = {"text": text}
    return {"artifactChanges": [{"artifactLocation": {"uri": uri}, "replacements": [replacement]}]}


@pytest.mark.parametrize(
    ("region", "unit", "expected"),
    [
        ({"startLine": 2, "startColumn": 3, "endColumn": 4}, "codepoint", "a\r\n👍 x\r\nc"),
        ({"startLine": 2, "startColumn": 4, "endColumn": 5}, "utf16", "a\r\n👍 x\r\nc"),
        ({"startLine": 2}, "utf16", "a\r\nx\r\nc"),
        ({"startLine": 2, "endLine": 3}, "utf16", "a\r\nx"),
        ({"startLine": 2, "endLine": 3, "endColumn": 1}, "utf16", "a\r\nxc"),
        ({"charOffset": 6, "charLength": 1}, "utf16", "a\r\n👍 x\r\nc"),
        ({"charOffset": 5, "charLength": 1}, "codepoint", "a\r\n👍 x\r\nc"),
        ({"charOffset": 0}, "codepoint", "xa\r\n👍 b\r\nc"),
    ],
)
def test_a_region_of_sarif_is_by_lines_or_by_characters(region: dict[str, int], unit: Unit, expected: str) -> None:
    text = "a\r\n👍 b\r\nc"
    fix = sarif_fix(replacing(region), text, uri="a.js", unit=unit, safe=False)

    assert fix is not None
    assert not fix.safe
    assert applied(text, fix) == expected


def test_to_sarif_a_lone_carriage_return_ends_no_line() -> None:
    fix = sarif_fix(replacing({"startLine": 2}), "a\rb\nc\n", uri="a.js", unit="codepoint", safe=True)

    assert fix == Fix(edits=(Edit(line=2, end_line=2, text="x\n"),), safe=True)


def test_what_sarif_inserts_may_be_nothing() -> None:
    deleting = replacing({"startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 1}, text=None)

    assert sarif_fix(deleting, "a\nb\n", uri="a.js", unit="codepoint", safe=True) == Fix(
        edits=(Edit(line=1, end_line=1, text=""),), safe=True
    )


@pytest.mark.parametrize(
    "fix",
    [
        {},
        replacing({"startLine": 1}, uri="b.js"),
        {"artifactChanges": 2 * replacing({"startLine": 1})["artifactChanges"]},
        replacing({"byteOffset": 0, "byteLength": 1}),
        replacing({"startLine": 9}),
        {
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "a.js"},
                    "replacements": [{"deletedRegion": {"startLine": 1}, "insertedContent": {"binary": "AA=="}}],
                }
            ]
        },
    ],
)
def test_what_sarif_does_to_other_files_or_to_bytes_is_no_fix(fix: dict[str, Any]) -> None:
    assert sarif_fix(fix, "a\nb\n", uri="a.js", unit="codepoint", safe=True) is None


# ruff

FIXABLE = {
    "ASYNC115": "import trio\n\n\nasync def f():\n    await trio.sleep(0)\n",
    "B009": 'def f(x):\n\treturn "日本 e\u0301👍\u2028\x0c", getattr(x, "name")\n',
    "B010": 'setattr(x, "name", 1)\n',
    "B013": "try:\n    pass\nexcept (ValueError,):\n    pass\n",
    "B014": "try:\n    pass\nexcept (OSError, KeyError, OSError):\n    pass\n",
    "B033": "x = {1, 2, 1}\n",
    "F401": "from a import (\n    b,\n    c,\n    d,\n)\n\x0cimport e\nimport f\ndef g():\n    import h\nprint(d)\n",
    "F504": '"%(a)s" % {"a": 1, "b": 2}\n',
    "F522": '"{a}".format(a=1, b=2)\n',
    "F523": '"{0}".format(1, 2)\n',
    "F541": "x = f'日{{a}}' f'b'\n",
    "F632": "x = 1\ny = x is 'a'\nz = (\n    x\n    is not\n    'b'\n)\n",
    "F811": "import a\nimport a\n\nprint(a)\n",
    "F841": "def f():\n    try:\n        pass\n    except ValueError as error:\n        pass\n",
    "F901": "def f():\n    raise NotImplemented('a')\n",
    "PLE0241": "class A(B, B):\n    pass\n",
    "PLE2510": "x = '日\x08'\n",
    "PLE2513": "x = '\x1b'\n",
    "PLE2515": "x = '\u200b'\n",
    "PLW0245": "class A:\n    def f(self):\n        super.f()\n",
}
"""For each rule of which ruff's fix is safe, code that it finds fault with."""

RUFF = Path(sys.executable).with_name("ruff")
VARIANTS: dict[str, Callable[[str], str]] = {
    "lf": str,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "cr": lambda text: text.replace("\n", "\r"),
    "unterminated": lambda text: text.removesuffix("\n"),
    "marked": lambda text: f"\ufeff{text}",
    "mixed": lambda text: f"'a'\r'b'\r\n{text}",
}


def ruff(*arguments: str, folder: Path) -> str:
    flags = ("--isolated", "--no-cache", "--exit-zero", "--quiet", *arguments)
    done = subprocess.run([RUFF, "check", *flags, "."], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def report(rule: str, folder: Path) -> dict[str, dict[str, Any]]:
    """The first finding in each file, by the file's name."""
    items = json.loads(ruff(f"--select={rule}", "--output-format=json", folder=folder))
    return {Path(item["filename"]).name: item for item in reversed(items)}


@pytest.mark.parametrize("rule", FIXABLE)
def test_one_fix_after_the_other_does_what_ruff_does(rule: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        for name, change in VARIANTS.items():
            (folder / f"{name}.py").write_bytes(change(FIXABLE[rule]).encode())
    found = report(rule, ours)
    assert len(found) == len(VARIANTS)
    while found:
        for name, item in found.items():
            text = (ours / name).read_bytes().decode()
            fix = ruff_fix(item, text)
            assert fix is not None
            assert fix.safe
            (ours / name).write_bytes(applied(text, fix).encode())
        found = report(rule, ours)
    ruff(f"--select={rule}", "--fix", folder=theirs)

    for file in theirs.iterdir():
        assert (ours / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize(
    ("rule", "code", "safe"),
    [
        ("B007", "for i in range(3):\n    pass\n", False),  # "unsafe"
        ("PLW1510", "import subprocess\nsubprocess.run('a')\n", None),  # to be looked at only
        ("E722", "try:\n    pass\nexcept:\n    pass\n", None),  # without a fix
    ],
)
def test_a_fix_is_as_safe_as_ruff_says(rule: str, code: str, safe: bool | None, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(code)
    (item,) = json.loads(ruff(f"--select={rule}", "--output-format=json", folder=tmp_path))
    fix = ruff_fix(item, code)

    assert (fix and fix.safe) is safe


def test_a_fix_for_each_line_of_a_large_file_costs_linear_time() -> None:
    def seconds(count: int) -> float:
        text = ("x" * 999 + "\n") * count
        begun = time.process_time()
        fixes = [fix_of(text, [ColumnEdit(row, 1, row, 2, "y")], safe=True) for row in range(1, count + 1)]
        assert fixes[-1] is not None
        assert fixes[-1].edits[0].line == count
        return time.process_time() - begun

    assert seconds(20_000) < 40 * max(seconds(2_000), 0.02)


@pytest.mark.parametrize("unit", ["utf16", "utf8"])
def test_offsets_into_a_long_line_are_counted_once(unit: Unit) -> None:
    def seconds(count: int) -> float:
        text = "ü" + "x" * 100 * count
        begun = time.process_time()
        for at in range(count):
            # Beyond the limits of a fix, but its place is looked for.
            fix_of_offsets(text, [OffsetEdit(100 * at + 2, 100 * at + 3, "y")], unit=unit, safe=True)
        return time.process_time() - begun

    assert seconds(1_000) < 40 * max(seconds(100), 0.02)
