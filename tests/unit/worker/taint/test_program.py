"""The program as a process: paths in, findings out."""

import json
import subprocess
import sys
from pathlib import Path

from quorate_worker.taint.report import Finding
from quorate_worker.taint.rules import RULES, SEVERITIES, VERSION

CODE = """\
from flask import Flask, request
import sqlite3

app = Flask(__name__)

@app.get("/x")
def x():
    name = request.args["name"]
    sql = f"select 'hunter2' from t where a = '{name}'"
    sqlite3.connect("x").cursor().execute(
        sql,
    )
    return {}
"""


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-X", "utf8", "-m", "quorate_worker.taint"]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, timeout=60)


def test_findings_say_what_flows_where(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CODE)
    done = run(tmp_path, json.dumps(["a.py"]))
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report == {
        "findings": [
            {
                "path": "a.py",
                "line": 10,
                "end_line": 12,
                "rule": "sql-injection",
                "cwe": 89,
                "severity": "high",
                "confidence": 0.9,
                "message": "`sql` from request.args['name'] (line 8) reaches sqlite3.connect.cursor.execute as SQL "
                "text: pass it as a parameter of the query instead.",
                "evidence": "line 8: request.args['name'] -> line 8: name = ... -> line 9: sql = ... "
                "-> line 10: sqlite3.connect.cursor.execute",
            }
        ],
        "cleared": [],
        "unread": {},
    }
    assert "hunter2" not in done.stdout


def test_what_is_unread_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "fine.py").write_text("x = 1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "deep.py").write_text("request = " + "-" * 50_000 + "1")
    done = run(tmp_path, json.dumps(["broken.py", "fine.py", "missing.py", "folder", "nul\0l.py", "deep.py"]))
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "findings": [],
        "cleared": [],
        "unread": {
            "broken.py": "not valid Python (line 1)",
            "missing.py": "No such file or directory",
            "folder": "not a file",
            "nul\0l.py": "not a path",
            "deep.py": "nested too deeply",
        },
    }


def test_input_that_is_no_list_of_paths_is_refused(tmp_path: Path) -> None:
    for text in ("", "{}", "[1]", '"a.py"'):
        done = run(tmp_path, text)
        assert done.returncode == 2
        assert done.stderr == "Expected a JSON list of paths on standard input.\n"


def test_no_module_of_the_reviewed_code_is_imported(tmp_path: Path) -> None:
    for name in ("json.py", "ast.py", "sitecustomize.py", "quorate_worker.py"):
        (tmp_path / name).write_text("raise SystemExit(9)")
    done = run(tmp_path, json.dumps(["json.py"]))
    assert done.returncode == 0


def test_every_rule_has_a_title_a_severity_and_one_sentence_of_advice() -> None:
    assert VERSION.isdigit()
    for name, rule in RULES.items():
        assert name == name.lower()
        assert rule.severity in SEVERITIES
        assert rule.title[0].isupper()
        assert rule.advice[0].islower()
        assert not rule.advice.endswith(".")
    assert {"line", "end_line", "rule", "cwe", "severity", "confidence", "message", "evidence"} == set(Finding._fields)
