"""Quorate's own checks: each looks at the change itself, without a tool, in one pure function.

A check's module has ``NAME``, ``VERSION``, ``DESCRIPTION``, ``RULES`` and ``check(review)``.
"""

from collections.abc import Mapping
from typing import Protocol

from quorate.contract.finding import Finding
from quorate.review import Review
from quorate_worker.checks import (
    conflict_markers,
    dependencies,
    large_files,
    licence_headers,
    tests_touched,
    todo,
)
from quorate_worker.checks.rule import Rule

__all__ = ["CHECKS", "Check", "Rule"]


class Check(Protocol):
    """What the module of a check has; ``check`` is pure and takes time in proportion to the change."""

    @property
    def NAME(self) -> str: ...  # noqa: N802  # a constant of the module

    @property
    def VERSION(self) -> str: ...  # noqa: N802

    @property
    def DESCRIPTION(self) -> str: ...  # noqa: N802

    @property
    def RULES(self) -> Mapping[str, Rule]: ...  # noqa: N802

    def check(self, review: Review) -> list[Finding]: ...


CHECKS: tuple[Check, ...] = (
    conflict_markers,
    dependencies,
    large_files,
    licence_headers,
    tests_touched,
    todo,
)
"""All of them, by name."""
