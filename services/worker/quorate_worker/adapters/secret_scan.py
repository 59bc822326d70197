"""A program of its own, run by the agent `detect-secrets`: scans files with the library of that name.

Input: JSON, `{"paths": [...], "ends_at": when to stop, in seconds of the clock}`. Output: JSON, `{"secrets": [...],
"unread": {path: reason}, "late": [paths that there was no time for]}`; a secret has path, line, type and dismissed, and
never its value. Nothing of Quorate is imported: that would take longer than the
scan.

The library instead of `detect-secrets scan`, because that reports a secret once per file: a copy of it in a
changed line would be hidden behind the one in an unchanged line.
"""

import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType, ModuleType

# The plugins import an HTTP client to verify what they find, which takes longer than all else here, and
# nothing is verified: a stand-in without any function makes the start twice as fast, and nothing can be sent.
_no_network = ModuleType("requests")
_no_network.Response = object  # type: ignore[attr-defined]
sys.modules["requests"] = _no_network

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class  # noqa: E402
from detect_secrets.core.scan import scan_file  # noqa: E402
from detect_secrets.filters.allowlist import is_line_allowlisted  # noqa: E402
from detect_secrets.filters.heuristic import is_lock_file, is_non_text_file, is_swagger_file  # noqa: E402
from detect_secrets.settings import get_settings  # noqa: E402
from detect_secrets.util.code_snippet import get_code_snippet  # noqa: E402


def left_out(path: str) -> str | None:
    """Why the library does not look into a file of this name, if so."""
    if is_lock_file(path) or path.endswith((".lock", ".sum")):
        return "detect-secrets leaves out lock files: their checksums look like secrets"
    if is_non_text_file(path):
        return "detect-secrets leaves out files of this suffix"
    if is_swagger_file(path):
        return "detect-secrets leaves out files of Swagger: their examples look like secrets"
    return None


def dismissed(path: str, lines: list[str], number: int) -> bool:
    """Whether a comment in the code says that this is no secret."""
    if not 1 <= number <= len(lines):
        return False
    context = get_code_snippet(lines, number)
    return bool(is_line_allowlisted(path, lines[number - 1].rstrip(), context))


class TimeUp(BaseException):
    """Raised wherever the scan is, even within a pattern. Not an Exception: the library must not swallow it."""


def stop(_number: int, _frame: FrameType | None) -> None:
    """The handler of the alarm."""
    raise TimeUp


def scan(paths: list[str], ends_at: float) -> dict[str, object]:
    """What is printed: the secrets of these files, and the files that were not read."""
    settings = get_settings()
    plugins: list[type] = list(get_mapping_from_secret_type_to_class().values())
    settings.configure_plugins([{"name": plugin.__name__} for plugin in plugins])
    settings.disable_filters("detect_secrets.filters.allowlist.is_line_allowlisted")
    secrets: dict[tuple[str, int, str], dict[str, object]] = {}
    unread: dict[str, str] = {}
    done = 0
    signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(ends_at - time.time(), 0.001))
        for path in paths:
            scan_one(path, secrets, unread)
            done += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeUp:
        pass
    return {"secrets": list(secrets.values()), "unread": unread, "late": paths[done:]}


def scan_one(path: str, secrets: dict[tuple[str, int, str], dict[str, object]], unread: dict[str, str]) -> None:
    """Add what is in one file, or why it was not read."""
    reason = left_out(path)
    if reason is not None:
        unread[path] = reason
        return
    try:
        with Path(path).open(encoding="utf-8") as file:
            lines = file.readlines()
        for secret in scan_file(path):
            secrets.setdefault(
                (path, secret.line_number, secret.type),
                {
                    "path": path,
                    "line": secret.line_number,
                    "type": secret.type,
                    "dismissed": dismissed(path, lines, secret.line_number),
                },
            )
    except Exception as error:  # one file that a plugin stumbles over must not hide those of the others
        unread[path] = f"detect-secrets could not read it: {type(error).__name__}"


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(scan(asked["paths"], asked["ends_at"]), sys.stdout)
