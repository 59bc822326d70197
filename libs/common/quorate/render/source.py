"""The lines of reviewed files as far as they may be shown: never those of a secret."""

import re
from collections.abc import Iterable, Mapping

from quorate.contract.finding import DecidedFinding
from quorate.contract.fix import Fix

_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")
_LIKELY = re.compile(
    r"(?:passw|passphrase|secret|token|api_?-?key|access_?-?key|private_?-?key|credential)\w{0,40}[\"'\]]{0,3}\s{0,9}[:=]",
    re.IGNORECASE,
)


class Source:
    """Files by path, and which of their lines are secrets according to the findings.

    What is shown ends up in the logs of build servers and in reports that are passed on. So no line of a finding of
    category "secrets" is shown, whichever finding asks for it, and no line of a private key.
    """

    def __init__(self, files: Mapping[str, str], findings: Iterable[DecidedFinding]) -> None:
        self._files = files
        self._secrets: dict[str, list[range]] = {}
        for finding in findings:
            if finding.category == "secrets" and finding.line is not None:
                last = max(finding.line, finding.end_line or finding.line)
                self._secrets.setdefault(finding.path, []).append(range(finding.line, last + 1))
        self._open: tuple[str, list[str], list[range]] = ("", [], [])

    def has(self, path: str) -> bool:
        """Whether the content of the file is known."""
        return path in self._files

    def last(self, path: str) -> int:
        """The number of the file's last line; 0 if its content is not known."""
        return len(self._lines(path))

    def ends_open(self, path: str) -> bool:
        """Whether the last line has no line end."""
        return not self._files.get(path, "\n").endswith("\n")

    def line(self, path: str, number: int) -> str | None:
        """A line without its line end; None if it is a secret's, or if there is none."""
        lines = self._lines(path)
        if not 1 <= number <= len(lines) or self.is_secret(path, number):
            return None
        return lines[number - 1]

    def around(self, path: str, number: int) -> str | None:
        """A line that nobody asked about. No agent may have judged it, so one that only looks like a secret's is not
        shown either."""
        line = self.line(path, number)
        return None if line is None or _LIKELY.search(line) else line

    def is_secret(self, path: str, number: int) -> bool:
        """Whether a line is known to hold a secret, or a part of one."""
        self._lines(path)
        keys = self._open[2] if self._open[0] == path else []
        return any(number in span for span in (*self._secrets.get(path, ()), *keys))

    def may_show(self, path: str, fix: Fix) -> bool:
        """Whether the fix touches no line of a secret."""
        return not any(
            self.is_secret(path, number)
            for edit in fix.edits
            for number in range(edit.line, min(edit.end_line, edit.line + 10_000) + 1)
        )

    def _lines(self, path: str) -> list[str]:
        content = self._files.get(path)
        if content is None:
            return []
        # One file at a time is kept: findings come by file, and a review may have 32 MiB of them.
        if self._open[0] != path or not self._open[1]:
            lines = content.removesuffix("\n").split("\n")
            self._open = (path, lines, _keys(lines) if "PRIVATE KEY" in content else [])
        return self._open[1]


def _keys(lines: list[str]) -> list[range]:
    """The lines of private keys, markers included; a key without an end goes to the end of the file."""
    spans: list[range] = []
    first: int | None = None
    for number, line in enumerate(lines, start=1):
        if first is None and _KEY.search(line):
            first = number
        if first is not None and _KEY_END.search(line):
            spans.append(range(first, number + 1))
            first = None
    return spans if first is None else [*spans, range(first, len(lines) + 1)]
