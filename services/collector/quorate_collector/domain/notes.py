"""What the GitHub writer remembers of a pull request, in its entry of the ledger. Everything in it is bounded."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from quorate.contract.base import Part
from quorate.contract.facts import Verdict

Event = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]

MAX_REVIEWS = 20
MAX_TOLD = 2_000
MAX_TOLD_BYTES = 400_000
"""Less than half of what an entry of the ledger may take, which also has the receipts."""
MAX_TASKS = 200
MAX_HEADS = 20


class Told(Part):
    """An issue that people were told of. ``comment`` is None where a review's body tells it. ``confirmed`` says whether
    it was confirmed then."""

    review: int
    comment: int | None = None
    open: bool = True
    confirmed: bool = True


class Posted(Part):
    """A review that was submitted."""

    task: str
    head: str
    review: int
    event: Event
    verdict: Verdict | None = None
    url: str | None = None
    dismissed: bool = False
    unread: bool = False
    """Whether the ids of its comments are not known yet."""

    @property
    def blocks(self) -> bool:
        return self.event == "REQUEST_CHANGES" and not self.dismissed


class CheckRun(Part):
    """A check run that was made. ``told`` counts its annotations that were sent."""

    task: str
    run: int
    told: int = 0


class Underway(Part):
    """What was begun for a task: the ``step`` that comes next, and what is known of it.

    ``unanchored`` are issues whose comments the forge did not take, and ``done`` steps that need not come again.
    """

    task: str
    step: str = ""
    review: int | None = None
    unanchored: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


class Notes(Part):
    """``reviews`` are in the order in which they were submitted, ``told`` is by issue, ``checks`` by commit, ``failed``
    are commits whose failed review was told, and ``replied`` tasks whose person was answered."""

    reviews: tuple[Posted, ...] = ()
    told: dict[str, Told] = Field(default_factory=dict)
    checks: dict[str, CheckRun] = Field(default_factory=dict)
    failed: tuple[str, ...] = ()
    replied: tuple[str, ...] = ()
    underway: Underway | None = None
    begun: bool = False
    """Whether a step may have been taken that cannot be undone; the ledger reads it as well."""

    def begun_for(self, task: str) -> Underway:
        """What was begun for the task, or a fresh start: what was begun for another is over."""
        return self.underway if self.underway is not None and self.underway.task == task else Underway(task=task)

    def review_of(self, task: str) -> Posted | None:
        """The review that the task gave, if it was submitted."""
        return next((posted for posted in reversed(self.reviews) if posted.task == task), None)

    def is_told(self, issue: str, *, confirmed: bool) -> bool:
        """Whether people know of the issue as it stands: open, and confirmed if it is."""
        told = self.told.get(issue)
        return told is not None and told.open and (told.confirmed or not confirmed)

    def posting(self, posted: Posted, told: Mapping[str, Told], fixed: Iterable[str]) -> "Notes":
        """With a review more, and what it tells. Of ``fixed`` those without a comment need nothing more."""
        all_told = {issue: each for issue, each in self.told.items() if issue not in told} | dict(told)
        for issue in fixed:
            known = all_told.get(issue)
            if known is not None and known.comment is None and issue not in told:
                all_told[issue] = known.model_copy(update={"open": False})
        reviews = _kept((*self.reviews, posted))
        return self.model_copy(update={"reviews": reviews, "told": _bounded(all_told)})

    def reading(self, review: int, comments: Mapping[str | None, int]) -> "Notes":
        """With the comments of a review, by their issues."""
        told = {
            issue: each.model_copy(update={"comment": comments[issue]})
            if each.review == review and issue in comments
            else each
            for issue, each in self.told.items()
        }
        reviews = (r.model_copy(update={"unread": False}) if r.review == review else r for r in self.reviews)
        return self.model_copy(update={"told": told, "reviews": tuple(reviews)})

    def settling(self, issue: str, *, open: bool) -> "Notes":
        """With the issue open or settled."""
        told = self.told | {issue: self.told[issue].model_copy(update={"open": open})}
        return self.model_copy(update={"told": told})

    def dismissing(self, review: int) -> "Notes":
        """With the review dismissed."""
        reviews = (r.model_copy(update={"dismissed": True}) if r.review == review else r for r in self.reviews)
        return self.model_copy(update={"reviews": tuple(reviews)})

    def checking(self, head: str, run: CheckRun) -> "Notes":
        """With a check run of the commit."""
        checks = {each: known for each, known in self.checks.items() if each != head} | {head: run}
        return self.model_copy(update={"checks": dict(list(checks.items())[-MAX_HEADS:])})

    def failing(self, head: str) -> "Notes":
        """With the commit among those whose failed review was told."""
        return self.model_copy(update={"failed": (*self.failed, head)[-MAX_HEADS:]})

    def replying(self, task: str) -> "Notes":
        """With the task answered."""
        return self.model_copy(update={"replied": (*self.replied, task)[-MAX_TASKS:]})


_QUOTES = 4
"""The quotation marks, colon and comma of an issue in JSON."""


def _kept(reviews: tuple[Posted, ...]) -> tuple[Posted, ...]:
    """The last ones, and before others those that block still: only what is known can be dismissed."""
    spare = len(reviews) - MAX_REVIEWS
    order = sorted(range(len(reviews) - 1), key=lambda at: reviews[at].blocks)  # stable: the oldest come first in each
    gone = set(order[: max(spare, 0)])
    return tuple(each for at, each in enumerate(reviews) if at not in gone)


def _bounded(told: dict[str, Told]) -> dict[str, Told]:
    """What is settled is forgotten first, then what is oldest."""
    sizes = {issue: len(issue.encode()) + len(each.model_dump_json()) + _QUOTES for issue, each in told.items()}
    number, size = len(told), sum(sizes.values())
    gone: set[str] = set()
    for issue in sorted(told, key=lambda issue: told[issue].open):  # stable: the oldest come first in each
        if number <= MAX_TOLD and size <= MAX_TOLD_BYTES:
            break
        gone.add(issue)
        number, size = number - 1, size - sizes[issue]
    return {issue: each for issue, each in told.items() if issue not in gone}
