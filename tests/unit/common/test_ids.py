"""Ids are computed by publishers too, in any language: these vectors must never change."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract import ids

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


def test_a_task_id_from_a_key_is_the_hash_of_tenant_kind_and_key() -> None:
    # printf '3:key7:default11:code-review11:pr-7@a1b2c3' | sha256sum
    assert ids.task_id_from_key("default", "code-review", "pr-7@a1b2c3") == "tfb6a117b04fa23484761ead004ed10eb"


def test_a_task_id_from_a_cloud_event_is_the_hash_of_source_and_id() -> None:
    assert ids.task_id_from_event("/forge", "42") == "tce68bbfd843f05630920ddaf04471ba5"


def test_a_task_id_from_a_message_is_the_hash_of_its_message_id() -> None:
    assert ids.task_id_from_message("msg-01") == "t83304975ad1cb3662c6322aa617ad14b"


def test_a_task_id_from_a_place_in_the_stream_is_the_hash_of_stream_and_sequence() -> None:
    assert ids.task_id_from_sequence("2026-11-20T10:00:00Z", 17) == "td663ade0d6dbc716fc50b8f2e51eb571"


def test_a_message_id_is_the_hash_of_its_parts() -> None:
    assert ids.message_id("work", "t1", "review", "ruff", 1) == "5122e31b95273be3ed084992f2e7c79abef04d6e"


def test_lengths_are_counted_in_bytes() -> None:
    assert ids.message_id("key", "größe") == "207a4832eaafb925b0376802c96ed2d62287d325"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("a",)),
        (("1:a",), ("1", "a")),
        (("a", "b"), ("b", "a")),
    ],
)
def test_parts_are_kept_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert ids.message_id(*one) != ids.message_id(*other)


def test_the_same_text_under_another_heading_is_another_task() -> None:
    found = {
        ids.task_id_from_key("", "", "1"),
        ids.task_id_from_event("", "1"),
        ids.task_id_from_message("1"),
        ids.task_id_from_sequence("", 1),
    }
    assert len(found) == 4


@given(
    st.text(st.characters(codec="utf-8")),
    st.text(st.characters(codec="utf-8")),
    st.text(st.characters(codec="utf-8"), min_size=1),
)
def test_every_task_id_is_one_token_of_a_subject(tenant: str, kind: str, key: str) -> None:
    assert ids.TASK_ID.fullmatch(ids.task_id_from_key(tenant, kind, key))


@given(JSON)
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: object) -> None:
    assert ids.canonical_json(value) == ids.canonical_json(_reversed(value))


def test_canonical_json_is_compact_and_sorted_at_every_depth() -> None:
    value = {"b": [{"z": 1, "a": None}], "a": "größe", "c": 1.5}
    assert ids.canonical_json(value) == '{"a":"größe","b":[{"a":null,"z":1}],"c":1.5}'.encode()


def test_a_list_keeps_its_order() -> None:
    assert ids.canonical_json([2, 1]) != ids.canonical_json([1, 2])


def test_ids_are_the_same_in_every_process() -> None:
    script = "from quorate.contract import ids; print(ids.digest(ids.canonical_json({'b': 1, 'a': {'d': 2, 'c': 3}})))"
    found = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {ids.digest(b'{"a":{"c":3,"d":2},"b":1}') + "\n"}


@pytest.mark.parametrize(
    ("kind", "valid"),
    [
        ("code-review", True),
        ("a", True),
        ("0_x", True),
        ("x" * 63, True),
        ("x" * 64, False),
        ("", False),
        ("-a", False),
        ("Code", False),
        ("a.b", False),
        ("a b", False),
        ("größe", False),
    ],
)
def test_a_kind_is_one_token_of_lower_case_letters(kind: str, valid: bool) -> None:
    assert bool(ids.KIND.match(kind)) is valid


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reversed(item) for item in value]
    return value
