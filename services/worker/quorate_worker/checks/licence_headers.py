"""The check `licence-headers`: what a change does to licences and to the headers that name them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from quorate.contract.finding import Finding
from quorate.diff import FileChange
from quorate.review import Review
from quorate_worker.checks.changed_files import changed_files
from quorate_worker.checks.path_kind import (
    in_tests,
    is_generated_name,
    is_source,
    says_generated,
    suffix,
    vendored_folder,
)
from quorate_worker.checks.rule import Findings, Rule

NAME = "licence-headers"
VERSION = "1"
DESCRIPTION = "Licence files and licence headers that a change alters, removes or forgets"

RULES: dict[str, Rule] = {
    "licence-file-removed": Rule("other", "medium", 0.9, "A LICENSE, NOTICE or COPYING file is deleted."),
    "licence-file-changed": Rule("other", "info", 0.9, "The wording of a LICENSE, NOTICE or COPYING file changes."),
    "licence-header-removed": Rule("other", "medium", 0.8, "A copyright or licence header is removed from a file."),
    "licence-header-changed": Rule("other", "low", 0.7, "A copyright or licence header says something else now."),
    "spdx-changed": Rule("other", "medium", 0.9, "A file's SPDX licence identifier becomes another one."),
    "licence-header-missing": Rule(
        "other", "low", 0.6, "A new file lacks the licence header that most files like it in the change have."
    ),
}

SIBLINGS = 5
"""So many other files of the language need to have a header before one is missed."""

_HEAD = 40  # lines
_HEAD_CHARACTERS = 5_000
_MOST = 0.8
_CODE_LINES = 3  # a shorter file has nothing to protect
_LONGEST = 500
_LICENCE_FILE = re.compile(
    r"(?:licen[cs]es?|copying|notice|unlicense|patents)(?:[-._][a-z0-9.+-]{1,40})?", re.IGNORECASE
)
_LICENCE_SUFFIXES = frozenset({"", ".txt", ".md", ".rst", ".lesser", ".mit", ".apache", ".bsd", ".html"})
_SPDX = re.compile(r"SPDX-License-Identifier:\s{0,4}([A-Za-z0-9.+() -]{1,120})")
_HEADER = re.compile(
    r"SPDX-(?:License-Identifier|FileCopyrightText):|\bCopyright\s{1,4}(?:\(c\)|©|[12][0-9]{3}|[A-Z])|\(c\) Copyright"
    r"|©\s{0,4}[12][0-9]{3}|\bLicensed under\b|\bAll rights reserved\b"
    r"|\bGNU (?:Lesser |Affero )?General Public License\b"
    r"|\bThis (?:source )?(?:file|code|program|software)\b.{0,40}"
    r"\b(?:licensed?|free software|distributed under|subject to)\b",
    re.IGNORECASE,
)
_WORDS_OF_HEADERS = (
    "copyright",
    "licen",
    "spdx-",
    "\xa9",
    "all rights reserved",
    "software",
    "distributed",
    "subject to",
)
_COMMENT = re.compile(r"\s{0,40}(?:#|//|/\*|\*|--|;|<!--|%|\"\"\"|'''|rem\b|@rem\b)", re.IGNORECASE)
_YEARS = re.compile(r"[12][0-9]{3}|\(c\)|©", re.IGNORECASE)
_NOT_WORDS = re.compile(r"[^\w+.]+")


def check(review: Review) -> list[Finding]:
    """Findings about licence files first, then about headers, then about headers that are missing."""
    findings = Findings(RULES)
    changes = tuple(changed_files(review))
    removed_files = _licence_files(change for change in changes if change.status == "deleted")
    added_files = _licence_files(change for change in changes if change.status in ("added", "copied"))
    for path in removed_files:
        if not vendored_folder(path) and not _replaced(path, added_files):
            findings.add("licence-file-removed", path, "This licence file is deleted: is that meant?")
    for change in changes:
        if vendored_folder(change.path) or change.binary or change.submodule or change.symlink:
            continue
        if change.status not in ("modified", "renamed"):
            continue
        if _is_licence_file(change.path) or _is_licence_file(change.old_path or ""):
            _compare_file(findings, review, change.path)
        elif is_source(change.path) and change.hunks and change.hunks[0].old_start <= _HEAD:
            _compare_headers(findings, review, change.path)
    _find_missing(findings, review)
    return findings.all()


def _is_licence_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return bool(_LICENCE_FILE.fullmatch(name)) and (suffix(name) in _LICENCE_SUFFIXES or name[:1].isupper())


def _licence_files(changes: Iterable[FileChange]) -> list[str]:
    return [change.path for change in changes if _is_licence_file(change.path) and not is_source(change.path)]


def _replaced(path: str, added: list[str]) -> bool:
    """Whether another licence file comes in the same folder, such as LICENSE.md for LICENSE."""
    folder = path.rpartition("/")[0]
    return any(other.rpartition("/")[0] == folder for other in added[:SIBLINGS])


def _compare_file(findings: Findings, review: Review, path: str) -> None:
    before = {_words(line) for line in review.removed(path).values()} - {""}
    after = {_words(line) for line in review.added(path).values()} - {""}
    if before != after:
        findings.add("licence-file-changed", path, "The wording of this licence file changes")


def _compare_headers(findings: Findings, review: Review, path: str) -> None:
    removed = _header(review.removed(path))
    if not removed:
        return
    added_lines = review.added(path)
    added = _header(added_lines)
    line = next(iter(added), None)
    old_ids, new_ids = _identifiers(removed.values()), _identifiers(added.values())
    if old_ids and new_ids and old_ids != new_ids:
        old, new = ", ".join(sorted(old_ids)), ", ".join(sorted(new_ids))
        findings.add("spdx-changed", path, f"The SPDX licence identifier was {old} and is {new}", line=line)
        return
    said = {_words(text) for text in added.values()}
    gone = [text for text in removed.values() if _words(text) not in said]
    if not gone:
        return
    if added or _has_header(review.texts().get(path)):
        message = "The licence header says something else than before, and not only by the year"
        findings.add("licence-header-changed", path, message, line=line)
    elif path in review.texts() or all(_HEADER.search(text) for text in gone):
        findings.add("licence-header-removed", path, "The copyright or licence header of this file is removed")


def _find_missing(findings: Findings, review: Review) -> None:
    """New files without a header, where at least SIBLINGS others of the language, and most of them, have one."""
    headed: Counter[str] = Counter()
    bare: dict[str, list[str]] = defaultdict(list)
    for path, text in review.texts().items():
        if not is_source(path) or vendored_folder(path) or is_generated_name(path):
            continue
        head = _head_of(text)
        if says_generated(head.values()):
            continue
        if any(word in text[:_HEAD_CHARACTERS].lower() for word in _WORDS_OF_HEADERS) and _header(head):
            headed[suffix(path)] += 1
        elif len([line for line in head.values() if line.strip()]) >= _CODE_LINES:
            bare[suffix(path)].append(path)
    for kind, paths in bare.items():
        if headed[kind] < SIBLINGS or headed[kind] < _MOST * (headed[kind] + len(paths) - 1):
            continue
        for path in paths:
            change = review.change_of(path)
            if change is not None and change.status == "added" and not in_tests(path):
                message = f"No licence header, which {headed[kind]} other {kind} files of this change have"
                findings.add("licence-header-missing", path, message)


def _head_of(text: str) -> dict[int, str]:
    """The first lines by number, of the first characters only: one line may be as long as the file."""
    lines = text[:_HEAD_CHARACTERS].split("\n")[:_HEAD]
    return dict(enumerate(lines, 1))


def _has_header(text: str | None) -> bool:
    return text is not None and bool(_header(_head_of(text)))


def _header(lines: Mapping[int, str]) -> dict[int, str]:
    """The lines of a header among the first lines: comments that name a copyright or a licence."""
    found: dict[int, str] = {}
    for number, text in lines.items():
        if number > _HEAD:
            break
        head = text[:_LONGEST]
        if _HEADER.search(head) and (_COMMENT.match(head) or head[:1].isupper()):
            found[number] = head
    return found


def _identifiers(lines: Iterable[str]) -> set[str]:
    return {match[1].strip(" -") for line in lines for match in _SPDX.finditer(line)} - {""}


def _words(line: str) -> str:
    """What a line says, whatever its year, its marks of a comment and its blanks."""
    return _NOT_WORDS.sub(" ", _YEARS.sub(" ", line[:_LONGEST])).strip(" .").casefold()
