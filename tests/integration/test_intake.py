"""What is published to the intake ends as the contract says: a task, a rejection, or a dead letter."""

import asyncio
import base64
import json
from typing import Any

import pytest

from quorate import Context, agent
from quorate.contract import ids, subjects
from quorate.contract.facts import Submitted
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from tests.support.system import DIFF, System, dead_letters, emptied, services, settings_of, system, until

CE = {"specversion": "1.0", "type": "quorate.task.submit.v1", "source": "/forge", "id": "42"}


@agent("echo", kinds=["echo", "code-review"])
async def echo(ctx: Context) -> dict[str, Any]:
    return ctx.input


async def publish(s: System, body: bytes, headers: dict[str, str] | None = None, kind: str = "echo") -> None:
    await s.bus.publish(f"quorate.submit.{kind}", body, headers=headers)


async def ended(s: System) -> list[Result]:
    """The results once everything published so far was taken in, and every task that came of it has ended."""
    await emptied(s.bus, subjects.INTAKE)

    async def all_have() -> bool:
        submitted = await s.bus.get_all(subjects.LOG, "quorate.log.*.*.submitted.>")
        return len(await s.results()) == len(submitted)

    await until(all_have, timeout_s=20)
    return await s.results()


async def redelivered(s: System) -> object:
    """Whether an event was looked at and handed back."""
    return (await s.bus.api("CONSUMER.INFO.QUORATE_INTAKE.router"))["num_redelivered"]


INPUT = json.dumps({"input": {"a": 1}}).encode()


@pytest.mark.parametrize(
    ("headers", "body", "task"),
    [
        pytest.param({"Nats-Msg-Id": "m1"}, INPUT, ids.task_id_from_message("m1"), id="plain"),
        pytest.param(
            {f"ce-{key}": value for key, value in CE.items()},
            INPUT,
            ids.task_id_from_event("/forge", "42"),
            id="binary",
        ),
        pytest.param(
            {"Content-Type": "application/cloudevents+json"},
            json.dumps({**CE, "data": json.loads(INPUT)}).encode(),
            ids.task_id_from_event("/forge", "42"),
            id="structured",
        ),
        pytest.param(
            {},
            json.dumps({**CE, "data_base64": base64.b64encode(INPUT).decode()}).encode(),
            ids.task_id_from_event("/forge", "42"),
            id="structured by its body, as base64",
        ),
        pytest.param(
            {"Nats-Msg-Id": "m1"},
            json.dumps({"input": {"a": 1}, "idempotency_key": "k1"}).encode(),
            ids.task_id_from_key("default", "echo", "k1"),
            id="with a key",
        ),
    ],
)
async def test_an_event_in_any_mode_becomes_a_task_under_the_id_that_its_sender_can_compute(
    broker: EmbeddedBroker, headers: dict[str, str], body: bytes, task: str
) -> None:
    async with system(broker, echo) as s:
        await publish(s, body, headers)
        result = await s.client.result(task, timeout=20)
        assert (result.state, result.answers) == ("completed", {"echo": {"a": 1}})


async def test_messages_with_nothing_to_know_them_by_are_tasks_of_their_own(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        await publish(s, INPUT)
        await publish(s, INPUT)
        assert len(await ended(s)) == 2


def blob(**changed: Any) -> dict[str, Any]:
    return {"input_ref": {"key": "k", "sha256": "0" * 64, "size": 5} | changed}


@pytest.mark.parametrize(
    ("kind", "event", "reason"),
    [
        ("echo", {}, "exactly one of `input` and `input_ref`"),
        ("echo", {"input": "x"}, "input: "),
        ("echo", {"input": {}, "dead_line": 5}, "dead_line: "),
        ("echo", {"input": {}, "deadline_s": -1}, "deadline_s: "),
        ("echo", {"input": {}, "deadline_s": "soon"}, "deadline_s: "),
        ("echo", {"input": {}, "priority": 100}, "priority: "),
        ("echo", {"input": {}, "labels": ["x"]}, "labels: "),
        ("echo", {"input": {}, "idempotency_key": "x" * 600}, "idempotency_key: "),
        ("echo", blob(), "there is no object k"),
        ("echo", blob(bucket="OTHER"), "OTHER"),
        ("echo", blob(size=10**12), "input_ref.size: "),
        (
            "unknown",
            {"input": {}},
            "unknown kind 'unknown': no agent serves it (kinds that are served: code-review, echo)",
        ),
        ("Echo", {"input": {}}, "unknown kind 'Echo'"),
        ("x" * 64, {"input": {}}, "unknown kind 'xxx"),
        ("code-review", {"input": {}}, "exactly one of `diff` and `pull_request`"),
        ("code-review", {"input": {"diff": 5}}, "diff: "),
        ("code-review", {"input": {"diff": DIFF, "path": "/etc"}}, "path: "),
        ("code-review", {"input": {"diff": "hello"}}, "diff"),
        ("code-review", {"input": {"diff": ""}}, "diff is empty"),
        ("code-review", {"input": {"diff": DIFF, "files": {"../x": ""}}}, "../x"),
        ("code-review", {"input": {"diff": DIFF, "pull_request": {"repo": "a/b", "number": 1}}}, "exactly one of"),
    ],
)
async def test_what_is_understood_as_a_task_and_cannot_be_one_is_rejected(
    broker: EmbeddedBroker, kind: str, event: dict[str, Any], reason: str
) -> None:
    async with system(broker, echo) as s:
        await publish(s, json.dumps(event).encode(), {"Nats-Msg-Id": "m1"}, kind)
        result = await s.client.result(ids.task_id_from_message("m1"), timeout=20)
        assert (result.state, result.kind) == ("rejected", kind)
        assert result.reason is not None
        assert reason in result.reason
        assert await s.dead_letters() == []
        [submitted] = await s.facts(result.task_id, Submitted)
        assert submitted.input is None, "what was refused is not kept"
        assert {record.type for record in await s.client.facts(result.task_id)} == {"submitted", "concluded"}


async def test_a_rejection_bears_the_id_of_its_key_and_echoes_it(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        await publish(s, b'{"idempotency_key": "k1", "input": 5}')
        result = await s.client.result(ids.task_id_from_key("default", "echo", "k1"), timeout=20)
        assert (result.state, result.idempotency_key) == ("rejected", "k1")


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, b"", "not JSON"),
        ({}, b"\xff\xfe", "not JSON"),
        ({}, b"{", "not JSON"),
        ({}, b"[]", "not a JSON object"),
        ({}, b"[" * 20_000, "not JSON"),
        ({}, b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "not JSON"),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[]", "batch"),
        ({"ce-specversion": "0.3"}, INPUT, "0.3"),
        ({"ce-specversion": "1.0", "ce-type": "other", "ce-source": "s", "ce-id": "1"}, INPUT, "other"),
        ({"Content-Type": "application/cloudevents+json"}, json.dumps({**CE, "data": 5}).encode(), "JSON object"),
        ({"Content-Type": "application/cloudevents+json"}, json.dumps({**CE, "data_base64": "é"}).encode(), "base64"),
        ({"X": "größer"}, b"no", "not JSON"),
        ({"Content-Type": "größer"}, b"no", "not JSON"),
        ({"Nats-Msg-Id": "größer"}, b"no", "not JSON"),
    ],
)
async def test_what_no_task_can_be_made_of_is_a_dead_letter(
    broker: EmbeddedBroker, headers: dict[str, str], body: bytes, reason: str
) -> None:
    async with system(broker, echo) as s:
        await publish(s, body, headers)
        await publish(s, INPUT)
        results = await ended(s)
        [letter] = await s.dead_letters()
        assert reason in letter.reason
        assert (letter.stream, letter.subject, letter.body) == ("QUORATE_INTAKE", "quorate.submit.echo", body)
        assert [result.state for result in results] == ["completed"]


async def test_a_message_of_full_size_that_is_no_task_does_not_stop_the_others(broker: EmbeddedBroker) -> None:
    async with system(broker, echo) as s:
        await publish(s, b"x" * (1024**2 - 200))
        await publish(s, INPUT)
        results = await ended(s)
        assert [result.state for result in results] == ["completed"]
        assert len(await s.dead_letters()) == 1


async def test_an_event_of_full_size_becomes_a_task(broker: EmbeddedBroker) -> None:
    @agent("size", kinds=["size"])
    async def measure(ctx: Context) -> int:
        return len(ctx.input["text"])

    async with system(broker, measure) as s:
        for size in (760 * 1024, 780 * 1024, 1024**2 - 200):
            text = "x" * (size - len(b'{"input":{"text":""}}'))
            await publish(s, json.dumps({"input": {"text": text}}).encode(), kind="size")
        assert {result.state for result in await ended(s)} == {"completed"}


async def test_a_task_waits_for_an_agent_to_appear(broker: EmbeddedBroker) -> None:
    async with system(broker, only=["router", "collector"], agents_wait_s=20) as s:
        task = await s.client.submit("echo", {"a": 1})
        # It has been looked at, and handed back.
        await until(lambda: redelivered(s))
        async with services(s.settings, "worker", agents=[echo]):
            assert (await s.client.result(task, timeout=20)).answers == {"echo": {"a": 1}}


async def test_nobody_is_assigned_who_has_left(broker: EmbeddedBroker) -> None:
    @agent("passing", kinds=["echo"])
    async def passing(ctx: Context) -> int:
        return 1

    async with system(broker, echo) as s:
        async with services(s.settings, "worker", agents=[passing]):
            assert set((await s.run("echo")).answers) == {"echo", "passing"}
        # The registry is read again within a second.
        async with asyncio.timeout(10):
            while (result := await s.run("echo", deadline_s=0.3)).partial:
                pass
        assert set(result.answers) == {"echo"}


async def test_intake_goes_on_while_the_log_is_full(broker: EmbeddedBroker) -> None:
    """Nothing is acked that does not stand in the log; when there is room again, it goes on by itself."""
    async with system(broker, echo, only=["worker", "collector"]) as s:
        task = await s.client.submit("echo", {"a": 1})
        config = (await s.bus.api("STREAM.INFO.QUORATE_LOG"))["config"]
        await s.bus.api("STREAM.UPDATE.QUORATE_LOG", config | {"max_bytes": 100})
        async with services(settings_of(broker), "router"):
            await until(lambda: redelivered(s))
            assert await s.results() == []
            await s.bus.api("STREAM.UPDATE.QUORATE_LOG", config)
            assert (await s.client.result(task, timeout=20)).state == "completed"
        assert await dead_letters(s.bus) == []
