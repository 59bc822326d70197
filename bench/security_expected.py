"""Labelled cases: a folder of Python files, and a CSV of what is really wrong with each of them."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from quorate.errors import QuorateError

MAX_FILE_BYTES = 1024 * 1024
MAX_COMPANION_BYTES = 1024 * 1024
"""Of all files that are no cases themselves but that cases may import."""

_HEADINGS = {
    "name": ("name", "test name", "test", "case"),
    "category": ("category",),
    "real": ("real", "real vulnerability", "vulnerable"),
    "cwe": ("cwe",),
}
_TRUTH = {"true": True, "false": False}
_SKIPPED_FOLDERS = {"__pycache__", "node_modules"}
_PATH = re.compile(r"[ !#-\[\]-~]+")
_SHOWN = 10


class BadCases(QuorateError):
    """The folder or its CSV cannot be evaluated; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One labelled question: is the weakness ``cwe`` really in the file ``name`` + ``.py``?"""

    name: str
    category: str
    real: bool
    cwe: int


@dataclass(frozen=True)
class CaseSet:
    """The questions with the files they are about.

    ``paths`` maps a name to the path of its file, ``texts`` each such path to the content; ``companions`` are the
    other Python files of the folder, by path. ``skipped`` has the names that no file can be reviewed for, with the
    reason. Paths are relative to the folder.
    """

    folder: Path
    csv: Path
    rows: tuple[Row, ...]
    paths: dict[str, str]
    texts: dict[str, str]
    companions: dict[str, str]
    skipped: dict[str, str]


def load(folder: Path) -> CaseSet:
    """Read the CSV and the files. Raises BadCases."""
    if not folder.is_dir():
        raise BadCases(f"{folder} is no folder: give one with Python files and a CSV of the expected results.")
    found = sorted(_walk(folder))
    table = _table(folder, [path for path in found if path.suffix.lower() == ".csv"])
    rows = read_rows(_text_of(table), str(table))
    sources = [path for path in found if path.suffix == ".py"]
    if not sources:
        raise BadCases(f"There is no Python file below {folder}: the file of a case is <name>.py.")
    by_name: dict[str, list[Path]] = {}
    for path in sources:
        by_name.setdefault(path.stem, []).append(path)
    paths, texts, skipped = {}, {}, {}
    for row in rows:
        candidates = by_name.get(row.name, [])
        if len(candidates) > 1:
            listed = ", ".join(str(path.relative_to(folder)) for path in candidates[:3])
            raise BadCases(
                f"{row.name}.py is there {len(candidates)} times ({listed}): give the folder of one of them."
            )
        text, reason = _content(folder, candidates[0]) if candidates else ("", f"there is no {row.name}.py")
        if reason is not None:
            skipped[row.name] = reason
        else:
            paths[row.name] = candidates[0].relative_to(folder).as_posix()
            texts[paths[row.name]] = text
    if not paths:
        raise BadCases(f"None of the {len(rows)} files that {table} names is below {folder}: give the folder of both.")
    names = {row.name for row in rows}
    others = _companions(folder, [path for path in sources if path.stem not in names])
    return CaseSet(folder, table, tuple(rows), paths, texts, others, skipped)


def read_rows(text: str, source: str) -> list[Row]:
    """The rows of a CSV; ``source`` names it in errors. Raises BadCases.

    The first line is the header and may begin with ``#``. Columns come in any order, others are ignored.
    """
    lines = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    columns = columns_of(lines[0] if lines else [])
    if missing := _HEADINGS.keys() - columns.keys():
        raise BadCases(f"{source} lacks the column {', '.join(sorted(missing))}: {_WANTED}")
    rows: list[Row] = []
    flaws: list[str] = []
    for number, fields in enumerate(lines[1:], 2):
        if not any(field.strip() for field in fields) or fields[0].lstrip().startswith("#"):
            continue
        try:
            rows.append(_row({key: fields[column].strip() for key, column in columns.items()}))
        except IndexError:
            flaws.append(f"line {number} has only {len(fields)} fields")
        except ValueError as error:
            flaws.append(f"line {number}: {error}")
    twice = [name for name, count in Counter(row.name for row in rows).items() if count > 1]
    flaws += [f"{name} is there more than once" for name in twice]
    if flaws:
        more = f"; and {len(flaws) - _SHOWN} more" if len(flaws) > _SHOWN else ""
        raise BadCases(f"{source} has rows to correct: {'; '.join(flaws[:_SHOWN])}{more}.")
    if not rows:
        raise BadCases(f"{source} has a header and no rows: add one for each case.")
    return rows


_WANTED = "its first line has to name the columns name, category, real vulnerability and cwe."


def columns_of(header: Iterable[str]) -> dict[str, int]:
    """Where the columns are, as far as the header names them."""
    titles = [title.strip().lstrip("#").strip().lower() for title in header]
    found = {}
    for key, names in _HEADINGS.items():
        for name in names:
            if name in titles:
                found[key] = titles.index(name)
                break
    return found


def _row(values: dict[str, str]) -> Row:
    if not values["name"] or not values["category"]:
        raise ValueError("the name or the category is empty")
    if values["real"].lower() not in _TRUTH:
        raise ValueError(f"{values['real']!r} is neither true nor false")
    number = values["cwe"].upper().removeprefix("CWE-")
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"{values['cwe']!r} is no CWE number")
    return Row(values["name"].removesuffix(".py"), values["category"], _TRUTH[values["real"].lower()], int(number))


def _walk(folder: Path) -> Iterable[Path]:
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS]
        yield from (Path(top, name) for name in files)


def _table(folder: Path, candidates: list[Path]) -> Path:
    """The one CSV with the columns, the nearest to the top."""
    fitting = [path for path in candidates if len(columns_of(_header(path))) == len(_HEADINGS)]
    if not fitting:
        seen = (
            f" ({', '.join(str(path.relative_to(folder)) for path in candidates[:3])} lacks them)" if candidates else ""
        )
        raise BadCases(f"There is no CSV of expected results below {folder}{seen}: add one; {_WANTED}")
    depth = min(len(path.parts) for path in fitting)
    top = [path for path in fitting if len(path.parts) == depth]
    if len(top) > 1:
        listed = ", ".join(str(path.relative_to(folder)) for path in top[:3])
        raise BadCases(f"{len(top)} files below {folder} have expected results ({listed}): give the folder of one.")
    return top[0]


def _header(path: Path) -> list[str]:
    return next(csv.reader(_text_of(path).removeprefix("\ufeff").splitlines()[:1]), [])


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadCases(f"{path} could not be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadCases(f"{path} is not UTF-8: save it as that.") from error


def _content(folder: Path, path: Path) -> tuple[str, str | None]:
    """The text of a file, and why it cannot be reviewed or None."""
    if not _PATH.fullmatch(path.relative_to(folder).as_posix()):
        return "", "its path has characters that a diff would have to quote"
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return "", f"it is larger than {MAX_FILE_BYTES:,} bytes"
        return path.read_bytes().decode("utf-8"), None
    except OSError as error:
        return "", f"it could not be read: {error.strerror}"
    except UnicodeDecodeError:
        return "", "it is not UTF-8"


def _companions(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    left = MAX_COMPANION_BYTES
    for path in paths:
        text, reason = _content(folder, path)
        left -= len(text)
        if left < 0:
            break
        if reason is None:
            found[path.relative_to(folder).as_posix()] = text
    return found
