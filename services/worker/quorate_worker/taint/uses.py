"""What is weak in itself, whatever flows into it: hashes, ciphers, protocols, cookies, predictable secrets."""

import ast

from quorate_worker.taint import constants, sinks, sources
from quorate_worker.taint.machine import Arguments, LibraryCall
from quorate_worker.taint.statements import Statements
from quorate_worker.taint.values import (
    UNKNOWN,
    Value,
)

_COOKIE_METHODS = frozenset({"set_cookie", "set_signed_cookie", "set_secure_cookie"})
_JAR_METHODS = frozenset({"output", "OutputString", "js_output"})
_HASHES_BY_NAME: dict[str, tuple[int, str, float]] = {
    "hashlib.new": (0, "name", 0.9),
    "hashlib.file_digest": (1, "digest", 0.9),
    "hmac.new": (2, "digestmod", 0.6),
    "hmac.digest": (2, "digest", 0.6),
    "hashlib.pbkdf2_hmac": (0, "hash_name", 0.6),
}
"""Functions that take the name of a hash: where, and how sure a finding is."""


class Uses(Statements):
    """Looks at the arguments of calls that need no untrusted value to be wrong."""

    def inspect_use(self, call: LibraryCall) -> None:
        """Report a call that is weak in itself."""
        name, arguments, node = call.name, call.arguments, call.node
        if name in sinks.WEAK_HASH_CALLS:
            self._hash(sinks.WEAK_HASH_CALLS[name], arguments, node)
        elif name in _HASHES_BY_NAME:
            place, key, confidence = _HASHES_BY_NAME[name]
            self._hash_name(arguments.get(place, key) or UNKNOWN, arguments, node, confidence)
        elif name in sinks.WEAK_CIPHER_CALLS:
            self.use("weak-cipher", node, f"{sinks.WEAK_CIPHER_CALLS[name]} is too weak to protect anything")
        if name in sinks.KEYED:
            self.check("weak-randomness", node, arguments.get(0, "key"), "a key")
        if name in sinks.ECB_CALLS:
            mode = arguments.get(1, "mode") or UNKNOWN
            if "MODE_ECB" in mode.symbol or mode.constants == (1,):
                self.use("weak-cipher", node, "ECB mode shows which blocks are equal")
        if call.method in _COOKIE_METHODS:
            self._cookie(arguments, node)
        elif call.method in _JAR_METHODS and call.receiver is not None:
            self._jar(call.receiver, node)
        self._named(arguments, node)
        self._protocol(name, call.method, arguments, node)

    def _named(self, arguments: Arguments, node: ast.Call) -> None:
        """Arguments whose names say what they are for."""
        for key, value in arguments.named.items():
            self.cookie_setting(key, value, node)
            if sources.is_secret_name(key):
                self.check("weak-randomness", node, value, f"the secret `{key[:40]}`")
            if key == "https_only" and value.constants == (False,):
                self.use("insecure-cookie", node, "The session's cookie is set with https_only=False")
            if (
                key in {"digest_method", "hash_func", "hasher", "hash_function"}
                and value.symbol in sinks.WEAK_HASH_CALLS
            ):
                self.use("weak-hash", node, f"{sinks.WEAK_HASH_CALLS[value.symbol]} is weak", 0.7)

    def _protocol(self, name: str, method: str, arguments: Arguments, node: ast.Call) -> None:
        """Old protocols and weak ciphers of TLS, and weak methods to keep passwords."""
        first = arguments.get(0, "protocol")
        if name in {"ssl.SSLContext", "ssl.wrap_socket", "OpenSSL.SSL.Context"}:
            for value in arguments.every():
                if value.symbol.endswith(sinks.OLD_PROTOCOLS):
                    self.use("weak-cipher", node, "This version of TLS is broken")
        elif method == "set_ciphers" and first is not None and first.constants:
            if any(sinks.WEAK_CIPHER_LIST.search(str(item)) for item in first.constants):
                self.use("weak-cipher", node, "The list of ciphers has weak ones")
        elif name.endswith(("generate_password_hash", "hashers.make_password")):
            chosen = arguments.get(1 if "generate" in name else 2, "method" if "generate" in name else "hasher")
            for item in (chosen.constants or ()) if chosen is not None else ():
                if str(item).lower().rpartition(":")[2] in sinks.WEAK_HASHES:
                    self.use("weak-hash", node, "Passwords are kept by a weak hash")

    def cookie_header(self, value: ast.expr, node: ast.AST) -> None:
        """The text of a `Set-Cookie` header, as far as it is written out."""
        if not isinstance(value, ast.Constant | ast.JoinedStr | ast.BinOp):
            return
        parts = [item.value for item in ast.walk(value) if isinstance(item, ast.Constant)]
        text = "".join(part for part in parts if isinstance(part, str)).lower()
        if ("=" in text and ";" in text) or isinstance(value, ast.Constant):
            for option, rule in (("secure", "insecure-cookie"), ("httponly", "script-readable-cookie")):
                if option not in text:
                    self.use(rule, node, f"This cookie is set without {option}", 0.8)

    def _hash(self, algorithm: str, arguments: Arguments, node: ast.Call) -> None:
        purpose = arguments.named.get("usedforsecurity")
        if purpose is not None and self.truth(purpose) is False:
            return
        self.use("weak-hash", node, f"{algorithm} is too weak to protect anything")

    def _hash_name(self, algorithm: Value, arguments: Arguments, node: ast.Call, confidence: float = 0.9) -> None:
        if algorithm.symbol in sinks.WEAK_HASH_CALLS:
            self.use("weak-hash", node, f"{sinks.WEAK_HASH_CALLS[algorithm.symbol]} is weak", confidence)
            return
        for item in algorithm.constants or ():
            if isinstance(item, str) and item.lower() in sinks.WEAK_HASHES:
                purpose = arguments.named.get("usedforsecurity")
                if purpose is None or self.truth(purpose) is not False:
                    shown = item.upper()[:10]
                    self.use("weak-hash", node, f"{shown} is too weak to protect anything", confidence)
                return

    def _cookie(self, arguments: Arguments, node: ast.Call) -> None:
        value = arguments.get(1, "value")
        if value is not None:
            self.check("weak-randomness", node, value, "the value of a cookie")
        if arguments.open_ended:
            return
        for option, rule in (("secure", "insecure-cookie"), ("httponly", "script-readable-cookie")):
            given = arguments.named.get(option)
            if given is None:
                self.use(rule, node, f"This cookie is set without {option}", 0.8)
            elif given.constants is not None and constants.truth(given.constants) is False:
                self.use(rule, node, f"This cookie is set with {option}=False", 0.9)

    def _jar(self, receiver: Value, node: ast.Call) -> None:
        """A cookie of `http.cookies` is written out."""
        function = node.func
        inner = function.value if isinstance(function, ast.Attribute) else function
        jar = self.evaluate(inner.value) if isinstance(inner, ast.Subscript) else receiver
        if not jar.symbol.startswith("http.cookies."):
            return
        for option, rule in (("secure", "insecure-cookie"), ("httponly", "script-readable-cookie")):
            known = [self.thing(address).items.get("@" + option) for address in jar.references]
            if not any(item is not None and self.truth(item) is not False for item in known):
                self.use(rule, node, f"This cookie is set without {option}", 0.8)
