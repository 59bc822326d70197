"""What is known of a value: whether it is tainted, its constants, and what it refers to."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from quorate_worker.taint.rules import FLOW_RULES

if TYPE_CHECKING:
    from quorate_worker.taint.scope import Scope

MAX_TAINTS = 8
MAX_CONSTANTS = 6
MAX_REFERENCES = 4
MAX_TRACE = 8
MAX_IDENTITY = 160
MAX_SYMBOLS = 240

NOTHING_SAFE: frozenset[str] = frozenset()

BEGINNING = "beginning"
SURE_TEXT = FLOW_RULES
SURE = FLOW_RULES | {BEGINNING}
"""What can be said of a constant: all that it is made of is known, and so is the text it begins with."""

GUESSED = "guessed"
"""Beside the rules that a check protects from: that it does so is a guess, by its name."""


class Source(NamedTuple):
    """Where an untrusted value comes from. `strength` is a key of STRENGTHS."""

    label: str
    strength: str
    line: int


class Step(NamedTuple):
    """A line that an untrusted value passed, and the name it got there."""

    line: int
    name: str


class Taint(NamedTuple):
    """One untrusted origin of a value.

    `identity` names the part of the source (`request.args['a'].split()[0]`), so that a check of one part says
    nothing about another; `safe` names the rules that the value can no longer break.
    """

    source: Source
    identity: str
    confidence: float
    safe: frozenset[str]
    trace: tuple[Step, ...]


@dataclass(slots=True, eq=False)
class Function:
    """A function of the module, where it was defined, and the object it is bound to."""

    node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"
    scope: "Scope"
    owner: "Class | None" = None
    bound: "Value | None" = None
    preset: "tuple[Value, ...]" = ()


@dataclass(slots=True, eq=False)
class Class:
    """A class of the module: its names, its bases, and what its methods put into any of its instances."""

    node: ast.ClassDef
    scope: "Scope"
    bases: "tuple[Value, ...]"
    fields: "dict[str, Value]" = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Value:
    """An abstract value, never changed after it was made.

    `constants` are all the constants it can be, or None if it can be others; `references` are addresses of
    objects; `symbol` is the dotted name by which a library knows it (`sqlite3.connect().cursor`); `prefix` is
    the constant text a string begins with. `sure` names the rules that nothing in it can break but its `taints`:
    all of them for a constant, and none for what unknown code made; with BEGINNING, `prefix` is sure, too.
    """

    taints: tuple[Taint, ...] = ()
    constants: tuple[object, ...] | None = None
    references: tuple[int, ...] = ()
    symbol: str = ""
    callables: "tuple[Function | Class, ...]" = ()
    prefix: str = ""
    sure: frozenset[str] = NOTHING_SAFE


UNKNOWN = Value()
HARMLESS = Value(sure=SURE_TEXT)
"""A number, an answer or the like, whatever it was made of."""
NONE = Value(constants=(None,), sure=SURE)
TRUE = Value(constants=(True,), sure=SURE)
FALSE = Value(constants=(False,), sure=SURE)


@dataclass(slots=True, eq=False)
class Thing:
    """An object in the store: `kind` is list, dict, set, config, instance or external.

    `items` holds what is under known keys, `rest` what is under unknown ones; `exact` says that there is
    nothing else. `known` says that no code unknown to the analysis can have put something in. Never changed after
    it was stored: a change stores a copy.
    """

    kind: str
    items: dict[object, Value] = field(default_factory=dict)
    rest: Value | None = None
    exact: bool = True
    owner: Class | None = None
    symbol: str = ""
    known: bool = False

    def copy(self) -> "Thing":
        return Thing(self.kind, dict(self.items), self.rest, self.exact, self.owner, self.symbol, self.known)


def constant(value: object) -> Value:
    """A value that is this constant."""
    return Value(constants=(value,), prefix=value if isinstance(value, str) else "", sure=SURE)


def unsure(value: Value) -> Value:
    """The same value, of which it is not sure that it can be nothing else."""
    if not value.sure:
        return value
    return Value(value.taints, value.constants, value.references, value.symbol, value.callables, value.prefix)


def text_prefix(known: tuple[object, ...] | None) -> str:
    """The text that the one known constant is."""
    return known[0] if known is not None and len(known) == 1 and isinstance(known[0], str) else ""


def same(left: object, right: object) -> bool:
    """Whether two constants are the same one (True is not 1)."""
    return type(left) is type(right) and left == right


def join_taints(left: tuple[Taint, ...], right: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Both sets of origins, each origin once, at most MAX_TAINTS."""
    if not right or left is right:
        return left
    if not left:
        return right
    merged = {(taint.identity, taint.safe): taint for taint in right}
    merged |= {(taint.identity, taint.safe): taint for taint in left}
    if len(merged) > MAX_TAINTS:
        ordered = sorted(merged.values(), key=lambda taint: (len(taint.safe), -taint.confidence))
        return tuple(ordered[:MAX_TAINTS])
    return tuple(merged.values())


def join_constants(left: tuple[object, ...] | None, right: tuple[object, ...] | None) -> tuple[object, ...] | None:
    """The constants of either, or None if there are too many or some are unknown."""
    if left is None or right is None:
        return None
    if left is right:
        return left
    merged = list(left)
    for item in right:
        if not any(same(item, known) for known in merged):
            merged.append(item)
    return tuple(merged) if len(merged) <= MAX_CONSTANTS else None


def _common_prefix(left: str, right: str) -> str:
    size = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        size += 1
    return left[:size]


def join(left: Value, right: Value) -> Value:
    """What can be either of two values."""
    if left is right:
        return left
    taints = join_taints(left.taints, right.taints)
    references = left.references
    if references != right.references:
        references = tuple(dict.fromkeys(left.references + right.references))
    sure = left.sure if left.sure is right.sure else left.sure & right.sure
    if len(taints) >= MAX_TAINTS or len(references) > MAX_REFERENCES:
        sure = NOTHING_SAFE
    return Value(
        taints,
        join_constants(left.constants, right.constants),
        references[:MAX_REFERENCES],
        left.symbol if left.symbol == right.symbol else _either(left.symbol, right.symbol),
        left.callables
        if left.callables == right.callables
        else tuple(dict.fromkeys(left.callables + right.callables))[:MAX_REFERENCES],
        left.prefix if left.prefix == right.prefix else _common_prefix(left.prefix, right.prefix),
        sure,
    )


def _either(left: str, right: str) -> str:
    """The names of two library functions of which it can be either, as `one|other`."""
    if not left or not right:
        return left or right
    if any(mark in left + right for mark in "(@?") or len(left) + len(right) > MAX_SYMBOLS:
        return left
    return left if right in left.split("|") else f"{left}|{right}"


def join_things(left: Thing, right: Thing) -> Thing:
    """What can be either of two states of an object."""
    if left is right:
        return left
    if left.kind != right.kind:
        return Thing("external", {}, join(contents(left), contents(right)), False)
    exact = left.exact and right.exact
    known = left.known and right.known
    if left.kind == "list" and not (exact and len(left.items) == len(right.items)):
        return Thing("list", {}, join(contents(left), contents(right)), False, known=known)
    items = dict(left.items)
    for key, value in right.items.items():
        items[key] = join(items[key], value) if key in items else _maybe(left, value)
    for key in left.items.keys() - right.items.keys():
        items[key] = _maybe(right, items[key])
    rest = right.rest if left.rest is None else left.rest if right.rest is None else join(left.rest, right.rest)
    return Thing(left.kind, items, rest, exact, left.owner, left.symbol, known)


def _maybe(other: Thing, value: Value) -> Value:
    """A value that is there only if one of two ways was taken."""
    return value if other.exact or other.rest is None else join(value, other.rest)


def contents(thing: Thing) -> Value:
    """What any part of an object can be, its own type aside."""
    value = thing.rest
    for item in thing.items.values():
        value = item if value is None else join(value, item)
    if value is None:
        return HARMLESS if thing.known else UNKNOWN
    return value if thing.known else unsure(value)


def map_taints(value: Value, change: Callable[[Taint], Taint | None]) -> tuple[Taint, ...]:
    """The origins of a value, each changed or dropped."""
    if not value.taints:
        return ()
    changed = (change(taint) for taint in value.taints)
    return tuple(taint for taint in changed if taint is not None)
