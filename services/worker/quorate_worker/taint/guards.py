"""What a test says about the values in it, on the way where it holds and on the way where it does not."""

import ast
import re

from quorate_worker.taint import sanitizers
from quorate_worker.taint.machine import Cleared, Machine, both_cleared
from quorate_worker.taint.sanitizers import ALL
from quorate_worker.taint.values import GUESSED, UNKNOWN, Value

_PATH = frozenset({"path-traversal"})
_URL = frozenset({"ssrf", "open-redirect"})
_HOST = re.compile(r"\.(?:netloc|hostname|host|domain|registered_domain)$")
_OTHER_URL_PART = re.compile(r"\.(?:scheme|path|query|fragment|port|username|password)$")
_RESOLVED = re.compile(r"(?:realpath|abspath|normpath|resolve|absolute)\(\)$")
_ADDRESS_KIND = re.compile(r"\.is_(private|loopback|reserved|link_local|global|multicast)$")
_FIXED_URL = re.compile(r"https?://[^/?#@\\]+/", re.IGNORECASE)

Recorded = dict[ast.expr, Value]


class Guards(Machine):
    """Allow lists, comparisons, patterns and checks of paths and hosts."""

    def assume(self, test: ast.expr, holds: bool, recorded: Recorded) -> None:
        """Go on on the way where the test holds, or does not."""
        for identity, rules in self.lesson(test, holds, recorded).items():
            self.clear(identity, rules)

    def lesson(self, test: ast.expr, holds: bool, recorded: Recorded) -> Cleared:
        """What is validated where a test holds, or does not; nothing, where nothing untrusted is in it."""
        if self.frames[-1].conditions or any(value.taints or value.references for value in recorded.values()):
            return self.learned(test, holds, recorded, 0)
        return {}

    def learned(self, test: ast.expr, holds: bool, recorded: Recorded, depth: int) -> Cleared:  # noqa: PLR0912 -- a decision table
        """What is validated where a test holds, or does not."""
        if depth > 20:
            return {}
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.learned(test.operand, not holds, recorded, depth + 1)
        if isinstance(test, ast.BoolOp):
            parts = [self.learned(operand, holds, recorded, depth + 1) for operand in test.values]
            if isinstance(test.op, ast.And) is holds:
                return _union(parts)
            found = parts[0]
            for part in parts[1:]:
                found = both_cleared(found, part)
            return found
        if isinstance(test, ast.NamedExpr):
            return self.learned(test.value, holds, recorded, depth + 1)
        if isinstance(test, ast.Compare):
            return self._compared(test, holds, recorded, depth)
        if isinstance(test, ast.Call):
            return self._called(test, holds, recorded, depth)
        if isinstance(test, ast.Name):
            condition = self.frames[-1].conditions.get(test.id)
            if condition is not None:
                found = self.learned(condition[0], holds, condition[1], depth + 1)
                if found:
                    return found
        value = recorded.get(test, UNKNOWN)
        address = _ADDRESS_KIND.search(value.symbol)
        if address:
            good = (address.group(1) == "global") is holds
            return self._of_host(value, address.group()) if good else {}
        if not holds:
            # What is empty or missing does no harm; without a host an address stays on this site.
            return self.subject(value, ALL)
        return {}

    def subject(self, value: Value, rules: frozenset[str]) -> Cleared:
        """What a check of a value says about the source it comes from."""
        found: Cleared = {}
        host = _HOST.search(value.symbol)
        if not host and _OTHER_URL_PART.search(value.symbol):
            return found
        for taint in value.taints:
            if taint.source.strength == "random":
                continue
            identity = taint.identity
            if host and identity.endswith(host.group()):
                identity = identity[: -len(host.group())]
                found[identity] = rules & _URL
            else:
                found[identity] = rules
        return found

    def _of_host(self, value: Value, suffix: str) -> Cleared:
        """The address of a host was looked at."""
        found: Cleared = {}
        for taint in value.taints:
            identity = taint.identity.removesuffix(suffix)
            host = _HOST.search(identity)
            found[identity[: -len(host.group())] if host else identity] = _URL
        return found

    def _compared(self, test: ast.Compare, holds: bool, recorded: Recorded, depth: int) -> Cleared:  # noqa: PLR0912 -- a decision table
        if len(test.ops) != 1:
            return {}
        kind = test.ops[0]
        left, right = recorded.get(test.left, UNKNOWN), recorded.get(test.comparators[0], UNKNOWN)
        if isinstance(kind, ast.NotIn | ast.NotEq | ast.IsNot):
            holds = not holds
        elif not isinstance(kind, ast.In | ast.Eq | ast.Is | ast.LtE | ast.GtE):
            return {}
        if isinstance(kind, ast.In | ast.NotIn):
            if holds:
                if right.symbol.endswith(".parents") and right.taints:
                    return self.subject(right, _PATH) | self._stripped(right, _PATH, ".parents")
                if left.taints and not self.all_taints(right) and not right.symbol.startswith("@"):
                    return self.subject(left, self._against(right))
                return {}
            if left.constants and right.taints and all(isinstance(item, str) for item in left.constants):
                rules = ALL
                for item in left.constants:
                    rules &= sanitizers.substring_check(str(item))
                return self.subject(right, rules)
            return {}
        if isinstance(kind, ast.LtE | ast.GtE):
            inner = test.left if isinstance(kind, ast.LtE) else test.comparators[0]
            other = right if isinstance(kind, ast.LtE) else left
            if holds and isinstance(inner, ast.Call) and _callee(inner) == "set" and not self.all_taints(other):
                return self.subject(recorded.get(inner.args[0], UNKNOWN), self._against(other)) if inner.args else {}
            return {}
        if right.constants == (None,) and isinstance(test.left, ast.Call):
            # `re.fullmatch(...) is None`
            return self._called(test.left, not holds, recorded, depth)
        if not holds:
            return {}
        for one, other in ((left, right), (right, left)):
            if one.symbol == "os.path.commonpath()" and one.taints:
                return self.subject(one, _PATH)
            if one.taints and not self.all_taints(other):
                if other.constants == ("",) and _HOST.search(one.symbol):
                    return self.subject(one, _URL)
                return self.subject(one, self._against(other))
        return {}

    def _against(self, allowed: Value) -> frozenset[str]:
        """What is gained by being among some values: all, if these are known."""
        return ALL if self.depth_sure([allowed]) else ALL | {GUESSED}

    def _stripped(self, value: Value, rules: frozenset[str], suffix: str) -> Cleared:
        return {taint.identity.removesuffix(suffix): rules for taint in value.taints}

    def _called(self, test: ast.Call, holds: bool, recorded: Recorded, depth: int) -> Cleared:  # noqa: PLR0912 -- a decision table
        outcome = self.outcomes.get(test)
        if outcome is not None:
            return outcome[0] if holds else outcome[1]
        name = _callee(test)
        first = recorded.get(test.args[0], UNKNOWN) if test.args else UNKNOWN
        if isinstance(test.func, ast.Attribute):
            receiver = recorded.get(test.func.value, UNKNOWN)
            known = self._method(name, receiver, first, holds)
            if known is not None:
                return known
        function = recorded.get(test.func, UNKNOWN).symbol
        if function == "bool" and test.args:
            return self.learned(test.args[0], holds, recorded, depth + 1)
        if function == "isinstance" and holds and len(test.args) == 2:
            kind = recorded.get(test.args[1], UNKNOWN).symbol
            if kind in {"int", "float", "bool"}:
                return self.subject(first, ALL)
            return self.subject(first, frozenset({"nosql-injection"})) if kind == "str" else {}
        if name == "compare_digest" and len(test.args) == 2:
            found: Cleared = {}
            sides = [recorded.get(argument, UNKNOWN) for argument in test.args]
            for side, other in (sides, reversed(sides)) if holds else ():
                made = other.symbol.startswith("hmac.")
                found |= self.subject(side, ALL if made else self._against(other))
            return found
        if function in {"all", "any"} and test.args and isinstance(test.args[0], ast.GeneratorExp | ast.ListComp):
            return self._each(test.args[0], function == "all", holds, recorded, depth)
        if function in {"re.fullmatch", "re.match"} and holds and len(test.args) >= 2:
            pattern = _text(first)
            rules = sanitizers.pattern_check(pattern, function == "re.fullmatch")
            return self.subject(recorded.get(test.args[1], UNKNOWN), _of_pattern(rules, pattern))
        if not holds:
            return {}
        if (
            sanitizers.CHECKS.search((function or name).lower()[-60:])
            and not recorded.get(test.func, UNKNOWN).callables
        ):
            found = {}
            for argument in test.args:
                found |= self.subject(recorded.get(argument, UNKNOWN), ALL | {GUESSED})
            return found
        return {}

    def _method(self, name: str, receiver: Value, first: Value, holds: bool) -> Cleared | None:
        if name in sanitizers.PURE_TEXT_CHECKS and receiver.taints:
            return self.subject(receiver, ALL) if holds else {}
        if name == "startswith" and receiver.taints:
            return self._starts(receiver, first, holds)
        if name == "is_relative_to" and receiver.taints:
            return self.subject(receiver, _PATH) if holds else {}
        if name in {"fullmatch", "match"} and "re.compile" in receiver.symbol:
            rules = sanitizers.pattern_check(receiver.prefix or None, name == "fullmatch")
            return self.subject(first, _of_pattern(rules, receiver.prefix)) if holds else {}
        if name in {"get", "__contains__", "count", "issubset"} and first.taints and not receiver.taints:
            if name == "__contains__" and holds:
                return self.subject(first, self._against(receiver))
            return None
        return None

    def _starts(self, receiver: Value, first: Value, holds: bool) -> Cleared:
        known = list(first.constants or ())
        for address in first.references:
            known += [item.constants[0] for item in self.thing(address).items.values() if item.constants]
        texts = [item for item in known if isinstance(item, str)]
        if not holds:
            if any(text == "//" or text.startswith(("/\\", "http")) for text in texts):
                return self.subject(receiver, frozenset({"open-redirect"}))
            return {}
        if _RESOLVED.search(receiver.symbol):
            return self.subject(receiver, _PATH)
        if texts and all(_FIXED_URL.match(text) for text in texts):
            return self.subject(receiver, _URL)
        if not texts and not self.all_taints(first) and _FIXED_URL.match(first.prefix):
            return self.subject(receiver, _URL)
        return {}

    def _each(
        self, loop: ast.GeneratorExp | ast.ListComp, is_all: bool, holds: bool, recorded: Recorded, depth: int
    ) -> Cleared:
        """`all(c in ALLOWED for c in text)`: what holds for every part holds for the whole."""
        if is_all is not holds or len(loop.generators) != 1 or loop.generators[0].ifs:
            return {}
        whole = recorded.get(loop.generators[0].iter, UNKNOWN)
        parts = self.learned(loop.elt, holds, recorded, depth + 1)
        found: Cleared = {}
        for taint in whole.taints:
            for identity, rules in parts.items():
                if identity.startswith(taint.identity):
                    found[taint.identity] = rules
        return found


def _of_pattern(rules: frozenset[str], pattern: str | None) -> frozenset[str]:
    """An unknown pattern is believed, as long as nothing is to be said for the value."""
    return rules if pattern else rules | {GUESSED}


def _union(parts: list[Cleared]) -> Cleared:
    found: Cleared = {}
    for part in parts:
        for identity, rules in part.items():
            found[identity] = found.get(identity, frozenset()) | rules
    return found


def _callee(node: ast.Call) -> str:
    return (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )


def _text(value: Value) -> str | None:
    first = value.constants[0] if value.constants and len(value.constants) == 1 else None
    return first if isinstance(first, str) else None
