"""Requirements in package.json and in the locks of npm, Yarn and pnpm."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from quorate_worker.checks.names import names
from quorate_worker.checks.requirement import MAX_SPEC, Requirement, is_any

Lines = Iterable[tuple[int, str]]

INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")

_GROUPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_PAIR = re.compile(r"\s{0,20}\"(@?[A-Za-z0-9][\w.@/-]{0,200})\"\s{0,8}:\s{0,8}\"([^\"\n]{0,300})\",?\s{0,8}")
_LOOKS_LIKE_SPEC = re.compile(
    r"[\^~<>=]{0,2}\s?v?[0-9]+(?:\.|$)|\*$|latest$|(?:git|github:|file:|https?:|npm:|workspace:)"
)
_NO_PACKAGE = names(
    """
    name version description main module types license homepage url node npm yarn pnpm engine packageManager
    author resolved integrity
    """
)
_EXACT = re.compile(r"[v=]{0,2}[0-9]+\.[0-9]+\.[0-9]+[\w.+-]{0,60}")
_SHORTHAND = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}(?:#.{0,100})?")
_YARN_HEAD = re.compile(r"\"?(@?[^@\s\"]{1,200})@.{0,5000}:\s{0,4}")
_YARN_VERSION = re.compile(r"\s{2}version:?\s+\"?([^\"\s]{1,80})")
_YARN_RESOLVED = re.compile(r"\s{2}resolved\s+\"(https?://[^/\"\s]{1,200})")
_PNPM_HEAD = re.compile(
    r"\s{2}['\"]?/?(@?[\w./-]{1,200}?)[@/]([0-9][\w.+-]{0,80})(?:\(.{0,2000}\)|_.{0,2000})?['\"]?:\s{0,4}(?:\{\})?"
)


def read_package_json(text: str) -> list[Requirement]:
    """The requirements of a package.json. Raises ValueError or RecursionError for what is not JSON, or no object."""
    document = _object(json.loads(text))
    return [
        _of(name, str(spec), free=group == "peerDependencies")
        for group in _GROUPS
        for name, spec in _object(document.get(group, {})).items()
    ]


def install_scripts(text: str) -> dict[str, str]:
    """Commands that an installation runs. Raises as ``read_package_json`` does."""
    scripts = _object(_object(json.loads(text)).get("scripts", {}))
    return {name: str(scripts[name]) for name in INSTALL_SCRIPTS if name in scripts}


def read_package_lines(lines: Lines) -> list[Requirement]:
    """What can be told of a package.json without its context: pairs whose value looks like a version."""
    found = []
    for number, text in lines:
        pair = _PAIR.fullmatch(text[:800])
        if pair and pair[1] not in _NO_PACKAGE and _LOOKS_LIKE_SPEC.match(pair[2]):
            found.append(_of(pair[1], pair[2], line=number))
    return found


def read_package_lock(text: str) -> list[Requirement]:
    """Every installed package of a package-lock.json of any version. Raises as ``read_package_json`` does."""
    document = _object(json.loads(text))
    found = []
    for place, entry in _object(document.get("packages", {})).items():
        if "node_modules/" in place and isinstance(entry, dict) and not entry.get("link"):
            found.append(_locked(place.rpartition("node_modules/")[2], entry))
    if not found:
        found.extend(_nested(document.get("dependencies", {})))
    return found


def _nested(top: Any) -> Iterator[Requirement]:
    """Lock version 1: dependencies inside of dependencies, as deep as the file says."""
    waiting = [top]
    while waiting:
        for name, entry in _object(waiting.pop()).items():
            if isinstance(entry, dict):
                yield _locked(name, entry)
                if "dependencies" in entry:
                    waiting.append(entry["dependencies"])


def _locked(name: str, entry: dict[str, Any]) -> Requirement:
    script = entry.get("hasInstallScript") is True
    return Requirement(
        name,
        str(entry.get("version", ""))[:80],
        pin="exact",
        host=host_of(str(entry.get("resolved", ""))),
        script=script,
    )


def read_yarn_lock(lines: Lines) -> list[Requirement]:
    """Every package of a yarn.lock, of Yarn 1 or later."""
    found: list[Requirement] = []
    name = version = host = ""
    for _, text in lines:
        if text[:1] not in ("", " ", "#"):
            if name and version:
                found.append(Requirement(name, version, pin="exact", host=host))
            head = _YARN_HEAD.fullmatch(text[:6_000])
            name, version, host = head[1] if head and "@workspace:" not in text else "", "", ""
        elif match := _YARN_VERSION.match(text[:400]):
            version = match[1]
        elif match := _YARN_RESOLVED.match(text[:400]):
            host = host_of(match[1])
    if name and version:
        found.append(Requirement(name, version, pin="exact", host=host))
    return found


def read_pnpm_lock(lines: Lines) -> list[Requirement]:
    """Every package of a pnpm-lock.yaml: the keys below `packages:`."""
    inside = False
    found = []
    for _, text in lines:
        if text[:1] not in ("", " ", "#"):
            inside = text.rstrip() == "packages:"
        elif inside and text[2:3] != " " and (head := _PNPM_HEAD.fullmatch(text[:2_400].rstrip())):
            found.append(Requirement(head[1], head[2], pin="exact"))
    return found


def host_of(address: str) -> str:
    """The host of an address of the web, without user and password; empty for anything else."""
    try:
        parts = urlsplit(address[:500])
        return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _of(name: str, spec: str, line: int | None = None, *, free: bool = False) -> Requirement:
    spec = spec.strip()[:MAX_SPEC]
    if spec.startswith(("git", "bitbucket:", "ssh:")) or ".git#" in spec or _SHORTHAND.fullmatch(spec):
        place, _, ref = spec.partition("#")
        return Requirement(name, f"{ref.removeprefix('semver:')} {place}".strip(), "git", line=line)
    if spec.startswith(("http://", "https://")):
        return Requirement(name, spec, "url", line=line)
    if spec.startswith(("file:", "link:", "portal:", "./", "../", "/")):
        return Requirement(name, spec, "path", line=line)
    if spec.startswith(("workspace:", "catalog:")):
        return Requirement(name, spec, pin="range", line=line, free=True)
    if spec.startswith("npm:"):
        bare = spec.rpartition("@")[2]
        return Requirement(name, spec, pin="exact" if _EXACT.fullmatch(bare) else "range", line=line)
    pin = "none" if is_any(spec) else "exact" if _EXACT.fullmatch(spec) else "range"
    return Requirement(name, spec, pin=pin, line=line, free=free)  # type: ignore[arg-type]  # a literal each


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
