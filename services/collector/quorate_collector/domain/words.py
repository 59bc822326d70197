"""What a message says, taken apart: stems of its words, the names of code in it, its numbers, and what it denies."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

MAX_TEXT = 600
"""Characters of a message that are looked at: what it is about stands at its beginning, and work stays bounded."""

_WORD = re.compile(r"[^\W_]+(?:'t\b)?")
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_QUOTED = re.compile(r"`([^`\n]{1,80})`|(?<!\w)[\"']([\w.:/$-]{1,80})[\"'](?!\w)")
_TOKEN = re.compile(r"\w+(?:\.\w+)*(?:\(\))?")
_CODE = re.compile(r"\w\.\w|[^\W_]_|[a-z][A-Z]|\(\)")
_NAMED = re.compile(r"[^\W\d]\w*")
_PLACE = re.compile(r"\blines?\s{1,3}\d{1,9}(?:\s?(?:-|–|to|and|,)\s?\d{1,9}){0,8}", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])\d{1,20}(?:\.\d{1,20})?(?!\w)")
_SUFFIXES = (
    *("ions", "ion", "ingly", "edly", "ments", "ment", "ings"),
    *("ing", "ies", "ied", "ely", "ers", "ed", "es", "er", "ly", "s", "e"),
)
_SHORTEST_STEM = 3
_DENIALS = frozenset(
    {"no", "not", "never", "without", "cannot", "nothing", "none", "neither", "nor", "missing", "lacks", "unused"}
    | {"don't", "doesn't", "didn't", "isn't", "aren't", "wasn't", "weren't", "won't", "can't", "shouldn't", "couldn't"}
)
_COMMON_WORDS = """
    a an the and or but if then else of to in on at by for from with as is are was were be been being it its this that
    these those there here can could may might will would should shall must do does did has have had so than too very
    which who what when where why how all any both each few more most other some such only own same just into over
    under again further once also use used using uses code method function class call called calls line lines file
    value instead
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words of any sentence and of any review: they make two messages alike that have nothing else in common."""


@dataclass(frozen=True)
class Wording:
    """A message, as far as it is looked at."""

    text: str

    @cached_property
    def stems(self) -> Counter[str]:
        """How often each stem occurs. Names are taken apart, since one writes ``user_id`` and another "user id"."""
        return Counter(
            stem(part)
            for word in _WORD.findall(self.text)
            if word.lower() not in _DENIALS
            for part in _PARTS.findall(word)
            if part.lower() not in _COMMON
        )

    @cached_property
    def sequence(self) -> tuple[str, ...]:
        """Every word and number in its order, without case."""
        return tuple(word.lower() for word in _WORD.findall(_PLACE.sub(" ", self.text)))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of code: in backticks or quotes, dotted, written in camel or snake case, or called."""
        found = [one or other for one, other in _QUOTED.findall(self.text)]
        found += [token for token in _TOKEN.findall(self.text) if _CODE.search(token)]
        return frozenset(name.casefold() for text in found for name in _NAMED.findall(text))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers that are no part of a name and tell no line."""
        return frozenset(_NUMBER.findall(_PLACE.sub(" ", self.text)))

    @cached_property
    def plain(self) -> frozenset[str]:
        """Words that are neither common nor names nor numbers, nor deny anything."""
        return frozenset(self.sequence) - self.names - self.numbers - _DENIALS - _COMMON

    @cached_property
    def denies(self) -> bool:
        """Whether an odd number of its words deny."""
        return sum(word in _DENIALS for word in self.sequence) % 2 == 1


def wording(message: str) -> Wording:
    return Wording(message[:MAX_TEXT])


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without case and one ending of English; crude, for only equality of stems counts."""
    word = word.lower()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] else word
