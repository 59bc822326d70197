"""What a path says about its file: program, test, prose, generated, vendored, lock."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from quorate_worker.checks.names import names

SOURCE_SUFFIXES = names(
    """
    .py .pyw .pyx .js .jsx .mjs .cjs .ts .tsx .mts .cts .vue .svelte .go .rs .java .kt .kts .scala .groovy
    .clj .c .h .cc .cpp .cxx .hpp .hh .m .mm .cs .fs .vb .rb .php .pl .pm .lua .swift .dart .ex .exs .erl .hs
    .ml .r .jl .zig .nim .sol .sh .bash .ps1
    """
)
"""Suffixes of programs, as opposed to configuration, data, markup and prose."""

LOCKS = names(
    """
    poetry.lock uv.lock pdm.lock pipfile.lock cargo.lock gemfile.lock composer.lock package-lock.json
    npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock go.sum flake.lock mix.lock pubspec.lock
    """
)
"""Lock files by their name in lower case."""

_PROSE = names(
    """
    .md .markdown .rst .txt .adoc .asciidoc .org .tex .eml .mbox .patch .diff .po .pot
    """
)
_VENDORED = frozenset(
    {"vendor", "vendored", "_vendor", "node_modules", "third_party", "thirdparty", "bower_components"}
)
_TEST_FOLDERS = names(
    """
    test tests __tests__ testing testdata test-data test_data fixtures __fixtures__ spec specs e2e __mocks__
    __snapshots__ cypress androidtest src-test unittests unittest
    """
)
_TEST_NAME = re.compile(
    r"(?:test_[^/]*\.pyx?|[^/]*_tests?\.(?:py|go|rs|rb|dart|exs|cc|cpp|c|php|jl)|[^/]*\.(?:test|spec|cy|e2e)\.[cm]?[jt]sx?"
    r"|[^/]*_spec\.(?:rb|lua)|[^/]*(?:Tests?|Spec|IT|TestCase)\.(?:java|kt|cs|scala|swift|groovy|php|m|vb)"
    r"|tests?\.(?:py|rs|[jt]s)|conftest\.py|[^/]*\.bats|[^/]*\.t)"
)
_GENERATED_NAME = re.compile(
    r"[^/]*(?:\.min\.(?:js|css|mjs)|\.bundle\.js|\.map|_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|cc|h)|\.g\.dart|\.designer\.cs"
    r"|_generated\.[a-z]+|\.generated\.[a-z]+|\.gen\.[a-z]+|\.snap|-min\.js)",
    re.IGNORECASE,
)
_GENERATED_MARK = re.compile(
    r"(?:#|//|/?\*|--|;|<!--|%)[^\n]{0,200}?(?:@generated\b|\bDO NOT (?:EDIT|MODIFY)\b)"
    r"|(?:#|//|/?\*|--|;|<!--|%|\"\"\")\W{0,20}(?:(?:this|the) [\w ]{1,30} (?:is|was|has been) )?"
    r"(?:auto(?:matically)?[- ]?)?generated (?:by|from|with|using|file|code)\b",
    re.IGNORECASE,
)
# What builds write: packages, Sphinx's pages, reports of coverage.
_GENERATED_FOLDERS = frozenset({"dist", "_build", ".doctrees", "htmlcov"})
_DOCUMENTS = frozenset({"doc", "docs", "documentation"})
_PAGES = frozenset({".html", ".htm", ".xhtml"})
_HEAD = 10  # lines


def suffix(path: str) -> str:
    """The suffix in lower case, with its dot; empty without one."""
    name = path.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""


def stem(path: str) -> str:
    """The name without its suffix."""
    name = path.rpartition("/")[2]
    return name[: len(name) - len(suffix(name))]


def is_source(path: str) -> bool:
    return suffix(path) in SOURCE_SUFFIXES


def is_prose(path: str) -> bool:
    return suffix(path) in _PROSE


def is_document(path: str) -> bool:
    """Whether the file is for people to read: prose, or a page in a folder of documents."""
    folders = path.lower().split("/")[:-1]
    return is_prose(path) or (suffix(path) in _PAGES and not _DOCUMENTS.isdisjoint(folders))


def is_lock(path: str) -> bool:
    return path.rpartition("/")[2].lower() in LOCKS


@lru_cache(maxsize=4096)
def vendored_folder(path: str) -> str | None:
    """The folder of other people's code that the path lies in, if its name says so."""
    parts = path.split("/")
    for at, part in enumerate(parts[:-1]):
        if part.lower() in _VENDORED:
            return "/".join(parts[: at + 1])
    return None


@lru_cache(maxsize=4096)
def in_tests(path: str) -> bool:
    """Whether the file lies among tests: a test itself, a fixture, test data."""
    folders, _, name = path.rpartition("/")
    return any(part.lower() in _TEST_FOLDERS for part in folders.split("/")) or bool(_TEST_NAME.fullmatch(name))


def is_test(path: str) -> bool:
    """Whether the file is a program among tests, by its name or by its folder."""
    return in_tests(path) and (is_source(path) or path.endswith((".bats", ".t")))


def says_generated(lines: Iterable[str]) -> bool:
    """Whether the first lines of a file say that a program wrote it, as generators do."""
    return any(_GENERATED_MARK.match(line[:300].lstrip()) for line in islice(lines, _HEAD))


def is_generated_name(path: str) -> bool:
    """Whether the path alone says that a program wrote the file."""
    folders, _, name = path.rpartition("/")
    return not _GENERATED_FOLDERS.isdisjoint(folders.split("/")) or bool(_GENERATED_NAME.fullmatch(name))
