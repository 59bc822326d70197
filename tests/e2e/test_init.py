"""`quorate init`: the file that it writes, and what it says."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.settings import Settings, config_path
from quorate_cli.template import template
from tests.e2e.support import Shell, shell


@pytest.fixture
def quorate(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path) as opened:
        yield opened


def usual(quorate: Shell) -> Path:
    return Path(quorate.environment["HOME"]) / ".config" / "quorate" / "quorate.toml"


def test_the_file_is_written_where_it_is_read(quorate: Shell) -> None:
    done = quorate("init")

    assert done.code == 0
    assert f"written: {usual(quorate)}" in done.out
    assert "QUORATE_CONFIG" not in done.out
    assert "analyzers: " in done.out, "it says which tools are there"
    assert config_path(quorate.environment) == usual(quorate)
    assert f"settings     {usual(quorate)}" in quorate("doctor").out
    assert quorate("init", "--force", XDG_CONFIG_HOME=str(quorate.folder)).out.startswith(
        f"written: {quorate.folder}/quorate/quorate.toml"
    )


def test_what_is_there_is_not_written_over_without_being_asked(quorate: Shell) -> None:
    mine = quorate.write("mine.toml", "partitions = 4\n")
    refused = quorate("init", "--output", "mine.toml")
    assert refused.code == 2
    assert "mine.toml is there already" in refused.err
    assert mine.read_text() == "partitions = 4\n"

    assert quorate("init", "--output", "mine.toml", "--force").code == 0
    assert mine.read_text() == template()


def test_for_another_file_it_says_how_it_will_count(quorate: Shell) -> None:
    done = quorate("init", "--output", "mine.toml")

    file = quorate.folder / "mine.toml"
    assert f"export QUORATE_CONFIG={file}" in done.out
    assert "QUORATE_CONFIG" not in quorate("init", "--output", "mine.toml", "--force", QUORATE_CONFIG=str(file)).out


def test_a_place_that_cannot_be_written_to_is_named(quorate: Shell) -> None:
    quorate.write("file", "")
    done = quorate("init", "--output", "file/quorate.toml")

    assert done.code == 3
    assert "could not be written to file/quorate.toml" in done.err


def test_every_setting_stands_in_it() -> None:
    named = set(re.findall(r"(?m)^# ?\[?(\w+)(?:\.\w+)?(?:\]$| = )", template()))

    assert Settings.model_fields.keys() - named == set()


def test_as_it_is_it_says_nothing() -> None:
    assert Settings.model_validate(tomllib.loads(template())) == Settings()


def test_with_every_default_uncommented_it_still_says_nothing() -> None:
    text = re.sub(r"(?m)^#(?=[^ \n])", "", template())
    values = tomllib.loads(text)

    assert Settings.model_validate(values) == Settings()
    unset = {name for name, value in Settings().model_dump().items() if value is None} | {"agents", "tools", "writers"}
    assert values.keys() == Settings.model_fields.keys() - unset


def test_every_example_in_it_loads() -> None:
    examples = re.findall(r"An example:\n((?:# .*\n)+)", template() + "\n")
    assert len(examples) >= 5
    for example in examples:
        values = tomllib.loads(re.sub(r"(?m)^# ", "", example))
        assert Settings.model_validate(values) != Settings()
