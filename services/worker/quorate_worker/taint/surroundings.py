"""What a module says of its own names, wherever they are used: who may change what they hold."""

import ast
from dataclasses import dataclass, field

from quorate_worker.taint.words import words

_READS = words(
    "get items keys values copy index count join format upper lower strip encode decode startswith endswith"
    " union intersection difference issubset issuperset isdisjoint __contains__ replace split title"
)
"""Methods that leave their object as it is, and do not hand it on."""

_MUTATORS = words(
    "append add insert extend update set setdefault appendleft extendleft pop popitem popleft remove discard clear"
    " sort reverse rotate"
)
_READERS = words(
    "len str repr sorted list tuple set dict frozenset any all min max sum enumerate zip iter next reversed range"
    " isinstance print bool"
)
_READING_METHODS = words(
    "join run call check_call check_output Popen execute executemany choice sample format get issubset issuperset"
)
_TESTED = frozenset({ast.If, ast.While, ast.Assert, ast.IfExp})
_READING = frozenset(
    {
        ast.Compare,
        ast.FormattedValue,
        ast.UnaryOp,
        ast.BinOp,
        ast.Expr,
        ast.For,
        ast.AsyncFor,
        ast.comprehension,
    }
)
_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda})
_DEFINITIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_CONTEXTS = frozenset({ast.Load, ast.Store, ast.Del})


@dataclass(slots=True)
class Surroundings:
    """`nodes` are counted. `global_names` are declared so by functions, and `shared` are these and `nonlocal` ones.

    `settled` names are bound once, by the module's body. The object of an `exposed` name may be changed or handed on,
    by the module's body (0), in a function (1) or in a function in a function (2).
    """

    nodes: int = 0
    global_names: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    exposed: dict[str, int] = field(default_factory=dict)


NOWHERE = Surroundings()


def survey(tree: ast.AST) -> Surroundings:  # noqa: PLR0912 -- a decision table
    """Look at every node of a tree once."""
    around = Surroundings()
    bound: set[str] = set()
    twice: set[str] = set()
    is_open = False
    # Each with how many functions are around it, and whether it is the module's own body.
    stack: list[tuple[ast.AST, int, bool]] = [(tree, 0, True)]
    while stack:
        node, depth, top = stack.pop()
        around.nodes += 1
        kind = type(node)
        if kind is ast.Name:
            if top and type(node.ctx) is not ast.Load:  # type: ignore[attr-defined]
                (twice if node.id in bound else bound).add(node.id)  # type: ignore[attr-defined]
            elif node.id in {"globals", "vars"}:  # type: ignore[attr-defined]
                is_open = True
            continue
        if kind is ast.Constant:
            continue
        if kind is ast.Global or kind is ast.Nonlocal:
            around.shared.update(node.names)  # type: ignore[attr-defined]
            if kind is ast.Global:
                around.global_names.update(node.names)  # type: ignore[attr-defined]
            continue
        if kind is ast.ImportFrom or kind is ast.Import:
            for alias in node.names:  # type: ignore[attr-defined]
                is_open = is_open or alias.name == "*"
                if top:
                    name = alias.asname or alias.name.partition(".")[0]
                    (twice if name in bound and kind is ast.ImportFrom else bound).add(name)
        elif kind is ast.Attribute or kind is ast.Subscript:
            if _changes(node):  # type: ignore[arg-type]
                _expose(around, _root(node), depth)  # type: ignore[arg-type]
        elif top and kind in _DEFINITIONS:
            (twice if node.name in bound else bound).add(node.name)  # type: ignore[attr-defined]
        inner = depth + 1 if kind in _FUNCTIONS else depth
        inner_top = top and kind is not ast.ClassDef and inner == depth
        for key, value in node.__dict__.items():
            if type(value) is list:
                for item in value:
                    if isinstance(item, ast.AST):
                        stack.append((item, inner, inner_top))
                        if type(item) is ast.Name and not _reads(node, kind, key):
                            _expose(around, item.id, inner)
            elif type(value) in _CONTEXTS:
                around.nodes += 1
            elif isinstance(value, ast.AST):
                stack.append((value, inner, inner_top))
                if type(value) is ast.Name and not _reads(node, kind, key):
                    _expose(around, value.id, inner)
    around.settled = set() if is_open else bound - twice - around.shared
    return around


def _expose(around: Surroundings, name: str | None, depth: int) -> None:
    if name is not None and around.exposed.get(name, -1) < depth:
        around.exposed[name] = depth


def _reads(node: ast.AST, kind: type[ast.AST], key: str) -> bool:
    """Whether a name in this part of a node is only read: nothing is put into its object, nor is it handed on."""
    if kind is ast.Attribute or kind is ast.Subscript:
        return True
    if kind is ast.Call:
        if key == "func":
            return True
        callee = node.func  # type: ignore[attr-defined]
        if type(callee) is ast.Attribute:
            return callee.attr in _READING_METHODS
        return type(callee) is ast.Name and callee.id in _READERS
    if kind in _TESTED:
        return key == "test"
    # What is assigned to a name is seen, unlike what the name's object is assigned to.
    return kind in _READING or key in {"target", "targets"}


def _changes(node: ast.Attribute | ast.Subscript) -> bool:
    """Whether an object, or a part of it, is changed here, or may be."""
    if isinstance(node, ast.Subscript):
        return type(node.ctx) is not ast.Load
    if type(node.value) is ast.Name:
        return node.attr not in _READS
    return node.attr in _MUTATORS


def _root(node: ast.expr) -> str | None:
    """The name that a chain of attributes, items and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
