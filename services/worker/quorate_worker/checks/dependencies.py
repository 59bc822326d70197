"""The check `dependencies`: what a change does to what the project depends on, and what is risky about it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

from quorate.contract.finding import Finding
from quorate.diff import FileChange
from quorate.review import Review
from quorate_worker.checks.changed_files import changed_files
from quorate_worker.checks.manifest import Manifest, manifest_of
from quorate_worker.checks.node_manifests import install_scripts
from quorate_worker.checks.path_kind import vendored_folder
from quorate_worker.checks.popular_packages import mistaken_for
from quorate_worker.checks.requirement import (
    Difference,
    Requirement,
    by_name,
    compare,
    direction,
    is_branch,
    is_commit,
    lowest_version,
    short,
)
from quorate_worker.checks.rule import Findings, Rule

NAME = "dependencies"
VERSION = "1"
DESCRIPTION = "What a change adds, removes, upgrades and downgrades in manifests and locks, and what is risky about it"

RULES: dict[str, Rule] = {
    "dependencies-changed": Rule("dependency", "info", 0.9, "A manifest or a lock names other packages or versions."),
    "unpinned": Rule(
        "dependency", "low", 0.7, "A new dependency may have any version, where its neighbours are tied to one."
    ),
    "from-git": Rule("security", "medium", 0.8, "A dependency comes from a branch of a git repository.", cwe=829),
    "from-url": Rule("security", "medium", 0.8, "A dependency comes from an address and from no registry.", cwe=829),
    "from-path": Rule("dependency", "info", 0.8, "A dependency comes from a folder that only this machine may have."),
    "insecure-index": Rule(
        "security", "high", 0.8, "Packages come from an index without encryption or verification.", cwe=494
    ),
    "extra-index": Rule(
        "security", "medium", 0.7, "With a second index, whoever registers a name there replaces a package.", cwe=427
    ),
    "major-downgrade": Rule("dependency", "medium", 0.8, "A dependency goes back to a lower major version."),
    "lock-without-manifest": Rule(
        "dependency", "info", 0.5, "A lock changes, and the manifest that it is of does not."
    ),
    "manifest-without-lock": Rule(
        "dependency", "info", 0.5, "A manifest's dependencies change, and its lock does not."
    ),
    "install-script": Rule("security", "medium", 0.7, "Code is to run when a package is installed.", cwe=829),
    "other-host": Rule(
        "security", "medium", 0.7, "A lock fetches a package from another host than its packages came from.", cwe=829
    ),
    "typo-name": Rule(
        "security", "medium", 0.35, "A new dependency is one letter away from a very popular one.", cwe=1357
    ),
    "action-by-branch": Rule("security", "medium", 0.8, "A workflow uses an action at a branch, which moves.", cwe=829),
}

MAX_WHOLE = 8_000_000
"""Characters of manifests and locks that one review parses whole; of the rest the changed lines are read."""

MAX_LINES = 100_000
"""Changed lines of manifests and locks that one review reads, where they are not parsed whole."""

_LISTED = 30
_FILES = 3  # that one finding names
_NAMES = 2_000  # of one file, that are compared with popular ones
_SIBLINGS = 3
_YEAR = 1_000  # a version that begins with a year or a date says nothing of compatibility
_MOST = 0.8
_LONGEST = 500
_SAMPLES = frozenset({"fixtures", "__fixtures__", "testdata", "test-data", "test_data", "__snapshots__"})
_LOCAL = r"(?!localhost\b|127\.0\.0\.1\b|\[::1\])"
_INSECURE = re.compile(
    r"--trusted-host\b|^\s{0,8}trusted-host\s{0,4}="
    r"|(?:--index-url|--extra-index-url|--find-links|-i|-f|index-url|registry|registry-url|npmRegistryServer:?)"
    r"[\s=]{1,8}[\"']?http://" + _LOCAL,
    re.MULTILINE,
)
_INSECURE_INDEX = re.compile(r"^\s{0,8}url\s{0,4}=\s{0,4}[\"']http://" + _LOCAL)
_VERIFY_OFF = re.compile(r"^\s{0,8}(?:strict-ssl\s{0,4}=\s{0,4}false|verify_ssl\s{0,4}=\s{0,4}false)")
_INDEX_WORDS = ("index", "http:", "trusted", "ssl")
_EXTRA_INDEX = re.compile(r"(?<![\w-])(?:--)?extra-index-url\b")


def check(review: Review) -> list[Finding]:
    """Findings for every manifest and lock of the change: one that lists what is different, then what is risky."""
    return _Dependencies(review).findings()


@dataclass(frozen=True, slots=True)
class _Changed:
    """A manifest or lock of the change with what is different in it.

    ``known`` holds all that it names now, ``hosts`` where its packages came from before. ``whole`` says that both
    contents were read, and not only the changed lines; ``cut`` that even of these there were too many. ``moved`` says
    how many of its requirements came from which other file of the change, as they were.
    """

    path: str
    manifest: Manifest
    status: str
    difference: Difference
    known: dict[str, Requirement]
    hosts: frozenset[str]
    whole: bool
    cut: bool = False
    moved: Mapping[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


class _Dependencies:
    """One run over one review."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._found = Findings(RULES)
        self._left = MAX_WHOLE
        self._lines_left = MAX_LINES
        self._texts = review.texts()
        self._gone: dict[str, set[str]] = defaultdict(set)
        """By ecosystem, the words of the manifests that the change deletes."""

    def findings(self) -> list[Finding]:
        changed: list[_Changed] = []
        for change in changed_files(self._review):
            if change.binary or change.symlink or change.submodule or _is_sample(change.path):
                continue
            manifest = manifest_of(change.path)
            if manifest is None:
                continue
            if change.status != "deleted":
                self._check_lines(change.path, manifest)
            elif not manifest.lock:
                for text in islice(self._review.removed(change.path).values(), MAX_LINES):
                    self._gone[manifest.ecosystem] |= {_plain(word) for word in _WORD.findall(text[:_LONGEST])}
            if manifest.read is not None:
                changed.append(self._read(change, manifest))
        changed = _without_moves(changed)
        self._summarise_all(changed)
        for file in changed:
            if file.status != "deleted":
                self._check_risks(file)
        self._check_pairs(changed)
        return self._found.all()

    # Reading

    def _read(self, change: FileChange, manifest: Manifest) -> _Changed:
        path = change.path
        after = "" if change.status == "deleted" else self._texts.get(path)
        before = "" if change.status in ("added", "copied") else self._review.before(path)
        if before is None or after is None or len(before) + len(after) > self._left:
            return self._read_lines(change, manifest)
        self._left -= len(before) + len(after)
        try:
            old, new = by_name(manifest.whole(before)), by_name(manifest.whole(after))
        except (ValueError, RecursionError, TypeError, AttributeError, KeyError):
            return self._read_lines(change, manifest)
        if manifest.name == "package.json" and after:
            self._check_scripts(path, before, after)
        hosts = frozenset(requirement.host for requirement in old.values()) - {""}
        return _Changed(path, manifest, change.status, compare(old, new), new, hosts, True)

    def _read_lines(self, change: FileChange, manifest: Manifest) -> _Changed:
        path = change.path
        removed, added = self._review.removed(path), self._review.added(path)
        old = by_name(manifest.lines(islice(removed.items(), self._lines_left)))
        new = by_name(manifest.lines(islice(added.items(), self._lines_left)))
        cut = len(removed) > self._lines_left or len(added) > self._lines_left
        self._lines_left = max(0, self._lines_left - len(removed) - len(added))
        return _Changed(path, manifest, change.status, compare(old, new), new, frozenset(), False, cut)

    # What is different

    def _summarise_all(self, changed: Iterable[_Changed]) -> None:
        """A finding for each file, but one for all that go, and one for all that say the same."""
        deleted: dict[str, list[_Changed]] = {}
        saying: dict[str, list[_Changed]] = {}
        for file in changed:
            if not (file.difference or file.moved):
                continue
            if file.status == "deleted":
                deleted.setdefault(file.manifest.title, []).append(file)
            else:
                saying.setdefault(self._summary(file), []).append(file)
        for title, files in deleted.items():
            if len(files) == 1:
                saying.setdefault(self._summary(files[0]), []).append(files[0])
                continue
            names = {requirement.name for file in files for requirement in file.difference.removed}
            message = f"{title}: {len(files):,} files that named {len(names):,} of them are deleted: {_listed(files)}"
            self._found.add("dependencies-changed", files[0].path, message)
        for message, files in saying.items():
            others = f" (and the same in {_listed(files[1:])})" if len(files) > 1 else ""
            self._found.add("dependencies-changed", files[0].path, message + others)

    def _summary(self, file: _Changed) -> str:
        groups: dict[str, list[str]] = {
            "adds": [requirement.shown for requirement in file.difference.added],
            "removes": [requirement.shown for requirement in file.difference.removed],
            "upgraded": [],
            "downgraded": [],
            "changed": [],
        }
        for before, after in file.difference.changed:
            text = f"{short(after.name)} {short(before.spec) or 'any'} → {short(after.spec) or 'any'}"
            groups[direction(before, after)].append(text)
        total = sum(map(len, groups.values()))
        left = _LISTED
        parts = [f"takes over {count:,} from {short(path)}" for path, count in islice(file.moved.items(), _FILES)]
        for verb, items in groups.items():
            if items and left > 0:
                parts.append(f"{verb} {', '.join(items[:left])}")
                left -= len(items)
        rest = f", and {total - _LISTED:,} more" if total > _LISTED else ""
        rest += "; the file is too large to be read to its end" if file.cut else ""
        return f"{file.manifest.title}: {'; '.join(parts)}{rest}"

    # What is risky

    def _check_risks(self, file: _Changed) -> None:
        locate = _Locator(self._review, file.path)
        if file.manifest.lock:
            self._check_locked(file)
            return
        neighbours = _Neighbours(file.known.values()) if file.whole else None
        for requirement in file.difference.new:
            self._check_source(file, requirement, locate)
            self._check_pin(file, requirement, neighbours, locate)
        for requirement in file.difference.added[:_NAMES]:
            popular = mistaken_for(file.manifest.ecosystem, requirement.name)
            if popular and popular not in file.known and requirement.source == "registry":
                message = f"{requirement.name} is one letter away from {popular}: is it the package that is meant?"
                self._found.add("typo-name", file.path, message, line=locate.line(requirement))
        for before, after in file.difference.changed:
            old, new = lowest_version(before.spec), lowest_version(after.spec)
            if old and new and direction(before, after) == "downgraded" and new.major < old.major < _YEAR:
                message = f"{short(after.name)} goes back from {short(before.spec)} to {short(after.spec)}"
                self._found.add("major-downgrade", file.path, message, line=locate.line(after))

    def _check_source(self, file: _Changed, requirement: Requirement, locate: "_Locator") -> None:
        name = short(requirement.name)
        if file.manifest.ecosystem == "actions":
            ref = requirement.spec.partition(" ")[0]
            if not ref or is_branch(ref):
                at = f"at the branch {short(ref)}" if ref else "without a version"
                message = f"{name} is used {at}: what runs here can change at any time"
                self._found.add(
                    "action-by-branch",
                    file.path,
                    message,
                    line=locate.line(requirement),
                    suggestion="Use a commit, or at least a tag",
                )
        elif requirement.source == "git":
            ref, _, place = requirement.spec.partition(" ")
            branch = not place or is_branch(ref)
            where = f"the branch {short(ref)} of a git repository" if place and branch else "a git repository"
            self._found.add(
                "from-git",
                file.path,
                f"{name} comes from {where}" + ("" if branch else f", at {short(ref)}"),
                line=locate.line(requirement),
                severity=None if branch else "info" if is_commit(ref) else "low",
                suggestion="Pin it to a commit" if branch else None,
            )
        elif requirement.source == "url":
            plain = requirement.spec.startswith("http://")
            how = "an address without encryption" if plain else "an address, and from no registry"
            message = f"{name} comes from {how}"
            self._found.add(
                "from-url", file.path, message, line=locate.line(requirement), severity="high" if plain else None
            )
        elif requirement.source == "path":
            message = f"{name} comes from the folder {short(requirement.spec)}"
            self._found.add("from-path", file.path, message, line=locate.line(requirement))

    def _check_pin(
        self, file: _Changed, requirement: Requirement, neighbours: "_Neighbours | None", locate: "_Locator"
    ) -> None:
        if requirement.source != "registry" or requirement.free or requirement.pin == "exact":
            return
        if _plain(requirement.name) in self._gone[file.manifest.ecosystem]:  # it moved here, and was free before
            return
        name = short(requirement.name)
        if requirement.pin == "none" and (file.manifest.pins or requirement.spec):
            message = f"{name} may have any version ({requirement.spec or 'none is given'})"
        elif neighbours is not None and neighbours.are_tighter_than(requirement):
            message = f"{name} is not pinned as the others in this file are"
        else:
            return
        self._found.add("unpinned", file.path, message, line=locate.line(requirement))

    def _check_locked(self, file: _Changed) -> None:
        for requirement in file.difference.new:
            if file.hosts and requirement.host and requirement.host not in file.hosts:
                message = f"{requirement.shown} is fetched from {short(requirement.host)}, as nothing here was before"
                self._found.add("other-host", file.path, message)
        for requirement in file.difference.added:
            if requirement.script:
                message = f"{requirement.shown} runs code of its own when it is installed"
                self._found.add("install-script", file.path, message, severity="low")

    def _check_scripts(self, path: str, before: str, after: str) -> None:
        try:
            old, new = install_scripts(before) if before else {}, install_scripts(after)
        except ValueError:
            return
        lines = self._review.added(path)
        for name in new:
            if new[name] != old.get(name):
                line = next((number for number, text in lines.items() if f'"{name}"' in text[:_LONGEST]), None)
                message = f"The script `{name}` runs on every machine that installs this package"
                self._found.add("install-script", path, message, line=line)

    def _check_lines(self, path: str, manifest: Manifest) -> None:
        """What single lines say about the index that packages come from."""
        for number, text in self._review.added(path).items():
            head = text[:_LONGEST]
            if not any(word in head for word in _INDEX_WORDS) or head.lstrip().startswith(("#", "//", ";")):
                continue
            index = manifest.indexes and _INSECURE_INDEX.match(head)
            if index or _INSECURE.search(head) or _VERIFY_OFF.match(head):
                message = "Packages come from here without encryption, or without proof of who sends them"
                self._found.add("insecure-index", path, message, line=number, suggestion="Use an index with https")
            elif _EXTRA_INDEX.search(head):
                message = "A second index: of a name that both have, the higher version is installed, whoever made it"
                suggestion = "Name one index that mirrors the other, or say which packages come from which"
                self._found.add("extra-index", path, message, line=number, suggestion=suggestion)

    # Manifests and locks together

    def _check_pairs(self, changed: Iterable[_Changed]) -> None:
        files = [file for file in changed if file.manifest.family]
        touched = {(file.manifest.family, file.manifest.lock, folder) for file in files for folder in _upwards(file)}
        here = {(file.manifest.family, file.manifest.lock, file.folder) for file in files}
        # Whether a project keeps a lock at all is in no diff, unless it changes one.
        locked = {file.manifest.family for file in files if file.manifest.lock}
        for file in files:
            if file.status in ("added", "deleted") or not file.difference:
                continue
            family = file.manifest.family
            if file.manifest.lock:
                # A workspace's lock serves all manifests below it.
                if (family, False, file.folder) not in touched:
                    message = "The lock changes without its manifest: a refresh, or an edit by hand?"
                    self._found.add("lock-without-manifest", file.path, message)
            elif (file.manifest.has_lock or family in locked) and not any(
                (family, True, folder) in here for folder in _upwards(file)
            ):
                message = "Dependencies change here, and no lock of them changes"
                self._found.add("manifest-without-lock", file.path, message)


def _without_moves(changed: Iterable[_Changed]) -> list[_Changed]:
    """The files without the requirements that one of them loses and another gains as they were: these are not new."""
    files = list(changed)
    lost: dict[tuple[str, str, str], list[int]] = {}
    for number, file in enumerate(files):
        for requirement in () if file.manifest.lock else file.difference.removed:
            key = file.manifest.ecosystem, requirement.name, requirement.spec
            lost.setdefault(key, []).append(number)
    gone: dict[int, set[str]] = {}
    for number, file in enumerate(files):
        moved: Counter[str] = Counter()
        kept: list[Requirement] = []
        for requirement in file.difference.added:
            sources = lost.get((file.manifest.ecosystem, requirement.name, requirement.spec), [])
            if file.manifest.lock or not sources:
                kept.append(requirement)
                continue
            moved[files[sources[0]].path] += 1
            for source in sources:
                gone.setdefault(source, set()).add(requirement.name)
        if moved:
            files[number] = replace(file, difference=replace(file.difference, added=tuple(kept)), moved=moved)
    for number, names in gone.items():
        file = files[number]
        left = tuple(requirement for requirement in file.difference.removed if requirement.name not in names)
        files[number] = replace(file, difference=replace(file.difference, removed=left))
    return files


def _listed(files: Sequence[_Changed]) -> str:
    more = f" and {len(files) - _FILES:,} more" if len(files) > _FILES else ""
    return ", ".join(short(file.path) for file in files[:_FILES]) + more


class _Neighbours:
    """How the requirements of a file are pinned, most of them."""

    def __init__(self, known: Iterable[Requirement]) -> None:
        pins = [requirement.pin for requirement in known if requirement.source == "registry" and not requirement.free]
        self._count = len(pins)
        self._exact = pins.count("exact")
        self._bound = self._exact + pins.count("range")

    def are_tighter_than(self, requirement: Requirement) -> bool:
        others = self._count - 1
        if others < _SIBLINGS:
            return False
        return self._exact >= _MOST * others or (requirement.pin == "none" and self._bound >= _MOST * others)


class _Locator:
    """Finds the added line that names a requirement; only risky ones are looked for, which are few."""

    def __init__(self, review: Review, path: str) -> None:
        self._review, self._path = review, path

    @cached_property
    def _added(self) -> dict[int, str]:
        return self._review.added(self._path)

    @cached_property
    def _by_word(self) -> dict[str, int]:
        lines: dict[str, int] = {}
        for number, text in self._added.items():
            for word in _WORD.findall(text[:_LONGEST]):
                lines.setdefault(_plain(word), number)
        return lines

    def line(self, requirement: Requirement) -> int | None:
        if requirement.line is not None and requirement.line in self._added:
            return requirement.line
        return self._by_word.get(_plain(requirement.name))


_WORD = re.compile(r"@?[A-Za-z0-9][\w./-]{0,200}")


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _upwards(file: _Changed) -> list[str]:
    """The file's folder and those above it, to the root."""
    parts = file.folder.split("/") if file.folder else []
    return ["/".join(parts[:end]) for end in range(len(parts), -1, -1)][:40]


def _is_sample(path: str) -> bool:
    return vendored_folder(path) is not None or any(part in _SAMPLES for part in path.split("/")[:-1])
