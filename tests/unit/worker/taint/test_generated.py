"""No program that Python can parse makes the analysis fail."""

import ast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quorate_worker.taint.analysis import analyze

NAMES = st.sampled_from(["x", "y", "self", "request", "os", "f", "A", "open", "random", "session", "hashlib"])
ATTRIBUTES = st.sampled_from(
    ["args", "get", "system", "append", "pop", "insert", "items", "update", "format", "join", "md5", "x", "path", "set"]
)
CONSTANTS = st.sampled_from(["0", "1", "-1", "'a'", "'..'", "b'a'", "None", "True", "1.5", "'%s'", "'{}'", "10**6"])


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "%", "//", "|", "&", "in", "==", "is", "and", "or"]), inner
        ).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        st.tuples(inner, ATTRIBUTES).map(lambda part: f"({part[0]}).{part[1]}"),
        st.tuples(inner, inner).map(lambda part: f"({part[0]})[{part[1]}]"),
        st.tuples(inner, inner, inner).map(lambda part: f"({part[0]})[{part[1]}:{part[2]}]"),
        st.tuples(inner, st.lists(inner, max_size=3)).map(lambda part: f"({part[0]})({', '.join(part[1])})"),
        st.tuples(inner, inner).map(lambda part: f"({part[0]})(*{part[1]}, key={part[1]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, max_size=3).map(lambda items: "{" + ", ".join(f"{item}: {item}" for item in items) + "}"),
        st.tuples(inner, inner, inner).map(lambda part: f"({part[0]} if {part[1]} else {part[2]})"),
        st.tuples(inner, NAMES, inner).map(lambda part: f"[{part[0]} for {part[1]} in {part[2]} if {part[1]}]"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(lambda x: {part})"),
        inner.map(lambda part: "f'{" + part.replace("'", '"') + "}'" if "\\" not in part and '"' not in part else part),
    )


EXPRESSIONS = st.recursive(NAMES | CONSTANTS, combined, max_leaves=8)
TARGETS = st.sampled_from(["x", "y", "x.a", "x['k']", "x[0]", "x, y", "[x, *y]", "self.a", "session['x']", "x[0:2]"])


def indented(lines: list[str]) -> str:
    return "\n".join("    " + line for block in lines for line in block.split("\n")) or "    pass"


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(indented)
    return st.one_of(
        st.tuples(EXPRESSIONS, body, body).map(lambda part: f"if {part[0]}:\n{part[1]}\nelse:\n{part[2]}"),
        st.tuples(TARGETS, EXPRESSIONS, body).map(lambda part: f"for {part[0]} in {part[1]}:\n{part[2]}\n    break"),
        st.tuples(EXPRESSIONS, body).map(lambda part: f"while {part[0]}:\n{part[1]}\n    continue"),
        st.tuples(body, body, body).map(
            lambda part: f"try:\n{part[0]}\nexcept E as x:\n{part[1]}\nfinally:\n{part[2]}"
        ),
        st.tuples(EXPRESSIONS, body).map(lambda part: f"with {part[0]} as x:\n{part[1]}"),
        st.tuples(NAMES, body).map(lambda part: f"def {part[0]}(self, x=1, *y, **z):\n{part[1]}\n    return x"),
        st.tuples(EXPRESSIONS, body).map(lambda part: f"class A({part[0]}):\n{part[1]}"),
        st.tuples(EXPRESSIONS, body).map(
            lambda part: (
                f"match {part[0]}:\n  case 'a' | 1:\n{part[1]}\n  case [x, *y]:\n{part[1]}\n  case _:\n{part[1]}"
            )
        ),
    )


SIMPLE = st.one_of(
    st.tuples(TARGETS, EXPRESSIONS).map(lambda part: f"{part[0]} = {part[1]}"),
    st.tuples(st.sampled_from(["x", "x.a", "x[0]"]), EXPRESSIONS).map(lambda part: f"{part[0]} += {part[1]}"),
    st.tuples(TARGETS).map(lambda part: f"del {part[0].replace('*', '')}"),
    EXPRESSIONS,
    EXPRESSIONS.map(lambda part: f"assert {part}"),
    EXPRESSIONS.map(lambda part: f"raise {part}"),
)
PROGRAMS = st.lists(st.recursive(SIMPLE, blocks, max_leaves=6), max_size=5).map("\n".join)
HEAD = "from flask import request, session\nimport os, random, hashlib\n"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(PROGRAMS)
def test_a_program_that_parses_is_read(program: str) -> None:
    try:
        ast.parse(HEAD + program)
    except (SyntaxError, ValueError):
        return
    report = analyze(HEAD + program)
    assert report.unread is None
