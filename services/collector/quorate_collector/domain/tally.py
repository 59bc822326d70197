"""The tally of a finding: its votes and objections added up, with the result in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quorate.contract.finding import Decision, Objection, Severity, Vote
from quorate.settings import QuorumRule, WithoutQuorum
from quorate_collector.domain.electorate import Electorate
from quorate_collector.domain.weights import FULL, shown, thousandths

MAX_OBJECTIONS = 600
MAX_REASON = 2_000

_WITHOUT_QUORUM: dict[WithoutQuorum, tuple[Decision, str]] = {
    "withhold": ("withheld", "; withheld, as the policy wants it"),
    "hold": ("held", "; held for a person to decide"),
}
"""What is not here is demoted, at once or after those who are asked have answered."""


@dataclass(frozen=True)
class Tally:
    """What the votes came to, and why."""

    decision: Decision
    reason: str


def tally(
    path: str,
    severity: Severity,
    votes: Sequence[Vote],
    objections: Sequence[Objection],
    electorate: Electorate,
    *,
    supported: str = "found it",
) -> Tally:
    """An agent has one vote, and a lineage the heaviest of its agents. One that objects takes its vote away, and one
    that is on both sides has none. ``supported`` says in words what the voters did."""
    votes = one_of_each(votes)
    rule = electorate.quorum(severity)
    needed = electorate.needed(path, rule, votes)
    pro = _heaviest((vote.lineage, thousandths(vote.weight)) for vote in votes)
    contra = _heaviest(
        (each.lineage, electorate.weigh(each.agent, each.lineage, each.confidence, severity)) for each in objections
    )
    counted = {lineage: weight for lineage, weight in pro.items() if lineage not in contra}
    against = {lineage: weight for lineage, weight in contra.items() if lineage not in pro}
    total = sum(counted.values()) - sum(against.values())
    confirmed = total >= needed * FULL

    lineages = sorted({vote.lineage for vote in votes})
    whole = pro.keys() == set(lineages) and contra.keys() == {each.lineage for each in objections}
    if rule.share is None and whole and {*pro.values(), *contra.values()} <= {FULL}:
        words = _plainly(lineages, severity, needed, bool(objections), confirmed, supported)
    else:
        bar = f"{severity} needs {_votes(needed)}{_share(path, rule, votes, electorate)}"
        words = f"{bar}; {_sum(counted, against, total)}"
        partial, idle = _less(votes, objections, severity, electorate)
        if partial:
            words += f" ({'; '.join(partial)})"
        if both := sorted(pro.keys() & contra.keys()):
            words += f"; on both sides, so without a vote: {', '.join(both)}"
        if idle:
            words += f"; not counted: {', '.join(idle)}"
    if objections:
        said = "; ".join(_said(each) for each in objections)
        words += f"; {said}"[:MAX_OBJECTIONS]
    if confirmed:
        return Tally("confirmed", words[:MAX_REASON])
    decision, why = _WITHOUT_QUORUM.get(rule.otherwise, ("demoted", ""))
    return Tally(decision, words[:MAX_REASON] + why)


def one_of_each(votes: Iterable[Vote]) -> tuple[Vote, ...]:
    """One vote of each agent, its heaviest: whose rules have two lineages is one witness all the same. Of equal ones,
    that whose lineage has the first name."""
    said: dict[str, Vote] = {}
    for vote in sorted(votes, key=lambda vote: (-vote.weight, vote.lineage)):
        said.setdefault(vote.agent, vote)
    return tuple(said.values())


def _heaviest(weights: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The vote of each lineage that has one."""
    heaviest: dict[str, int] = {}
    for lineage, weight in weights:
        if weight:
            heaviest[lineage] = max(weight, heaviest.get(lineage, 0))
    return heaviest


def _plainly(
    lineages: list[str], severity: Severity, needed: int, objected: bool, confirmed: bool, supported: str
) -> str:
    """Where all votes are whole it is enough to count lineages."""
    names = ", ".join(lineages) or "nobody"
    if confirmed:
        return f"{_count(len(lineages))} ({names}) {supported}, {severity} needs {needed}"
    if objected:
        return f"{severity} needs {_count(needed)} more than object, and {names} {supported}"
    return f"{severity} needs {_count(needed)} to agree, and {f'only {names}' if lineages else names} {supported}"


def _sum(counted: dict[str, int], against: dict[str, int], total: int) -> str:
    """``bandit 1.0 + semgrep 0.6 - quorate 1.0 = 0.6``."""
    pro = " + ".join(f"{lineage} {shown(weight)}" for lineage, weight in sorted(counted.items()))
    contra = "".join(f" - {lineage} {shown(weight)}" for lineage, weight in sorted(against.items()))
    return f"{pro or 'nobody'}{contra} = {shown(total)}" if pro or contra else "no vote counts"


def _share(path: str, rule: QuorumRule, votes: Sequence[Vote], electorate: Electorate) -> str:
    if rule.share is None:
        return ""
    return f" ({rule.share * 100:g} % of {_count(electorate.could_vote(path, rule, votes))} that could have voted)"


def _less(
    votes: Sequence[Vote], objections: Sequence[Objection], severity: Severity, electorate: Electorate
) -> tuple[list[str], list[str]]:
    """The agents whose word counts for less than a whole vote, with the reason, and those whose word counts nothing."""
    said = [(each.agent, each.lineage, each.confidence, thousandths(each.weight)) for each in votes]
    for each in objections:
        weight = electorate.weigh(each.agent, each.lineage, each.confidence, severity)
        said.append((each.agent, each.lineage, each.confidence, weight))
    partial, idle = [], []
    for agent, lineage, confidence, weight in sorted(said):
        why = electorate.why_less(agent, lineage, confidence, severity)
        if not weight:
            idle.append(f"{agent} ({why})")
        elif weight < FULL:
            partial.append(f"{agent} {shown(weight)}, {why}")
    return partial, idle


def _said(objection: Objection) -> str:
    words = f"{objection.agent} looked and objects"
    return f"{words}: {objection.message}" if objection.message else words


def _votes(number: int) -> str:
    return "1 vote" if number == 1 else f"{number} votes"


def _count(lineages: int) -> str:
    return "1 lineage" if lineages == 1 else f"{lineages} lineages"
