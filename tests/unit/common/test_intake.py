"""Task events in every mode, and what no task can be made of."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract import ids
from quorate.contract.intake import Intake, NotAnEvent, NotATask, read_intake

DATA = {"input": {"diff": "d"}, "labels": {"team": "core"}}
PLAIN = json.dumps(DATA).encode()
CLOUD = {"specversion": "1.0", "type": "quorate.task.submit.v1", "source": "/forge", "id": "42"}
CE = {f"ce-{name}": value for name, value in CLOUD.items()}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def body(**fields: Any) -> bytes:
    return json.dumps({**CLOUD, "data": DATA} | fields).encode()


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param({}, PLAIN, id="no headers"),
        pytest.param({"Content-Type": "application/json"}, PLAIN, id="json"),
        pytest.param({"Content-Type": "text/plain"}, PLAIN, id="an unknown content type"),
        pytest.param({}, b" \n" + PLAIN + b"\n", id="blanks around it"),
        pytest.param({"ce-source": "/forge", "ce-id": "42"}, PLAIN, id="ce headers without a version"),
    ],
)
def test_plain_json_is_an_event_without_a_cloud_event(headers: dict[str, str], sent: bytes) -> None:
    assert read_intake(headers, sent) == Intake(DATA)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param(CE, PLAIN, id="binary"),
        pytest.param({**CE, "Content-Type": "application/json"}, PLAIN, id="binary with its content type"),
        pytest.param({key.upper(): value for key, value in CE.items()}, PLAIN, id="headers in upper case"),
        pytest.param({key.title(): value for key, value in CE.items()}, PLAIN, id="headers in title case"),
        pytest.param({**CE, "ce-specversion": "1.1"}, PLAIN, id="a later minor version"),
        pytest.param(STRUCTURED, body(), id="structured"),
        pytest.param(
            {"content-type": "Application/CloudEvents+JSON; charset=UTF-8"}, body(), id="structured, in another case"
        ),
        pytest.param({}, body(), id="structured by its body"),
        pytest.param({"Content-Type": "application/json"}, body(), id="structured by its body, as json"),
        pytest.param(
            {**CE, "Content-Type": "application/cloudevents+json", "ce-id": "another"},
            body(),
            id="structured wins over binary headers",
        ),
        pytest.param(STRUCTURED, body(datacontenttype="application/json", subject="x"), id="further attributes"),
        pytest.param(STRUCTURED, body(data=None, data_base64=base64.b64encode(PLAIN).decode()), id="data as base64"),
    ],
)
def test_a_cloud_event_is_unwrapped(headers: dict[str, str], sent: bytes) -> None:
    assert read_intake(headers, sent) == Intake(DATA, "/forge", "42")


@pytest.mark.parametrize(
    ("headers", "sent", "reason"),
    [
        pytest.param({}, b"", "not JSON", id="empty"),
        pytest.param({}, b"{", "not JSON", id="cut off"),
        pytest.param({}, b"\xff\xfe", "not JSON", id="not UTF-8"),
        pytest.param({}, b"\xef\xbb\xbf{}", "not JSON", id="a byte order mark"),
        pytest.param({}, b'{"input": {"x": "\\ud800"}}', "not JSON", id="half a surrogate pair"),
        pytest.param({}, b"[" * 20_000 + b"]" * 20_000, "not JSON", id="lists nested 20,000 deep"),
        pytest.param({}, b'{"input":' * 20_000 + b"1" + b"}" * 20_000, "not JSON", id="objects nested 20,000 deep"),
        pytest.param({}, b'{"input": {"x": NaN}}', "not JSON", id="NaN, which JSON does not have"),
        pytest.param({}, b'{"input": {"x": -Infinity}}', "not JSON", id="Infinity, which JSON does not have"),
        pytest.param({}, b"[]", "not a JSON object but list", id="a list"),
        pytest.param({}, b'"x"', "not a JSON object but str", id="a string"),
        pytest.param({}, b"null", "not a JSON object but NoneType", id="null"),
        pytest.param({"Content-Type": "application/cloudevents-batch+json"}, b"[]", "publish each event", id="a batch"),
        pytest.param({**CE, "ce-specversion": "0.3"}, PLAIN, "version '0.3'", id="binary of an old version"),
        pytest.param({**CE, "ce-type": "other"}, PLAIN, "'other'", id="binary of another type"),
        pytest.param({**CE, "ce-id": ""}, PLAIN, "source and an id", id="binary with an empty id"),
        pytest.param({"ce-specversion": "1.0"}, PLAIN, "type is", id="binary with nothing but a version"),
        pytest.param({**CE, "ce-source": ""}, PLAIN, "source and an id", id="binary without a source"),
        pytest.param(CE, b"[]", "not a JSON object", id="binary with a list"),
        pytest.param(STRUCTURED, body(specversion=1), "version 1", id="a version that is a number"),
        pytest.param(STRUCTURED, body(specversion="2.0"), "version '2.0'", id="a version to come"),
        pytest.param(STRUCTURED, body(type="x" * 500), "type is 'xxx", id="another type"),
        pytest.param(STRUCTURED, body(source=None), "source and an id", id="no source"),
        pytest.param(STRUCTURED, body(id=7), "source and an id", id="an id that is a number"),
        pytest.param(STRUCTURED, PLAIN, "version None", id="not a CloudEvent although it says so"),
        pytest.param(STRUCTURED, body(data=None), "no JSON object as its data", id="no data"),
        pytest.param(STRUCTURED, body(data="x"), "no JSON object as its data", id="data that is a string"),
        pytest.param(STRUCTURED, body(data_base64="%"), "not base64", id="base64 that is none"),
        pytest.param(STRUCTURED, body(data_base64="é"), "not base64", id="base64 with other letters"),
        pytest.param(STRUCTURED, body(data_base64=5), "not base64", id="base64 that is a number"),
        pytest.param(
            STRUCTURED, body(data_base64=base64.b64encode(b"[]").decode()), "not a JSON object", id="a list as base64"
        ),
    ],
)
def test_no_task_can_be_made_of(headers: dict[str, str], sent: bytes, reason: str) -> None:
    with pytest.raises(NotATask) as raised:
        read_intake(headers, sent)
    assert reason in str(raised.value)
    assert len(str(raised.value)) < 400


@given(st.dictionaries(st.text(), st.text()), st.binary())
def test_whatever_is_sent_is_read_or_refused(headers: dict[str, str], sent: bytes) -> None:
    try:
        intake = read_intake(headers, sent)
    except NotATask:
        return
    assert isinstance(intake.value, dict)


SCALARS = st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(CLOUD, SCALARS)),
    st.fixed_dictionaries({}, optional={"data": SCALARS, "data_base64": SCALARS}),
)
def test_whatever_a_structured_event_holds_is_read_or_refused(envelope: dict[str, Any], data: dict[str, Any]) -> None:
    for attributes in (CLOUD, CLOUD | envelope):
        try:
            intake = read_intake(STRUCTURED, json.dumps(attributes | data).encode())
        except NotATask:
            continue
        assert isinstance(intake.value, dict)


ANY: dict[str, Any] = {"input": {}}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({}, "exactly one of `input` and `input_ref`"),
        ({"input": None}, "exactly one of"),
        ({"input": {}, "input_ref": {"key": "k", "sha256": "0" * 64, "size": 1}}, "exactly one of"),
        ({"input": "x"}, "input"),
        ({"input": []}, "input"),
        ({"inptu": {}}, "inptu"),
        (ANY | {"extra": 1}, "extra"),
        (ANY | {"idempotency_key": ""}, "idempotency_key"),
        (ANY | {"idempotency_key": "x" * 513}, "idempotency_key"),
        (ANY | {"idempotency_key": 5}, "idempotency_key"),
        (ANY | {"deadline_s": 0}, "deadline_s"),
        (ANY | {"deadline_s": -1}, "deadline_s"),
        (ANY | {"deadline_s": 8 * 24 * 3600}, "deadline_s"),
        (ANY | {"deadline_s": "soon"}, "deadline_s"),
        (ANY | {"priority": 11}, "priority"),
        (ANY | {"priority": 1.5}, "priority"),
        (ANY | {"labels": {"a": 1}}, "labels.a"),
        (ANY | {"labels": {"": "x"}}, "labels"),
        (ANY | {"labels": {"a": "x" * 513}}, "labels.a"),
        (ANY | {"labels": {str(n): "" for n in range(65)}}, "labels"),
        ({"input_ref": {"key": "k", "sha256": "xyz", "size": 1}}, "input_ref.sha256"),
        ({"input_ref": {"key": "k", "sha256": "0" * 64, "size": 64 * 1024**2 + 1}}, "input_ref.size"),
        ({"input_ref": {"key": "k", "sha256": "0" * 64}}, "input_ref.size"),
        ({"input_ref": {"key": "k", "sha256": "0" * 64, "size": 1, "path": "/etc"}}, "input_ref.path"),
    ],
)
def test_a_wrong_event_is_refused_by_the_name_of_its_field(value: dict[str, Any], named: str) -> None:
    with pytest.raises(NotAnEvent) as raised:
        Intake(value).event()
    assert named in str(raised.value)


def test_a_refusal_repeats_no_values_and_names_ten_problems_at_most() -> None:
    with pytest.raises(NotAnEvent) as raised:
        Intake({"input": {}, "priority": "hunter2", **{f"x{n:02}": "hunter2" for n in range(30)}}).event()
    text = str(raised.value)
    assert "hunter2" not in text
    assert text.count(";") == 10
    assert text.endswith("and 21 more")


def test_an_event_that_is_right_becomes_typed() -> None:
    event = Intake({"input": {"a": 1}, "deadline_s": 5, "priority": -10, "labels": {"a": ""}}).event()
    assert (event.input, event.deadline_s, event.priority, event.labels) == ({"a": 1}, 5.0, -10, {"a": ""})


KEY = ids.task_id_from_key("acme", "k", "key")
EVENT = ids.task_id_from_event("/forge", "42")
MESSAGE = ids.task_id_from_message("m1")
PLACE = ids.task_id_from_sequence("stream", 9)


@pytest.mark.parametrize(
    ("intake", "message_id", "expected"),
    [
        (Intake({"idempotency_key": "key"}, "/forge", "42"), "m1", KEY),
        (Intake({"idempotency_key": ""}, "/forge", "42"), "m1", EVENT),
        (Intake({"idempotency_key": 7}, "/forge", "42"), "m1", EVENT),
        (Intake({"idempotency_key": "x" * 513}, "/forge", "42"), "m1", EVENT),
        (Intake({}, "/forge", "42"), "m1", EVENT),
        (Intake({}), "m1", MESSAGE),
        (Intake({}), "", PLACE),
        (Intake({}), None, PLACE),
    ],
)
def test_a_task_is_known_by_key_then_event_then_message_then_place(
    intake: Intake, message_id: str | None, expected: str
) -> None:
    assert intake.task_id("acme", "k", message_id, "stream", 9) == expected
