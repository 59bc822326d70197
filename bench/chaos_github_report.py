"""What a chaos run of pull requests has to say, for people and as one line of JSON."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench.chaos_github_audit import Verdict
from bench.chaos_github_evidence import GitHubSide
from bench.chaos_github_plan import AMBIGUOUS, SIZE_FOR_ALL_CRASHPOINTS, Plan
from bench.chaos_github_run import Happened
from bench.chaos_report import MIN_EXECUTED, SHOWN, SHOWN_WIDTH, spread

MIN_REVIEWED = 0.9
MIN_POSTED = 0.7
MIN_STRUCK = 0.25
"""Of the share of writes that was asked for, so much must have met a fault: some requests are no targets."""


@dataclass(frozen=True)
class Report:
    """A finished run. ``seconds`` is how long it took."""

    plan: Plan
    happened: Happened
    github: GitHubSide
    verdict: Verdict
    seconds: float

    @property
    def ambiguous(self) -> int:
        """Writes after which nobody could know whether they were done."""
        return sum(self.github.faults.get(kind, 0) for kind in AMBIGUOUS)

    @property
    def shortfalls(self) -> list[str]:
        """Why a run without a violation proves too little."""
        deeds, plan, verdict = self.happened.deeds, self.plan, self.verdict
        short = []
        if len(self.github.pulls) < len(plan.stories):
            short.append(f"only {len(self.github.pulls)} of {len(plan.stories)} pull requests were opened")
        if deeds.blows < MIN_EXECUTED * len(plan.blows):
            short.append(f"only {deeds.blows} of {len(plan.blows)} blows were dealt")
        if self.happened.broker_kills < len(plan.broker_kills):
            short.append(f"only {self.happened.broker_kills} of {len(plan.broker_kills)} broker kills were done")
        if verdict.posted < MIN_POSTED * len(plan.stories):
            short.append(f"{verdict.posted} reviews were posted, {MIN_POSTED:.0%} of the pull requests are wanted")
        if verdict.reviewed_share < MIN_REVIEWED:
            short.append(
                f"{verdict.reviewed_share:.0%} of the last commits were reviewed, {MIN_REVIEWED:.0%} are wanted"
            )
        wanted = MIN_STRUCK * plan.ambiguous * self.github.writes
        if plan.ambiguous and self.ambiguous < max(1.0, wanted):
            short.append(
                f"only {self.ambiguous} of {self.github.writes} writes were ambiguous, {wanted:.0f} are wanted"
            )
        unhit = [name for name in plan.crashpoints if name not in deeds.crashpoints]
        if unhit and len(plan.blows) >= SIZE_FOR_ALL_CRASHPOINTS:
            short.append(f"nobody died at {', '.join(unhit)}")
        return short

    @property
    def passed(self) -> bool:
        return not self.verdict.violations and not self.shortfalls

    def as_json(self) -> dict[str, Any]:
        """One flat object; times in seconds, shares between 0 and 1."""
        verdict, deeds = self.verdict, self.happened.deeds
        webhooks = self.github.webhooks
        return {
            "passed": self.passed,
            "seed": self.plan.seed,
            "pulls": len(self.github.pulls),
            "pushes": sum(len(pull.heads) for pull in self.github.pulls),
            "kills": deeds.kills,
            "stops": deeds.stops,
            "crashpoint_deaths": sum(deeds.crashpoints.values()),
            "crashpoints": dict(sorted(deeds.crashpoints.items())),
            "broker_kills": self.happened.broker_kills,
            "falls": len(deeds.falls),
            "violations": Counter(each.rule for each in verdict.violations),
            "shortfalls": self.shortfalls,
            "states": dict(verdict.states),
            "receipts": dict(verdict.receipts),
            "receipt_notes": dict(verdict.notes),
            "reviews_posted": verdict.posted,
            "reviews_dismissed": verdict.dismissed,
            "inline_comments": verdict.inline,
            "replies": verdict.replies,
            "threads_resolved": verdict.resolved,
            "last_commits_reviewed": round(verdict.reviewed_share, 4),
            "partial": verdict.partial,
            "writes": self.github.writes,
            "ambiguous": self.ambiguous,
            "faults": dict(sorted(self.github.faults.items())),
            "webhooks": len(webhooks),
            "webhooks_taken": sum(webhook.taken for webhook in webhooks),
            "webhooks_sent_again_by_hand": sum(webhook.retries for webhook in webhooks),
            "push_to_receipt_s": spread(verdict.told_s),
            "seconds": round(self.seconds, 1),
            "drained_after_s": round(self.happened.quiet_s, 1),
        }

    def text(self) -> str:
        verdict, deeds, told = self.verdict, self.happened.deeds, self.as_json()
        time_s = told["push_to_receipt_s"]
        points = ", ".join(f"{name} {deeds.crashpoints.get(name, 0)}" for name in sorted(self.plan.crashpoints))
        lines = [
            f"seed {self.plan.seed}: {told['pulls']} pull requests, {told['pushes']} pushes in {self.seconds:.0f} s",
            f"  dealt      {deeds.kills} kill -9, {deeds.stops} stops, {told['crashpoint_deaths']} deaths at"
            f" crashpoints, {self.happened.broker_kills} broker kills; {len(deeds.falls)} services fell by themselves",
            f"  died at    {points}",
            f"  GitHub     {told['writes']} writes, {self.ambiguous} of them ambiguous",
            f"  faults     {_counted(told['faults']) or 'none'}",
            f"  webhooks   {told['webhooks']} events, taken {told['webhooks_taken']} times; {_by_hand(told)}",
            f"  tasks      {_counted(told['states'])}",
            f"  receipts   {_counted(told['receipts'])}; notes: {_counted(told['receipt_notes']) or 'none'}",
            f"  reviews    {verdict.posted} posted ({verdict.dismissed} dismissed later), {verdict.inline} comments on"
            f" lines, {verdict.resolved} threads resolved, {verdict.replies} answers;"
            f" {verdict.reviewed_share:.0%} of the last commits of open pull requests reviewed",
            f"  time       push to receipt p50 {time_s['p50']} s, p99 {time_s['p99']} s, longest {time_s['max']} s",
            f"  drained    {self.happened.quiet_s:.1f} s after the last story",
        ]
        lines += [f"  fell       {fall}" for fall in deeds.falls[:SHOWN]]
        lines += [f"  forced     {name} did not end on SIGTERM" for name in self.happened.forced]
        for rule, count in Counter(each.rule for each in verdict.violations).items():
            lines.append(f"  VIOLATION  {rule}, {count} times:")
            of_rule = (each for each in verdict.violations if each.rule == rule)
            lines += [f"      {each.task} {each.found}"[:SHOWN_WIDTH] for each in islice(of_rule, SHOWN)]
        lines += [f"  TOO LITTLE {short}" for short in self.shortfalls]
        if self.passed:
            lines.append("  held       no review lost, none twice, none of what was canceled")
        return "\n".join(lines)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _by_hand(told: dict[str, Any]) -> str:
    return f"{told['webhooks_sent_again_by_hand']} tries failed and were sent again by the load"
