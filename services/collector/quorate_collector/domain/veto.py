"""What keeps two observations apart, however alike their messages are."""

from operator import ne

from quorate_collector.domain.dedup import Observation
from quorate_collector.domain.words import Wording

WINDOW = 10
"""Lines between two observations of one issue: agents that read whole functions do not point at the same line."""

_ALIKE = 0.8
"""From this share of common plain words on, two messages are one sentence with something else put in."""


def apart(one: Observation, other: Observation) -> bool:
    """Whether place, weakness or agent say that these are two issues. Messages are not looked at."""
    if one.finding.path != other.finding.path or distance(one, other) > WINDOW:
        return True
    if one.finding.cwe and other.finding.cwe and one.finding.cwe != other.finding.cwe:
        return True
    # A rule that speaks twice speaks of two things; without a rule, only what one agent says of one place may be one.
    return one.agent == other.agent and (bool(one.rule and other.rule) or distance(one, other) > 0)


def distance(one: Observation, other: Observation) -> int:
    """Lines between two observations; 0 when they overlap or one of them is about the whole file."""
    if not one.finding.line or not other.finding.line:
        return 0
    return max(0, one.span[0] - other.span[1], other.span[0] - one.span[1])


def about_others(one: Wording, other: Wording) -> bool:
    """Whether both messages name code, and nothing that the other names.

    This tells two issues of rules, whose messages name their subject; people and models name whatever helps.
    """
    return bool(one.names and other.names) and not one.names & other.names


def contradict(one: Wording, other: Wording) -> bool:
    """Whether two messages are one sentence about two things: with another name, another number, or denied."""
    if _one_word_differs(one.sequence, other.sequence):
        return True
    if one.plain == other.plain and one.denies != other.denies:
        return True
    alike = 2 * len(one.plain & other.plain) >= _ALIKE * (len(one.plain) + len(other.plain))
    return alike and (_differ(one.names, other.names) or _differ(one.numbers, other.numbers))


def _differ(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each has what the other has not: one that tells less may mean the same."""
    return bool(one - other) and bool(other - one)


def _one_word_differs(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(one) == len(other) and sum(map(ne, one, other)) == 1
