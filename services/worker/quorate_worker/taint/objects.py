"""Attributes: of objects and classes of the module, of requests, and of what libraries name."""

import ast

from quorate_worker.taint import sources, values
from quorate_worker.taint.containers import Containers
from quorate_worker.taint.guards import Guards
from quorate_worker.taint.machine import Arguments
from quorate_worker.taint.sources import REQUEST, SESSION
from quorate_worker.taint.values import (
    NOTHING_SAFE,
    SURE_TEXT,
    UNKNOWN,
    Class,
    Function,
    Value,
    join,
    unsure,
)

MAX_SYMBOL = 120


class Objects(Containers, Guards):
    """What `value.name` is."""

    def symbolic(self, symbol: str, node: ast.AST) -> Value:
        """The value of a library's name."""
        symbol = symbol[:MAX_SYMBOL]
        if symbol in sources.REQUEST_OBJECTS:
            return Value(symbol=REQUEST)
        if symbol in sources.SESSION_OBJECTS:
            return Value(symbol=SESSION)
        known = sources.ATTRIBUTES.get(symbol)
        if known is not None:
            return self.source(known[0], known[1], node, symbol)
        return Value(symbol=symbol)

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:  # noqa: PLR0912 -- a decision table
        """`value.name`."""
        found: Value | None = None
        for address in value.references:
            item = self.member(address, name, node)
            if item is not None and item.sure and not self._is_own(value, address, name):
                item = unsure(item)
            if item is not None:
                found = item if found is None else join(found, item)
        for callee in value.callables:
            if isinstance(callee, Class):
                item = self.class_member(callee, name)
                if item is not None:
                    # A class of another module may derive from it, and have another one.
                    found = unsure(item) if found is None else join(found, unsure(item))
        if found is not None:
            return found if not value.taints else join(found, Value(taints=self.part(value, "." + name)))
        if value.symbol == REQUEST:
            if name in sources.SESSION_PARTS:
                return Value(symbol=SESSION)
            if name in sources.REQUEST_PARTS:
                return self.source(f"request.{name}", "remote", node, f"{REQUEST}.{name}")
            if name in {"app", "state", "user", "method", "endpoint", "registry", "remote_addr", "is_json"}:
                return UNKNOWN
        if name == "value" and value.constants is not None:
            # A member of an enumeration.
            return value
        taken = self.part(value, "." + name) if value.taints else ()
        if taken and name in {"name", "stem", "suffix"} and value.symbol.startswith("pathlib."):
            taken = tuple(taint._replace(safe=taint.safe | {"path-traversal"}) for taint in taken)
        if taken and name == "path" and value.symbol in {"urllib.parse.urlparse()", "urllib.parse.urlsplit()"}:
            taken = tuple(taint._replace(safe=taint.safe | {"open-redirect", "ssrf"}) for taint in taken)
        if taken and name in {"cleaned_data", "validated_data"}:
            taken = tuple(taint._replace(safe=taint.safe | {"trust-boundary"}) for taint in taken)
        sure = value.sure & SURE_TEXT if taken else NOTHING_SAFE
        if not value.symbol:
            return Value(taints=taken, sure=sure)
        symbolic = self.symbolic(f"{value.symbol}.{name}", node)
        return Value(taken or symbolic.taints, symbol=symbolic.symbol, sure=sure if taken else symbolic.sure)

    def _is_own(self, value: Value, address: int, name: str) -> bool:
        """Whether an attribute was put into an object of this function, which nobody else knows."""
        thing = self.things.get(address)
        return bool(value.sure) and thing is not None and thing.known and name in thing.items

    def member(self, address: int, name: str, node: ast.AST) -> Value | None:
        """An attribute of one object: its own, its class's, or what a method put into any such object."""
        thing = self.thing(address)
        item = thing.items.get(name)
        if item is not None or thing.kind not in {"instance", "external"}:
            return item
        if thing.owner is not None:
            item = self.class_member(thing.owner, name)
            if item is not None:
                return self.bound(item, Value(references=(address,), symbol=thing.symbol), thing.owner, node)
            if name in thing.owner.fields:
                return thing.owner.fields[name]
            base = self.outer_base(thing.owner)
            if base:
                own = sources.of_handler(base, name)
                if own is not None:
                    return Value(symbol=REQUEST) if own == REQUEST else self.source(own, "remote", node)
                return self.attribute(Value(symbol=base + "()"), name, node)
        return thing.rest if thing.rest is not None else None

    def bound(self, item: Value, instance: Value, owner: Class, node: ast.AST) -> Value:
        """A class's member as an instance sees it: methods bound, properties called."""
        if not item.callables:
            return item
        callables: list[Function | Class] = []
        for callee in item.callables:
            if not isinstance(callee, Function) or isinstance(callee.node, ast.Lambda):
                callables.append(callee)
                continue
            names = {decorator_name(decorator) for decorator in callee.node.decorator_list}
            if "staticmethod" in names:
                callables.append(callee)
            elif "classmethod" in names:
                callables.append(Function(callee.node, callee.scope, owner, Value(callables=(owner,))))
            elif names & {"property", "cached_property"}:
                return self.call(Function(callee.node, callee.scope, owner, instance), Arguments(), node)
            else:
                callables.append(Function(callee.node, callee.scope, owner, instance))
        return Value(item.taints, symbol=item.symbol, callables=tuple(callables))

    def class_member(self, owner: Class, name: str, depth: int = 0) -> Value | None:
        """A name of a class or of its bases in the module."""
        if name in owner.scope.values:
            item = owner.scope.values[name]
            if depth == 0 or not item.callables:
                return item
            return item
        if depth > 8:
            return None
        for base in owner.bases:
            for callee in base.callables:
                if isinstance(callee, Class):
                    found = self.class_member(callee, name, depth + 1)
                    if found is not None:
                        return found
        return None

    def outer_base(self, owner: Class, depth: int = 0) -> str:
        """The symbol of the first base class from a library, or an empty text."""
        for base in owner.bases:
            if base.symbol and not base.callables:
                return base.symbol
            for callee in base.callables:
                if isinstance(callee, Class) and depth < 8:
                    found = self.outer_base(callee, depth + 1)
                    if found:
                        return found
        return ""

    def request_item(self, value: Value, key: Value) -> Value:
        """An entry of a request's arguments, form, headers and the like, under its own name."""
        only = key.constants[0] if key.constants and len(key.constants) == 1 else None
        if not isinstance(only, str):
            return Value(taints=self.part(value, "[?]"), symbol=REQUEST + ".item", sure=value.sure & SURE_TEXT)
        suffix = f"['{only[:40]}']"

        def named(taint: values.Taint) -> values.Taint:
            if not taint.identity.startswith("request."):
                return taint
            label = taint.identity + suffix
            return taint._replace(source=taint.source._replace(label=label), identity=label)

        return Value(taints=values.map_taints(value, named), symbol=REQUEST + ".item", sure=value.sure & SURE_TEXT)


def decorator_name(node: ast.expr) -> str:
    """The last name of a decorator."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
