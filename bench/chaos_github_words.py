"""What the pull requests of a chaos run say, and what must be found in it. Pure."""

import random
import re
from collections.abc import Mapping

Tree = dict[str, str]
"""The files that a pull request lays over its base: path to text."""

Place = tuple[str, str]
"""A path, and the word that is reported there."""

PATHS = ("a.py", "b.py")

_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "xu", "za")
_BAD = re.compile(r"^BAD (\w+)$", re.MULTILINE)
_ODD = re.compile(r"^ODD (\w+)$", re.MULTILINE)


def bad(tree: Mapping[str, str]) -> set[Place]:
    """What two agents agree on, so that it is confirmed."""
    return {(path, word) for path, text in tree.items() for word in _BAD.findall(text)}


def odd(tree: Mapping[str, str]) -> set[Place]:
    """What one agent alone reports, so that it is demoted."""
    return {(path, word) for path, text in tree.items() for word in _ODD.findall(text)}


def said(sort: str, word: str) -> str:
    """The message of a finding."""
    return f"{sort}: `{word}`"


def word_of(text: str) -> str | None:
    """The word that a comment is on."""
    found = re.search(r"\b(?:bad|odd): `(\w+)`", text)
    return found[1] if found else None


def first_tree(chance: random.Random) -> Tree:
    """Two files, with two to six words that are bad and up to two that are odd."""
    words = _words(chance, 8)
    lines: dict[str, list[str]] = {
        path: [f"{path[0]}_{number} = {number}" for number in range(chance.randint(3, 12))] for path in PATHS
    }
    for sort, count in (("BAD", chance.randint(2, 6)), ("ODD", chance.randint(0, 2))):
        for _ in range(count):
            place = lines[chance.choice(PATHS)]
            place.insert(chance.randint(0, len(place)), f"{sort} {words.pop()}")
    return {path: "".join(f"{line}\n" for line in each) for path, each in lines.items()}


def next_tree(chance: random.Random, before: Tree, keep: str | None) -> Tree:
    """One bad word is mended, all lines move, and one is new; for a fifth, all is mended. ``keep`` stays."""
    places = sorted(place for place in bad(before) if place[1] != keep)
    clean = keep is None and chance.random() < 0.2
    mended = {word for _, word in (places if clean else chance.sample(places, 1))}
    after = {}
    for path, text in before.items():
        moved = [f"top_{number} = {number}" for number in range(chance.randint(1, 3))]
        after[path] = "".join(f"{line}\n" for line in (*moved, *_mended(text.splitlines(), mended, clean)))
    if not clean:
        new = next(word for word in _words(chance, 20) if word not in "".join(before.values()))
        after[chance.choice(PATHS)] += f"BAD {new}\n"
    return after


def _mended(lines: list[str], words: set[str], clean: bool) -> list[str]:
    kept = []
    for number, line in enumerate(lines):
        sort, _, word = line.partition(" ")
        gone = word in words or (clean and sort == "ODD")
        kept.append(f"good_{number} = {number}" if gone else line)
    return kept


def _words(chance: random.Random, count: int) -> list[str]:
    """Words without a syllable in common at the same place are as unlike as words can be."""
    columns = [chance.sample(_SYLLABLES, len(_SYLLABLES)) for _ in range(4)]
    return ["".join(column[number % len(column)] for column in columns) + f"{number}x" for number in range(count)]
