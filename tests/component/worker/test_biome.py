"""The agent `biome`, with the real tool."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate.contract.fix import Edit, Fix
from quorate_worker.adapters import biome as module
from quorate_worker.adapters.biome import BIOME, RULES, SUFFIXES, refusal
from quorate_worker.adapters.rules import judge
from quorate_worker.adapters.toolbox import Toolbox
from tests.support.analyzers import without

ContextOf = Callable[..., Context]

GIVEN = os.environ.get("QUORATE_TEST_BIOME")
TOOLBOX = Toolbox(commands={"biome": GIVEN} if GIVEN else {})

needs_biome = pytest.mark.skipif(
    not (BIOME.program and BIOME.program.argv(GIVEN)),
    reason="biome is not installed: npm install --global @biomejs/biome, or give its path as QUORATE_TEST_BIOME",
)


def ran(canary: Path) -> bool:
    return canary.exists()


async def run(context: Context) -> Contribution:
    report = await BIOME.analyze(context, TOOLBOX)
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((item.path, item.line, item.rule.rpartition("/")[2]) for item in report.findings)


@needs_biome
async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    files = {
        "a.js": "export const x = 1;\nx = 2;\n\nif (x == 1) {\n  debugger;\n}\n",
        "b.tsx": (
            "export function B({ xs }: { xs: string[] }) {\n  if (xs) useState(1);\n"
            "  return <i dangerouslySetInnerHTML={{ __html: xs[0] }} />;\n}\n"
        ),
        "c.json": '// fine\n{\n  "a": 1,\n  "a": 2,\n}\n',
        "d.css": ".a {\n  colr: red;\n}\n",
        "e.mts": "export const f = (g: string) => eval(g);\n",
        "clean.ts": "export const a: number = 1;\n",
        "notes.txt": "debugger;\n",
    }

    report = await run(context_of(files))

    assert report.state == "ok", report.reason
    assert report.version.startswith("2.")
    assert (report.read, report.unread) == (tuple(path for path in files if path != "notes.txt"), {})
    assert rules(report) == [
        ("a.js", 2, "noConstAssign"),
        ("a.js", 4, "noDoubleEquals"),
        ("a.js", 5, "noDebugger"),
        ("b.tsx", 2, "useHookAtTopLevel"),
        ("b.tsx", 3, "noDangerouslySetInnerHtml"),
        ("c.json", 3, "noDuplicateObjectKeys"),
        ("d.css", 2, "noUnknownProperty"),
        ("e.mts", 1, "noGlobalEval"),
    ]
    assert next(item for item in report.findings if item.rule.endswith("noDebugger")) == Finding(
        path="a.js",
        line=5,
        end_line=5,
        severity="medium",
        category="bug",
        message="This is an unexpected use of the debugger statement.",
        rule="lint/suspicious/noDebugger",
        confidence=0.9,
        cwe=489,
        fix=Fix(edits=(Edit(line=4, end_line=5, text="if (x == 1) {\n"),), safe=False),
    )


@needs_biome
async def test_nothing_of_the_change_configures_or_extends_the_tool(context_of: ContextOf, canary: Path) -> None:
    off = '{"root": true, "linter": {"enabled": false}, "files": {"includes": []}, "plugins": ["./p.grit"]}'
    files = {
        "biome.json": off,
        "biome.jsonc": off,
        ".biome.json": off,
        "sub/biome.json": '{"root": false, "linter": {"enabled": false}}',
        "sub/a.js": "debugger;\n",
        "p.grit": "`debugger` where { register_diagnostic(span=$filename, message='mine') }\n",
        ".gitignore": "*\n",
        ".ignore": "*\n",
        ".editorconfig": "root = true\n",
        "package.json": '{"name": "x", "biome": {}, "scripts": {"postinstall": "touch canary"}}',
        "node_modules/@biomejs/biome/bin/biome": f"#!/bin/sh\ntouch {canary}\n",
        "node_modules/x/a.js": "debugger;\n",
        "dist/a.min.js": "debugger;\n",
        "package-lock.json": '{"a": 1, "a": 2}\n',
        "generated.js": "/* @generated */\ndebugger;\n",
        ".hidden/a.js": "debugger;\n",
        "A.JS": "debugger;\n",
        "-x.js": "debugger;\n",
        "[x] ü.js": "debugger;\n",
    }

    report = await run(context_of(files))

    wanted = {path for path in files if Path(path.lower()).suffix in SUFFIXES}
    assert set(report.read) == wanted
    assert {path for path, _, rule in rules(report) if rule == "noDebugger"} == {
        path for path in wanted if path.lower().endswith(".js")
    }
    assert ("package-lock.json", 1, "noDuplicateObjectKeys") in rules(report)
    assert not ran(canary)


@needs_biome
async def test_what_directs_the_tool_makes_findings_notes_and_hides_none(context_of: ContextOf) -> None:
    files = {
        "a.js": "// biome-ignore lint/suspicious/noDebugger: fine\ndebugger;\ndebugger;\n",
        "all.ts": "// biome-ignore-all lint: no\ndebugger;\n",
        "range.ts": "// biome-ignore-start lint: x\ndebugger;\n// biome-ignore-end lint: x\ndebugger;\n",
        "css.css": ".a {\n  /* biome-ignore lint: x */\n  colr: red;\n}\n",
        "json.json": '{\n  // biome-ignore lint: x\n  "a": 1,\n  "a": 2\n}\n',
        "other.js": "/* eslint-disable */\n// @ts-nocheck\ndebugger; // eslint-disable-line\n",
    }

    report = await run(context_of(files))

    assert sorted((item.path, item.line, item.severity) for item in report.findings) == [
        ("a.js", 2, "info"),
        ("a.js", 3, "medium"),
        ("all.ts", 2, "info"),
        ("css.css", 3, "info"),
        ("json.json", 3, "info"),
        ("other.js", 3, "medium"),
        ("range.ts", 2, "info"),
        ("range.ts", 4, "medium"),
    ]
    for item in report.findings:
        assert item.message.endswith("(dismissed in the code by `biome-ignore`)") == (item.severity == "info")
        assert item.severity != "info" or item.fix is None


@needs_biome
async def test_a_syntax_error_is_a_finding_and_the_file_is_unread(context_of: ContextOf) -> None:
    files = {
        "bad.js": "debugger;\nfunction f( {\n",
        "bad.json": "{\n",
        "bad.css": "a {\n  color: #ggg;\n}\n",
        "flow.js": "/* @flow */\nfunction f(x: number) {}\n",
        "good.js": "debugger;\n",
    }

    report = await run(context_of(files))

    assert report.read == ("good.js",)
    assert set(report.unread) == set(files) - {"good.js"}
    assert report.unread["bad.js"].startswith("syntax error in line 2: Expected an identifier")
    broken = sorted((item.path, item.line, item.severity) for item in report.findings if item.rule == "parse")
    assert broken == [("bad.css", 2, "medium"), ("bad.js", 2, "high"), ("bad.json", 1, "high")]
    assert ("bad.js", 1, "noDebugger") in rules(report)


@needs_biome
async def test_what_frameworks_write_is_no_syntax_error(context_of: ContextOf) -> None:
    files = {
        "a.d.ts": "export const a: number;\nexport function f(x: string): void;\n",
        "nest.ts": "export class A {\n  constructor(@Inject() readonly x: number) {}\n}\n",
        "b.module.css": ":local(.a) {\n  color: red;\n  composes: b;\n}\n",
        "t.css": '@import "tailwindcss";\n.a {\n  @apply p-1;\n}\n',
        "jsx.js": "export const a = <b>c</b>;\n",
        ".babelrc.json": '// x\n{"a": 1,}\n',
        "run.mjs": "#!/usr/bin/env node\nexport default await 1;\n",
    }

    report = await run(context_of(files))

    assert (report.findings, report.unread) == ((), {})


@needs_biome
async def test_odd_contents_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.js": "",
        "crlf.js": "let a;\r\ndebugger;\r\n",
        "cr.js": "debugger;\rdebugger;\ndebugger;\n",
        "bom.js": "\ufeffdebugger;\n",
        "surrogate.js": "// \ud800\ndebugger;\n",
        "separator.js": "// a\u2028debugger;\ndebugger;\n",
        "wide.js": "let a = '\U0001d4b3\N{LATIN SMALL LETTER E WITH ACUTE}'; debugger;",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert [item for item in rules(report) if item[2] == "noDebugger"] == [
        ("bom.js", 1, "noDebugger"),
        ("cr.js", 1, "noDebugger"),
        ("cr.js", 1, "noDebugger"),
        ("cr.js", 2, "noDebugger"),
        ("crlf.js", 2, "noDebugger"),
        ("separator.js", 1, "noDebugger"),
        ("separator.js", 2, "noDebugger"),
        ("surrogate.js", 2, "noDebugger"),
        ("wide.js", 1, "noDebugger"),
    ]
    fix = next(item.fix for item in report.findings if item.path == "wide.js" and item.rule.endswith("noDebugger"))
    assert fix is not None
    assert fix.edits[0].text == "let a = '\U0001d4b3\N{LATIN SMALL LETTER E WITH ACUTE}'; "


@needs_biome
async def test_a_file_that_it_stumbles_over_does_not_hide_the_others(context_of: ContextOf) -> None:
    report = await run(context_of({"deep.js": "(\n" * 100_000, "good.js": "debugger;\n"}))

    assert rules(report) == [("good.js", 1, "noDebugger")]
    assert "overflowed its stack" in report.unread["deep.js"]


@needs_biome
async def test_a_file_that_takes_too_long_does_not_hide_the_others(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALONE_S", 2.0)
    slow = "debugger;\n" * 80_000

    report = await run(context_of({"slow.js": slow, "good.js": "debugger;\n"}, deadline_at=time.time() + 12))

    assert rules(report) == [("good.js", 1, "noDebugger")]
    assert "biome gave up" in report.unread["slow.js"]


@needs_biome
async def test_a_thousand_files_are_read(context_of: ContextOf) -> None:
    report = await run(context_of({f"pkg{n % 40}/m{n}.ts": "debugger;\n" for n in range(1000)}))

    assert len(report.read) == len(report.findings) == 1000


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("a.js", "x\n" * 600_000, "larger than the 1048576 bytes"),
        ("a.js", "\N{EURO SIGN}\n" * 300_000, "larger than the 1048576 bytes"),
        ("a.css", "a{b:c}" * 2_000, "looks minified: its lines have 12000 characters"),
        ("a.js", "f();" * 1_000, None),
        ("a.json", '{"a":"' + "b" * 20_000 + '"}', None),
        ("a.js", "f();\n" * 10_000, None),
    ],
    ids=["large", "large in bytes", "minified", "short", "data", "code"],
)
def test_what_is_too_large_or_minified_is_not_read(path: str, text: str, why: str | None) -> None:
    said = refusal(path, text)

    assert said is None if why is None else why in (said or "")


@needs_biome
async def test_what_is_not_read_is_unread_with_the_reason(context_of: ContextOf) -> None:
    minified = "debugger;" * 1_000

    some = await run(context_of({"a.min.js": minified, "b.js": "debugger;\n"}))
    none = await run(context_of({"a.min.js": minified}))

    assert (some.read, none.read) == (("b.js",), ())
    assert list(some.unread) == list(none.unread) == ["a.min.js"]


async def test_a_missing_tool_says_how_to_install_it(context_of: ContextOf) -> None:
    report = await without(BIOME).analyze(context_of({"a.js": "debugger;\n"}), Toolbox())

    assert report.state == "missing"
    assert report.reason == "no-such-program-here is not installed: npm install --global @biomejs/biome"


@pytest.mark.parametrize("program", ["echo 'no such rule' >&2; exit 2", "echo not JSON", "echo '{}'"])
async def test_a_tool_that_fails_is_a_state_and_not_an_empty_result(
    context_of: ContextOf, tmp_path: Path, program: str
) -> None:
    (tmp_path / "biome").write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 2.0 && exit\n{program}\n')
    (tmp_path / "biome").chmod(0o700)
    commands = {"biome": str(tmp_path / "biome")}

    report = await BIOME.analyze(context_of({"a.js": "debugger;\n"}), Toolbox(commands=commands))

    assert report.state == "failed"
    assert "biome ended with code" in (report.reason or "")


@needs_biome
async def test_without_time_left_the_state_is_timeout(context_of: ContextOf) -> None:
    report = await run(context_of({"a.js": "debugger;\n"}, deadline_at=time.time() - 1))

    assert (report.state, report.unread) == ("timeout", {"a.js": "biome timeout"})


@pytest.mark.parametrize(
    ("rule", "category", "severity"),
    [
        ("parse", "bug", "high"),
        ("lint/a11y/useAltText", "other", "low"),
        ("lint/correctness/noConstAssign", "bug", "high"),
        ("lint/correctness/noUnusedImports", "style", "low"),
        ("lint/correctness/anything", "bug", "medium"),
        ("lint/performance/noAccumulatingSpread", "performance", "low"),
        ("lint/security/noGlobalEval", "security", "high"),
        ("lint/security/noDangerouslySetInnerHtmlWithChildren", "security", "medium"),
        ("lint/suspicious/noFocusedTests", "tests", "medium"),
        ("assist/anything", "other", "low"),
    ],
)
def test_a_rule_is_judged_by_its_longest_beginning(rule: str, category: str, severity: str) -> None:
    assert judge(RULES, rule)[:2] == (category, severity)
