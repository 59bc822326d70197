"""Diagnoses: what parts of the installation say of themselves, for ``quorate doctor``.

Packages offer them as entry points ``quorate.diagnoses``: functions without arguments that return diagnoses.
"""

from dataclasses import dataclass
from importlib.metadata import entry_points


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at. ``advice`` says what to do when it is not ok, ``hint`` what could be better
    when it is."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    hint: str = ""


def installed_diagnoses() -> list[Diagnosis]:
    """What the installed packages say of themselves, by name."""
    return [
        diagnosis
        for entry in sorted(entry_points(group="quorate.diagnoses"), key=lambda entry: entry.name)
        for diagnosis in entry.load()()
    ]
