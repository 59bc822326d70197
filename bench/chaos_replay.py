"""A task decided once more: its log, read by the pure functions of router and collector with nothing in between."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.chaos_service import chaos_settings
from quorate.contract.facts import Contribution, Outcome
from quorate.contract.result import Result
from quorate.reducer import Decision, Record
from quorate_collector.domain.conclude import Policy, conclude_first_look
from quorate_collector.domain.decide import decide as decide_collector
from quorate_collector.domain.state import CollectorState
from quorate_router.domain.admission import CODE_REVIEW
from quorate_router.domain.decide import decide as decide_router
from quorate_router.domain.result import result_of
from quorate_router.domain.state import Conclude, RouterState

SETTINGS = chaos_settings()
POLICY = Policy(quorum=SETTINGS.quorum.of)
DEADLINES = {CODE_REVIEW: SETTINGS.review_deadline_s, "": SETTINGS.task_deadline_s}

ROUTER_FACTS = ("submitted", "outcome", "cancel", "failed")
COLLECTOR_FACTS = ("assigned", "contribution", "timer", "cancel")


@dataclass
class Replay:
    """What must stand in the streams if every fact of the log was decided on once and in order.

    ``applied`` is the sequence of the last fact that changed a reducer's state.
    """

    router: RouterState | None = None
    router_applied: int = 0
    collector: CollectorState | None = None
    collector_applied: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    result: Result | None = None


def replay(task: str, records: Iterable[Record]) -> Replay:
    """``records`` are the facts of one task in the order of the log."""
    done = Replay()
    contributions: dict[tuple[str, ...], Contribution] = {}
    for record in records:
        if record.type in COLLECTOR_FACTS:
            if isinstance(record.fact, Contribution):
                contributions[record.key] = record.fact
            _collect(done, record, contributions)
        if record.type in ROUTER_FACTS:
            _route(done, task, record)
    return done


def _route(done: Replay, task: str, record: Record) -> None:
    decision = decide_router(done.router, record, DEADLINES)
    if not _commits(done.router, decision):
        return
    assert decision.state is not None
    done.router, done.router_applied = decision.state, record.sequence
    if any(isinstance(command, Conclude) for command in decision.commands):
        outcome = record.fact if isinstance(record.fact, Outcome) else None
        done.result = result_of(task, decision.state, outcome, record.at)


def _collect(done: Replay, record: Record, contributions: dict[tuple[str, ...], Contribution]) -> None:
    decision = decide_collector(done.collector, record)
    if not _commits(done.collector, decision):
        return
    assert decision.state is not None
    done.collector, done.collector_applied = decision.state, record.sequence
    for command in decision.commands:
        join = decision.state.joins[command.run]
        counted = {agent: contributions[agent, command.run] for agent in sorted(join.answered)}
        done.outcomes[command.run] = conclude_first_look(join, counted, POLICY).outcome


def _commits(state: Any, decision: Decision[Any, Any]) -> bool:
    """A decision that changes nothing and asks for nothing leaves no trace."""
    return decision.state is not None and (decision.state != state or bool(decision.commands))
