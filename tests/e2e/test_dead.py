"""`quorate dead`: what nobody could process, shown and published again."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from quorate.client import Client
from quorate.contract.subjects import INTAKE
from quorate.dead_letters import bury
from tests.e2e.support import Shell, napping, until


@pytest.fixture(scope="module")
def quorate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with napping(tmp_path_factory.mktemp("napping")) as opened:
        yield opened


@pytest.fixture(scope="module")
def letter(quorate: Shell) -> int:
    """The number of a letter: a second submission under a key that another input has."""
    quorate("submit", "nap", "--input", "-", "--key", "k", "--wait", stdin='{"s": 0}')
    quorate.submit("nap", {"s": 0.1}, "--key", "k")
    until(lambda: quorate("dead", "list").out, "it is dead")
    (listed,) = quorate("dead", "list", "--json").lines
    number: int = listed["number"]
    return number


def test_no_letters_are_no_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    with napping(tmp_path_factory.mktemp("empty")) as quorate:
        text = quorate("dead", "list")
        assert (text.code, text.out, text.err) == (0, "", "no dead letters\n")
        as_json = quorate("dead", "list", "--json")
        assert (as_json.code, as_json.out, as_json.err) == (0, "", "")


def test_letters_are_listed_with_their_reasons(quorate: Shell, letter: int) -> None:
    text = quorate("dead", "list")
    assert text.code == 0
    assert text.out.split()[0] == str(letter)
    assert "use a new idempotency_key for a new task" in text.out

    (listed,) = quorate("dead", "list", "--json").lines
    assert (listed["stream"], listed["subject"], listed["cut"]) == ("QUORATE_INTAKE", "quorate.submit.nap", False)


def test_a_letter_is_shown_with_its_body(quorate: Shell, letter: int) -> None:
    text = quorate("dead", "show", str(letter))
    assert text.code == 0
    head, _, body = text.out.partition("\n\n")
    assert "subject: quorate.submit.nap" in head
    assert json.loads(body)["input"] == {"s": 0.1}

    as_json = quorate("dead", "show", str(letter), "--json").json
    assert (as_json["number"], json.loads(as_json["body"])["idempotency_key"]) == (letter, "k")


def test_a_replayed_letter_is_processed_again(quorate: Shell, letter: int) -> None:
    """It fails for the same reason, and so comes back under another number."""
    done = quorate("dead", "replay", str(letter))
    assert (done.code, done.out) == (0, "quorate.submit.nap: published again\n")
    until(lambda: quorate("dead", "list").out, "it is dead again")

    (listed,) = quorate("dead", "list", "--json").lines
    assert listed["number"] > letter
    assert "use a new idempotency_key" in listed["reason"]


def test_a_letter_that_can_be_processed_by_now_becomes_a_task(quorate: Shell) -> None:
    asyncio.run(_bury(quorate.running()["nats_url"], b'{"input": {}, "idempotency_key": "by now"}'))
    number = max(letter["number"] for letter in quorate("dead", "list", "--json").lines)
    assert quorate("dead", "replay", str(number)).code == 0

    shown = quorate.start("tail", "nap", "--replay", "--json")
    until(lambda: '"by now"' in shown.out, "its result is there")
    assert number not in {letter["number"] for letter in quorate("dead", "list", "--json").lines}


async def _bury(url: str, body: bytes) -> None:
    """As a router that could not read it would have."""
    async with Client(url) as client:
        await bury(
            client.bus,
            INTAKE,
            subject="quorate.submit.nap",
            headers={},
            body=body,
            sequence=10_000,
            reason="not understood",
            attempts=1,
            by="test",
        )


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_letter_that_does_not_exist_is_named(quorate: Shell, command: str) -> None:
    done = quorate("dead", command, "4711")
    assert (done.code, done.out) == (3, "")
    assert "there is no dead letter 4711: see `quorate dead list`" in done.err

    assert quorate("dead", command, "0").code == 2
    assert quorate("dead", command, "first").code == 2
