"""The published JSON Schemas are those of the models."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from quorate.contract.schema import MESSAGES, schema, write

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "schema"
UPDATE = "run `make schema` (python -m quorate.contract.schema) and commit what it writes"


def test_there_is_a_published_schema_for_every_message_and_no_other() -> None:
    assert {path.stem for path in PUBLISHED.glob("*.json")} == set(MESSAGES), UPDATE


@pytest.mark.parametrize("name", MESSAGES)
def test_a_published_schema_is_current(name: str) -> None:
    assert (PUBLISHED / f"{name}.json").read_text(encoding="utf-8") == schema(name), UPDATE


@pytest.mark.parametrize("name", MESSAGES)
def test_a_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(schema(name)))


def test_the_module_writes_every_schema_to_the_folder_it_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"

    run = subprocess.run([sys.executable, "-m", "quorate.contract.schema", str(folder)], capture_output=True, text=True)

    assert run.returncode == 0, run.stderr
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        f"{name}.json": schema(name) for name in MESSAGES
    }


def test_writing_leaves_other_files_of_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")

    write(tmp_path)

    assert (tmp_path / "mine.json").read_text() == "{}"
