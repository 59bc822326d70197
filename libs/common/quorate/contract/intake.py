"""Reading a task event in any of its three modes: plain JSON, or a CloudEvent in binary or structured mode."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from quorate.contract import ids
from quorate.contract.task import SUBMIT_TYPE, Labels, TaskEvent

_LABELS = TypeAdapter(Labels)


class NotATask(ValueError):
    """No task can be made of the message; it goes to the dead letters with this as the reason."""


class NotAnEvent(ValueError):
    """The message is a task, and its event is wrong; the task is rejected with this as the reason."""


@dataclass(frozen=True)
class Intake:
    """What was submitted: the JSON object of the event, and the CloudEvent's source and id where it was one."""

    value: dict[str, Any]
    source: str | None = None
    event_id: str | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The key, also of an event that is otherwise wrong, so that its rejection bears the right task's id."""
        key = self.value.get("idempotency_key")
        return key if isinstance(key, str) and 0 < len(key) <= 512 else None

    @property
    def labels(self) -> dict[str, str]:
        """The labels, also of an event that is otherwise wrong, as far as they can be labels."""
        labels = self.value.get("labels")
        try:
            return _LABELS.validate_python(labels)
        except ValidationError:
            return {}

    def task_id(self, tenant: str, kind: str, message_id: str | None, stream: str, sequence: int) -> str:
        """The task's id, from the first of: key, CloudEvent, message id, place in the stream."""
        if self.idempotency_key is not None:
            return ids.task_id_from_key(tenant, kind, self.idempotency_key)
        if self.source is not None and self.event_id is not None:
            return ids.task_id_from_event(self.source, self.event_id)
        if message_id:
            return ids.task_id_from_message(message_id)
        return ids.task_id_from_sequence(stream, sequence)

    def event(self) -> TaskEvent:
        """The typed event. Raises NotAnEvent naming every wrong field."""
        try:
            return TaskEvent.model_validate(self.value)
        except ValidationError as error:
            raise NotAnEvent(explain(error)) from error


def read_intake(headers: Mapping[str, str], body: bytes) -> Intake:
    """Tell the modes apart and unwrap the event. Raises NotATask."""
    # NATS headers keep the case that their sender chose.
    lower = {key.lower(): value for key, value in headers.items()}
    content_type = lower.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/cloudevents-batch+json":
        raise NotATask("a batch of CloudEvents is not a task: publish each event as a message of its own")
    if content_type != "application/cloudevents+json" and "ce-specversion" in lower:
        _check(lower.get("ce-specversion"), lower.get("ce-type"), lower.get("ce-source"), lower.get("ce-id"))
        return Intake(_object(body), lower["ce-source"], lower["ce-id"])
    value = _object(body)
    structured = all(isinstance(value.get(name), str) for name in ("specversion", "id", "source", "type"))
    if content_type == "application/cloudevents+json" or structured:
        _check(value.get("specversion"), value.get("type"), value.get("source"), value.get("id"))
        return Intake(_data(value), value["source"], value["id"])
    return Intake(value)


def explain(error: ValidationError) -> str:
    """A validation error in one line, with at most ten problems and none of the values."""
    problems = [
        f"{'.'.join(str(part)[:100] for part in problem['loc']) or 'the event'}: {problem['msg'][:200]}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    shown = "; ".join(problems[:10])
    return shown if len(problems) <= 10 else f"{shown}; and {len(problems) - 10} more"


def _check(version: Any, type: Any, source: Any, event_id: Any) -> None:
    if not isinstance(version, str) or not version.startswith("1."):
        raise NotATask(f"CloudEvents version {version!r} is not supported: send specversion 1.0")
    if type != SUBMIT_TYPE:
        raise NotATask(f"the CloudEvent's type is {str(type)[:100]!r}: a task is submitted with {SUBMIT_TYPE!r}")
    if not (isinstance(source, str) and source and isinstance(event_id, str) and event_id):
        raise NotATask("a CloudEvent needs a source and an id")


def _object(body: bytes) -> dict[str, Any]:
    try:
        # This parser stops at a depth of its own, where the standard library's would exhaust the stack.
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise NotATask(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotATask(f'not a JSON object but {type(value).__name__}: send {{"input": {{...}}}}')
    return value


def _data(value: dict[str, Any]) -> dict[str, Any]:
    if "data_base64" in value:
        try:
            return _object(base64.b64decode(value["data_base64"], validate=True))
        except (TypeError, ValueError) as error:
            raise NotATask(f"the CloudEvent's data_base64 is not base64: {error}") from error
    data = value.get("data")
    if not isinstance(data, dict):
        raise NotATask("the CloudEvent has no JSON object as its data")
    return data
