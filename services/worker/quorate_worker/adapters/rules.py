"""Rules: what a tool's rule is about, how severe it is and how sure."""

from collections.abc import Mapping
from typing import NamedTuple

from quorate.contract.finding import Category, Severity


class Rule(NamedTuple):
    """``confidence`` is between 0 and 1; ``cwe`` is the number of the weakness, where there is one."""

    category: Category
    severity: Severity
    confidence: float = 0.8
    cwe: int | None = None


Rules = Mapping[str, Rule]
"""By the rule's identifier or a beginning of it; the empty one stands for all others."""


def judge(rules: Rules, rule: str) -> Rule:
    """The entry with the longest beginning of ``rule``. ``rules`` has an entry for the empty one."""
    return rules[next(rule[:end] for end in range(len(rule), -1, -1) if rule[:end] in rules)]
