"""The security evaluation: reading expected results, scoring, and the labelled set itself."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from bench.security_expected import BadCases, Row, load, read_rows
from bench.security_report import Report
from bench.security_review import BATCH_FILES, Reviewed, addition, batches
from bench.security_score import ANY, CONFIRMED, Counts, Reported, by_category, count, judge, mean_score, wilson, wrong
from bench.security_weakness import answers, weakness_of
from quorate.diff import parse_diff

SET = Path(__file__).parents[3] / "bench" / "security_cases"
HEADER = "name,category,real,cwe\n"


def row(name: str, real: bool, category: str = "sqli", cwe: int = 89) -> Row:
    return Row(name, category, real, cwe)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "name,category,real,cwe\na,sqli,true,89\nb,xss,false,79\n",
        "# test name, category, real vulnerability, cwe, Benchmark version: 1\na,sqli,true,89\nb,xss,false,79\n",
        "\ufeff#name,cwe,category,real,note\r\na,CWE-89,sqli,TRUE,x\r\n\r\nb.py,79,xss,False,y\r\n",
        "name,category,real,cwe\n# a remark\n a , sqli , true , 89 \nb,xss,false,79",
    ],
)
def test_expected_results_are_read_whatever_their_dialect(text: str) -> None:
    assert read_rows(text, "x.csv") == [Row("a", "sqli", True, 89), Row("b", "xss", False, 79)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lacks the column category, cwe, name, real"),
        ("name,category,cwe\na,sqli,89\n", "lacks the column real"),
        (HEADER, "no rows"),
        (HEADER + "a,sqli,yes,89\n", "line 2: 'yes' is neither true nor false"),
        (HEADER + "a,sqli,true,many\n", "line 2: 'many' is no CWE number"),
        (HEADER + "a,sqli,true\n", "line 2 has only 3 fields"),
        (HEADER + "a,,true,89\n", "line 2: the name or the category is empty"),
        (HEADER + "a,sqli,true,89\na,xss,true,79\n", "a is there more than once"),
        (HEADER + "".join(f"{n},sqli,maybe,89\n" for n in range(25)), "and 15 more"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told(text: str, told: str) -> None:
    with pytest.raises(BadCases, match=told):
        read_rows(text, "x.csv")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "no CSV of expected results"),
        ({"a.py": "", "other.csv": "x,y\n1,2\n"}, r"other.csv lacks them"),
        ({"expected.csv": HEADER + "a,sqli,true,89\n"}, "no Python file"),
        ({"b.py": "", "expected.csv": HEADER + "a,sqli,true,89\n"}, "None of the 1 files"),
        ({"x/a.py": "", "y/a.py": "", "expected.csv": HEADER + "a,sqli,true,89\n"}, "a.py is there 2 times"),
        ({"a.py": "", "1.csv": HEADER + "a,sqli,true,89\n", "2.csv": HEADER + "a,sqli,true,89\n"}, "2 files"),
    ],
)
def test_a_folder_that_cannot_be_evaluated_says_what_to_do(tmp_path: Path, files: dict[str, str], told: str) -> None:
    with pytest.raises(BadCases, match=told):
        load(write(tmp_path, files))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadCases, match="is no folder"):
        load(tmp_path / "nothing")


def test_cases_lie_anywhere_below_and_what_they_may_import_comes_along(tmp_path: Path) -> None:
    rows = HEADER + "a,sqli,true,89\nb,sqli,false,89\nc,xss,true,79\n"
    folder = write(tmp_path, {"labels/e.csv": rows, "code/a.py": "x = 1\n", "helpers/db.py": "y = 2\n"})
    (folder / "c.py").write_bytes(b"\xff")
    cases = load(folder)
    assert cases.paths == {"a": "code/a.py"}
    assert cases.texts == {"code/a.py": "x = 1\n"}
    assert cases.companions == {"helpers/db.py": "y = 2\n"}
    assert cases.skipped == {"b": "there is no b.py", "c": "it is not UTF-8"}


@pytest.mark.parametrize(
    ("agent", "rule", "cwe", "about"),
    [
        ("bandit", "B324", 327, 328),
        ("ruff", "S324", None, 328),
        ("bandit", "B307", 78, 95),
        ("bandit", "B506", 20, 502),
        ("bandit", "B314", 20, 611),
        ("ruff", "B008", None, None),
        ("ruff", "F401", None, None),
        ("bandit", "B999", 400, 400),
        ("taint", "B324", 89, 89),
        ("taint", "sql", 89, 89),
        ("todo", "TODO", None, None),
    ],
)
def test_a_rule_of_bandit_or_ruff_is_about_what_the_table_says(
    agent: str, rule: str, cwe: int | None, about: int | None
) -> None:
    assert weakness_of(agent, rule, cwe) == about


def test_a_relative_of_the_weakness_answers_and_another_weakness_does_not() -> None:
    assert answers(78, 77)
    assert answers(22, 73)
    assert answers(1336, 94)
    assert answers(4711, 4711)
    assert not answers(94, 1336)
    assert not answers(94, 78)
    assert not answers(327, 328)
    assert not answers(89, None)


ROWS = [row("hit", True), row("miss", True), row("alarm", False), row("quiet", False)]
REPORTED = {
    "hit": [Reported("a", "r", 89, 3, "m", confirmed=True), Reported("b", "s", 79)],
    "miss": [Reported("b", "s", 79, confirmed=True)],
    "alarm": [Reported("b", "s", 564)],
}


def test_any_confirmed_and_each_agent_are_judged_by_the_question_alone() -> None:
    judged = judge(ROWS, REPORTED)
    assert count(judged, ANY) == Counts(tp=1, fp=1, fn=1, tn=1)
    assert count(judged, CONFIRMED) == Counts(tp=1, fp=0, fn=1, tn=2)
    assert count(judged, "a") == Counts(tp=1, fp=0, fn=1, tn=2)
    assert count(judged, "b") == Counts(tp=0, fp=1, fn=2, tn=1)
    assert count(judged, "nobody") == Counts(tp=0, fp=0, fn=2, tn=2)


def test_rates_are_those_of_the_textbook() -> None:
    counts = Counts(tp=6, fp=2, fn=4, tn=8)
    assert counts.precision == pytest.approx(0.75)
    assert counts.recall == pytest.approx(0.6)
    assert counts.f1 == pytest.approx(2 / 3)
    assert counts.false_positive_rate == pytest.approx(0.2)
    assert counts.score == pytest.approx(0.4)
    assert counts.precision_interval == wilson(6, 8)
    assert counts.recall_interval == wilson(6, 10)


def test_nothing_to_divide_by_is_no_rate() -> None:
    assert Counts(tn=3).precision is None
    assert Counts(tn=3).recall is None
    assert Counts(tn=3).f1 is None
    assert Counts(tn=3).score is None
    assert wilson(0, 0) is None


def test_wilson_intervals_are_the_published_ones() -> None:
    # Wilson's interval without continuity correction of 81 in 263, as in Newcombe (1998), table I.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_a_small_category_weighs_as_much_as_a_large_one_in_the_mean() -> None:
    rows = [*ROWS, row("x", True, "xss", 79), row("y", False, "xss", 79)]
    judged = judge(rows, {**REPORTED, "x": [Reported("a", "r", 79)]})
    categories = by_category(judged, ANY)
    assert {name: counts.score for name, counts in categories.items()} == {"sqli": 0.0, "xss": 1.0}
    assert mean_score(categories) == 0.5


def test_wrong_are_the_cases_that_any_or_confirmed_has_wrong() -> None:
    judged = judge([*ROWS, row("other", True, "xss", 79)], REPORTED)
    assert [each.row.name for each in wrong(judged)] == ["miss", "alarm", "other"]
    assert [each.row.name for each in wrong(judged, "xss")] == ["other"]


def test_the_report_names_the_silent_the_failed_and_the_skipped(tmp_path: Path) -> None:
    folder = write(tmp_path, {"hit.py": "x\n", "expected.csv": HEADER + "hit,sqli,true,89\nmiss,sqli,true,89\n"})
    cases = load(folder)
    judged = judge(cases.rows, {"hit": [Reported("loud", "r", 89, 1, "a query")]})
    reviewed = Reviewed(agents=Counter(loud=1, silent=4), failures=Counter({"silent: it crashed": 2}))
    report = Report(cases, judged, reviewed, cases.skipped)
    text = report.text()
    assert "Nothing to any case's question came from: silent" in text
    assert "Failed in 2 of the batches: silent: it crashed" in text
    assert "  miss: there is no miss.py" in text
    assert "By category: loud (as any)" in text
    assert "hit sqli: real, and reported but not confirmed" in report.wrong_text("all")
    assert "loud r CWE-89, line 1: a query" in report.wrong_text("sqli")
    overall = report.as_json()["judges"]["any"]["overall"]
    assert (overall["tp"], overall["fn"], overall["false_positive_rate"]) == (1, 1, None)


@pytest.mark.parametrize("text", ["", "\n", "a\n", "a", "a\n\nb", "\n\n", "a\r\nb\r\n", "x = '\x0c'\n", "-- a\n++ b\n"])
@pytest.mark.parametrize("path", ["a.py", "with blank/b c.py"])
def test_the_diff_of_an_addition_holds_the_whole_file(path: str, text: str) -> None:
    (change,) = parse_diff(addition(path, text))
    assert change.path == path
    assert change.status == "added"
    assert (change.added_text or "") == text


def test_batches_are_bounded_and_lose_nothing() -> None:
    texts = {f"{number}.py": "x\n" for number in range(2 * BATCH_FILES + 1)} | {"big.py": "x" * 5_000_000, "z.py": "y"}
    parts = list(batches(texts))
    assert [len(part) for part in parts] == [BATCH_FILES, BATCH_FILES, 1, 1, 1]
    assert {path: text for part in parts for path, text in part.items()} == texts


@pytest.mark.parametrize("half", ["dev", "held"])
def test_every_labelled_case_parses_and_has_a_file(half: str) -> None:
    cases = load(SET / half)
    assert not cases.skipped
    assert not cases.companions
    for path, text in cases.texts.items():
        ast.parse(text, filename=path, feature_version=(3, 11))


def test_no_case_is_in_both_halves_and_each_category_has_both_labels_in_each() -> None:
    dev, held = load(SET / "dev"), load(SET / "held")
    assert not dev.paths.keys() & held.paths.keys()
    assert not set(dev.texts.values()) & set(held.texts.values())
    labels = [{(each.category, each.real) for each in cases.rows} for cases in (dev, held)]
    assert labels[0] == labels[1]
    assert len(labels[0]) == 2 * 17
