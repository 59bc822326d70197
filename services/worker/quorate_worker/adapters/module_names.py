"""Which module each changed Python file is, when only the changed files of a project are known."""

import keyword
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<package>[\w.]*\w)[ \t]+import[ \t]+\(?(?P<names>[^\n#]*)"
    r"|import[ \t]+(?P<modules>[^\n#]+))",
    re.MULTILINE,
)
_RELATIVE = re.compile(r"^[ \t]*from[ \t]+(?P<dots>\.+)", re.MULTILINE)
_WORD = re.compile(r"[\w.]+")

# The standard library as mypy knows it: a file of such a name must not take its place.
_TAKEN = frozenset(sys.stdlib_module_names) | {"typing_extensions", "mypy_extensions", "_typeshed", "__main__"}
_OUTER = "reviewed_"
MAX_DEPTH = 50

Parts = tuple[str, ...]


def module_files(texts: Mapping[str, str], others: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Where each path is put so that the folders are its packages: no two at the same place, whatever their names.

    A folder is left out in front if an import, in these texts or ``others``, names the module without it, as in a
    project that keeps its code in ``src``.
    """
    imported: dict[str, set[str]] = defaultdict(set)
    for path, text in (*texts.items(), *others.items()):
        for name in _imported(text):
            imported[name].add(path)
    raw = {path: _parts(path) for path in texts}
    tops = {
        parts[: start + 1] for path, parts in raw.items() if (start := _named_from(path, parts, imported)) is not None
    }
    placed: dict[str, str] = {}
    used = set[str]()
    # A package's own file and a stub come second: the module itself gets the name.
    for path in sorted(texts, key=lambda path: (path.lower().endswith(".pyi"), path)):
        parts = raw[path]
        start = min((len(top) - 1 for top in tops if parts[: len(top)] == top), default=0)
        dots = max((len(match["dots"]) for match in _RELATIVE.finditer(texts[path])), default=0)
        dots = min(dots, MAX_DEPTH)
        places = (
            _place(path, parts[start:], dots),
            _place(path, parts, dots),
            _place(path, parts, dots, f"{_OUTER}{len(used)}"),
        )
        place = next(place for place in places if place is places[-1] or _module(place) not in used)
        used.add(_module(place))
        placed[path] = place
    return placed


def _imported(text: str) -> Iterable[str]:
    for match in _IMPORT.finditer(text):
        package = match["package"]
        if package is None:
            yield from _WORD.findall(match["modules"])
        else:
            yield package
            yield from (f"{package}.{name}" for name in _WORD.findall(match["names"]))


def _parts(path: str) -> Parts:
    pure = PurePosixPath(path)
    return (*pure.parent.parts, pure.stem)


def _named_from(path: str, parts: Parts, imported: Mapping[str, set[str]]) -> int | None:
    """The part that an import in another file begins with to name this module; None if none does."""
    named = parts[:-1] if parts[-1] == "__init__" else parts
    for start in range(len(named)):
        importers = imported.get(".".join(named[start:]), set()) - {path}
        if start == len(named) - 1:
            # A single word may name any module of that name, unless it stands in a file beside.
            importers = {other for other in importers if PurePosixPath(other).parent.parts == parts[:-1]}
        if importers and named[start] not in _TAKEN:
            return start
    return None


def _place(path: str, parts: Parts, dots: int, outer: str = "") -> str:
    names = [_identifier(part) for part in parts]
    # Relative imports need so many packages around them, and are an error without.
    missing = dots - (len(names) - 1)
    if outer:
        names.insert(0, outer)
    elif missing > 0 or names[0] in _TAKEN:
        names[:0] = [_OUTER] * max(missing, 1)
    return "/".join(names) + (".pyi" if path.lower().endswith(".pyi") else ".py")


def _module(place: str) -> str:
    """What is the same for files that cannot be beside each other, on any file system."""
    name = place.rpartition(".")[0].lower()
    return name.removesuffix("/__init__")


def _identifier(part: str) -> str:
    name = re.sub(r"\W", "_", part, flags=re.ASCII)[:100] or "_"
    return f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
