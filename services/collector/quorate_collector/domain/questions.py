"""Questions: which findings without a quorum are put to others before they are decided for good."""

from collections.abc import Iterator
from dataclasses import dataclass

from quorate.contract.facts import Question, QuestionKind
from quorate.contract.finding import DecidedFinding
from quorate.settings import QuorumRule
from quorate_collector.domain.electorate import Quorum
from quorate_collector.domain.tally import MAX_REASON

MAX_IN_QUESTION = 50
"""So many findings are put to others at once, the most severe first."""

_KINDS: tuple[QuestionKind, ...] = ("verify", "discuss")
"""In the order in which they are asked: first who knows, then everyone."""


@dataclass(frozen=True)
class PendingQuestion:
    """A ``Question`` whose findings do not lie in the object store yet. ``agents`` are verifiers; to discuss there are
    none, for all who can are asked."""

    kind: QuestionKind
    findings: tuple[DecidedFinding, ...]
    agents: tuple[str, ...]
    round: int


def ask(
    findings: tuple[DecidedFinding, ...], quorum: Quorum, before: Question | None = None
) -> tuple[tuple[DecidedFinding, ...], PendingQuestion | None]:
    """What to ask next, with the findings whose reasons say so. ``findings`` come with the most severe first, and
    ``before`` is the question that was just answered.

    One question at a time: first to verify, as often as the rules allow, then to discuss. What was not asked about in
    the first round of a kind is not in a later one either.
    """
    for kind, round in _following(before):
        asked_before = None if before is None or round == 1 else frozenset(before.findings)
        candidates = [
            finding
            for finding in findings
            if _is_open(finding, quorum(finding.severity), kind, round)
            and (asked_before is None or finding.id in asked_before)
        ]
        if candidates:
            return _put(findings, candidates, kind, round, quorum)
    return findings, None


def _following(before: Question | None) -> Iterator[tuple[QuestionKind, int]]:
    kinds = _KINDS
    if before is not None:
        yield before.kind, before.round + 1
        kinds = _KINDS[_KINDS.index(before.kind) + 1 :]
    yield from ((kind, 1) for kind in kinds)


def _is_open(finding: DecidedFinding, rule: QuorumRule, kind: QuestionKind, round: int) -> bool:
    if finding.decision != "demoted" or finding.standing == "carried" or rule.otherwise != kind or round > rule.rounds:
        return False
    if kind == "verify" and round > 1:
        # Who has answered would say the same again.
        heard = {vote.agent for vote in finding.votes} | {objection.agent for objection in finding.objections}
        return not heard.issuperset(rule.verifiers)
    return True


def _put(
    findings: tuple[DecidedFinding, ...],
    candidates: list[DecidedFinding],
    kind: QuestionKind,
    round: int,
    quorum: Quorum,
) -> tuple[tuple[DecidedFinding, ...], PendingQuestion]:
    reasons = {}
    agents: set[str] = set()
    for number, finding in enumerate(candidates):
        rule = quorum(finding.severity)
        if number >= MAX_IN_QUESTION:
            reasons[finding.id] = f"put to nobody: only {MAX_IN_QUESTION} findings of a review are"
            continue
        agents.update(rule.verifiers)
        to = f"put to {', '.join(rule.verifiers)}" if kind == "verify" else "put to discussion"
        reasons[finding.id] = f"{to}, round {round} of {rule.rounds}"
    told = tuple(_saying(finding, reasons[finding.id]) if finding.id in reasons else finding for finding in findings)
    asked = frozenset(finding.id for finding in candidates[:MAX_IN_QUESTION])
    in_question = tuple(finding for finding in told if finding.id in asked)
    return told, PendingQuestion(kind, in_question, tuple(sorted(agents)), round)


def _saying(finding: DecidedFinding, more: str) -> DecidedFinding:
    return finding.model_copy(update={"reason": f"{finding.reason[:MAX_REASON]}; {more}"})
