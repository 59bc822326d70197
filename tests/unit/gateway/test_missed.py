"""Webhooks that did not arrive."""

from quorate_gateway.domain.missed import MAX_AGE_S, Delivery, missed

NOW = 1_800_000_000.0


def delivery(id: int, guid: str, status: int, age_s: float = 60) -> Delivery:
    return Delivery(id, guid, NOW - age_s, status)


def asked_for(*deliveries: Delivery, cursor: int = 0, asked: dict[str, int] | None = None) -> list[int]:
    return [each.id for each in missed(deliveries, cursor, asked or {}, NOW).again]


def test_what_arrived_is_left_alone() -> None:
    assert asked_for(delivery(2, "b", 202), delivery(1, "a", 200)) == []


def test_what_did_not_arrive_is_asked_for() -> None:
    found = missed([delivery(3, "c", 503), delivery(2, "b", 200), delivery(1, "a", 0)], 0, {}, NOW)

    assert [each.id for each in found.again] == [1, 3]
    assert (found.cursor, found.asked) == (3, {"a": 1, "c": 1})


def test_of_an_event_that_arrived_at_last_the_failures_do_not_count() -> None:
    assert asked_for(delivery(2, "a", 200), delivery(1, "a", 500)) == []
    assert missed([delivery(2, "a", 200)], 1, {"a": 2}, NOW).asked == {}


def test_of_several_attempts_the_last_is_asked_for() -> None:
    assert asked_for(delivery(5, "a", 502), delivery(1, "a", 500)) == [5]


def test_what_was_seen_before_and_what_is_old_is_left_alone() -> None:
    assert asked_for(delivery(1, "a", 500), cursor=1) == []
    assert asked_for(delivery(1, "a", 500, age_s=MAX_AGE_S + 1)) == []


def test_what_fails_again_and_again_is_given_up() -> None:
    assert asked_for(delivery(9, "a", 500), asked={"a": 4}) == [9]
    assert asked_for(delivery(9, "a", 500), asked={"a": 5}) == []


def test_what_would_be_refused_again_is_not_asked_for() -> None:
    assert asked_for(delivery(3, "a", 400), delivery(2, "b", 413), delivery(1, "c", 401)) == [1]


def test_a_flood_is_asked_for_in_parts() -> None:
    flood = [delivery(number, f"g{number}", 500) for number in range(1, 251)]
    first = missed(flood, 0, {}, NOW)
    second = missed(flood, first.cursor, first.asked, NOW)
    third = missed(flood, second.cursor, second.asked, NOW)

    again = [each.id for found in (first, second, third) for each in found.again]
    assert again == list(range(1, 251))
    assert third.cursor == 250


def test_no_deliveries_leave_everything_as_it_is() -> None:
    assert missed([], 7, {"a": 1}, NOW) == ((), 7, {"a": 1})
