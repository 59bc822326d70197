"""Hidden marks in what was posted, by which it is found again.

A mark stands at the very end of a text. What stands before it may have come with the change and hold anything, also
what looks like a mark. A mark of a task cannot be made without the key, so that nobody can make this writer take
another's text for its own.
"""

import hashlib
import hmac
import re

_REVIEW = re.compile(r"<!-- quorate:review ([0-9a-f]{64}) -->\s*\Z")
_REPLY = re.compile(r"<!-- quorate:reply ([0-9a-f]{64}) -->\s*\Z")
_FINDING = re.compile(r"<!-- quorate:finding ([\w.-]{1,64}) -->\s*\Z")


def review(key: bytes, series: str, task: str) -> str:
    """The mark of the review that a task gives."""
    return f"<!-- quorate:review {_sign(key, 'review', series, task)} -->"


def probe(key: bytes, series: str, task: str) -> str:
    """The mark of a draft that only tries something out: a review's, but never that of a task."""
    return f"<!-- quorate:review {_sign(key, 'probe', series, task)} -->"


def reply(key: bytes, series: str, task: str) -> str:
    """The mark of a comment or a reply, of which a task has one."""
    return f"<!-- quorate:reply {_sign(key, 'reply', series, task)} -->"


def finding(issue: str) -> str:
    """The mark of a comment on an issue."""
    return f"<!-- quorate:finding {issue} -->"


def ends_with(text: str | None, mark: str) -> bool:
    """Whether the text carries this mark. A forge may change line ends and take blanks away."""
    for shape in (_REVIEW, _REPLY, _FINDING):
        if (ours := shape.search(mark)) is not None:
            found = shape.search(text or "")
            return found is not None and hmac.compare_digest(found[1], ours[1])
    return False


def is_review(text: str | None) -> bool:
    """Whether the text carries the mark of any review of this program."""
    return _REVIEW.search(text or "") is not None


def issue_of(text: str | None) -> str | None:
    """The issue that a comment is on."""
    found = _FINDING.search(text or "")
    return found[1] if found else None


def with_latest(body: str, line: str) -> str:
    """A review's body with a line, just above its mark, on what came later; one that was there before goes."""
    mark = _REVIEW.search(body)
    if mark is None:
        return body
    above = body[: mark.start()].rstrip("\n")
    at = above.rfind("<!-- quorate:latest -->")
    # Only where it is the last line: further up it is text of the change.
    if at >= 0 and "\n" not in above[at:]:
        above = above[:at].rstrip("\n")
    return f"{above}\n\n<!-- quorate:latest -->{line}\n\n{mark[0].strip()}"


def _sign(key: bytes, *parts: str) -> str:
    joined = "".join(f"{len(part.encode())}:{part}" for part in parts)
    return hmac.new(key, joined.encode(), hashlib.sha256).hexdigest()
