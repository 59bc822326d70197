"""Looks at calls of libraries: which arguments may do harm there, and which calls are weak in themselves."""

import ast
import re
from collections.abc import Callable
from typing import ClassVar

from quorate_worker.taint import sinks, sources, values
from quorate_worker.taint.machine import Arguments, LibraryCall
from quorate_worker.taint.sinks import Sink
from quorate_worker.taint.values import UNKNOWN, Value
from quorate_worker.taint.verdicts import Verdicts
from quorate_worker.taint.words import words

_FIXED_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\\]+[/?#]", re.IGNORECASE)
_LOCAL_PATH = re.compile(r"/[^/\\]|[?#]|[\w.-]+[/?#]")
_OPEN_FILE = re.compile(r"^request\.(?:files|FILES|stream)(?:\['[^']*'\])?(?:\.stream|\.file)?$|\.(?:file|stream)$")
_HTML_TYPES = ("html", "xml", "svg")
_SAFE_LOADERS = ("SafeLoader", "BaseLoader", "FullLoader")
_LXML = frozenset(
    f"lxml.etree.{name}" for name in ("fromstring", "parse", "XML", "iterparse", "fromstringlist", "HTML")
)
_SAX = words(
    "xml.sax.parse xml.sax.parseString xml.dom.minidom.parse xml.dom.minidom.parseString xml.dom.pulldom.parse"
    " xml.dom.pulldom.parseString"
)
_LOG_METHODS = words("debug info warning warn error critical exception log fatal")
_UNSAFE_FILTER = re.compile(r"\|\s*safe\b|autoescape\s+false")


class Checks(Verdicts):
    """One method for each kind of weakness that a plain table of arguments cannot tell."""

    def inspect(self, call: LibraryCall) -> set[str]:
        """Report what is wrong with a call of a library; returns the rules whose sink it is."""
        seen: set[str] = set()
        for sink in sinks.FUNCTIONS.get(call.name, ()):
            seen.add(sink.rule)
            self._sink(sink, call)
        if not seen and call.method and "Sandbox" not in call.owner:
            for sink in sinks.METHODS.get(call.method, ()):
                seen.add(sink.rule)
                self._sink(sink, call)
            hints, hinted = sinks.HINTED_METHODS.get(call.method, ((), None))
            owner = call.owner.lower()
            if hinted is not None and not owner.startswith("@") and any(hint.lower() in owner for hint in hints):
                seen.add(hinted.rule)
                self._sink(hinted, call)
        self.inspect_use(call)
        by_name, by_method = self.by_name.get(call.name), self.by_method.get(call.method)
        for look in (by_name, by_method if call.receiver is not None else None):
            if look is not None:
                seen |= look(self, call)
        return seen

    def _sink(self, sink: Sink, call: LibraryCall) -> None:
        name, arguments, node = call.name, call.arguments, call.node
        given = [arguments.positional[place] for place in sink.positions if place < len(arguments.positional)]
        given += [arguments.named[key] for key in sink.names if key in arguments.named]
        if arguments.extra is not None and not given:
            given.append(arguments.extra)
        if not given or not self._applies(sink.rule, name, arguments):
            return
        for value in given:
            if sink.rule == "path-traversal" and name in sinks.TAKES_FILES:
                self.check(sink.rule, node, _without_files(value), sink.what, sink.weight)
            elif sink.rule in {"ssrf", "open-redirect"}:
                self.to_address(sink.rule, node, value, sink.what, sink.weight)
            elif sink.rule == "xss":
                self.to_html(node, value, sink.what)
            else:
                self.check(sink.rule, node, value, sink.what, sink.weight)

    def _applies(self, rule: str, name: str, arguments: Arguments) -> bool:
        if rule == "xss":
            return self._is_html(name, arguments)
        if name == "numpy.load":
            return self.truth(arguments.named.get("allow_pickle", UNKNOWN)) is True
        if name == "torch.load":
            return self.truth(arguments.named.get("weights_only", UNKNOWN)) is not True
        return True

    def _is_html(self, name: str, arguments: Arguments) -> bool:
        """Whether a response with these arguments is shown as HTML."""
        kind: str | None = None
        for key in ("mimetype", "content_type", "media_type"):
            given = arguments.named.get(key)
            if given is not None:
                if given.constants is None:
                    return True
                kind = str(given.constants[0]).lower()
        if kind is None:
            headers = arguments.named.get("headers")
            if headers is not None and headers.references:
                found = self.thing(headers.references[0]).items.get("Content-Type")
                if found is not None and found.constants:
                    kind = str(found.constants[0]).lower()
        if kind is not None:
            return any(part in kind for part in _HTML_TYPES)
        return not name.startswith(
            ("aiohttp.web.Response", "fastapi.Response", "fastapi.responses.Res", "starlette", "fastapi.responses.Str")
        ) or (name.endswith("HTMLResponse"))

    def to_html(self, node: ast.AST, value: Value, what: str) -> None:
        """A text is sent as HTML; objects that frameworks turn into JSON are not."""
        if value.symbol == "#items":
            # An object that was given items is no text.
            return
        if value.references and not value.taints:
            things = [self.thing(address) for address in value.references]
            if any(thing.kind in {"dict", "set"} for thing in things):
                return
            if all(thing.kind == "list" and thing.exact and thing.items for thing in things):
                # A body with a status and headers, or a list of parts, which frameworks send as JSON.
                for thing in things:
                    self.to_html(node, thing.items[0], what)
                return
        self.check("xss", node, value, what)

    def to_address(self, rule: str, node: ast.AST, value: Value, what: str, weight: float = 1.0) -> None:
        """A URL is used: where its host is fixed by constant text, the rest does little harm."""
        prefix = value.prefix
        if prefix and value.taints:
            if _FIXED_HOST.match(prefix) or (rule == "ssrf" and prefix.startswith("/")):
                return
            if rule == "open-redirect" and _LOCAL_PATH.match(prefix) and "://" not in prefix:
                return
        self.check(rule, node, value, what, weight)

    def _subprocess(self, call: LibraryCall) -> set[str]:
        """A program is run: by a shell, or with a list of arguments."""
        command = call.arguments.get(0, "args")
        if command is not None:
            self._command(command, call.arguments, call.node, call.name)
        return {"command-injection"}

    def _command(self, command: Value, arguments: Arguments, node: ast.Call, name: str) -> None:
        shell = arguments.named.get("shell")
        by_shell = False if shell is None else self.truth(shell)
        if shell is not None and by_shell is None:
            by_shell = shell.constants is None
        what = "a shell command" if by_shell else "the program to run"
        if name.endswith("create_subprocess_exec"):
            self._program([*arguments.positional], node)
            return
        executable = arguments.named.get("executable")
        if executable is not None:
            self.check("command-injection", node, executable, "the program to run")
        if by_shell:
            self.check("command-injection", node, command, what, 1.0 if self.truth(shell or UNKNOWN) else 0.6)
            return
        if not command.references:
            if " " not in command.prefix.strip(" ")[:200] and not command.prefix.endswith(" "):
                self.check("command-injection", node, command, what, 0.8)
            return
        for address in command.references:
            thing = self.thing(address)
            if thing.kind == "list" and thing.items:
                self._program([thing.items[place] for place in range(len(thing.items))], node)
                shells = thing.items[0].constants or ()
                if thing.rest is not None and any(str(item) in sinks.SHELLS for item in shells):
                    self.check("command-injection", node, thing.rest, "a shell command", 0.8)
            elif thing.kind == "list" and thing.rest is not None:
                known = any(item in sinks.SHELLS for item in thing.rest.constants or ())
                self.check("command-injection", node, thing.rest, what, 0.8 if known else 0.5)

    def _program(self, parts: list[Value], node: ast.Call) -> None:
        """A list of arguments: the program itself counts, and what a shell is told to run."""
        if not parts:
            return
        self.check("command-injection", node, parts[0], "the program to run")
        names = [str(item) for item in parts[0].constants or ()]
        if any(name in sinks.SHELLS or name.rpartition("/")[2] in sinks.SHELLS for name in names):
            for part in parts[1:]:
                self.check("command-injection", node, part, "a shell command")
        elif any(name.rpartition("/")[2].startswith(("python", "perl", "ruby", "node")) for name in names):
            options = [part.constants for part in parts[1:3]]
            if any(option and option[0] in {"-c", "-e"} for option in options):
                for part in parts[2:]:
                    self.check("command-injection", node, part, "code to run")

    def _programs(self, call: LibraryCall) -> set[str]:
        """`os.execv(path, arguments)` and its kin."""
        parts = list(call.arguments.positional[1 if call.name.startswith("os.spawn") else 0 :])
        if len(parts) > 1 and parts[1].references:
            inner = self.thing(parts[1].references[0])
            parts = [parts[0], *inner.items.values(), *([inner.rest] if inner.rest is not None else [])]
        self._program(parts, call.node)
        return set()

    def _archive(self, call: LibraryCall) -> set[str]:
        if call.owner.startswith("tarfile."):
            chosen = call.arguments.named.get("filter")
            if chosen is None or chosen.constants not in {("data",), ("tar",)}:
                what = "an archive whose names choose the paths"
                self.check("path-traversal", call.node, call.receiver, what, 0.9)
        return set()

    def _saved(self, call: LibraryCall) -> set[str]:
        if call.receiver is not None and any("iles" in taint.identity for taint in call.receiver.taints):
            self.check("path-traversal", call.node, call.arguments.get(0, "dst"), "the path of an upload")
        return set()

    def _yaml(self, call: LibraryCall) -> set[str]:
        loader = call.arguments.get(1, "Loader") or UNKNOWN
        if call.name.startswith("yaml.") and loader.symbol.endswith(_SAFE_LOADERS):
            return set()
        is_function = call.name in {"yaml.load", "yaml.load_all", "ruamel.yaml.load"}
        if not is_function and not call.owner.startswith("ruamel.yaml.YAML(unsafe)"):
            return set()
        self.check("deserialization", call.node, call.arguments.get(0, "stream"), "serialized data")
        return {"deserialization"}

    def _log(self, call: LibraryCall) -> set[str]:
        if "log" not in call.owner.lower()[-40:]:
            return set()
        for value in call.arguments.positional:
            self.check("log-injection", call.node, value, "a line of the log", 0.6)
        return {"log-injection"}

    def _kept(self, call: LibraryCall) -> set[str]:
        if call.owner == sources.SESSION:
            value = call.arguments.get(1) or call.arguments.get(0) or UNKNOWN
            self.into_session(call.node, call.arguments.get(0), value)
        return set()

    def _header(self, call: LibraryCall) -> set[str]:
        if call.owner.endswith(".headers") or call.method.endswith("_header"):
            self.check("header-injection", call.node, call.arguments.get(1), "a header of the response", 0.5)
        return set()

    def _unescaped(self, call: LibraryCall) -> set[str]:
        """A constant template that turns escaping off for what it is given."""
        template = call.arguments.get(0, "source")
        text = str(template.constants[0]) if template is not None and template.constants else ""
        if _UNSAFE_FILTER.search(text):
            for value in call.arguments.named.values():
                self.check("xss", call.node, value, "unescaped HTML of a template")
        return set()

    def _path_method(self, call: LibraryCall) -> set[str]:
        """A method of a path that touches the file system."""
        receiver = call.receiver or UNKNOWN
        is_path = "athlib" in receiver.symbol
        if receiver.symbol.startswith("@") or any(self.thing(item).kind != "external" for item in receiver.references):
            return set()
        if call.method in {"rename", "replace"} and not is_path:
            return set()
        if not receiver.taints or (call.method == "open" and receiver.symbol and not is_path):
            if call.method in {"rename", "replace"}:
                self.check("path-traversal", call.node, call.arguments.get(0), "a file path")
            return set()
        self.check("path-traversal", call.node, Value(taints=receiver.taints), "a file path")
        return {"path-traversal"}

    def _xml(self, call: LibraryCall) -> set[str]:
        """A parser reads XML: one that reads external entities, too?"""
        arguments = call.arguments
        if call.name in _LXML:
            parser = arguments.get(1, "parser") or self.default_parser
            danger = self._lxml_danger(parser, arguments if call.name.endswith("iterparse") else None)
        elif call.name in _SAX:
            danger = self._resolves(arguments.get(2 if call.name.startswith("xml.sax") else 1, "parser"))
        else:
            receiver = call.receiver or UNKNOWN
            if not receiver.references:
                return set()
            danger = self._resolves(receiver) or ("lxml" in receiver.symbol and self._lxml_danger(receiver, None))
        if not danger:
            return set()
        self.check("xxe", call.node, arguments.get(0), "XML with external entities allowed")
        return {"xxe"}

    def _lxml_danger(self, parser: Value | None, options: Arguments | None) -> bool:
        named: dict[object, Value] = {}
        if options is not None:
            named.update(options.named)
        if parser is not None:
            if not parser.references:
                return False
            for address in parser.references:
                named |= self.thing(address).items
        elif options is None:
            return False
        resolves = named.get("resolve_entities")
        if resolves is not None and resolves.constants is not None:
            return any(item is True or item == 1 for item in resolves.constants)
        return any(
            option in named and self.truth(named[option]) is dangerous
            for option, dangerous in (("no_network", False), ("load_dtd", True), ("dtd_validation", True))
        )

    def _resolves(self, parser: Value | None) -> bool:
        """Whether a SAX parser was told to read external entities."""
        if parser is None:
            return False
        for address in parser.references:
            told = self.thing(address).items.get("@external")
            if told is not None and self.truth(told) is not False:
                return True
        return False

    def _nosql(self, call: LibraryCall) -> set[str]:
        if not self.imports & sinks.NOSQL_MODULES or not call.arguments.positional:
            return set()
        query, node = call.arguments.positional[0], call.node
        if query.taints:
            self.check("nosql-injection", node, Value(taints=query.taints), "a database query")
        for address in query.references:
            thing = self.thing(address)
            for key, item in thing.items.items():
                taints = self.all_taints(item)
                if key == "$where":
                    clean = tuple(taint._replace(safe=taint.safe - {"nosql-injection"}) for taint in taints)
                    self.check_taints("nosql-injection", node, clean, "JavaScript of a database query")
                else:
                    structured = tuple(taint for taint in taints if _structured(taint))
                    self.check_taints("nosql-injection", node, structured, "a condition of a database query", 0.8)
        return set()

    by_name: ClassVar["dict[str, Callable[[Checks, LibraryCall], set[str]]]"] = {
        **dict.fromkeys(sinks.SUBPROCESS, _subprocess),
        **dict.fromkeys(_LXML | _SAX, _xml),
        **dict.fromkeys(words("yaml.load yaml.load_all ruamel.yaml.load"), _yaml),
        **dict.fromkeys(
            words(
                "os.execl os.execle os.execlp os.execv os.execve os.execvp os.execvpe os.spawnl os.spawnv os.spawnvp"
            ),
            _programs,
        ),
        "flask.render_template_string": _unescaped,
    }
    by_method: ClassVar["dict[str, Callable[[Checks, LibraryCall], set[str]]]"] = {
        **dict.fromkeys(sinks.PATH_METHODS, _path_method),
        **dict.fromkeys(_LOG_METHODS, _log),
        **dict.fromkeys(sinks.NOSQL_METHODS, _nosql),
        **dict.fromkeys(words("extractall extract"), _archive),
        **dict.fromkeys(words("setdefault update __setitem__"), _kept),
        **dict.fromkeys(words("add set add_header set_header"), _header),
        **dict.fromkeys(words("render_template_string from_string"), _unescaped),
        **dict.fromkeys(words("parse feed"), _xml),
        "load": _yaml,
        "save": _saved,
    }


def _without_files(value: Value) -> Value:
    """What may be a path; an upload or a buffer is an open file."""
    if value.symbol.startswith("io."):
        return UNKNOWN
    kept = tuple(taint for taint in value.taints if not _OPEN_FILE.search(taint.identity))
    return Value(kept, value.constants, value.references, value.symbol, value.callables, value.prefix)


def _structured(taint: values.Taint) -> bool:
    """Whether a source can be more than text: JSON holds objects, too."""
    label = taint.source.label
    return "json" in label or label.startswith(("request.data", "request.body", "request.media"))
