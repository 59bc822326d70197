"""What lists, dictionaries, sets, configurations and texts do with the values put into them."""

from quorate_worker.taint import constants, values
from quorate_worker.taint.machine import Arguments, Machine
from quorate_worker.taint.values import NONE, SURE_TEXT, UNKNOWN, Thing, Value, constant, join
from quorate_worker.taint.words import words

CONSTRUCTORS: dict[str, str] = {
    "dict": "dict",
    "collections.OrderedDict": "dict",
    "collections.defaultdict": "dict",
    "collections.ChainMap": "dict",
    "list": "list",
    "tuple": "list",
    "collections.deque": "list",
    "collections.UserList": "list",
    "set": "set",
    "frozenset": "set",
    "configparser.ConfigParser": "config",
    "configparser.RawConfigParser": "config",
    "configparser.SafeConfigParser": "config",
}
"""Calls that make an object whose items are told apart, and its kind."""

MUTATORS = words(
    "append add write put push insert extend update set setdefault appendleft send feed writelines put_nowait"
    " extendleft add_header set_data"
)
"""Methods that put their arguments into an object of unknown code."""

_MAX_TABLE = 64


class Containers(Machine):
    """Methods and subscripts of objects whose items are told apart."""

    def make(self, kind: str, arguments: Arguments) -> Value:
        """A new container, filled from one argument or from names."""
        first = arguments.get(0) if kind != "dict" or arguments.positional[-1:] else None
        taints = arguments.extra.taints if arguments.extra else ()
        if kind == "config":
            return self.allocate(Thing("config", symbol="configparser.ConfigParser()"))
        thing = Thing(kind, known=not arguments.open_ended)
        for source in arguments.positional:
            kinds = {self.thing(address).kind for address in source.references}
            alike = kinds == {kind} or (bool(kinds) and kind != "dict" and kinds <= {"list", "set"})
            thing.known = thing.known and alike and len(arguments.positional) == 1 and self.is_whole(source)
            if not source.references:
                if source.taints:
                    thing.rest, thing.exact = Value(taints=self.part(source, "[]")), False
                elif not (kind == "dict" and source.symbol) and source is first and source.constants is None:
                    thing.exact = False
                continue
            for address in source.references:
                other = self.thing(address)
                if other.kind == kind or (kind in {"list", "set"} and other.kind == "list"):
                    thing.items.update(other.items)
                    thing.rest = other.rest if thing.rest is None else thing.rest
                    thing.exact = thing.exact and other.exact and len(source.references) == 1
                else:
                    thing.rest, thing.exact = values.contents(other), False
        if kind == "set":
            thing.rest, thing.items, thing.exact = values.contents(thing), {}, False
        if kind == "dict":
            thing.items.update(arguments.named)
        return self.allocate(thing, taints)

    def container_call(self, value: Value, name: str, arguments: Arguments) -> Value | None:
        """The result of a method of a container, or None if it is no container's method."""
        found: Value | None = None
        for address in value.references:
            thing = self.thing(address)
            if thing.kind == "list":
                result = self._list_call(value, address, name, arguments)
            elif thing.kind == "dict":
                result = self._dict_call(value, address, name, arguments)
            elif thing.kind == "config":
                result = self._config_call(value, address, name, arguments)
            elif thing.kind == "set":
                result = self._set_call(value, name, arguments)
            else:
                return None
            if result is None:
                return None
            found = result if found is None else join(found, result)
        return found if found is None or not found.sure or self.is_whole(value) else values.unsure(found)

    def _list_call(self, value: Value, address: int, name: str, arguments: Arguments) -> Value | None:  # noqa: PLR0912 -- a decision table
        thing = self.thing(address)
        sure = len(value.references) == 1
        first = arguments.get(0) or UNKNOWN
        if name in {"append", "appendleft", "push"} or (name == "insert" and arguments.get(1)):
            item = arguments.get(1) or UNKNOWN if name == "insert" else first
            if not thing.exact or not sure or len(thing.items) >= 64:
                self.add(value, item)
                return NONE
            place: object = 0 if name == "appendleft" else len(thing.items)
            if name == "insert":
                place = _only(first)
            if not isinstance(place, int):
                self._blur(address, item)
                return NONE
            ordered = [thing.items[index] for index in range(len(thing.items))]
            ordered.insert(place, item)
            self._order(address, ordered)
            return NONE
        if name in {"pop", "popleft"}:
            if not thing.exact or not sure:
                return values.contents(thing)
            ordered = [thing.items[index] for index in range(len(thing.items))]
            place = 0 if name == "popleft" else _only(first) if arguments.positional else -1
            if not isinstance(place, int) or not -len(ordered) <= place < len(ordered):
                self._blur(address, None)
                return values.contents(thing)
            item = ordered.pop(place)
            self._order(address, ordered)
            return item
        if name in {"extend", "__iadd__"}:
            self.extend(address, first, sure)
            return NONE
        if name == "clear":
            if sure:
                self.things[address] = Thing("list", known=thing.known)
            return NONE
        if name in {"remove", "sort", "rotate"}:
            self._blur(address, None)
            return NONE
        if name == "reverse":
            if thing.exact and sure:
                self._order(address, [thing.items[index] for index in reversed(range(len(thing.items)))])
            return NONE
        if name == "copy":
            return self.allocate(thing.copy())
        if name in {"index", "count"}:
            return UNKNOWN
        return None

    def extend(self, address: int, other: Value, sure: bool) -> None:
        """Append all items of another value."""
        thing = self.thing(address)
        lists = [self.thing(place) for place in other.references]
        if thing.exact and sure and len(lists) == 1 and lists[0].kind == "list" and lists[0].exact:
            ordered = [thing.items[index] for index in range(len(thing.items))]
            if not self.is_whole(other):
                self.leak([Value(references=(address,))], 0)
            self._order(address, ordered + [lists[0].items[index] for index in range(len(lists[0].items))])
        else:
            self._blur(address, self.contents(other))

    def _order(self, address: int, ordered: list[Value]) -> None:
        self.tick(1 + len(ordered) // 16)
        self.things[address] = Thing("list", dict(enumerate(ordered)), known=self.thing(address).known)

    def _blur(self, address: int, item: Value | None) -> None:
        """Forget which item is where, and add one."""
        thing = self.thing(address)
        rest = values.contents(thing)
        self.things[address] = Thing(
            thing.kind, {}, rest if item is None else join(rest, item), False, known=thing.known
        )

    def _dict_call(self, value: Value, address: int, name: str, arguments: Arguments) -> Value | None:  # noqa: PLR0912 -- a decision table
        thing = self.thing(address)
        sure = len(value.references) == 1
        first = arguments.get(0) or UNKNOWN
        default = arguments.get(1, "default")
        if name in {"get", "pop", "__getitem__", "setdefault"}:
            keys = first.constants
            found = self.lookup(thing, first)
            missing = keys is None or any(not _has(thing, key) for key in keys)
            if name == "setdefault" and default is not None:
                self.store(value, first, default if not found else join(found, default))
            if missing and default is not None:
                found = default if found is None else join(found, default)
            if name == "pop" and sure and keys is not None and len(keys) == 1 and _has(thing, keys[0]):
                left = thing.copy()
                left.items.pop(keys[0], None)
                self.things[address] = left
            return found or (NONE if thing.exact and name == "get" else UNKNOWN)
        if name == "update":
            for source in arguments.positional:
                self.update(value, source)
            for key, item in arguments.named.items():
                self.put(value, key, item)
            return NONE
        if name == "items":
            pairs = [
                self.allocate(
                    Thing("list", {0: constant(key) if isinstance(key, str | int) else UNKNOWN, 1: item}, known=True)
                )
                for key, item in list(thing.items.items())[:_MAX_TABLE]
            ]
            rest = None
            if thing.rest is not None or len(thing.items) > _MAX_TABLE:
                rest = self.allocate(Thing("list", {0: UNKNOWN, 1: values.contents(thing)}))
            return self.allocate(
                Thing("list", dict(enumerate(pairs)), rest, thing.exact and rest is None, known=thing.known)
            )
        if name == "values":
            return self.allocate(
                Thing("list", dict(enumerate(thing.items.values())), thing.rest, thing.exact, known=thing.known)
            )
        if name == "keys":
            keys_known = [constant(key) for key in thing.items if isinstance(key, str | int)]
            known = thing.known and thing.exact and len(keys_known) == len(thing.items)
            return self.allocate(Thing("list", dict(enumerate(keys_known)), None, thing.exact, known=known))
        if name == "copy":
            return self.allocate(thing.copy())
        if name == "clear":
            if sure:
                self.things[address] = Thing("dict", known=thing.known)
            return NONE
        if name == "popitem":
            return values.contents(thing)
        return None

    def update(self, value: Value, source: Value) -> None:
        """Take over all items of another dictionary."""
        if not source.references or not self.is_whole(source):
            self.leak([value], 0)
        for address in source.references:
            other = self.thing(address)
            if other.kind == "dict":
                for key, item in list(other.items.items()):
                    self.put(value, key, item)
                if other.rest is not None:
                    self.add(value, other.rest)
                    self._overlay(value, other.rest)
                continue
            self.add(value, values.contents(other))
        if not source.references:
            self.add(value, Value(taints=source.taints))

    def _overlay(self, value: Value, item: Value) -> None:
        """Under any known key there may be this instead."""
        for address in value.references:
            thing = self.thing(address).copy()
            thing.items = {key: join(known, item) for key, known in thing.items.items()}
            self.things[address] = thing

    def _config_call(self, value: Value, address: int, name: str, arguments: Arguments) -> Value | None:
        thing = self.thing(address)
        if name == "set":
            section, option = _only(arguments.get(0) or UNKNOWN), _only(arguments.get(1) or UNKNOWN)
            item = arguments.get(2, "value") or UNKNOWN
            if isinstance(section, str) and isinstance(option, str):
                self.put(value, (section, option.lower()), item)
            else:
                self.add(value, item)
            return NONE
        if name == "get":
            section, option = _only(arguments.get(0) or UNKNOWN), _only(arguments.get(1) or UNKNOWN)
            found = thing.items.get((section, option.lower())) if isinstance(option, str) else None
            if found is None:
                found = thing.rest if isinstance(option, str) else values.contents(thing)
            fallback = arguments.named.get("fallback")
            if fallback is not None:
                found = fallback if found is None else join(found, fallback)
            return found or UNKNOWN
        if name in {"getint", "getfloat", "getboolean", "has_option", "has_section", "sections", "options"}:
            return UNKNOWN
        if name in {"read_string", "read_dict", "read", "read_file"}:
            taints = self.passed(arguments.every())
            if taints and name != "read":
                self.add(value, Value(taints=taints))
            return NONE
        if name == "add_section":
            return NONE
        if name in {"items", "values"}:
            return values.contents(thing)
        return None

    def _set_call(self, value: Value, name: str, arguments: Arguments) -> Value | None:
        if name in {"add", "update", "discard", "remove"}:
            if name in {"add", "update"}:
                for item in arguments.positional:
                    self.add(value, item if name == "add" else self.contents(item))
            return NONE
        if name == "pop":
            return self.contents(value)
        return None

    def lookup(self, thing: Thing, key: Value) -> Value | None:
        """What is under a key that may be one of several constants, or unknown."""
        if key.constants is None:
            return values.contents(thing) if thing.items or thing.rest else None
        found: Value | None = None
        for choice in key.constants:
            place = choice
            if thing.kind == "list" and isinstance(choice, int) and choice < 0 and thing.exact:
                place = choice + len(thing.items)
            try:
                item = thing.items.get(place, thing.rest)
            except TypeError:
                item = thing.rest
            if item is not None:
                found = item if found is None else join(found, item)
        return found

    def store(self, value: Value, key: Value, item: Value) -> None:
        """`value[key] = item`."""
        if key.constants is not None and len(key.constants) == 1:
            place = key.constants[0]
            only = self.thing(value.references[0]) if value.references else None
            if only is not None and only.kind == "list":
                if not isinstance(place, int):
                    self.add(value, item)
                    return
                if place < 0 and only.exact:
                    place += len(only.items)
                if not only.exact or place not in only.items:
                    self.add(value, item)
                    return
            self.put(value, place, item)
            return
        for address in value.references:
            if self.thing(address).kind == "list":
                self._blur(address, item)
            else:
                self.add(Value(references=(address,)), item)

    def subscript(self, value: Value, key: Value) -> Value:
        """`value[key]` for one index; what an untrusted value is taken from stays untrusted."""
        found: Value | None = None
        for address in value.references:
            thing = self.thing(address)
            item: Value | None
            if thing.kind == "config":
                section = _only(key)
                inner = Thing("dict", {}, thing.rest, False)
                for place, known in thing.items.items():
                    if isinstance(place, tuple) and (place[0] == section or section is None):
                        inner.items[place[1]] = known
                item = self.allocate(inner)
            else:
                item = self.lookup(thing, key)
            if item is not None and not (thing.known and value.sure):
                item = values.unsure(item)
            if item is not None:
                found = item if found is None else join(found, item)
        if value.constants is not None and not value.references:
            known_item = constants.item(value, key)
            if known_item is not None:
                return Value(constants=known_item, prefix=_text(known_item), sure=value.sure)
        if not value.taints:
            return found or (UNKNOWN if value.references else Value(sure=value.sure & SURE_TEXT))
        only = _only(key)
        suffix = f"[{only!r}]"[:40] if isinstance(only, str | int) else "[?]"
        taken = Value(taints=self.part(value, suffix), sure=value.sure & SURE_TEXT)
        return taken if found is None else join(found, taken)


def _only(value: Value) -> object:
    """The constant that a value surely is, or None."""
    return value.constants[0] if value.constants and len(value.constants) == 1 else None


def _has(thing: Thing, key: object) -> bool:
    try:
        return key in thing.items
    except TypeError:
        return False


def _text(known: tuple[object, ...]) -> str:
    return known[0] if len(known) == 1 and isinstance(known[0], str) else ""
