"""Just enough of GraphQL: one operation as a tree of selected fields, and an object cut to what was selected.

Known: aliases, arguments, variables with defaults, inline and named fragments. Unknown: directives, unions but by
``__typename``, introspection, and any check of variables against their types.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r'[\s,\ufeff]+|#[^\n]*|(?P<token>\.\.\.|[{}()\[\]:=!$@|&]|"""(?:[^"]|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"'
    r"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z_]\w*)"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
MAX_DEPTH = 30


class QueryError(Exception):
    """The query is not GraphQL, or asks for something that is not known here; the message says what."""


@dataclass
class Selection:
    """A field, or with ``on`` a fragment. ``fields`` is empty of a scalar."""

    name: str
    alias: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fields: list["Selection"] = field(default_factory=list)
    on: str | None = None


@dataclass
class Operation:
    kind: str
    fields: list[Selection]


def parse(text: str, variables: Mapping[str, Any]) -> Operation:
    """The operation of a document. Raises QueryError."""
    return _Parser(text, variables).document()


class _Parser:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens: list[str] = []
        self._variables = dict(variables)
        self._fragments: dict[str, list[Selection]] = {}
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise QueryError(f"Parse error on {text[at : at + 10]!r}")
            if token := found["token"]:
                self._tokens.append(token)
            at = found.end()
        self._at = 0

    def document(self) -> Operation:
        operations: list[Operation] = []
        while self._at < len(self._tokens):
            if self._peek() == "fragment":
                self._next()
                name = self._next()
                self._take("on")
                self._next()
                self._fragments[name] = self._selections(0)
                continue
            kind = "query" if self._peek() == "{" else self._next()
            if kind not in ("query", "mutation"):
                raise QueryError(f"Parse error on {kind!r}: only queries and mutations are known here")
            if _NAME.fullmatch(self._peek()):
                self._next()
            if self._peek() == "(":
                self._defaults()
            operations.append(Operation(kind, self._selections(0)))
        if len(operations) != 1:
            raise QueryError(f"A document here has one operation, and this one has {len(operations)}")
        self._spread(operations[0].fields, 0)
        return operations[0]

    def _defaults(self) -> None:
        self._take("(")
        while self._peek() != ")":
            self._take("$")
            name = self._next()
            self._take(":")
            while self._peek() not in ("$", ")", "="):
                self._next()
            if self._peek() == "=":
                self._next()
                self._variables.setdefault(name, self._value(0))
        self._take(")")

    def _selections(self, depth: int) -> list[Selection]:
        if depth > MAX_DEPTH:
            raise QueryError(f"The query is more than {MAX_DEPTH} levels deep")
        self._take("{")
        found = []
        while self._peek() != "}":
            found.append(self._selection(depth))
        self._take("}")
        return found

    def _selection(self, depth: int) -> Selection:
        name = self._next()
        if name == "...":
            on = ""
            if self._peek() == "on":
                self._next()
                on = self._next()
            elif self._peek() != "{":
                return Selection("...", self._next(), on="")
            return Selection("...", "", fields=self._selections(depth + 1), on=on)
        if not _NAME.fullmatch(name):
            raise QueryError(f"Parse error on {name!r}: expected the name of a field")
        alias = name
        if self._peek() == ":":
            self._next()
            name = self._next()
        made = Selection(name, alias)
        if self._peek() == "(":
            made.arguments = self._arguments(depth, ")")
        if self._peek() == "{":
            made.fields = self._selections(depth + 1)
        return made

    def _arguments(self, depth: int, end: str) -> dict[str, Any]:
        self._next()
        found = {}
        while self._peek() != end:
            name = self._next()
            self._take(":")
            found[name] = self._value(depth + 1)
        self._take(end)
        return found

    def _value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise QueryError(f"The query is more than {MAX_DEPTH} levels deep")
        token = self._peek()
        if token == "{":
            return self._arguments(depth, "}")
        self._next()
        if token == "$":
            name = self._next()
            return self._variables.get(name)
        if token == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value(depth + 1))
            self._take("]")
            return items
        if token.startswith('"""'):
            return token[3:-3]
        if token[0] in '"-0123456789' or token in ("true", "false", "null"):
            return json.loads(token)
        return token  # of an enumeration

    def _spread(self, fields: list[Selection], depth: int) -> None:
        """Put the named fragments in their places."""
        if depth > MAX_DEPTH:
            raise QueryError(f"The query is more than {MAX_DEPTH} levels deep")
        for selection in fields:
            if selection.on == "" and selection.alias:
                if selection.alias not in self._fragments:
                    raise QueryError(f"Fragment {selection.alias} was used, but not defined")
                selection.fields = self._fragments[selection.alias]
            self._spread(selection.fields, depth + 1)

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise QueryError("Parse error: the query ends too early")
        return self._tokens[self._at]

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, wanted: str) -> None:
        if (token := self._next()) != wanted:
            raise QueryError(f"Parse error on {token!r}: expected {wanted!r}")


def cut(value: Any, fields: list[Selection], known: str) -> Any:
    """The selected fields of an object. A value that is a function is called with the arguments.

    Raises QueryError for a field that the object has not; ``known`` is told with it.
    """
    if value is None or not fields:
        return value
    if isinstance(value, list):
        return [cut(item, fields, known) for item in value]
    made: dict[str, Any] = {}
    for selection in fields:
        if selection.on is not None:
            if selection.on in ("", value.get("__typename")):
                made |= cut(value, selection.fields, known)
            continue
        if selection.name not in value:
            raise QueryError(
                f"Field '{selection.name}' doesn't exist on type '{value.get('__typename', 'Object')}', or this double "
                f"does not know it. {known}"
            )
        held = value[selection.name]
        if callable(held):
            held = held(selection.arguments)
        made[selection.alias] = cut(held, selection.fields, known)
    return made


def connection(items: list[Any], arguments: Mapping[str, Any], shown: Callable[[Any], Any]) -> dict[str, Any]:
    """A page by ``first`` and ``after``, or ``last`` and ``before``. Raises QueryError as GitHub does."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise QueryError("You must provide a `first` or `last` value to properly paginate the connection.")
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 1 <= size <= 100:
            raise QueryError(f"Requesting {size} records on the connection exceeds the `{name}` limit of 100 records.")
    start = _place(arguments.get("after"), 0)
    end = _place(arguments.get("before"), len(items) + 1) - 1 if arguments.get("before") else len(items)
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    chosen = [shown(item) for item in items[start:end]]
    return {
        "__typename": "Connection",
        "totalCount": len(items),
        "nodes": chosen,
        "edges": [{"cursor": _cursor(start + n), "node": item} for n, item in enumerate(chosen)],
        "pageInfo": {
            "hasNextPage": end < len(items),
            "hasPreviousPage": start > 0,
            "startCursor": _cursor(start) if chosen else None,
            "endCursor": _cursor(start + len(chosen) - 1) if chosen else None,
        },
    }


def _cursor(number: int) -> str:
    return f"cursor:{number + 1}"


def _place(cursor: Any, default: int) -> int:
    if cursor is None:
        return default
    number = str(cursor).removeprefix("cursor:")
    if not number.isdigit():
        raise QueryError(f"`{cursor}` does not appear to be a valid cursor.")
    return int(number)
