"""What the evaluation of reviews came to, as text and as JSON."""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bench.reviews_run import QUORUM, Consensus, Dedup, Thresholds
from bench.reviews_score import Right, harmonic, ratio


@dataclass(frozen=True)
class Report:
    """``folds`` are repositories with thresholds chosen on the others; ``threes`` all choices of three tools."""

    name: str
    pulls: int
    findings: int
    matched: int
    exact: Dedup
    default: Thresholds
    at_default: Dedup
    folds: list[tuple[str, Thresholds, Dedup]]
    held_out: Dedup
    everyone: Consensus
    threes: list[Consensus]


_DEDUP = f"{'':24}{'pairs P':>8}{'R':>6}{'F1':>6}{'strict P':>10}{'F1':>6}{'B3 F1':>7}{'over-merged':>20}{'unknown':>9}"
_RIGHT = f"{'':24}{'shown':>7}{'right':>7}{'repeated':>10}{'P':>7}{'R':>7}{'F1':>7}"


def as_text(report: Report) -> str:
    lines = [
        f"{report.name}: {report.findings} findings on {report.pulls} pull requests, "
        f"{report.matched} matched to a known issue",
        "",
        _DEDUP,
        _dedup("exact only", report.exact),
        _dedup("default {:.2f} / {:.2f}".format(*report.default), report.at_default),
        *(_dedup("{} {:.2f} / {:.2f}".format(name, *at), scores) for name, at, scores in report.folds),
        _dedup("held out, all", report.held_out),
        "",
        _RIGHT,
        _right("all tools, reported", report.everyone.reported),
        _right("all tools, deduplicated", report.everyone.shown),
        _right(f"confirmed by {QUORUM}", report.everyone.confirmed),
        f"confirmed is {_times(report.everyone):.2f} times as precise as all, "
        f"{_times_reported(report.everyone):.2f} times as precise as all one by one",
    ]
    if report.threes:
        lines += ["", f"{len(report.threes)} choices of three tools, the median (worst to best)", *_threes(report)]
    return "\n".join(lines)


def as_json(report: Report) -> dict[str, Any]:
    return {
        "similarity": report.name,
        "default": report.default,
        "pulls": report.pulls,
        "findings": report.findings,
        "matched": report.matched,
        "exact": _numbers(report.exact),
        "at_default": _numbers(report.at_default),
        "folds": [{"repository": name, "thresholds": at, **_numbers(scores)} for name, at, scores in report.folds],
        "held_out": _numbers(report.held_out),
        "all_tools": asdict(report.everyone),
        "threes": [asdict(each) for each in report.threes],
    }


def _dedup(name: str, scores: Dedup) -> str:
    pairs, shape = scores.pairs, scores.shape
    over = f"{shape.over_merged}/{shape.several} {shape.over_merge_rate:.1%} ({shape.ambiguous})"
    return (
        f"{name:24}{pairs.precision:8.3f}{pairs.recall:6.3f}{pairs.f1:6.3f}{pairs.strict_precision:10.3f}"
        f"{pairs.strict_f1:6.3f}{harmonic(*scores.b_cubed):7.3f}{over:>20}{pairs.unknown:9}"
    )


def _right(name: str, each: Right) -> str:
    return (
        f"{name:24}{each.shown:7}{each.right:7}{each.repeated:10}{each.precision:7.3f}{each.recall:7.3f}{each.f1:7.3f}"
    )


def _threes(report: Report) -> list[str]:
    measures: list[tuple[str, Callable[[Consensus], float]]] = [
        ("precision of all", lambda each: each.shown.precision),
        ("recall of all", lambda each: each.shown.recall),
        ("F1 of all", lambda each: each.shown.f1),
        ("precision of confirmed", lambda each: each.confirmed.precision),
        ("recall of confirmed", lambda each: each.confirmed.recall),
        ("F1 of confirmed", lambda each: each.confirmed.f1),
        ("times as precise as all", _times),
        ("... as all one by one", _times_reported),
    ]
    rows = []
    for name, of in measures:
        values = [of(each) for each in report.threes]
        rows.append(f"{name:24}{statistics.median(values):7.3f} ({min(values):.3f} to {max(values):.3f})")
    enough = sum(_times(each) >= 1.5 for each in report.threes)
    return [*rows, f"at least 1.5 times as precise as all: {enough} of {len(report.threes)}"]


def _times(each: Consensus) -> float:
    return ratio(each.confirmed.precision, each.shown.precision)


def _times_reported(each: Consensus) -> float:
    return ratio(each.confirmed.precision, each.reported.precision)


def _numbers(scores: Dedup) -> dict[str, Any]:
    pairs = scores.pairs
    return {
        "pairs": asdict(pairs),
        "precision": pairs.precision,
        "recall": pairs.recall,
        "f1": pairs.f1,
        "strict_precision": pairs.strict_precision,
        "strict_f1": pairs.strict_f1,
        "b_cubed": scores.b_cubed,
        "shape": asdict(scores.shape),
        "over_merge_rate": scores.shape.over_merge_rate,
    }
