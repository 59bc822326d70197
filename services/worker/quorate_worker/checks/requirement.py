"""A requirement: one thing that a manifest or a lock names, and in which version."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from packaging.version import InvalidVersion, Version

Source = Literal["registry", "git", "url", "path"]
Pin = Literal["none", "range", "exact"]

MAX_SPEC = 300
"""Longest specification in characters: what is longer is no version, and is cut."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT_COMMIT = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{7,40}")
_TAG = re.compile(r"(?:[\w.-]{0,40}[-_/])?[vV]?[0-9]+(?:[.\w-]{0,60})")
_USER = re.compile(r"://[^/\s]*@")  # in an address, before the host
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CLAUSE = re.compile(r"[,\s|]+")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
_LOWER = re.compile(r"(?:===?|>=|~=|~>|\^|~|=|>|v|V|@)*")
_ANY = frozenset({"", "*", "x", "latest", "next", ">=0", ">=0.0.0", "any"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """``name`` is in the ecosystem's own spelling, made comparable; ``spec`` what is asked of its version, as written.

    ``line`` is where an added line names it, if known. ``host`` is where a lock fetches it. ``pin`` says how much the
    version is tied down. ``free`` ones are left free on purpose, as peer dependencies are. ``script`` says that a lock
    knows of code that runs at its installation.
    """

    name: str
    spec: str = ""
    source: Source = "registry"
    pin: Pin = "none"
    line: int | None = None
    host: str = ""
    free: bool = False
    script: bool = False

    @property
    def shown(self) -> str:
        """Name and version, short enough for a list."""
        return f"{short(self.name)} {short(self.spec)}".rstrip()


def short(text: str) -> str:
    """A commit as its first characters, anything else cut when it is long; without passwords and control characters."""
    text = _CONTROL.sub(" ", _USER.sub("://", text))
    commit, _, rest = text.partition(" ")
    if _COMMIT.fullmatch(commit):
        text = f"{commit[:9]} {rest}".rstrip()
    return text if len(text) <= 60 else text[:57] + "…"


def is_commit(ref: str) -> bool:
    """Whether the reference is a whole commit, which nobody can move."""
    return bool(_COMMIT.fullmatch(ref))


def is_branch(ref: str) -> bool:
    """Whether a git reference is neither a commit nor, by its looks, a tag of a version."""
    return not is_commit(ref) and not (len(ref) <= 100 and _TAG.fullmatch(ref))


def is_any(spec: str) -> bool:
    """Whether a specification allows every version."""
    return spec.replace(" ", "").lower() in _ANY


@lru_cache(maxsize=4096)
def lowest_version(spec: str) -> Version | None:
    """The first version that a specification allows or names; None if it names none that can be compared."""
    for clause in _CLAUSE.split(spec[:MAX_SPEC]):
        if is_commit(clause) or _SHORT_COMMIT.fullmatch(clause):
            continue
        bare = clause[_LOWER.match(clause).end() :]  # type: ignore[union-attr]  # it matches the empty text too
        if not (number := _NUMBER.match(bare)):
            continue
        for text in (bare, number[0]):
            try:
                return Version(text[:80])
            except InvalidVersion:
                continue
    return None


def by_name(requirements: Iterable[Requirement]) -> dict[str, Requirement]:
    """One entry per name: what is named more than once, for groups or platforms, has all its versions."""
    found: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        found.setdefault(requirement.name, []).append(requirement)
    merged: dict[str, Requirement] = {}
    for name, same in found.items():
        specs = sorted({requirement.spec for requirement in same if requirement.spec})[:8]
        # The riskiest source speaks for all of them.
        speaker = max(same, key=lambda requirement: ("registry", "path", "git", "url").index(requirement.source))
        merged[name] = replace(
            speaker,
            spec=" | ".join(specs)[:MAX_SPEC] if speaker.source == "registry" else speaker.spec,
            script=any(requirement.script for requirement in same),
            free=all(requirement.free for requirement in same),
        )
    return merged


@dataclass(frozen=True, slots=True)
class Difference:
    """What happened to the requirements of one file."""

    added: tuple[Requirement, ...]
    removed: tuple[Requirement, ...]
    changed: tuple[tuple[Requirement, Requirement], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @property
    def new(self) -> tuple[Requirement, ...]:
        """Requirements that are new, or say something new."""
        return self.added + tuple(after for _, after in self.changed)


def compare(before: Mapping[str, Requirement], after: Mapping[str, Requirement]) -> Difference:
    def said(requirement: Requirement) -> tuple[str, str]:
        return requirement.spec, requirement.source

    return Difference(
        added=tuple(after[name] for name in after if name not in before),
        removed=tuple(before[name] for name in before if name not in after),
        changed=tuple(
            (before[name], after[name]) for name in after if name in before and said(before[name]) != said(after[name])
        ),
    )


def direction(before: Requirement, after: Requirement) -> Literal["upgraded", "downgraded", "changed"]:
    """By the lowest versions that both allow; ``changed`` if they are the same or cannot be compared."""
    if before.source != after.source or "|" in before.spec + after.spec:
        return "changed"
    old, new = lowest_version(before.spec), lowest_version(after.spec)
    if old is None or new is None or old == new:
        return "changed"
    return "upgraded" if new > old else "downgraded"
