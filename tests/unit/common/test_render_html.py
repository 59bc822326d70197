"""The HTML report, parsed as a browser would, without one."""

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.contract.facts import AgentCoverage, Coverage, Usage
from quorate.contract.finding import DecidedFinding, Objection, Vote
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render import html, render
from quorate.render.html_findings import MAX_CODE_LINES

VOID = {"meta", "input", "br", "rect"}
CLOSED_BY_OTHERS = {"tr", "td", "th", "option"}
"""Elements whose end tags HTML lets out: this report lets out theirs, since there are thousands of them."""
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)//",
    "</style><style>*{display:none}",
    "</pre></details></main>",
    '" onclick="alert(1)" x="',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "&lt;b&gt; &amp;#60;script",
    "<!--",
    "--><svg onload=alert(1)>",
    "<![CDATA[",
    "`<b>`",
    "\x1b[31m\u202egnp\x00\udc80\u2028",
    "http://evil.example/x.png",
    "a\nb\r\nc\td",
]
ANYTHING = st.sampled_from(ATTACKS) | st.text(alphabet=st.sampled_from("<>&\"'`=/! \n\t-x\u202e\x1b:;#"), max_size=20)


@dataclass
class Element:
    """An element with its attributes and its text; what is within it is in ``Page.elements`` too."""

    tag: str
    attributes: dict[str, str | None]
    within: tuple[str, ...]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """What a parser makes of the report."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self.open and tag in CLOSED_BY_OTHERS and self.open[-1].tag in CLOSED_BY_OTHERS - ({"tr"} - {tag}):
            self.open.pop()
        assert len(dict(attrs)) == len(attrs), "an attribute twice"
        element = Element(tag, dict(attrs), tuple(each.tag for each in self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        while self.open[-1].tag in CLOSED_BY_OTHERS and tag not in CLOSED_BY_OTHERS:
            self.open.pop()
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        for element in self.open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = attributes.items()
        return [
            each
            for each in self.elements
            if each.tag == tag and all(value in (each.attributes.get(name) or "").split() for name, value in wanted)
        ]


def page_of(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == [], "something is not closed"
    return page


def vote(agent: str, lineage: str, **fields: Any) -> Vote:
    known: dict[str, Any] = {"rule": "S105", "severity": "high", "confidence": 0.9, "message": "in other words"}
    return Vote(agent=agent, lineage=lineage, **(known | fields))


def finding(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f1",
        "path": "src/auth.py",
        "line": 2,
        "severity": "high",
        "category": "security",
        "message": "Use `os.environ`",
        "fingerprint": "abc",
        "rules": ("S105", "B105"),
        "votes": (vote("ruff", "bandit"), vote("bandit", "bandit", rule="B105")),
        "decision": "confirmed",
        "reason": "one vote is enough",
    }
    return DecidedFinding(**(known | fields))


def result(*findings: DecidedFinding, **fields: Any) -> Result:
    known: dict[str, Any] = {
        "task_id": "t1",
        "kind": "code-review",
        "state": "completed",
        "verdict": "request_changes",
        "coverage": Coverage(agents={"ruff": AgentCoverage(state="ok", files=3, elapsed_ms=110, version="0.14.1")}),
        "timings": Timings(finished_at="2026-01-02T03:04:05Z", elapsed_ms=1_260),
    }
    return Result(**(known | fields), findings=findings)


def replacing(text: str) -> Fix:
    """A fix of the first line; its text can be encoded, or the contract would refuse it."""
    return Fix(edits=(Edit(line=1, end_line=1, text=text.encode("utf-8", "replace").decode()),))


FILES = {"src/auth.py": "import os\n\nif x:\n    password()\n\n\nend\n"}


def report(*findings: DecidedFinding, **fields: Any) -> Page:
    return page_of(render(result(*findings, **fields), "html", files=FILES))


def everywhere(word: str) -> Result:
    return result(
        finding(
            id=word,
            path=word,
            line=1,
            message=word or "m",
            suggestion=word + "\n" + word + "x",
            fix=replacing(word + "\n"),
            cwe=89,
            rules=(word,),
            reason=word,
            votes=(vote(word, word, rule=word, message=word),),
            objections=(Objection(agent=word, lineage=word, confidence=0.5, message=word),),
        ),
        finding(
            id=word + "2",
            path=word + "/b",
            decision="demoted",
            message="m" + word,
            suggestion=word.replace("\n", " ") + "y",
        ),
        task_id=word,
        kind=word,
        labels={word: word},
        idempotency_key=word + "k",
        reason="r" + word,
        summary="s" + word,
        verdict=None,
        coverage=Coverage(
            agents={
                word: AgentCoverage(
                    state="failed", version=word, lineage=word, reason="r" + word, unread={"b" + word: word + "w"}
                ),
                word + "2": AgentCoverage(state="skipped"),
                word + "3": AgentCoverage(state="skipped", reason=f"a{word} is not installed: i{word}"),
            },
            unread=(word,),
        ),
        answers={word: word},
        timings=Timings(submitted_at=word + "t", finished_at=word + "f"),
    )


TEXTUAL = {"code", "span", "i", "br"}
"""Their number follows from the text: a path's folder, code in a message, lines."""


def shape(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    return [(element.tag, tuple(element.attributes)) for element in page.elements if element.tag not in TEXTUAL]


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_nothing_from_a_change_becomes_markup_an_attribute_or_a_control_character(word: str) -> None:
    word += "w"  # Where there is nothing to show, there is no element either.
    text = render(everywhere(word), "html", files={word: word + "\n" + word})
    text.encode("utf-8")
    page = page_of(text)
    assert shape(page) == shape(page_of(render(everywhere("benign"), "html", files={"benign": "benign\nbenign"})))
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [char for char in page.text if char != "\n" and unicodedata.category(char) in unsafe]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_hostile_is_shown_as_it_is(attack: str) -> None:
    from quorate.render.clean import one_line

    page = report(finding(message=attack, reason="r"))
    [title] = page.all("h4")
    assert one_line(attack).replace("`", "") in title.text


def test_the_report_refers_to_nothing_outside_but_pages_that_are_ours_to_name() -> None:
    page = page_of(render(everywhere("http://evil.example/x"), "html"))
    for element in page.elements:
        assert element.tag not in {"link", "img", "iframe", "object", "embed", "base", "video", "audio", "source"}
        assert not {"src", "srcset", "action", "style", "ping", "background"} & element.attributes.keys()
        assert not [name for name in element.attributes if name.startswith("on")]
        address = element.attributes.get("href") or "#"
        assert address.startswith(
            ("#", "https://cwe.mitre.org/data/definitions/", "https://docs.astral.sh/ruff/rules/")
        )
        if not address.startswith("#"):
            assert element.attributes["rel"] == "noreferrer noopener"
    style, script = page.all("style")[0].text, page.all("script")[0].text
    for code in (style, script):
        assert not re.search(r"url\(|@import|https?:|fetch|XMLHttpRequest|innerHTML|eval|import\(", code)


def test_the_policy_allows_our_own_style_and_script_and_nothing_else() -> None:
    text = render(result(finding()), "html")
    page = page_of(text)
    [policy] = [meta.attributes["content"] or "" for meta in page.all("meta") if "http-equiv" in meta.attributes]

    def digest(tag: str) -> str:
        [element] = page.all(tag)
        return f"'sha256-{base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()}'"

    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src {digest('style')}",
        f"script-src {digest('script')}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_the_report_has_landmarks_headings_in_order_and_names_for_its_controls() -> None:
    page = report(
        finding(),
        finding(decision="demoted"),
        coverage=Coverage(agents={"a": AgentCoverage(state="ok")}, unread=("x",)),
    )
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.all("title")[0].text == "Changes requested – Quorate review"
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(page.all(tag)) == 1
    levels = [int(each.tag[1]) for each in page.elements if re.fullmatch(r"h\d", each.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(set(ids)) == len(ids)
    for element in page.elements:
        for name in ("aria-labelledby", "for"):
            assert element.attributes.get(name, ids[0]) in ids
        if element.tag in {"input", "select"}:
            assert "label" in element.within
        address = element.attributes.get("href") or ""
        assert not address.startswith("#") or address[1:] in ids
    assert page.all("form")[0].attributes.keys() >= {"hidden", "aria-label"}


def test_verdict_counts_and_notes_stand_first() -> None:
    page = report(
        finding(),
        finding(severity="low", fix=Fix(edits=(Edit(line=1, end_line=1, text=""),), safe=True)),
        finding(decision="demoted"),
    )
    head = page.all("header")[0].text
    assert "Changes requested" in head
    assert "1 high, 1 low" in head
    tiles = [tile.text for tile in page.all("div", **{"class": "tile"})]
    assert tiles == ["high1", "low1", "unconfirmed1", "fixable1", "agent looked1", "in all1.3 s"]
    assert "1 finding can be settled by a safe fix; in a working tree --fix applies it." in head


def test_a_finding_shows_place_rules_weakness_lines_suggestion_and_votes() -> None:
    page = report(finding(cwe=259, line=4, suggestion="Read it.", indirect=True))
    [article] = page.all("article", **{"class": "finding"})
    assert article.attributes["id"] == "f-f1"
    for words in (
        "Use os.environ",
        "line 4",
        "S105",
        "CWE-259",
        "by ruff + bandit: 1 vote (lineage bandit)",
        "caused by the change, outside of the changed lines",
        "Read it.",
        "Votes: 2 agents, 1 lineage",
        "one vote is enough",
        "0.90",
        "in other words",
    ):
        assert words in article.text
    assert [
        (span.attributes["data-n"], span.text, span.attributes.get("class"))
        for span in page.all("span")
        if "data-n" in span.attributes
    ] == [
        ("3", "if x:", None),
        ("4", "    password()", "h"),
    ]
    links = [link.attributes["href"] for link in page.all("a") if "rel" in link.attributes]
    assert links == ["https://docs.astral.sh/ruff/rules/S105", "https://cwe.mitre.org/data/definitions/259.html"]


@pytest.mark.parametrize("decision", ["held", "demoted", "withheld"])
def test_what_was_not_confirmed_stands_apart_with_its_reason(decision: str) -> None:
    page = report(finding(message="sure"), finding(id="f2", decision=decision, reason="too few votes"))
    assert [section.attributes["id"] for section in page.all("section", **{"class": "shelf"})] == [
        "confirmed",
        decision,
    ]
    assert "too few votes" in page.all("p", **{"class": "why"})[0].text


def test_a_fix_is_shown_as_what_goes_and_what_comes() -> None:
    fix = Fix(edits=(Edit(line=1, end_line=1, text=""), Edit(line=3, end_line=2, text="new()\n")), safe=True)
    page = report(finding(fix=fix))
    [shown] = page.all("details", **{"class": "fix"})
    assert shown.text.split("\n") == [
        "Fix, safe: the same behaviour but for the defect",
        "line 1- import os",
        "before line 3+ new()",
        "",
    ]
    signs = [
        (span.attributes["class"], span.attributes["data-n"])
        for span in page.all("span")
        if span.text[:2] in {"- ", "+ "}
    ]
    assert signs == [("d", "1"), ("a", "")]


def test_a_long_fix_is_cut() -> None:
    page = report(finding(fix=replacing("row\n" * 500)))
    [shown] = page.all("details", **{"class": "fix"})
    assert shown.text.count("row") < MAX_CODE_LINES
    assert shown.text.endswith("row…\n")


def test_neither_excerpt_nor_fix_shows_a_secret() -> None:
    files = {"a.py": "x = 1\npassword = 'correct horse'\ny = 2\n"}
    findings = (
        finding(
            path="a.py", line=2, category="secrets", fix=Fix(edits=(Edit(line=2, end_line=2, text="correct horse\n"),))
        ),
        finding(path="a.py", line=3, fix=Fix(edits=(Edit(line=2, end_line=3, text="password = 'correct horse'\n"),))),
        finding(path="a.py", line=1, end_line=2),
    )
    text = render(result(*findings), "html", files=files)
    assert "correct horse" not in text
    assert page_of(text).text.count("not shown: a secret") == 4


def test_a_line_beside_a_finding_that_looks_like_a_secret_is_not_shown() -> None:
    text = render(result(finding(path="a.py", line=2)), "html", files={"a.py": "token = 'correct horse'\nx = 1\n"})
    assert "correct horse" not in text


def test_who_looked_and_what_was_not_read_is_told_with_reasons() -> None:
    agents = {
        "eslint": AgentCoverage(state="skipped", reason="no JavaScript file in the change"),
        "mypy": AgentCoverage(
            state="ok", files=1, elapsed_ms=45, unread={"b.py": "syntax error", "logo.png": "binary"}, unread_total=2
        ),
        "ruff": AgentCoverage(state="timeout", elapsed_ms=30_000, reason="no answer within 30 s"),
        "semgrep": AgentCoverage(state="skipped", reason="semgrep is not installed: pipx install semgrep"),
    }
    page = report(coverage=Coverage(agents=agents, unread=("logo.png",), unread_total=3))
    looked = page.all("section", id="agents")[0].text
    for words in (
        "mypy",
        "45 ms",
        "could not read 1 file",
        "timeout",
        "no answer within 30 s",
        "Not neededeslint",
        "semgrep: pipx install semgrep",
    ):
        assert words in looked
    unread = page.all("section", id="unread")[0].text
    assert "3 files of the change read by no agent." in unread
    assert unread.index("logo.png") < unread.index("any agent") < unread.index("binary") < unread.index("b.py")
    assert "and 1 more file" in unread


def test_answers_models_and_times_are_shown() -> None:
    page = report(
        answers={"a": "It is\nso.", "b": {"ok": [1]}},
        usage=Usage(llm_calls=2, tokens_in=1_500, cost_usd=0.02),
        timings=Timings(submitted_at="2026-01-02T03:04:01Z", finished_at="2026-01-02T03:04:05Z", elapsed_ms=125_000),
    )
    answers = page.all("section", id="answers")[0].text
    assert "It is\nso." in answers
    assert '"ok": [' in answers
    about = page.all("section", id="about")[0].text
    for words in ("2026-01-02T03:04:01Z", "2 min 5 s", "2 model calls (1,500 tokens, $0.02)", "t1"):
        assert words in about


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "approve"},
        {"verdict": None, "coverage": Coverage()},
        {"state": "failed", "reason": "nobody", "verdict": None},
    ],
)
def test_a_result_without_findings_is_a_whole_report(fields: dict[str, Any]) -> None:
    page = report(**fields)
    assert page.all("form") == []
    assert page.all("article") == []


def test_ids_that_are_not_sound_or_not_unique_become_numbers() -> None:
    page = report(finding(id='x" y'), finding(id="f2"), finding(id="f2"))
    assert [article.attributes["id"] for article in page.all("article")] == [
        f"confirmed-finding-{n}" for n in (1, 2, 3)
    ]


def test_what_the_filters_go_by_is_in_the_findings() -> None:
    fix = Fix(edits=(Edit(line=1, end_line=1, text=""),), safe=True)
    page = report(finding(fix=fix), finding(id="f2", severity="info", votes=(vote("zizmor", "z"), vote("ruff", "r"))))
    marks = [(a.attributes["data-s"], a.attributes["data-a"], "data-x" in a.attributes) for a in page.all("article")]
    assert marks == [("1", "1 0", True), ("4", "2 1", False)]
    options = [(option.attributes["value"], option.text) for option in page.all("option")]
    assert options == [("", "any"), ("0", "bandit"), ("1", "ruff"), ("2", "zizmor")]


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


PAIRS = [
    *((name, f"{name}-tint") for name in ("critical", "high", "medium", "low", "info", "good")),
    *(
        (name, ground)
        for name in ("text", "soft", "link")
        for ground in ("page", "card", "sunk", "hit", "gone", "come")
    ),
    *((name, "card") for name in ("critical", "high", "medium", "low", "info", "good")),
    ("text", "good-tint"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("words", "ground"), PAIRS)
def test_every_colour_of_words_has_the_contrast_that_wcag_aa_asks_for(scheme: str, words: str, ground: str) -> None:
    style = Path(html.__file__).with_name("review.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    )
    colors = light if scheme == "light" else light | dark
    assert contrast(colors[words], colors[ground]) >= 4.5


def test_who_objects_is_told_beside_the_votes() -> None:
    objection = Objection(agent="taint", lineage="taint", confidence=0.8, message="it is a constant")
    page = report(finding(objections=(objection,)))
    [article] = page.all("article")
    for words in ("; taint objects", "Votes: 2 agents, 1 lineage, 1 objection", "objects0.80it is a constant"):
        assert words in article.text
