"""What one pull request shows of our writing: reviews, comments, and the threads below them. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.chaos_github_evidence import Seen
from bench.chaos_github_plan import LOGIN

Json = dict[str, Any]

_REVIEW = re.compile(r"<!-- quorate:review ([0-9a-f]{64}) -->\s*\Z")
_REPLY = re.compile(r"<!-- quorate:reply ([0-9a-f]{64}) -->\s*\Z")
_ISSUE = re.compile(r"<!-- quorate:finding ([\w.-]+) -->\s*\Z")
_TASK = re.compile(r"<sub>Task `(t[0-9a-f]{32})`")


def mark_of(review: Json) -> str | None:
    """The mark at the end of a review."""
    found = _REVIEW.search(review["body"] or "")
    return found[1] if found else None


def reply_of(comment: Json) -> str | None:
    """The mark at the end of a reply, or of a comment on the pull request."""
    found = _REPLY.search(comment["body"] or "")
    return found[1] if found else None


def issue_of(comment: Json) -> str | None:
    """The issue that a comment on a line is about."""
    found = _ISSUE.search(comment["body"] or "")
    return found[1] if found else None


def task_of(review: Json) -> str | None:
    """The task that a review names at its foot."""
    found = _TASK.search(review["body"] or "")
    return found[1] if found else None


@dataclass(frozen=True)
class View:
    """A pull request, with an eye on what our login wrote."""

    seen: Seen

    @cached_property
    def ours(self) -> list[Json]:
        """Reviews of ours, drafts too, without those that GitHub makes of a reply."""
        return [review for review in self.seen.reviews if _is_ours(review) and not _is_reply(review)]

    @cached_property
    def submitted(self) -> list[Json]:
        return [review for review in self.ours if review["state"] != "PENDING"]

    @cached_property
    def bodies(self) -> str:
        return "\n".join(review["body"] or "" for review in self.submitted)

    @cached_property
    def inline(self) -> list[Json]:
        """Our comments on lines, without replies, of reviews that are submitted."""
        return [
            comment
            for review in self.submitted
            for comment in review["comments"]
            if comment.get("in_reply_to_id") is None
        ]

    @cached_property
    def issues(self) -> list[str]:
        """The issues of these comments."""
        return [issue for comment in self.inline if (issue := issue_of(comment)) is not None]

    @cached_property
    def replies(self) -> list[str]:
        """The marks of everything that we answered, in threads and below."""
        threads = (comment for thread in self.seen.threads for comment in thread["comments"])
        written = [comment for comment in (*threads, *self.seen.comments) if _is_ours(comment)]
        return [mark for comment in written if (mark := reply_of(comment)) is not None]

    def threads(self) -> Iterator[tuple[Json, Json]]:
        """Each thread that begins with a comment of ours on an issue, with that comment."""
        for thread in self.seen.threads:
            root = thread["comments"][0]
            if _is_ours(root) and issue_of(root) is not None:
                yield thread, root

    def tells(self, issue: str) -> bool:
        """Whether people can read of the issue."""
        return issue in self.issues or f"`{issue}`" in self.bodies


def _is_ours(made: Json) -> bool:
    login: str = (made.get("user") or {}).get("login", "")
    return login == LOGIN


def _is_reply(review: Json) -> bool:
    comments = review["comments"]
    return not review["body"] and bool(comments) and all(each.get("in_reply_to_id") is not None for each in comments)
