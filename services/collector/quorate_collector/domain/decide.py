"""The collector's decisions: when a step is joined. Early conclusion by a quorum has its place in ``_joined``."""

from quorate.contract.facts import Assigned, CancelRequested, Contribution, TimerFired
from quorate.contract.subjects import run_of
from quorate.reducer import Decision, Record
from quorate_collector.domain.state import Close, CollectorCommand, CollectorState, Join

CollectorDecision = Decision[CollectorState, CollectorCommand]


def decide(state: CollectorState | None, record: Record) -> CollectorDecision:
    """Only an assignment opens a join, and only agents that it names can answer."""
    match record.fact:
        case Assigned() as assigned:
            return _open(state or CollectorState(), assigned, record.sequence)
        case Contribution():
            agent, run = record.key[0], record.key[1] if len(record.key) > 1 else ""
            return _answer(state, run, agent)
        case TimerFired() as timer:
            return _expire(state, run_of(timer.step, timer.attempt))
        case CancelRequested() if state is not None:
            return Decision(state.model_copy(update={"canceled": True}))
        case _:
            return Decision(state)


def _open(state: CollectorState, assigned: Assigned, position: int) -> CollectorDecision:
    run = run_of(assigned.step, assigned.attempt)
    if run in state.joins or state.canceled:
        return Decision(state)
    join = Join(
        kind=assigned.kind,
        step=assigned.step,
        attempt=assigned.attempt,
        agents=assigned.agents,
        position=position,
        series=assigned.series,
        head_sha=assigned.head_sha,
        follows=assigned.follows,
    )
    return _put(state, run, join, closing=not join.agents)


def _answer(state: CollectorState | None, run: str, agent: str) -> CollectorDecision:
    join = _current(state, run)
    if state is None or join is None or agent not in join.missing:
        return Decision(state)
    join = join.model_copy(update={"answered": (*join.answered, agent)})
    return _put(state, run, join, closing=_joined(join))


def _expire(state: CollectorState | None, run: str) -> CollectorDecision:
    join = _current(state, run)
    if state is None or join is None:
        return Decision(state)
    return _put(state, run, join, closing=True)


def _joined(join: Join) -> bool:
    return not join.missing


def _current(state: CollectorState | None, run: str) -> Join | None:
    """The run's join while it is open: what comes later, or for a task that nobody assigned, changes nothing."""
    if state is None or state.canceled:
        return None
    join = state.joins.get(run)
    return None if join is None or join.closed else join


def _put(state: CollectorState, run: str, join: Join, *, closing: bool) -> CollectorDecision:
    if closing:
        join = join.model_copy(update={"closed": True})
    state = state.model_copy(update={"joins": {**state.joins, run: join}})
    return Decision(state, (Close(run=run),) if closing else ())
