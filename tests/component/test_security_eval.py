"""The security evaluation end to end: a real broker, the real services and the real tools."""

import json
from pathlib import Path

import pytest

from bench.security import main

CODE = {
    "query": 'import sqlite3\n\n\ndef find(c: sqlite3.Connection, n: str):\n    return c.execute(f"SELECT a FROM b '
    "WHERE n = '{n}'\")\n",
    "bound": 'import sqlite3\n\n\ndef find(c: sqlite3.Connection, n: str):\n    return c.execute("SELECT a FROM b '
    'WHERE n = ?", (n,))\n',
    "shell": "import subprocess\n\n\ndef run(line: str):\n    subprocess.run(line, shell=True, check=True)\n",
    "listed": "import shlex\nimport subprocess\n\n\ndef run(name: str):\n"
    '    subprocess.run("ls " + shlex.quote(name), shell=True, check=True)\n',
    "broken": "def (:\n",
}
ROWS = """# test name, category, real vulnerability, cwe, version
query,sqli,true,89,1
bound,sqli,false,89,1
shell,cmdi,true,78,1
listed,cmdi,false,78,1
broken,sqli,true,89,1
absent,sqli,true,89,1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The operator's own settings are none of this test's business.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cases = tmp_path / "cases"
    (cases / "code").mkdir(parents=True)
    (cases / "expected.csv").write_text(ROWS)
    for name, text in CODE.items():
        (cases / "code" / f"{name}.py").write_text(text)
    return cases


def test_labelled_files_are_reviewed_and_scored(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = tmp_path / "numbers.json"
    code = main([str(folder), "--agents", "ruff,bandit", "--json", str(numbers), "--list-wrong", "cmdi"])
    out, err = capsys.readouterr()
    assert code == 0
    assert "batch 1 of 1: 5 files" in err
    assert "Wrongly judged by any or confirmed, of cmdi: 1\n  listed cmdi: not real, and confirmed" in out
    report = json.loads(numbers.read_text())
    assert report["agents"].keys() == {"ruff", "bandit"}
    assert report["skipped"] == {"absent": "there is no absent.py", "broken": "no agent read it"}
    flagged = {case["name"]: case["flagged_by"] for case in report["cases"]}
    everybody = ["any", "bandit", "confirmed", "ruff"]
    assert flagged == {
        "query": everybody,
        "bound": [],
        "shell": everybody,
        "listed": everybody,
        "broken": [],
        "absent": [],
    }
    overall = report["judges"]["any"]["overall"]
    assert [overall[cell] for cell in ("tp", "fp", "fn", "tn")] == [2, 1, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--agents", "rough"], "there is no agent rough: choose from bandit"),
        (["--agents", ","], "there is no agent without a name"),
        (["--list-wrong", "spelling"], "there is no category spelling: choose from all, cmdi, sqli"),
    ],
)
def test_what_cannot_be_evaluated_says_what_to_do(
    folder: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), *arguments]) == 2
    assert told in capsys.readouterr().err
