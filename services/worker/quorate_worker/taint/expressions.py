"""Evaluates expressions, calls aside."""

import ast
import builtins
import re
from collections.abc import Callable
from typing import ClassVar

from quorate_worker.taint import constants, sources, values
from quorate_worker.taint.machine import settled
from quorate_worker.taint.objects import Objects
from quorate_worker.taint.sources import REQUEST, SESSION
from quorate_worker.taint.values import (
    BEGINNING,
    FALSE,
    HARMLESS,
    NOTHING_SAFE,
    SURE,
    SURE_TEXT,
    TRUE,
    UNKNOWN,
    Function,
    Thing,
    Value,
    constant,
    join,
    join_taints,
)

_BUILTINS = frozenset(dir(builtins))
_CONVERSION = re.compile(r"%(?:\((\w*)\))?[-+ #0-9.]*([a-zA-Z%])")


class Expressions(Objects):
    """What each kind of expression makes of the values in it."""

    def evaluate(self, node: ast.expr) -> Value:
        self.tick()
        visit = self.visits.get(type(node))
        value = UNKNOWN if visit is None else visit(self, node)
        if self.recording is not None:
            self.recording[node] = value
        return value

    def _name(self, node: ast.Name) -> Value:
        value = self.scope.find(node.id)
        if value is not None:
            if self.pending:
                self.report_pending(node.id)
            if value.sure and not self._is_settled(node.id, value):
                return values.unsure(value)
            return value
        if node.id in _BUILTINS:
            return self.symbolic(node.id, node)
        return Value(symbol="?" + node.id)

    def _is_settled(self, name: str, value: Value) -> bool:
        """Whether a name surely holds this value, whoever else may use it."""
        around = self.surroundings
        if name in around.shared:
            return False
        if name in self.scope.values or self.scope.kind == "module":
            inside = 1 if self.scope.kind == "module" else 2
            return not value.references or around.exposed.get(name, -1) < inside
        scope = self.scope.parent
        while scope is not None and scope.parent is not None:
            if scope.kind == "function" and name in scope.values:
                return False
            scope = scope.parent
        return name in around.settled and not (value.references and name in around.exposed)

    def _constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, str | bytes) and len(node.value) > constants.MAX_TEXT:
            return Value(prefix=node.value[: constants.MAX_TEXT] if isinstance(node.value, str) else "", sure=SURE)
        return constant(node.value)

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.evaluate(node.value), node.attr, node)

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.evaluate(node.value)
        if isinstance(node.slice, ast.Slice):
            return self._slice(value, node.slice)
        key = self.evaluate(node.slice)
        if value.symbol.startswith(REQUEST + ".") and value.taints:
            return self.request_item(value, key)
        if value.symbol == SESSION:
            return UNKNOWN
        found = self.subscript(value, key)
        if value.symbol == "#between slashes" and key.constants in {(-1,), (2,)}:
            # The last part of a path has no folder in it.
            taints = tuple(taint._replace(safe=taint.safe | {"path-traversal"}) for taint in found.taints)
            return Value(taints, sure=found.sure & SURE_TEXT)
        chance = tuple(taint for taint in key.taints if taint.source.strength == "random")
        if chance:
            found = Value(join_taints(found.taints, chance), symbol=found.symbol)
        elif value.symbol and not found.symbol and not found.references and not found.callables:
            found = Value(
                found.taints, found.constants, symbol=value.symbol + "[]", prefix=found.prefix, sure=found.sure
            )
        return found

    def _slice(self, value: Value, node: ast.Slice) -> Value:
        bounds = [
            constant(None) if part is None else self.evaluate(part) for part in (node.lower, node.upper, node.step)
        ]
        if value.constants is not None and not value.references:
            known = constants.piece(value, bounds)
            if known is not None:
                return Value(constants=known, sure=value.sure)
        if len(value.references) == 1 and all(_is_place(bound) for bound in bounds):
            thing = self.thing(value.references[0])
            low, high, step = (_place(bound) for bound in bounds)
            if thing.kind == "list" and thing.exact and step != 0:
                ordered = [thing.items[index] for index in range(len(thing.items))]
                whole = self.is_whole(value)
                return self.allocate(Thing("list", dict(enumerate(ordered[low:high:step])), known=whole), value.taints)
        if value.references:
            whole = self.is_whole(value)
            return self.allocate(Thing("list", {}, self.contents(value), False, known=whole), value.taints)
        prefix = value.prefix if node.lower is None and node.upper is None else ""
        return Value(taints=value.taints, prefix=prefix, sure=value.sure)

    def _binary(self, node: ast.BinOp) -> Value:
        # A sum of thousands of terms is a tree that deep; its left spine is walked, not recursed into.
        spine: list[ast.BinOp] = []
        current: ast.expr = node
        while isinstance(current, ast.BinOp):
            spine.append(current)
            current = current.left
        value = self.evaluate(current)
        for link in reversed(spine):
            self.tick()
            value = self.operate(link.op, value, self.evaluate(link.right))
        if isinstance(node.op, (ast.Add, ast.Mod)):
            self.built(node, value)
        return value

    def operate(self, kind: ast.operator, left: Value, right: Value) -> Value:
        """`left kind right`."""
        known = constants.binary(kind, left, right)
        if known is not None:
            return Value(constants=known, prefix=values.text_prefix(known), sure=left.sure & right.sure)
        if isinstance(kind, ast.Add) and len(left.references) == 1 and len(right.references) == 1:
            one, other = self.thing(left.references[0]), self.thing(right.references[0])
            if one.kind == "list" and other.kind == "list":
                copy = one.copy()
                copy.known = copy.known and bool(left.sure)
                result = self.allocate(copy, left.taints)
                self.extend(result.references[0], right, True)
                return result
        if isinstance(kind, ast.Mult) and left.references:
            whole = self.is_whole(left)
            return self.allocate(Thing("list", {}, self.contents(left), False, known=whole))
        if isinstance(kind, ast.BitOr) and left.references and right.references:
            copy = self.thing(left.references[0]).copy()
            copy.known = copy.known and len(left.references) == 1 and bool(left.sure)
            result = self.allocate(copy, left.taints)
            self.update(result, right)
            return result
        if isinstance(kind, ast.Mod) and not left.symbol and left.constants and isinstance(left.constants[0], str):
            result = self._percent(left.constants[0], right)
            return result if len(left.constants) == 1 and left.sure else values.unsure(result)
        if left.symbol.endswith("Markup()") or (isinstance(kind, ast.Add) and right.symbol.endswith("Markup()")):
            escaped = self.passed([left, right])
            return Value(
                tuple(taint._replace(safe=taint.safe | {"xss"}) for taint in escaped), symbol="markupsafe.Markup()"
            )
        taints = self.passed([left, right])
        sure = NOTHING_SAFE if left.references or right.references else left.sure & right.sure
        if isinstance(kind, ast.Add):
            constant_left = left.constants is not None and len(left.constants) == 1
            prefix = left.prefix
            if constant_left and left.prefix:
                prefix += right.prefix
            begins = BEGINNING in left.sure and (not constant_left or not right.prefix or BEGINNING in right.sure)
            return Value(taints, prefix=prefix, sure=(sure | {BEGINNING}) if begins else sure - {BEGINNING})
        symbol = ""
        if isinstance(kind, ast.Mult) and left.constants and isinstance(left.constants[0], str):
            sure = left.sure
        if isinstance(kind, ast.Div):
            symbol = "pathlib.Path()"
        return Value(taints, symbol=symbol, prefix=left.prefix, sure=sure & SURE_TEXT)

    def _percent(self, template: str, right: Value) -> Value:
        """`template % right`: numbers carry no text."""
        prefix = template.partition("%")[0]
        conversions = [(name, kind) for name, kind in _CONVERSION.findall(template) if kind != "%"]
        numbers = [kind in "dioxXeEfFgGc" for _, kind in conversions]
        if numbers and all(numbers):
            return Value(taints=chance(self.passed([right])), prefix=prefix, sure=SURE)
        taints: tuple[values.Taint, ...] = ()
        sure: frozenset[str] = SURE_TEXT
        thing = self.thing(right.references[0]) if len(right.references) == 1 else None
        if thing is not None and thing.kind == "list" and thing.exact and len(thing.items) == len(conversions):
            for index, is_number in enumerate(numbers):
                if not is_number:
                    taints = join_taints(taints, self.all_taints(thing.items[index]))
                    sure &= self.depth_sure([thing.items[index]])
            return Value(taints, prefix=prefix, sure=(sure if self.is_whole(right) else NOTHING_SAFE) | {BEGINNING})
        if thing is not None and thing.kind == "dict" and thing.exact and not right.taints:
            for (name, _), is_number in zip(conversions, numbers, strict=True):
                if not is_number and name in thing.items:
                    taints = join_taints(taints, self.all_taints(thing.items[name]))
                sure &= SURE_TEXT if is_number else self.depth_sure([thing.items.get(name, UNKNOWN)])
            return Value(taints, prefix=prefix, sure=(sure if self.is_whole(right) else NOTHING_SAFE) | {BEGINNING})
        return Value(self.passed([right]), prefix=prefix, sure=self.depth_sure([right]) | {BEGINNING})

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return HARMLESS if truth is None else FALSE if truth else TRUE
        return Value(value.taints, constants.unary(node.op, value), sure=value.sure & SURE_TEXT)

    def decide(self, value: Value) -> bool | None:
        """The way that is surely taken, if any. Where it is not wholly sure, nothing after it is."""
        truth = self.truth(value)
        if truth is not None and not self.is_whole(value):
            self.frames[-1].doubtful = True
        return truth

    def truth(self, value: Value) -> bool | None:
        """Whether a value is surely true or surely false."""
        if value.taints:
            return None
        if value.references:
            things = [self.thing(address) for address in value.references]
            if value.constants is None and all(thing.kind == "list" and thing.exact for thing in things):
                sizes = {bool(thing.items) for thing in things}
                return sizes.pop() if len(sizes) == 1 else None
            return None
        if value.callables and value.constants is None:
            return None
        return constants.truth(value.constants)

    def _boolean(self, node: ast.BoolOp) -> Value:
        is_and = isinstance(node.op, ast.And)
        before = self.cleared
        found: Value | None = None
        for operand in node.values:
            value, recorded = self.recorded(operand)
            found = value if found is None else join(found, value)
            truth = self.decide(value)
            if truth is not None and truth is not is_and:
                if operand is node.values[0]:
                    found = value
                break
            if truth is is_and and operand is not node.values[-1]:
                # A left operand that is surely passed over is not the result.
                found = None if found is value else found
            self.assume(operand, is_and, recorded)
        self.cleared = before
        return found or UNKNOWN

    def recorded(self, node: ast.expr) -> tuple[Value, dict[ast.expr, Value]]:
        """The value of an expression, and those of the expressions in it."""
        outer = self.recording
        self.recording = {}
        try:
            value = self.evaluate(node)
            return value, self.recording
        finally:
            if outer is not None:
                outer.update(self.recording)
            self.recording = outer

    def _compare(self, node: ast.Compare) -> Value:
        left = self.evaluate(node.left)
        if len(node.ops) != 1:
            for right in node.comparators:
                self.evaluate(right)
            return HARMLESS
        right_value = self.evaluate(node.comparators[0])
        if left.taints or right_value.taints:
            return HARMLESS
        kind = node.ops[0]
        known = constants.compare(kind, left, right_value)
        if known is None and isinstance(kind, ast.In | ast.NotIn) and len(right_value.references) == 1:
            known = self._membership(left, self.thing(right_value.references[0]), isinstance(kind, ast.In))
        if known is None and isinstance(kind, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
            for one, other in ((left, right_value), (right_value, left)):
                if one.constants == (None,) and other.constants is None and (other.references or other.callables):
                    known = (isinstance(kind, ast.IsNot | ast.NotEq),)
        if known is None:
            return HARMLESS
        whole = self.is_whole(left) and self.is_whole(right_value)
        return Value(constants=known, sure=SURE if whole else NOTHING_SAFE)

    def _membership(self, left: Value, thing: Thing, wanted: bool) -> tuple[object, ...] | None:
        if left.constants is None or len(left.constants) != 1 or not thing.exact or thing.rest is not None:
            return None
        key = left.constants[0]
        if thing.kind == "dict":
            try:
                return ((key in thing.items) is wanted,)
            except TypeError:
                return None
        if thing.kind != "list":
            return None
        found = False
        for item in thing.items.values():
            if item.constants is None or len(item.constants) != 1:
                return None
            found = found or values.same(item.constants[0], key)
        return (found is wanted,)

    def _conditional(self, node: ast.IfExp) -> Value:
        test, recorded = self.recorded(node.test)
        truth = self.decide(test)
        if truth is not None:
            return self.evaluate(node.body if truth else node.orelse)
        before = self.cleared
        self.assume(node.test, True, recorded)
        body = settled(self.evaluate(node.body), self.cleared)
        self.cleared = before
        self.assume(node.test, False, recorded)
        orelse = settled(self.evaluate(node.orelse), self.cleared)
        self.cleared = before
        return join(body, orelse)

    def _joined(self, node: ast.JoinedStr) -> Value:
        taints: tuple[values.Taint, ...] = ()
        known: tuple[object, ...] | None = ("",)
        prefix, growing = "", True
        sure, begins = SURE_TEXT, True
        for part in node.values:
            value = self.evaluate(part)
            sure &= value.sure
            taints = join_taints(taints, value.taints)
            if known is not None:
                known = constants.binary(ast.Add(), Value(constants=known), value)
            if growing:
                prefix += value.prefix
                begins = begins and (not value.prefix or BEGINNING in value.sure)
                growing = value.constants is not None and len(value.constants) == 1
        if taints:
            taints = tuple(taint._replace(safe=taint.safe | {"nosql-injection"}) for taint in taints)
        result = Value(
            taints,
            known if not taints else None,
            prefix=prefix[: constants.MAX_TEXT],
            sure=(sure | {BEGINNING}) if begins else sure,
        )
        self.built(node, result)
        return result

    def _formatted(self, node: ast.FormattedValue) -> Value:
        value = self.evaluate(node.value)
        if node.format_spec is not None:
            self.evaluate(node.format_spec)
            spec = node.format_spec
            last = spec.values[-1] if isinstance(spec, ast.JoinedStr) and spec.values else None
            if isinstance(last, ast.Constant) and str(last.value)[-1:] in set("dfxXobeEgGn%"):
                return Value(taints=chance(self.all_taints(value)), sure=SURE_TEXT)
            return Value(taints=self.all_taints(value), sure=self.depth_sure([value]))
        if value.constants is not None and not value.taints and node.conversion == -1:
            known = constants.function("str", [value])
            return Value(constants=known, prefix=values.text_prefix(known), sure=value.sure)
        begins = {BEGINNING} & value.sure
        return Value(
            taints=self.all_taints(value),
            prefix=value.prefix if node.conversion == -1 else "",
            sure=self.depth_sure([value]) | begins,
        )

    def _sequence(self, node: ast.List | ast.Tuple) -> Value:
        items: dict[object, Value] = {}
        rest: Value | None = None
        exact = True
        if len(node.elts) == 2 and isinstance(node, ast.Tuple) and isinstance(node.elts[0], ast.Constant):
            self.header_pair(node.elts[0], node.elts[1], node)
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.evaluate(element.value)
                thing = self.thing(inner.references[0]) if len(inner.references) == 1 else None
                if exact and thing is not None and thing.kind == "list" and thing.exact:
                    whole = self.is_whole(inner)
                    for index in range(len(thing.items)):
                        item = thing.items[index]
                        items[len(items)] = item if whole else values.unsure(item)
                    continue
                content = self.contents(inner)
                rest, exact = (content if rest is None else join(rest, content)), False
                continue
            value = self.evaluate(element)
            if exact:
                items[len(items)] = value
            else:
                rest = value if rest is None else join(rest, value)
        return self.allocate(Thing("list", items, rest, exact, known=True))

    def _set(self, node: ast.Set) -> Value:
        rest: Value | None = None
        for element in node.elts:
            value = self.evaluate(element)
            rest = value if rest is None else join(rest, value)
        return self.allocate(Thing("set", {}, rest, False, known=True))

    def _dict(self, node: ast.Dict) -> Value:
        result = self.allocate(Thing("dict", known=True))
        items: dict[object, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.evaluate(item)
            if key is None:
                self._flush(result, items)
                self.update(result, value)
                continue
            place = self.evaluate(key)
            if place.constants is not None and len(place.constants) == 1:
                items[place.constants[0]] = value
                if isinstance(place.constants[0], str) and sources.is_secret_name(place.constants[0]):
                    self.check("weak-randomness", item, value, f"the secret `{place.constants[0][:40]}`")
            else:
                self._flush(result, items)
                self.store(result, place, value)
        self._flush(result, items)
        return result

    def _flush(self, target: Value, items: dict[object, Value]) -> None:
        if not items:
            return
        address = target.references[0]
        thing = self.thing(address).copy()
        thing.items.update(items)
        items.clear()
        if len(thing.items) > 256:
            thing = Thing("dict", {}, values.contents(thing), False, known=thing.known)
        self.things[address] = thing

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        before_cleared = self.cleared
        hidden: dict[str, Value | None] = {}
        for generator in node.generators:
            for name in ast.walk(generator.target):
                if isinstance(name, ast.Name):
                    hidden.setdefault(name.id, self.scope.values.get(name.id))
            self.bind(generator.target, self.contents(self.evaluate(generator.iter)))
            for test in generator.ifs:
                _, recorded = self.recorded(test)
                self.assume(test, True, recorded)
        if isinstance(node, ast.DictComp):
            key = self.evaluate(node.key)
            item = settled(self.evaluate(node.value), self.cleared)
            result = Value(taints=chance(key.taints))
            thing = Thing("dict", {}, item, False, known=True)
        else:
            item = settled(self.evaluate(node.elt), self.cleared)
            result = UNKNOWN
            thing = Thing("set" if isinstance(node, ast.SetComp) else "list", {}, item, False, known=True)
        self.cleared = before_cleared
        for name_text, value in hidden.items():
            if value is None:
                self.scope.values.pop(name_text, None)
            else:
                self.scope.values[name_text] = value
        return self.allocate(thing, result.taints)

    def _lambda(self, node: ast.Lambda) -> Value:
        return Value(callables=(Function(node, self.scope),))

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.bind(node.target, value)
        return value

    def _await(self, node: ast.Await) -> Value:
        return self.evaluate(node.value)

    def _starred(self, node: ast.Starred) -> Value:
        return self.evaluate(node.value)

    def _yield(self, node: ast.Yield) -> Value:
        value = UNKNOWN if node.value is None else self.evaluate(node.value)
        frame = self.frames[-1]
        frame.yielded = value if frame.yielded is None else join(frame.yielded, value)
        return UNKNOWN

    def _yield_from(self, node: ast.YieldFrom) -> Value:
        value = self.contents(self.evaluate(node.value))
        frame = self.frames[-1]
        frame.yielded = value if frame.yielded is None else join(frame.yielded, value)
        return UNKNOWN

    def _call(self, node: ast.Call) -> Value:
        return self.call_node(node)

    def built(self, node: ast.expr, value: Value) -> None:
        """A text was put together."""
        raise NotImplementedError

    def header_pair(self, name: ast.expr, value: ast.expr, node: ast.AST) -> None:
        raise NotImplementedError

    def call_node(self, node: ast.Call) -> Value:
        raise NotImplementedError

    visits: ClassVar["dict[type[ast.expr], Callable[[Expressions, ast.expr], Value]]"] = {
        ast.Name: _name,  # type: ignore[dict-item]
        ast.Constant: _constant,  # type: ignore[dict-item]
        ast.Attribute: _attribute,  # type: ignore[dict-item]
        ast.Subscript: _subscript,  # type: ignore[dict-item]
        ast.BinOp: _binary,  # type: ignore[dict-item]
        ast.UnaryOp: _unary,  # type: ignore[dict-item]
        ast.BoolOp: _boolean,  # type: ignore[dict-item]
        ast.Compare: _compare,  # type: ignore[dict-item]
        ast.IfExp: _conditional,  # type: ignore[dict-item]
        ast.JoinedStr: _joined,  # type: ignore[dict-item]
        ast.FormattedValue: _formatted,  # type: ignore[dict-item]
        ast.List: _sequence,  # type: ignore[dict-item]
        ast.Tuple: _sequence,  # type: ignore[dict-item]
        ast.Set: _set,  # type: ignore[dict-item]
        ast.Dict: _dict,  # type: ignore[dict-item]
        ast.ListComp: _comprehension,  # type: ignore[dict-item]
        ast.SetComp: _comprehension,  # type: ignore[dict-item]
        ast.GeneratorExp: _comprehension,  # type: ignore[dict-item]
        ast.DictComp: _comprehension,  # type: ignore[dict-item]
        ast.Lambda: _lambda,  # type: ignore[dict-item]
        ast.NamedExpr: _walrus,  # type: ignore[dict-item]
        ast.Await: _await,  # type: ignore[dict-item]
        ast.Starred: _starred,  # type: ignore[dict-item]
        ast.Yield: _yield,  # type: ignore[dict-item]
        ast.YieldFrom: _yield_from,  # type: ignore[dict-item]
        ast.Call: _call,  # type: ignore[dict-item]
    }


def chance(taints: tuple[values.Taint, ...]) -> tuple[values.Taint, ...]:
    """Only what `random` made: numbers carry it, but no text of a request."""
    return tuple(taint for taint in taints if taint.source.strength == "random")


def _is_place(value: Value) -> bool:
    """Whether a bound of a slice is known: a number or nothing."""
    known = value.constants
    return known is not None and len(known) == 1 and (known[0] is None or isinstance(known[0], int))


def _place(value: Value) -> int | None:
    first = value.constants[0] if value.constants else None
    return first if isinstance(first, int) else None
