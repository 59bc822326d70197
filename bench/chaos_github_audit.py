"""The audit of a chaos run of pull requests: what must hold between the streams, the ledger and GitHub. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bench.chaos_audit import Violation
from bench.chaos_evidence import Kept
from bench.chaos_github_evidence import GitHubSide, Seen, Traces
from bench.chaos_github_load import Pull
from bench.chaos_github_view import View, issue_of, mark_of, task_of
from bench.chaos_github_words import Place, bad, odd, said, word_of
from quorate.contract.facts import Concluded, Submitted, Written
from quorate.contract.ids import series_key
from quorate.contract.ledger import LedgerEntry, Receipt
from quorate.contract.result import Result
from quorate.reducer import Record, read_record

TENANT = "default"


@dataclass
class Verdict:
    """What the audit found. ``posted`` are reviews on GitHub, ``told_s`` the seconds from the first webhook of a commit
    to the receipt of its review. ``states`` counts tasks by kind and final state."""

    violations: list[Violation] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    receipts: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    posted: int = 0
    inline: int = 0
    replies: int = 0
    resolved: int = 0
    dismissed: int = 0
    reviewed: int = 0
    reviewable: int = 0
    partial: int = 0
    webhooks: int = 0
    sent: int = 0
    retries: int = 0
    told_s: list[float] = field(default_factory=list)

    @property
    def reviewed_share(self) -> float:
        """The share of pull requests, of those left open, whose last commit has its review."""
        return self.reviewed / self.reviewable if self.reviewable else 0.0


@dataclass
class _Task:
    """What the streams hold of one task."""

    id: str
    pull: Pull
    submitted: list[Record] = field(default_factory=list)
    concluded: list[Concluded] = field(default_factory=list)
    written: list[tuple[Written, float]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    @property
    def result(self) -> Result | None:
        return self.results[0] if self.results else None


def audit(traces: Traces) -> Verdict:
    verdict = Verdict()
    report = verdict.violations
    github = traces.github
    tasks = {task: _Task(task, pull) for pull in github.pulls for task in pull.tasks}
    entries = _ledger(traces.ledger)
    report += _sort_facts(traces.streams.facts, tasks)
    report += _sort_results(traces.streams.results, tasks)
    report += _check_webhooks(github)
    for task in tasks.values():
        report += _check_ending(task)
        report += _check_receipt(task, entries.get(_key(task.pull)))
        _measure(verdict, task)
    for key, entry in entries.items():
        if entry.intent is not None:
            report.append(Violation("open intent", entry.intent.task, f"the ledger's entry {key} waits for a receipt"))
    for pull in github.pulls:
        view = View(github.seen.get(pull.series) or Seen([], [], []))
        report += _check_once(pull, view)
        report += _check_canceled(pull, view, tasks, github.marked)
        report += _check_last(verdict, pull, view, tasks, github.marked)
        _count(verdict, view)
    report += [
        Violation("dead letter", "", f"{letter.subject}: {letter.headers.get('Quorate-Reason', '')[:300]}")
        for letter in traces.streams.dead
    ]
    waiting = {**traces.streams.queues, **traces.streams.lagging, **traces.waiting}
    report += [Violation("not drained", "", f"{name}: {count}") for name, count in waiting.items() if count]
    return verdict


def _key(pull: Pull) -> str:
    return series_key(TENANT, pull.series)


def _ledger(kept: Iterable[Kept]) -> dict[str, LedgerEntry]:
    """The last state of each entry by its key; the one that holds the secret of the marks is none."""
    entries = {}
    for each in sorted(kept, key=lambda kept: kept.sequence):
        key = each.subject.rpartition(".")[2]
        if key != "secret" and each.data:
            entries[key] = LedgerEntry.model_validate_json(each.data)
    return entries


def _sort_facts(facts: Iterable[Kept], tasks: dict[str, _Task]) -> Iterator[Violation]:
    seen: Counter[str] = Counter(fact.subject for fact in facts)
    for subject, count in seen.items():
        if count > 1:
            yield Violation("fact twice", "", f"{subject} is in the log {count} times")
    for kept in facts:
        try:
            record = read_record(kept.subject, kept.data, kept.sequence, kept.at_ns / 1e9)
        except ValueError as error:
            yield Violation("phantom fact", "", f"{kept.subject}: {error}")
            continue
        task = tasks.get(record.task)
        match record.fact:
            case Submitted() as submitted if task is None:
                yield Violation("second task", record.task, f"{submitted.kind} {submitted.idempotency_key}")
            case Submitted() if task is not None:
                task.submitted.append(record)
            case Concluded() as concluded if task is not None:
                task.concluded.append(concluded)
            case Written() as written if task is not None:
                task.written.append((written, record.at))


def _sort_results(results: Iterable[Kept], tasks: dict[str, _Task]) -> Iterator[Violation]:
    for kept in results:
        id = kept.subject.rpartition(".")[2]
        if id in tasks:
            tasks[id].results.append(Result.model_validate_json(kept.data))
        else:
            yield Violation("second task", id, f"{kept.subject} is of a task that no push and no comment gives")


def _check_webhooks(github: GitHubSide) -> Iterator[Violation]:
    """Each was taken as often as it was sent, and all of one push or comment name one task."""
    named: dict[str, set[str]] = defaultdict(set)
    for webhook in github.webhooks:
        refused = [status for status, _ in webhook.answers if not 200 <= status < 300]
        if refused:
            yield Violation("webhook refused", "", f"{webhook.event} {webhook.action} of {webhook.what}: {refused}")
        elif webhook.taken < webhook.copies:
            yield Violation("webhook lost", "", f"{webhook.event} {webhook.action} of {webhook.what} was not taken")
        named[webhook.what] |= {task for _, task in webhook.answers if task is not None}
    for what, tasks in named.items():
        if len(tasks) > 1:
            yield Violation("second task", min(tasks), f"webhooks of {what} were told {len(tasks)} tasks")


def _check_ending(task: _Task) -> Iterator[Violation]:
    """A push or a comment is one task, and that has one end."""
    if len(task.submitted) != 1:
        yield Violation("lost task", task.id, f"{len(task.submitted)} submitted facts; {task.pull.series}")
    if len(task.results) != 1 or len(task.concluded) != 1:
        found = f"{len(task.results)} results and {len(task.concluded)} concluded facts"
        rule = "two results" if max(len(task.results), len(task.concluded)) > 1 else "lost task"
        yield Violation(rule, task.id, f"{found}; {task.pull.series}")
    elif task.results[0].state != task.concluded[0].state:
        found = f"result {task.results[0].state}, log {task.concluded[0].state}"
        yield Violation("two endings", task.id, found)


def _check_receipt(task: _Task, entry: LedgerEntry | None) -> Iterator[Violation]:
    """What ended otherwise than by cancellation has one receipt, in the ledger and in the log, and it says done."""
    result = task.result
    if result is None:
        return
    known: Receipt | None = entry.done.get(task.id) if entry is not None else None
    if result.state == "canceled":
        if known is not None or task.written:
            yield Violation("canceled task wrote", task.id, f"it has a receipt: {known or task.written[0][0]}")
        return
    if known is None or len(task.written) != 1:
        found = f"{'a' if known else 'no'} receipt in the ledger, {len(task.written)} in the log; {task.pull.series}"
        yield Violation("no receipt", task.id, found)
        return
    if known.state != "done" or task.written[0][0].state != known.state:
        yield Violation("bad receipt", task.id, f"{known.state}: {known.note[:300]}; {task.pull.series}")


def _check_once(pull: Pull, view: View) -> Iterator[Violation]:
    """Nothing stands on GitHub twice, and nothing half."""
    commits = {head.sha for head in pull.heads}
    by_commit: Counter[str] = Counter()
    by_mark: Counter[str] = Counter()
    for review in view.ours:
        mark = mark_of(review)
        if review["state"] == "PENDING":
            yield Violation("pending review", task_of(review) or "", f"a draft is left in {pull.series}")
        elif mark is None or review["commit_id"] not in commits:
            yield Violation("stray review", task_of(review) or "", f"{pull.series}: {review['body'][:200]!r}")
        else:
            by_commit[review["commit_id"]] += 1
            by_mark[mark] += 1
    for name, counts in (("commit", by_commit), ("mark", by_mark)):
        for each, count in counts.items():
            if count > 1:
                yield Violation("duplicate review", "", f"{count} reviews in {pull.series} of one {name}, {each[:10]}")
    for issue, count in Counter(view.issues).items():
        if count > 1:
            yield Violation("duplicate comment", "", f"{count} comments in {pull.series} on the finding {issue}")
    for mark, count in Counter(view.replies).items():
        if count > 1:
            yield Violation("duplicate reply", "", f"{count} answers in {pull.series} with the mark {mark[:10]}")


def _check_canceled(pull: Pull, view: View, tasks: dict[str, _Task], marked: frozenset[str]) -> Iterator[Violation]:
    """Neither a review nor a status is of a task that was canceled."""
    for head in pull.heads:
        task = tasks[pull.review(head.sha)]
        if task.result is None or task.result.state != "canceled":
            continue
        if head.sha in marked:
            yield Violation("canceled task wrote", task.id, f"a status on {head.sha[:10]} of {pull.series}")
        if any(task_of(review) == task.id or review["commit_id"] == head.sha for review in view.submitted):
            yield Violation("canceled task wrote", task.id, f"a review of {head.sha[:10]} in {pull.series}")


def _check_last(
    verdict: Verdict, pull: Pull, view: View, tasks: dict[str, _Task], marked: frozenset[str]
) -> Iterator[Violation]:
    """A pull request that is open shows what is to be said of its last commit, and nothing that is over."""
    if pull.closed:
        return
    verdict.reviewable += 1
    head = pull.heads[-1]
    task = tasks[pull.review(head.sha)]
    result = task.result
    if result is None or result.state != "completed":
        return
    verdict.reviewed += 1
    verdict.partial += result.partial
    if task.written and task.written[0][0].url is None:
        yield Violation("left out", task.id, f"{pull.series} is open, and was told: {task.written[0][0].note}")
    if head.sha not in marked:
        yield Violation("no status", task.id, f"on the commit {head.sha[:10]} of {pull.series}")
    for finding in result.findings:
        issue = finding.issue or finding.id
        if finding.decision != "withheld" and not view.tells(issue):
            yield Violation("lost finding", task.id, f"{finding.message} ({issue}, {finding.decision}) {pull.series}")
    if not result.partial:
        yield from _check_against_files(pull, view, task)


def _check_against_files(pull: Pull, view: View, task: _Task) -> Iterator[Violation]:
    """Whatever the services say of it: what the files of the last commit call for."""
    tree = pull.heads[-1].tree
    dismissed = pull.dismissed[0] if pull.dismissed else None
    inline = {(comment["path"], word_of(comment["body"])) for comment in view.inline}
    for path, word in sorted(bad(tree)):
        if word != dismissed and (path, word) not in inline:
            rule = "not on its line" if said("bad", word) in view.bodies else "lost finding"
            yield Violation(rule, task.id, f"no comment on {word} in {path} of {pull.series}")
    for path, word in sorted(odd(tree)):
        if said("odd", word) not in view.bodies:
            yield Violation("lost finding", task.id, f"no word on {word} in {path} of {pull.series}")
    live: set[Place] = {place for place in bad(tree) if place[1] != dismissed}
    known = {issue for _, root in view.threads() if (issue := issue_of(root)) is not None}
    for thread, root in view.threads():
        place = (root["path"], word_of(root["body"]))
        if (place in live) == thread["isResolved"]:
            state = "resolved" if thread["isResolved"] else "open"
            rule = "closed thread" if thread["isResolved"] else "open thread"
            yield Violation(rule, task.id, f"the thread on {place[1]} is {state} in {pull.series}")
    result = task.result
    for resolved in result.resolved if result is not None else ():
        if resolved.issue in known and (resolved.path, word_of(resolved.message)) in live:
            yield Violation("wrong resolved", task.id, f"{resolved.message} is in the files of {pull.series}")


def _measure(verdict: Verdict, task: _Task) -> None:
    result = task.result
    if result is None:
        return
    verdict.states[f"{result.kind} {result.state}"] += 1
    for written, at in task.written:
        verdict.receipts[written.state] += 1
        if written.note:
            verdict.notes[_kind_of_note(written.note)] += 1
        sent = _pushed_at(task) if written.url and result.kind == "code-review" else None
        if sent is not None:
            verdict.told_s.append(at - sent)


def _kind_of_note(note: str) -> str:
    """Without the commit that it names."""
    return "superseded" if note.startswith("superseded") else note[:80]


def _pushed_at(task: _Task) -> float | None:
    sha = task.result.head_sha if task.result is not None else None
    return next((head.at for head in task.pull.heads if head.sha == sha), None)


def _count(verdict: Verdict, view: View) -> None:
    verdict.posted += len(view.submitted)
    verdict.inline += len(view.inline)
    verdict.replies += len(view.replies)
    verdict.resolved += sum(thread["isResolved"] for thread, _ in view.threads())
    verdict.dismissed += sum(review["state"] == "DISMISSED" for review in view.submitted)
