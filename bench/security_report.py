"""The evaluation as text for a terminal, and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.security_expected import CaseSet
from bench.security_review import Reviewed
from bench.security_score import ANY, CONFIRMED, Counts, Judged, Reported, by_category, count, mean_score, wrong

_SHOWN = 20


@dataclass(frozen=True)
class Report:
    """Everything that is told of a run. ``skipped`` maps names to reasons; these cases count as not flagged."""

    cases: CaseSet
    judged: Sequence[Judged]
    reviewed: Reviewed
    skipped: dict[str, str]

    @property
    def judges(self) -> list[str]:
        """``any``, ``confirmed``, and the agents that took part."""
        return [ANY, CONFIRMED, *sorted(self.reviewed.agents)]

    def text(self) -> str:
        """Tables of at most 100 columns."""
        real = sum(each.row.real for each in self.judged)
        named = {each.row.category for each in self.judged}
        lines = [
            f"{len(self.judged)} cases in {len(named)} categories: {real} real, {len(self.judged) - real} not. "
            f"{self.reviewed.elapsed_s:.1f} s.",
            "",
            "Overall (intervals: 95 %, Wilson; score: TPR - FPR; mean: of the categories' scores)",
            f"  {'':<16}{'TP':>5}{'FP':>5}{'FN':>5}{'TN':>5}  {'precision':<19}{'recall':<19}"
            f"{'F1':>5}{'FPR':>6}{'score':>7}{'mean':>7}",
        ]
        silent = []
        for name in self.judges:
            counts = count(self.judged, name)
            if name in self.reviewed.agents and counts.tp + counts.fp == 0:
                silent.append(name)
                continue
            lines.append(_overall_line(name, counts, mean_score(by_category(self.judged, name))))
        shown: dict[str, dict[str, Counts]] = {}
        for name in self.judges:
            if name in silent:
                continue
            categories = by_category(self.judged, name)
            same = next((other for other, table in shown.items() if table == categories), None)
            lines += ["", f"By category: {name}{f' (as {same})' if same else ''}"]
            if same is None:
                shown[name] = categories
                lines += _category_lines(categories)
        lines += ["", "Agents that took part, with all their findings: " + _listed(self.reviewed.agents.items())]
        if silent:
            lines.append(f"Nothing to any case's question came from: {', '.join(silent)}")
        lines += [f"Failed in {times} of the batches: {reason}" for reason, times in self.reviewed.failures.items()]
        if self.skipped:
            lines.append(f"Skipped, and counted as not flagged: {len(self.skipped)}")
            lines += [f"  {name}: {reason}" for name, reason in list(self.skipped.items())[:_SHOWN]]
            if len(self.skipped) > _SHOWN:
                lines.append(f"  and {len(self.skipped) - _SHOWN} more")
        else:
            lines.append("Skipped: none")
        return "\n".join(lines)

    def wrong_text(self, category: str) -> str:
        """The cases that are judged wrongly, each with what was reported."""
        found = wrong(self.judged, category)
        lines = [f"Wrongly judged by any or confirmed, of {category}: {len(found)}"]
        for each in found:
            lines.append(f"  {each.row.name} {each.row.category}: {_verdict(each)}")
            lines += [f"    {_said(reported)}" for reported in each.fitting]
            lines += [f"    beside the question: {_said(reported)}" for reported in each.others]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The same as data; rates are null where there is nothing to divide by."""
        return {
            "folder": str(self.cases.folder),
            "expected": str(self.cases.csv),
            "elapsed_s": round(self.reviewed.elapsed_s, 3),
            "agents": dict(sorted(self.reviewed.agents.items())),
            "failures": dict(self.reviewed.failures),
            "skipped": self.skipped,
            "judges": {name: self._judge_json(name) for name in self.judges},
            "cases": [
                {
                    "name": each.row.name,
                    "category": each.row.category,
                    "real": each.row.real,
                    "cwe": each.row.cwe,
                    "flagged_by": sorted(each.flagged_by),
                }
                for each in self.judged
            ],
        }

    def _judge_json(self, name: str) -> dict[str, Any]:
        categories = by_category(self.judged, name)
        return {
            "overall": {**_counts_json(count(self.judged, name)), "mean_score": mean_score(categories)},
            "categories": {category: _counts_json(counts) for category, counts in categories.items()},
        }


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "tn": counts.tn,
        "precision": counts.precision,
        "precision_interval": counts.precision_interval,
        "recall": counts.recall,
        "recall_interval": counts.recall_interval,
        "f1": counts.f1,
        "false_positive_rate": counts.false_positive_rate,
        "score": counts.score,
    }


def _overall_line(name: str, counts: Counts, mean: float | None) -> str:
    return (
        f"  {name:<16}{counts.tp:>5}{counts.fp:>5}{counts.fn:>5}{counts.tn:>5}  "
        f"{_interval(counts.precision, counts.precision_interval):<19}"
        f"{_interval(counts.recall, counts.recall_interval):<19}"
        f"{_rate(counts.f1):>5}{_rate(counts.false_positive_rate):>6}{_rate(counts.score):>7}{_rate(mean):>7}"
    )


def _category_lines(categories: dict[str, Counts]) -> Iterable[str]:
    yield f"  {'':<16}{'TP':>5}{'FP':>5}{'FN':>5}{'TN':>5}{'precision':>11}{'recall':>8}{'F1':>7}{'FPR':>7}{'score':>7}"
    for category, counts in categories.items():
        yield (
            f"  {category:<16}{counts.tp:>5}{counts.fp:>5}{counts.fn:>5}{counts.tn:>5}{_rate(counts.precision):>11}"
            f"{_rate(counts.recall):>8}{_rate(counts.f1):>7}{_rate(counts.false_positive_rate):>7}"
            f"{_rate(counts.score):>7}"
        )


def _interval(value: float | None, interval: tuple[float, float] | None) -> str:
    return _rate(value) if interval is None else f"{_rate(value)} ({interval[0]:.2f}-{interval[1]:.2f})"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _listed(agents: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(agents)) or "none"


def _verdict(each: Judged) -> str:
    truth = "real" if each.row.real else "not real"
    if ANY not in each.flagged_by:
        return f"{truth}, and nobody reported it"
    return f"{truth}, and {'confirmed' if CONFIRMED in each.flagged_by else 'reported but not confirmed'}"


def _said(reported: Reported) -> str:
    weakness = f"CWE-{reported.cwe}" if reported.cwe is not None else "no CWE"
    place = f"line {reported.line}" if reported.line is not None else "the file"
    first = reported.message.partition("\n")[0][:100]
    return f"{reported.agent} {reported.rule or '-'} {weakness}, {place}: {first}"
