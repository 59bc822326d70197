"""Router and collector together, by the runner's rules but without a broker: crashes and redeliveries at every place.

What a reducer sends twice must be the same twice: every place takes its first message, and another one for it would
mean that a decision was made anew.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.agents import AgentCard
from quorate.contract.facts import (
    Assigned,
    CancelRequested,
    Contribution,
    Fact,
    Failed,
    Outcome,
    Submitted,
    TimerFired,
)
from quorate.contract.finding import Finding
from quorate.contract.subjects import run_of
from quorate.reducer import Decision, Record
from quorate.settings import Quorum
from quorate_collector.domain.conclude import Policy, conclude_first_look
from quorate_collector.domain.decide import decide as collect
from quorate_router.domain.decide import decide as route
from quorate_router.domain.result import result_of
from quorate_router.domain.state import Dispatch

POLICY = Policy(quorum=Quorum().of)
AGENTS = ("a", "b")
CARDS = tuple(AgentCard(name=name, version="1", kinds=("code-review",)) for name in AGENTS)
SUBMITTED = Submitted(kind="code-review", input_digest="d", agents=CARDS)
CONTRIBUTIONS = {
    name: Contribution(version="1", findings=(Finding(path="x.py", line=1, message=f"found by {name}"),))
    for name in (*AGENTS, "stranger")
}
READS = {
    "router": ("submitted", "outcome", "cancel", "failed"),
    "collector": ("assigned", "contribution", "timer", "cancel"),
}
PLACES = ("decided", "committed", "published")


class System:
    """The log, the state of both reducers, and what they sent, all of it durable; a crash loses nothing else."""

    def __init__(self) -> None:
        self.log: list[Record] = []
        self.taken: dict[tuple[str, ...], object] = {}
        self.acked = {"router": 0, "collector": 0}
        self.entries: dict[str, tuple[int, Any, tuple[Any, ...]]] = {}

    def publish(self, *key: str, fact: Fact) -> None:
        """A fact by someone else: the first one of its place stands."""
        if (fact.type, *key) not in self.taken:
            self.taken[fact.type, *key] = fact
            self.log.append(Record("t1", fact.type, key, float(len(self.log)), len(self.log) + 1, fact))

    def send(self, *key: str, fact: Fact) -> None:
        """A fact by a reducer, which has only one thing to say in a place."""
        assert self.taken.get((fact.type, *key), fact) == fact
        self.publish(*key, fact=fact)

    def next(self, reducer: str) -> Record | None:
        return next((r for r in self.log if r.type in READS[reducer] and r.sequence > self.acked[reducer]), None)

    def deliver(self, reducer: str, crash: str | None = None) -> bool:
        """One fact through a reducer, as the runner does it; False when there was none."""
        record = self.next(reducer)
        if record is None:
            return False
        applied, state, outbox = self.entries.get(reducer, (0, None, ()))
        if record.sequence > applied:
            decision: Decision[Any, Any] = (
                route(state, record, {"": 60.0}) if reducer == "router" else collect(state, record)
            )
            if decision.state is None:
                self.acked[reducer] = record.sequence
                return True
            if crash == "decided":
                return True
            state, outbox = decision.state, decision.commands
            self.entries[reducer] = (record.sequence, state, outbox)
        if crash == "committed":
            return True
        for command in outbox:
            self.carry_out(command, state, record)
        if crash != "published":
            self.acked[reducer] = record.sequence
        return True

    def carry_out(self, command: Any, state: Any, record: Record) -> None:
        match command.do:
            case "dispatch":
                assert isinstance(command, Dispatch)
                [step] = state.steps
                run = run_of(command.step, step.attempt)
                self.send(
                    run,
                    fact=Assigned(
                        kind=state.kind, step=command.step, attempt=step.attempt, agents=step.agents, deadline_s=60
                    ),
                )
            case "conclude":
                outcome = record.fact if isinstance(record.fact, Outcome) else None
                result = result_of("t1", state, outcome, record.at)
                assert self.taken.setdefault(("result",), result) == result
            case "close":
                join = state.joins[command.run]
                counted = {name: self.taken["contribution", name, command.run] for name in sorted(join.answered)}
                self.send(command.run, fact=conclude_first_look(join, counted, POLICY).outcome)  # type: ignore[arg-type]

    def settle(self) -> None:
        while any([self.deliver("router"), self.deliver("collector")]):
            pass

    @property
    def result(self) -> Any:
        return self.taken.get(("result",))


def happen(system: System, event: tuple[str, ...]) -> None:
    # Work and timers are made after the assignment, so answers and deadlines come after it too.
    if event[0] in ("contribute", "timer") and ("assigned", "review") not in system.taken:
        return
    match event:
        case ("deliver", reducer, crash):
            system.deliver(reducer, crash)
        case ("contribute", agent):
            system.publish(agent, "review", fact=CONTRIBUTIONS[agent])
        case ("timer",):
            system.publish("review", fact=TimerFired(name="review", step="review"))
        case ("cancel",):
            system.publish("request", fact=CancelRequested())
        case ("fail",):
            system.publish("collector", fact=Failed(service="collector", subject="s", reason="r"))
        case ("submit",):
            system.publish("task", fact=SUBMITTED)


DELIVERIES = st.tuples(
    st.just("deliver"), st.sampled_from(["router", "collector"]), st.sampled_from([None, None, *PLACES])
)
ANSWERS = st.tuples(st.just("contribute"), st.sampled_from([*AGENTS, "stranger"]))
TROUBLES = st.sampled_from([("timer",), ("cancel",), ("fail",), ("submit",)])


@given(st.lists(DELIVERIES | ANSWERS | TROUBLES, max_size=40))
def test_a_task_ends_with_one_result_whatever_happens_in_whatever_order(events: list[tuple[str, ...]]) -> None:
    system = System()
    for event in [*events, ("submit",)]:
        happen(system, event)
    system.settle()
    # Its deadline passes in the end.
    happen(system, ("timer",))
    system.settle()
    assert system.result is not None
    for late in (("cancel",), ("contribute", "a"), ("contribute", "b"), ("fail",)):
        ended = system.result
        happen(system, late)
        system.settle()
        assert system.result == ended


@given(st.lists(DELIVERIES | ANSWERS, max_size=40), st.permutations(AGENTS))
def test_crashes_duplicates_and_the_order_of_answers_do_not_change_the_outcome(
    events: list[tuple[str, ...]], order: list[str]
) -> None:
    calm, wild = System(), System()
    for system in (calm, wild):
        happen(system, ("submit",))
    calm.settle()
    wild.deliver("router", "published")
    for event in events:
        happen(wild, event)
    for agent in order:
        happen(wild, ("contribute", agent))
    for agent in AGENTS:
        happen(calm, ("contribute", agent))
    calm.settle()
    wild.settle()

    assert wild.taken["outcome", "review"] == calm.taken["outcome", "review"]
    assert wild.result.findings == calm.result.findings
    assert (wild.result.state, wild.result.partial, len(wild.result.findings)) == ("completed", False, 2)


@given(st.sampled_from(["router", "collector"]), st.sampled_from(PLACES), st.integers(1, 5))
def test_a_crash_at_any_place_is_made_good_by_the_next_delivery(reducer: str, place: str, times: int) -> None:
    system = System()
    for event in (("submit",), ("contribute", "a"), ("contribute", "b"), ("nothing",)):
        happen(system, event)
        while system.next("router") is not None or system.next("collector") is not None:
            for _ in range(times):
                system.deliver(reducer, place)
            system.settle()
    assert system.result.state == "completed"
    assert not system.result.partial
