"""`quorate task`: looking at tasks, following them, and stopping them."""

import json
from collections.abc import Iterator

import jsonschema
import pytest

from tests.e2e.support import MARKERS, NAPPING, NAPS, ROOT, Shell, shell, until


@pytest.fixture(scope="module")
def quorate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    environment = {**NAPPING, "QUORATE_AGENT_MODULES": "naps.py,marks.py"}
    with shell(tmp_path_factory.mktemp("napping"), **environment) as opened:
        opened.write("naps.py", NAPS)
        opened.write("marks.py", MARKERS)
        opened.up()
        yield opened


@pytest.fixture(scope="module")
def rested(quorate: Shell) -> str:
    """A task that has ended."""
    task: str = quorate("submit", "nap", "--input", "-", "--wait", stdin='{"s": 0.1}').json["task_id"]
    return task


@pytest.fixture
def asleep(quorate: Shell) -> Iterator[str]:
    """A task that an agent works on, and that only ends when it is canceled."""
    task = quorate.submit("nap", {"until": "never"})
    until(lambda: any(quorate.folder.glob(f"nap-{task}-*")), "the nap has begun")
    yield task
    quorate("task", "cancel", task)


def test_a_result_is_shown_in_every_format(quorate: Shell, rested: str) -> None:
    text = quorate("task", "show", rested)
    assert text.code == 0
    assert text.out.startswith("✓ Completed")
    assert "rested in" in text.out

    body = quorate("task", "show", rested, "--format", "json").json
    assert (body["task_id"], body["state"]) == (rested, "completed")

    sarif = quorate("task", "show", rested, "--format", "sarif").json
    schema = json.loads((ROOT / "tests" / "contract" / "sarif-2.1.0.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(sarif)
    assert quorate("task", "show", rested, "--format", "markdown").out.startswith("## ")


def test_a_review_is_explained_vote_by_vote(quorate: Shell) -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2  # MARK critical\n"
    change = {"diff": diff, "files": {"a.py": "x = 2  # MARK critical\n"}}
    found = quorate("submit", "code-review", "--input", "-", "--wait", stdin=json.dumps(change)).json
    task, [finding] = found["task_id"], found["findings"]

    explained = quorate("task", "show", task, "--explain")
    assert explained.code == 0
    assert f"  id {finding['id']}\n" in explained.out
    assert "Confirmed: 2 lineages (marker, second-marker) found it, critical needs 2\n" in explained.out
    assert "✓ marker (lineage marker, rule mark): critical, confidence 0.8, counts 1\n" in explained.out
    assert "Who looked" in explained.out

    one = quorate("task", "show", task, "--explain", "--finding", finding["id"])
    assert (one.code, one.out.count("  id ")) == (0, 1)
    unknown = quorate("task", "show", task, "--explain", "--finding", "nope")
    assert (unknown.code, unknown.out) == (3, "")
    assert f"{task} has no finding nope" in unknown.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--explain", "--format", "json"], "--explain is text"),
        (["--finding", "f1"], "--finding belongs to --explain"),
    ],
)
def test_what_cannot_be_explained_together_is_refused(
    quorate: Shell, rested: str, options: list[str], told: str
) -> None:
    done = quorate("task", "show", rested, *options)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_a_task_at_work_shows_how_far_it_has_come(quorate: Shell, asleep: str) -> None:
    text = quorate("task", "show", asleep)
    assert text.code == 0
    assert text.out.startswith(f"{asleep}: working\n")
    assert "work to napper" in text.out

    assert quorate("task", "show", asleep, "--format", "json").json == {"task_id": asleep, "state": "working"}
    markdown = quorate("task", "show", asleep, "--format", "markdown")
    assert (markdown.code, markdown.out) == (3, "")
    assert f"{asleep} is working" in markdown.err


def test_the_events_of_a_task_are_its_log_oldest_first(quorate: Shell, rested: str) -> None:
    events = quorate("task", "events", rested, "--json").lines
    types = [event["type"] for event in events]
    assert (types[0], types[-1]) == ("submitted", "concluded")
    assert set(types) == {"submitted", "planned", "assigned", "contribution", "outcome", "concluded"}
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert {event["task"] for event in events} == {rested}
    assert next(event["fact"] for event in events if event["type"] == "submitted")["input"] == {"s": 0.1}

    lines = quorate("task", "events", rested).out.splitlines()
    assert [line.split()[1] for line in lines] == types


def test_a_task_can_be_followed_to_its_end(quorate: Shell) -> None:
    task = quorate.submit("nap", {"until": f"{'x' * 3}"})
    until(lambda: any(quorate.folder.glob(f"nap-{task}-*")), "the nap has begun")
    following = quorate.start("task", "events", task, "--follow", "--json")
    until(lambda: '"assigned"' in following.out, "the past is shown")
    assert following.running
    quorate.write("xxx", "")
    done = following.end(10)

    assert done.code == 0
    assert done.lines[-1]["type"] == "concluded"
    assert "agent.started" in {line["type"] for line in done.lines}


def test_a_canceled_task_ends_as_canceled_with_the_reason(quorate: Shell, asleep: str) -> None:
    waiting = quorate.start("task", "events", asleep, "--follow")
    until(lambda: "assigned" in waiting.out, "it is followed")
    asked = quorate("task", "cancel", asleep, "--reason", "the phone rang")
    assert (asked.code, asked.out) == (0, "asked to stop\n")
    followed = waiting.end(10)
    assert followed.code == 0
    assert "canceled, the phone rang" in followed.out.splitlines()[-1]

    body = quorate("task", "show", asleep, "--format", "json").json
    assert (body["state"], body["reason"]) == ("canceled", "the phone rang")
    again = quorate("task", "cancel", asleep)
    assert (again.code, again.out) == (3, "")
    assert "has ended already: canceled" in again.err


@pytest.mark.parametrize("command", ["show", "events", "cancel"])
def test_a_task_that_does_not_exist_is_named(quorate: Shell, command: str) -> None:
    unknown = "t" + "0" * 32
    done = quorate("task", command, unknown)

    assert (done.code, done.out) == (3, "")
    assert f"there is no task {unknown} in the log" in done.err


def test_a_reader_of_events_that_goes_is_no_error(quorate: Shell, rested: str) -> None:
    done = quorate.run(["bash", "-c", f"quorate task events {rested} --follow | true; exit ${{PIPESTATUS[0]}}"])
    assert (done.code, done.err) == (0, "")
