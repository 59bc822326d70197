"""Functions of libraries whose results are worked out rather than guessed."""

import ast
import re
from collections.abc import Callable
from typing import ClassVar

from quorate_worker.taint import constants, sinks
from quorate_worker.taint.checks import Checks
from quorate_worker.taint.containers import CONSTRUCTORS
from quorate_worker.taint.machine import Arguments, LibraryCall
from quorate_worker.taint.objects import MAX_SYMBOL
from quorate_worker.taint.sanitizers import ALL, FUNCTIONS
from quorate_worker.taint.sources import SESSION
from quorate_worker.taint.values import (
    BEGINNING,
    HARMLESS,
    NONE,
    SURE,
    SURE_TEXT,
    UNKNOWN,
    Function,
    Thing,
    Value,
    constant,
    join,
    join_taints,
    text_prefix,
)
from quorate_worker.taint.words import words

_SIGNED = re.compile(
    r"^itsdangerous\.\w+\(\)\.(?:loads|unsign)$|^django\.core\.signing\.(?:loads|\w+\(\)\.unsign(?:_object)?)$"
    r"|^jwt\.decode$|^jose\.jwt\.decode$|Fernet\(\)\.decrypt$|^nacl\..*\.(?:decrypt|verify)$|decrypt_and_verify$"
)
"""Functions that give back only what was signed by a secret key."""

_MAX_SPLIT = 1_000


class Models(Checks):
    """One method for each function; None where it cannot say more than the guess."""

    def modelled(self, call: LibraryCall) -> Value | None:
        """The result of a call that is worked out, or None."""
        if not call.method and not call.arguments.named:
            known = constants.function(call.name, call.arguments.positional)
            if known is not None:
                sure = SURE
                for argument in call.arguments.positional:
                    sure &= argument.sure
                return Value(constants=known, prefix=text_prefix(known), sure=sure)
        kind = CONSTRUCTORS.get(call.name)
        if kind is not None:
            return self.make(kind, call.arguments)
        if _SIGNED.search(call.name) and self._verifies(call.arguments):
            return Value(symbol=called(call.name))
        model = self.models.get(call.name)
        result = None if model is None else model(self, call)
        if result is None and call.receiver is not None:
            model = self.method_models.get(call.method)
            result = None if model is None else model(self, call)
        return result

    def _verifies(self, arguments: Arguments) -> bool:
        """Whether a signature is checked: `options={"verify_signature": False}` of jwt turns it off."""
        options = arguments.named.get("options")
        if options is not None and options.references:
            told = self.thing(options.references[0]).items.get("verify_signature")
            if told is not None and self.truth(told) is False:
                return False
        verify = arguments.named.get("verify")
        return verify is None or self.truth(verify) is not False

    # Functions.

    def _validates(self, call: LibraryCall) -> None:
        """It raises unless the text is a number, a date or the like: from here on it is one."""
        rules = FUNCTIONS["ipaddress.ip_address"] if call.name.startswith("ipaddress") else ALL
        for taint in self.all_taints(call.first):
            if taint.source.strength != "random":
                self.clear(taint.identity, rules)

    def _pattern_of(self, call: LibraryCall) -> Value:
        return Value(self.all_taints(call.first), symbol="re.compile()", prefix=call.first.prefix)

    def _sax_parser(self, _call: LibraryCall) -> Value:
        return self.allocate(Thing("external", {}, None, False, None, "xml.sax.make_parser()"))

    def _default_parser(self, call: LibraryCall) -> Value:
        self.default_parser = call.first
        return NONE

    def _shuffle(self, call: LibraryCall) -> Value | None:
        if not call.first.references:
            return None
        self.add(call.first, self.source(call.name, "random", call.node))
        return NONE

    def _session(self, _call: LibraryCall) -> Value:
        return Value(symbol=SESSION)

    def _partial(self, call: LibraryCall) -> Value | None:
        target, *others = call.arguments.positional or [UNKNOWN]
        if target.callables:
            return Value(
                callables=tuple(
                    Function(item.node, item.scope, item.owner, item.bound, (*item.preset, *others))
                    if isinstance(item, Function)
                    else item
                    for item in target.callables
                )
            )
        if not target.symbol:
            return None
        self.inspect(LibraryCall(target.symbol, "", None, Arguments(others, call.arguments.named), call.node))
        return Value(symbol=target.symbol)

    def _getattr(self, call: LibraryCall) -> Value | None:
        given = call.arguments.positional
        wanted = given[1].constants if len(given) >= 2 else None
        if not wanted or len(wanted) != 1 or not isinstance(wanted[0], str):
            return None
        found = self.attribute(given[0], wanted[0], call.node)
        return found if len(given) < 3 else join(found, given[2])

    def _setattr(self, call: LibraryCall) -> Value | None:
        given = call.arguments.positional
        wanted = given[1].constants if len(given) == 3 else None
        if not wanted or not isinstance(wanted[0], str) or not given[0].references:
            return None
        self.put(given[0], wanted[0], given[2])
        return NONE

    def _copy(self, call: LibraryCall) -> Value:
        if len(call.first.references) == 1:
            copy = self.thing(call.first.references[0]).copy()
            copy.known = copy.known and copy.kind != "instance" and bool(call.first.sure)
            return self.allocate(copy, call.first.taints)
        return call.first

    def _next(self, call: LibraryCall) -> Value:
        return self.contents(call.first)

    def _enumerate(self, call: LibraryCall) -> Value:
        pair = self.allocate(Thing("list", {0: HARMLESS, 1: self.contents(call.first)}, known=True))
        return self.allocate(Thing("list", {}, pair, False, known=True))

    def _zip(self, call: LibraryCall) -> Value:
        items: dict[object, Value] = {
            place: self.contents(item) for place, item in enumerate(call.arguments.positional)
        }
        return self.allocate(Thing("list", {}, self.allocate(Thing("list", items, known=True)), False, known=True))

    def _chain(self, call: LibraryCall) -> Value:
        found = self.contents(call.first)
        for item in call.arguments.positional[1:]:
            found = join(found, self.contents(item))
        return self.allocate(Thing("list", {}, found, False, known=not call.arguments.open_ended))

    def _sorted(self, call: LibraryCall) -> Value:
        return self.allocate(Thing("list", {}, self.contents(call.first), False, known=True))

    def _range(self, _call: LibraryCall) -> Value:
        return HARMLESS

    def _dumped(self, call: LibraryCall) -> Value:
        """Serialized data of this program itself."""
        rules = frozenset({"deserialization"})
        taints = tuple(taint._replace(safe=taint.safe | rules) for taint in self.all_taints(call.first))
        return Value(taints, symbol=called(call.name), sure=self.depth_sure([call.first]) | rules)

    # Methods.

    def _relative(self, call: LibraryCall) -> None:
        """It raises unless the path is within the folder."""
        for taint in call.receiver.taints if call.receiver is not None else ():
            self.clear(taint.identity, frozenset({"path-traversal"}))

    def _feature(self, call: LibraryCall) -> Value | None:
        if call.receiver is None or not call.receiver.references or len(call.arguments.positional) != 2:
            return None
        text = f"{call.first.symbol} {call.first.constants or ''}"
        if any(feature in text for feature in sinks.XML_FEATURES):
            self.put(call.receiver, "@external", call.arguments.positional[1])
        return NONE

    def _configure(self, call: LibraryCall) -> Value | None:
        """`app.config.update(KEY=value)`"""
        inner = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
        if not call.owner.endswith(".config") or not isinstance(inner, ast.Attribute) or not call.arguments.named:
            return None
        part = call.receiver if call.receiver and call.receiver.references else self.own_part(inner, UNKNOWN)
        for key, item in call.arguments.named.items():
            self.put(part, key, item)
        return NONE

    def _format(self, call: LibraryCall) -> Value | None:
        if call.receiver is None or not call.receiver.constants or call.arguments.open_ended:
            return None
        taints = join_taints(call.receiver.taints, self.passed(call.arguments.every()))
        sure = self.depth_sure([call.receiver, *call.arguments.every()])
        begins = {BEGINNING} if len(call.receiver.constants) == 1 and call.receiver.sure else frozenset()
        return Value(taints, prefix=call.receiver.prefix.partition("{")[0], sure=sure | begins)

    def _split(self, call: LibraryCall) -> Value | None:
        known = call.receiver.constants if call.receiver is not None else None
        text = known[0] if known and len(known) == 1 else None
        given: list[object] = []
        for item in call.arguments.positional:
            if item.constants is None or len(item.constants) != 1:
                return None
            given.append(item.constants[0])
        if not isinstance(text, str) or call.arguments.named or len(text) > _MAX_SPLIT:
            return None
        try:
            parts = getattr(text, call.method)(*given)
        except (TypeError, ValueError):
            return None
        whole = self.depth_sure([call.receiver or UNKNOWN, *call.arguments.positional]) >= SURE_TEXT
        return self.allocate(Thing("list", {place: constant(part) for place, part in enumerate(parts)}, known=whole))

    def _table(self, call: LibraryCall) -> Value | None:
        """`helpers.TABLE.get(key)`: the key chooses, and is not what comes out."""
        if call.receiver is None or call.receiver.taints or not call.owner.rpartition(".")[2].isupper():
            return None
        return Value(taints=self.passed(call.arguments.positional[1:]))

    models: ClassVar["dict[str, Callable[[Models, LibraryCall], Value | None]]"] = {
        **dict.fromkeys(
            words(
                "int float uuid.UUID decimal.Decimal ipaddress.ip_address datetime.date.fromisoformat bson.ObjectId"
                " datetime.datetime.fromisoformat datetime.datetime.strptime"
            ),
            _validates,
        ),
        **dict.fromkeys(words("copy.copy copy.deepcopy iter"), _copy),
        **dict.fromkeys(words("sorted reversed"), _sorted),
        **dict.fromkeys(words("xml.sax.make_parser xml.sax.expatreader.create_parser"), _sax_parser),
        "re.compile": _pattern_of,
        "lxml.etree.set_default_parser": _default_parser,
        "random.shuffle": _shuffle,
        "aiohttp_session.get_session": _session,
        "functools.partial": _partial,
        "getattr": _getattr,
        "setattr": _setattr,
        "next": _next,
        "enumerate": _enumerate,
        "zip": _zip,
        "itertools.chain": _chain,
        "range": _range,
        **dict.fromkeys(
            words("pickle.dumps _pickle.dumps cPickle.dumps marshal.dumps dill.dumps cloudpickle.dumps"), _dumped
        ),
    }
    method_models: ClassVar["dict[str, Callable[[Models, LibraryCall], Value | None]]"] = {
        **dict.fromkeys(words("split rsplit splitlines partition"), _split),
        **dict.fromkeys(words("update from_mapping"), _configure),
        "relative_to": _relative,
        "setFeature": _feature,
        "format": _format,
        "get": _table,
    }


def called(name: str) -> str:
    """The symbol of a call's result."""
    return (name + "()")[:MAX_SYMBOL] if name else ""
