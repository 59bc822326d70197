"""A small chaos run, and proof that its audit would notice: the same evidence, tampered with, does not pass."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.chaos import Case, judge, reopen, run_chaos
from bench.chaos_evidence import Evidence, Kept, Run
from bench.chaos_fleet import ROOT

SIZE = {"seed": 7, "tasks": 48, "kills": 12, "broker_kills": 1, "pace": 1.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture(scope="module")
def case(folder: Path) -> Case:
    """One run for all tests of this module."""
    return run_chaos(folder, SIZE, 60)


def test_nothing_is_lost_or_done_twice_while_processes_and_the_broker_are_killed(case: Case) -> None:
    report = judge(case)
    assert report.passed, report.text()
    assert case.happened.deeds.blows == SIZE["kills"]
    assert case.happened.broker_kills == 1


def test_the_same_folder_can_be_audited_again(case: Case, folder: Path) -> None:
    assert judge(reopen(folder)).verdict.violations == judge(case).verdict.violations == []


def _edit(kept: Kept, **fields: Any) -> Kept:
    return kept._replace(data=json.dumps({**json.loads(kept.data), **fields}).encode())


def _without(kept: tuple[Kept, ...], part: str) -> tuple[Kept, ...]:
    """All but the first whose subject has the part."""
    gone = next(each for each in kept if part in each.subject)
    return tuple(each for each in kept if each is not gone)


def _with(kept: tuple[Kept, ...], part: str, change: Callable[[Kept], Kept]) -> tuple[Kept, ...]:
    """The first whose subject has the part is another one."""
    found = next(each for each in kept if part in each.subject)
    return tuple(change(each) if each is found else each for each in kept)


def _more(kept: tuple[Kept, ...], part: str, change: Callable[[Kept], Kept]) -> tuple[Kept, ...]:
    """One more, made of the first whose subject has the part, as if it had come last."""
    found = next(each for each in kept if part in each.subject)
    return (*kept, change(found)._replace(sequence=max(each.sequence for each in kept) + 1))


def _elsewhere(kept: Kept) -> Kept:
    """The same for a task that nobody submitted."""
    tokens = kept.subject.split(".")
    at = next(place for place, token in enumerate(tokens) if token.startswith("t") and len(token) == 33)
    tokens[at] = "t" + 32 * "0"
    return kept._replace(subject=".".join(tokens))


def _of_another_agent(kept: Kept) -> Kept:
    head, _, step = kept.subject.rpartition(".")
    return kept._replace(subject=f"{head.rpartition('.')[0]}.chaos-stranger.{step}")


def _first_last(kept: tuple[Kept, ...], part: str) -> tuple[Kept, ...]:
    """As if what the part names had come after all else."""
    found = next(each for each in kept if part in each.subject)
    rest = tuple(each for each in kept if each is not found)
    return (*rest, found._replace(sequence=rest[-1].sequence + 1))


TAMPERED: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a result is missing": ("lost", lambda e: replace(e, results=e.results[1:])),
    "a task has two results": (
        "two results",
        lambda e: replace(e, results=_more(e.results, "results", lambda k: k)),
    ),
    "a result says another state": (
        "two endings",
        lambda e: replace(e, results=_with(e.results, "results", lambda k: _edit(k, state="rejected"))),
    ),
    "a result was changed": (
        "wrong result",
        lambda e: replace(e, results=_with(e.results, "results", lambda k: _edit(k, summary="all is well"))),
    ),
    "a result is of nobody's task": (
        "phantom result",
        lambda e: replace(e, results=_more(e.results, "results", _elsewhere)),
    ),
    "a conclusion is missing": ("lost", lambda e: replace(e, facts=_without(e.facts, ".concluded."))),
    "a task concluded twice": (
        "concluded twice",
        lambda e: replace(e, facts=_more(e.facts, ".concluded.", lambda k: k._replace(subject=k.subject + "-again"))),
    ),
    "a fact is there twice": ("fact twice", lambda e: replace(e, facts=_more(e.facts, ".outcome.", lambda k: k))),
    "a fact is of nobody's task": (
        "phantom fact",
        lambda e: replace(e, facts=_more(e.facts, ".contribution.", _elsewhere)),
    ),
    "a stranger contributed": (
        "unassigned",
        lambda e: replace(e, facts=_more(e.facts, ".contribution.", _of_another_agent)),
    ),
    "an agent was assigned that is not in the plan": (
        "unplanned",
        lambda e: replace(
            e,
            facts=_with(
                e.facts, ".assigned.", lambda k: _edit(k, agents=[{"agent": "chaos-stranger", "version": "1"}])
            ),
        ),
    ),
    "a contribution that counted is not in the log": (
        "wrong outcome",
        lambda e: replace(e, facts=_without(e.facts, ".contribution.chaos-echo.")),
    ),
    "an outcome was changed": (
        "wrong outcome",
        lambda e: replace(e, facts=_with(e.facts, ".outcome.", lambda k: _edit(k, summary="all is well"))),
    ),
    "a step was assigned after its end": (
        "before assigned",
        lambda e: replace(e, facts=_first_last(e.facts, ".assigned.")),
    ),
    "a task failed over a fact": (
        "failed fact",
        lambda e: replace(
            e,
            facts=_more(
                e.facts,
                ".concluded.",
                lambda k: k._replace(
                    subject=k.subject.replace(".concluded.task", ".failed.router"),
                    data=b'{"service": "router", "subject": "x", "reason": "poison"}',
                ),
            ),
        ),
    ),
    "a state is behind": (
        "wrong state",
        lambda e: replace(e, states=_with(e.states, ".router.", lambda k: _edit(k, applied=1))),
    ),
    "a state is of nobody's task": (
        "phantom state",
        lambda e: replace(e, states=_more(e.states, ".collector.", _elsewhere)),
    ),
    "a dead letter is missing": ("dead letter", lambda e: replace(e, dead=e.dead[1:])),
    "a dead letter has another reason": (
        "dead letter",
        lambda e: replace(e, dead=(*e.dead, e.dead[0]._replace(headers={"Quorate-Reason": "poison"}))),
    ),
    "work is left over": ("not drained", lambda e: replace(e, queues={**e.queues, "QUORATE_WORK": 1})),
    "a reducer is behind": ("not drained", lambda e: replace(e, lagging={"router-0": 3})),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_audit_notices_when(what: str, case: Case) -> None:
    rule, tamper = TAMPERED[what]
    report = judge(replace(case, evidence=tamper(case.evidence)))
    assert rule in {violation.rule for violation in report.verdict.violations}
    assert not report.passed


def test_the_audit_notices_a_result_that_was_heard_with_another_content(case: Case) -> None:
    subject, bodies = next(iter(case.heard.items()))
    report = judge(replace(case, heard={**case.heard, subject: [*bodies, bodies[0].replace(b"chaos", b"choas")]}))
    assert [violation.rule for violation in report.verdict.violations] == ["heard another"]


def test_the_audit_notices_a_run_that_nobody_had_assigned(case: Case) -> None:
    task = case.plan.orders[0].task
    runs = (*case.runs, Run(task, "chaos-stranger", "work", "r", 1, True), Run("t", "chaos-echo", "work", "s", 1, True))
    rules = [violation.rule for violation in judge(replace(case, runs=runs)).verdict.violations]
    assert rules == ["phantom run", "unassigned"]


def test_a_run_in_which_nothing_was_killed_or_nothing_finished_does_not_pass(case: Case) -> None:
    quiet = replace(case, happened=replace(case.happened, broker_kills=0))
    after = replace(case, happened=replace(case.happened, chaos=(0.0, 1.0)))
    assert not judge(quiet).passed
    assert not judge(after).passed


def test_an_interrupted_run_ends_every_process(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "bench.chaos", "--tasks", "400", "--kills", "20", "--data", str(folder)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert run.stdout is not None
        # The first line of progress: services, broker, load and blows are all underway.
        assert "submitted" in run.stdout.readline()
        of_the_run = _children(run.pid)
        run.send_signal(signal.SIGINT)
        rest = run.stdout.read()
        assert run.wait(30) == 130, rest
        assert "interrupted" in rest
        assert len(of_the_run) > 5
        deadline = time.monotonic() + 5
        while (left := [pid for pid in of_the_run if _lives(pid)]) and time.monotonic() < deadline:
            os.sched_yield()
        assert left == []
    finally:
        run.kill()
        run.wait(5)
        if run.stdout is not None:
            run.stdout.close()


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
