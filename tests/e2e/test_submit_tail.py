"""`quorate submit` and `quorate tail` against a running system."""

import json
import signal
from collections.abc import Iterator

import pytest

from quorate.contract import ids
from quorate.contract.result import Result
from tests.e2e.support import Shell, napping, until


@pytest.fixture(scope="module")
def quorate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with napping(tmp_path_factory.mktemp("napping")) as opened:
        yield opened


def test_submit_prints_the_id_alone(quorate: Shell) -> None:
    done = quorate("submit", "nap", "--input", "-", stdin="{}")

    assert (done.code, done.err) == (0, "")
    assert ids.TASK_ID.fullmatch(done.out.removesuffix("\n"))


def test_submit_waits_for_the_result_if_asked(quorate: Shell) -> None:
    file = quorate.write("nap.json", '{"s": 0}')
    done = quorate("submit", "nap", "--input", str(file), "--wait", "--key", "k1", "--label", "a=b", "--label", "c=d=e")
    result = Result.model_validate(done.json)

    assert done.code == 0
    assert done.err.strip() == result.task_id == ids.task_id_from_key("default", "nap", "k1")
    assert (result.state, result.idempotency_key, result.labels) == ("completed", "k1", {"a": "b", "c": "d=e"})
    assert result.answers["napper"].startswith("rested in ")


def test_the_same_key_and_input_are_the_same_task(quorate: Shell) -> None:
    first = quorate.submit("nap", {"s": 0}, "--key", "same")
    again = quorate("submit", "nap", "--input", "-", "--key", "same", "--wait", stdin='{"s": 0}')

    assert again.json["task_id"] == first


def test_a_task_that_cannot_be_done_is_told_by_the_exit_code(quorate: Shell) -> None:
    rejected = quorate("submit", "nobody-serves-this", "--input", "-", "--wait", stdin="{}")
    assert (rejected.code, rejected.json["state"]) == (3, "rejected")
    assert "nobody-serves-this" in rejected.json["reason"]

    late = quorate("submit", "nap", "--input", "-", "--wait", "--deadline", "0.2", stdin='{"s": 30}')
    assert (late.code, late.json["state"]) == (3, "failed")


def test_an_input_that_does_not_fit_a_message_is_submitted_all_the_same(quorate: Shell) -> None:
    text = "x" * 2_000_000
    done = quorate("submit", "nap", "--input", "-", "--wait", stdin=json.dumps({"text": text}))

    assert done.json["state"] == "completed"


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ([], b'{"s": "\xff"}', "can't decode byte 0xff"),
        ([], '{"s": "\\ud800"}', "surrogates"),
        (["--key", "k" * 513], "{}", "idempotency_key: String should have at most 512"),
        (["--key", "\udcff"], "{}", "idempotency_key"),
        (["--label", f"{'a' * 65}=b"], "{}", "at most 64 characters"),
        (["--deadline", "nan"], "{}", "deadline_s"),
    ],
)
def test_what_cannot_be_submitted_is_told_in_a_sentence(
    quorate: Shell, arguments: list[str], stdin: str | bytes, said: str
) -> None:
    done = quorate("submit", "nap", "--input", "-", *arguments, stdin=stdin)

    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_tail_replays_what_is_kept_and_stops_after_a_count(quorate: Shell) -> None:
    tasks = [quorate("submit", "nap", "--input", "-", "--wait", stdin="{}").json["task_id"] for _ in range(2)]
    everything = quorate("tail", "--replay", "--count", "2", "--json")
    assert (everything.code, len(everything.lines)) == (0, 2)
    assert all(Result.model_validate(line).state for line in everything.lines)

    shown = quorate.start("tail", "nap", "--replay")
    until(lambda: all(task in shown.out for task in tasks), "both are shown")
    assert all(len(line.split()) >= 4 for line in shown.out.splitlines())
    done = shown.stop(signal.SIGINT, within_s=3)
    assert (done.code, done.err.strip()) == (130, "stopped")


def test_tail_shows_the_results_of_its_kind_as_they_come(quorate: Shell) -> None:
    shown = quorate.start("tail", "other", "--json", "--count", "1", "--replay")
    quorate.submit("nap", {})
    task = quorate.submit("other", {})
    done = shown.end(20)

    assert done.code == 0
    assert [(line["task_id"], line["kind"]) for line in done.lines] == [(task, "other")]


def test_a_reader_of_tail_that_goes_is_no_error(quorate: Shell) -> None:
    quorate.submit("nap", {})
    done = quorate.run(["bash", "-c", "quorate tail --replay --json --count 2 | true; exit ${PIPESTATUS[0]}"])
    assert (done.code, done.err) == (0, "")
