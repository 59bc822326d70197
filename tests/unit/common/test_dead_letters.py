"""Reading a dead letter back, also one that is damaged."""

from quorate.bus import Stored
from quorate.dead_letters import DeadLetter, read_dead_letter


def stored(headers: dict[str, str]) -> Stored:
    return Stored("quorate.dead.QUORATE_LOG", 7, b"body", headers, 12.5)


def test_a_dead_letter_says_where_it_comes_from() -> None:
    headers = {
        "Quorate-Subject": "quorate.log.1.t1.cancel.request",
        "Quorate-Reason": "not JSON",
        "Quorate-Attempts": "3",
        "Quorate-Headers": '{"Nats-Msg-Id": "m1"}',
    }
    assert read_dead_letter(stored(headers)) == DeadLetter(
        sequence=7,
        stream="QUORATE_LOG",
        subject="quorate.log.1.t1.cancel.request",
        headers={"Nats-Msg-Id": "m1"},
        body=b"body",
        reason="not JSON",
        attempts=3,
        at=12.5,
        cut=False,
    )


def test_one_without_headers_can_still_be_looked_at() -> None:
    letter = read_dead_letter(stored({}))
    assert (letter.subject, letter.reason, letter.attempts, letter.headers) == ("", "", 0, {})


def test_headers_that_were_cut_off_are_left_out() -> None:
    assert read_dead_letter(stored({"Quorate-Headers": '{"a": "b'})).headers == {}
    assert read_dead_letter(stored({"Quorate-Headers": "[]"})).headers == {}
    assert read_dead_letter(stored({"Quorate-Cut": "9"})).cut
