"""Copies in which comments that direct a tool say nothing."""

import re

from quorate.contract.finding import Finding
from quorate_worker.adapters.deafness import Copies, deafened, dismissed
from quorate_worker.adapters.workspace import workspace


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
