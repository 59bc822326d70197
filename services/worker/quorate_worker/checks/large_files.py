"""The check `large-files`: what a change adds that nobody will read, and what is no plain file."""

import posixpath
import re
from collections.abc import Iterable

from quorate.contract.finding import Finding
from quorate.diff import FileChange
from quorate.review import Review
from quorate_worker.checks.changed_files import changed_files, is_generated
from quorate_worker.checks.manifest import manifest_of
from quorate_worker.checks.path_kind import (
    in_tests,
    is_lock,
    suffix,
    vendored_folder,
)
from quorate_worker.checks.rule import Findings, Rule

NAME = "large-files"
VERSION = "1"
DESCRIPTION = "Binary, built, generated, vendored and very large files, executable bits, symbolic links and submodules"

RULES: dict[str, Rule] = {
    "binary-file": Rule("other", "info", 0.9, "A binary file is added or changed, which no agent can read."),
    "built-file": Rule(
        "other", "medium", 0.9, "An executable, an archive or another product of a build is added to the sources."
    ),
    "large-text": Rule("other", "low", 0.9, "More than 500 kB or 10,000 lines of text are added to one file."),
    "generated-file": Rule("other", "info", 0.8, "A generated or minified file is part of the change."),
    "vendored-files": Rule("dependency", "info", 0.8, "Files below a folder of other people's code change."),
    "made-executable": Rule("other", "info", 0.95, "A file that was not executable becomes executable."),
    "symlink-leaves": Rule(
        "security", "medium", 0.9, "A symbolic link is absolute or points out of the repository.", cwe=59
    ),
    "submodule-moved": Rule("dependency", "info", 0.95, "A submodule is added, removed or moved to another commit."),
}

LARGE_BYTES = 500_000
LARGE_LINES = 10_000

_LONG_LINE = 5_000  # characters; of a script that no person wrote
_SCRIPTS = frozenset({".js", ".css", ".mjs", ".cjs"})
_BUILT = re.compile(
    r".+\.(?:exe|dll|so(?:\.[0-9]{1,4}){0,4}|dylib|jar|war|ear|class|pyc|pyo|o|obj|a|lib|zip|tar|tgz|tbz2|txz|tar\.\w{1,4}"
    r"|gz|bz2|xz|zst|7z|rar|whl|egg|deb|rpm|apk|msi|dmg|iso|nupkg|gem|wasm|node|pdb)",
    re.IGNORECASE | re.DOTALL,
)
_MADE_EXECUTABLE = re.compile(r"^diff --git ([^\n]{1,9000})\nold mode 100644\nnew mode 100755$", re.MULTILINE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_COMMIT = re.compile(r"Subproject commit ([0-9a-f]{7,64})")


def check(review: Review) -> list[Finding]:
    """Findings in the order of the diff. The size of a binary file is in no diff, so none is told."""
    findings = Findings(RULES)
    executable = {match[1] for match in _MADE_EXECUTABLE.finditer(review.input.diff or "")}
    vendored: dict[str, list[str]] = {}
    generated: dict[str, list[str]] = {}
    binary: dict[str, list[str]] = {}
    for change in changed_files(review):
        path = change.path
        if change.submodule:
            findings.add("submodule-moved", path, _moved(review, change))
            continue
        if change.status == "deleted":
            continue
        if change.symlink:
            _check_link(findings, review, path)
            continue
        if _names(change) & executable:
            findings.add("made-executable", path, "This file becomes executable")
        if folder := vendored_folder(path):
            vendored.setdefault(folder, []).append(path)
        if change.binary:
            _check_binary(findings, change, binary)
        elif change.hunks:
            _check_text(findings, review, change, generated)
    for how, paths in binary.items():
        one = len(paths) == 1
        message = f"Binary file {how}" if one else f"{len(paths):,} binary files {how}, of which this is the first"
        findings.add("binary-file", paths[0], f"{message}: not reviewed")
    for folder, paths in vendored.items():
        message = f"Other people's code in {folder}: {_counted(paths)} of it in the change"
        findings.add("vendored-files", paths[0], message)
    for paths in generated.values():
        more = f" ({_counted(paths)} of this folder are)" if len(paths) > 1 else ""
        message = f"This file is written by a program{more}: review what it is made from"
        findings.add("generated-file", paths[0], message)
    return findings.all()


def _counted(paths: list[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths):,} files"


def _names(change: FileChange) -> set[str]:
    """How `diff --git` may name the change, with git's usual prefixes and without any."""
    old = change.old_path or change.path
    return {f"a/{old} b/{change.path}", f"{old} {change.path}"}


def _check_binary(findings: Findings, change: FileChange, binary: dict[str, list[str]]) -> None:
    new = change.status in ("added", "copied")
    if new and _BUILT.fullmatch(change.path):
        message = "A product of a build, or an archive, comes with the sources: nobody can review it"
        data = in_tests(change.path)
        findings.add("built-file", change.path, message, severity="info" if data else None)
    elif change.status != "renamed":
        binary.setdefault("added" if new else "changed", []).append(change.path)


def _check_text(findings: Findings, review: Review, change: FileChange, generated: dict[str, list[str]]) -> None:
    path, lines = change.path, change.added_lines
    if not lines or vendored_folder(path):
        return
    if is_lock(path) or manifest_of(path):  # the check of dependencies tells what is in them
        return
    text = review.text(path)
    if text is not None and lines <= LARGE_LINES and len(text) <= LARGE_BYTES:
        added: dict[int, str] = {}  # too little to be large, and its head is known
    else:
        added = review.added(path)
    if is_generated(review, path, added) or _is_minified(path, added.values() if text is None else text.split("\n")):
        generated.setdefault(path.rpartition("/")[0], []).append(path)
        return
    size = sum(map(len, added.values())) + lines
    if size > LARGE_BYTES or lines > LARGE_LINES:
        message = f"{lines:,} lines, about {size // 1000:,} kB, are added to this file: too much to be read"
        findings.add("large-text", path, message, severity="info" if in_tests(path) else None)


def _is_minified(path: str, lines: Iterable[str]) -> bool:
    return suffix(path) in _SCRIPTS and any(len(text) > _LONG_LINE for text in lines)


def _check_link(findings: Findings, review: Review, path: str) -> None:
    target = "\n".join(review.added(path).values())
    if not target:
        return
    if target.startswith(("/", "\\")) or _DRIVE.match(target):
        findings.add("symlink-leaves", path, "This symbolic link is absolute: it means another file on each machine")
    elif posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).split("/", 1)[0] == "..":
        findings.add("symlink-leaves", path, "This symbolic link points out of the repository")


def _moved(review: Review, change: FileChange) -> str:
    old, new = (_commit(lines.values()) for lines in (review.removed(change.path), review.added(change.path)))
    if change.status == "deleted" or not new:
        return f"The submodule at {old} is removed" if old else "The submodule changes"
    return f"The submodule moves from {old} to {new}" if old else f"A submodule is added, at {new}"


def _commit(lines: Iterable[str]) -> str:
    return next((match[1][:12] for line in lines if (match := _COMMIT.match(line))), "")
