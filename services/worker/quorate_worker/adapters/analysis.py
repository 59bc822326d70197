"""Analysis: what a tool found in a set of files, and what it could not read."""

from dataclasses import dataclass, field

from quorate.contract.finding import Clearance, Finding

REVOKE = "Read it from the environment or a secret store, and revoke this one"
"""What to do about a secret in code."""

_MAX_TEXT = 2_000


@dataclass
class Analysis:
    """The findings, and the files that could not be read, each with the reason. ``unwritten`` are those of them that
    the tool did not even get to see. ``cleared`` are places where it knows that there is nothing to find."""

    findings: list[Finding] = field(default_factory=list)
    cleared: list[Clearance] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    unwritten: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Analysis") -> None:
        """Take over what was found in other files."""
        self.findings += other.findings
        self.cleared += other.cleared
        self.unread |= other.unread
        self.unwritten |= other.unwritten


def suppressed(finding: Finding, comment: str) -> Finding:
    """The finding as a mere note: the change asked by a comment not to hear of it.

    A change must not silence its reviewers, and people must not read again what they have dismissed.
    """
    return finding.model_copy(
        update={
            "severity": "info",
            "message": f"{finding.message} (dismissed in the code by `{comment}`)",
            "fix": None,
        }
    )


def clean(text: str) -> str:
    """The text without what cannot be sent: lone surrogates are written out, and what is too long is cut."""
    return text.encode("utf-8", "backslashreplace").decode()[:_MAX_TEXT]
