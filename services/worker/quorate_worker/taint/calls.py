"""Follows calls into functions, methods and classes of the module."""

import ast
import functools

from quorate_worker.taint import constants
from quorate_worker.taint.libraries import GUESS, Libraries
from quorate_worker.taint.machine import Arguments, Cleared, Frame, both_cleared, only_cleared, with_cleared
from quorate_worker.taint.objects import MAX_SYMBOL, decorator_name
from quorate_worker.taint.scope import Scope
from quorate_worker.taint.statements import is_cookie_header
from quorate_worker.taint.values import (
    NONE,
    UNKNOWN,
    Class,
    Function,
    Thing,
    Value,
    join,
    unsure,
)
from quorate_worker.taint.words import words

MAX_DEPTH = 7
"""Calls within calls that are followed."""

MAX_SAME = 2
"""How often one function is followed within itself."""


class Calls(Libraries):
    """What a call does and returns."""

    def call_node(self, node: ast.Call) -> Value:
        self.visited[node] = self.visited.get(node, 0) + 1
        function = node.func
        if isinstance(function, ast.Name) and function.id == "super" and self.scope.find("super") is None:
            return self._super()
        if isinstance(function, ast.Attribute):
            receiver = self.evaluate(function.value)
            arguments = self.arguments(node)
            if len(node.args) == 2:
                self.header_pair(node.args[0], node.args[1], node)
            if self.recording is not None:
                self.recording[function] = Value(symbol=f"{receiver.symbol}.{function.attr}"[:MAX_SYMBOL])
            return self.method_call(receiver, function.attr, arguments, node)
        callee = self.evaluate(function)
        arguments = self.arguments(node)
        if callee.callables:
            result = self._call_all(callee, arguments, node)
            return result if callee.symbol in {"", "contextmanager"} else unsure(result)
        for address in callee.references:
            called = self.member(address, "__call__", node)
            if called is not None and called.callables:
                return unsure(self._call_all(called, arguments, node))
        if callee.taints and not callee.symbol:
            return Value(taints=self.passed([callee, *arguments.every()], GUESS))
        if "|" in callee.symbol:
            results = [self.library_call(name, "", None, arguments, node) for name in callee.symbol.split("|")]
            return functools.reduce(join, results)
        return self.library_call(callee.symbol, "", None, arguments, node)

    def arguments(self, node: ast.Call) -> Arguments:
        """The evaluated arguments of a call."""
        found = Arguments()
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                value = self.evaluate(argument.value)
                thing = self.thing(value.references[0]) if len(value.references) == 1 else None
                if thing is not None and thing.kind == "list" and thing.exact and found.extra is None:
                    found.positional += [thing.items[place] for place in range(len(thing.items))]
                    continue
                content = self.contents(value)
                found.extra = content if found.extra is None else join(found.extra, content)
                found.open_ended = True
            else:
                found.positional.append(self.evaluate(argument))
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                found.named[keyword.arg] = value
                continue
            thing = self.thing(value.references[0]) if len(value.references) == 1 else None
            if thing is not None and thing.kind == "dict" and thing.exact:
                found.named |= {str(key): item for key, item in thing.items.items()}
                continue
            content = self.contents(value)
            found.extra = content if found.extra is None else join(found.extra, content)
            found.open_ended = True
        return found

    def _super(self) -> Value:
        frame = next((frame for frame in reversed(self.frames) if frame.function and frame.function.bound), None)
        if frame is None or frame.function is None or frame.function.bound is None:
            return UNKNOWN
        owner = frame.function.owner
        return Value(
            symbol="@super",
            references=frame.function.bound.references,
            callables=(owner,) if owner is not None else (),
        )

    def _call_all(self, callee: Value, arguments: Arguments, node: ast.Call) -> Value:
        if len(callee.callables) == 1:
            return self.call(callee.callables[0], arguments, node)
        found: Value | None = None
        before = self.save()
        after = None
        for choice in callee.callables:
            self.restore(type(before)(dict(before.names), dict(before.things), before.cleared))
            result = self.call(choice, arguments, node)
            if not self.live:
                continue
            found = result if found is None else join(found, result)
            state = self.save()
            if after is not None:
                self.merge(after)
                state = self.save()
            after = state
        if after is not None:
            self.restore(after)
        return found or UNKNOWN

    def header_pair(self, name: ast.expr, value: ast.expr, node: ast.AST) -> None:
        """A header and its value, in a list of them or as two arguments."""
        if is_cookie_header(name):
            self.cookie_header(value, node)

    # Functions of the module.

    def call(self, callee: Function | Class, arguments: Arguments, node: ast.AST) -> Value:
        if isinstance(callee, Class):
            return self._instantiate(callee, arguments, node)
        if not self._may_follow(callee):
            inputs = arguments.every()
            if callee.bound is not None:
                inputs.append(callee.bound)
            self.leak(inputs)
            return Value(taints=self.passed(inputs, GUESS))
        scope = Scope("function", callee.scope)
        frame = Frame(callee)
        outer_scope, outer_depth, outer_recording = self.scope, self.loop_depth, self.recording
        self._parameters(callee, arguments, scope)
        self.scope, self.loop_depth, self.recording = scope, 0, None
        self.frames.append(frame)
        try:
            if isinstance(callee.node, ast.Lambda):
                value, recorded = self.recorded(callee.node.body)
                truth = self.truth(value)
                frame.returned = value
                frame.checks.append(
                    (
                        truth,
                        with_cleared(self.cleared, self.learned(callee.node.body, True, recorded, 0)),
                        with_cleared(self.cleared, self.learned(callee.node.body, False, recorded, 0)),
                    )
                )
            else:
                self.run(callee.node.body)
                if self.live:
                    frame.checks.append((False, self.cleared, self.cleared))
                    if frame.returned is not None:
                        frame.returned = join(frame.returned, NONE)
            self.report_left(scope)
        finally:
            self.frames.pop()
            self.scope, self.loop_depth, self.recording = outer_scope, outer_depth, outer_recording
        self._leave(frame)
        if isinstance(node, ast.Call) and self.recording is not None and len(self.outcomes) < 10_000:
            self.outcomes[node] = (_outcome(frame, True), _outcome(frame, False))
        if frame.yielded is not None:
            if not isinstance(callee.node, ast.Lambda):
                names = {decorator_name(item) for item in callee.node.decorator_list}
                if names & {"contextmanager", "asynccontextmanager"}:
                    return frame.yielded
            return self.allocate(Thing("list", {}, frame.yielded, False, known=not frame.doubtful))
        result = frame.returned or NONE
        return result if not result.sure or _is_plain(callee) else unsure(result)

    def _leave(self, frame: Frame) -> None:
        """Go on after a call: from its end or from any of its returns."""
        ends = frame.ends
        if not self.live and not ends:
            return
        if not self.live:
            self.things, self.cleared = dict(ends[-1][0]), ends[-1][1]
            ends = ends[:-1]
            self.live = True
        for things, cleared in ends:
            self.merge_things(things, only_cleared(self.cleared, cleared), only_cleared(cleared, self.cleared))
            self.cleared = both_cleared(self.cleared, cleared)

    def _may_follow(self, callee: Function) -> bool:
        if len(self.frames) > MAX_DEPTH or self.steps > self.inline_limit:
            return False
        same = sum(1 for frame in self.frames if frame.function is not None and frame.function.node is callee.node)
        return same < MAX_SAME

    def _parameters(self, callee: Function, arguments: Arguments, scope: Scope) -> None:
        spec = callee.node.args
        names = [item.arg for item in (*spec.posonlyargs, *spec.args)]
        given = [*callee.preset, *arguments.positional]
        if callee.bound is not None:
            given.insert(0, callee.bound)
        filled: dict[str, Value] = dict(zip(names, given, strict=False))
        if spec.vararg is not None:
            rest = given[len(names) :]
            thing = Thing("list", dict(enumerate(rest)), arguments.extra, arguments.extra is None, known=True)
            filled[spec.vararg.arg] = self.allocate(thing)
        known = {*names, *(item.arg for item in spec.kwonlyargs)}
        others: dict[object, Value] = {}
        for name, value in arguments.named.items():
            if name in known:
                filled[name] = value
            else:
                others[name] = value
        if spec.kwarg is not None:
            filled[spec.kwarg.arg] = self.allocate(
                Thing("dict", others, arguments.extra, arguments.extra is None, known=True)
            )
        defaults = dict(zip(reversed(names), reversed(spec.defaults), strict=False))
        for item, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if default is not None:
                defaults[item.arg] = default
        outer = self.scope
        for name in known - filled.keys():
            value = UNKNOWN
            if name in defaults:
                self.scope = callee.scope
                value = self.evaluate(defaults[name])
                self.scope = outer
            if arguments.extra is not None:
                value = join(value, arguments.extra)
            filled[name] = value
        line = getattr(callee.node, "lineno", 1)
        scope.values = {name: self.traced(value, line, name) for name, value in filled.items()}

    def _instantiate(self, owner: Class, arguments: Arguments, node: ast.AST) -> Value:
        base = self.outer_base(owner)
        if base.startswith("enum.") and arguments.positional:
            return UNKNOWN
        known = not base or base in {"object", "abc.ABC"}
        thing = Thing("instance", owner=owner, symbol=base + "()" if base else "", known=known)
        instance = self.allocate(thing)
        method = self.class_member(owner, "__init__")
        if method is not None and method.callables and isinstance(method.callables[0], Function):
            found = method.callables[0]
            if self._may_follow(found):
                self.call(Function(found.node, found.scope, found.owner or owner, instance), arguments, node)
                return instance
            return Value(self.passed(arguments.every(), GUESS), None, instance.references, instance.symbol)
        fields = self._fields(owner)
        for name, value in zip(fields, arguments.positional, strict=False):
            self.put(instance, name, value)
        for name, value in arguments.named.items():
            self.put(instance, name, value)
        if base and not fields:
            return Value(self.passed(arguments.every()), None, instance.references, instance.symbol)
        return instance

    def _fields(self, owner: Class) -> list[str]:
        """The annotated names of a dataclass, a NamedTuple or a model, those of its bases first."""
        names: list[str] = []
        for base in owner.bases[:4]:
            for callee in base.callables:
                if isinstance(callee, Class) and callee is not owner and len(self.frames) <= MAX_DEPTH:
                    names += [
                        item.target.id
                        for item in callee.node.body
                        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                    ]
        names += [
            item.target.id
            for item in owner.node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]
        return list(dict.fromkeys(names))

    # Methods.

    def method_call(self, receiver: Value, name: str, arguments: Arguments, node: ast.Call) -> Value:
        if receiver.symbol == "@super":
            return self._super_call(receiver, name, arguments, node)
        found: Value | None = None
        if receiver.references:
            found = self.container_call(receiver, name, arguments)
            if found is not None:
                return found if not receiver.taints else join(found, Value(taints=receiver.taints))
            kinds = {self.thing(address).kind for address in receiver.references}
            if kinds & {"instance", "external"}:
                method = self.attribute_of_object(receiver, name, node)
                if method is not None and method.callables:
                    result = self._call_all(method, arguments, node)
                    # The object may be one of a class that has another such method.
                    return result if self.is_whole(receiver) else unsure(result)
        for callee in receiver.callables:
            if isinstance(callee, Class):
                item = self.class_member(callee, name)
                if item is not None and item.callables:
                    bound = self._of_class(item, callee)
                    return unsure(self._call_all(bound, arguments, node))
                base = self.outer_base(callee)
                if base.startswith("enum."):
                    return UNKNOWN
        known = constants.method(name, receiver, arguments.positional) if not arguments.named else None
        if known is not None:
            prefix = known[0] if len(known) == 1 and isinstance(known[0], str) else ""
            sure = receiver.sure
            for argument in arguments.positional:
                sure &= argument.sure
            return Value(constants=known, prefix=prefix, sure=sure)
        return self.library_call(f"{receiver.symbol}.{name}"[:MAX_SYMBOL], name, receiver, arguments, node)

    def attribute_of_object(self, receiver: Value, name: str, node: ast.AST) -> Value | None:
        """A method that an object of the module has, from its own class or put into it."""
        for address in receiver.references:
            thing = self.thing(address)
            if name in thing.items:
                return thing.items[name]
            if thing.owner is not None:
                item = self.class_member(thing.owner, name)
                if item is not None:
                    return self.bound(item, receiver, thing.owner, node)
        return None

    def _of_class(self, item: Value, owner: Class) -> Value:
        callables: list[Function | Class] = []
        for callee in item.callables:
            if isinstance(callee, Function) and not isinstance(callee.node, ast.Lambda):
                names = {decorator_name(decorator) for decorator in callee.node.decorator_list}
                if "classmethod" in names:
                    callables.append(Function(callee.node, callee.scope, owner, Value(callables=(owner,))))
                    continue
            callables.append(callee)
        return Value(callables=tuple(callables))

    def _super_call(self, receiver: Value, name: str, arguments: Arguments, node: ast.Call) -> Value:
        instance = Value(references=receiver.references)
        for owner in receiver.callables:
            if not isinstance(owner, Class):
                continue
            for base in owner.bases:
                for parent in base.callables:
                    if isinstance(parent, Class):
                        item = self.class_member(parent, name)
                        if item is not None and item.callables and isinstance(item.callables[0], Function):
                            found = item.callables[0]
                            bound = Function(found.node, found.scope, found.owner or parent, instance)
                            return unsure(self.call(bound, arguments, node))
            base_symbol = self.outer_base(owner)
            if base_symbol:
                return self.library_call(f"{base_symbol}().{name}", name, Value(symbol=base_symbol), arguments, node)
        return Value(taints=self.passed(arguments.every(), GUESS))

    # Libraries.


_PLAIN_DECORATORS = words(
    "staticmethod classmethod property cached_property cache lru_cache contextmanager asynccontextmanager wraps"
)


def _is_plain(callee: Function) -> bool:
    """Whether a call gives what the function returns: a decorator of unknown code may do otherwise."""
    if isinstance(callee.node, ast.Lambda):
        return True
    return all(decorator_name(item) in _PLAIN_DECORATORS for item in callee.node.decorator_list)


def _outcome(frame: Frame, holds: bool) -> Cleared:
    """What is validated after a function answered true, or false."""
    ways = [check for check in frame.checks if check[0] is None or check[0] is holds]
    found: Cleared | None = None
    for _, when_true, when_false in ways:
        way = when_true if holds else when_false
        found = way if found is None else both_cleared(found, way)
    return found or {}
