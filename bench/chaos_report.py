"""What a chaos run has to say, for people and as one line of JSON."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench.chaos_audit import Verdict
from bench.chaos_plan import SIZE_FOR_ALL_CRASHPOINTS, Plan
from bench.chaos_run import Happened

SHOWN = 4
SHOWN_WIDTH = 600
MIN_COMPLETED = 0.8
MIN_DURING_CHAOS = 0.5
MIN_EXECUTED = 0.9


@dataclass(frozen=True)
class Report:
    """A finished run. ``seconds`` is how long it took."""

    plan: Plan
    happened: Happened
    verdict: Verdict
    seconds: float

    @property
    def shortfalls(self) -> list[str]:
        """Why a run without a violation proves too little."""
        deeds, plan, verdict = self.happened.deeds, self.plan, self.verdict
        short = []
        if deeds.blows < MIN_EXECUTED * len(plan.blows):
            short.append(f"only {deeds.blows} of {len(plan.blows)} blows were dealt")
        if self.happened.broker_kills < len(plan.broker_kills):
            short.append(f"only {self.happened.broker_kills} of {len(plan.broker_kills)} broker kills were done")
        if verdict.completed_share < MIN_COMPLETED:
            short.append(f"{verdict.completed_share:.0%} of the tasks completed, {MIN_COMPLETED:.0%} are wanted")
        if verdict.chaos_share < MIN_DURING_CHAOS:
            short.append(f"only {verdict.chaos_share:.0%} of the tasks ended while blows were dealt")
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
        return {
            "passed": self.passed,
            "seed": self.plan.seed,
            "tasks": len(self.plan.orders),
            "kills": deeds.kills,
            "stops": deeds.stops,
            "crashpoint_deaths": sum(deeds.crashpoints.values()),
            "crashpoints": dict(sorted(deeds.crashpoints.items())),
            "broker_kills": self.happened.broker_kills,
            "falls": len(deeds.falls),
            "violations": Counter(each.rule for each in verdict.violations),
            "shortfalls": self.shortfalls,
            "states": dict(verdict.states),
            "partial": verdict.partial,
            "completed_share": round(verdict.completed_share, 4),
            "ended_during_chaos": round(verdict.chaos_share, 4),
            "task_s": spread(verdict.took_s),
            "after_deadline_s": spread(verdict.late_s),
            "facts": verdict.facts,
            "agent_runs": verdict.runs,
            "run_twice_share": round(verdict.run_twice, 4),
            "runs_cut_short": verdict.runs_unfinished,
            "late_contributions": verdict.late_contributions,
            "results_heard": verdict.heard,
            "results_heard_again": verdict.heard_again,
            "submissions_retried": self.happened.retried,
            "seconds": round(self.seconds, 1),
            "drained_after_s": round(self.happened.quiet_s, 1),
        }

    def text(self) -> str:
        verdict, deeds = self.verdict, self.happened.deeds
        took, late = spread(verdict.took_s), spread(verdict.late_s)
        states = ", ".join(f"{count} {state}" for state, count in sorted(verdict.states.items()))
        points = ", ".join(f"{name} {deeds.crashpoints.get(name, 0)}" for name in sorted(self.plan.crashpoints))
        lines = [
            f"seed {self.plan.seed}: {len(self.plan.orders)} tasks in {self.seconds:.0f} s",
            f"  dealt      {deeds.kills} kill -9, {deeds.stops} stops, {sum(deeds.crashpoints.values())} deaths at"
            f" crashpoints, {self.happened.broker_kills} broker kills; {len(deeds.falls)} services fell by themselves",
            f"  died at    {points}",
            f"  tasks      {states}; {verdict.partial} of the completed ones partial;"
            f" {verdict.chaos_share:.0%} ended while blows were dealt",
            f"  time       p50 {took['p50']} s, p99 {took['p99']} s, longest {took['max']} s;"
            f" past a deadline p50 {late['p50']} s, longest {late['max']} s",
            f"  agents     {verdict.runs} runs, {verdict.run_twice:.1%} of them repeated,"
            f" {verdict.runs_unfinished} cut short; {verdict.late_contributions} contributions came too late to count",
            f"  results    {verdict.heard} heard by a subscriber, {verdict.heard_again} heard again",
        ]
        lines.append(f"  drained    {self.happened.quiet_s:.1f} s after the last result")
        lines += [f"  fell       {fall}" for fall in deeds.falls[:SHOWN]]
        lines += [f"  forced     {name} did not end on SIGTERM" for name in self.happened.forced]
        for rule, count in Counter(each.rule for each in verdict.violations).items():
            lines.append(f"  VIOLATION  {rule}, {count} times:")
            of_rule = (each for each in verdict.violations if each.rule == rule)
            lines += [f"      {each.task} {each.found}"[:SHOWN_WIDTH] for each in islice(of_rule, SHOWN)]
        lines += [f"  TOO LITTLE {short}" for short in self.shortfalls]
        if self.passed:
            lines.append("  held       nothing lost, nothing twice, nothing that was not asked for")
        return "\n".join(lines)


def spread(values: list[float]) -> dict[str, float]:
    """The median, the 99th percentile and the largest."""
    ordered = sorted(values) or [0.0]
    return {
        "p50": round(ordered[len(ordered) // 2], 3),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 3),
        "max": round(ordered[-1], 3),
    }
