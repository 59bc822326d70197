"""Runs statements: assignments, branches, loops, exceptions."""

import ast
from collections.abc import Callable
from typing import ClassVar

from quorate_worker.taint import sanitizers
from quorate_worker.taint.assignments import Assignments
from quorate_worker.taint.machine import Arguments, Cleared, Loop, State, settled, with_cleared
from quorate_worker.taint.objects import decorator_name
from quorate_worker.taint.scope import Scope
from quorate_worker.taint.values import (
    UNKNOWN,
    Class,
    Function,
    Value,
    constant,
    join,
    same,
    unsure,
)

_TESTS = (ast.Compare, ast.Call, ast.BoolOp, ast.UnaryOp)
MAX_PASSES_DEPTH = 2
"""Loops nested deeper than this are passed once, not twice."""

MAX_UNROLLED = 6


class Statements(Assignments):
    """What each kind of statement does to names and objects."""

    def run(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not self.live:
                return
            self.tick()
            visit = self.runs.get(type(statement))
            if visit is not None:
                visit(self, statement)

    # Simple statements.

    def _expression(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def _assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, _TESTS) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value, recorded = self.recorded(node.value)
            self.bind(node.targets[0], value)
            if any(item.taints for item in recorded.values()):
                self.frames[-1].conditions[node.targets[0].id] = (node.value, recorded)
            return
        pairs = self._parallel(node)
        if pairs is not None:
            for target, value in pairs:
                self.bind(target, value)
            return
        value = self.evaluate(node.value)
        for target in node.targets:
            self.bind(target, value)
            if isinstance(target, ast.Subscript) and is_cookie_header(target.slice):
                self.cookie_header(node.value, node)

    def _parallel(self, node: ast.Assign) -> list[tuple[ast.expr, Value]] | None:
        """`a, b = x, y` without a tuple in between."""
        if len(node.targets) != 1 or not isinstance(node.value, ast.Tuple):
            return None
        target = node.targets[0]
        if not isinstance(target, ast.Tuple) or len(target.elts) != len(node.value.elts):
            return None
        if any(isinstance(item, ast.Starred) for item in (*target.elts, *node.value.elts)):
            return None
        return list(zip(target.elts, [self.evaluate(item) for item in node.value.elts], strict=True))

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        left = self.evaluate(target)
        right = self.evaluate(node.value)
        if isinstance(node.op, ast.Add) and left.references:
            kinds = {self.thing(address).kind for address in left.references}
            if kinds == {"list"}:
                for address in left.references:
                    self.extend(address, right, len(left.references) == 1)
                return
        self.bind(target, self.operate(node.op, left, right))

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scope.values.pop(target.id, None)
            elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                owner, key = self.evaluate(target.value), self.evaluate(target.slice)
                if owner.references:
                    arguments = Arguments([key])
                    self.container_call(owner, "pop", arguments)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.add(alias.name.partition(".")[0])
            name = alias.asname or alias.name.partition(".")[0]
            self.imported.add(name)
            symbol = alias.name if alias.asname else name
            self.scope.home(name).values[name] = Value(symbol=symbol)

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        if not node.level:
            self.imports.add(module.partition(".")[0])
        for alias in node.names:
            name = alias.asname or alias.name
            self.imported.add(name)
            self.scope.home(name).values[name] = self.symbolic(f"{module}.{alias.name}", node)

    def _global(self, node: ast.Global) -> None:
        self.scope.global_names.update(node.names)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.nonlocal_names.update(node.names)

    def _return(self, node: ast.Return) -> None:
        frame = self.frames[-1]
        when_true: Cleared = self.cleared
        when_false: Cleared = self.cleared
        truth: bool | None = False
        value = UNKNOWN
        if node.value is not None:
            value, recorded = self.recorded(node.value)
            truth = self.truth(value)
            if truth is None:
                when_true = with_cleared(self.cleared, self.lesson(node.value, True, recorded))
                when_false = with_cleared(self.cleared, self.lesson(node.value, False, recorded))
        frame.checks.append((truth, when_true, when_false))
        value = settled(value, self.cleared)
        if frame.doubtful:
            value = unsure(value)
        self.returning(node, value)
        frame.returned = value if frame.returned is None else join(frame.returned, value)
        frame.ends.append((self.things, self.cleared))
        self.things = dict(self.things)
        self.live = False

    def returning(self, node: ast.Return, value: Value) -> None:
        raise NotImplementedError

    def _raise(self, node: ast.Raise) -> None:
        if node.exc is not None:
            self.evaluate(node.exc)
        frame = self.frames[-1]
        if frame.raised:
            frame.raised[-1].append(self.save())
        self.live = False

    def _assert(self, node: ast.Assert) -> None:
        value, recorded = self.recorded(node.test)
        if self.decide(value) is False:
            self.live = False
            return
        self.assume(node.test, True, recorded)

    def _break(self, _node: ast.Break) -> None:
        loops = self.frames[-1].loops
        if loops:
            loops[-1].breaks.append(self.save())
        self.live = False

    def _continue(self, _node: ast.Continue) -> None:
        loops = self.frames[-1].loops
        if loops:
            loops[-1].continues.append(self.save())
        self.live = False

    # Branches.

    def _if(self, node: ast.If) -> None:
        # A long `elif` chain is a deep tree; it is walked, not recursed into.
        ends: list[State] = []
        current: ast.If | None = node
        while current is not None:
            test, recorded = self.recorded(current.test)
            truth = self.decide(test)
            if truth is True:
                self.run(current.body)
                break
            if truth is None:
                before = self.save()
                self.assume(current.test, True, recorded)
                self.run(current.body)
                if self.live:
                    ends.append(State(self.scope.values, self.things, self.cleared))
                self.restore(before)
                self.assume(current.test, False, recorded)
            orelse = current.orelse
            if len(orelse) == 1 and isinstance(orelse[0], ast.If):
                current = orelse[0]
                self.tick()
            else:
                self.run(orelse)
                current = None
        for end in ends:
            self.merge(end)

    def _match(self, node: ast.Match) -> None:
        subject, recorded = self.recorded(node.subject)
        ends: list[State] = []
        open_end = True
        for case in node.cases:
            fits = self._fits(case.pattern, subject)
            if fits is not None and not self.is_whole(subject) and case.pattern is not node.cases[-1].pattern:
                self.frames[-1].doubtful = True
            if fits is False:
                continue
            before = self.save()
            if isinstance(case.pattern, ast.MatchValue | ast.MatchOr | ast.MatchSingleton) and _plain(case.pattern):
                for identity, rules in self.subject(recorded[node.subject], sanitizers.ALL).items():
                    self.clear(identity, rules)
            self._capture(case.pattern, subject)
            guard: bool | None = True
            if case.guard is not None:
                test, seen = self.recorded(case.guard)
                guard = self.decide(test)
                self.assume(case.guard, True, seen)
            if guard is not False:
                self.run(case.body)
                if self.live:
                    ends.append(State(self.scope.values, self.things, self.cleared))
            self.restore(before)
            if fits is True and guard is True:
                open_end = False
                break
        self.live = open_end
        for end in ends:
            self.merge(end)

    def _fits(self, pattern: ast.pattern, subject: Value) -> bool | None:
        """Whether a pattern surely matches, surely does not, or may."""
        if isinstance(pattern, ast.MatchAs):
            return True if pattern.pattern is None else self._fits(pattern.pattern, subject)
        if isinstance(pattern, ast.MatchOr):
            answers = [self._fits(part, subject) for part in pattern.patterns]
            return True if True in answers else False if all(answer is False for answer in answers) else None
        if isinstance(pattern, ast.MatchValue | ast.MatchSingleton):
            if subject.constants is None or subject.taints:
                return None
            wanted = self.evaluate(pattern.value).constants if isinstance(pattern, ast.MatchValue) else (pattern.value,)
            if wanted is None or len(wanted) != 1:
                return None
            answers = [same(item, wanted[0]) for item in subject.constants]
            return True if all(answers) else None if any(answers) else False
        if isinstance(pattern, ast.MatchSequence) and len(subject.references) == 1:
            thing = self.thing(subject.references[0])
            plain = not any(isinstance(part, ast.MatchStar) for part in pattern.patterns)
            if thing.kind == "list" and thing.exact and plain:
                if len(thing.items) != len(pattern.patterns):
                    return False
                answers = [self._fits(part, thing.items[place]) for place, part in enumerate(pattern.patterns)]
                return False if False in answers else True if all(answers) else None
        return None

    def _capture(self, pattern: ast.pattern, subject: Value) -> None:  # noqa: PLR0912 -- a decision table
        if isinstance(pattern, ast.MatchAs):
            if pattern.pattern is not None:
                self._capture(pattern.pattern, subject)
            if pattern.name is not None:
                self.assign(pattern.name, subject, pattern)
        elif isinstance(pattern, ast.MatchSequence):
            for place, part in enumerate(pattern.patterns):
                self._capture(part, self.subscript(subject, constant(place)))
        elif isinstance(pattern, ast.MatchMapping):
            for key, part in zip(pattern.keys, pattern.patterns, strict=True):
                self._capture(part, self.subscript(subject, self.evaluate(key)))
            if pattern.rest is not None:
                self.assign(pattern.rest, subject, pattern)
        elif isinstance(pattern, ast.MatchClass):
            for part in (*pattern.patterns, *pattern.kwd_patterns):
                self._capture(part, Value(taints=self.all_taints(subject)))
        elif isinstance(pattern, ast.MatchStar):
            if pattern.name is not None:
                self.assign(pattern.name, subject, pattern)
        elif isinstance(pattern, ast.MatchOr):
            for part in pattern.patterns:
                self._capture(part, subject)

    # Loops.

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterable = self.evaluate(node.iter)
        items = self._few(iterable)
        if items is not None and not self.is_whole(iterable):
            items = [unsure(item) for item in items]
        if items is not None and self.loop_depth == 0:
            self._unroll(node, items)
            return
        content = self.contents(iterable)
        self._loop(node.body, node.orelse, lambda: self.bind(node.target, content), None)

    def _few(self, iterable: Value) -> list[Value] | None:
        """The items of a short list that is known exactly."""
        if len(iterable.references) != 1 or iterable.taints:
            return None
        thing = self.thing(iterable.references[0])
        if thing.kind != "list" or not thing.exact or not 0 < len(thing.items) <= MAX_UNROLLED:
            return None
        return [thing.items[index] for index in range(len(thing.items))]

    def _unroll(self, node: ast.For | ast.AsyncFor, items: list[Value]) -> None:
        loop = Loop()
        loops = self.frames[-1].loops
        loops.append(loop)
        self.loop_depth += 1
        for item in items:
            if not self.live:
                break
            self.bind(node.target, item)
            self.run(node.body)
            for state in loop.continues:
                self.merge(state)
            loop.continues.clear()
        self.loop_depth -= 1
        loops.pop()
        if self.live:
            self.run(node.orelse)
        for state in loop.breaks:
            self.merge(state)

    def _while(self, node: ast.While) -> None:
        self._loop(node.body, node.orelse, None, node.test)

    def _loop(
        self,
        body: list[ast.stmt],
        orelse: list[ast.stmt],
        enter: Callable[[], None] | None,
        test: ast.expr | None,
    ) -> None:
        loop = Loop()
        loops = self.frames[-1].loops
        loops.append(loop)
        self.loop_depth += 1
        endless = isinstance(test, ast.Constant) and bool(test.value)
        for _ in range(2 if self.loop_depth <= MAX_PASSES_DEPTH else 1):
            entry = self.save()
            if test is not None:
                value, recorded = self.recorded(test)
                if self.decide(value) is False:
                    break
                self.assume(test, True, recorded)
            if enter is not None:
                enter()
            self.run(body)
            for state in loop.continues:
                self.merge(state)
            loop.continues.clear()
            if self.live:
                self._widen(entry)
                self.merge(entry)
            else:
                self.restore(entry)
        self.loop_depth -= 1
        loops.pop()
        if endless:
            self.live = False
        else:
            if test is not None:
                _, recorded = self.recorded(test)
                self.assume(test, False, recorded)
            self.run(orelse)
        for state in loop.breaks:
            self.merge(state)

    def _widen(self, entry: State) -> None:
        """Names that a pass changed hold no constant: the next pass may change them again."""
        for name, value in list(self.scope.values.items()):
            before = entry.names.get(name)
            if before is None or before is value or value.constants is None:
                continue
            if value.constants != before.constants:
                self.scope.values[name] = Value(
                    value.taints, None, value.references, value.symbol, value.callables, value.prefix, value.sure
                )

    # Exceptions and contexts.

    def _try(self, node: ast.Try) -> None:  # noqa: PLR0912 -- a decision table
        frame = self.frames[-1]
        start = self.save()
        frame.raised.append([])
        between: list[State] = [start]
        for statement in node.body:
            self.run([statement])
            if not self.live:
                break
            if node.handlers:
                between.append(self.save())
        between += frame.raised.pop()
        ends: list[State] = []
        if self.live:
            self.run(node.orelse)
        if self.live:
            ends.append(self.save())
        if node.handlers:
            names, things, cleared = between[0]
            self.restore(State(dict(names), dict(things), cleared))
            for state in between[1:]:
                self.merge(state)
            base = self.save()
            for handler in node.handlers:
                self.restore(State(dict(base.names), dict(base.things), base.cleared))
                if handler.name is not None:
                    self.scope.values[handler.name] = UNKNOWN
                self.run(handler.body)
                if self.live:
                    ends.append(self.save())
        if not ends:
            if node.finalbody:
                self.restore(State(dict(start.names), dict(start.things), start.cleared))
                self.run(node.finalbody)
            self.live = False
            return
        self.live = False
        for end in ends:
            self.merge(end)
        self.run(node.finalbody)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, self.entered(value, node))
        self.run(node.body)

    def entered(self, value: Value, node: ast.AST) -> Value:
        """What `with value as` binds: what the object's own `__enter__` returns, or the object."""
        for name in ("__enter__", "__aenter__"):
            for address in value.references:
                if self.thing(address).kind == "instance":
                    method = self.member(address, name, node)
                    if method is not None and method.callables:
                        return self.call(method.callables[0], Arguments(), node)
        return value

    # Definitions.

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.evaluate(decorator)
        function = Function(node, self.scope)
        if node not in self.known_functions:
            self.known_functions.add(node)
            self.started.append(function)
        symbol = "contextmanager" if "contextmanager" in {decorator_name(item) for item in node.decorator_list} else ""
        self.scope.home(node.name).values[node.name] = Value(symbol=symbol, callables=(function,))

    def _class(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.evaluate(decorator)
        bases = tuple(self.evaluate(base) for base in node.bases if not isinstance(base, ast.Starred))
        scope = Scope("class", self.scope)
        owner = Class(node, scope, bases)
        outer, self.scope = self.scope, scope
        first = len(self.started)
        try:
            self.run(node.body)
        finally:
            self.scope = outer
        for function in self.started[first:]:
            if function.scope is scope:
                function.owner = owner
        for value in scope.values.values():
            for callee in value.callables:
                if isinstance(callee, Function) and callee.scope is scope:
                    callee.owner = owner
        self.live = True
        self.scope.home(node.name).values[node.name] = Value(callables=(owner,))

    runs: ClassVar["dict[type[ast.stmt], Callable[[Statements, ast.stmt], None]]"] = {
        ast.Expr: _expression,  # type: ignore[dict-item]
        ast.Assign: _assign,  # type: ignore[dict-item]
        ast.AnnAssign: _annotated,  # type: ignore[dict-item]
        ast.AugAssign: _augmented,  # type: ignore[dict-item]
        ast.Delete: _delete,  # type: ignore[dict-item]
        ast.Import: _import,  # type: ignore[dict-item]
        ast.ImportFrom: _import_from,  # type: ignore[dict-item]
        ast.Global: _global,  # type: ignore[dict-item]
        ast.Nonlocal: _nonlocal,  # type: ignore[dict-item]
        ast.Return: _return,  # type: ignore[dict-item]
        ast.Raise: _raise,  # type: ignore[dict-item]
        ast.Assert: _assert,  # type: ignore[dict-item]
        ast.Break: _break,  # type: ignore[dict-item]
        ast.Continue: _continue,  # type: ignore[dict-item]
        ast.If: _if,  # type: ignore[dict-item]
        ast.Match: _match,  # type: ignore[dict-item]
        ast.For: _for,  # type: ignore[dict-item]
        ast.AsyncFor: _for,  # type: ignore[dict-item]
        ast.While: _while,  # type: ignore[dict-item]
        ast.Try: _try,  # type: ignore[dict-item]
        ast.TryStar: _try,  # type: ignore[dict-item]
        ast.With: _with,  # type: ignore[dict-item]
        ast.AsyncWith: _with,  # type: ignore[dict-item]
        ast.FunctionDef: _function,  # type: ignore[dict-item]
        ast.AsyncFunctionDef: _function,  # type: ignore[dict-item]
        ast.ClassDef: _class,  # type: ignore[dict-item]
    }


def is_cookie_header(node: ast.expr) -> bool:
    """Whether this is the text `Set-Cookie`."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() == "set-cookie"


def _plain(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchOr):
        return all(_plain(part) for part in pattern.patterns)
    return isinstance(pattern, ast.MatchValue | ast.MatchSingleton)
