"""The state of an analysis: names, objects, what was validated on this path, and how many steps were taken."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from quorate_worker.taint import values
from quorate_worker.taint.report import Finding, Place, of_flow, of_use
from quorate_worker.taint.rules import HARMLESS, STRENGTHS
from quorate_worker.taint.scope import Scope
from quorate_worker.taint.surroundings import NOWHERE
from quorate_worker.taint.values import (
    GUESSED,
    MAX_IDENTITY,
    MAX_TRACE,
    NOTHING_SAFE,
    SURE,
    SURE_TEXT,
    UNKNOWN,
    Class,
    Function,
    Source,
    Step,
    Taint,
    Thing,
    Value,
    join,
    join_taints,
    join_things,
)

MAX_ITEMS = 256
"""Items of one object that are told apart."""

MAX_FINDINGS = 500
MAX_NESTED = 3
"""How deep an object is searched for taint."""

STEPS_PER_NODE = 40
STEPS_AT_LEAST = 100_000
STEPS_AT_MOST = 3_000_000
"""A step takes a few microseconds; a file that would take more is not read to its end."""

_ITEMS_PER_STEP = 64
FOLLOWED_PER_NODE = 8
FOLLOWED_AT_LEAST = 50_000
"""Calls are followed until so many steps are used; then they count as unknown ones."""

Cleared = dict[str, frozenset[str]]

_FORGOTTEN = Thing("external", exact=False)


class TooMuch(Exception):
    """The code takes more steps than are allowed for its size."""


class State(NamedTuple):
    """What a fork of the way keeps."""

    names: dict[str, Value]
    things: dict[int, Thing]
    cleared: Cleared


@dataclass(slots=True)
class Loop:
    """Where `break` and `continue` of a loop lead."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


@dataclass(slots=True)
class Frame:
    """A call that is being followed."""

    function: Function | None
    returned: Value | None = None
    yielded: Value | None = None
    ends: list[tuple[dict[int, Thing], Cleared]] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    raised: list[list[State]] = field(default_factory=list)
    answers_html: bool = False
    doubtful: bool = False
    checks: list[tuple[bool | None, Cleared, Cleared]] = field(default_factory=list)
    conditions: dict[str, tuple[ast.expr, dict[ast.expr, Value]]] = field(default_factory=dict)


@dataclass(slots=True)
class Arguments:
    """The arguments of a call: by position, by name, and what a `*` or `**` adds."""

    positional: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    extra: Value | None = None
    open_ended: bool = False

    def get(self, position: int, name: str = "") -> Value | None:
        if name and name in self.named:
            return self.named[name]
        return self.positional[position] if 0 <= position < len(self.positional) else None

    def every(self) -> list[Value]:
        found = [*self.positional, *self.named.values()]
        return found if self.extra is None else [*found, self.extra]


class LibraryCall(NamedTuple):
    """A call of a library: its full name, and for a method its own name and the object it is called on."""

    name: str
    method: str
    receiver: Value | None
    arguments: Arguments
    node: ast.Call

    @property
    def first(self) -> Value:
        """The first argument by position."""
        return self.arguments.positional[0] if self.arguments.positional else UNKNOWN

    @property
    def owner(self) -> str:
        """The symbol of the object."""
        return self.receiver.symbol if self.receiver is not None else ""


class Machine:
    """The state, and what all parts of the analyzer do with it."""

    def __init__(self, nodes: int) -> None:
        self.findings: dict[tuple[str, int], Finding] = {}
        self.things: dict[int, Thing] = {}
        # What was there before the present function: forks of the way copy only what it made or changed.
        self.base: dict[int, Thing] = {}
        self.cleared: Cleared = {}
        self.live = True
        self.scope = Scope("module", None)
        self.module = self.scope
        self.frames: list[Frame] = [Frame(None)]
        self.steps = 0
        self.limit = min(STEPS_AT_LEAST + STEPS_PER_NODE * nodes, STEPS_AT_MOST)
        self.follow_limit = FOLLOWED_AT_LEAST + FOLLOWED_PER_NODE * nodes
        self.inline_limit = self.follow_limit
        self.next_address = 0
        self.loop_depth = 0
        self.recording: dict[ast.expr, Value] | None = None
        self.outcomes: dict[ast.Call, tuple[Cleared, Cleared]] = {}
        self.default_parser: Value | None = None
        self.imports: set[str] = set()
        self.imported: set[str] = set()
        self.pending: dict[tuple[Scope, str], tuple[ast.AST, Value]] = {}
        self.started: list[Function] = []
        self.known_functions: set[ast.AST] = set()
        self.surroundings = NOWHERE
        # By weakness and place: why a sink is harmless, or None if it may not be.
        self.verdicts: dict[tuple[int, ast.AST], str | None] = {}
        self.texts: dict[ast.expr, str | None] = {}
        self.chances: set[ast.Call] = set()
        # How often a call was visited, and how often as that of a sink: one that is not always one is not known.
        self.visited: dict[ast.AST, int] = {}
        self.judged: dict[tuple[int, ast.AST], int] = {}

    # What the other parts add.

    def evaluate(self, node: ast.expr) -> Value:
        raise NotImplementedError

    def run(self, body: list[ast.stmt]) -> None:
        raise NotImplementedError

    def call(self, callee: Function | Class, arguments: Arguments, node: ast.AST) -> Value:
        raise NotImplementedError

    def bind(self, target: ast.expr, value: Value) -> None:
        raise NotImplementedError

    # Forks of the way.

    def save(self) -> State:
        self.tick(1 + (len(self.scope.values) + len(self.things)) // _ITEMS_PER_STEP)
        return State(dict(self.scope.values), dict(self.things), self.cleared)

    def restore(self, state: State) -> None:
        """Go back to a state, which then belongs to the machine."""
        self.scope.values, self.things, self.cleared = state
        self.live = True

    def merge(self, state: State) -> None:
        """Go on as if either the present state or this one were the case."""
        if not self.live:
            self.restore(state)
            return
        self.tick(1 + (len(state.names) + len(state.things)) // _ITEMS_PER_STEP)
        # What was validated on one way only is written into the values that only this way has.
        mine_only, theirs_only = only_cleared(self.cleared, state.cleared), only_cleared(state.cleared, self.cleared)
        names, others = self.scope.values, state.names
        differing = [name for name, value in others.items() if names.get(name) is not value]
        self.tick(len(differing) // 8)
        for name in differing:
            value, mine = settled(others[name], theirs_only), names.get(name)
            names[name] = value if mine is None else join(settled(mine, mine_only), value)
        if mine_only:
            for name in names.keys() - others.keys():
                names[name] = settled(names[name], mine_only)
        self.merge_things(state.things, mine_only, theirs_only)
        self.cleared = both_cleared(self.cleared, state.cleared)

    def merge_things(self, others: dict[int, Thing], mine_only: Cleared, theirs_only: Cleared) -> None:
        """The same for objects."""
        things, base = self.things, self.base
        if things is others:
            return
        differing = [address for address, thing in others.items() if things.get(address) is not thing]
        self.tick(len(differing) // 8)
        for address in differing:
            thing, mine = settled_thing(others[address], theirs_only), things.get(address)
            if mine is None:
                mine = base.get(address)
            things[address] = thing if mine is None else join_things(settled_thing(mine, mine_only), thing)
        if base or mine_only:
            for address in things.keys() - others.keys():
                mine, before = settled_thing(things[address], mine_only), base.get(address)
                things[address] = mine if before is None else join_things(mine, before)

    def tick(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > self.limit:
            raise TooMuch

    # Objects.

    def allocate(self, thing: Thing, taints: tuple[Taint, ...] = ()) -> Value:
        """A value that refers to a new object."""
        self.next_address += 1
        if len(thing.items) > MAX_ITEMS:
            thing = Thing(thing.kind, {}, values.contents(thing), False, thing.owner, thing.symbol, thing.known)
        self.things[self.next_address] = thing
        sure = SURE if thing.known else NOTHING_SAFE
        return Value(taints=taints, references=(self.next_address,), symbol=thing.symbol, sure=sure)

    def thing(self, address: int) -> Thing:
        """An object; one that was made in a function whose analysis is over is forgotten, and could be any."""
        found = self.things.get(address)
        return self.base.get(address, _FORGOTTEN) if found is None else found

    def put(self, value: Value, key: object, item: Value) -> None:
        """Store an item under a known key; of a value that may be several objects, into any of them."""
        for address in value.references:
            thing = self.thing(address).copy()
            if thing.kind == "list" and key not in thing.items:
                # An attribute of a list, or an index that is not there.
                self.add(Value(references=(address,)), item)
                continue
            if len(value.references) > 1 and key in thing.items:
                item = join(thing.items[key], item)
            thing.items[key] = item
            if len(thing.items) > MAX_ITEMS:
                thing = Thing(thing.kind, {}, values.contents(thing), False, thing.owner, thing.symbol, thing.known)
            self.things[address] = thing

    def add(self, value: Value, item: Value) -> None:
        """Store an item under an unknown key."""
        for address in value.references:
            thing = self.thing(address).copy()
            if thing.kind == "list" and thing.items:
                item, thing.items = join(item, values.contents(thing)), {}
            thing.rest = item if thing.rest is None else join(thing.rest, item)
            thing.exact = False
            self.things[address] = thing

    def all_taints(self, value: Value, depth: int = MAX_NESTED) -> tuple[Taint, ...]:
        """The origins of a value and of what is in it."""
        found = value.taints
        if value.references and depth:
            for address in value.references:
                thing = self.thing(address)
                self.tick(1 + len(thing.items) // 8)
                for item in thing.items.values():
                    if item.taints or item.references:
                        found = join_taints(found, self.all_taints(item, depth - 1))
                if thing.rest is not None:
                    found = join_taints(found, self.all_taints(thing.rest, depth - 1))
        return found

    def part(self, value: Value, suffix: str) -> tuple[Taint, ...]:
        """The origins of a part of an untrusted value."""
        return values.map_taints(value, lambda taint: taint._replace(identity=(taint.identity + suffix)[:MAX_IDENTITY]))

    # What is sure.

    def is_whole(self, value: Value) -> bool:
        """Whether the objects that a value refers to hold only what the analysis saw."""
        return bool(value.sure) and all(self.thing(address).known for address in value.references)

    def leak(self, given: Iterable[Value], depth: int = MAX_NESTED) -> None:
        """Objects were given to unknown code, which may put something into them."""
        for value in given:
            for address in value.references:
                thing = self.thing(address)
                if not thing.known:
                    continue
                self.tick(1 + len(thing.items) // 8)
                changed = thing.copy()
                changed.known = False
                self.things[address] = changed
                if depth:
                    self.leak([*thing.items.values(), *([] if thing.rest is None else [thing.rest])], depth - 1)

    def depth_sure(self, given: Iterable[Value], depth: int = MAX_NESTED) -> frozenset[str]:
        """The rules that nothing in some values can break but their taints, whatever part of them is used."""
        found = SURE_TEXT
        for value in given:
            found &= value.sure
            for address in value.references if found else ():
                thing = self.thing(address)
                if not thing.known or thing.kind == "instance" or not depth:
                    return NOTHING_SAFE
                self.tick(1 + len(thing.items) // 8)
                found &= self.depth_sure(
                    [*thing.items.values(), *([] if thing.rest is None else [thing.rest])], depth - 1
                )
            if not found:
                break
        return found

    def is_harmless(self, value: Value, rule: str) -> bool:
        """Whether all that a value can be is known, and cannot break a rule."""
        return rule in self.depth_sure([value]) and all(
            taint.source.strength == "random" or self._is_proven(taint, rule) for taint in self.all_taints(value)
        )

    def _is_proven(self, taint: Taint, rule: str) -> bool:
        """Whether an untrusted value was checked, by a check that is no guess."""
        rules = taint.safe
        for identity, safe in self.cleared.items():
            rest = taint.identity[len(identity) :]
            if taint.identity.startswith(identity) and (not rest or rest[0] in "[."):
                rules |= safe
        return rule in rules and GUESSED not in rules

    # Sources, checks and findings.

    def source(self, label: str, strength: str, node: ast.AST, symbol: str = "") -> Value:
        """A new untrusted value."""
        line = getattr(node, "lineno", 1)
        origin = Source(label, strength, line)
        taint = Taint(origin, label, STRENGTHS[strength].confidence, NOTHING_SAFE, ())
        return Value(taints=(taint,), symbol=symbol, sure=SURE_TEXT)

    def clear(self, identity: str, rules: frozenset[str]) -> None:
        """From here on this part of a source breaks none of these rules."""
        known = self.cleared.get(identity, NOTHING_SAFE)
        if not rules <= known:
            self.cleared = {**self.cleared, identity: known | rules}

    def is_cleared(self, taint: Taint, rule: str) -> bool:
        if rule in taint.safe or rule in HARMLESS.get(taint.source.strength, NOTHING_SAFE):
            return True
        if not self.cleared:
            return False
        identity = taint.identity
        for known, rules in self.cleared.items():
            if rule in rules and identity.startswith(known):
                rest = identity[len(known) :]
                if not rest or rest[0] in "[.":
                    return True
        return False

    def traced(self, value: Value, line: int, name: str) -> Value:
        """The value under a name, which its origins remember."""
        if not value.taints:
            return value
        step = Step(line, name)

        def noted(taint: Taint) -> Taint:
            trace = taint.trace
            if len(trace) >= MAX_TRACE or (trace and trace[-1].line == line):
                return taint
            return taint._replace(trace=(*trace, step))

        return Value(
            values.map_taints(value, noted),
            value.constants,
            value.references,
            value.symbol,
            value.callables,
            value.prefix,
            value.sure,
        )

    def check(self, rule: str, node: ast.AST, value: Value | None, what: str, weight: float = 1.0) -> bool:
        """Report the surest origin of a value that may break a rule at a node; says whether there was one."""
        if value is None or not self.live:
            return False
        return self.check_taints(rule, node, self.all_taints(value), what, weight)

    def check_taints(self, rule: str, node: ast.AST, taints: tuple[Taint, ...], what: str, weight: float = 1.0) -> bool:
        wants_random = rule == "weak-randomness"
        found = [
            taint
            for taint in taints
            if (taint.source.strength == "random") == wants_random and not self.is_cleared(taint, rule)
        ]
        if not found or not self.live:
            return False
        best = max(found, key=lambda taint: taint.confidence)
        self.report(of_flow(rule, place_of(node), what, best, weight))
        return True

    def use(self, rule: str, node: ast.AST, what: str, confidence: float = 0.9) -> None:
        """Report a weakness that needs no flow."""
        if self.live:
            self.report(of_use(rule, place_of(node), what, confidence))

    def report_pending(self, name: str) -> None:
        """A secret made by `random` is read: had it been overwritten first, there would be nothing to say."""
        found = self.pending.pop((self.scope, name), None)
        if found is not None:
            self.check("weak-randomness", found[0], found[1], f"the secret `{name}`")

    def report_left(self, scope: Scope) -> None:
        """Report the secrets that a scope still holds at its end."""
        for place, (node, value) in list(self.pending.items()):
            if place[0] is scope:
                del self.pending[place]
                live, self.live = self.live, True
                self.check("weak-randomness", node, value, f"the secret `{place[1]}`")
                self.live = live

    def withdraw(self, value: Value) -> None:
        """A response turns out to be no HTML."""
        for address in value.references:
            line = self.thing(address).items.get("@line")
            if line is not None and line.constants and isinstance(line.constants[0], int):
                self.findings.pop(("xss", line.constants[0]), None)

    def report(self, finding: Finding) -> None:
        key = (finding.rule, finding.line)
        known = self.findings.get(key)
        if (known is None and len(self.findings) < MAX_FINDINGS) or (
            known is not None and known.confidence < finding.confidence
        ):
            self.findings[key] = finding

    def passed(self, inputs: list[Value], factor: float = 1.0) -> tuple[Taint, ...]:
        """The origins of what is made of some values; a factor below one says that it is a guess."""
        found: tuple[Taint, ...] = ()
        for value in inputs:
            if value.taints or value.references:
                found = join_taints(found, self.all_taints(value))
        if factor == 1.0 or not found:
            return found
        return tuple(taint._replace(confidence=max(taint.confidence * factor, 0.1)) for taint in found)

    def contents(self, value: Value) -> Value:
        """What iterating over a value gives, or any item of it."""
        if not value.references:
            if value.taints:
                return Value(taints=self.part(value, "[]"), sure=value.sure & SURE_TEXT)
            return Value(sure=value.sure & SURE_TEXT) if value.sure else UNKNOWN
        found: Value | None = None
        for address in value.references:
            thing = self.thing(address)
            item = values.contents(thing)
            if thing.kind == "dict" and not thing.exact:
                # Its keys may be others than are known.
                item = values.unsure(item)
            found = item if found is None else join(found, item)
        result = found or UNKNOWN
        if not value.sure:
            result = values.unsure(result)
        if value.taints:
            result = join(result, Value(taints=value.taints))
        return result


def settled(value: Value, cleared: Cleared) -> Value:
    """The value with what was validated written into it."""
    if not value.taints or not cleared:
        return value

    def change(taint: Taint) -> Taint | None:
        rules = taint.safe
        for identity, safe in cleared.items():
            rest = taint.identity[len(identity) :]
            if taint.identity.startswith(identity) and (not rest or rest[0] in "[."):
                rules |= safe
        return taint if rules == taint.safe else taint._replace(safe=rules)

    taints = values.map_taints(value, change)
    return Value(taints, value.constants, value.references, value.symbol, value.callables, value.prefix, value.sure)


def settled_thing(thing: Thing, cleared: Cleared) -> Thing:
    """The object with what was validated written into the values in it."""
    if not cleared or not any(item.taints for item in thing.items.values()):
        return thing
    changed = thing.copy()
    changed.items = {key: settled(item, cleared) for key, item in thing.items.items()}
    return changed


def with_cleared(cleared: Cleared, more: Cleared) -> Cleared:
    """What was validated, and what more is."""
    if not more:
        return cleared
    return cleared | {key: cleared.get(key, NOTHING_SAFE) | rules for key, rules in more.items()}


def only_cleared(left: Cleared, right: Cleared) -> Cleared:
    """What was validated on the left way and not on the right one."""
    if left is right:
        return {}
    return {key: rules for key, rules in left.items() if not rules <= right.get(key, NOTHING_SAFE)}


def both_cleared(left: Cleared, right: Cleared) -> Cleared:
    """What was validated on both of two ways."""
    if left is right:
        return left
    return {key: left[key] & right[key] for key in left.keys() & right.keys() if left[key] & right[key]}


def place_of(node: ast.AST) -> Place:
    """The lines of a node, and the name of what is called there."""
    line = getattr(node, "lineno", 1)
    name = ""
    if isinstance(node, ast.Call):
        name = dotted(node.func)
    elif isinstance(node, ast.Return):
        name = "the response"
    return Place(line, getattr(node, "end_lineno", None) or line, name or "this line")


def dotted(node: ast.expr) -> str:
    """`a.b.c` as text, however it begins; at most the last four names."""
    names: list[str] = []
    for _ in range(8):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            break
    if isinstance(node, ast.Name):
        names.append(node.id)
    return ".".join(reversed(names[:4]))
