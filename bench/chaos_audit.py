"""The audit of a chaos run: what must hold between the streams, whatever happened to the processes. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.chaos_evidence import Evidence, Kept, Run
from bench.chaos_plan import Order
from bench.chaos_replay import Replay, replay
from quorate.contract.facts import Assigned, Concluded, Contribution, Failed, Outcome, Planned, TimerFired
from quorate.contract.ids import canonical_json, digest
from quorate.contract.result import Result
from quorate.contract.subjects import parse_fact, run_of
from quorate.reducer import Record, read_record

LATE_S = 45.0
"""So much after its deadline a task must have ended, chaos included."""

REASON = "was submitted before with another input"


class Violation(NamedTuple):
    """A broken invariant: the ``rule`` by name, the ``task`` where there is one, and what was found."""

    rule: str
    task: str
    found: str


@dataclass
class Verdict:
    """What the audit found. Times are in seconds; ``states`` counts final states, ``chaos_share`` is the share of
    tasks that ended while blows were dealt."""

    violations: list[Violation] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    partial: int = 0
    completed_share: float = 0.0
    chaos_share: float = 0.0
    took_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    runs: int = 0
    runs_wanted: int = 0
    runs_unfinished: int = 0
    facts: int = 0
    heard: int = 0
    heard_again: int = 0
    late_contributions: int = 0

    @property
    def run_twice(self) -> float:
        """The share of assignments that were begun more than once."""
        return 1 - self.runs_wanted / self.runs if self.runs else 0.0


@dataclass
class _Task:
    """Everything in the streams about one task."""

    id: str
    order: Order
    records: list[Record]
    results: list[Kept]
    states: dict[str, Kept]
    runs: list[Run]


def audit(
    orders: Iterable[Order],
    evidence: Evidence,
    heard: Mapping[str, list[bytes]],
    runs: Iterable[Run],
    chaos: tuple[float, float],
) -> Verdict:
    """``chaos`` is when the first and the last blow fell, in seconds since the epoch."""
    verdict = Verdict(facts=len(evidence.facts))
    known = {order.task: order for order in orders}
    report = verdict.violations
    tasks = {task: _Task(task, order, records=[], results=[], states={}, runs=[]) for task, order in known.items()}
    report += _sort_facts(evidence.facts, tasks)
    report += _sort_results(evidence.results, tasks)
    report += _sort_states(evidence.states, tasks)
    for run in runs:
        if run.task in tasks:
            tasks[run.task].runs.append(run)
        else:
            report.append(Violation("phantom run", run.task, f"{run.agent} ran for a task nobody submitted"))
    for task in tasks.values():
        report += _check_order(task)
        report += _check_plan(task)
        report += _check_ending(task)
        report += _check_replay(task, replay(task.id, task.records))
        _measure(verdict, task, chaos)
    report += _check_heard(verdict, heard, tasks)
    report += _check_dead(evidence.dead, tasks)
    report += [
        Violation("not drained", "", f"{count} messages in {name}") for name, count in evidence.queues.items() if count
    ]
    report += [
        Violation("not drained", "", f"{name} is {count} facts behind") for name, count in evidence.lagging.items()
    ]
    _summarise(verdict, tasks)
    return verdict


def _sort_facts(facts: Iterable[Kept], tasks: dict[str, _Task]) -> Iterator[Violation]:
    partitions: dict[str, set[int]] = defaultdict(set)
    seen: Counter[str] = Counter(fact.subject for fact in facts)
    for subject, count in seen.items():
        if count > 1:
            yield Violation("fact twice", "", f"{subject} is in the log {count} times")
    for fact in facts:
        try:
            address = parse_fact(fact.subject)
            record = read_record(fact.subject, fact.data, fact.sequence, fact.at_ns / 1e9)
        except ValueError as error:
            yield Violation("phantom fact", "", f"{fact.subject}: {error}")
            continue
        if address.task not in tasks:
            yield Violation("phantom fact", address.task, f"{fact.subject} is of a task nobody submitted")
            continue
        partitions[address.task].add(address.partition)
        tasks[address.task].records.append(record)
    for id, found in partitions.items():
        if len(found) > 1:
            yield Violation("two partitions", id, f"facts lie in the partitions {sorted(found)}")


def _sort_results(results: Iterable[Kept], tasks: dict[str, _Task]) -> Iterator[Violation]:
    for result in results:
        id = result.subject.rpartition(".")[2]
        if id in tasks:
            tasks[id].results.append(result)
        else:
            yield Violation("phantom result", id, f"{result.subject} is of a task nobody submitted")


def _sort_states(states: Iterable[Kept], tasks: dict[str, _Task]) -> Iterator[Violation]:
    for state in states:
        reducer, id = state.subject.split(".")[2:4]
        if id in tasks:
            tasks[id].states[reducer] = state
        else:
            yield Violation("phantom state", id, f"{reducer} keeps a state for a task nobody submitted")


def _first(task: _Task, type: str) -> Record | None:
    return next((record for record in task.records if record.type == type), None)


def _check_order(task: _Task) -> Iterator[Violation]:
    """Nothing stands in the log before what it follows from."""
    submitted = _first(task, "submitted")
    assigned = {run_of(r.fact.step, r.fact.attempt): r for r in task.records if isinstance(r.fact, Assigned)}
    for record in task.records:
        where = f"{'.'.join((record.type, *record.key))} at {record.sequence}"
        if submitted is None or record.sequence < submitted.sequence:
            yield Violation("before submitted", task.id, where)
        match record.fact:
            case Contribution():
                run = record.key[-1]
            case Outcome() as outcome:
                run = run_of(outcome.step, outcome.attempt)
            case TimerFired() as timer:
                run = run_of(timer.step, timer.attempt)
            case Failed() as failed:
                yield Violation("failed fact", task.id, f"{failed.service}: {failed.reason}")
                continue
            case _:
                continue
        if run not in assigned or assigned[run].sequence > record.sequence:
            # A timer that comes before its step has no effect, and is set only once: the deadline is lost.
            yield Violation("before assigned", task.id, where)


def _check_plan(task: _Task) -> Iterator[Violation]:
    """Whoever was asked, contributed or ran stands in the plan."""
    plans = [record.fact for record in task.records if isinstance(record.fact, Planned)]
    planned = {(step.name, agent) for plan in plans for step in plan.steps for agent in step.agents}
    asked = set()
    for record in task.records:
        if isinstance(record.fact, Assigned):
            run = run_of(record.fact.step, record.fact.attempt)
            for assignee in record.fact.agents:
                asked.add((assignee.agent, run))
                if (record.fact.step, assignee.agent) not in planned:
                    yield Violation("unplanned", task.id, f"{assignee.agent} was assigned {run}")
    for record in task.records:
        if isinstance(record.fact, Contribution) and record.key not in asked:
            yield Violation("unassigned", task.id, f"{record.key} contributed")
    for run_ in task.runs:
        if (run_.agent, run_.step) not in asked:
            yield Violation("unassigned", task.id, f"{run_.agent} ran for {run_.step} in {run_.pid}")


def _check_ending(task: _Task) -> Iterator[Violation]:
    """One result, one concluded fact, and both say the same."""
    concluded = [record.fact for record in task.records if isinstance(record.fact, Concluded)]
    last = ", ".join(f"{record.type}.{'.'.join(record.key)}" for record in task.records) or "no fact"
    if len(task.results) != 1:
        yield Violation("lost" if not task.results else "two results", task.id, f"the log has: {last}")
    if len(concluded) != 1:
        yield Violation(
            "lost" if not concluded else "concluded twice",
            task.id,
            f"{len(concluded)} concluded facts; the log has: {last}",
        )
    if len(task.results) != 1 or len(concluded) != 1:
        return
    kept, end = task.results[0], concluded[0]
    result = Result.model_validate_json(kept.data)
    if (result.state, result.reason, result.kind) != (end.state, end.reason, end.kind):
        yield Violation("two endings", task.id, f"result {result.state}, log {end.state}")
    if (result.task_id, result.idempotency_key) != (task.id, task.order.key):
        yield Violation("wrong result", task.id, f"it names {result.task_id} {result.idempotency_key}")
    if result.state == "rejected":
        # Every order can be a task, and its agents were there all the time.
        yield Violation("rejected", task.id, result.reason or "without a reason")
    if kept.headers.get("ce-id") != task.id:
        yield Violation("wrong result", task.id, f"its ce-id is {kept.headers.get('ce-id')}")


def _check_replay(task: _Task, wanted: Replay) -> Iterator[Violation]:
    """Outcomes, result and states are those that the pure functions give for this log."""
    outcomes = {
        run_of(record.fact.step, record.fact.attempt): record.fact
        for record in task.records
        if isinstance(record.fact, Outcome)
    }
    for run in outcomes.keys() | wanted.outcomes.keys():
        if outcomes.get(run) != wanted.outcomes.get(run):
            found, expected = _brief(outcomes.get(run)), _brief(wanted.outcomes.get(run))
            yield Violation("wrong outcome", task.id, f"{run}: found {found}, the log gives {expected}")
    if wanted.result is not None and task.results and task.results[0].data != wanted.result.encode():
        found = task.results[0].data[:2_000].decode(errors="replace")
        yield Violation(
            "wrong result", task.id, f"found {found}, the log gives {wanted.result.encode().decode()[:2_000]}"
        )
    for reducer, state, applied in (
        ("router", wanted.router, wanted.router_applied),
        ("collector", wanted.collector, wanted.collector_applied),
    ):
        kept = task.states.get(reducer)
        if (kept is None) != (state is None):
            yield Violation("wrong state", task.id, f"{reducer}: found {kept}, the log gives {state}")
        elif kept is not None and state is not None:
            entry = json.loads(kept.data)
            found_state = type(state).model_validate(entry["state"])
            if found_state != state or entry["applied"] != applied:
                yield Violation(
                    "wrong state",
                    task.id,
                    f"{reducer} at {entry['applied']}: {found_state}; the log gives at {applied}: {state}",
                )


def _brief(outcome: Outcome | None) -> str:
    if outcome is None:
        return "none"
    return outcome.model_dump_json(exclude_none=True)[:1_500]


def _check_heard(verdict: Verdict, heard: Mapping[str, list[bytes]], tasks: dict[str, _Task]) -> Iterator[Violation]:
    """Whatever a subscriber heard, however often, is what is kept, byte for byte, times included."""
    for subject, bodies in heard.items():
        verdict.heard += 1
        verdict.heard_again += len(bodies) - 1
        id = subject.rpartition(".")[2]
        if id not in tasks:
            yield Violation("phantom result", id, f"{subject} was heard")
            continue
        kept = {result.data for result in tasks[id].results}
        for body in set(bodies) - kept:
            yield Violation("heard another", id, f"heard {body[:1_500]!r}, kept {[k[:1_500] for k in kept]}")


def _check_dead(dead: Iterable[Kept], tasks: dict[str, _Task]) -> Iterator[Violation]:
    """One dead letter for each key that came with another input, and no other."""
    buried: Counter[str] = Counter()
    for letter in dead:
        reason = letter.headers.get("Quorate-Reason", "")
        id = reason.partition(" ")[0]
        task = tasks.get(id)
        if task is None or REASON not in reason or task.order.again != "other":
            yield Violation("dead letter", id, f"{letter.subject}: {reason[:300]}")
            continue
        buried[id] += 1
        submitted = _first(task, "submitted")
        given = json.loads(letter.data)["input"]
        both = {digest(canonical_json(each)) for each in (task.order.input, task.order.other_input)}
        stands = getattr(submitted.fact, "input_digest", "") if submitted else ""
        if {stands, digest(canonical_json(given))} != both:
            yield Violation("dead letter", id, "the buried input is not the one that came second")
    for task in tasks.values():
        if task.order.again == "other" and buried[task.id] != 1:
            yield Violation("dead letter", task.id, f"{buried[task.id]} for a key that came with two inputs")


def _measure(verdict: Verdict, task: _Task, chaos: tuple[float, float]) -> None:
    verdict.runs += len(task.runs)
    verdict.runs_wanted += len({(run.agent, run.step) for run in task.runs})
    verdict.runs_unfinished += sum(not run.ended for run in task.runs)
    submitted, concluded = _first(task, "submitted"), _first(task, "concluded")
    if submitted is None or concluded is None or not isinstance(concluded.fact, Concluded):
        return
    verdict.states[concluded.fact.state] += 1
    verdict.chaos_share += chaos[0] <= concluded.at <= chaos[1]
    verdict.took_s.append(concluded.at - submitted.at)
    outcome = _first(task, "outcome")
    if outcome is not None and isinstance(outcome.fact, Outcome):
        verdict.partial += outcome.fact.partial and concluded.fact.state == "completed"
        verdict.late_contributions += sum(
            record.type == "contribution" and record.sequence > outcome.sequence for record in task.records
        )
    if task.order.deadline_s is not None and concluded.fact.state != "canceled":
        late_s = concluded.at - submitted.at - task.order.deadline_s
        verdict.late_s.append(late_s)
        if late_s > LATE_S:
            verdict.violations.append(Violation("late", task.id, f"{late_s:.1f} s after its deadline"))


def _summarise(verdict: Verdict, tasks: dict[str, _Task]) -> None:
    wanted = len(tasks) - verdict.states["canceled"]
    verdict.completed_share = verdict.states["completed"] / wanted if wanted else 0.0
    verdict.chaos_share = verdict.chaos_share / len(tasks) if tasks else 0.0
