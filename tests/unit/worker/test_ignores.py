"""Comments that dismiss findings: which ones, of what they speak, and what becomes of the findings."""

import gc
import time
from typing import Any

import pytest

from quorate.contract.finding import Finding
from quorate.contract.fix import Edit, Fix
from quorate_worker.domain.ignores import MAX_PER_LINE, Ignores, with_ignore


def finding(line: int | None = 1, **other: Any) -> Finding:
    return Finding(path="x", line=line, message="m", rule="S105", severity="high", **other)


def reason(text: str, found: Finding | None = None, agent: str = "ruff") -> str | None:
    """The reason of the comment that speaks of a finding in line 1; None if none does."""
    ignore = Ignores(text).about(found or finding(), agent)
    return ignore.reason if ignore else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x  # quorate: ignore a test key", "a test key"),
        ("x  # quorate: ignore[S105] a test key", "a test key"),
        ("x  # quorate: ignore[E1, s105] a test key\r", "a test key"),
        ("x  # quorate: ignore[ruff] a test key", "a test key"),
        ("x  # quorate: ignore[ruff:S105] a test key", "a test key"),
        ("x  # quorate: ignore[S105]: a test key", "a test key"),
        ("x  # quorate: ignore - a  test\tkey", "a test key"),
        ("x  # quorate:ignore[S105] why", "why"),
        ("x  #quorate: ignore why", "why"),
        ("x  ## quorate: ignore why", "why"),
        ("x; // quorate: ignore[S105] why", "why"),
        ("x; /// quorate: ignore why", "why"),
        ("x -- quorate: ignore why", "why"),
        ("x ; quorate: ignore why", "why"),
        ("/* quorate: ignore[S105] why */ x", "why"),
        ("/** quorate: ignore[S105] why **/ x", "why"),
        ("<a> <!-- quorate: ignore why --> </a>", "why"),
        ("{# quorate: ignore why #} x", "why"),
        ("{/* quorate: ignore why */}", "why"),
        ("x  # quorate: ignore[E1] other # quorate: ignore[S105] why", "why"),
        ("x  # quorate: ignore[S105] why # quorate: ignore[E1] other", "why"),
        ("x  # quorate: ignore # quorate: ignore[S105] why", "why"),
        ("x  # noqa  # quorate: ignore[S105] why", "why"),
        ("x  # quorate: ignore", ""),
        ("x  # quorate: ignore[S105]", ""),
        ("x  # quorate: ignore[S105] ...", ""),
        ("/* quorate: ignore */ why", ""),
        ("x  # quorate: ignore[E1] a test key", None),
        ("x  # quorate: ignore[bandit:S105] a test key", None),
        ("x  # quorate: ignore[] a test key", None),
        ("x  # quorate: ignore[ , ] a test key", None),
        ("x  # quorate: ignore[S105 a test key", None),
        ("x  # quorate: ignored for years", None),
        ("x  # quorate: ignore-file why", None),
        ("x  # see quorate: ignore why", None),
        ("quorate: ignore why", None),
        ("x = 'quorate: ignore why'", None),
        ("#\nquorate: ignore why", None),
        ("", None),
    ],
)
def test_a_comment_speaks_of_a_finding_in_its_line_if_it_names_it(text: str, expected: str | None) -> None:
    assert reason(text) == expected


@pytest.mark.parametrize(
    ("text", "found", "heard"),
    [
        ("# quorate: ignore why\nx", finding(2), True),
        ("   // quorate: ignore why  \nx", finding(2), True),
        ("/* quorate: ignore why */\r\nx", finding(2), True),
        ("{/* quorate: ignore why */}\nx", finding(2), True),
        ("# quorate: ignore[E1] other # quorate: ignore[S105] why\nx", finding(2), True),
        ("y  # quorate: ignore why\nx", finding(2), False),
        ("/* quorate: ignore why */ y\nx", finding(2), False),
        ("# quorate: ignore why\n\nx", finding(3), False),
        ("f(\n  1,\n)  # quorate: ignore why", finding(1, end_line=3), True),
        ("f(\n  1,  # quorate: ignore why\n)", finding(1, end_line=3), False),
        ("x\n# quorate: ignore why", finding(1), False),
        ("# quorate: ignore why", finding(None), False),
        ("a\x0cb\u2028c\rd\n# quorate: ignore why\nx", finding(3), True),
    ],
)
def test_a_comment_stands_on_the_first_or_last_line_or_alone_above(text: str, found: Finding, heard: bool) -> None:
    assert (reason(text, found) is not None) == heard


def about(text: str, found: Finding) -> Finding:
    ignore = Ignores(text).about(found, "ruff")
    assert ignore is not None
    return with_ignore(found, ignore)


def test_a_finding_that_is_dismissed_with_a_reason_becomes_a_note() -> None:
    assert about("x # quorate: ignore[S105] made up", finding()) == finding().model_copy(
        update={
            "severity": "info",
            "dismissed": True,
            "message": "m (dismissed in the code by `quorate: ignore`: made up)",
        }
    )


def test_what_is_dismissed_is_not_fixed() -> None:
    fixed = finding(fix=Fix(edits=(Edit(line=1, end_line=1, text=""),), safe=True))

    assert about("x # quorate: ignore[S105] made up", fixed).fix is None
    assert about("x # quorate: ignore[S105]", fixed).fix == fixed.fix


def test_a_finding_that_is_dismissed_without_a_reason_counts_and_says_so() -> None:
    assert about("x # quorate: ignore[S105]", finding()) == finding().model_copy(
        update={"message": "m (its `quorate: ignore` gives no reason, so it counts)"}
    )


def test_a_dismissed_secret_stays_and_what_looks_like_it_is_not_repeated() -> None:
    secret = finding(category="secrets")
    noted = about("k # quorate: ignore hunter2 of the test, not aBcDeFgHiJkLmNoPqRsTuVwXyZ", secret)
    assert noted.severity == "info"
    assert noted.message == "m (dismissed in the code by `quorate: ignore`: … of the test, not …)"


def test_a_reason_is_one_printable_line_and_a_message_keeps_to_its_length() -> None:
    long = finding().model_copy(update={"message": "m" * 8_000})
    noted = about("x # quorate: ignore \x1b[31mred\u202e " + "y" * 900, long)
    Finding.model_validate(noted.model_dump())
    assert len(noted.message) == 8_000
    assert noted.message.endswith("y)")
    assert "`: [31mred yyy" in noted.message


def test_of_one_line_only_so_many_comments_are_read() -> None:
    many = "# quorate: ignore[E1] no " * MAX_PER_LINE
    assert reason(many.replace("E1", "S105", 1)) == "no"
    assert reason(many + "# quorate: ignore[S105] why") is None


@pytest.mark.parametrize(
    "piece",
    [
        "x # quorate: ignore[S105] why\n",
        "# quorate: ignore[S105] why\n",
        "# quorate: ignore ",
        "# quorate: ignore[",
        "# quorate:        ",
        "quorate: ignore",
        "#" + " " * 30,
        "/* quorate: ignore " + " " * 30,
    ],
)
def test_any_number_of_comments_costs_linear_time(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        best = 9.0
        gc.collect()
        for _ in range(3):
            begun = time.process_time()
            ignores = Ignores(text)
            for line in range(1, count, 100):
                ignores.about(finding(line), "ruff")
            best = min(best, time.process_time() - begun)
        return best

    # The collector of garbage looks at all that other tests have left, and more often the more there is.
    gc.disable()
    try:
        assert seconds(50_000) < 40 * max(seconds(5_000), 0.002)
    finally:
        gc.enable()
