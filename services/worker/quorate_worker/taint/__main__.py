"""The program: reads a JSON list of paths from standard input, prints findings, clearances and unread files as JSON."""

import json
import sys
import threading
from pathlib import Path

from quorate_worker.taint.analysis import MAX_BYTES, analyze

_STACK_BYTES = 256 * 1024 * 1024
_RECURSION = 6_000


def check(paths: list[str]) -> dict[str, object]:
    """Analyze files by paths relative to the current folder.

    Returns `{"findings": [...], "cleared": [...], "unread": {path: reason}}`.
    """
    findings: list[dict[str, object]] = []
    cleared: list[dict[str, object]] = []
    unread: dict[str, str] = {}
    for path in paths:
        try:
            if Path(path).exists() and not Path(path).is_file():
                # A pipe would be waited for.
                unread[path] = "not a file"
                continue
            with Path(path).open("rb") as file:
                text = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            unread[path] = getattr(error, "strerror", None) or "not a path"
            continue
        report = analyze(text)
        findings += [finding.fields(path) for finding in report.findings]
        cleared += [clearance.fields(path) for clearance in report.cleared]
        if report.unread is not None:
            unread[path] = report.unread
    return {"findings": findings, "cleared": cleared, "unread": unread}


def main() -> int:
    """Print the report; 0, or 2 if standard input holds no list of paths."""
    try:
        paths = json.load(sys.stdin)
    except ValueError:
        paths = None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        sys.stderr.write("Expected a JSON list of paths on standard input.\n")
        return 2
    json.dump(check(paths), sys.stdout)
    return 0


if __name__ == "__main__":
    # Code that nests deeply needs a deep stack, which only a thread of its own can be given.
    codes: list[int] = []
    sys.setrecursionlimit(_RECURSION)
    threading.stack_size(_STACK_BYTES)
    worker = threading.Thread(target=lambda: codes.append(main()))
    worker.start()
    worker.join()
    sys.exit(codes[0] if codes else 1)
