"""Classes that a decorator makes anew: what they take and have then is in no line of them."""

import re
from collections.abc import Iterable

# Those of the standard library that leave a class what it is, or that type checkers know.
_KNOWN = re.compile(
    r"@\s*(?:dataclasses\.)?dataclass\b|@\s*(?:typing\.|typing_extensions\.|t\.)?(?:final|runtime_checkable)\b"
    r"|@\s*(?:functools\.)?total_ordering\b|@\s*(?:enum\.)?unique\b"
    r"|@\s*(?:unittest\.|(?:unittest\.)?mock\.|pytest\.|patch\b|skip)"
)
_CLASS = re.compile(r"class\s+(\w+)\s*(?:\(([^)]*))?")
_NAME = re.compile(r"\w+")


def remade_classes(texts: Iterable[str]) -> frozenset[str]:
    """The names of classes below a decorator that is not known, and of those that are derived from them below."""
    remade: set[str] = set()
    for text in texts:
        waiting = False
        for line in text.split("\n"):
            head = line.lstrip()
            if head.startswith("@"):
                waiting = waiting or not _KNOWN.match(head)
            elif match := _CLASS.match(head):
                if waiting or not remade.isdisjoint(_NAME.findall(match[2] or "")):
                    remade.add(match[1])
                waiting = False
            elif head.startswith(("def ", "async def ")):
                waiting = False
    return frozenset(remade)
