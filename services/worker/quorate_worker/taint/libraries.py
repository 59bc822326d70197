"""Calls of code that is not there to be read: what is known of them, and what is guessed."""

import ast
import re
import sys

from quorate_worker.taint import proven, sanitizers, sources, values
from quorate_worker.taint.containers import MUTATORS
from quorate_worker.taint.expressions import chance
from quorate_worker.taint.machine import Arguments, LibraryCall
from quorate_worker.taint.models import Models, called
from quorate_worker.taint.sanitizers import ALL
from quorate_worker.taint.sources import REQUEST, SESSION
from quorate_worker.taint.values import (
    BEGINNING,
    HARMLESS,
    SURE_TEXT,
    UNKNOWN,
    Function,
    Thing,
    Value,
    constant,
    join_taints,
)
from quorate_worker.taint.words import words

GUESS = 0.9


_ENDS = words(
    "sys.exit exit quit os._exit os.abort flask.abort quart.abort werkzeug.exceptions.abort bottle.abort"
    " sanic.exceptions.abort"
    " aiohttp.web.abort flask_restful.abort flask_restx.abort"
)


_CLEAN = words(
    "flask.render_template quart.render_template django.shortcuts.render flask.jsonify quart.jsonify"
    " django.http.JsonResponse starlette.responses.JSONResponse fastapi.responses.JSONResponse"
    " starlette.responses.PlainTextResponse fastapi.responses.PlainTextResponse aiohttp.web.json_response"
    " sanic.response.json sanic.response.text print flask.flash django.template.loader.render_to_string"
    " bottle.jinja2_template aiohttp_jinja2.render_template flask.send_from_directory bottle.static_file"
    " warnings.warn django.contrib.auth.authenticate django.shortcuts.get_object_or_404 flask.url_for"
    " django.shortcuts.get_list_or_404"
)


_LOOKUPS = words(
    "get filter filter_by first one one_or_none scalar all get_or_404 first_or_404 exclude order_by get_or_create"
    " select_related prefetch_related values values_list count exists latest"
)


_SQL_BUILDERS = words("where values filter filter_by bindparams params select_from order_by having on")


_RESULT_KEPT = frozenset({"deserialization", "code-injection", "log-injection", "header-injection", "xxe"})


_RESULT_SAFE = {"xss", "sql-injection", "template-injection", "xpath-injection"}


class Libraries(Models):
    """What a call of a library returns."""

    def library_call(
        self, name: str, method: str, receiver: Value | None, arguments: Arguments, node: ast.Call
    ) -> Value:
        """What a call of unknown code returns: what is known of it, or something made of its arguments."""
        result = self._source(name, method, receiver, arguments, node)
        if result is not None:
            return result
        call = LibraryCall(name, method, receiver, arguments, node)
        if name == "random.Random":
            self.chances.add(node)
        seen = self.inspect(call)
        if name in _ENDS or (not method and name.endswith(".abort")):
            self.live = False
            return UNKNOWN
        modelled = self.modelled(call)
        if modelled is not None:
            self.judge(call)
            if method == "format":
                self.built(node, modelled)
            return modelled
        given = arguments.every()
        result = self._unknown_call(call, seen)
        self.judge(call)
        if method == "format":
            self.built(node, UNKNOWN)
        if name in proven.PURE or (method in proven.TEXT_METHODS and receiver is not None and not receiver.references):
            sure = self.depth_sure(given if receiver is None or name in proven.PURE else [receiver, *given])
            sure |= proven.of_result(name)
            if sure and (not result.references or name in proven.FUNCTIONS):
                return Value(result.taints, result.constants, (), result.symbol, result.callables, result.prefix, sure)
            return result
        if name == "urllib.request.Request":
            first = arguments.get(0, "url") or UNKNOWN
            return Value(result.taints, None, (), result.symbol, (), first.prefix, first.sure & {BEGINNING})
        if not seen and name not in proven.READS:
            self.leak(given)
            if receiver is not None:
                self.leak([receiver])
        return result

    def _unknown_call(self, call: LibraryCall, seen: set[str]) -> Value:
        """The same, where nothing says what comes of it."""
        name, method, receiver, arguments, node = call
        if not method or receiver is None or not receiver.symbol.startswith("@"):
            self._run_callables(name, arguments)
        headers = receiver is not None and receiver.symbol.endswith(".headers")
        if method in MUTATORS and receiver is not None and isinstance(node.func, ast.Attribute) and not headers:
            self._put_into(receiver, node.func.value, arguments)
        inputs = arguments.every()
        if receiver is not None:
            inputs.append(receiver)
        if name.startswith(("tarfile.", "zipfile.")):
            return Value(self.passed(inputs), symbol=called(name))
        if receiver is not None and receiver.symbol.endswith("Markup()") and method in {"format", "join"}:
            # Markup escapes what is put into it.
            return Value(self._protected(self.passed(inputs), frozenset({"xss"})), symbol=receiver.symbol)
        if seen and not seen & _RESULT_KEPT:
            if not seen & _RESULT_SAFE:
                return Value(symbol=called(name), taints=chance(self.passed(inputs)))
            taints = self.passed(inputs)
            if "xss" in seen and not name.endswith(("Markup", "mark_safe")):
                return self._response(name, arguments, node)
            safe = frozenset(seen) | ({"xss"} if "template-injection" in seen else frozenset())
            return Value(self._protected(taints, safe), symbol=called(name))
        if name in _CLEAN:
            return Value(symbol=called(name))
        if method in _LOOKUPS and receiver is not None and re.search(r"\.(?:objects|query)\b", receiver.symbol):
            # A row of a database that was asked by the value: not the value itself.
            return Value(symbol=called(name))
        return self._made(name, method, receiver, inputs, arguments, node)

    def _made(  # noqa: PLR0912 -- a decision table
        self,
        name: str,
        method: str,
        receiver: Value | None,
        inputs: list[Value],
        arguments: Arguments,
        node: ast.AST,
    ) -> Value:
        """The result of a function of which only the name is known."""
        root = name.partition(".")[0]
        sure = (
            root in sys.stdlib_module_names
            or (not method and "." not in name)
            or (receiver is not None and bool(receiver.taints))
        )
        taints = self.passed(inputs, 1.0 if sure else GUESS)
        if any(value.symbol == REQUEST for value in arguments.positional) and sources.reads_request(name):
            label = f"the request, through {name.rpartition('.')[2]}"
            taints = join_taints(taints, tuple(self.source(label, "remote", node).taints))
            taints = tuple(taint._replace(confidence=taint.confidence * GUESS) for taint in taints)
        symbol = called(name)
        if not taints:
            last = name.rpartition(".")[2]
            if last[:1].isupper() and len(self.things) < 20_000:
                return self._external(symbol, arguments, ())
            return Value(symbol=symbol, prefix=self._prefix(name, method, arguments))
        safe = sanitizers.FUNCTIONS.get(name)
        if safe is None:
            if name.startswith(sanitizers.HASHES) or ".hexdigest" in name[-12:]:
                safe = ALL
            elif name.startswith(("sqlalchemy", "sqlmodel")) or method in _SQL_BUILDERS:
                safe = frozenset({"sql-injection"})
            elif "Environment(autoescape)" in name or (name.startswith("django.template") and method == "render"):
                safe = frozenset({"xss"})
            elif root not in sys.stdlib_module_names or method:
                safe = sanitizers.by_name(name) if name else None
        if method == "replace" and receiver is not None and arguments.positional:
            first = arguments.positional[0].constants
            if first and all(isinstance(item, str) for item in first):
                safe = (safe or frozenset()) | sanitizers.replacement(str(first[0]))
        if method in sanitizers.UNTAINTED_METHODS:
            safe = ALL
        if name in {"re.sub", "re.subn"} and arguments.positional:
            safe = _substituted(arguments.positional[0])
        undone = sanitizers.UNDONE.get(name)
        if undone:
            taints = tuple(taint._replace(safe=taint.safe - undone) for taint in taints)
        if safe:
            # What a signature was made of must be known where the signature is compared.
            taints = self._protected(taints, safe, kept=name.startswith(("hmac.", "hashlib.")))
        kept = ""
        if name == "str" and arguments.positional:
            symbol = arguments.positional[0].symbol
            kept = arguments.positional[0].prefix
        if method in {"split", "rsplit", "rpartition"} and _first_of(arguments) == ("/",):
            symbol = "#between slashes"
        last = name.rpartition(".")[2]
        if last[:1].isupper() and name not in sanitizers.FUNCTIONS and not method.isupper():
            return self._external(symbol, arguments, taints)
        return Value(taints, symbol=symbol, prefix=kept or self._prefix(name, method, arguments, receiver))

    def _response(self, name: str, arguments: Arguments, node: ast.Call) -> Value:
        """A response whose body was looked at; that it is no HTML may be said later."""
        result = self._external(called(name), Arguments(named=dict(arguments.named)), ())
        self.put(result, "@line", constant(node.lineno))
        return Value(references=result.references, symbol=called(name))

    def _external(self, symbol: str, arguments: Arguments, taints: tuple[values.Taint, ...]) -> Value:
        """A new object of a library's class, with its named arguments as what is known of it."""
        if symbol.endswith("Environment()"):
            escape = arguments.named.get("autoescape")
            if escape is not None and self.truth(escape) is not False:
                symbol = symbol.replace("Environment()", "Environment(autoescape)")
        if symbol == "ruamel.yaml.YAML()":
            kind = arguments.get(0, "typ")
            if kind is not None and kind.constants == ("unsafe",):
                symbol = "ruamel.yaml.YAML(unsafe)"
        thing = Thing("external", {}, None, False, None, symbol)
        thing.items.update(arguments.named)
        return self.allocate(thing, taints)

    def _prefix(self, name: str, method: str, arguments: Arguments, receiver: Value | None = None) -> str:
        """The constant text that a result begins with."""
        if method in {"format", "format_map"} and receiver is not None:
            return receiver.prefix.partition("{")[0]
        if method in {"strip", "rstrip", "encode", "decode", "removesuffix"} and receiver is not None:
            return receiver.prefix
        if name == "shlex.split" and arguments.positional:
            return arguments.positional[0].prefix
        if method == "join" and receiver is not None and arguments.positional:
            for address in arguments.positional[0].references:
                thing = self.thing(address)
                if thing.kind == "list" and thing.exact and thing.items:
                    first = thing.items[0]
                    tail = receiver.prefix if first.constants and len(thing.items) > 1 else ""
                    return first.prefix + tail
        return ""

    def _protected(
        self, taints: tuple[values.Taint, ...], safe: frozenset[str], kept: bool = False
    ) -> tuple[values.Taint, ...]:
        """The origins with more rules they cannot break; without any left, they are dropped, unless `kept`."""
        if safe >= ALL and not kept:
            return chance(taints)
        return tuple(taint._replace(safe=taint.safe | safe) for taint in taints)

    def _source(
        self, name: str, method: str, receiver: Value | None, arguments: Arguments, node: ast.Call
    ) -> Value | None:
        """The result of a call that gives an untrusted value."""
        known = sources.CALLS.get(name)
        if known is not None:
            if known[0] == REQUEST:
                return Value(symbol=REQUEST)
            return self.source(known[0], known[1], node, called(name))
        if method:
            if receiver is not None and receiver.symbol == REQUEST:
                result = self.attribute(receiver, method, node)
                if result.taints and arguments.positional:
                    return self.request_item(result, arguments.positional[0])
                return result
            owner = receiver.symbol if receiver is not None else ""
            if method in sources.TORNADO_METHODS and owner.endswith("RequestHandler()"):
                value = self.source(f"request.{method}", "remote", node, REQUEST + "." + method)
                return self.request_item(value, arguments.positional[0]) if arguments.positional else value
            if receiver is not None and owner.startswith(REQUEST + ".") and receiver.taints:
                return self._request_method(receiver, method, arguments)
            if owner in sources.RANDOM_OWNERS and method in sources.RANDOM_FUNCTIONS:
                return self._random(name, arguments, node)
            if owner == SESSION and method in {"get", "pop", "keys", "items", "values"}:
                return UNKNOWN
            return None
        module, _, function = name.rpartition(".")
        if module in sources.RANDOM_OWNERS and function in sources.RANDOM_FUNCTIONS:
            return self._random(name, arguments, node)
        return None

    def _random(self, name: str, arguments: Arguments, node: ast.Call) -> Value:
        self.chances.add(node)
        chosen = self.source(name, "random", node)
        if name.rpartition(".")[2] in {"choice", "choices", "sample"} and arguments.positional:
            # What is chosen from untrusted values is untrusted itself.
            first = arguments.positional[0]
            return Value(join_taints(chosen.taints, self.all_taints(first)), sure=self.depth_sure([first]))
        return chosen

    def _request_method(self, receiver: Value, method: str, arguments: Arguments) -> Value | None:
        """A method of a request's part: an entry under its name, or the part as a whole."""
        if method in sanitizers.UNTAINTED_METHODS:
            return HARMLESS
        if (
            method in {"get", "getlist", "getone", "getall", "get_all", "pop", "getunicode", "getfirst"}
            and arguments.positional
        ):
            kind = arguments.named.get("type")
            default = arguments.get(1, "default")
            if kind is not None and kind.symbol in {"int", "float", "bool", "uuid.UUID"}:
                if default is None:
                    return HARMLESS
                return Value(taints=self.all_taints(default), sure=self.depth_sure([default]))
            found = self.request_item(receiver, arguments.positional[0])
            if default is not None:
                taints = join_taints(found.taints, self.all_taints(default))
                found = Value(taints, symbol=found.symbol, sure=found.sure & self.depth_sure([default]))
            return found
        if receiver.symbol != REQUEST + ".item" and method in {
            "read",
            "json",
            "to_dict",
            "copy",
            "form",
            "items",
            "keys",
            "values",
            "lists",
        }:
            return Value(receiver.taints, symbol=receiver.symbol, sure=receiver.sure & SURE_TEXT)
        return None

    def _put_into(self, receiver: Value, node: ast.expr, arguments: Arguments) -> None:
        taints = self.passed(arguments.every())
        if not taints:
            return
        put = Value(taints=taints)
        externals = [address for address in receiver.references if self.thing(address).kind == "external"]
        if externals:
            self.add(Value(references=tuple(externals)), put)
        else:
            self.stain(node, put)

    def _run_callables(self, name: str, arguments: Arguments) -> None:
        """Unknown code that is given a function of the module may call it with what else it is given."""
        for place, value in enumerate(arguments.positional[:2] or ()):
            self._run_one(value, name, arguments, place)
        for key in ("target", "func", "function", "key", "callback"):
            if key in arguments.named:
                self._run_one(arguments.named[key], name, arguments, -1)

    def _run_one(self, value: Value, name: str, arguments: Arguments, place: int) -> None:
        callees = [item for item in value.callables if isinstance(item, Function)]
        if not callees or len(callees) > 2:
            return
        others = [item for index, item in enumerate(arguments.positional) if index > place]
        if "args" in arguments.named:
            content = arguments.named["args"]
            if len(content.references) == 1 and self.thing(content.references[0]).kind == "list":
                thing = self.thing(content.references[0])
                others = [thing.items[index] for index in range(len(thing.items))]
        if name in {"map", "filter"}:
            others = [self.contents(item) for item in others]
        if not others or not any(self.all_taints(item) for item in others):
            return
        for callee in callees:
            self.call(callee, Arguments(others), ast.Pass())
            self.live = True


def _first_of(arguments: Arguments) -> tuple[object, ...] | None:
    """The constants of the first argument."""
    return arguments.positional[0].constants if arguments.positional else None


def _substituted(pattern: Value) -> frozenset[str]:
    """The rules that a text cannot break of which all but harmless characters were removed."""
    text = pattern.constants[0] if pattern.constants else None
    if not isinstance(text, str) or not text.startswith("[^") or not text.rstrip("+*").endswith("]"):
        return frozenset()
    allowed = text.rstrip("+*")[2:-1]
    return sanitizers.pattern_check(f"[{allowed}]+", True)
