"""Judges what reaches a sink: harmless for sure, or not."""

import ast
import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from quorate_worker.taint import sinks
from quorate_worker.taint.machine import Arguments, LibraryCall
from quorate_worker.taint.rules import RULES
from quorate_worker.taint.uses import Uses
from quorate_worker.taint.values import BEGINNING, UNKNOWN, Value
from quorate_worker.taint.words import words

_BY_TABLE = frozenset({"sql-injection", "command-injection", "xss"})
"""Rules of which any harmless argument of a sink is enough to know."""

_CODE = words("eval exec compile")
_UNPICKLERS = words(
    "pickle.loads _pickle.loads cPickle.loads marshal.loads dill.loads cloudpickle.loads jsonpickle.decode"
    " yaml.unsafe_load yaml.load yaml.load_all yaml.full_load"
)
"""Functions that are given the data itself, rather than the name of a file."""

_PLAIN_LOADERS = words("yaml.SafeLoader yaml.CSafeLoader yaml.BaseLoader yaml.CBaseLoader")
_OPENERS = words("urllib.request.urlopen urllib.request.urlretrieve urllib.request.Request")
_XML_TEXT = words(
    "xml.etree.ElementTree.fromstring xml.etree.ElementTree.XML xml.etree.ElementTree.fromstringlist"
    " xml.dom.minidom.parseString xml.sax.parseString xml.dom.pulldom.parseString xml.dom.expatbuilder.parseString"
    " lxml.etree.fromstring lxml.etree.XML lxml.etree.HTML"
)
_XML_FILES = words(
    "xml.etree.ElementTree.parse xml.etree.ElementTree.iterparse xml.dom.minidom.parse xml.sax.parse lxml.etree.parse"
)
_WEB = re.compile(r"https?://[^/?#@\\\s]+(?:[/?#]|$)", re.IGNORECASE)
_WEB_START = re.compile(r"https?://[^/?#@\\\s]+/", re.IGNORECASE)
_APART = "the program is a constant, and its arguments are passed without a shell"
_WILD = re.compile(r"\b(?:chown|chmod|tar|rsync)\b.*\*")
_RUNS_OTHERS = re.compile(
    r"^(?:python|pypy|perl|ruby|node|deno|bun|php|lua|java|awk|gawk|sed|find|xargs|env|sudo|su|doas|nice|nohup|time|timeout"
    r"|ssh|scp|rsync|tar|zip|git|hg|svn|make|docker|podman|kubectl|vi|vim|emacs|ed|less|more|man|screen|tmux|watch|strace"
    r"|gdb|npm|npx|yarn|pnpm|pip|uv|systemd-run|crontab|at|parallel|busybox|tclsh|expect|osascript|mysql|psql|sqlite3)"
    r"[\d.]*(?:\.exe)?$"
)
"""Programs that can be told to run something else, so that their arguments count, too."""


class Verdicts(Uses):
    """For each call of a sink that is visited, why it is harmless; a single visit where it may not be decides."""

    def judge(self, call: LibraryCall) -> None:
        """Note what is to be said for a call of a library."""
        if not self.live:
            return
        name = call.name
        for sink in self._sinks_of(call):
            self._note(sink.rule, call, self._by_table(sink, call))
        look = self.judges.get(name)
        if look is not None:
            rule, answer = look
            self._note(rule, call, answer(self, call))

    def built(self, node: ast.expr, value: Value) -> None:
        """A text was put together, maybe a query: it is a place of its own, whatever becomes of it."""
        if self.live and self.texts.get(node, "") is not None:
            harmless = not self._is_doubtful() and self.is_harmless(value, "sql-injection")
            self.texts[node] = self._why([value], "this text") if harmless else None

    def _sinks_of(self, call: LibraryCall) -> Iterable[sinks.Sink]:
        found = sinks.FUNCTIONS.get(call.name, ())
        if not found and call.method:
            found = sinks.METHODS.get(call.method, ())
            hints, hinted = sinks.HINTED_METHODS.get(call.method, ((), None))
            if hinted is not None and any(hint.lower() in call.owner.lower() for hint in hints):
                found = (*found, hinted)
        return [sink for sink in found if sink.rule in _BY_TABLE]

    def _note(self, rule: str, call: LibraryCall, why: str | None) -> None:
        key = (RULES[rule].cwe, call.node)
        self.judged[key] = self.judged.get(key, 0) + 1
        known = self.verdicts.get(key, "")
        if known is not None and known != _APART:
            self.verdicts[key] = None if self._is_doubtful() else why
        elif why is None or self._is_doubtful():
            self.verdicts[key] = None

    def outcome(self) -> dict[tuple[int, ast.AST], str | None]:
        """What is to be said at the end, by weakness and place."""
        return {
            (cwe, node): why if self.judged[cwe, node] == self.visited.get(node) else None
            for (cwe, node), why in self.verdicts.items()
        }

    def _is_doubtful(self) -> bool:
        return any(frame.doubtful for frame in self.frames)

    def _why(self, given: list[Value], place: str) -> str:
        taints = [taint for value in given for taint in self.all_taints(value) if taint.source.strength != "random"]
        if not taints:
            return f"only constants and values that do no harm reach {place}"
        label = "".join(character if character.isprintable() else "?" for character in taints[0].source.label)[:60]
        return f"{label} (line {taints[0].source.line}) is checked, converted or escaped before it reaches {place}"

    def _by_table(self, sink: sinks.Sink, call: LibraryCall) -> str | None:
        arguments = call.arguments
        given = [arguments.positional[place] for place in sink.positions if place < len(arguments.positional)]
        given += [arguments.named[key] for key in sink.names if key in arguments.named]
        if not given or arguments.open_ended or not all(self.is_harmless(value, sink.rule) for value in given):
            return None
        if sink.rule == "command-injection" and any(_is_wild(value) for value in given):
            return None
        if sink.rule == "sql-injection":
            parameters = len(arguments.positional) > 1 or bool(
                arguments.named.keys() & {"parameters", "params", "vars"}
            )
            why = self._why(given, "this query")
            return why + ", and its parameters are passed apart from its text" if parameters else why
        return self._why(given, "this command" if sink.rule == "command-injection" else "this HTML")

    def _program_call(self, call: LibraryCall) -> str | None:
        arguments = call.arguments
        command = arguments.get(0, "args") or arguments.get(0, "cmd")
        if command is None or arguments.open_ended or len(arguments.positional) > 1:
            return None
        executable = arguments.named.get("executable")
        if executable is not None and not self.is_harmless(executable, "command-injection"):
            return None
        if self.is_harmless(command, "command-injection"):
            return None if _is_wild(command) else self._why([command], "this command")
        return self._apart(command, arguments) if executable is None else None

    def _apart(self, command: Value, arguments: Arguments) -> str | None:
        """A list of arguments for a program that is known, without a shell."""
        shell = arguments.named.get("shell")
        if shell is not None and not (self.truth(shell) is False and self.is_whole(shell)):
            return None
        if len(command.references) != 1 or command.taints or not self.is_whole(command):
            return None
        thing = self.thing(command.references[0])
        program = thing.items.get(0) if thing.kind == "list" else None
        if program is None or not program.constants or not self.is_harmless(program, "command-injection"):
            return None
        for name in program.constants:
            last = str(name).replace("\\", "/").rpartition("/")[2].lower()
            if not last or last in sinks.SHELLS or _RUNS_OTHERS.match(last):
                return None
        return _APART

    def _code(self, call: LibraryCall) -> str | None:
        code = call.arguments.get(0, "source") or UNKNOWN
        if call.arguments.open_ended or not self.is_harmless(code, "code-injection"):
            return None
        return self._why([code], "this evaluation")

    def _data(self, call: LibraryCall) -> str | None:
        loader = call.arguments.get(1, "Loader")
        if call.name.startswith("yaml.load") and loader is not None and loader.symbol in _PLAIN_LOADERS:
            return "the loader builds plain data only"
        data = call.arguments.get(0) or UNKNOWN
        if call.arguments.open_ended or not self.is_harmless(data, "deserialization"):
            return None
        return "the data are constant, or this program has serialized them itself"

    def _address(self, call: LibraryCall) -> str | None:
        url = call.arguments.get(0, "url")
        if url is None or call.arguments.open_ended:
            return None
        if url.symbol == "urllib.request.Request()" and BEGINNING in url.sure and _WEB_START.match(url.prefix):
            return "the address is that of a constant host, by HTTP"
        if url.references:
            return None
        if url.constants and BEGINNING in url.sure:
            if all(isinstance(item, str) and _WEB.match(item) for item in url.constants):
                return "the address is a constant one, by HTTP"
            return None
        if BEGINNING in url.sure and _WEB_START.match(url.prefix):
            return "the address begins with a constant host, by HTTP"
        return None

    def _document(self, call: LibraryCall) -> str | None:
        text = call.arguments.get(0) or UNKNOWN
        if call.arguments.open_ended or not text.sure or not self.is_harmless(text, "xxe") or self.all_taints(text):
            return None
        if call.name in _XML_FILES:
            known = text.constants or ()
            return (
                "the document is a constant file" if known and not any("://" in str(item) for item in known) else None
            )
        return "only constants and values that do no harm reach this document"

    def _hash_use(self, call: LibraryCall) -> str | None:
        purpose = call.arguments.named.get("usedforsecurity")
        if purpose is not None and self.truth(purpose) is False and self.is_whole(purpose):
            return "the hash is said to be no protection: usedforsecurity=False"
        return None

    judges: ClassVar["dict[str, tuple[str, Callable[[Verdicts, LibraryCall], str | None]]]"] = {
        **dict.fromkeys(sinks.SUBPROCESS, ("command-injection", _program_call)),
        **dict.fromkeys(_CODE, ("code-injection", _code)),
        **dict.fromkeys(_UNPICKLERS, ("deserialization", _data)),
        **dict.fromkeys(_OPENERS, ("ssrf", _address)),
        **dict.fromkeys(_XML_TEXT | _XML_FILES, ("xxe", _document)),
        **dict.fromkeys(words("hashlib.md5 hashlib.sha1 hashlib.new"), ("weak-hash", _hash_use)),
    }


def _is_wild(value: Value) -> bool:
    """Whether a shell may be told to replace a `*` by names that are taken for options."""
    return "*" in value.prefix or any(_WILD.search(str(item)) for item in value.constants or ())
