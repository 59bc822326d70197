"""The agent `performance`, with the real ruff and our own scan."""

from collections.abc import Callable
from importlib import metadata

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.fix import Edit, Fix
from quorate_worker.adapters.performance import PERFORMANCE, RULES, SELECT
from quorate_worker.adapters.rules import judge
from quorate_worker.adapters.toolbox import Toolbox

ContextOf = Callable[..., Context]


async def run(context: Context) -> Contribution:
    report = await PERFORMANCE.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((item.path, item.line, item.rule) for item in report.findings)


def body(*lines: str) -> str:
    return "def f(ids, cursor):\n    out = ''\n    seen = []\n" + "".join(f"    {line}\n" for line in lines)


async def test_rules_of_ruff_come_with_their_fix(context_of: ContextOf) -> None:
    code = "import os\n\n\ndef f(lists):\n    return sum(lists, [])\n"

    report = await run(context_of({"a.py": code, "clean.py": "X = 1\n", "notes.txt": "sum(x, [])\n"}))

    assert (report.state, report.version) == ("ok", metadata.version("ruff"))
    assert report.read == ("a.py", "clean.py")
    [finding] = report.findings
    assert (finding.rule, finding.line, finding.end_line, finding.severity) == ("RUF017", 5, 5, "medium")
    assert finding.fix == Fix(
        edits=(Edit(line=5, end_line=5, text="    return [*sublist for sublist in lists]\n"),), safe=False
    )


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("query-in-loop", body("for i in ids:", "    cursor.execute('select ?', (i,))")),
        ("query-in-loop", body("async for i in ids:", "    if i:", "        await self.db.execute(query(i))")),
        ("query-in-loop", body("for i in ids:", "    User.objects.get(id=i)")),
        ("request-in-loop", body("for i in ids:", "    requests.get(i)")),
        ("string-grown-in-loop", body("for i in ids:", "    out += f'{i}, '")),
        ("compile-in-loop", body("while ids:", "    re.compile('a')")),
        ("list-search-in-loop", body("for i in ids:", "    if i not in seen:", "        seen.append(i)")),
        ("list-search-in-loop", body("for i in ids:", "    print(i in (1, 2, 3, 4, 5, 6, 7, 8))")),
        ("insert-at-front", body("for i in ids:", "    seen.insert(0, i)")),
        ("pop-at-front", body("while ids:", "    ids.pop(0)")),
        ("concat-in-loop", body("for i in ids:", "    out = pd.concat([out, i])")),
    ],
)
async def test_what_is_done_again_at_each_turn_is_found(context_of: ContextOf, rule: str, code: str) -> None:
    [finding] = (await run(context_of({"a.py": code}))).findings

    assert (finding.rule, finding.category) == (rule, "performance")
    line = code.split("\n")[(finding.line or 0) - 1]
    assert any(word in line for word in ("execute", "get(", "+=", "compile", " in ", "insert", "pop", "concat"))


@pytest.mark.parametrize(
    "code",
    [
        body("cursor.execute('select 1')"),
        body("for statement in ids:", "    cursor.execute(statement)"),
        body("for row in cursor.execute('select 1'):", "    print(row)"),
        body("for _ in range(3):", "    requests.get('x')"),
        body("while True:", "    requests.get('x')"),
        body("for i in ids:", "    session.get('user')"),
        body("for i in ids:", "    out = ''", "    out += f'{i}'"),
        body("for i in ids:", "    def g():", "        cursor.execute('select 1')"),
        body("for i in ids:", "    fresh = []", "    fresh.append(i)", "    print(i in fresh)"),
        body("for i in ids:", "    print(i in (1, 2))"),
        body("for i in ids:", "    pass", "else:", "    cursor.execute('select 1')"),
        body("for i in ids:", "    seen.pop()", "    headers.pop(0, None)"),
    ],
)
async def test_what_is_done_once_or_has_to_be_done_is_not_told(context_of: ContextOf, code: str) -> None:
    assert (await run(context_of({"a.py": code}))).findings == ()


async def test_an_inner_loop_is_told_once(context_of: ContextOf) -> None:
    code = body("for i in ids:", "    for j in i:", "        cursor.execute('x', j)")

    assert rules(await run(context_of({"a.py": code}))) == [("a.py", 6, "query-in-loop")]


async def test_comments_and_configuration_hide_nothing(context_of: ContextOf) -> None:
    code = "x = list(y)[0]\n"
    files = {
        "ruff.toml": "exclude = ['*']\n",
        "pyproject.toml": "[tool.ruff]\nexclude = ['*']\n",
        ".gitignore": "*\n",
        "a.py": code,
        "b.py": "x = list(y)[0]  # noqa: RUF015\n",
        "c.py": f"# ruff: noqa\n{code}",
        "json.py": "raise SystemExit('it ran')\n",
        "ast.py": "raise SystemExit('it ran')\n",
    }

    report = await run(context_of(files))

    assert sorted((item.path, item.severity) for item in report.findings) == [
        ("a.py", "low"),
        ("b.py", "info"),
        ("c.py", "info"),
    ]


async def test_how_long_a_test_takes_is_not_told(context_of: ContextOf) -> None:
    report = await run(context_of(dict.fromkeys(("tests/test_a.py", "a.py"), "x = list(y)[0]\n")))

    assert rules(report) == [("a.py", 1, "RUF015")]


async def test_what_cannot_be_parsed_is_unread_without_a_finding(context_of: ContextOf) -> None:
    files = {
        "bad.py": "x = 1\ndef f(:\n",
        "nul.py": "x = '\x00'\n",
        "deep.py": f"x = {'(' * 5_000}{')' * 5_000}\n",
        "long.py": f"x = {' + '.join(['1'] * 50_000)}\n",
        "good.py": "x = list(y)[0]\n",
    }

    report = await run(context_of(files))

    assert rules(report) == [("good.py", 1, "RUF015")]
    assert report.unread["bad.py"] == "syntax error in line 2: invalid syntax"
    assert {"bad.py", "nul.py", "deep.py"} <= set(report.unread)
    assert "good.py" in report.read


async def test_odd_contents_and_names_are_read(context_of: ContextOf) -> None:
    code = "def f(cursor, ids):\n    for i in ids:\n        cursor.execute('x', i)\n    return list(ids)[0]"
    files = {
        "empty.py": "",
        "crlf.py": code.replace("\n", "\r\n"),
        "bom.py": f"\ufeff{code}",
        "cr.py": f"# a\r{code}\n",
        "surrogate.py": f"# \ud800\n{code}\n",
        "-x.py": code,
        "ü/[1] é.PY": code,
        "a.pyw": code,
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files), report.unread
    lines = {"surrogate.py": 4}
    assert rules(report) == sorted(
        found
        for path in set(files) - {"empty.py"}
        for found in (
            (path, lines.get(path, 3), "query-in-loop"),
            (path, lines.get(path, 3) + 1, "RUF015"),
        )
    )


def test_every_selected_rule_is_judged_by_an_entry_of_its_own() -> None:
    assert [rule for rule in SELECT.split(",") if judge(RULES, rule) is RULES[""]] == []
