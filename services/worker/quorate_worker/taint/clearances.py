"""Clearances: the lines of which the analysis says that they are harmless, once all of a module was visited."""

import ast
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from quorate_worker.taint.report import Finding
from quorate_worker.taint.rules import RULES

MAX_CLEARANCES = 500
CONFIDENCE = 0.8

_SQL = RULES["sql-injection"].cwe
_QUERY = re.compile(r"\b(?:select|insert\s+into|delete\s+from|update|create|drop|alter|truncate)\b", re.IGNORECASE)
MAX_PARTS = 300_000
_MAX_TEXT = 1_000

Verdicts = Mapping[tuple[int, ast.AST], str | None]
Span = tuple[int, int]


class Clearance(NamedTuple):
    """Lines of one file, and a weakness that is not there, as the program prints them."""

    line: int
    end_line: int
    cwe: int
    message: str
    confidence: float = CONFIDENCE

    def fields(self, path: str) -> dict[str, object]:
        return {"path": path, **self._asdict()}


def clearances(
    verdicts: Verdicts, texts: Mapping[ast.expr, str | None], findings: Iterable[Finding]
) -> list[Clearance]:
    """Those places that all visits found harmless, apart from others where that is not known; at most
    MAX_CLEARANCES."""
    refused: dict[int, list[Span]] = defaultdict(list)
    for finding in findings:
        refused[finding.cwe].append((finding.line, finding.end_line))
    found: list[Clearance] = []
    look = _Look()
    queries = [((_SQL, node), why) for node, why in texts.items() if look.has_query(node)]
    for (cwe, node), why in [*verdicts.items(), *queries]:
        line = getattr(node, "lineno", 1)
        end = getattr(node, "end_lineno", None) or line
        if why is None or look.has_lambda(node):
            refused[cwe].append((line, end))
        else:
            found.append(Clearance(line, end, cwe, why))
    apart = {cwe: _joined(spans) for cwe, spans in refused.items()}
    return sorted({each for each in found if not _meets(each, apart.get(each.cwe, []))})[:MAX_CLEARANCES]


class _Look:
    """Looks into expressions, and at no more than MAX_PARTS of them in all; then it says yes."""

    def __init__(self) -> None:
        self.left = MAX_PARTS

    def has_query(self, node: ast.AST) -> bool:
        """Whether a text that is put together has words of SQL in it."""
        return self._any(
            node,
            lambda part: (
                isinstance(part, ast.Constant)
                and isinstance(part.value, str)
                and bool(_QUERY.search(part.value[:_MAX_TEXT]))
            ),
        )

    def has_lambda(self, node: ast.AST) -> bool:
        """Whether there is code within that does not run where it stands."""
        return self._any(node, lambda part: isinstance(part, ast.Lambda))

    def _any(self, node: ast.AST, is_one: Callable[[ast.AST], bool]) -> bool:
        stack = [node]
        while stack and self.left > 0:
            self.left -= 1
            part = stack.pop()
            if is_one(part):
                return True
            stack.extend(ast.iter_child_nodes(part))
        return bool(stack)


def _joined(spans: list[Span]) -> list[Span]:
    """The same lines, in order and without overlaps."""
    joined: list[Span] = []
    for line, end in sorted(spans):
        if joined and line <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((line, end))
    return joined


def _meets(clearance: Clearance, spans: list[Span]) -> bool:
    place = bisect_right(spans, clearance.end_line, key=lambda span: span[0])
    return place > 0 and spans[place - 1][1] >= clearance.line
