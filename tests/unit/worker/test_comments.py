"""What comments say of bandit's tests."""

import pytest

from quorate_worker.adapters.comments import dismissing


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        ("x()  # nosec", "nosec"),
        ("x()  #nosec", "nosec"),
        ("x()  # nosec because it is fine", "nosec"),
        ("x()  # nosec B602, B605", "nosec"),
        ("x()  # nosec B605", None),
        ("x()  # nosec: subprocess_popen", "nosec"),
        ("x()  # noseconds", None),
        ("nosec()", None),
        ("x()  # noqa: S602", "noqa"),
        ("x()  # NOQA:E501,s602 # why", "noqa"),
        ("x()  # noqa: S602 because", "noqa"),
        ("x()  # noqa: S6021", None),
        ("x()  # noqa", None),
        ("x()  # noqa: E501", None),
        ("x()", None),
    ],
)
def test_a_comment_speaks_of_all_tests_or_of_those_it_names(line: str, comment: str | None) -> None:
    assert dismissing(line, ("B602",), ("subprocess_popen",)) == comment
