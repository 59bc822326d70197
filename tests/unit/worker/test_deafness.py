"""Copies in which comments that direct a tool say nothing."""

import re
import time
from collections.abc import Mapping

import pytest

from quorate.contract.finding import Finding
from quorate_worker.adapters import biome, hadolint, shellcheck, yamllint
from quorate_worker.adapters.analysis import Analysis
from quorate_worker.adapters.deafness import COMMENT, DEAF, Copies, deaf_and_heard, deafened, dismissed
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.workspace import workspace

WORDS: dict[str, tuple[re.Pattern[str], re.Pattern[str] | None]] = {
    "biome": (biome._DIRECTIVE, None),
    "hadolint": (hadolint._DIRECTIVE, COMMENT),
    "shellcheck": (shellcheck._DIRECTIVE, shellcheck._COMMENT),
    "yamllint": (yamllint._DIRECTIVE, COMMENT),
}


def finding(path: str, line: int, severity: str = "high") -> Finding:
    return Finding.model_validate({"path": path, "line": line, "severity": severity, "message": "m", "rule": "r"})


def test_a_deafened_text_has_the_same_lines_and_columns() -> None:
    text = "a # tool off\r\n#tool off\ntool off\n"

    quiet = deafened(text, re.compile(r"#\s*tool"))

    assert quiet == "a # too_ off\r\n#too_ off\ntool off\n"


def test_what_the_tool_finds_only_when_it_is_deaf_was_dismissed() -> None:
    deaf = [finding("a", 1), finding("a", 1), finding("b", 1)]

    found = dismissed(deaf, [finding("a", 1), finding("c", 1)], "tool off")

    assert [item.severity for item in found] == ["high", "info", "info"]
    assert found[1].message == "m (dismissed in the code by `tool off`)"


async def test_copies_have_names_of_our_own() -> None:
    async with workspace({}) as space:
        texts = {"-x/../a b.sh": "\ud800", "b.S H": "b", "c.": "c", "d": "d", "e.é": "e"}
        copies = Copies.of(space, texts, "deaf", keep_suffix=True)

        assert [copy.removeprefix(f"{copies.folder}/") for copy in copies.paths] == ["0.sh", "1", "2", "3", "4"]
        assert list(copies.paths.values()) == list(texts)
        assert (copies.folder / "0.sh").read_bytes() == b"?"
        assert copies.folder.is_relative_to(space.home)


@pytest.mark.parametrize(
    ("tool", "text", "quiet"),
    [
        ("hadolint", "# hadolint x # shellcheck x\nRUN hadolint x", "# hadolin_ x # shellchec_ x\nRUN hadolint x"),
        ("hadolint", "#" * 9 + "hadolint x", "#" * 9 + "hadolin_ x"),
        ("hadolint", "# hadolinted", "# hadolinted"),
        ("yamllint", "a: yamllint # yamllint\n", "a: yamllint # yamllin_\n"),
        (
            "shellcheck",
            "## #\tshellcheck x\nshellcheck y # z shellcheck",
            "## #\tshellchec_ x\nshellcheck y # z shellcheck",
        ),
        ("shellcheck", "#\nshellcheck x", "#\nshellcheck x"),
        ("biome", "// biome-ignore-all a\n/* rome-ignore */", "// biome-ignor_-all a\n/* rome-ignor_ */"),
    ],
)
def test_of_a_tool_that_is_directed_by_comments_only_those_are_changed(tool: str, text: str, quiet: str) -> None:
    assert deafened(text, *WORDS[tool]) == quiet


@pytest.mark.parametrize("tool", WORDS)
@pytest.mark.parametrize("piece", ["#", "# ", "#\t", " ", "# {tool}", "{tool} ", "#{tool}-", "{tool}\n#"])
def test_a_hostile_comment_costs_linear_time(tool: str, piece: str) -> None:
    piece = piece.replace("{tool}", tool)

    def seconds(size: int) -> float:
        text = "#" + piece * (size // len(piece))
        begun = time.process_time()
        deafened(text, *WORDS[tool])
        deafened(text + tool, *WORDS[tool])
        return time.process_time() - begun

    assert seconds(1_000_000) < 40 * max(seconds(100_000), 0.01)


async def asked(heard: Analysis | ToolFailed) -> list[tuple[str, str]]:
    """What is told of two files, of which one directs a tool that found something in each."""

    async def run(texts: Mapping[str, str], folder: str) -> Analysis:
        if folder == DEAF:
            return Analysis([finding("a", 1), finding("b", 1)])
        assert texts == {"a": "# tool"}
        if isinstance(heard, ToolFailed):
            raise heard
        return heard

    done = await deaf_and_heard({"a": "# tool", "b": "b"}, {"a": "# too_", "b": "b"}, run, "tool off")
    assert not done.unread
    return [(item.path, item.severity) for item in done.findings]


async def test_a_file_that_the_tool_cannot_read_obeying_its_comments_has_dismissed_nothing() -> None:
    assert await asked(Analysis()) == [("a", "info"), ("b", "high")]
    assert await asked(Analysis([finding("a", 1)])) == [("a", "high"), ("b", "high")]
    assert await asked(Analysis(unread={"a": "syntax error"})) == [("a", "high"), ("b", "high")]
    assert await asked(ToolFailed("tool", "ended with code 9")) == [("a", "high"), ("b", "high")]
