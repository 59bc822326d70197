import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from quorate.contract.facts import AgentCoverage, Coverage
from quorate.contract.finding import DecidedFinding, Objection, Vote
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render import render
from quorate.render.markdown import MAX_LENGTH, code, escaped, prose

ATTACKS = [
    "@team please",
    "fixes #123 and GH-7 and o/r#5",
    "![x](https://evil/x.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "</details></summary><h1>",
    "https://github.com/o/r/issues/1 www.evil.example",
    "<https://evil.example>",
    "``` \n# out\n```suggestion\nrm -rf\n```",
    "`a` | `b\\` | c \\| d \\\\| e",
    "a\n\n# heading\n\n- item\n",
    "| a |\n|---|\n| b |",
    "`@team` `",
    "\\`@team\\`",
    "*_~~**$$x$$&lt;&#64;team",
    "\x1b[31m\u202e\x00\udc80\u2028# x",
    "- [ ] task",
    "`",
    "``",
    " ",
]
ANYTHING = st.sampled_from(ATTACKS) | st.text(
    alphabet=st.sampled_from("`@#|\\<>[]()!*_~$&-=+. \n\t1aGHw:/"), max_size=30
)
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OUR_HTML = re.compile(r"(<br>|<details><summary>[\w (),:;]+</summary>|</details>|\n)+")


def vote(**fields: Any) -> Vote:
    known: dict[str, Any] = {"agent": "ruff", "lineage": "bandit", "rule": "S105", "severity": "high"}
    return Vote(**(known | fields), confidence=0.9, message="m")


def finding(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f1",
        "path": "src/auth.py",
        "line": 2,
        "severity": "high",
        "category": "security",
        "message": "Use `os.environ` for the password",
        "fingerprint": "abc",
        "rules": ("S105",),
        "votes": (vote(), vote(agent="bandit", rule="B105")),
        "decision": "confirmed",
        "reason": "one vote is enough",
    }
    return DecidedFinding(**(known | fields))


def result(**fields: Any) -> Result:
    known: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "state": "completed",
        "verdict": "request_changes",
        "coverage": Coverage(agents={"ruff": AgentCoverage(state="ok", files=3, elapsed_ms=110, version="0.14.1")}),
        "timings": Timings(finished_at="2026-01-02T03:04:05Z", elapsed_ms=1_260),
    }
    return Result(**(known | fields))


def tokens(markdown: str) -> list[Token]:
    return [part for token in GITHUB.parse(markdown) for part in (token, *(token.children or ()))]


def assert_harmless(markdown: str) -> None:
    assert len(markdown.encode("utf-16-le")) // 2 <= MAX_LENGTH
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [char for char in markdown if char != "\n" and unicodedata.category(char) in unsafe]
    for token in tokens(markdown):
        assert token.type not in {"link_open", "image"}
        if token.type in {"html_block", "html_inline"}:
            assert OUR_HTML.fullmatch(token.content), token.content
        if token.type == "text":
            assert not re.search(r"@\w|#\d|GH-\d|://|www\.", token.content, re.IGNORECASE), token.content


def blocks(markdown: str) -> list[str]:
    return [token.type for token in GITHUB.parse(markdown)]


def shown(markdown: str) -> str:
    """What a reader sees of one paragraph."""
    inline = GITHUB.parseInline(markdown)[0]
    return "".join(token.content for token in inline.children or ()).replace("\u200b", "")


def test_a_comment_reads_like_this() -> None:
    subject = result(
        findings=(
            finding(suggestion="Read it from the environment."),
            finding(path="app.py", line=None, severity="medium", rules=(), votes=(), decision="demoted"),
        )
    )
    assert render(subject, "markdown") == (
        """\
## ❌ Changes requested: 1 high

1 finding \\(1 high\\), 1 unconfirmed, 1\\.3 s

**`src/auth.py`**

- 🟧 **high** line 2: Use `os.environ` for the password
  <br>→ Read it from the environment\\.
  <br>`S105` by ruff \\+ bandit: 1 vote \\(lineage bandit\\)

<details><summary>Unconfirmed (1): reported, but not confirmed; not counted in the verdict</summary>


**`app.py`**

- 🟨 **medium**: Use `os.environ` for the password
  <br>*Unconfirmed:* one vote is enough

</details>

<details><summary>Votes</summary>


| finding | agent | lineage | rule | severity | confidence |
|---|---|---|---|---|---|
| src/auth\\.py:2 | ruff | bandit | S105 | high | 0.90 |
| src/auth\\.py:2 | bandit | bandit | B105 | high | 0.90 |

</details>

<details><summary>Who looked at what</summary>


| agent | version | state | files | time | |
|---|---|---|--:|--:|---|
| ruff | 0\\.14\\.1 | ok | 3 | 0.1 s |  |

</details>
"""
    )


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("write", [escaped, code, prose])
def test_text_is_shown_as_it_is_and_does_nothing(write: Any, attack: str) -> None:
    markdown = write(attack)
    assert_harmless(markdown)
    if write is not prose:
        from quorate.render.clean import one_line

        assert shown(markdown).strip() == one_line(attack)


def replacing(text: str) -> Fix:
    """A fix of the first line; its text can be encoded, or the contract would refuse it."""
    return Fix(edits=(Edit(line=1, end_line=1, text=text.encode("utf-8", "replace").decode()),))


def everywhere(word: str, **fields: Any) -> Result:
    return result(
        findings=(
            finding(
                path=word,
                fix=replacing(word),
                indirect=True,
                message=word or "m",
                suggestion=word.replace("\n", " ") + "x",
                rules=(word,),
                reason=word,
                votes=(vote(agent=word, lineage=word, rule=word),),
                objections=(Objection(agent=word, lineage=word, confidence=0.5, message=word),),
                decision="demoted",
            ),
        ),
        reason="r" + word,
        summary="s" + word,
        verdict=None,
        coverage=Coverage(
            agents={
                word: AgentCoverage(state="failed", version=word, reason="r" + word, unread={"b" + word: word + "w"}),
                word + "2": AgentCoverage(state="skipped"),
                word + "3": AgentCoverage(state="skipped", reason=f"a{word} is not installed: i{word}"),
            },
            unread=(word,),
        ),
        answers={word: word},
        **fields,
    )


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_nothing_from_a_change_pings_links_or_breaks_out_of_its_place(word: str) -> None:
    markdown = render(everywhere(word), "markdown")
    assert_harmless(markdown)
    assert blocks(markdown) == blocks(render(everywhere("benign"), "markdown"))
    # A row with a cell too many would still parse: what is beyond the header is dropped.
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert [row.count("|") for row in rows] == [7] * 5


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_suggestion_of_many_lines_stays_in_its_fence(attack: str) -> None:
    subject = result(findings=(finding(suggestion=f"first\n{attack}\n````\nlast"),))
    markdown = render(subject, "markdown")
    assert_harmless(markdown)
    fences = [token for token in tokens(markdown) if token.type == "fence"]
    assert [fence.info for fence in fences] == [""]
    assert fences[0].content.startswith("first\n")


def test_too_many_findings_are_left_out_least_severe_first_and_counted() -> None:
    many = tuple(
        finding(
            line=number + 1,
            severity="critical" if number >= 490 else "low",
            message=f"m{number} " + "x" * 500,
        )
        for number in range(500)
    )
    markdown = render(result(findings=many), "markdown")
    assert_harmless(markdown)
    kept = set(map(int, re.findall(r": m(\d+) ", markdown)))
    told = re.search(r"\*\*(\d+) more findings are left out here\*\*", markdown)
    assert told is not None
    assert len(kept) + int(told.group(1)) == 500
    assert {*range(490, 500)} <= kept
    assert len(markdown) > MAX_LENGTH * 0.9
    assert "10 critical, 490 low" in markdown


@pytest.mark.parametrize("char", ["#", "@", "🎉", "\U000e0041", "a", "|", "`"])
def test_the_limit_holds_whatever_the_result_is_full_of(char: str) -> None:
    word = char * 8_000
    agents = {f"{number}{word}": AgentCoverage(state="failed", reason=word, version=word) for number in range(300)}
    subject = result(
        findings=tuple(finding(path=f"{number}{word}", message=word, reason=word) for number in range(100)),
        reason=word,
        summary=word,
        verdict=None,
        coverage=Coverage(agents=agents, unread=tuple(f"{number}{word}" for number in range(300))),
        answers={f"{number}{word}": 1 for number in range(100)},
        missing=tuple(f"m{number}{word}" for number in range(100)),
    )
    markdown = render(subject, "markdown")
    assert_harmless(markdown)
    assert "left out here" in markdown
    assert re.search(r"and \d+ more \|", markdown)
    assert re.search(r" and (250|290) more\n|^- and more$", markdown, re.MULTILINE)


def test_a_fix_is_shown_as_a_diff_that_no_click_commits() -> None:
    fix = Fix(edits=(Edit(line=2, end_line=2, text="new\n"), Edit(line=4, end_line=3, text="in\n")), safe=True)
    subject = result(findings=(finding(path="a.py", fix=fix),))
    markdown = render(subject, "markdown", files={"a.py": "one\nold\nthree\nfour\n"})
    assert "\n  ```diff\n  @@ line 2 @@\n  -old\n  +new\n  @@ before line 4 @@\n  +in\n  ```\n" in markdown
    assert "safely fixable" in markdown
    assert [token.info for token in tokens(markdown) if token.type == "fence"] == ["diff"]


def test_a_fix_without_the_files_shows_what_comes() -> None:
    fix = Fix(edits=(Edit(line=2, end_line=3, text="new\n"),))
    markdown = render(result(findings=(finding(fix=fix),)), "markdown")
    assert "\n  ```diff\n  @@ lines 2 to 3 @@\n  +new\n  ```\n" in markdown
    assert "fixable" not in markdown


def test_a_long_fix_is_cut_and_says_so() -> None:
    fix = Fix(edits=(Edit(line=1, end_line=1, text="row\n" * 100),))
    markdown = render(result(findings=(finding(fix=fix),)), "markdown")
    assert markdown.count("\n  +row") == 19
    assert "@@ and more @@" in markdown


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_fix_stays_in_its_fence(attack: str) -> None:
    fix = replacing(f"{attack}\n")
    subject = result(findings=(finding(path="a.py", fix=fix),))
    markdown = render(subject, "markdown", files={"a.py": f"{attack}\ntwo\n"})
    assert_harmless(markdown)
    assert [token.info for token in tokens(markdown) if token.type == "fence"] == ["diff"]


def test_the_fix_of_a_secret_is_not_shown() -> None:
    fix = Fix(edits=(Edit(line=1, end_line=1, text="password = 'correct horse'  # noqa\n"),))
    files = {"a.py": "password = 'correct horse'\n"}
    secret = finding(path="a.py", line=1, category="secrets", fix=fix)
    same_line = finding(path="a.py", line=1, category="style", fix=fix)
    markdown = render(result(findings=(secret, same_line)), "markdown", files=files)
    assert "correct horse" not in markdown


def test_what_the_change_causes_elsewhere_says_so() -> None:
    markdown = render(result(findings=(finding(indirect=True),)), "markdown")
    assert "*caused by the change, outside of the changed lines*" in markdown


def test_who_stayed_out_and_what_was_not_read_is_told_with_reasons() -> None:
    agents = {
        "eslint": AgentCoverage(state="skipped", reason="no JavaScript file in the change"),
        "mypy": AgentCoverage(state="ok", files=1, unread={"b.py": "syntax error"}, unread_total=1),
        "semgrep": AgentCoverage(state="skipped", reason="semgrep is not installed: pipx install semgrep"),
    }
    markdown = render(result(coverage=Coverage(agents=agents, unread=("logo.png",))), "markdown")
    assert_harmless(markdown)
    assert "\nNot needed: `eslint`\n" in markdown
    assert "\nNot installed:\n\n- `semgrep`: `pipx install semgrep`\n" in markdown
    assert "\nRead by no agent: 1 file\n\n- `logo.png`\n" in markdown
    assert "\n`mypy` could not read 1 file:\n\n- `b.py`: syntax error\n" in markdown
    assert "| eslint |" not in markdown


def test_an_empty_change_is_approved_without_gaps() -> None:
    subject = result(verdict="approve", summary="nothing is staged here", coverage=Coverage())
    assert render(subject, "markdown").startswith("## ✅ Nothing to review: nothing is staged here\n")
