"""The picture of a review, as docs/picture.py draws it."""

import re
from pathlib import Path
from runpy import run_path
from typing import Any
from xml.etree import ElementTree

import pytest

PICTURE: dict[str, Any] = run_path(str(Path(__file__).parents[3] / "docs" / "picture.py"))
SVG = "{http://www.w3.org/2000/svg}"
OUTPUT = "\x1b[1;31m✗ Changes <requested>\x1b[0m\n\n\x1b[1;37;41mCRITICAL\x1b[0m  \x1b[1ma&b.py:1\x1b[0m\n漢字 0.3 s\n"


def drawn(output: str) -> ElementTree.Element:
    return ElementTree.fromstring(PICTURE["picture"](output))


def test_every_word_is_drawn_in_its_colour_and_column() -> None:
    spans = [
        (span.get("class"), span.text, round((float(span.get("x", 0)) - 22) / 8.4))
        for span in drawn(OUTPUT).iter(f"{SVG}tspan")
    ]
    assert spans[2:] == [
        ("b r", "✗ Changes <requested>", 0),
        ("b w", "CRITICAL", 0),
        ("b", "a&b.py:1", 10),
        (None, "漢字 0.3 s", 0),
    ]


def test_columns_are_as_wide_as_the_terminals() -> None:
    [wide] = [span for span in drawn(OUTPUT).iter(f"{SVG}tspan") if span.text == "漢字 0.3 s"]
    assert float(wide.get("textLength", 0)) == pytest.approx(10 * 8.4, abs=0.1)


def test_the_picture_asks_for_nothing() -> None:
    text = PICTURE["picture"](OUTPUT)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|@font-face|<script|<image|<foreignObject", text)


@pytest.mark.parametrize(("took", "same"), [("0.3 s", True), ("12 s", True), ("2 min 5 s", True), ("0.3 kg", False)])
def test_pictures_that_differ_in_times_only_are_the_same(took: str, same: bool) -> None:
    plain = PICTURE["without_times"]
    other = OUTPUT.replace("0.3 s", took)
    assert (plain(PICTURE["picture"](OUTPUT)) == plain(PICTURE["picture"](other))) is same


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    findings = [line for number in range(50) for line in (f"HIGH {number}", "  message", "")]
    lines = PICTURE["cut"](["✗ verdict", "", *findings, "Who looked", "  ruff", "", "50 findings"])
    assert len(lines) <= PICTURE["MAX_ROWS"]
    assert lines[:3] == ["✗ verdict", "", "HIGH 0"]
    assert lines[-4:] == ["Who looked", "  ruff", "", "50 findings"]
    [more] = [line for line in lines if "more lines" in line]
    assert int(re.findall(r"(\d+) more", more)[0]) + len(lines) - 3 == 2 + 150 - 1 + 4


def test_a_short_output_is_whole() -> None:
    whole = ["a"] * PICTURE["MAX_ROWS"]
    assert PICTURE["cut"](whole) == whole


def test_the_picture_in_the_documents_is_small_and_well_formed() -> None:
    data = (Path(__file__).parents[3] / "docs" / "images" / "review.svg").read_bytes()
    assert len(data) < 60_000
    assert ElementTree.fromstring(data).tag == f"{SVG}svg"
