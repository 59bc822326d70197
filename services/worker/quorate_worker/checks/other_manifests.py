"""Requirements in the manifests of Go, Rust and Ruby, in Dockerfiles and in GitHub's workflows."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from quorate_worker.checks.python_manifests import from_fields
from quorate_worker.checks.requirement import MAX_SPEC, Pin, Requirement, is_any
from quorate_worker.checks.toml_document import parse_toml

Lines = Iterable[tuple[int, str]]

_LONGEST = 1_000
_GO_REQUIRE = re.compile(
    r"(?:require\s+)?([\w.~-]{1,100}(?:/[\w.~-]{1,100}){0,12})\s+(v[0-9][\w.+-]{0,100})(?:\s*//.*)?"
)
_GO_REPLACE = re.compile(
    r"(?:replace\s+)?([\w.~/-]{1,300})(?:\s+v[\w.+-]{1,100})?\s+=>\s+(\S{1,300})(?:\s+(v\S{1,100}))?(?:\s*//.*)?"
)
_GO_SUM = re.compile(r"([\w.~/-]{1,300}) (v[\w.+-]{1,100}) h1:\S{1,100}")
_GEM = re.compile(r"\s*+gem\s*+\(?\s*+[\"']([\w.-]{1,100})[\"']")
_GEM_SPEC = re.compile(r",\s{0,8}[\"']([^\"'\n]{1,100})[\"']")
_GEM_OPTION = re.compile(r"[:\s](git|github|path|branch|tag|ref)(?::|\s{0,4}=>)\s{0,4}[\"']([^\"'\n]{1,200})[\"']")
_GEM_LOCKED = re.compile(r" {4}([\w.-]{1,100}) \(([0-9][\w.-]{0,80})\)")
_FROM = re.compile(
    r"\s*+FROM\s++((?:--\S{1,100}\s++)*+)(\S{1,400})(?:\s++AS\s++(\S{1,100}))?\s*+(?:#.*)?", re.IGNORECASE
)
_USES = re.compile(r"\s*+(?:-\s++)?uses:\s*+[\"']?([^\s\"'#]{1,300})[\"']?\s*+(?:#\s*+(\S{1,60}).*)?")
_LOCK_FIELD = re.compile(r"(name|version|source)\s=\s(.{1,400})")
_REGISTRY = re.compile(r"registry\s=\s\"https?://([^/\"@\s]{1,200})|\"registry\+https?://([^/\"@\s]{1,200})")


def read_go_mod(lines: Lines) -> list[Requirement]:
    """What a go.mod requires; a module that is replaced by a folder has that as its source."""
    found = []
    for number, line in lines:
        text = line.strip()[:_LONGEST]
        if match := _GO_REPLACE.fullmatch(text):
            if match[2].startswith(("./", "../", "/")):
                found.append(Requirement(match[1], match[2], "path", line=number))
            else:
                found.append(
                    Requirement(
                        f"{match[1]} replaced", f"{match[2]} {match[3] or ''}".strip(), pin="exact", line=number
                    )
                )
        elif match := _GO_REQUIRE.fullmatch(text):
            found.append(Requirement(match[1], match[2], pin="exact", line=number))
    return found


def read_go_sum(lines: Lines) -> list[Requirement]:
    """The modules of a go.sum whose content was fetched, not only their go.mod."""
    return [
        Requirement(match[1], match[2], pin="exact")
        for _, text in lines
        if (match := _GO_SUM.fullmatch(text.strip()[:_LONGEST])) and not match[2].endswith("/go.mod")
    ]


def read_cargo(text: str) -> list[Requirement]:
    """The requirements of a Cargo.toml. Raises as ``read_pyproject`` does."""
    document = parse_toml(text)
    tables = [document, document.get("workspace", {}), *document.get("target", {}).values()]
    return [
        requirement
        for table in tables
        for group in ("dependencies", "dev-dependencies", "build-dependencies")
        for requirement in _crates(table.get(group, {}))
    ]


def _crates(table: dict[str, Any]) -> Iterator[Requirement]:
    for name, value in table.items():
        if isinstance(value, dict):
            if value.get("workspace") is True:
                continue
            fields = {key: str(item) for key, item in value.items()}
            if "version" in fields:  # then the path is only for the workspace itself
                fields.pop("path", None)
            requirement = from_fields(name, fields)
        else:
            requirement = Requirement(name, str(value)[:MAX_SPEC])
        if requirement.source != "registry":
            yield requirement
        else:
            pin: Pin = "none" if is_any(requirement.spec) else "exact" if requirement.spec.startswith("=") else "range"
            yield Requirement(name, requirement.spec, pin=pin)


def read_gemfile(lines: Lines) -> list[Requirement]:
    found = []
    for number, line in lines:
        text = line[:_LONGEST]
        if not (match := _GEM.match(text)):
            continue
        options = dict(_GEM_OPTION.findall(text))
        if "github" in options:
            options["git"] = f"https://github.com/{options['github']}"
        if "git" in options or "path" in options:
            found.append(from_fields(match[1], options, number))
            continue
        spec = ", ".join(_GEM_SPEC.findall(text, match.end() - 1))
        pin: Pin = "none" if is_any(spec) else "exact" if spec[0].isdigit() or spec.startswith("= ") else "range"
        found.append(Requirement(match[1], spec, pin=pin, line=number))
    return found


def read_gemfile_lock(lines: Lines) -> list[Requirement]:
    return [
        Requirement(match[1], match[2], pin="exact")
        for _, text in lines
        if (match := _GEM_LOCKED.fullmatch(text[:_LONGEST].rstrip()))
    ]


def read_dockerfile(lines: Lines) -> list[Requirement]:
    """The images that a Dockerfile starts from; its own stages and what a variable names are left out."""
    found = []
    stages = {"scratch"}
    for number, text in lines:
        if not (match := _FROM.fullmatch(text[:_LONGEST].rstrip())):
            continue
        image = match[2]
        if image.lower() not in stages and "$" not in image:
            name, _, digest = image.partition("@")
            slash = name.rfind("/")
            colon = name.find(":", slash + 1)
            tag = name[colon + 1 :] if colon >= 0 else ""
            name = name[:colon] if colon >= 0 else name
            spec = " ".join(part for part in (tag, digest[:19]) if part)
            pin: Pin = "exact" if digest else "none" if tag in ("", "latest") else "range"
            found.append(Requirement(name, spec, pin=pin, line=number))
        if match[3]:
            stages.add(match[3].lower())
    return found


def read_workflow(lines: Lines) -> list[Requirement]:
    """The actions that a workflow uses, with their reference, and the comment that names the version of a commit."""
    found = []
    for number, text in lines:
        match = _USES.fullmatch(text[:_LONGEST].rstrip())
        if match is None or match[1].startswith(("./", "../", "docker://")) or "${" in match[1]:
            continue
        name, _, ref = match[1].partition("@")
        version = match[2] or ""
        spec = f"{ref} {version}" if version.lstrip("v")[:1].isdigit() else ref
        found.append(Requirement(name, spec, pin="exact", line=number))
    return found


def read_toml_lock(lines: Lines) -> list[Requirement]:
    """The packages of a uv.lock, poetry.lock, pdm.lock or Cargo.lock: all are `[[package]]` with plain fields."""
    found: list[Requirement] = []
    fields: dict[str, str] = {}

    def finish() -> None:
        source = fields.get("source", "")
        if "name" in fields and "version" in fields and not any(word in source for word in ("editable", "virtual")):
            registry = _REGISTRY.search(source)
            host = (registry[1] or registry[2]) if registry else ""
            found.append(
                Requirement(fields["name"].strip('"'), fields["version"].strip('"')[:80], pin="exact", host=host)
            )

    top = False  # the fields of the package itself, not those of a table inside of it
    for _, text in lines:
        if text[:1] == "[":
            if text.startswith("[[package]]") or not text.startswith("[package."):
                finish()
                fields = {}
            top = text.startswith("[[package]]")
        elif top and (match := _LOCK_FIELD.match(text[:_LONGEST])):
            fields.setdefault(match[1], match[2])
    finish()
    return found
