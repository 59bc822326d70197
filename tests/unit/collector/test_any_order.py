"""The collector under any order, repetition and delay of what it is told, and under any crash: one outcome, and the
same that an undisturbed one comes to."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic_core import from_json

from quorate.contract.facts import (
    Assigned,
    Assignee,
    CancelRequested,
    Contribution,
    Outcome,
    Question,
    TimerFired,
    Usage,
)
from quorate.contract.finding import Ballot, DecidedFinding, Finding
from quorate.contract.history import History, TrackRecord
from quorate.contract.ids import canonical_json, series_key, tenant_key
from quorate.contract.subjects import history as history_of
from quorate.contract.subjects import parse_fact, run_of
from quorate.contract.subjects import track_record as track_record_of
from quorate.settings import Settings
from quorate_collector.domain.commands import Command, apply
from quorate_collector.domain.conclude import Conclusion, Policy, conclude_first_look, decide_findings
from quorate_collector.domain.electorate import Readers
from quorate_collector.domain.following import Followed, follow
from quorate_collector.domain.history import record, redecide, settled
from quorate_collector.domain.looked import looked_at
from quorate_collector.domain.questions import PendingQuestion
from quorate_collector.domain.second_look import conclude_second_look
from quorate_collector.domain.state import Join
from quorate_collector.domain.track_record import settle
from tests.support.collector_machine import Broker, Replica, ref_of

TASK, SERIES, TENANT, HEAD = "t1", "nightly", "default", "c2"
REVIEW = "review"
REVIEWERS = ("a", "b", "c")
DISCUSSING = ("a", "b", "d")
VERIFIERS = ("v1", "v2")
SECOND_RUNS = ("verify-1", "verify-2", "discuss-1", "discuss-2")

POLICIES: dict[str, dict[str, Any]] = {
    "demote": {"critical": 2},
    "verify": {"critical": {"lineages": 2, "otherwise": "verify", "verifiers": list(VERIFIERS), "rounds": 2}},
    "discuss": {"critical": {"lineages": 2, "otherwise": "discuss", "rounds": 2}, "high": 2},
}

FILES = ("a.py", "b.py")


def found(message: str, **fields: Any) -> Finding:
    return Finding.model_validate({"path": "a.py", "line": 5, "message": message, "severity": "critical"} | fields)


LEAK = found("The password is written to the log")
INJECTION = found("The query is put together from text", path="b.py", line=9, cwe=89)
KNOWN = found("The name `helper` is not used", line=20, severity="high")
UNWANTED = found("A line is too long", line=30, severity="medium")
GONE = found("An assertion is left out", path="b.py", line=40, severity="high")


def read(*findings: Finding, **fields: Any) -> Contribution:
    return Contribution.model_validate({"findings": findings, "read": FILES, "version": "1"} | fields)


LARGE = read(LEAK, KNOWN, usage=Usage(cost_usd=0.3)).encode()
"""Lies in the object store, though it is not large."""

REPORTS: dict[str, bytes] = {
    "nothing": read().encode(),
    "the leak": read(LEAK, usage=Usage(cost_usd=0.1)).encode(),
    "it elsewhere": read(LEAK.model_copy(update={"line": 6}), KNOWN, usage=Usage(cost_usd=0.2)).encode(),
    "everything": read(LEAK, INJECTION, KNOWN, UNWANTED, changed=FILES).encode(),
    "an answer": read(INJECTION, answer={"score": 1}).encode(),
    "a failure": Contribution(state="failed", reason="out of memory").encode(),
    "another failure": Contribution(state="timeout", reason="too slow").encode(),
    "by reference": Contribution(body_ref=ref_of(LARGE)).encode(),
    "a lost one": Contribution(body_ref=ref_of(b"never stored")).encode(),
    "no contribution": b"{",
}
NO_QUORUM = Policy(quorum=Settings.model_validate({"quorum": POLICIES["demote"]}).quorum.of)
IDS = [finding.id for finding in decide_findings({"a": read(LEAK, INJECTION)}, NO_QUORUM)]


def ballots(*agrees: bool, **fields: Any) -> Contribution:
    cast = tuple(
        Ballot(finding=id, agrees=each, message=f"it is {each}") for id, each in zip(2 * IDS, agrees, strict=False)
    )
    return Contribution.model_validate({"ballots": cast, "version": "1"} | fields)


VOTES: dict[str, bytes] = {
    "agrees": ballots(True, True, usage=Usage(cost_usd=0.1)).encode(),
    "disagrees": ballots(False, False, usage=Usage(cost_usd=0.7)).encode(),
    "half": ballots(True, False).encode(),
    "contradicts itself": ballots(True, True, False, True).encode(),
    "of nothing": Contribution(ballots=(Ballot(finding="unheard of", agrees=True),)).encode(),
    "says nothing": Contribution(version="1").encode(),
    "failed": Contribution(state="failed", reason="no model").encode(),
}


def history_before() -> History:
    """Of an earlier review: one finding that is still there, one that is gone, and one that was dismissed."""
    reported = {"a": read(KNOWN), "b": read(UNWANTED), "c": read(GONE)}
    empty = History(series=SERIES)
    followed = follow(empty, decide_findings(reported, NO_QUORUM), looked_at(reported, reported), "c1")
    history = record(empty, followed.findings, followed.resolved, "t0", "c1", 0)
    [unwanted] = [issue for issue in history.issues if issue.message == UNWANTED.message]
    command = Command(name="dismiss", by="ada", task="command", finding=unwanted.id)
    return settled(history := apply(history, command)[0], history.unsettled)


HISTORY = history_before()


def assigned(run: str, agents: tuple[str, ...], follows: str | None = None) -> Assigned:
    return Assigned(
        kind="code-review",
        step=run,
        agents=tuple(Assignee(agent=agent, version="1") for agent in agents),
        deadline_s=60,
        series=SERIES,
        head_sha=HEAD,
        follows=follows,
    )


class World:
    """A task in the log of a broker, with everyone but the collector: agents, the router, timers."""

    def __init__(self, policy: str, *, max_findings_bytes: int = 100_000) -> None:
        self.policy = policy
        self.settings = Settings.model_validate(
            {"quorum": POLICIES[policy], "max_findings_bytes": max_findings_bytes, "tenant": TENANT}
        )
        self.broker = Broker()
        self.broker.put_object(LARGE)
        self.broker.store(history_of(series_key(TENANT, SERIES)), HISTORY.encode(), 0)
        self.broker.put_fact(TASK, REVIEW, assigned(REVIEW, REVIEWERS))

    def contribute(self, agent: str, run: str, body: bytes) -> None:
        self.broker.put_body(TASK, f"contribution.{agent}.{run}", body)

    def fire(self, run: str, attempt: int = 1) -> None:
        timer = TimerFired(name=run_of(run, attempt), step=run, attempt=attempt)
        self.broker.put_fact(TASK, timer.name, timer)

    def asks(self) -> tuple[str, Question] | None:
        """The run that has left a question open, and the question."""
        answered = {each.follows for each in self.assignments().values()}
        for run, outcome in self.outcomes().items():
            if outcome.question is not None and run not in answered:
                return run, outcome.question
        return None

    def route(self) -> None:
        """Do what the router does with a question."""
        if (asks := self.asks()) is not None:
            run, question = asks
            agents = question.agents if question.kind == "verify" else DISCUSSING
            following = f"{question.kind}-{question.round}"
            self.broker.put_fact(TASK, following, assigned(following, agents, follows=run))

    def assignments(self) -> dict[str, Assigned]:
        return {each.key[0]: each.fact for each in self.broker.records() if isinstance(each.fact, Assigned)}

    def outcomes(self) -> dict[str, Outcome]:
        return {each.key[0]: each.fact for each in self.broker.records() if isinstance(each.fact, Outcome)}

    def whole(self, outcome: Outcome) -> Outcome:
        """With all of its findings."""
        if outcome.findings_ref is None:
            return outcome
        findings = from_json(self.broker.objects[outcome.findings_ref.key])
        return Outcome.model_validate({**outcome.model_dump(), "findings": findings, "findings_ref": None})

    @property
    def history(self) -> History:
        stored = self.broker.last(history_of(series_key(TENANT, SERIES)))
        return History.model_validate_json(stored.data) if stored else History(series=SERIES)

    @property
    def track_record(self) -> TrackRecord:
        stored = self.broker.last(track_record_of(tenant_key(TENANT)))
        return TrackRecord.model_validate_json(stored.data) if stored else TrackRecord()

    def drain(self, *replicas: Replica) -> None:
        """Let them end what they have begun, and then one of them all that there is to do."""
        for replica in replicas:
            replica.finish()
        while replicas[0].take():
            replicas[0].finish()


class Oracle:
    """What must come of a log, from the contributions that count in it, and from nothing else."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._policy = Policy(quorum=world.settings.quorum.of)
        self.counted: dict[str, dict[str, Contribution]] = {}
        self.joins: dict[str, Join] = {}
        self._positions: dict[str, int] = {}
        self._count()
        self.outcomes: dict[str, Outcome] = {}
        self.history = HISTORY
        self._conclude()

    def _count(self) -> None:
        """Read the log from its beginning: an assignment opens a run; all answers, or its deadline, close it."""
        is_open: dict[str, tuple[Assigned, dict[str, Contribution]]] = {}
        closing: list[str] = []
        for each in self._world.broker.records():
            match each.fact:
                case CancelRequested():
                    return
                case Assigned() as fact:
                    is_open[each.key[0]] = (fact, {})
                    self._positions[each.key[0]] = each.sequence
                case Contribution() as fact if len(each.key) == 2 and each.key[1] in is_open:
                    asked, answers = is_open[each.key[1]]
                    if each.key[0] in {assignee.agent for assignee in asked.agents}:
                        answers[each.key[0]] = self._whole(fact)
                        if len(answers) == len(asked.agents):
                            closing = [each.key[1]]
                case TimerFired() as fact if run_of(fact.step, fact.attempt) in is_open:
                    closing = [run_of(fact.step, fact.attempt)]
                case _:
                    continue
            for run in closing:
                asked, answers = is_open.pop(run)
                self.counted[run] = dict(sorted(answers.items()))
                self.joins[run] = Join(
                    kind=asked.kind,
                    step=asked.step,
                    attempt=asked.attempt,
                    agents=asked.agents,
                    position=self._positions[run],
                    series=asked.series,
                    head_sha=asked.head_sha,
                    follows=asked.follows,
                    answered=tuple(sorted(answers)),
                    closed=True,
                )
            closing = []

    def _whole(self, contribution: Contribution) -> Contribution:
        if contribution.body_ref is None:
            return contribution
        if contribution.body_ref == ref_of(LARGE):
            return Contribution.model_validate_json(LARGE)
        reason = f"its report is lost: there is no object {contribution.body_ref.key}"
        return Contribution(state="failed", reason=reason)

    def _conclude(self) -> None:
        for run, join in self.joins.items():
            conclusion = self._conclusion(join, self.counted[run])
            outcome = conclusion.outcome
            self.outcomes[run] = outcome.model_copy(update={"question": _question(conclusion.question)})
            if outcome.state == "completed":
                self.history = self._recorded(join, outcome)

    def _recorded(self, join: Join, outcome: Outcome) -> History:
        if join.follows is not None:
            return redecide(self.history, outcome.findings)
        return record(self.history, outcome.findings, outcome.resolved, TASK, HEAD, join.position)

    def _conclusion(self, join: Join, contributions: Mapping[str, Contribution]) -> Conclusion:
        if join.follows is not None:
            readers = Readers(self.counted[REVIEW], {})
            return conclude_second_look(join, self.outcomes[join.follows], contributions, self._policy, readers)
        looked = looked_at(REVIEWERS, contributions)

        def follow_them(decided: tuple[DecidedFinding, ...]) -> Followed:
            return follow(HISTORY, decided, looked, HEAD)

        return conclude_first_look(join, contributions, self._policy, follow_them)


def _question(asks: PendingQuestion | None) -> Question | None:
    if asks is None:
        return None
    body = canonical_json([finding.model_dump(mode="json") for finding in asks.findings])
    ids = tuple(finding.id for finding in asks.findings)
    return Question(kind=asks.kind, findings=ids, agents=asks.agents, round=asks.round, ref=ref_of(body))


def check(world: World) -> None:
    """Everything that was told is what the oracle says, and so is what the series remembers of it."""
    oracle = Oracle(world)
    told = world.outcomes()
    assert {run: world.whole(outcome) for run, outcome in told.items()} == oracle.outcomes
    assert world.history == settled(oracle.history, oracle.history.unsettled)
    assert world.track_record == settle(TrackRecord(), oracle.history.unsettled)


def undisturbed(world: World) -> World:
    """The same log read by one collector, fact by fact."""
    calm = World(world.policy, max_findings_bytes=world.settings.max_findings_bytes)
    replica = Replica(calm.broker, calm.settings)
    for each in world.broker.log:
        address = parse_fact(each.subject)
        if address.type != Outcome.type:
            calm.broker.put_body(address.task, ".".join((address.type, *address.key)), each.data)
        calm.drain(replica)
    return calm


AGENTS = st.sampled_from((*REVIEWERS, "d", *VERIFIERS, "stranger"))
RUNS = st.sampled_from((REVIEW, f"{REVIEW}~2", "other", *SECOND_RUNS))
WHICH = st.integers(0, 1)


class AnyOrder(RuleBasedStateMachine):
    """Two collectors share the facts of a task, and either may stop, die or sleep at any place."""

    world: World
    replicas: list[Replica]

    @initialize(
        policy=st.sampled_from(sorted(POLICIES)),
        room=st.sampled_from((1_024, 100_000)),
        is_canceled=st.sampled_from((False, False, False, True)),
        is_asked=st.booleans(),
    )
    def begin(self, policy: str, room: int, is_canceled: bool, is_asked: bool) -> None:
        """With the first look, or when it has left a question."""
        self.world = World(policy, max_findings_bytes=room)
        self.replicas = [Replica(self.world.broker, self.world.settings) for _ in range(2)]
        self.is_canceled = is_canceled
        self.checked: dict[str, Outcome] = {}
        if is_asked:
            for agent in REVIEWERS:
                self.world.contribute(agent, REVIEW, REPORTS["everything" if agent == "a" else "nothing"])
            self.world.drain(self.replicas[0])
            self.world.route()

    @rule(data=st.data())
    def an_agent_that_was_asked_contributes(self, data: st.DataObject) -> None:
        """To the latest step or an earlier one: in time, late, or once more with something else."""
        steps = self.world.assignments()
        run = data.draw(st.sampled_from(list(steps)[::-1]))
        agent = data.draw(st.sampled_from([assignee.agent for assignee in steps[run].agents]))
        bodies = REPORTS if steps[run].follows is None else VOTES
        self.world.contribute(agent, run, bodies[data.draw(st.sampled_from(sorted(bodies)))])

    @rule(data=st.data(), in_time=st.booleans())
    def all_that_were_asked_contribute(self, data: st.DataObject, in_time: bool) -> None:
        """To the latest step, in any order; or not all of them, and the time is up."""
        run, asked = list(self.world.assignments().items())[-1]
        bodies = REPORTS if asked.follows is None else VOTES
        agents = data.draw(st.permutations([assignee.agent for assignee in asked.agents]))
        for agent in agents if in_time else agents[1:]:
            self.world.contribute(agent, run, bodies[data.draw(st.sampled_from(sorted(bodies)))])
        if not in_time:
            self.world.fire(run)

    @rule(agent=AGENTS, run=RUNS, body=st.sampled_from(sorted(REPORTS | VOTES)))
    def anybody_contributes_to_anything(self, agent: str, run: str, body: str) -> None:
        """Before its time, too: what stands in the place of a contribution then does not count, and stays there."""
        self.world.contribute(agent, run, (REPORTS | VOTES)[body])

    @rule(run=RUNS, attempt=st.sampled_from((1, 1, 2)))
    def a_timer_fires(self, run: str, attempt: int) -> None:
        self.world.fire(run, attempt)

    @precondition(lambda self: self.is_canceled)
    @rule()
    def somebody_cancels(self) -> None:
        self.world.broker.put_fact(TASK, "task", CancelRequested())

    @precondition(lambda self: self.world.asks())
    @rule()
    def the_router_asks_what_is_in_question(self) -> None:
        self.world.route()

    @rule(which=WHICH, steps=st.integers(1, 60))
    def a_collector_works(self, which: int, steps: int) -> None:
        """Takes a fact, or takes it over from the other when the broker believes that one dead, and goes on."""
        replica = self.replicas[which]
        if replica.is_busy or replica.take():
            for _ in range(steps):
                if replica.step() is None:
                    break

    @rule(which=WHICH)
    def a_collector_ends_all_work(self, which: int) -> None:
        self.replicas[which].finish()
        self.world.drain(self.replicas[which])

    @rule(which=WHICH)
    def a_collector_dies(self, which: int) -> None:
        self.replicas[which] = self.replicas[which].die()

    @rule(deliveries=st.integers(1, 3))
    def the_broker_crashes(self, deliveries: int) -> None:
        """It may not remember the last acks."""
        self.world.broker.forget(deliveries)
        for replica in self.replicas:
            replica.reconnect()

    @invariant()
    def what_was_told_is_right(self) -> None:
        told = self.world.outcomes()
        if told.keys() == self.checked.keys():
            return
        expected = Oracle(self.world).outcomes
        for run in told.keys() - self.checked.keys():
            self.checked[run] = self.world.whole(told[run])
            assert self.checked[run] == expected[run]

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.drain(*self.replicas)
        check(self.world)
        calm = undisturbed(self.world)
        assert calm.outcomes() == self.world.outcomes()
        assert calm.history == self.world.history


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=250,
    stateful_step_count=30,
    deadline=None,
    # To explain a failure takes minutes, and to shrink it seconds.
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


def story(order: int) -> Iterator[Callable[[World], object]]:
    """A review in which one agent is late, and the second looks that it asks for."""
    reports = [("a", "everything"), ("c", "nothing")][::order]
    votes = [("v1", "disagrees"), ("v2", "failed"), ("a", "agrees"), ("b", "disagrees"), ("d", "half")][::order]
    for agent, said in reports:
        yield partial(World.contribute, agent=agent, run=REVIEW, body=REPORTS[said])
    yield partial(World.fire, run=REVIEW)
    yield partial(World.contribute, agent="b", run=REVIEW, body=REPORTS["the leak"])
    for run in SECOND_RUNS:
        yield World.route
        for agent, said in votes:
            yield partial(World.contribute, agent=agent, run=run, body=VOTES[said])
        yield partial(World.fire, run=run)


def told(
    policy: str,
    order: int = 1,
    *,
    stop_at: int = 10**9,
    dies: bool = True,
    meanwhile: Callable[[World], object] | None = None,
) -> tuple[World, int]:
    """The world after the story, and how often a collector paused in it.

    At that pause the first collector dies, or sleeps until everything is over; then ``meanwhile`` happens, and another
    collector goes on.
    """
    world = World(policy)
    first = working = Replica(world.broker, world.settings)
    pauses = 0
    for tell in story(order):
        tell(world)
        while working.is_busy or working.take():
            pauses += working.step() is not None
            if pauses == stop_at and working is first and working.is_busy:
                working = working.die() if dies else Replica(world.broker, world.settings)
                if meanwhile is not None:
                    meanwhile(world)
    if not dies:
        first.finish()
    world.drain(working)
    return world, pauses


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_agents_may_answer_in_any_order(policy: str) -> None:
    world, _ = told(policy)
    check(world)
    other, _ = told(policy, -1)
    check(other)
    assert other.outcomes() == world.outcomes()
    assert other.history == world.history
    assert len(world.outcomes()) == {"demote": 1, "verify": 3, "discuss": 3}[policy]


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "sleeps until all is over"])
@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_collector_may_stop_wherever_it_waits_for_the_broker(policy: str, dies: bool) -> None:
    calm, pauses = told(policy)
    lost = 0
    assert pauses > 50
    for stop_at in range(1, pauses + 1):
        world, _ = told(policy, stop_at=stop_at, dies=dies)
        check(world)
        assert world.outcomes() == calm.outcomes()
        assert world.history == calm.history
        lost += world.broker.lost_commits
    # Whoever wakes up with a decision that another has made meanwhile does not get it committed.
    assert (lost > 5) is not dies


def undismiss(history: History) -> History:
    [unwanted] = [issue.id for issue in HISTORY.issues if issue.state == "dismissed"]
    after, _ = apply(history, Command(name="undismiss", by="ada", task="another", finding=unwanted))
    return settled(after, after.unsettled)


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "sleeps until all is over"])
def test_what_others_were_told_is_recorded_although_the_series_has_changed_meanwhile(dies: bool) -> None:
    """Whoever goes on would now come to another outcome than the one that may stand already."""

    def somebody_undismisses(world: World) -> None:
        subject = history_of(series_key(TENANT, SERIES))
        stored = world.broker.last(subject)
        assert stored is not None
        world.broker.store(subject, undismiss(world.history).encode(), stored.sequence)

    reasons = set()
    _, pauses = told("demote")
    for stop_at in range(1, pauses + 1):
        world, _ = told("demote", stop_at=stop_at, dies=dies, meanwhile=somebody_undismisses)
        [outcome] = world.outcomes().values()

        [position] = [each.sequence for each in world.broker.records() if isinstance(each.fact, Assigned)]

        def recorded(history: History, outcome: Outcome = outcome, position: int = position) -> History:
            after = record(history, outcome.findings, outcome.resolved, TASK, HEAD, position)
            return settled(after, after.unsettled)

        assert world.history in (recorded(undismiss(HISTORY)), undismiss(recorded(HISTORY)))
        reasons |= {each.decision for each in outcome.findings if each.message == UNWANTED.message}
    assert reasons == {"withheld", "confirmed"}
