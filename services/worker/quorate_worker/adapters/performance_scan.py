"""A program of its own, run by the agent `performance`: finds work in Python that is done again at each turn of a loop.

Input: JSON, a list of paths. Output: JSON, `{"findings": [{path, line, end_line, rule, message}, ...], "unread": {path:
reason}}`. Nothing of Quorate is imported, and nothing of the code is run: it is only parsed.
"""

import ast
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

MANY = 8
"""Elements from which a look into a list takes longer than one into a set."""

CLIENTS = frozenset({"requests", "httpx"})
VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
DATABASES = frozenset({"cursor", "cur", "conn", "connection", "db", "session", "engine"})

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module | ast.ClassDef
Loop = ast.For | ast.AsyncFor | ast.While
Found = tuple[ast.AST, str, str]


def scan(tree: ast.Module) -> Iterator[Found]:
    """Each place with its rule and message."""
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            texts, lists = _started(scope)
            for loop in _own(scope):
                if isinstance(loop, Loop):
                    yield from _in_loop(loop, texts, lists)


def _in_loop(loop: Loop, texts: set[str], lists: set[str]) -> Iterator[Found]:
    targets = _names(loop.target) if not isinstance(loop, ast.While) else set()
    counted = not isinstance(loop, ast.While) and _is_call(loop.iter, "range", "count")
    reset = _reset(loop)
    grown = (_grown(loop) & lists) - reset
    kept = texts - reset
    for node in _turns(loop):
        if isinstance(node, ast.Call):
            if not isinstance(loop, ast.While):
                yield from _call(node, targets, counted)
            if isinstance(node.func, ast.Attribute):
                yield from _method(node, node.func)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            yield from _membership(node, grown)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name):
            yield from _growth(node, node.target.id, kept)


def _call(node: ast.Call, targets: set[str], counted: bool) -> Iterator[Found]:
    """What asks another system for one thing at a time. A loop over numbers rather tries the same again."""
    function = node.func
    if not isinstance(function, ast.Attribute) or counted:
        return
    base = _base(function.value)
    last = function.value.attr if isinstance(function.value, ast.Attribute) else base
    # What comes from the loop itself are the statements of a list, such as a migration's.
    listed = node.args and isinstance(node.args[0], ast.Name) and node.args[0].id in targets
    if function.attr == "execute" and last.lstrip("_").lower() in DATABASES and not listed:
        yield node, "query-in-loop", "A query at each turn of a loop: ask for all at once, or use `executemany`"
    elif function.attr in ("get", "first", "filter", "count", "exists") and last in ("objects", "query"):
        yield node, "query-in-loop", "A query at each turn of a loop: ask for all at once"
    elif base in CLIENTS and function.attr in VERBS and isinstance(function.value, ast.Name):
        yield node, "request-in-loop", "A request at each turn of a loop: use one session, or ask for all at once"


def _method(node: ast.Call, function: ast.Attribute) -> Iterator[Found]:
    base = _base(function.value)
    if base == "re" and function.attr == "compile" and node.args and isinstance(node.args[0], ast.Constant):
        yield node, "compile-in-loop", "A pattern is compiled at each turn of a loop: do it once, before"
    elif function.attr == "insert" and len(node.args) == 2 and _is_zero(node.args[0]):
        yield node, "insert-at-front", "Inserting at the front moves the whole list: append and reverse, or use a deque"
    elif function.attr == "pop" and len(node.args) == 1 and _is_zero(node.args[0]) and not node.keywords:
        yield node, "pop-at-front", "Taking from the front moves the whole list: use a deque"
    elif base in ("pd", "pandas") and function.attr == "concat":
        yield node, "concat-in-loop", "The whole frame is copied at each turn: collect the parts and concatenate once"


def _membership(node: ast.Compare, grown: set[str]) -> Iterator[Found]:
    where = node.comparators[0]
    if isinstance(where, ast.List | ast.Tuple) and len(where.elts) >= MANY:
        yield node, "list-search-in-loop", "A long list is searched at each turn of a loop: make it a set, before"
    elif isinstance(where, ast.Name) and where.id in grown:
        yield node, "list-search-in-loop", f"`{where.id}` grows and is searched at each turn: keep a set beside it"


def _growth(node: ast.AugAssign, name: str, texts: set[str]) -> Iterator[Found]:
    if name in texts and _is_text(node.value):
        yield node, "string-grown-in-loop", "Text grows by `+=` at each turn: collect the parts and join them"


def _started(scope: Scope) -> tuple[set[str], set[str]]:
    """The names that a scope itself binds to text and to lists."""
    texts, lists = set[str](), set[str]()
    for node in _own(scope):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            names = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            for name in names:
                if isinstance(name, ast.Name):
                    if _is_text(node.value):
                        texts.add(name.id)
                    if isinstance(node.value, ast.List) or _is_call(node.value, "list"):
                        lists.add(name.id)
    return texts, lists


def _grown(loop: Loop) -> set[str]:
    """Names to which the loop appends."""
    return {
        node.func.value.id
        for node in _turns(loop)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        and isinstance(node.func.value, ast.Name)
    }


def _reset(loop: Loop) -> set[str]:
    """Names that the loop binds anew at each turn."""
    return {
        name.id
        for node in _turns(loop)
        if isinstance(node, ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name)
    }


def _turns(loop: Loop) -> Iterator[ast.AST]:
    """What runs at each turn of this loop; what runs in an inner one is that one's."""
    for statement in (*([loop.test] if isinstance(loop, ast.While) else []), *loop.body):
        yield from _below(statement, (*_SCOPES, ast.For, ast.AsyncFor, ast.While))


def _own(scope: Scope) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        yield from _below(node, _SCOPES)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def _below(node: ast.AST, ends: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    nodes = [node]
    while nodes:
        node = nodes.pop()
        yield node
        # Of an inner loop only what it goes over runs in this one.
        if not isinstance(node, ends):
            nodes.extend(reversed(list(ast.iter_child_nodes(node))))
        elif isinstance(node, ast.For | ast.AsyncFor):
            nodes.append(node.iter)


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names(target: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _is_call(node: ast.expr, *names: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called in names


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return _is_text(node.left) or _is_text(node.right)
    return (
        isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        or _is_call(node, "str")
    )


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and not isinstance(node.value, bool)


def findings_in(path: str) -> list[dict[str, object]]:
    """Raises ValueError, RecursionError or MemoryError for what cannot be read."""
    tree = ast.parse(Path(path).read_bytes())
    found: dict[tuple[int, str], dict[str, object]] = {}
    for node, rule, message in scan(tree):
        assert isinstance(node, ast.expr | ast.stmt)  # noqa: S101 only those have lines
        found.setdefault(
            (node.lineno, rule),
            {
                "path": path,
                "line": node.lineno,
                "end_line": node.end_lineno or node.lineno,
                "rule": rule,
                "message": message,
            },
        )
    return [found[key] for key in sorted(found)]


def main(paths: list[str]) -> dict[str, object]:
    """What is printed."""
    warnings.simplefilter("ignore")  # the code's own, such as an invalid escape
    findings: list[dict[str, object]] = []
    unread: dict[str, str] = {}
    for path in paths:
        try:
            findings += findings_in(path)
        except SyntaxError as error:
            unread[path] = f"syntax error in line {error.lineno}: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            unread[path] = f"it cannot be parsed: {type(error).__name__}"
    return {"findings": findings, "unread": unread}


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
