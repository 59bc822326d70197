"""The agent `detect-secrets`, with the real library, in a process of its own."""

import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters import detect_secrets as module
from quorate_worker.adapters.bandit import BANDIT
from quorate_worker.adapters.detect_secrets import DETECT_SECRETS, slug, to_finding
from quorate_worker.adapters.ruff import RUFF
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace
from tests.support.analyzers import without

ContextOf = Callable[..., Context]
SECRET = "kestrel-9-umbrella"
EXAMPLE = Path(__file__).parents[3] / "examples" / "change.patch"


def ran(canary: Path) -> bool:
    return canary.exists()


async def run(context: Context) -> Contribution:
    report = await DETECT_SECRETS.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(findings: Iterable[Finding]) -> list[tuple[str, int | None, str]]:
    return sorted((finding.path, finding.line or 0, finding.rule) for finding in findings)


async def test_secrets_are_found_in_files_of_any_kind_and_not_repeated(context_of: ContextOf) -> None:
    header = "-----BEGIN RSA " + "PRIVATE KEY-----"
    files = {
        "a.py": f"import os\n\ndb_password = '{SECRET}'\n",
        "deploy/values.yaml": f"name: x\npassword: {SECRET}\n",
        "key.pem": f"{header}\n",
        "Makefile": "all:\n\techo nothing\n",
    }

    report = await run(context_of(files))

    assert report.state == "ok"
    assert report.version == metadata.version("detect-secrets")
    assert set(report.read) == set(files)
    assert rules(report.findings) == [
        ("a.py", 3, "secret-keyword"),
        ("deploy/values.yaml", 2, "secret-keyword"),
        ("key.pem", 1, "private-key"),
    ]
    assert {item.category for item in report.findings} == {"secrets"}
    assert SECRET not in report.encode().decode()


async def test_a_secret_that_occurs_twice_is_found_twice(context_of: ContextOf) -> None:
    line = f"db_password = '{SECRET}'\n"

    report = await run(context_of({"a.py": line + "x = 1\n" * 5 + line}))

    assert [item.line for item in report.findings] == [1, 7]


async def test_nothing_of_the_change_is_obeyed_or_runs(
    context_of: ContextOf, hostile: dict[str, str], canary: Path
) -> None:
    report = await run(context_of(hostile))

    assert ("evil.py", 3, "secret-keyword") in rules(report.findings)
    assert set(report.read) == set(hostile)
    assert not ran(canary)


async def test_a_comment_lowers_a_finding_to_a_note_but_does_not_hide_it(context_of: ContextOf) -> None:
    code = (
        f"a_password = '{SECRET}1'  # pragma: allowlist secret\n"
        f"b_password = '{SECRET}2'\n"
        "# pragma: allowlist nextline secret\n"
        f"c_password = '{SECRET}3'\n"
    )

    report = await run(context_of({"a.py": code}))

    assert [(item.line, item.severity) for item in report.findings] == [
        (1, "info"),
        (2, "medium"),
        (4, "info"),
    ]
    assert report.findings[0].message.endswith(" (dismissed in the code by `pragma: allowlist`)")


async def test_what_dismisses_a_password_for_another_tool_is_heard(context_of: ContextOf) -> None:
    code = (
        f"a_password = '{SECRET}1'  # noqa: S105\nb_password = '{SECRET}2'  # nosec\nc_password = '{SECRET}3'  # noqa\n"
    )

    report = await run(context_of({"a.py": code}))

    assert [item.severity for item in report.findings] == ["info", "info", "medium"]


async def test_a_guess_is_nothing_among_tests_and_a_note_in_a_document(context_of: ContextOf) -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    header = "-----BEGIN RSA " + "PRIVATE KEY-----"
    text = f"password = '{SECRET}'\nurl = 'https://me:{SECRET}@host/'\nkey = '{key}'\n{header}\n"

    report = await run(context_of(dict.fromkeys(("app.cfg", "tests/app.cfg", "docs/guide.rst"), text)))

    found = {(item.path, item.line, item.severity) for item in report.findings}
    assert {item for item in found if item[0] == "tests/app.cfg"} == {
        ("tests/app.cfg", 3, "high"),
        ("tests/app.cfg", 4, "info"),
    }
    assert found >= {("docs/guide.rst", 1, "info"), ("docs/guide.rst", 2, "info"), ("docs/guide.rst", 3, "high")}
    assert found >= {("app.cfg", 1, "medium"), ("app.cfg", 2, "high"), ("app.cfg", 3, "high"), ("app.cfg", 4, "high")}


async def test_of_the_examples_in_a_document_one_of_a_kind_is_told(context_of: ContextOf) -> None:
    text = f"<p>url = 'https://me:{SECRET}@host/'</p>\n" * 5

    report = await run(context_of({"docs/x.html": text, "site/_build/x.html": text, "site/x.html": text}))

    found = [(item.path, item.line, item.severity) for item in report.findings if item.rule.startswith("basic")]
    assert sorted(found) == [
        ("docs/x.html", 1, "info"),
        ("site/_build/x.html", 1, "info"),
        *(("site/x.html", line, "high") for line in range(1, 6)),
    ]


async def test_what_the_library_leaves_out_is_unread(context_of: ContextOf) -> None:
    files = dict.fromkeys(("poetry.lock", "go.sum", "icon.svg", "swagger/a.json", "good.txt"), "x\n")

    report = await run(context_of(files))

    assert report.read == ("good.txt",)
    assert report.unread == {
        "poetry.lock": "detect-secrets leaves out lock files: their checksums look like secrets",
        "go.sum": "detect-secrets leaves out lock files: their checksums look like secrets",
        "icon.svg": "detect-secrets leaves out files of this suffix",
        "swagger/a.json": "detect-secrets leaves out files of Swagger: their examples look like secrets",
    }


async def test_odd_names_and_contents_are_read(context_of: ContextOf) -> None:
    line = f"db_password = '{SECRET}'"
    files = {
        "empty.txt": "",
        "-x.py": f"{line}\n",
        "a b.py": f"{line}\n",
        "ü/é.py": f"x = 'ü'\n{line}\n",
        "crlf.py": f"x = 1\r\n\r\n{line}\r\n",
        "cr.py": f"# a\rx = 1\n{line}\n",
        "replaced.py": f"x = '\N{REPLACEMENT CHARACTER}'\n{line}\n",
        "surrogate.py": f"x = '\ud800'\n{line}\n",
        "nul.py": f"x = '\0'\n{line}\n",
        "bad.yaml": "a: [\n",
        ".env": f"DB_PASSWORD={SECRET}\n",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert rules(report.findings) == [
        ("-x.py", 1, "secret-keyword"),
        (".env", 1, "secret-keyword"),
        ("a b.py", 1, "secret-keyword"),
        ("cr.py", 2, "secret-keyword"),
        ("crlf.py", 3, "secret-keyword"),
        ("nul.py", 2, "secret-keyword"),
        ("replaced.py", 2, "secret-keyword"),
        ("surrogate.py", 2, "secret-keyword"),
        ("ü/é.py", 2, "secret-keyword"),
    ]


async def test_a_binary_file_is_neither_read_nor_unread_but_a_text_without_content_is_unread(
    context_of: ContextOf,
) -> None:
    binary = (
        "diff --git a/logo.png b/logo.png\nnew file mode 100644\nindex 0000000..1111111\n"
        "Binary files /dev/null and b/logo.png differ\n"
    )
    modified = "--- a/notes.md\n+++ b/notes.md\n@@ -1 +1,2 @@\n a\n+b\n"

    only_binary = await run(context_of({}, diff=binary))
    both = await run(context_of({}, diff=binary + modified))

    assert (only_binary.state, only_binary.reason) == ("skipped", "no text file in the change")
    assert only_binary.unread == {}
    assert (both.state, list(both.unread)) == ("skipped", ["notes.md"])


async def test_a_thousand_files_are_read(context_of: ContextOf) -> None:
    files = {f"pkg{n % 40}/m{n}.txt": f"password = '{SECRET}-{n}'\n" for n in range(1000)}

    report = await run(context_of(files))

    assert len(report.read) == len(report.findings) == 1000


async def test_a_missing_tool_says_how_to_install_it(context_of: ContextOf) -> None:
    report = await without(DETECT_SECRETS).analyze(context_of({"a.py": "x\n"}), Toolbox())

    assert (report.state, report.reason) == (
        "missing",
        "no-such-program-here is not installed: pip install detect-secrets",
    )
    assert (report.read, report.unread) == ((), {"a.py": "detect-secrets is not installed"})


async def test_a_tool_that_fails_is_a_state_and_not_an_empty_result(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_PROGRAM", tmp_path / "gone.py")

    report = await run(context_of({"a.py": "x\n"}))

    assert report.state == "failed"
    assert "detect-secrets ended with code 2 and no report; it said: " in (report.reason or "")


async def test_a_deadline_in_the_middle_of_a_run_is_a_timeout(context_of: ContextOf) -> None:
    report = await run(context_of({"a.py": "x = 1\n" * 100_000}, deadline_at=time.time() + 0.2))

    assert report.state == "timeout"
    assert "detect-secrets was stopped after" in (report.reason or "")


async def test_what_there_was_no_time_for_is_unread_and_takes_nothing_along(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "slow.py"
    program.write_text(
        "import json, re, sys\n"
        f"scan = {{'__name__': 'scan', '__file__': {str(module._PROGRAM)!r}}}\n"
        f"exec(open({str(module._PROGRAM)!r}).read(), scan)\n"
        "quick = scan['scan_file']\n"
        "def scan_file(path):\n"
        "    if path == 'slow.txt':\n"
        "        re.fullmatch('(a*)*b', 'a' * 50)\n"
        "    return quick(path)\n"
        "scan['scan_file'] = scan_file\n"
        "asked = json.load(sys.stdin)\n"
        "print(json.dumps(scan['scan'](asked['paths'], asked['ends_at'])))\n"
    )
    monkeypatch.setattr(module, "_PROGRAM", program)
    secret = "db_password = 'kestrel-9-umbrella'\n"
    files = {"a.py": secret, "slow.txt": secret, "b.py": secret}

    report = await run(context_of(files, deadline_at=time.time() + 6))

    assert (report.state, report.read) == ("timeout", ("a.py",))
    assert report.unread == dict.fromkeys(["slow.txt", "b.py"], "detect-secrets had no time left for it")
    assert rules(report.findings) == [("a.py", 1, "secret-keyword")]
    assert "detect-secrets was stopped after" in (report.reason or "")


@pytest.mark.parametrize(
    ("kind", "rule", "severity"),
    [
        ("Secret Keyword", "secret-keyword", "medium"),
        ("AWS Access Key", "aws-access-key", "high"),
        ("Private Key", "private-key", "high"),
        ("Basic Auth Credentials", "basic-auth-credentials", "high"),
        ("JSON Web Token", "json-web-token", "medium"),
        ("Base64 High Entropy String", "base64-high-entropy-string", "low"),
        ("Hex High Entropy String", "hex-high-entropy-string", "low"),
        ("Public IP (ipv4)", "public-ip-ipv4", "info"),
        ("A New Kind", "a-new-kind", "high"),
    ],
)
def test_a_kind_of_secret_has_a_rule_and_a_severity(kind: str, rule: str, severity: str) -> None:
    same = cast("Workspace", SimpleNamespace(line=lambda path, number: number))

    finding = to_finding({"path": "a.py", "line": 3, "type": kind}, same)

    assert slug(kind) == finding.rule == rule
    assert (finding.severity, finding.line, finding.end_line) == (severity, 3, 3)


def test_every_type_that_is_judged_apart_exists() -> None:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    assert {slug(kind) for kind in get_mapping_from_secret_type_to_class()} >= set(module.KINDS)


async def test_the_example_has_problems_on_which_agents_agree_and_code_that_is_clean(
    context_of: ContextOf,
) -> None:
    context = context_of({})
    context.input = {"diff": EXAMPLE.read_text(encoding="utf-8")}
    reports = [await each.analyze(context, Toolbox()) for each in (RUFF, BANDIT, DETECT_SECRETS)]
    found = [rules(report.findings) for report in reports if isinstance(report, Contribution)]

    password = [{rule for path, line, rule in one if (path, line) == ("shop/reports.py", 10)} for one in found]
    assert password == [{"S105"}, {"B105"}, {"secret-keyword"}]
    assert {path for one in found for path, _, _ in one} == {"shop/reports.py"}
    assert {rule for one in found for _, _, rule in one} >= {
        *("F401", "B006", "E722", "S506", "S602", "S608", "S110"),
        *("B506", "B602", "B608", "B101", "B110"),
    }
