"""What a check can say: its rules, and the findings that it makes of them, never too many."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from quorate.contract.finding import Category, Finding, Severity

MAX_PER_FILE = 20
"""Findings of one rule in one file."""

MAX_PER_RULE = 200
"""Findings of one rule in the whole change: whoever reads more than these has stopped reading."""

_MAX_MESSAGE = 2_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What a finding of this rule is about; ``description`` is one sentence for the documentation.

    ``cwe`` is the number of the weakness (https://cwe.mitre.org), if the rule always means that one.
    """

    category: Category
    severity: Severity
    confidence: float
    description: str
    cwe: int | None = None


class Findings:
    """The findings of one check in the order in which they were added; beyond the bounds they are only counted."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._kept: list[Finding] = []
        self._in_file: Counter[tuple[str, str]] = Counter()
        self._of_rule: Counter[str] = Counter()
        self._last_in_file: dict[tuple[str, str], int] = {}
        self._last_of_rule: dict[str, int] = {}
        self._left_out: Counter[int] = Counter()
        self._left_out_elsewhere: Counter[str] = Counter()

    def add(
        self,
        rule: str,
        path: str,
        message: str,
        *,
        line: int | None = None,
        end_line: int | None = None,
        severity: Severity | None = None,
        confidence: float | None = None,
        suggestion: str | None = None,
    ) -> None:
        """Add a finding of a known rule; what is not given is as the rule says. KeyError for any other rule."""
        known = self._rules[rule]
        place = rule, path
        if self._in_file[place] >= MAX_PER_FILE:
            self._left_out[self._last_in_file[place]] += 1
            return
        if self._of_rule[rule] >= MAX_PER_RULE:
            self._left_out_elsewhere[rule] += 1
            return
        self._in_file[place] += 1
        self._of_rule[rule] += 1
        self._last_in_file[place] = self._last_of_rule[rule] = len(self._kept)
        self._kept.append(
            Finding(
                path=path,
                line=line,
                end_line=end_line,
                severity=severity or known.severity,
                category=known.category,
                # JSON can write half a surrogate pair, which no message can hold.
                message=message[:_MAX_MESSAGE].encode("utf-8", "replace").decode(),
                rule=rule,
                confidence=known.confidence if confidence is None else confidence,
                cwe=known.cwe,
                suggestion=suggestion,
            )
        )

    def all(self) -> list[Finding]:
        """What was kept; the last finding of a rule that reached a bound says how many are not listed."""
        notes: dict[int, list[str]] = {}
        for at, count in self._left_out.items():
            notes.setdefault(at, []).append(f"{count} more in this file are not listed")
        for rule, count in self._left_out_elsewhere.items():
            notes.setdefault(self._last_of_rule[rule], []).append(f"{count} more in the change are not listed")
        return [
            finding.model_copy(update={"message": f"{finding.message} ({'; '.join(notes[at])})"})
            if at in notes
            else finding
            for at, finding in enumerate(self._kept)
        ]
