"""The agent `mypy`: calls, attributes and values in Python that do not fit together, in all files at once."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from quorate.contract.finding import Finding
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import Left, countdown, deafened, dismissed
from quorate_worker.adapters.expected_errors import is_expected_to_fail
from quorate_worker.adapters.module_names import module_files
from quorate_worker.adapters.process import ToolFailed, run_tool
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.remade import remade_classes
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace, workspace
from quorate_worker.checks.path_kind import in_tests

# Left out: what asks for annotations instead of telling of a defect, and what is about modules that did not come.
_DISABLED = (
    "annotation-unchecked",
    "empty-body",
    "has-type",
    "import",
    "import-not-found",
    "import-untyped",
    "method-assign",
    "no-redef",
    "no-untyped-def",
    "overload-cannot-match",
    "overload-overlap",
    "type-arg",
    "type-var",
    "valid-type",
    "var-annotated",
)
_ENABLED = ("possibly-undefined", "unused-awaitable")

_FLAGS = (
    "--python-version=3.14",  # the newest that the tool knows: older code is valid there
    "--output=json",
    "--no-error-summary",
    "--no-site-packages",
    "--ignore-missing-imports",
    "--explicit-package-bases",
    "--namespace-packages",
    "--check-untyped-defs",
    "--implicit-optional",
    "--strict-equality",
    *(f"--disable-error-code={code}" for code in _DISABLED),
    *(f"--enable-error-code={code}" for code in _ENABLED),
)

RULES: dict[str, Rule] = {
    "": Rule("types", "medium", 0.7),
    "syntax": Rule("bug", "high", 0.9),
    "arg-type": Rule("types", "medium", 0.75),
    "assignment": Rule("types", "low", 0.6),
    "attr-defined": Rule("bug", "medium", 0.75, 628),
    "call-arg": Rule("bug", "high", 0.85, 628),
    "call-overload": Rule("types", "medium", 0.75),
    "comparison-overlap": Rule("bug", "medium", 0.7, 697),
    "func-returns-value": Rule("bug", "medium", 0.8),
    "misc": Rule("bug", "medium", 0.7),
    "name-defined": Rule("bug", "high", 0.8, 457),
    "override": Rule("types", "low", 0.6),
    "possibly-undefined": Rule("bug", "low", 0.5, 457),
    "return": Rule("bug", "low", 0.6, 394),
    "return-value": Rule("types", "medium", 0.8),
    "str-format": Rule("bug", "medium", 0.85, 628),
    "union-attr": Rule("types", "low", 0.6, 476),
    "unused-awaitable": Rule("bug", "high", 0.8),
    "unused-coroutine": Rule("bug", "high", 0.9),
    "used-before-def": Rule("bug", "high", 0.85, 457),
}

# In functions without annotations mypy guesses the types from the first use, and is often wrong with the next.
_CERTAIN = frozenset(
    {
        "call-arg",
        "func-returns-value",
        "name-defined",
        "possibly-undefined",
        "str-format",
        "unused-awaitable",
        "unused-coroutine",
        "used-before-def",
    }
)
_DID_YOU_MEAN = re.compile(r'^"(?:str|bytes|int|float|list|dict|set|tuple)\b.* has no attribute .*; maybe ')
# A package may have modules that did not come with the change.
_OF_PACKAGE = re.compile(r'^Module (?:"(?P<module>[\w.]+)" )?(?:has no|does not explicitly export) attribute')
# What a module that did not come with the change would have defined, what mypy takes for an `object` because it is
# mixed, and the cell `__class__`, which it does not know; and of the rule for all else, what is a defect.
_UNKNOWN = re.compile(
    r'^Name "\w+\.[\w.]+" is not defined|^(?:object\?|"object") has no attribute|^Too (?:few|many) arguments$'
    r'|<typing special form>|^Name "__class__" is not defined|type "object" is not|has incompatible type "object"'
    r'|^Unsupported (?:left )?operand types? .*"object"'
)
# Whether a value can be None where it is used is seldom known of code that is not checked for it.
_MAY_BE_NONE = re.compile(r'(?:type|got) "(?P<given>[^"]*\| None\b[^"]*)".*?(?:expected|has type) "(?P<wanted>[^"]*)"')
_OF_CLASS = re.compile(r'^(?:Too many|Too few|Missing|Unexpected) .*"(?P<name>\w+)"$')
_ATTRIBUTE = re.compile(r'^"(?P<owner>[\w.]+)" has no attribute "(?P<name>\w+)"')
_SETS_BY_NAME = re.compile(r"\b__slots__\b|\bsetattr\b")
_IS_NONE = re.compile(r"\bis (?:not )?None\b|\bassertIs(?:Not)?None\(|== None\b")
_UNPACKED = re.compile(r"values? to unpack")
_PLACE = re.compile(r"\b(?:on|from|at) line \d+")

_COMMENT = re.compile(r"#[^\n]*")
_DIRECTIVE = re.compile(r"\btype(?=\s*:\s*ignore)|\bmypy(?=\s*:)")
_NO_CHECK = re.compile(r"\bno_type_check(?=\b)")
_MUTED = "no_type_chec_"

_DEF = re.compile(r"(?P<indent>[ \t]*)(?:async[ \t]+)?def\b")
_ANNOTATED = re.compile(r"->|[(,]\s*\*{0,2}\w+\s*:")
_MAX_SIGNATURE = 40
_MAX_ROUNDS = 20
_MAX_ALONE = 50
_KEPT_VERSIONS = 3

_WARMED = """\
import abc, argparse, ast, asyncio, base64, collections, collections.abc, contextlib, copy, csv, dataclasses, datetime
import decimal, enum, functools, hashlib, heapq, hmac, html, http, http.client, http.server, importlib, inspect, io
import itertools, json, logging, math, multiprocessing, operator, os, os.path, pathlib, pickle, platform, queue, random
import re, secrets, shlex, shutil, signal, socket, sqlite3, ssl, statistics, string, struct, subprocess, sys, tempfile
import textwrap, threading, time, traceback, types, typing, unittest, unittest.mock, urllib.error, urllib.parse
import urllib.request, uuid, warnings, weakref, xml.etree.ElementTree, zipfile, zoneinfo
import concurrent.futures, importlib.metadata, logging.handlers, tomllib, typing_extensions
"""


@dataclass(frozen=True)
class TypeCheck:
    """Runs mypy over the change, and over what it was before. ``folder`` keeps what mypy knows of the standard
    library, by which its start is several times as fast; no run over reviewed code writes there."""

    folder: Path | None = None

    async def __call__(self, space: Workspace, timeout_s: float) -> Analysis:
        left = countdown(timeout_s)
        run = _Run(space, left, await self._warmed(space, left), module_files(space.files, space.before))
        deaf = {path: _deafened(text) for path, text in space.files.items()}
        done = await run.over(deaf, "deaf")
        if space.before:
            old = await run.over(deaf | {path: _deafened(text) for path, text in space.before.items()}, "old")
            done.findings = mark_new(done.findings, old.findings)
        if any(deaf[path] != text for path, text in space.files.items()):
            heard = await run.over({path: text for path, text in space.files.items() if path not in done.unread}, "own")
            done.findings = dismissed(done.findings, heard.findings, "type: ignore")
        return done

    async def _warmed(self, space: Workspace, left: Left) -> Path | None:
        """A folder with a cache of the standard library; None if there cannot be one."""
        known = (*space.program, *_FLAGS, _WARMED, _version())
        name = hashlib.sha256("\0".join(known).encode()).hexdigest()[:16]
        folder = (self.folder or _default_folder()) / f"mypy-{name}"
        if folder.is_dir():
            return folder
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(prefix=".mypy-", dir=folder.parent))
        except OSError:
            return None
        try:
            async with workspace({"warm.py": _WARMED}, program=space.program) as warm:
                output = await warm.run(_argv(warm, making, ["warm.py"]), left(), name="mypy")
            if output.code == 0:
                with suppress(OSError):  # another process was faster
                    await asyncio.to_thread(making.rename, folder)
                await asyncio.to_thread(_forget, folder.parent)
        finally:
            await asyncio.to_thread(shutil.rmtree, making, True)
        return folder if folder.is_dir() else None


def _forget(folder: Path) -> None:
    """Remove what other versions left, but for the latest."""
    with suppress(OSError):
        kept = sorted(folder.glob("mypy-*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for old in kept[_KEPT_VERSIONS:]:
            shutil.rmtree(old, ignore_errors=True)


def mark_new(new: Iterable[Finding], old: Iterable[Finding]) -> list[Finding]:
    """The new findings; ``indirect`` are those that the old code does not have as often, wherever they are."""
    before = Counter(_identity(finding) for finding in old)
    marked = []
    for finding in new:
        key = _identity(finding)
        before[key] -= 1
        marked.append(finding if before[key] >= 0 else finding.model_copy(update={"indirect": True}))
    return marked


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.path, finding.rule, _PLACE.sub("", finding.message)


@dataclass(frozen=True)
class _Run:
    space: Workspace
    left: Left
    warmed: Path | None
    places: Mapping[str, str]

    async def over(self, texts: Mapping[str, str], name: str) -> Analysis:
        """Check these texts in a folder of this name. A file that mypy cannot read would hide all others."""
        folder = self.space.home / name
        cache = folder / "cache"
        await asyncio.to_thread(self._write, texts, folder / "code", cache)
        paths = {self.places[path]: path for path in texts}
        places = list(paths)
        done = Analysis()
        for _ in range(_MAX_ROUNDS):
            if not places:
                return done
            try:
                items, stopped = await self._items(folder, places)
            except ToolFailed:
                await self._alone(folder, places, paths, texts, done)
                return done
            if not stopped:
                self._read(items, paths, texts, done)
                return done
            blocked = self._block(items, paths, done)
            if not blocked:
                raise ToolFailed("mypy", "stopped without saying at which file", str(items[:1]).encode())
            places = [place for place in places if place not in blocked]
        done.unread |= {paths[place]: f"too many other files could not be read ({_MAX_ROUNDS})" for place in places}
        return done

    def _write(self, texts: Mapping[str, str], code: Path, cache: Path) -> None:
        for path, text in texts.items():
            file = code / self.places[path]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8", "replace"))
        if self.warmed is not None:
            try:
                shutil.copytree(self.warmed, cache)
            except OSError:  # removed meanwhile: then without
                shutil.rmtree(cache, ignore_errors=True)

    async def _items(self, folder: Path, places: Sequence[str]) -> tuple[list[dict[str, Any]], bool]:
        """What it reports, and whether it stopped at that."""
        names = folder / "files"
        names.write_text("\n".join(places), encoding="utf-8")
        output = await run_tool(
            _argv(self.space, folder / "cache", [f"@{names}"]),
            cwd=folder / "code",
            home=self.space.home,
            timeout_s=self.left(),
            name="mypy",
        )
        try:
            items = [json.loads(line) for line in output.stdout.splitlines() if line.startswith(b"{")]
        except ValueError:
            items = []
        if output.code not in (0, 1, 2) or (output.code and not items):
            raise ToolFailed("mypy", f"ended with code {output.code}", output.stderr or output.stdout)
        return items, output.code == 2

    async def _alone(
        self, folder: Path, places: Sequence[str], paths: Mapping[str, str], texts: Mapping[str, str], done: Analysis
    ) -> None:
        """Each file by itself, after a crash: which one it was does not come out otherwise."""
        failed = 0
        for number, place in enumerate(places):
            path = paths[place]
            if number >= _MAX_ALONE:
                done.unread[path] = "mypy failed over all files together, and there are too many to check each alone"
                continue
            try:
                items, stopped = await self._items(folder, [place])
            except ToolFailed as error:
                done.unread[path] = clean(str(error))
                failed += 1
                if failed == len(places):
                    raise
                continue
            # It follows imports into the other files, which have their own turn.
            own = [item for item in items if item["file"] == place]
            if stopped:
                self._block(own, paths, done)
                done.unread.setdefault(path, "it imports a file that mypy cannot read")
            else:
                self._read(own, paths, texts, done)

    def _block(self, items: Sequence[dict[str, Any]], paths: Mapping[str, str], done: Analysis) -> set[str]:
        blocked = set[str]()
        for item in items:
            path = paths.get(item["file"])
            if path is None or item["severity"] != "error":
                continue
            if item["file"] not in blocked:
                finding = self._finding(path, item)
                line = f" in line {finding.line}" if finding.line else ""
                done.unread[path] = f"error{line}: {finding.message}"
                if item.get("code") == "syntax":
                    done.findings.append(finding)
            blocked.add(item["file"])
        return blocked

    def _read(
        self,
        items: Sequence[dict[str, Any]],
        paths: Mapping[str, str],
        texts: Mapping[str, str],
        done: Analysis,
    ) -> None:
        lines: dict[str, list[str]] = {}
        remade = remade_classes(texts.values())
        for item in items:
            path = paths.get(item["file"])
            if path is None or item["severity"] != "error" or _MUTED in item["message"]:
                continue
            if path not in lines:
                lines[path] = re.split(r"\r\n|\r|\n", texts[path])
            if not self._tells(item, lines[path]) or is_by_name(item["message"], texts[path], remade):
                continue
            if not in_tests(path):
                done.findings.append(self._finding(path, item))
            elif not is_for_a_test(item, lines[path]):
                finding = self._finding(path, item)
                lower = finding.model_copy(update={"severity": "info"})
                done.findings.append(lower if finding.category == "types" else finding)

    def _tells(self, item: dict[str, Any], lines: Sequence[str]) -> bool:
        code, message = item.get("code") or "", item["message"]
        if (module := _OF_PACKAGE.match(message)) is not None:
            name = (module["module"] or "").replace(".", "/")
            return any(f"{name}{suffix}" in self.places.values() for suffix in (".py", ".pyi"))
        if _UNKNOWN.search(message) or (code == "misc" and not _UNPACKED.search(message)):
            return False
        if code in _CERTAIN or (code == "attr-defined" and _DID_YOU_MEAN.match(message)):
            return True
        return is_annotated(lines, item["line"])

    def _finding(self, path: str, item: dict[str, Any]) -> Finding:
        rule = str(item.get("code") or "")
        judged = judge(RULES, rule)
        first, last = item["line"], max(item.get("end_line") or 0, item["line"])
        severity = judged.severity
        if severity == "medium" and is_about_none(item["message"]):
            severity = "low"
        return Finding(
            path=path,
            line=self.space.line(path, first) if first > 0 else None,
            end_line=self.space.line(path, last) if first > 0 else None,
            severity=severity,
            category=judged.category,
            message=clean(str(item["message"])) or rule or "no message",
            rule=rule,
            confidence=judged.confidence,
            cwe=judged.cwe,
        )


def is_by_name(message: str, text: str, remade: Container[str]) -> bool:
    """Whether a class may well take or have it: a decorator made the class, or attributes are set by their names."""
    if (of_class := _OF_CLASS.match(message)) is not None:
        return of_class["name"] in remade
    attribute = _ATTRIBUTE.match(message)
    if attribute is None:
        return False
    name = attribute["name"]
    by_name = f'"{name}"' in text or f"'{name}'" in text
    return attribute["owner"] in remade or (by_name and _SETS_BY_NAME.search(text) is not None)


def is_about_none(message: str) -> bool:
    """Whether the types would fit if nothing were ever None."""
    match = _MAY_BE_NONE.search(message)
    if match is None:
        return False
    given, wanted = (side.replace(" | None", "") for side in match.group("given", "wanted"))
    return given == wanted or "None" not in match["wanted"]


def is_for_a_test(item: Mapping[str, Any], lines: Sequence[str]) -> bool:
    """Whether a test does it on purpose: it expects the error, or asks for the None that a function returns."""
    code, number = item.get("code"), item["line"]
    # Then the test fails; and a double differs from what it stands for.
    if code in ("possibly-undefined", "override"):
        return True
    if code == "func-returns-value" and 1 <= number <= len(lines) and _IS_NONE.search(lines[number - 1]):
        return True
    return is_expected_to_fail(lines, number)


def is_annotated(lines: Sequence[str], number: int) -> bool:
    """Whether a line (from 1) is outside of functions, or the innermost one around it has an annotation.

    It goes by indentation: parsing hostile code takes a process of its own, and this only decides what is noise.
    """
    if not 1 <= number <= len(lines):
        return True
    own = lines[number - 1]
    indent = len(own) - len(own.lstrip())
    if _DEF.match(own):
        return True
    for at in range(number - 2, -1, -1):
        line = lines[at]
        outer = len(line) - len(line.lstrip())
        # A bracket that closes what is above begins no block.
        if outer >= indent or not line.strip() or line.lstrip()[0] in ")]}":
            continue
        if _DEF.match(line):
            signature = " ".join(lines[at : at + _MAX_SIGNATURE])
            return bool(_ANNOTATED.search(_head(signature)))
        indent = outer
    return True


def _head(code: str) -> str:
    """A `def` up to the colon that ends it."""
    depth = 0
    for at, char in enumerate(code):
        depth += (char in "([{") - (char in ")]}")
        if char == ":" and depth == 0:
            return code[:at]
    return code


def _argv(space: Workspace, cache: Path, files: Sequence[str]) -> list[str]:
    config = space.home / "mypy.ini"
    config.write_text("[mypy]\n")
    return [*space.program, f"--config-file={config}", f"--cache-dir={cache}", *_FLAGS, *files]


def _deafened(text: str) -> str:
    return deafened(deafened(text, _DIRECTIVE, _COMMENT), _NO_CHECK)


def _version() -> str:
    try:
        return metadata.version("mypy")
    except metadata.PackageNotFoundError:
        return ""


def _default_folder() -> Path:
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "quorate"
    return Path(os.environ.get("HOME", os.devnull)) / ".cache" / "quorate"


MYPY = Analyzer(
    name="mypy",
    description="Calls, attributes and values in Python that do not fit together, across the changed files",
    homepage="https://mypy.readthedocs.io",
    program=Program(command="mypy", distribution="mypy", module="mypy", install="pip install mypy"),
    selection=Selection.of_languages("python"),
    languages=("python",),
    check=TypeCheck(),
    per_file=False,
    expected_s=0.5,
    rules=RULES,
    notes=(
        "Sees the changed files and the standard library; whatever else they import may be anything. Of functions "
        "without annotations only what is certain is told. It checks what the files were before as well: an error "
        "that a change causes elsewhere, such as at a call of a changed function, counts as part of the change. "
        "Of a class that an unknown decorator makes nothing is told, nor of what a test expects to fail; types among "
        "tests are notes. `type: ignore`, `mypy:` comments and `no_type_check` make a finding a mere note, and nothing "
        "at all of one about types; no configuration of the "
        "change is obeyed."
    ),
)
