"""The check `tests-touched`: programs that change without a test, and tests that go, are skipped or check less."""

import re
from collections import Counter
from collections.abc import Iterable

from quorate.contract.finding import Finding, Severity
from quorate.diff import FileChange
from quorate.review import Review
from quorate_worker.checks.changed_files import changed_files, is_generated
from quorate_worker.checks.names import names
from quorate_worker.checks.path_kind import in_tests as among_tests
from quorate_worker.checks.path_kind import (
    is_generated_name,
    is_source,
    is_test,
    stem,
    suffix,
    vendored_folder,
)
from quorate_worker.checks.rule import Findings, Rule

NAME = "tests-touched"
VERSION = "1"
DESCRIPTION = "Programs that change without a test, and tests that are deleted, skipped or weakened"

RULES: dict[str, Rule] = {
    "no-tests": Rule("tests", "low", 0.5, "Source files change what they do, and no test is part of the change."),
    "test-deleted": Rule("tests", "medium", 0.7, "A file of tests is deleted, and what it tests seems to stay."),
    "test-skipped": Rule("tests", "low", 0.8, "A test is newly skipped or expected to fail, and names no issue."),
    "test-focused": Rule(
        "tests", "medium", 0.9, "A test is newly run alone (`.only`), which turns off its neighbours."
    ),
    "fewer-assertions": Rule("tests", "low", 0.6, "Tests lose more assertions than they gain in the change."),
}

ASKS_FOR_TESTS = 10
"""Lines of code that a change may add without being asked for a test."""

_MUCH = 50
_LONGEST = 500
_NO_BEHAVIOUR = names(
    """
    __init__.py __about__.py _version.py version.py setup.py conf.py manage.py noxfile.py tasks.py package.rb
    """
)
_BESIDE = names(
    """
    doc docs example examples sample samples demo demos bench benches benchmark benchmarks script scripts tool
    tools migrations .github ci stories build out
    """
)
# Blank, a comment, an import, a lone bracket or keyword: no behaviour.
_SILENT = re.compile(
    r"\s*+(?:\Z|#|//|/?\*|--|;|import\b|from\s+\S+\s+import\b|use\s|using\s|package\s|#include|\"\"\"|'''"
    r"|(?:[\])}{(\[;,]|else|end|try|:)*\Z)"
)
_TEST_INSIDE = re.compile(r"#\[(?:tokio::)?(?:test|cfg\(test\))|\bimport\.meta\.vitest\b|^\s{0,40}>>> ")
_TEST_WORDS = ("#[", ">>>", "vitest")
_SKIP = re.compile(
    r"\s*+(?:@(?:pytest\.)?mark\.(?:skip|xfail)\b(?!if)|@(?:unittest\.)?(?:skip\(|expectedFailure\b)"
    r"|(?:it|test|describe|context|suite|specify)\.(?:skip|todo|fixme|failing)\(|x(?:it|test|describe|context)\("
    r"|(?:t|b)\.Skip(?:Now|f)?\(|@(?:Ignore|Disabled)\b|\[(?:Ignore|Skip)\b|#\[ignore\b)"
    r"|pytestmark\s{0,4}=\s{0,4}pytest\.mark\.(?:skip|xfail)\b(?!if)|\[(?:Fact|Theory)\(\s{0,4}Skip\b"
)
_QUALIFIER = re.compile(r"\b(?:pytest|unittest)\.")
# Somebody will come back to it, or it is skipped here and there only.
_REASONED = re.compile(r"\bhttps?://|#[0-9]|\b(?:[Ii]ssue|[Bb]ug|[Tt]icket) ?[0-9]|\b[A-Z][A-Z0-9]{1,9}-[0-9]")
_CONDITION = re.compile(r"\s*@(?:pytest\.)?mark\.xfail\(\s*(?!(?:reason|strict|raises|run)\s*=|[\"')])\S")
_DECORATOR = 4
"""Lines over which the reason of a skip may go."""
_FOCUS = re.compile(r"\s*+(?:(?:it|test|describe|context|suite)\.only\(|f(?:it|describe|context)\()")
_ASSERTION = re.compile(
    r"\bassert\w{0,40}\b|\bexpect\w{0,20}\(|\bpytest\.(?:raises|warns)\b|\bself\.assert|\b(?:t|b)\.(?:Error|Errorf|Fatal|Fatalf)\("
    r"|\brequire\.[A-Z]\w{0,40}\(|\bEXPECT_|\bASSERT_|\bshould\b|\bverify\("
)
_SCRIPTS = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})
_PART_OF_NAME = re.compile(r"^test_|_tests?$|_spec$|\.(?:test|spec|cy|e2e)$|(?:Tests?|Spec|IT|TestCase)$")


def check(review: Review) -> list[Finding]:
    """Findings about tests that change first, then at most one for the whole change: that it has no test."""
    findings = Findings(RULES)
    changes = tuple(changed_files(review))
    tests = [change for change in changes if is_test(change.path)]
    sources = [change for change in changes if _may_need_tests(change)]
    _check_deleted(findings, tests, changes)
    _check_skipped(findings, review, tests)
    _check_assertions(findings, review, tests, sources)
    if not any(change.status != "deleted" and among_tests(change.path) for change in changes):
        _ask_for_tests(findings, review, sources)
    return findings.all()


def _may_need_tests(change: FileChange) -> bool:
    path = change.path
    if not is_source(path) or among_tests(path) or change.binary or change.symlink:
        return False
    parts = path.split("/")
    if parts[-1] in _NO_BEHAVIOUR or path.endswith(
        (".d.ts", ".d.mts", ".d.cts", ".config.js", ".config.ts", ".config.mjs")
    ):
        return False
    return not (vendored_folder(path) or is_generated_name(path) or _BESIDE & {part.lower() for part in parts[:-1]})


def _ask_for_tests(findings: Findings, review: Review, sources: Iterable[FileChange]) -> None:
    """One finding, on the file with the most new code, if the change adds more than a few lines of it."""
    changed: Counter[str] = Counter()
    for path in dict.fromkeys(change.path for change in sources if change.status != "deleted"):
        added = review.added(path)
        if not added or is_generated(review, path, added):
            continue
        moved = Counter(review.removed(path).values())
        for text in added.values():
            head = text[:_LONGEST]
            if any(word in head for word in _TEST_WORDS) and _TEST_INSIDE.search(head):
                return
            if moved and moved[text] > 0:
                moved[text] -= 1
            elif not _SILENT.match(head):
                changed[path] += 1
    lines = sum(changed.values())
    if lines < ASKS_FOR_TESTS:
        return
    path, most = changed.most_common(1)[0]
    files = "1 source file" if len(changed) == 1 else f"{len(changed):,} source files"
    where = "" if len(changed) == 1 else f", {most:,} of them here"
    findings.add(
        "no-tests",
        path,
        f"No test changes with {files} ({lines:,} new lines of code{where})",
        severity=None if lines >= _MUCH else "info",
        suggestion="Add a test that fails without the change, or say why none is needed",
    )


def _check_deleted(findings: Findings, tests: Iterable[FileChange], changes: Iterable[FileChange]) -> None:
    deleted = [change.path for change in tests if change.status == "deleted"]
    if not deleted:
        return
    gone = {_subject(change.path) for change in changes if change.status == "deleted" and not is_test(change.path)}
    new = any(change.status in ("added", "copied") and is_test(change.path) for change in changes)
    for path in deleted:
        if _subject(path) in gone or not _PART_OF_NAME.search(stem(path)):
            continue
        # Others come or something goes: likely they were moved, or tested what goes.
        severity: Severity | None = "info" if new or gone else None
        findings.add(
            "test-deleted", path, "These tests are deleted: is what they check still checked?", severity=severity
        )


def _subject(path: str) -> str:
    """What a test is of, by its name; of any other file, its name."""
    return _PART_OF_NAME.sub("", stem(path)).casefold()


def _check_skipped(findings: Findings, review: Review, tests: Iterable[FileChange]) -> None:
    """A skip is new if its file did not lose one of the kind, and told if it names no issue and no condition."""
    for path in dict.fromkeys(change.path for change in tests if change.status != "deleted"):
        before = Counter(
            key for text in review.removed(path).values() for key in (_directive(path, text[:_LONGEST]),) if key
        )
        previous = ""
        added = review.added(path)
        for number, line in added.items():
            text = line[:_LONGEST]
            directive = _directive(path, text)
            conditional = suffix(path) == ".go" and previous.lstrip().startswith("if ")
            previous = text
            if directive is None or conditional:
                continue
            if before[directive] > 0:
                before[directive] -= 1
                continue
            if _FOCUS.match(text):
                findings.add(
                    "test-focused", path, "Only this test is run: the others of its file are turned off", line=number
                )
            elif not _is_reasoned(added, number):
                findings.add("test-skipped", path, "This test is not run any more, or may fail", line=number)


def _directive(path: str, text: str) -> str | None:
    """What skips a test or lets it run alone, whatever the reason that it gives and however it was imported."""
    match = _SKIP.match(text) or (_FOCUS.match(text) if suffix(path) in _SCRIPTS else None)
    return _QUALIFIER.sub("", match.group().strip()) if match else None


def _is_reasoned(added: dict[int, str], number: int) -> bool:
    lines = [added.get(number + offset, "")[:_LONGEST] for offset in range(_DECORATOR)]
    end = next((at for at, text in enumerate(lines[1:], 1) if text.lstrip().startswith((")", "def ", "@"))), len(lines))
    text = "\n".join(lines[:end] if "(" in lines[0] and not lines[0].rstrip().endswith(")") else lines[:1])
    return bool(_REASONED.search(text) or _CONDITION.match(text))


def _check_assertions(
    findings: Findings, review: Review, tests: Iterable[FileChange], sources: Iterable[FileChange]
) -> None:
    """At most one, if the tests of the whole change lose assertions: what one file loses may have gone to another."""
    balance = {
        change.path: (_assertions(review.removed(change.path)), _assertions(review.added(change.path)))
        for change in tests
    }
    lost, gained = (sum(side) for side in zip(*balance.values(), strict=True)) if balance else (0, 0)
    fewer = {
        change.path: balance[change.path][0] - balance[change.path][1]
        for change in tests
        if change.status in ("modified", "renamed")
    }
    paths = [path for path, less in fewer.items() if less > 1]
    if lost <= gained or not paths:
        return
    path = max(paths, key=lambda one: fewer[one])
    where = f" (in {len(paths):,} files, most of them here)" if len(paths) > 1 else ""
    message = f"These tests lose {lost:,} assertions and gain {gained:,}{where}: is everything still checked?"
    # Where programs become less, so do their tests.
    less = sum(len(review.removed(change.path)) - len(review.added(change.path)) for change in sources) > 0
    findings.add("fewer-assertions", path, message, severity="info" if less else None)


def _assertions(lines: dict[int, str]) -> int:
    return sum(1 for text in lines.values() if _ASSERTION.search(text[:_LONGEST]))
