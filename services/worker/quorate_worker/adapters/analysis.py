"""Analysis: what a tool found in a set of files, and what it could not read."""

from dataclasses import dataclass, field

from quorate.contract.finding import Clearance, Finding
from quorate_worker.checks.path_kind import in_tests

REVOKE = "Read it from the environment or a secret store, and revoke this one"
"""What to do about a secret in code."""

_MAX_TEXT = 2_000


@dataclass
class Analysis:
    """The findings, and the files that could not be read, each with the reason. ``cleared`` are places where it knows
    that there is nothing to find. ``stopped_by`` is why only a part of the files could be put before the tool."""

    findings: list[Finding] = field(default_factory=list)
    cleared: list[Clearance] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    stopped_by: Exception | None = None

    def add(self, other: "Analysis") -> None:
        """Take over what was found in other files."""
        self.findings += other.findings
        self.cleared += other.cleared
        self.unread |= other.unread
        self.stopped_by = self.stopped_by or other.stopped_by


def suppressed(finding: Finding, comment: str) -> Finding:
    """The finding as a mere note: the change asked by a comment not to hear of it.

    A change must not silence its reviewers, and people must not read again what they have dismissed.
    """
    return finding.model_copy(
        update={
            "severity": "info",
            "message": f"{finding.message} (dismissed in the code by `{comment}`)",
            "dismissed": True,
            "fix": None,
        }
    )


def told_though_dismissed(finding: Finding) -> bool:
    """Whether people are told of it even if a comment in the code dismisses it: of defects and dangers, neither of
    taste, nor of what was a mere note anyway, nor of what tests do wrong on purpose."""
    if finding.severity == "info" or finding.category in ("style", "types"):
        return False
    return finding.category in ("security", "secrets") or not in_tests(finding.path)


def clean(text: str) -> str:
    """The text without what cannot be sent: lone surrogates are written out, and what is too long is cut."""
    return text.encode("utf-8", "backslashreplace").decode()[:_MAX_TEXT]
