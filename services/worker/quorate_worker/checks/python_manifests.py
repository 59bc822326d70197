"""Requirements in Python's manifests: requirements files, pyproject.toml, setup.py, setup.cfg and Pipfile."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Written
from packaging.utils import canonicalize_name

from quorate_worker.checks.names import names
from quorate_worker.checks.requirement import MAX_SPEC, Pin, Requirement, Source, is_any
from quorate_worker.checks.toml_document import parse_toml

Lines = Iterable[tuple[int, str]]

_LONGEST = 1_000
_PLAIN = re.compile(
    r"([A-Za-z0-9](?:[\w.-]{0,100}[A-Za-z0-9])?)\s{0,4}"
    r"((?:[<>=!~]=?=?\s?[0-9][\w.+!*-]{0,40}(?:,\s?[<>=!~]=?=?\s?[0-9][\w.+!*-]{0,40}){0,9})?)"
)
_EDITABLE = re.compile(r"\s*+(?:-e|--editable)[\s=]\s*+")
_HASHES = re.compile(r"\s--[a-z]|\s#|\s\\")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]{1,100})")
_QUOTED = re.compile(r"\"([^\"\n]{1,300})\"|'([^'\n]{1,300})'")
_KEYED = re.compile(r"\s{0,8}\"?([A-Za-z0-9][A-Za-z0-9._-]{0,100})\"?\s{0,20}=\s{0,20}(.{1,300})")
_TABLE_FIELD = re.compile(r"\b(version|git|branch|rev|tag|path|url)\s{0,4}=\s{0,4}[\"']([^\"'\n]{0,300})[\"']")
_LOOKS_LIKE_SPEC = re.compile(r"[\^~<>=*]|[0-9]+(?:\.[0-9*]+)+")
_NO_PACKAGE = names(
    """
    version python requires-python python_requires python_version target-version python-version line-length
    name description minversion current_version fail_under rust-version edition resolver
    """
)


def read_requirements(lines: Lines) -> list[Requirement]:
    """A requirements file, line by line. Options and included files are no requirements."""
    found = []
    for number, line in lines:
        editable = _EDITABLE.match(line)
        text = line[editable.end() if editable else 0 :][:_LONGEST].strip()
        if not text or text[0] in "#-":
            continue
        if requirement := from_text(text, number):
            found.append(requirement)
    return found


def from_text(text: str, line: int | None = None) -> Requirement | None:
    """A requirement as pip reads it: `name[extra]>=1; marker`, `name @ url`, a bare address or a path."""
    if cut := _HASHES.search(text):
        text = text[: cut.start()]
    text = text.strip()
    if text.startswith(("git+", "http://", "https://", "file:", "./", "../", "/", "hg+", "svn+")):
        egg = _EGG.search(text)
        name = egg[1] if egg else _last_part(text)
        return _fetched(canonicalize_name(name) or "?", text, line)
    if plain := _PLAIN.fullmatch(text):  # most are, and this takes a tenth of the time
        spec = ",".join(sorted(part.strip() for part in plain[2].split(",")))
        return Requirement(canonicalize_name(plain[1]), spec, pin=_pin(spec), line=line)
    try:
        written = Written(text)
    except (InvalidRequirement, RecursionError):  # a thousand parentheses
        return None
    name = canonicalize_name(written.name)
    if written.url:
        return _fetched(name, written.url, line)
    spec = str(written.specifier)[:MAX_SPEC]
    return Requirement(name, spec, pin=_pin(spec), line=line)


def read_pyproject(text: str) -> list[Requirement]:
    """The requirements of a pyproject.toml: the project's, its groups', its build's, Poetry's and uv's sources.

    Raises ValueError or RecursionError for what is not TOML, TypeError or AttributeError for other shapes.
    """
    document = parse_toml(text)
    project = document.get("project", {})
    lists = [project.get("dependencies", []), document.get("build-system", {}).get("requires", [])]
    lists += project.get("optional-dependencies", {}).values()
    lists += document.get("dependency-groups", {}).values()
    found = [item for texts in lists for text in texts if isinstance(text, str) and (item := from_text(text))]
    tool = document.get("tool", {})
    poetry = tool.get("poetry", {})
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    tables += [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    for table in [*tables, tool.get("uv", {}).get("sources", {})]:
        found.extend(_from_table(table))
    return found


def read_pipfile(text: str) -> list[Requirement]:
    """The requirements of a Pipfile. Raises as ``read_pyproject`` does."""
    document = parse_toml(text)
    return [*_from_table(document.get("packages", {})), *_from_table(document.get("dev-packages", {}))]


def read_pipfile_lock(text: str) -> list[Requirement]:
    """The packages of a Pipfile.lock. Raises ValueError, RecursionError or AttributeError if it is none."""
    document = json.loads(text)
    return [
        Requirement(canonicalize_name(name), str(entry.get("version", ""))[:80], pin="exact")
        for group in ("default", "develop")
        for name, entry in document.get(group, {}).items()
    ]


def _from_table(table: dict[str, Any]) -> Iterator[Requirement]:
    for name, written in table.items():
        if canonicalize_name(name) == "python":
            continue
        value = written
        if isinstance(written, list):
            value = written[0] if written else "*"
        if isinstance(value, dict):
            if "workspace" in value or ("index" in value and not set(value) & {"version", "git", "url", "path"}):
                continue
            yield from_fields(canonicalize_name(name), {key: str(item) for key, item in value.items()})
        else:
            yield Requirement(canonicalize_name(name), str(value)[:MAX_SPEC], pin=_pin(str(value)))


def from_fields(name: str, fields: dict[str, str], line: int | None = None) -> Requirement:
    """A requirement written as a table of version, git with branch, tag or rev, path, or an address."""
    if "git" in fields:
        ref = next((fields[key] for key in ("rev", "tag", "ref", "branch") if key in fields), "")
        return Requirement(name, f"{ref} {fields['git']}".strip()[:MAX_SPEC], "git", line=line)
    if address := fields.get("url") or fields.get("file", ""):
        return _fetched(name, address, line)
    if "path" in fields:
        return Requirement(name, fields["path"][:MAX_SPEC], "path", line=line)
    spec = fields.get("version", "")[:MAX_SPEC]
    return Requirement(name, spec, pin=_pin(spec), line=line)


def read_setup(lines: Lines) -> list[Requirement]:
    """Quoted requirements with a version in setup.py and such; and bare ones, indented, as in setup.cfg."""
    found = []
    for number, line in lines:
        text = line[:_LONGEST]
        stripped = text.strip().rstrip(",")
        quoted = [one or two for one, two in _QUOTED.findall(text)] if stripped[:1] in ("'", '"', "[") else []
        if not quoted and text[:1] in (" ", "\t") and "=" in stripped and stripped[:1].isalnum():
            quoted = [stripped]
        for candidate in quoted:
            # Addresses in such files are mostly those of home pages.
            requirement = (
                from_text(candidate, number) if candidate[:1].isalnum() and "://" not in candidate[:8] else None
            )
            if requirement and (requirement.spec or requirement.source != "registry"):
                found.append(requirement)
    return found


def read_toml_lines(lines: Lines) -> list[Requirement]:
    """What can be told of a TOML manifest without its context: `"name>=1",` and `name = "^1"` and `name = {…}`."""
    found = []
    for number, line in lines:
        text = line[:_LONGEST]
        keyed = _KEYED.fullmatch(text.rstrip())
        if keyed is None:
            found.extend(read_setup([(number, text)]))
            continue
        name, value = keyed[1], keyed[2]
        if name.lower() in _NO_PACKAGE:
            continue
        if value.startswith("{"):
            fields = dict(_TABLE_FIELD.findall(value))
            if fields:
                found.append(from_fields(canonicalize_name(name), fields, number))
        elif (spec := value.strip("\"' ")) and value[0] in "\"'" and _LOOKS_LIKE_SPEC.match(spec):
            found.append(Requirement(canonicalize_name(name), spec, pin=_pin(spec), line=number))
    return found


def _fetched(name: str, address: str, line: int | None) -> Requirement:
    if address.startswith(("git+", "hg+", "svn+")) or address.endswith(".git"):
        address = address.partition("#")[0]
        host = address.find("/", address.find("://") + 3)  # an @ before its end parts it from a user
        path, _, ref = address[host:].partition("@") if host >= 0 else ("", "", "")
        place = address[:host] + path if host >= 0 else address
        return Requirement(name, f"{ref} {place}".strip()[:MAX_SPEC], "git", line=line)
    source: Source = "url" if address.startswith(("http://", "https://")) else "path"
    return Requirement(name, address[:MAX_SPEC], source, line=line)


def _last_part(address: str) -> str:
    try:
        path = urlsplit(address).path
    except ValueError:
        return "?"
    name = path.rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(".git")
    return re.split(r"-[0-9]", name, maxsplit=1)[0][:100]


def _pin(spec: str) -> Pin:
    if is_any(spec):
        return "none"
    return "exact" if spec.startswith("==") and "*" not in spec and "," not in spec else "range"
