import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.contract.blob import BlobRef
from quorate.contract.facts import AgentCoverage, Coverage
from quorate.contract.finding import DecidedFinding, Objection, Vote
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render import render
from quorate.render.clean import lines, one_line
from quorate.render.terminal import cells, wrap

ANYTHING = st.text(alphabet=st.characters(), max_size=40) | st.sampled_from(
    [
        "\x1b[31m",
        "\x9b2J",
        "\u202egnp",
        "a\r\nb\u2028c",
        "\udc80",
        "\x1b]8;;http://x\x07y\x1b]8;;\x07",
        "\U000e0041",
    ]
)
OURS = re.compile(r"\x1b\[\d+(;\d+)*m")


def vote(agent: str, lineage: str, **fields: Any) -> Vote:
    known: dict[str, Any] = {"rule": "R1", "severity": "high", "confidence": 0.9, "message": "m"}
    return Vote(agent=agent, lineage=lineage, **(known | fields))


def finding(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f1",
        "path": "src/auth.py",
        "line": 2,
        "severity": "high",
        "category": "security",
        "message": "Possible hardcoded password",
        "fingerprint": "abc",
        "rules": ("S105", "B105"),
        "votes": (vote("ruff", "bandit"), vote("bandit", "bandit")),
        "decision": "confirmed",
        "reason": "one vote is enough",
    }
    return DecidedFinding(**(known | fields))


def result(**fields: Any) -> Result:
    known: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "state": "completed",
        "verdict": "approve",
        "coverage": Coverage(
            agents={
                "bandit": AgentCoverage(state="ok", files=2, elapsed_ms=900),
                "ruff": AgentCoverage(state="ok", files=3, elapsed_ms=110),
            }
        ),
        "timings": Timings(finished_at="2026-01-02T03:04:05Z", elapsed_ms=1_260),
    }
    return Result(**(known | fields))


def text(subject: Result, **options: Any) -> str:
    return render(subject, "text", **options)


def first_line(subject: Result) -> str:
    return text(subject, width=200).splitlines()[0]


FOUND = result(
    verdict="request_changes",
    findings=(
        finding(severity="low", line=1, message="`os` imported but unused", rules=("F401",), votes=()),
        finding(suggestion="Read it from the environment.", end_line=3),
        finding(
            path="app.py",
            line=7,
            severity="medium",
            rules=("S608",),
            votes=(vote("ruff", "bandit"),),
            decision="demoted",
            reason="one lineage of the two that a medium finding needs",
            message="Possible SQL injection",
        ),
    ),
)
FILES = {"src/auth.py": "import os\n    PASSWORD = (\n\t'hunter2')\nend\n"}


def test_a_review_at_80_columns_reads_like_this() -> None:
    assert text(FOUND, files=FILES, width=80) == (
        """\
✗ Changes requested: 1 high, 1 low

HIGH      src/auth.py:2  S105, B105
          Possible hardcoded password
          2 │ PASSWORD = (
          3 │ 'hunter2')
          → Read it from the environment.
          by ruff + bandit: 1 vote (lineage bandit)

LOW       src/auth.py:1  F401
          `os` imported but unused
          1 │ import os

Unconfirmed (1)  reported, but not confirmed: they do not count in the verdict

medium    app.py:7  S608
          Possible SQL injection
          by ruff
          Unconfirmed: one lineage of the two that a medium finding needs

Who looked
  bandit  ok         2 files     0.9 s
  ruff    ok         3 files     0.1 s

2 findings (1 high, 1 low), 1 unconfirmed, 1.3 s
"""
    )


def test_a_review_on_a_narrow_ascii_terminal_reads_like_this() -> None:
    message = "Ein Paßwort steht im Quelltext, und jeder, der ihn liest, kennt es von da an."
    subject = result(verdict="request_changes", findings=(finding(suggestion="Fort damit.", message=message),))
    assert text(subject, files=FILES, width=60, encoding="ascii") == (
        """\
x Changes requested: 1 high

HIGH      src/auth.py:2  S105, B105
  Possible hardcoded password
"""
    ).replace(
        "Possible hardcoded password",
        "Ein Pa\\xdfwort steht im Quelltext, und jeder, der ihn\n  liest, kennt es von da an.",
    ) + (
        """\
  2 | PASSWORD = (
  -> Fort damit.
  by ruff + bandit: 1 vote (lineage bandit)

Who looked
  bandit  ok         2 files     0.9 s
  ruff    ok         3 files     0.1 s

1 finding (1 high), 1.3 s
"""
    )


def test_an_incomplete_review_says_who_is_missing_and_what_to_do() -> None:
    agents = {
        "ruff": AgentCoverage(state="ok", files=3, elapsed_ms=110, outside_change=2),
        "eslint": AgentCoverage(state="skipped", reason="no JavaScript in this change"),
        "reviewer": AgentCoverage(state="timeout", elapsed_ms=30_000, reason="no answer within 30 s"),
    }
    subject = result(
        partial=True,
        reason="the deadline passed",
        coverage=Coverage(agents=agents, unread=tuple(f"{number}.png" for number in range(7))),
        missing=("reviewer", "judge"),
    )
    assert text(subject, width=80) == (
        """\
! Approved, but incomplete: nothing found in 3 files by 1 agent; 7 files unread,
  2 agents without an answer
  the deadline passed

Who looked
  judge     missing
  reviewer  timeout    0 files      30 s  no answer within 30 s
  ruff      ok         3 files     0.1 s
  Not needed: eslint

Read by no agent: 7 files
  0.png
  1.png
  2.png
  3.png
  4.png
  5.png
  6.png

0 findings, 1.3 s
→ 2 findings outside the changed lines left out; `--all` asks for them too.
→ This is what was known when it ended; run it again for the rest.
→ Agents that ran out of time may need a longer deadline, or a smaller change.
→ Agents that did not answer may not be running: `quorate agents` lists those
  that are.
"""
    )


NOBODY = Coverage(agents={"ruff": AgentCoverage(state="ok")})
UNREAD = Coverage(agents={"ruff": AgentCoverage(state="ok", files=1)}, unread=("a.bin",))
BROKEN = Coverage(
    agents={
        "ruff": AgentCoverage(state="ok", files=1),
        "mypy": AgentCoverage(state="failed", reason="crashed"),
    }
)
HALF_READ = Coverage(
    agents={
        "ruff": AgentCoverage(state="ok", files=3),
        "mypy": AgentCoverage(state="ok", files=1, unread={"a.py": "too large"}, unread_total=2),
    }
)
NOT_INSTALLED = Coverage(
    agents={
        "ruff": AgentCoverage(state="ok", files=1),
        "semgrep": AgentCoverage(state="missing", reason="semgrep is not installed: pipx install semgrep"),
    }
)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "✓ Approved: nothing found in 3 files by 2 agents"),
        ({"coverage": UNREAD}, "! Approved, with gaps: nothing found in 1 file by 1 agent; 1 file unread"),
        ({"coverage": BROKEN}, "! Approved, with gaps: nothing found in 1 file by 1 agent; mypy failed"),
        (
            {"missing": ("judge",)},
            "! Approved, with gaps: nothing found in 3 files by 2 agents; judge did not answer",
        ),
        ({"coverage": NOBODY}, "! Approved, with gaps: no agent read any file"),
        ({"findings": (finding(decision="held"),)}, "✓ Approved: nothing confirmed in 3 files by 2 agents"),
        ({"verdict": "comment", "findings": (finding(severity="low"),)}, "! Comments: 1 low"),
        ({"state": "failed", "reason": "no agent answered"}, "✗ Failed: no agent answered"),
        ({"state": "failed"}, "✗ Failed: no reason was given"),
        ({"state": "canceled", "reason": "on request"}, "! Canceled: on request"),
        ({"state": "rejected", "reason": "not a diff"}, "✗ Rejected: not a diff"),
        ({"verdict": None, "kind": "question"}, "✓ Completed"),
        ({"coverage": Coverage(), "summary": "nothing is staged"}, "✓ Nothing to review: nothing is staged"),
        ({"coverage": Coverage(), "verdict": "comment"}, "! Comments: no agent read any file"),
        (
            {"coverage": HALF_READ},
            "! Approved, with gaps: nothing found in 3 files by 2 agents; 2 files unread by mypy",
        ),
        ({"coverage": NOT_INSTALLED}, "✓ Approved: nothing found in 1 file by 1 agent"),
    ],
)
def test_the_first_line_is_the_verdict_and_no_all_clear_where_something_was_not_read(
    fields: dict[str, Any], line: str
) -> None:
    assert first_line(result(**fields)) == line


@pytest.mark.parametrize("state", ["failed", "canceled", "rejected"])
def test_every_end_without_a_review_says_what_to_do_next(state: str) -> None:
    assert "\n→ " in text(result(state=state, verdict=None, reason="r"))


def test_files_come_by_their_worst_finding_and_findings_by_severity_then_line() -> None:
    places = [("b.py", 9, "low"), ("a.py", 5, "medium"), ("b.py", 3, "critical"), ("a.py", 2, "medium")]
    findings = tuple(finding(path=path, line=line, severity=severity) for path, line, severity in places)
    shown = re.findall(r"[ab]\.py:\d", text(result(findings=findings)))
    assert shown == ["b.py:3", "b.py:9", "a.py:2", "a.py:5"]


@pytest.mark.parametrize("decision", ["held", "demoted", "withheld"])
def test_what_was_not_confirmed_stands_apart_with_its_reason(decision: str) -> None:
    subject = result(findings=(finding(decision=decision, reason="too few votes"), finding(message="sure")))
    page = text(subject)
    assert page.index("sure") < page.index("(1)  ") < page.index("high      src/auth.py:2")
    assert ": too few votes" in page


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ([("ruff", "ruff")], "by ruff\n"),
        ([("ruff", "ruff"), ("ruff", "ruff")], "by ruff\n"),
        ([("ruff", "bandit"), ("bandit", "bandit")], "by ruff + bandit: 1 vote (lineage bandit)\n"),
        ([("ruff", "ruff"), ("gpt", "openai")], "by ruff + gpt: 2 votes (lineages ruff, openai)\n"),
        ([(f"a{n}", "x") for n in range(8)], "by a0 + a1 + a2 + a3 + a4 + a5 + 2 more: 1 vote (lineage x)\n"),
    ],
)
def test_who_voted_and_what_it_counts_for(votes: list[tuple[str, str]], words: str) -> None:
    subject = finding(votes=tuple(vote(agent, lineage) for agent, lineage in votes))
    assert words in text(result(findings=(subject,)), width=100)


@pytest.mark.parametrize(
    ("agents", "words"), [(["taint"], "by ruff; taint objects\n"), (["a", "b"], "; a + b object\n")]
)
def test_who_objects(agents: list[str], words: str) -> None:
    against = tuple(Objection(agent=name, lineage=name, confidence=0.8, message="m") for name in agents)
    assert words in text(result(findings=(finding(votes=(vote("ruff", "ruff"),), objections=against),)))


@pytest.mark.parametrize(("line", "end"), [(None, None), (99, None), (3, 2), (1, 10**9)])
def test_an_excerpt_never_fails_and_never_exceeds_three_lines(line: int | None, end: int | None) -> None:
    page = text(result(findings=(finding(line=line, end_line=end),)), files=FILES)
    assert page.count("│") <= 3


def test_line_numbers_are_the_files_own_though_python_knows_other_line_ends() -> None:
    page = text(result(findings=(finding(line=2),)), files={"src/auth.py": "a\x0cb\x85c\r\nsecond\r\n"})
    assert "2 │ second\n" in page


def test_a_finding_about_a_whole_file_names_the_path_alone() -> None:
    assert "HIGH      setup.cfg  S105" in text(result(findings=(finding(path="setup.cfg", line=None),)))


def test_a_long_suggestion_is_cut_and_says_so() -> None:
    suggestion = "\n".join(f"row {number}" for number in range(20))
    page = text(result(findings=(finding(suggestion=suggestion),)))
    assert "→ row 7\n" in page
    assert "row 8" not in page
    assert "and 12 more lines" in page


def test_findings_elsewhere_are_mentioned() -> None:
    subject = result(findings_ref=BlobRef(key="t1/findings", sha256="0" * 64, size=1))
    assert "all are in QUORATE_BLOBS, object t1/findings." in text(subject, width=120)


def test_answers_of_other_kinds_are_shown() -> None:
    subject = result(
        verdict=None, kind="question", summary="Two answers.", answers={"b": {"ok": [1]}, "a": "It is\nso."}
    )
    page = text(subject)
    assert '\nTwo answers.\n\na\n  It is\n  so.\n\nb\n  {\n    "ok": [\n      1\n' in page


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_lines_stay_within_the_terminal(width: int) -> None:
    subject = result(
        findings=(finding(message="word " * 60 + "x" * 300, suggestion="y" * 300 + "\n漢字" * 99, reason="r " * 99),),
        reason="why " * 90,
        coverage=Coverage(agents={"n" * 90: AgentCoverage(state="failed", reason="crashed " * 30)}, unread=("u.bin",)),
    )
    page = text(subject, files={"src/auth.py": "\n" + "z" * 500}, width=width)
    assert max(map(cells, page.splitlines())) <= width


def test_a_place_is_never_broken_so_that_it_stays_clickable() -> None:
    path = "very/" * 30 + "deep.py"
    assert f"  {path}:2\n" in text(result(findings=(finding(path=path),)), width=60)


def test_colours_only_where_they_are_asked_for() -> None:
    plain = text(FOUND, files=FILES)
    colored = text(FOUND, files=FILES, color=True)
    assert "\x1b" not in plain
    assert OURS.sub("", colored) == plain
    assert colored.startswith("\x1b[1;31m✗ Changes requested")


def test_escape_sequences_from_the_change_are_shown_and_do_nothing() -> None:
    subject = result(
        findings=(
            finding(
                path="a\x1b[2J\n.py",
                message="x\x1b]0;owned\x07\u202eevil",
                rules=("\x9b31m",),
                votes=(vote("ag\x1bent", "l"),),
                suggestion="s\x1b[1A\ns",
            ),
        ),
        coverage=Coverage(agents={"ag\nent": AgentCoverage(state="failed", reason="\x1b[8m")}, unread=("u\r\x1bc",)),
        missing=("m\x07",),
    )
    page = text(subject, files={"a\x1b[2J\n.py": "\nsecret\x1b[8m\x08"}, color=False)
    assert hostile(page) == set()
    for shown in (
        "a\\x1b[2J .py:2",
        "\\x1b]0;owned\\x07\\u202eevil",
        "\\x9b31m",
        "secret\\x1b[8m\\x08",
        "u \\x1bc",
    ):
        assert shown in page


def hostile(page: str) -> set[str]:
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {char for char in page if char != "\n" and unicodedata.category(char) in unsafe}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.booleans(), st.integers(0, 200), st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_nothing_but_line_ends_and_our_own_colours_controls_the_terminal(
    data: st.DataObject, color: bool, width: int, encoding: str
) -> None:
    word = ANYTHING
    path = data.draw(word)
    subject = result(
        state=data.draw(st.sampled_from(["completed", "failed", "rejected"])),
        reason=data.draw(word),
        summary=data.draw(word),
        verdict=None,
        findings=(
            finding(
                path=path,
                message=data.draw(word) or "m",
                suggestion=data.draw(word),
                rules=(data.draw(word),),
                reason=data.draw(word),
                votes=(vote(data.draw(word), data.draw(word)), vote(data.draw(word), data.draw(word))),
                decision=data.draw(st.sampled_from(["confirmed", "demoted"])),
            ),
        ),
        coverage=Coverage(
            agents={data.draw(word): AgentCoverage(state="failed", reason=data.draw(word))},
            unread=(data.draw(word),),
        ),
        missing=(data.draw(word),),
        answers={data.draw(word): "An answer.\x1b[0m"},
    )
    files = {path: data.draw(word) + "\n" + data.draw(word)}
    page = text(subject, files=files, color=color, width=width, encoding=encoding)
    page.encode(encoding)
    assert hostile(OURS.sub("", page) if color else page) == set()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("  a\n\n b\t", "a b"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("a\u3000b", "a b"),
        ("\U000e0041", "\\U000e0041"),
        ("é漢🎉", "é漢🎉"),
        ("x" * 9_000, "x" * 7_997 + "..."),
    ],
)
def test_one_line_shows_what_is_there(raw: str, shown: str) -> None:
    assert one_line(raw) == shown


def test_a_cut_is_told_even_if_only_white_space_was_before_it() -> None:
    assert one_line("a" + " " * 50 + "b", 20).endswith("...")


def test_code_keeps_its_indentation() -> None:
    assert lines("\tif x:\r\n\t\ty\n\nz", 3) == ["    if x:", "        y", ""]


@given(ANYTHING, st.integers(2, 30))
@settings(max_examples=100, deadline=None)
def test_wrapping_loses_nothing_and_keeps_within_its_columns(raw: str, columns: int) -> None:
    line = one_line(raw)
    rows = list(wrap(line, columns))
    assert "".join(rows).replace(" ", "") == line.replace(" ", "")
    assert all(cells(row) <= columns for row in rows)


def test_the_line_of_a_secret_is_not_shown() -> None:
    """What is printed ends up in the logs of build servers."""
    files = {"a.py": "password = 'correct horse'\n"}
    shown = render(result(findings=(finding(path="a.py", line=1, category="secrets"),)), "text", files=files)
    assert "a.py:1" in shown
    assert "correct horse" not in shown


def test_no_excerpt_shows_the_line_of_a_secret_whoever_reports_it() -> None:
    files = {"a.py": "password = 'correct horse'\n"}
    secret = finding(path="a.py", line=1, category="secrets", decision="demoted")
    other = finding(path="a.py", line=1, category="style")
    assert "correct horse" not in text(result(findings=(other, secret)), files=files)


SAFE = Fix(edits=(Edit(line=1, end_line=1, text=""),), safe=True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fix": SAFE}, "          → safely fixable\n"),
        ({"fix": SAFE, "suggestion": "Remove it"}, "          → Remove it (safely fixable)\n"),
        ({"fix": SAFE, "suggestion": "a\nb"}, "          → a\n          → b\n          → safely fixable\n"),
        ({"indirect": True}, "          caused by the change, outside of the changed lines\n"),
    ],
)
def test_a_finding_says_what_can_be_done_about_it_and_where_it_comes_from(fields: dict[str, Any], words: str) -> None:
    assert words in text(result(findings=(finding(**fields),)))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fix": Fix(edits=(Edit(line=1, end_line=1, text=""),))},
        {"fix": SAFE, "decision": "demoted"},
    ],
)
def test_only_a_safe_fix_of_a_confirmed_finding_is_offered(fields: dict[str, Any]) -> None:
    assert "--fix" not in text(result(findings=(finding(**fields),)))


def test_what_can_be_fixed_is_counted() -> None:
    page = text(result(findings=(finding(fix=SAFE), finding(fix=SAFE), finding())), width=120)
    assert "→ 2 findings can be settled by a safe fix; in a working tree `--fix` applies them.\n" in page


def test_who_stayed_out_is_told_in_a_line_each_kind() -> None:
    agents = {
        "bandit": AgentCoverage(state="skipped", reason="none of its Python files came with content"),
        "clippy": AgentCoverage(state="skipped", reason="no Rust file in the change"),
        "eslint": AgentCoverage(state="skipped"),
        "gitleaks": AgentCoverage(state="skipped", reason="gitleaks is not installed: see its page"),
        "ruff": AgentCoverage(state="ok", files=1),
        "sast": AgentCoverage(state="skipped", reason="semgrep is not installed: pipx install semgrep"),
        "sast-2": AgentCoverage(state="missing", reason="semgrep is not installed: pipx install semgrep"),
        "tests": AgentCoverage(state="missing", reason="no answer before the deadline"),
    }
    page = text(result(coverage=Coverage(agents=agents)), width=100)
    assert page[page.index("Who looked") : page.index("\n0 findings")] == (
        """\
Who looked
  bandit  skipped    none of its Python files came with content
  ruff    ok          1 file     0.0 s
  tests   missing    no answer before the deadline
  Not needed: clippy, eslint
  Not installed: gitleaks (see its page); sast with semgrep, sast-2 with semgrep (pipx install
    semgrep)
"""
    )


def test_files_that_an_agent_could_not_read_are_grouped_by_reason() -> None:
    unread = {f"{number}.py": "syntax error" for number in range(6)} | {"big.py": "too large", "logo.png": "binary"}
    agents = {
        "mypy": AgentCoverage(state="ok", files=2, unread=unread, unread_total=10),
        "ruff": AgentCoverage(state="ok", files=9),
    }
    page = text(result(coverage=Coverage(agents=agents, unread=("logo.png",), unread_total=1)))
    assert page[page.index("  mypy") : page.index("\n0 findings")] == (
        """\
  mypy  ok         2 files     0.0 s
    could not read 9 files:
      0.py, 1.py, 2.py and 3 more: syntax error
      2 more
      big.py: too large
  ruff  ok         9 files     0.0 s

Read by no agent: 1 file
  binary:
    logo.png
"""
    )


def test_of_many_reasons_five_are_told() -> None:
    unread = {f"{number}.py": f"reason {number}" for number in range(9)}
    agents = {"mypy": AgentCoverage(state="ok", files=2, unread=unread, unread_total=9)}
    page = text(result(coverage=Coverage(agents=agents)))
    assert "      4.py: reason 4\n      and 4 more\n" in page
    assert "reason 5" not in page


def test_files_that_nobody_read_are_named_up_to_eight_by_reason() -> None:
    names = tuple(f"{number}.py" for number in range(20))
    agents = {"ruff": AgentCoverage(state="ok", files=1, unread=dict.fromkeys(names, "only its diff was sent"))}
    page = text(result(coverage=Coverage(agents=agents, unread=names, unread_total=1_000)))
    assert "Read by no agent: 1,000 files\n  only its diff was sent:\n    0.py\n" in page
    assert "    7.py\n  and 992 more\n" in page
    assert "could not read" not in page


def several(number: int, **fields: Any) -> tuple[DecidedFinding, ...]:
    return tuple(finding(path=f"{at % 3}.py", line=at + 1, message=f"message {at}.", **fields) for at in range(number))


def test_of_more_than_thirty_minor_findings_twenty_are_shown_and_the_rest_counted() -> None:
    minor = several(20, severity="low") + several(11, severity="info", decision="demoted")
    page = text(result(findings=minor + several(50, severity="medium")))
    assert len(re.findall(r"^(?:LOW|info) ", page, re.MULTILINE)) == 20
    assert page.count("MEDIUM ") == 50
    assert "11 more findings of low or info severity: `--format html` and `--format json` show all of them" in (
        page.replace("\n", " ")
    )


def test_thirty_minor_findings_are_all_shown() -> None:
    page = text(result(findings=several(30, severity="low")))
    assert page.count("LOW ") == 30
    assert "more finding" not in page


def test_among_many_a_minor_finding_is_told_in_one_line() -> None:
    page = text(
        result(findings=several(16, severity="low", rules=("F401",), fix=SAFE)), width=100, files={"0.py": "x\n"}
    )
    assert "LOW       0.py:1  message 0.  F401, safely fixable\nLOW       0.py:4  message 3.  F401" in page
    assert "│" not in page


def test_what_does_not_fit_into_one_line_keeps_its_place_whole() -> None:
    page = text(result(findings=several(16, severity="low", suggestion=None, indirect=True)), width=60)
    assert (
        "LOW       0.py:1\n  S105, B105, caused by the change, outside of the changed\n  lines\n  message 0.\n" in page
    )


def test_agents_that_judge_the_change_are_one_line() -> None:
    agents = {
        "ruff": AgentCoverage(state="ok", files=2, elapsed_ms=40),
        "todo": AgentCoverage(state="ok", elapsed_ms=1),
        "dependencies": AgentCoverage(state="ok", elapsed_ms=1),
        "large-files": AgentCoverage(state="ok", unread={"a.png": "binary file"}, unread_total=1),
        "shellcheck": AgentCoverage(state="ok", unread={"a.sh": "syntax error"}, unread_total=1),
    }
    page = text(result(coverage=Coverage(agents=agents, unread=("a.png",), unread_total=1)))

    rows = [line.split()[0] for line in page.splitlines() if line.split()[1:2] == ["ok"]]
    assert rows == ["ruff", "shellcheck"]
    assert "  On the change itself: dependencies, large-files, todo\n" in page
