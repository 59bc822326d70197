"""How an answer is read that says: too fast."""

from collections.abc import Mapping

import pytest

from quorate.github.limits import ANY, Limit, limit_of

NOW = 1_700_000_000.0
USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000090"}


@pytest.mark.parametrize(
    ("status", "headers", "message", "limit"),
    [
        (200, USED_UP, "", None),
        (404, USED_UP, "", None),
        (403, {}, "Resource not accessible by integration", None),
        (403, {"x-ratelimit-remaining": "17"}, "Forbidden", None),
        (403, {"retry-after": "7"}, "", Limit(ANY, 7)),
        (429, {"retry-after": "7"} | USED_UP, "", Limit(ANY, 7)),
        (503, {"retry-after": "7"}, "", Limit(ANY, 7)),
        (503, {}, "", None),
        (403, USED_UP, "", Limit("core", 90)),
        (403, USED_UP | {"x-ratelimit-resource": "graphql"}, "", Limit("graphql", 90)),
        (403, USED_UP | {"x-ratelimit-reset": "1600000000"}, "", Limit("core", 1)),
        (429, {"x-ratelimit-remaining": "0"}, "", Limit("core", None)),
        (429, {}, "", Limit(ANY, None)),
        (429, {"retry-after": "soon"}, "", Limit(ANY, None)),
        (403, {}, "You have exceeded a secondary rate limit.", Limit(ANY, None)),
    ],
)
def test_limits_are_told_from_refusals(
    status: int, headers: Mapping[str, str], message: str, limit: Limit | None
) -> None:
    assert limit_of(status, headers, message, NOW) == limit


def test_the_reset_counts_by_the_servers_clock() -> None:
    headers = USED_UP | {"date": "Tue, 14 Nov 2023 22:14:20 GMT"}  # 60 s after NOW

    assert limit_of(403, headers, "", NOW) == Limit("core", 30)
    assert limit_of(403, USED_UP | {"date": "yesterday"}, "", NOW) == Limit("core", 90)
