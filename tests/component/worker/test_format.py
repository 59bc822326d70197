"""The agent `format`, with the real ruff."""

from collections.abc import Mapping

import pytest

from quorate.contract.finding import Finding
from quorate.contract.fix import Edit, Fix
from quorate_worker.adapters.analysis import Analysis
from quorate_worker.adapters.format import FORMAT, check, to_finding
from quorate_worker.adapters.workspace import workspace

NEAT = 'import os\n\n\ndef f(a):\n    return {"a": a, "b": os}\n'
LOOSE = 'import os\n\n\ndef f(a):\n    return {"a": a, "b":os}\n'


async def run(new: Mapping[str, str], old: Mapping[str, str]) -> Analysis:
    assert FORMAT.program is not None
    located = await FORMAT.program.locate()
    assert located is not None
    async with workspace(new, program=located.argv, before=old) as space:
        return await check(space, 30)


async def test_a_file_that_was_formatted_and_no_longer_is_is_told_with_its_fix() -> None:
    done = await run({"a.py": LOOSE, "b.py": NEAT}, {"a.py": NEAT, "b.py": NEAT})

    assert done.findings == [
        Finding(
            path="a.py",
            line=5,
            end_line=5,
            severity="info",
            category="style",
            message="Not formatted as the code of this project is",
            rule="unformatted",
            suggestion="Run the formatter of the project",
            fix=Fix(edits=(Edit(line=5, end_line=5, text='    return {"a": a, "b": os}\n'),), safe=True),
        )
    ]


async def test_a_file_that_was_never_formatted_is_not_told() -> None:
    assert (await run({"a.py": LOOSE + "\n\n\n\nx=1"}, {"a.py": LOOSE})).findings == []


async def test_code_that_another_formatter_breaks_elsewhere_is_not_told() -> None:
    other = f'{NEAT}\n\nassert (\n    "{"a" * 40}" in response.text\n), "{"b" * 40}"\n'

    assert (await run({"a.py": other}, {"a.py": NEAT})).findings == []
    [finding] = (await run({"a.py": f"{other}x=1\n"}, {"a.py": NEAT})).findings
    assert finding.end_line == other.count("\n") + 1


async def test_a_new_file_is_judged_if_all_others_were_formatted() -> None:
    new = {"a.py": NEAT, "new.py": LOOSE}

    assert [item.path for item in (await run(new, {"a.py": NEAT})).findings] == ["new.py"]
    assert (await run(new | {"b.py": NEAT}, {"a.py": NEAT, "b.py": LOOSE})).findings == []
    assert (await run(new, {})).findings == []


@pytest.mark.parametrize("width", [79, 88, 100, 120])
async def test_the_width_and_the_quotes_of_the_project_are_its_own(width: int) -> None:
    # The first fills a line, and a wider one would hold the second.
    old = f"x = ['{'a' * (width - 11)}', 1]\nyyyy = (\n    {'b' * (width - 10)} + c\n)\n"

    done = await run({"a.py": f"{old}z = [1,2]\n"}, {"a.py": old})

    assert [item.line for item in done.findings] == [5]
    assert [item.fix for item in done.findings] == [
        Fix(edits=(Edit(line=5, end_line=5, text="z = [1, 2]\n"),), safe=True)
    ]


async def test_a_width_that_old_lines_did_not_use_is_allowed_to_new_ones() -> None:
    old = "x = 1\n"
    long = f"y = f('{'x' * 90}', 1)\n"

    assert (await run({"a.py": old + long}, {"a.py": old})).findings == []
    [finding] = (await run({"a.py": f"{old}{long}z=1\n"}, {"a.py": old})).findings
    assert (finding.end_line, finding.fix) == (3, None)


async def test_what_cannot_be_parsed_is_unread_and_hides_nothing_in_other_files() -> None:
    new = {"bad.py": "def f(:\n", "crash.py": f"x = {' + '.join(['1'] * 50_000)}\n", "a.py": LOOSE}

    done = await run(new, dict.fromkeys(new, NEAT))

    assert [item.path for item in done.findings] == ["a.py"]
    assert set(done.unread) == {"bad.py", "crash.py"}
    assert done.unread["bad.py"].startswith("line 1: ")


async def test_configuration_of_the_change_is_not_obeyed() -> None:
    new = {"a.py": LOOSE, "pyproject.toml": "[tool.ruff]\nexclude = ['*']\n", "ruff.toml": "exclude = ['*']\n"}
    new |= {".gitignore": "*\n"}

    async with workspace(new) as space:
        assert (space.tree / "ruff.toml").exists()
    python = {path: text for path, text in new.items() if path.endswith(".py")}

    assert len((await run(python | {".venv/-x.py": LOOSE}, dict.fromkeys(["a.py", ".venv/-x.py"], NEAT))).findings) == 2


async def test_odd_contents_and_names_are_read() -> None:
    new = {
        "empty.py": "",
        "crlf.py": LOOSE.replace("\n", "\r\n"),
        "bom.py": f"\ufeff{LOOSE}",
        "end.py": NEAT.rstrip("\n"),
        "surrogate.py": f"# \ud800\n{LOOSE}",
        "a b/[1].pyi": "def f(): ...\n\n\n\n\ndef g(): ...\n",
        "b.PYW": LOOSE,
        "feed.py": f"x = 1\n\x0c\n{LOOSE}",
    }
    old = dict.fromkeys(new, NEAT) | {"crlf.py": NEAT.replace("\n", "\r\n"), "a b/[1].pyi": "def f(): ...\n"}

    done = await run(new, old)

    assert done.unread == {}
    found = {item.path: (item.line, item.end_line) for item in done.findings}
    assert found.keys() == new.keys() - {"empty.py"}
    assert found["crlf.py"] == found["bom.py"] == found["end.py"] == found["b.PYW"] == (5, 5)
    assert found["surrogate.py"] == (6, 6)
    assert [item.path for item in done.findings if item.fix is None] == ["surrogate.py"]


@pytest.mark.parametrize(
    ("text", "after", "edit"),
    [
        ("a\nb\nc\n", "a\nc\n", Edit(line=2, end_line=2, text="")),
        ("a\nc\n", "a\nb\nc\n", Edit(line=2, end_line=1, text="b\n")),
        ("a\nc\n", "a\nc\nd\n", Edit(line=3, end_line=2, text="d\n")),
        ("a\nb", "a\nb\n", Edit(line=2, end_line=2, text="b\n")),
        ("\n\n\n", "", Edit(line=1, end_line=3, text="")),
        ("a\na\na\n", "a\n", Edit(line=2, end_line=3, text="")),
    ],
)
def test_the_fix_turns_one_text_into_the_other(text: str, after: str, edit: Edit) -> None:
    finding = to_finding("a.py", text, [after])

    assert finding.fix == Fix(edits=(edit,), safe=True)
    lines = text.count("\n") + (not text.endswith("\n"))
    assert 1 <= (finding.line or 0) <= (finding.end_line or 0) <= lines
