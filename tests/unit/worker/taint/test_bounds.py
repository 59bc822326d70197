"""Hostile code: it is read within bounds, or left unread with a reason."""

import ast
import time

import pytest

from quorate_worker.taint.analysis import MAX_BYTES, analyze
from quorate_worker.taint.entries import Entries
from quorate_worker.taint.surroundings import survey

HEAD = "from flask import request\nimport os\n"

HOSTILE = {
    "parentheses": "x = " + "(" * 5000 + "1" + ")" * 5000,
    "signs": "x = " + "-" * 20_000 + "1",
    "a chain of calls": "x = request" + ".a()" * 10_000,
    "a chain of sums": "x = " + " + ".join(["request.args['a']"] * 10_000) + "\nos.system(x)",
    "a chain of names": "x0 = request.args['a']\n" + "".join(f"x{i + 1} = x{i}\n" for i in range(10_000)),
    "a long elif": "x = request.args['a']\nif x == 0:\n    y = 1\n"
    + "".join(f"elif x == {i}:\n    y = x\n" for i in range(300)),
    "functions that call each other": "def a(x):\n    return b(x) + b(x) + b(x)\n"
    "def b(x):\n    return a(x) + a(x) + a(x)\nos.system(a(request.args['a']))",
    "a web of functions": "".join(
        f"def f{i}(x):\n    return f{(i + 1) % 30}(x) + f{(i + 7) % 30}(x) + f{(i + 3) % 30}(x)\n" for i in range(30)
    )
    + "os.system(f0(request.args['a']))",
    "nested loops": "x = request.args['a']\n"
    + "".join(" " * i + f"for a{i} in x:\n" for i in range(18))
    + " " * 18
    + "x += a0",
    "nested lambdas": "x = " + "lambda: " * 500 + "1",
    "many branches": "x = request.args['a']\n" + "".join(f"if x:\n    y{i} = [x, [x]]\n" for i in range(1000)),
    "many appends": "x = []\n" + "x.append(request.args['a'])\n" * 5000,
    "huge constants": "x = 'a' * 10 ** 9\ny = 9 ** 9 ** 9\nz = 1 << 10 ** 9\nw = '%999999999d' % 3\n"
    "v = f'{1:999999999}'\nu = '{:999999999}'.format(1)\nt = 'a'.join(['b']) * 10 ** 10",
    "growing constants": "c = 1\n" + "".join(f"c = c * c + {i}\n" for i in range(2000)),
    "a list in itself": "x = []\nx.append(x)\nx.append(request.args['a'])\nos.system(str(x))",
    "lists that double": "a = [request.args]\n" + "a = [a, a, a]\n" * 60 + "os.system(str(a))",
    "a class that is its own base": "class A:\n    x = 1\n"
    "class A:\n    pass\nclass B(A):\n    pass\nA = B\nclass A(B):\n    pass\nA().x\nA.y",
    "a generator of itself": "def g():\n    yield from g()\nos.system(str(list(g())))",
    "loops without an end": "def f():\n    while True:\n        while True:\n            pass\n"
    "f()\nwhile f():\n    pass",
    "a pattern that takes long": "import re\n"
    "x = request.args['a']\nif re.fullmatch('" + "(a*)*" * 50 + "', x):\n    os.system(x)",
    "closures in closures": "".join(" " * i + f"def f{i}(x):\n" for i in range(60)) + " " * 60 + "os.system(x)",
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_code_is_read_in_time(code: str) -> None:
    started = time.process_time()
    report = analyze(HEAD + code)
    assert time.process_time() - started < 20
    assert report.unread is None or isinstance(report.unread, str)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def (", "not valid Python (line 1)"),
        ("x = 1\0", "not valid Python"),
        (b"\xff\xfe\x00x", "not valid Python"),
        (b"# coding: nonsense\nx = 1", "not valid Python"),
        ("x = 1\n" * (MAX_BYTES // 6 + 1), "larger than 2,000,000 bytes"),
        ("request = " + "-" * 20_000 + "1", "nested too deeply"),
        ("request = [" + "1," * 310_000 + "]", "more than 300,000 syntax nodes"),
    ],
)
def test_what_cannot_be_read_has_a_reason(code: str | bytes, reason: str) -> None:
    report = analyze(code)
    assert report.unread is not None
    assert report.unread.startswith(reason)
    assert report.findings == []


def test_too_many_steps_end_the_analysis_and_keep_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate_worker.taint.machine.STEPS_AT_LEAST", 500)
    monkeypatch.setattr("quorate_worker.taint.machine.STEPS_PER_NODE", 0)
    report = analyze(HEAD + "os.system(request.args['a'])\n" + "x = request.args['b']\n" * 500)
    assert report.unread == "takes too many steps to follow"
    assert [finding.rule for finding in report.findings] == ["command-injection"]


def test_steps_grow_with_the_size_of_a_module_not_with_its_square() -> None:
    def steps(functions: int) -> int:
        body = "def f{0}():\n    x = request.args['a']\n    if x:\n        y = g(x)\n    os.system(y)\n"
        tree = ast.parse(HEAD + "def g(x):\n    return x\n" + "".join(body.format(place) for place in range(functions)))
        around = survey(tree)
        machine = Entries(around.nodes)
        machine.analyze(tree, around)
        return machine.steps

    assert steps(400) < 5 * steps(100)
