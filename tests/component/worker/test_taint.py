"""The agent `taint`, with the real program."""

import time
from collections.abc import Callable
from pathlib import Path

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Clearance, Finding
from quorate.settings import QuorumRule
from quorate_collector.domain.conclude import Policy, decide_findings
from quorate_worker.adapters import taint as module
from quorate_worker.adapters.bandit import BANDIT
from quorate_worker.adapters.taint import TAINT
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import workspace
from quorate_worker.taint.rules import VERSION

ContextOf = Callable[..., Context]
FLOW = (
    "import os\nfrom flask import request\n\ndef f():\n    name = request.args['name']\n"
    "    os.system(\n        'ls ' + name\n    )\n"
)
CONSTANT = "import subprocess\n\nsubprocess.call(\n    'ls | wc',\n    shell=True,\n)\n"
CALL = Clearance(
    path="a.py",
    line=3,
    end_line=6,
    cwe=78,
    message="only constants and values that do no harm reach this command",
    confidence=0.8,
)


def ran(canary: Path) -> bool:
    return canary.exists()


async def run(context: Context) -> Contribution:
    report = await TAINT.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


async def test_a_comment_for_bandit_or_ruff_that_speaks_of_the_weakness_is_heard(context_of: ContextOf) -> None:
    code = "import hashlib\n\n" + "".join(
        f"def f{number}(data):\n    return hashlib.md5(data).hexdigest(){comment}\n\n\n"
        for number, comment in enumerate(("", "  # nosec", "  # noqa: S324", "  # noqa: S105", "  # nosec B608"))
    )

    report = await run(context_of({"a.py": code}))

    assert [finding.rule for finding in report.findings] == ["weak-hash"] * 5
    assert [finding.dismissed for finding in report.findings] == [False, True, True, False, False]


def planted(canary: Path) -> dict[str, str]:
    """Modules of the change by the names of those that the program imports."""
    text = f"open({str(canary)!r}, 'w').write(__name__)\nraise SystemExit(0)\n"
    names = ("ast", "json", "re", "sitecustomize", "usercustomize", "quorate_worker/__init__")
    return {f"{name}.py": text for name in (*names, "quorate_worker/taint/__main__", "quorate/__init__")}


async def test_a_flow_is_found_where_it_ends(context_of: ContextOf) -> None:
    report = await run(context_of({"a.py": FLOW, "clean.py": "X = 1\n", "notes.txt": "os.system(input())\n"}))

    assert report.state == "ok"
    assert report.version == VERSION
    assert report.read == ("a.py", "clean.py")
    assert (report.unread, report.cleared) == ({}, ())
    assert report.findings == (
        Finding(
            path="a.py",
            line=6,
            end_line=8,
            severity="high",
            category="security",
            message="`name` from request.args['name'] (line 5) reaches os.system as a shell command: give the program "
            "a list of arguments and no shell, or quote it with shlex.quote.",
            rule="command-injection",
            cwe=78,
            confidence=0.9,
            evidence="line 5: request.args['name'] -> line 5: name = ... -> line 6: os.system",
        ),
    )


async def test_a_harmless_place_is_cleared(context_of: ContextOf) -> None:
    report = await run(context_of({"a.py": CONSTANT}))

    assert (report.state, report.findings) == ("ok", ())
    assert report.cleared == (CALL,)


async def test_lines_are_those_of_the_change_whatever_ends_them(context_of: ContextOf) -> None:
    files = {
        "crlf.py": FLOW.replace("\n", "\r\n"),
        "cr.py": "# a\r" + FLOW,
        "cleared_crlf.py": CONSTANT.replace("\n", "\r\n"),
        "cleared_cr.py": "# a\r" + CONSTANT,
    }

    report = await run(context_of(files))

    assert {(item.path, item.line, item.end_line) for item in report.findings} == {("crlf.py", 6, 8), ("cr.py", 6, 8)}
    assert {(item.path, item.line, item.end_line) for item in report.cleared} == {
        ("cleared_crlf.py", 3, 6),
        ("cleared_cr.py", 3, 6),
    }


async def test_a_file_that_cannot_be_read_is_unread_and_hides_nothing_of_the_others(context_of: ContextOf) -> None:
    report = await run(context_of({"a.py": FLOW, "bad.py": "def f(:\n", "nul.py": "x = '\0'\n"}))

    assert report.read == ("a.py",)
    assert report.unread["bad.py"] == "not valid Python (line 1)"
    # Python 3.11 and later have different words for it.
    assert report.unread["nul.py"].startswith("not valid Python")
    assert [item.path for item in report.findings] == ["a.py"]


async def test_modules_of_the_change_are_never_run(
    context_of: ContextOf, hostile: dict[str, str], canary: Path
) -> None:
    files = hostile | planted(canary) | {"a.py": FLOW}

    report = await run(context_of(files))

    assert report.state == "ok"
    assert [(item.path, item.line) for item in report.findings if item.path == "a.py"] == [("a.py", 6)]
    assert set(report.read) == {path for path in files if path.endswith(".py")}
    assert not ran(canary)


async def test_even_beside_the_planted_modules_nothing_of_them_runs(canary: Path) -> None:
    files = planted(canary) | {"a.py": FLOW, "b.py": CONSTANT}

    async with workspace(files) as space:
        done = await module.check(space, 30)

    assert [(item.path, item.line) for item in done.findings] == [("a.py", 6)]
    assert [(item.path, item.line) for item in done.cleared] == [("b.py", 3)]
    assert not ran(canary)


async def test_a_change_without_python_is_skipped(context_of: ContextOf) -> None:
    report = await run(context_of({"a.txt": "x"}))

    assert (report.state, report.reason) == ("skipped", "no Python file in the change")


async def test_a_deadline_in_the_middle_of_a_run_is_a_timeout(context_of: ContextOf) -> None:
    files = {f"m{n}.py": FLOW * 300 for n in range(40)}

    report = await run(context_of(files, deadline_at=time.time() + 0.3))

    assert report.state == "timeout"
    assert (report.read, set(report.unread), report.cleared) == ((), set(files), ())


async def test_what_bandit_reports_of_a_harmless_place_is_demoted_with_the_reason(context_of: ContextOf) -> None:
    context = context_of({"a.py": CONSTANT, "b.py": "import subprocess\nsubprocess.call(input(), shell=True)\n"})
    contributions = {"bandit": await BANDIT.analyze(context, Toolbox()), "taint": await run(context)}

    decided = {
        item.path: item
        for item in decide_findings(contributions, Policy(quorum=lambda _: QuorumRule()))
        if item.cwe == 78
    }

    assert (decided["a.py"].decision, decided["b.py"].decision) == ("demoted", "confirmed")
    assert [(item.agent, item.message) for item in decided["a.py"].objections] == [("taint", CALL.message)]
