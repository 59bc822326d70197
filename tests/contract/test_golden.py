"""Golden messages: the encoding of every message is frozen, and messages of other versions can be read.

A file of ``golden/`` is one message, indented for people; the frozen encoding is the same without blanks.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from quorate.contract.base import Message, StrictPart
from quorate.contract.schema import MESSAGES, schema

GOLDEN = Path(__file__).parent / "golden"
UPDATE = (
    "The encoding of a message has changed, and other processes and programs read it. If that is on purpose: make sure"
    " that the previous form can still be read, record the decision, then rewrite the files with"
    " `QUORATE_UPDATE_GOLDEN=1 python -m pytest tests/contract/test_golden.py`, add by hand the fields that this"
    " cannot know a value for, and commit them."
)

FILES = sorted(path.name for path in GOLDEN.glob("*.json"))
READ_BY_PROCESSES = [name for name, model in MESSAGES.items() if issubclass(model, Message)]
WRITTEN_BY_PEOPLE = [name for name, model in MESSAGES.items() if issubclass(model, StrictPart)]


def message_of(file: str) -> str:
    """``task-event--by-reference.json`` is a second form of ``task-event``."""
    return file.removesuffix(".json").partition("--")[0]


def encode(message: BaseModel) -> bytes:
    return message.encode() if isinstance(message, Message) else message.model_dump_json(exclude_none=True).encode()


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def parts_of(value: object) -> Iterator[BaseModel]:
    """A message and every model within it."""
    if isinstance(value, BaseModel):
        yield value
        value = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from parts_of(item)


def with_unknown_fields(value: Any, like: object) -> Any:
    """The JSON of a message as a later version might write it: with a further field in every object of the contract."""
    if isinstance(like, BaseModel):
        known = {key: with_unknown_fields(each, getattr(like, key)) for key, each in value.items()}
        return {"from_the_future": {"x": [1]}, **known}
    if isinstance(like, dict):
        return {key: with_unknown_fields(each, like[key]) for key, each in value.items()}
    if isinstance(like, tuple):
        return [with_unknown_fields(each, model) for each, model in zip(value, like, strict=True)]
    return value


def test_every_message_has_a_golden_file_and_every_golden_file_a_message() -> None:
    assert {message_of(file) for file in FILES} == set(MESSAGES)


@pytest.mark.parametrize("file", FILES)
def test_a_golden_message_is_encoded_as_it_was_read(file: str) -> None:
    path = GOLDEN / file
    frozen = compact(json.loads(path.read_text(encoding="utf-8")))

    encoded = encode(MESSAGES[message_of(file)].model_validate_json(frozen))

    if os.environ.get("QUORATE_UPDATE_GOLDEN"):
        text = json.dumps(json.loads(encoded), indent=2, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
        return
    assert encoded == frozen, UPDATE


@pytest.mark.parametrize("name", MESSAGES)
def test_golden_messages_show_every_field(name: str) -> None:
    shown: dict[type[BaseModel], set[str]] = defaultdict(set)
    for file in FILES:
        if message_of(file) == name:
            message = MESSAGES[name].model_validate_json((GOLDEN / file).read_text(encoding="utf-8"))
            for part in parts_of(message):
                shown[type(part)] |= {field for field in part.model_fields_set if getattr(part, field) is not None}

    hidden = {f"{part.__name__}.{field}" for part in shown for field in set(part.model_fields) - shown[part]}

    assert not hidden, f"{', '.join(sorted(hidden))}: no golden file of {name} shows a value. {UPDATE}"


@pytest.mark.parametrize("file", FILES)
def test_a_golden_message_fits_its_published_schema(file: str) -> None:
    value = json.loads((GOLDEN / file).read_text(encoding="utf-8"))

    Draft202012Validator(json.loads(schema(message_of(file)))).validate(value)


@pytest.mark.parametrize("file", [file for file in FILES if message_of(file) in READ_BY_PROCESSES])
def test_unknown_fields_are_ignored_so_that_a_rolling_upgrade_can_be_read(file: str) -> None:
    model = MESSAGES[message_of(file)]
    value = json.loads((GOLDEN / file).read_text(encoding="utf-8"))
    now = model.model_validate(value)
    later = with_unknown_fields(value, now)
    # A reference to a blob is written by people too, so it is strict.
    later = _known_references(later)

    assert later != value
    assert model.model_validate_json(compact(later)) == now


def _known_references(value: Any) -> Any:
    if isinstance(value, dict):
        if "sha256" in value:
            value = {key: each for key, each in value.items() if key != "from_the_future"}
        return {key: _known_references(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_known_references(each) for each in value]
    return value


@pytest.mark.parametrize("file", [file for file in FILES if message_of(file) in WRITTEN_BY_PEOPLE])
def test_an_unknown_field_in_what_people_write_is_an_error(file: str) -> None:
    value = json.loads((GOLDEN / file).read_text(encoding="utf-8"))

    with pytest.raises(ValidationError, match="dead_line"):
        MESSAGES[message_of(file)].model_validate({**value, "dead_line": 5})


@pytest.mark.parametrize("file", FILES)
def test_a_message_cannot_be_changed(file: str) -> None:
    message = MESSAGES[message_of(file)].model_validate_json((GOLDEN / file).read_text(encoding="utf-8"))

    for part in parts_of(message):
        field = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, getattr(part, field))
