"""Uses of `random` that evidently protect nothing: a pause, an order, a colour, a value that nobody reads."""

import ast
import re
from collections.abc import Iterable

from quorate_worker.taint.sources import is_secret_name, makes_secret
from quorate_worker.taint.words import words

_PLAIN = re.compile(r"(?:^|_)(?:jitter|backoff|delay|pause|noise|colou?r)(?:_(?:s|ms|sec|secs|seconds|time))?$")
"""Names of numbers and words that nobody needs to guess."""

_ARITHMETIC = words("min max round abs int float")
_ORDERS = words("shuffle sample")


def harmless_chances(tree: ast.AST, calls: Iterable[ast.Call]) -> dict[ast.Call, str | None]:
    """For each call of `random`, why it does no harm, or None if that is not evident."""
    found: dict[ast.Call, str | None] = dict.fromkeys(calls)
    if not found:
        return found
    parents: dict[ast.AST, ast.AST] = {}
    stack = [tree]
    while stack:
        node = stack.pop()
        for child in ast.iter_child_nodes(node):
            parents[child] = node
            stack.append(child)
    for call in found:
        if not _makes_secret(call, parents):
            found[call] = _why(call, parents)
    return found


def _makes_secret(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a function around it says by its name that it makes a secret."""
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and makes_secret(node.name):
            return True
    return False


def _why(call: ast.Call, parents: dict[ast.AST, ast.AST]) -> str | None:
    node: ast.AST = call
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute) and parent.attr in _ORDERS:
        outer = parents.get(parent)
        return _shuffles(outer) if isinstance(outer, ast.Call) and isinstance(parents.get(outer), ast.Expr) else None
    while isinstance(parent, ast.BinOp | ast.UnaryOp) or (
        isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in _ARITHMETIC
    ):
        node, parent = parent, parents.get(parent)
    if isinstance(parent, ast.Call) and node in parent.args and _last(parent.func) == "sleep":
        return "it only makes a pause longer or shorter"
    name = _target(node, parent)
    if name is not None and _PLAIN.search(name.lower()[:80]):
        return f"it only chooses a {'colour' if name.lower().endswith('r') and 'col' in name.lower() else 'number'}"
    if isinstance(parent, ast.Assign) and _is_overwritten(parent, parents.get(parent)):
        return "it is overwritten before anything reads it"
    return None


def _shuffles(call: ast.Call) -> str | None:
    names = [
        part for argument in call.args for part in ast.walk(argument) if isinstance(part, ast.Name | ast.Attribute)
    ]
    if not names or any(is_secret_name(_last(part)) for part in names):
        return None
    return "it only puts a list in another order"


def _target(node: ast.AST, parent: ast.AST | None) -> str | None:
    """The name that a value gets: of a variable, an argument or a key."""
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and parent.value is node:
        return _last(parent.targets[0])
    if isinstance(parent, ast.keyword):
        return parent.arg
    if isinstance(parent, ast.Dict) and node in parent.values:
        key = parent.keys[parent.values.index(node)]
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    return None


def _is_overwritten(node: ast.Assign, parent: ast.AST | None) -> bool:
    """Whether the next statement gives the same name another value, which does not depend on this one."""
    if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return False
    name = node.targets[0].id
    body = next((part for part in vars(parent).values() if isinstance(part, list) and node in part), [])
    place = body.index(node) + 1 if body else 0
    after = body[place] if 0 < place < len(body) else None
    if not isinstance(after, ast.Assign) or len(after.targets) != 1 or not isinstance(after.targets[0], ast.Name):
        return False
    reads = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(after.value))
    return after.targets[0].id == name and not reads


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
