"""Gives values to names, attributes and items, and sees what is kept where."""

import ast

from quorate_worker.taint import sources
from quorate_worker.taint.expressions import Expressions, chance
from quorate_worker.taint.sources import SESSION
from quorate_worker.taint.values import (
    UNKNOWN,
    Class,
    Thing,
    Value,
    constant,
    join,
    join_taints,
    unsure,
)

MAX_PENDING = 100
"""Secrets made by `random` that were not read yet."""


class Assignments(Expressions):
    """What an assignment does to each kind of target."""

    def bind(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.assign(target.id, value, target)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value)
        elif isinstance(target, ast.Attribute):
            self._set_attribute(target, value)
        elif isinstance(target, ast.Subscript):
            self._set_item(target, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)

    def assign(self, name: str, value: Value, node: ast.AST) -> None:
        """Give a name a value."""
        if value.taints:
            value = self.traced(value, getattr(node, "lineno", 1), name)
        if self.pending:
            self.pending.pop((self.scope, name), None)
        if value.references or value.taints:
            chosen = chance(self.all_taints(value))
            if chosen and sources.is_secret_name(name) and len(self.pending) < MAX_PENDING:
                self.pending[self.scope, name] = (node, Value(chosen))
        if value.constants is not None and len(name) < 80:
            self.cookie_setting(name, value, node)
        conditions = self.frames[-1].conditions
        if conditions:
            conditions.pop(name, None)
        home = self.scope.home(name)
        if home is not self.scope and name in home.values:
            value = join(home.values[name], value)
        home.values[name] = value

    def cookie_setting(self, name: str, value: Value, node: ast.AST) -> None:
        """`SESSION_COOKIE_SECURE = False` and the like."""
        setting = sources.COOKIE_SETTING.search(name)
        if setting is not None and value.constants == (False,):
            secure = setting.group(1) == "SECURE"
            self.use("insecure-cookie" if secure else "script-readable-cookie", node, f"{name} is False")

    def _unpack(self, target: ast.Tuple | ast.List, value: Value) -> None:
        elements = target.elts
        star = next((place for place, item in enumerate(elements) if isinstance(item, ast.Starred)), None)
        thing = self.thing(value.references[0]) if len(value.references) == 1 else None
        if thing is not None and thing.kind == "list" and thing.exact and not value.taints:
            ordered = [thing.items[index] for index in range(len(thing.items))]
            if not self.is_whole(value):
                ordered = [unsure(item) for item in ordered]
            if star is None and len(ordered) == len(elements):
                for element, item in zip(elements, ordered, strict=True):
                    self.bind(element, item)
                return
            if star is not None and len(ordered) >= len(elements) - 1:
                after = len(elements) - star - 1
                for element, item in zip(elements[:star], ordered, strict=False):
                    self.bind(element, item)
                middle = ordered[star : len(ordered) - after]
                self.bind(elements[star], self.allocate(Thing("list", dict(enumerate(middle)), known=True)))
                for element, item in zip(elements[star + 1 :], ordered[len(ordered) - after :], strict=False):
                    self.bind(element, item)
                return
        if value.references:
            content = self.contents(value)
            for element in elements:
                self.bind(element, content)
            return
        for place, element in enumerate(elements):
            self.bind(element, self.subscript(value, constant(place)) if value.taints else UNKNOWN)

    def _set_attribute(self, target: ast.Attribute, value: Value) -> None:
        owner = self.evaluate(target.value)
        name = target.attr
        value = self.traced(value, target.lineno, name)
        if sources.is_secret_name(name):
            self.check("weak-randomness", target, value, f"the secret `{name}`")
        if owner.symbol == SESSION:
            self.into_session(target, None, value)
        if not owner.references or not self.is_whole(owner):
            self.leak([value])
        if owner.references:
            if name in {"mimetype", "content_type"} and value.constants and "html" not in str(value.constants[0]):
                self.withdraw(owner)
            self.put(owner, name, value)
            for address in owner.references:
                kept = self.thing(address).owner
                if kept is not None:
                    known = kept.fields.get(name)
                    kept.fields[name] = value if known is None else join(known, value)
            return
        for callee in owner.callables:
            if isinstance(callee, Class):
                callee.scope.values[name] = value
        self.stain(target.value, value)

    def _set_item(self, target: ast.Subscript, value: Value) -> None:  # noqa: PLR0912 -- a decision table
        owner = self.evaluate(target.value)
        key = UNKNOWN if isinstance(target.slice, ast.Slice) else self.evaluate(target.slice)
        value = self.traced(value, target.lineno, "item")
        if not owner.references or not self.is_whole(owner):
            self.leak([value])
        if owner.symbol == SESSION:
            self.into_session(target, key, value)
            return
        only = key.constants[0] if key.constants and len(key.constants) == 1 else None
        if isinstance(only, str) and sources.is_secret_name(only):
            self.check("weak-randomness", target, value, f"the secret `{only[:40]}`")
        if isinstance(only, str):
            self._set_header(target, only, value)
            self.cookie_setting(only, value, target)
            if only in {"secure", "httponly"} and isinstance(target.value, ast.Subscript):
                # `jar["sid"]["secure"] = True` of http.cookies
                jar = self.evaluate(target.value.value)
                if jar.symbol.startswith("http.cookies."):
                    self.put(jar, "@" + only, value)
                    return
        is_header = False
        if isinstance(target.value, ast.Attribute) and target.value.attr == "headers":
            self.check("header-injection", target, value, "a header of the response", 0.5)
            is_header = True
            if isinstance(only, str) and only.lower() == "location":
                self.to_address("open-redirect", target, value, "the target of a redirect")
        if not owner.references and isinstance(target.value, ast.Attribute) and not is_header:
            owner = self.own_part(target.value, owner)
        if owner.references:
            if isinstance(target.slice, ast.Slice):
                self.add(owner, self.contents(value))
            else:
                self.store(owner, key, value)
            return
        if not is_header:
            self.stain(target.value, value, "#items" if isinstance(target.value, ast.Name) else "")

    def own_part(self, node: ast.Attribute, known: Value) -> Value:
        """`app.config` of a library's object as a dictionary of its own, once something is put into it."""
        base = self.evaluate(node.value)
        if not base.references or known.taints or known.symbol.startswith("@"):
            return known
        part = self.allocate(Thing("dict", exact=False, symbol=known.symbol))
        self.put(base, node.attr, part)
        return part

    def _set_header(self, target: ast.Subscript, name: str, value: Value) -> None:
        """`response.headers["Content-Type"] = "text/plain"`: then what it holds is not shown as HTML."""
        text = str(value.constants[0]).lower() if value.constants else ""
        plain = name.lower() == "content-type" and "html" not in text
        attached = name.lower() == "content-disposition" and text.startswith("attachment")
        if text and (plain or attached):
            node = target.value.value if isinstance(target.value, ast.Attribute) else target.value
            self.withdraw(self.evaluate(node))

    def stain(self, node: ast.expr, value: Value, symbol: str = "") -> None:
        """Something untrusted was put into an object of unknown code: the object is untrusted from here on."""
        taints = self.all_taints(value)
        if not taints:
            return
        for _ in range(8):
            if isinstance(node, ast.Attribute | ast.Subscript):
                node = node.value
            elif isinstance(node, ast.Call):
                node = node.func
            else:
                break
        if not isinstance(node, ast.Name):
            return
        known = self.scope.values.get(node.id)
        if known is None or known.callables or known.references or known.symbol.startswith("@"):
            if known is not None and known.references:
                self.add(known, Value(taints=taints))
            return
        if known.symbol and node.id in self.imported:
            return
        self.scope.values[node.id] = Value(
            join_taints(known.taints, taints), None, known.references, symbol or known.symbol, known.callables
        )

    def into_session(self, node: ast.AST, key: Value | None, value: Value) -> None:
        """A key and a value are kept in the session."""
        found = self.check("trust-boundary", node, value, "a value of the session")
        if not found and key is not None:
            self.check("trust-boundary", node, key, "a key of the session")
        self.check("weak-randomness", node, value, "a value of the session")

    def cookie_header(self, value: ast.expr, node: ast.AST) -> None:
        raise NotImplementedError

    def to_address(self, rule: str, node: ast.AST, value: Value, what: str, weight: float = 1.0) -> None:
        raise NotImplementedError
