"""A small chaos run of pull requests, and proof that its audit would notice: tampered evidence does not pass."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.chaos_evidence import Kept
from bench.chaos_fleet import ROOT
from bench.chaos_github import Case, judge, reopen, run_chaos
from bench.chaos_github_evidence import GitHubSide, Traces
from bench.chaos_github_load import Pull
from bench.chaos_github_plan import LOGIN
from bench.chaos_github_view import View, issue_of
from bench.chaos_github_words import bad, odd, word_of
from quorate.contract.ids import series_key

SIZE = {"seed": 7, "pulls": 9, "kills": 6, "broker_kills": 1, "ambiguous": 0.15, "pace": 2.0}
PAUSE_S = 0.5
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture(scope="module")
def case(folder: Path) -> Case:
    """One run for all tests of this module."""
    return run_chaos(folder, SIZE, PAUSE_S, TIMEOUT_S)


def test_each_push_has_one_review_while_processes_die_and_answers_of_github_are_lost(case: Case) -> None:
    report = judge(case)
    assert report.passed, report.text()
    assert case.happened.deeds.blows == SIZE["kills"]
    assert report.ambiguous >= 1


def test_the_same_folder_can_be_audited_again(case: Case, folder: Path) -> None:
    again = judge(reopen(folder)).as_json()
    assert again == judge(case).as_json()


Tamper = Callable[[Traces], Traces]


def _reviewed(github: GitHubSide) -> Pull:
    """A pull request that is open, of one push, with two comments on lines at least."""
    for pull in github.pulls:
        view = View(github.seen[pull.series])
        if not pull.closed and len(pull.heads) == 1 and len(view.issues) > 1:
            return pull
    raise AssertionError("no pull request of this run is reviewed with two comments: choose another seed")


def _followed(github: GitHubSide) -> Pull:
    """A pull request with a thread that is resolved, and one that is not."""
    for pull in github.pulls:
        states = {thread["isResolved"] for thread, _ in View(github.seen[pull.series]).threads()}
        if states == {True, False} and not pull.closed:
            return pull
    raise AssertionError("no pull request of this run was followed over a push: choose another seed")


def _oddly(github: GitHubSide) -> Pull:
    """A pull request with a finding that only the body of a review tells."""
    return next(pull for pull in github.pulls if not pull.closed and odd(pull.heads[-1].tree))


def _task(pull: Pull) -> str:
    return pull.review(pull.heads[-1].sha)


def _posted(seen: Any) -> dict[str, Any]:
    """The first review of ours, to be changed."""
    found: dict[str, Any] = next(review for review in seen.reviews if review["user"]["login"] == LOGIN)
    return found


def on_github(which: Callable[[GitHubSide], Pull], change: Callable[[Any, Pull], None]) -> Tamper:
    """What GitHub shows of a pull request is another."""

    def tamper(traces: Traces) -> Traces:
        pull = which(traces.github)
        seen = deepcopy(traces.github.seen)
        change(seen[pull.series], pull)
        return replace(traces, github=replace(traces.github, seen=seen))

    return tamper


def _post_again(seen: Any, _: Pull) -> None:
    seen.reviews.append(_posted(seen))


def _leave_a_draft(seen: Any, _: Pull) -> None:
    seen.reviews.append(_posted(seen) | {"state": "PENDING", "comments": []})


def _post_for_another_commit(seen: Any, _: Pull) -> None:
    _posted(seen)["commit_id"] = "0" * 40


def _lose_the_mark(seen: Any, _: Pull) -> None:
    _posted(seen)["body"] = "a review"


def _post_under_another_mark(seen: Any, _: Pull) -> None:
    review = _posted(seen)
    mark = review["body"][review["body"].rindex("<!--") :]
    seen.reviews.append(review | {"body": review["body"].replace(mark, f"<!-- quorate:review {'0' * 64} -->")})


def _comment_again(seen: Any, _: Pull) -> None:
    comments = _posted(seen)["comments"]
    comments.append(comments[0])


def _drop_a_comment(seen: Any, _: Pull) -> None:
    _posted(seen)["comments"].pop()


def _move_a_comment_into_the_body(seen: Any, _: Pull) -> None:
    review = _posted(seen)
    comment = review["comments"].pop()
    review["body"] = f"{comment['body']} `{issue_of(comment)}`\n\n{review['body']}"


def _drop_the_words_of_the_body(seen: Any, _: Pull) -> None:
    for review in seen.reviews:
        review["body"] = review["body"].replace("odd: ", "") if review["body"] else ""


def _turn_threads(resolved: bool) -> Callable[[Any, Pull], None]:
    def turn(seen: Any, _: Pull) -> None:
        for thread in seen.threads:
            thread["isResolved"] = resolved

    return turn


def _answer_again(seen: Any, _: Pull) -> None:
    mark = f"<!-- quorate:reply {'0' * 64} -->"
    seen.comments.extend({"user": {"login": LOGIN}, "body": f"Done.\n\n{mark}"} for _ in range(2))


def in_streams(change: Callable[[Traces, Pull], dict[str, Any]]) -> Tamper:
    """Of the streams these fields are others."""

    def tamper(traces: Traces) -> Traces:
        return replace(traces, streams=replace(traces.streams, **change(traces, _reviewed(traces.github))))

    return tamper


def _without(kept: tuple[Kept, ...], *parts: str) -> tuple[Kept, ...]:
    left = tuple(each for each in kept if not all(part in each.subject for part in parts))
    assert len(left) == len(kept) - 1
    return left


def _edited(kept: tuple[Kept, ...], *parts: str, **fields: Any) -> tuple[Kept, ...]:
    def edit(each: Kept) -> Kept:
        return each._replace(data=json.dumps({**json.loads(each.data), **fields}).encode())

    assert any(all(part in each.subject for part in parts) for each in kept)
    return tuple(edit(each) if all(part in each.subject for part in parts) else each for each in kept)


def _again(kept: tuple[Kept, ...], *parts: str, task: str | None = None) -> tuple[Kept, ...]:
    """One more, the same or of another task."""
    found = next(each for each in kept if all(part in each.subject for part in parts))
    tokens = [task if task and token == parts[0] else token for token in found.subject.split(".")]
    return (*kept, found._replace(subject=".".join(tokens)))


def _canceled(traces: Traces) -> Traces:
    """As if the task of a review that was posted had been canceled."""
    task = _task(_reviewed(traces.github))
    streams = traces.streams
    return replace(
        traces,
        streams=replace(
            streams,
            facts=_edited(streams.facts, task, ".concluded.", state="canceled"),
            results=_edited(streams.results, task, state="canceled"),
        ),
    )


def in_ledger(**fields: Any) -> Tamper:
    """The ledger's entry of a pull request has these fields instead."""

    def tamper(traces: Traces) -> Traces:
        pull = _reviewed(traces.github)
        told = {name: value(_task(pull)) if callable(value) else value for name, value in fields.items()}
        return replace(traces, ledger=_edited(traces.ledger, series_key("default", pull.series), **told))

    return tamper


def of_webhooks(**fields: Any) -> Tamper:
    """The webhook that opened a pull request came to something else."""

    def tamper(traces: Traces) -> Traces:
        first, *rest = traces.github.webhooks
        return replace(traces, github=replace(traces.github, webhooks=(replace(first, **fields), *rest)))

    return tamper


def _unmark(traces: Traces) -> Traces:
    gone = {_reviewed(traces.github).heads[-1].sha}
    return replace(traces, github=replace(traces.github, marked=traces.github.marked - gone))


def _resolve_what_is_there(traces: Traces) -> Traces:
    pull = _reviewed(traces.github)
    comment = View(traces.github.seen[pull.series]).inline[0]
    gone = {
        "issue": issue_of(comment),
        "path": comment["path"],
        "severity": "high",
        "category": "bug",
        "message": f"bad: `{word_of(comment['body'])}`",
        "reason": "gone",
    }
    results = _edited(traces.streams.results, _task(pull), resolved=[gone])
    return replace(traces, streams=replace(traces.streams, results=results))


def _find_less(traces: Traces) -> Traces:
    """As if the services had found nothing, and GitHub showed nothing: the files still say what is bad."""
    pull = _reviewed(traces.github)
    assert bad(pull.heads[-1].tree)
    results = _edited(traces.streams.results, _task(pull), findings=[])
    seen = deepcopy(traces.github.seen)
    _posted(seen[pull.series])["comments"].clear()
    return replace(traces, streams=replace(traces.streams, results=results), github=replace(traces.github, seen=seen))


NOBODY = "t" + 32 * "0"

TAMPERED: dict[str, tuple[str, Tamper]] = {
    "a review is there twice": ("duplicate review", on_github(_reviewed, _post_again)),
    "a commit has two reviews": ("duplicate review", on_github(_reviewed, _post_under_another_mark)),
    "a draft is left": ("pending review", on_github(_reviewed, _leave_a_draft)),
    "a review is on a commit that nobody pushed": ("stray review", on_github(_reviewed, _post_for_another_commit)),
    "a review has no mark": ("stray review", on_github(_reviewed, _lose_the_mark)),
    "a finding has two comments": ("duplicate comment", on_github(_reviewed, _comment_again)),
    "an answer is there twice": ("duplicate reply", on_github(_reviewed, _answer_again)),
    "a comment is missing": ("lost finding", on_github(_reviewed, _drop_a_comment)),
    "a comment is not on its line": ("not on its line", on_github(_reviewed, _move_a_comment_into_the_body)),
    "a body does not tell what it should": ("lost finding", on_github(_oddly, _drop_the_words_of_the_body)),
    "a finding was never made": ("lost finding", _find_less),
    "a thread is open whose finding is mended": ("open thread", on_github(_followed, _turn_threads(resolved=False))),
    "a thread is resolved whose finding is there": (
        "closed thread",
        on_github(_followed, _turn_threads(resolved=True)),
    ),
    "a finding is called mended that is there": ("wrong resolved", _resolve_what_is_there),
    "a commit has no status": ("no status", _unmark),
    "a task that was canceled has written": ("canceled task wrote", _canceled),
    "a task was not submitted": (
        "lost task",
        in_streams(lambda t, p: {"facts": _without(t.streams.facts, _task(p), ".submitted.")}),
    ),
    "a result is missing": ("lost task", in_streams(lambda t, p: {"results": _without(t.streams.results, _task(p))})),
    "a conclusion is missing": (
        "lost task",
        in_streams(lambda t, p: {"facts": _without(t.streams.facts, _task(p), ".concluded.")}),
    ),
    "a task has two results": (
        "two results",
        in_streams(lambda t, p: {"results": _again(t.streams.results, _task(p))}),
    ),
    "a result says another state": (
        "two endings",
        in_streams(lambda t, p: {"results": _edited(t.streams.results, _task(p), state="failed")}),
    ),
    "a fact is there twice": (
        "fact twice",
        in_streams(lambda t, p: {"facts": _again(t.streams.facts, _task(p), ".outcome.")}),
    ),
    "a fact cannot be read": (
        "phantom fact",
        in_streams(lambda t, _: {"facts": (*t.streams.facts, t.streams.facts[0]._replace(subject="quorate.log.x"))}),
    ),
    "a push has two tasks": (
        "second task",
        in_streams(lambda t, p: {"facts": _again(t.streams.facts, _task(p), ".submitted.", task=NOBODY)}),
    ),
    "a result is of a task that no push gives": (
        "second task",
        in_streams(lambda t, p: {"results": _again(t.streams.results, _task(p), task=NOBODY)}),
    ),
    "a webhook was told two tasks": ("second task", of_webhooks(answers=[(202, "t1"), (202, "t2")], copies=2)),
    "a webhook was refused": ("webhook refused", of_webhooks(answers=[(400, None)])),
    "a webhook was never taken": ("webhook lost", of_webhooks(answers=[])),
    "a receipt is missing in the ledger": ("no receipt", in_ledger(done={})),
    "a receipt is missing in the log": (
        "no receipt",
        in_streams(lambda t, p: {"facts": _without(t.streams.facts, _task(p), ".written.")}),
    ),
    "a receipt says that it failed": ("bad receipt", in_ledger(done=lambda task: {task: {"state": "failed"}})),
    "a review was left out": (
        "left out",
        in_streams(
            lambda t, p: {"facts": _edited(t.streams.facts, _task(p), ".written.", url=None, note="superseded by x")}
        ),
    ),
    "an intent is open": (
        "open intent",
        in_ledger(intent=lambda task: {"task": task, "epoch": 1, "digest": "d"}),
    ),
    "there is a dead letter": (
        "dead letter",
        in_streams(lambda t, _: {"dead": (t.streams.facts[0]._replace(headers={"Quorate-Reason": "poison"}),)}),
    ),
    "work is left over": ("not drained", in_streams(lambda t, _: {"queues": {**t.streams.queues, "QUORATE_WORK": 1}})),
    "a writer is behind": ("not drained", lambda t: replace(t, waiting={"writer-github": 1})),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_audit_notices_when(what: str, case: Case) -> None:
    rule, tamper = TAMPERED[what]
    report = judge(replace(case, traces=tamper(case.traces)))
    assert rule in {violation.rule for violation in report.verdict.violations}, report.text()
    assert not report.passed


def test_a_run_in_which_too_little_happened_does_not_pass(case: Case) -> None:
    github = case.traces.github
    for little in (
        replace(case, happened=replace(case.happened, broker_kills=0)),
        replace(case, happened=replace(case.happened, deeds=replace(case.happened.deeds, kills=0, stops=0))),
        replace(case, traces=replace(case.traces, github=replace(github, faults={}))),
        replace(case, traces=replace(case.traces, github=replace(github, pulls=github.pulls[:3]))),
    ):
        assert judge(little).shortfalls


def test_an_interrupted_run_ends_every_process(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "bench.chaos_github", "--pulls", "200", "--kills", "20", "--data", str(folder)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert run.stdout is not None
        # The first line of progress: services, broker, GitHub, load and blows are all underway.
        assert "opened" in run.stdout.readline()
        of_the_run = _children(run.pid)
        run.send_signal(signal.SIGINT)
        rest = run.stdout.read()
        assert run.wait(30) == 130, rest
        assert "interrupted" in rest
        assert len(of_the_run) > 8
        deadline = time.monotonic() + 5
        while (left := [pid for pid in of_the_run if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
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
