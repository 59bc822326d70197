"""Where an analysis begins: the module's body, then every function, with what its callers may give it."""

import ast
import re

from quorate_worker.taint import sanitizers, sources
from quorate_worker.taint.calls import Calls
from quorate_worker.taint.machine import Arguments, Frame
from quorate_worker.taint.objects import decorator_name
from quorate_worker.taint.scope import Scope
from quorate_worker.taint.sources import REQUEST
from quorate_worker.taint.surroundings import Surroundings
from quorate_worker.taint.values import HARMLESS, SURE_TEXT, UNKNOWN, Class, Function, Thing, Value
from quorate_worker.taint.words import words

ENTRY_STEPS = 15_000
"""Calls are followed for so many steps of one function."""

MAX_FUNCTIONS = 5_000

_CONVERTER = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>|\{(\w+)(?::(\w+)[^}]*)?\}")
_NUMBERS = frozenset({"int", "float", "uuid", "bool", "slug"})
_NUMBER_TYPES = words("int float bool uuid.UUID datetime.date datetime.datetime decimal.Decimal")


class Entries(Calls):
    """Runs the module, then the functions it defines."""

    def analyze(self, tree: ast.Module, around: Surroundings) -> None:
        """Find what there is to find; raises TooMuch."""
        self.surroundings = around
        self.inline_limit = min(self.follow_limit, self.steps + ENTRY_STEPS)
        self.run(tree.body)
        self.report_left(self.module)
        self._forget(around.global_names)
        self.base, self.things = self.things, {}
        place = 0
        while place < len(self.started) and place < MAX_FUNCTIONS:
            function = self.started[place]
            place += 1
            self._enter(function)

    def _forget(self, names: set[str]) -> None:
        """A name that a function declares `global` may hold something else at any time."""
        for name in names & self.module.values.keys():
            value = self.module.values[name]
            if value.constants is not None or value.sure:
                self.module.values[name] = Value(value.taints, None, value.references, value.symbol, value.callables)

    def _enter(self, function: Function) -> None:
        """Run one function as if it were called from outside."""
        node = function.node
        if isinstance(node, ast.Lambda):
            return
        self.live = True
        self.cleared = {}
        self.loop_depth = 0
        self.recording = None
        self.outcomes.clear()
        self.things = {}
        first = len(self.started)
        scope = Scope("function", function.scope)
        self.scope = function.scope
        handler = self._is_handler(function)
        instance: Value | None = None
        self.inline_limit = min(self.follow_limit, self.steps + ENTRY_STEPS)
        if function.owner is not None and function.scope is function.owner.scope:
            instance = self._instance(function.owner)
        scope.values = self._given(function, handler, instance)
        self.scope = scope
        started = Function(node, function.scope, function.owner, instance)
        frame = Frame(started)
        by_return = self.imports & sources.HTML_BY_RETURN and not self.imports & {"fastapi", "starlette"}
        frame.answers_html = self._sends_html(node) or (handler and bool(by_return))
        self.frames = [self.frames[0], frame]
        self.run(node.body)
        self.report_left(scope)
        self.frames.pop()
        self.scope = self.module
        if len(self.started) > first:
            # Functions that were defined in this one see its objects.
            self.base = self.base | self.things
        self.things = {}

    def _instance(self, owner: Class) -> Value:
        """An object as its methods find it: made by `__init__` with unknown arguments."""
        base = self.outer_base(owner)
        instance = self.allocate(Thing("instance", owner=owner, symbol=base + "()" if base else ""))
        method = self.class_member(owner, "__init__")
        if method is not None and method.callables and isinstance(method.callables[0], Function):
            found = method.callables[0]
            self.frames = [self.frames[0]]
            self.call(Function(found.node, found.scope, owner, instance), Arguments(), found.node)
            self.live = True
        return instance

    def _is_handler(self, function: Function) -> bool:
        node = function.node
        if isinstance(node, ast.Lambda) or not self.imports & sources.WEB_MODULES:
            return False
        for decorator in node.decorator_list:
            plain_name = isinstance(decorator, ast.Name)
            if not plain_name and decorator_name(decorator) in sources.ROUTE_DECORATORS:
                return True
        if function.owner is not None and node.name in sources.VIEW_METHODS:
            base = self.outer_base(function.owner)
            return bool(sources.VIEW_BASES.search(base))
        return False

    def _sends_html(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """`@app.get("/", response_class=HTMLResponse)`"""
        for decorator in node.decorator_list:
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
                if keyword.arg == "response_class" and decorator_name(keyword.value) == "HTMLResponse":
                    return True
        return False

    def _given(self, function: Function, handler: bool, instance: Value | None) -> dict[str, Value]:
        """The parameters of a function, as untrusted as its place in a framework makes them."""
        node = function.node
        if isinstance(node, ast.Lambda):
            return {}
        spec = node.args
        given: dict[str, Value] = {}
        parameters = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
        names = {decorator_name(item) for item in node.decorator_list}
        first = 0
        if instance is not None and "staticmethod" not in names and parameters:
            bound = Value(callables=(function.owner,)) if "classmethod" in names and function.owner else instance
            given[parameters[0].arg] = bound
            first = 1
        web = bool(self.imports & sources.WEB_MODULES)
        converters = self._converters(node) if handler else {}
        defaults = dict(
            zip(reversed([item.arg for item in (*spec.posonlyargs, *spec.args)]), reversed(spec.defaults), strict=False)
        )
        defaults |= {
            item.arg: default
            for item, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
            if default is not None
        }
        sees_request = False
        for item in parameters[first:]:
            kind = self._annotation(item)
            if kind in sources.REQUEST_TYPES or (web and item.arg in sources.REQUEST_NAMES and not kind):
                given[item.arg] = Value(symbol=REQUEST)
                sees_request = True
            elif handler:
                given[item.arg] = self._from_url(item, kind, converters, defaults.get(item.arg))
            elif sees_request and web and "django" in self.imports:
                given[item.arg] = self._from_url(item, kind, converters, None)
            else:
                given[item.arg] = self._parameter(item, kind, function, defaults.get(item.arg))
        for extra in (spec.vararg, spec.kwarg):
            if extra is not None:
                given[extra.arg] = UNKNOWN
        return given

    def _parameter(self, item: ast.arg, kind: str, function: Function, default: ast.expr | None) -> Value:
        """A parameter of an ordinary function: a weak source, if callers of other modules may give it."""
        name = "" if isinstance(function.node, ast.Lambda) else function.node.name
        if item.arg == "event" and "handler" in name:
            return self.source("event", "remote", item)
        if item.arg in sources.MESSAGE_NAMES and sources.MESSAGE_HANDLERS.search(name):
            return self.source(f"the message {item.arg}", "network", item)
        if item.arg == "environ" and len(function.node.args.args) == 2:
            return self.source("the WSGI environment", "remote", item)
        value = UNKNOWN
        if default is not None:
            outer, self.scope = self.scope, function.scope
            value = self.evaluate(default)
            self.scope = outer
            value = Value((), None, value.references, value.symbol, value.callables)
        if not value.symbol:
            value = Value(
                value.taints, None, value.references, kind + "()" if kind else "?" + item.arg, value.callables
            )
        return value

    def _from_url(self, item: ast.arg, kind: str, converters: dict[str, str], default: ast.expr | None) -> Value:
        if kind in _NUMBER_TYPES or converters.get(item.arg) in _NUMBERS:
            return HARMLESS
        text = ast.unparse(item.annotation) if item.annotation is not None else ""
        if "Literal[" in text:
            return HARMLESS
        pattern = self._pattern(item.annotation, default)
        if pattern is not None:
            safe = sanitizers.pattern_check(pattern, False) if pattern.startswith("^") else frozenset()
            named = self.source(f"the parameter {item.arg}", "remote", item)
            return Value(tuple(taint._replace(safe=safe) for taint in named.taints), sure=SURE_TEXT)
        if default is not None and isinstance(default, ast.Call) and decorator_name(default) in {"Depends", "Security"}:
            return Value(symbol="?" + item.arg)
        if text and (sources.SERVICE_TYPES.search(text) or "Depends" in text):
            return Value(symbol=kind + "()" if kind else "?" + item.arg)
        owner = self._model(item)
        if owner is not None:
            return self._body(owner, item)
        return self.source(f"the parameter {item.arg}", "remote", item)

    def _pattern(self, *nodes: ast.expr | None) -> str | None:
        """The pattern that a declaration asks for: `Query(pattern="^[a-z]+$")`."""
        for root in nodes:
            for node in ast.walk(root) if root is not None else ():
                for keyword in node.keywords if isinstance(node, ast.Call) else ():
                    if keyword.arg in {"pattern", "regex"} and isinstance(keyword.value, ast.Constant):
                        return str(keyword.value.value)
        return None

    def _model(self, item: ast.arg) -> Class | None:
        if not isinstance(item.annotation, ast.Name):
            return None
        value = self.scope.find(item.annotation.id)
        callee = value.callables[0] if value is not None and value.callables else None
        return callee if isinstance(callee, Class) else None

    def _body(self, owner: Class, item: ast.arg) -> Value:
        """A request's body as an object of a model: each field is untrusted, unless it is a number."""
        fields: dict[object, Value] = {}
        for node in owner.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                kind = node.annotation.id if isinstance(node.annotation, ast.Name) else ""
                name = node.target.id
                safe = kind in {"int", "float", "bool", "UUID", "date", "datetime"} or "Literal[" in ast.unparse(
                    node.annotation
                )
                inner = self.scope.find(kind) if kind else None
                chosen = inner.callables[0] if inner is not None and inner.callables else None
                if isinstance(chosen, Class) and any("num" in base.symbol.lower() for base in chosen.bases):
                    safe = True
                field = UNKNOWN if safe else self.source(f"{item.arg}.{name}", "remote", item)
                pattern = self._pattern(node.annotation, node.value)
                if pattern is not None and pattern.startswith("^"):
                    rules = sanitizers.pattern_check(pattern, False)
                    field = Value(tuple(taint._replace(safe=rules) for taint in field.taints))
                fields[name] = field
        if any("Enum" in base.symbol for base in owner.bases):
            return UNKNOWN
        return self.allocate(Thing("instance", fields, self.source(item.arg, "remote", item), False, owner))

    def _annotation(self, item: ast.arg) -> str:
        """The full name of a parameter's type."""
        node = item.annotation
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in {"Optional", "Annotated"}
        ):
            node = node.slice
            if isinstance(node, ast.Tuple) and node.elts:
                node = node.elts[0]
        if isinstance(node, ast.BinOp):
            node = node.left
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            node = ast.Name(id=node.value, lineno=item.lineno, col_offset=0)
        if isinstance(node, ast.Name | ast.Attribute):
            value = self.evaluate(node)
            return "" if value.symbol.startswith("?") else value.symbol
        return ""

    def _converters(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
        """What the route says of its parameters: `<int:id>` is a number."""
        found: dict[str, str] = {}
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and decorator.args and isinstance(decorator.args[0], ast.Constant):
                for kind, name, braced, braced_kind in _CONVERTER.findall(str(decorator.args[0].value)[:500]):
                    found[name or braced] = kind or braced_kind
        return found

    def returning(self, node: ast.Return, value: Value) -> None:
        """A handler's result is its response, and a function's name may say that its result is a secret."""
        frame = self.frames[-1]
        if frame.answers_html and len(self.frames) == 2:
            self.to_html(node, value, "an HTML response")
        function = frame.function
        if function is None or isinstance(function.node, ast.Lambda):
            return
        if value.taints and sources.makes_secret(function.node.name):
            self.check("weak-randomness", node, value, f"the result of {function.node.name}")
