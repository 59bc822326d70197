"""The evaluation of deduplication: reading labelled reviews, and scores worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.reviews import main
from bench.reviews_data import BadReviews, Labelled, PullRequest, load
from bench.reviews_run import choices_of, choose, cluster, consensus, dedup, held_out
from bench.reviews_score import Pairs, Right, Shape, b_cubed, pairs, right, shape
from quorate_collector.domain.similarity import Lexical, Similarity

NULL = "The result of find_user() may be None, so reading its name raises AttributeError"
ALSO_NULL = "AttributeError when find_user() returns None: the name is read without a check"
LOOP = "The loop compares every pair of rows, which is quadratic in the size of the table"


def found(tool: str, *goldens: str, text: str = "x") -> Labelled:
    return Labelled(tool, text, frozenset(goldens))


def content(repository: str = "shop", tools: dict[str, Any] | None = None) -> dict[str, Any]:
    tools = tools or {
        "ann": [{"text": NULL, "path": None, "line": None, "golden": ["g0"]}],
        "ben": [{"text": ALSO_NULL, "path": None, "line": None, "golden": ["g0"]}],
        "cam": [{"text": LOOP, "path": "a.py", "line": 3, "golden": []}],
    }
    return {"pr": f"https://example.com/acme/{repository}/pull/1", "golden": 2, "tools": tools}


def write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"prs": entries}), encoding="utf-8")
    return path


def test_reviews_are_read_and_a_fork_for_a_tool_is_the_same_repository(tmp_path: Path) -> None:
    one, fork = load(write(tmp_path / "x.json", content(), content("shop-ann")))
    assert (one.repository, fork.repository) == ("shop", "shop")
    assert one.tools == ("ann", "ben", "cam")
    assert one.findings[2] == Labelled("cam", LOOP, frozenset(), "a.py", 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "JSONDecodeError"),
        ('{"prs": [{"pr": "x"}]}', "KeyError"),
        ('{"prs": []}', "no finding is matched"),
        ("[]", "TypeError"),
    ],
)
def test_a_file_that_is_none_of_reviews_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadReviews, match=told):
        load(path)


def test_pairs_are_counted_by_what_the_judge_said() -> None:
    clustering = [
        [found("a", "g0"), found("b", "g0"), found("c", "g1"), found("d"), found("a")],
        [found("c", "g0"), found("e"), found("f")],
    ]
    assert pairs(clustering) == Pairs(
        joined=1,  # a and b
        missed=2,  # those two with the c of the other cluster
        wrong=2,  # those two with the c of g1
        strange=6,  # d with a, b and c; the second a with c, since no a has g1; e and f with c
        unknown=4,  # the second a with the first, with b, since an a has g0, and with d; e with f
    )


def test_precision_and_recall_of_pairs() -> None:
    counts = Pairs(joined=6, missed=2, wrong=2, strange=4, unknown=9)
    assert (counts.precision, counts.strict_precision, counts.recall, counts.f1) == (0.75, 0.5, 0.75, 0.75)
    assert counts.strict_f1 == pytest.approx(0.6)
    assert Pairs().f1 == 0


def test_a_cluster_without_a_common_issue_is_over_merged_and_ambiguous_where_a_finding_has_two() -> None:
    several = [found("a", "g0"), found("b", "g1"), found("c")]
    chained = [found("a", "g0"), found("b", "g0", "g1"), found("c", "g1")]
    fine = [found("a", "g0"), found("b", "g0", "g1"), found("c")]
    assert shape([several, chained, fine, [found("d")], [found("e", "g2")]]) == Shape(5, 3, 2, 1)
    assert shape([several, fine]).over_merge_rate == 0.5


def test_b_cubed_is_the_mean_over_matched_findings() -> None:
    clustering = [[found("a", "g0"), found("b", "g1"), found("c")], [found("d", "g0")]]
    precision, recall = b_cubed([clustering])
    assert precision == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert recall == pytest.approx((0.5 + 1 + 0.5) / 3)


def test_a_cluster_is_credited_once_and_a_repeated_issue_found_once() -> None:
    pull = PullRequest("x", "r", 4, ())
    counts = right(pull, [[found("a", "g0"), found("b", "g1"), found("c", "g1")], [found("d", "g1")], [found("e")]])
    assert counts == Right(shown=3, right=2, found=1, goldens=4)
    assert (counts.repeated, counts.recall) == (1, 0.25)
    assert counts.precision == pytest.approx(2 / 3)


def test_findings_are_clustered_as_the_collector_does_it(tmp_path: Path) -> None:
    [pull] = load(write(tmp_path / "x.json", content()))
    assert sorted(map(len, cluster(pull.findings, None))) == [1, 1, 1]
    assert sorted(map(len, cluster(pull.findings, Lexical()))) == [1, 2]
    both = consensus(pull, pull.findings, Lexical())
    assert both.reported == Right(3, 2, 1, 2)
    assert both.shown == Right(2, 1, 1, 2)
    assert both.confirmed == Right(1, 1, 1, 2)


def make(at: tuple[float, float]) -> Similarity:
    return Lexical(*at)


def test_thresholds_are_chosen_on_the_others(tmp_path: Path) -> None:
    """The second repository's labels say that nothing is one issue, so it learns from the first, and the other way."""
    strict = content("mill")
    strict["tools"]["ben"][0]["golden"] = ["g1"]
    pulls = load(write(tmp_path / "x.json", content(), strict))
    grid = [(0.2, 0.3), (0.99, 0.99)]
    assert choose(pulls[:1], grid, make) == grid[0]
    assert choose(pulls[1:], grid, make) == grid[1]
    results = held_out(pulls, grid, make)
    assert [(name, at) for name, at, _ in results] == [("mill", grid[0]), ("shop", grid[1])]
    assert dedup(results[0][2]).shape.over_merged == 1


def test_choices_of_tools(tmp_path: Path) -> None:
    pulls = load(write(tmp_path / "x.json", content()))
    assert choices_of(pulls, 2) == [("ann", "ben"), ("ann", "cam"), ("ben", "cam")]


def test_the_command_prints_and_writes_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "x.json", content(), content("mill"))
    assert main([str(data), "--json", str(tmp_path / "out.json")]) == 0
    assert "6 findings on 2 pull requests, 4 matched" in capsys.readouterr().out
    [report] = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert report["at_default"]["pairs"] == {"joined": 2, "missed": 0, "wrong": 0, "strange": 0, "unknown": 0}
    assert [fold["repository"] for fold in report["folds"]] == ["mill", "shop"]


def test_what_cannot_be_measured_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
