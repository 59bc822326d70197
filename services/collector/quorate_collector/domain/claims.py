"""Who may write to a place in the outside, and what is known of that afterwards.

The functions here say what becomes of a ledger's entry; whoever carries it out does so by compare-and-set. An intent
belongs to whoever made it with its epoch: whoever takes it up later counts the epoch up, and the earlier one is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from quorate.contract.ledger import MAX_DONE, Intent, LedgerEntry, Receipt

ABANDONED_S = 26 * 3600.0
"""An intent that nobody has touched for so long is nobody's: a living one is taken up again every few minutes, and
given up after a day."""

MAX_BYTES = 900_000
"""What an entry may take. The broker takes no message of more than 1 MiB, its headers included."""

BEGUN = "begun"
"""The one note that all writers share: true while a step that cannot be undone may have been taken."""


@dataclass(frozen=True)
class Granted:
    """The write may begin, once ``entry`` is stored. ``fresh`` is False when someone may have begun it before."""

    entry: LedgerEntry
    epoch: int
    fresh: bool


@dataclass(frozen=True)
class Told:
    """The task has its receipt."""

    receipt: Receipt


@dataclass(frozen=True)
class Occupied:
    """Another task's write to this place is underway."""

    task: str


def claim(entry: LedgerEntry, task: str, digest: str, *, idle_s: float) -> Granted | Told | Occupied:
    """Take up the write of ``task``. ``idle_s`` is how long ago the entry was changed, in seconds."""
    if task in entry.done:
        return Told(entry.done[task])
    intent = entry.intent
    if intent is None:
        return Granted(_intended(entry, task, 1, digest), 1, fresh=True)
    if intent.task != task:
        if idle_s < ABANDONED_S:
            return Occupied(intent.task)
        note = "nobody has worked on it for more than a day"
        entry = _closed(entry, intent.task, Receipt(state=given_up(entry.notes), note=note), entry.notes)
    epoch = intent.epoch + 1 if intent.task == task else 1
    return Granted(_intended(entry, task, epoch, digest), epoch, fresh=False)


def noted(entry: LedgerEntry, task: str, epoch: int, notes: Mapping[str, Any]) -> LedgerEntry | None:
    """The entry with other notes, or None when the intent is no longer that of ``task`` and ``epoch``."""
    if not _holds(entry, task, epoch):
        return None
    return _fitting(entry.model_copy(update={"notes": dict(notes)}))


def finished(
    entry: LedgerEntry, task: str, epoch: int, receipt: Receipt, notes: Mapping[str, Any] | None = None
) -> LedgerEntry | None:
    """The entry with the intent closed, and other notes if given; None as of ``noted``.

    The note that something was begun ends with the intent.
    """
    if not _holds(entry, task, epoch):
        return None
    return _closed(entry, task, receipt, entry.notes if notes is None else notes)


def settled(entry: LedgerEntry, task: str, note: str) -> LedgerEntry | None:
    """The entry with a receipt for a task that is given up without being held; None when it has one.

    An intent of the task is closed, whoever made it; that of another task stays as it is.
    """
    if task in entry.done:
        return None
    if entry.intent is None or entry.intent.task != task:
        return _with_receipt(entry, task, Receipt(state="failed", note=note))
    return _closed(entry, task, Receipt(state=given_up(entry.notes), note=note), entry.notes)


def given_up(notes: Mapping[str, Any]) -> Literal["failed", "unknown"]:
    """The state of a receipt for a write that ends without success."""
    return "unknown" if notes.get(BEGUN) else "failed"


def _holds(entry: LedgerEntry, task: str, epoch: int) -> bool:
    intent = entry.intent
    return intent is not None and (intent.task, intent.epoch) == (task, epoch)


def _intended(entry: LedgerEntry, task: str, epoch: int, digest: str) -> LedgerEntry:
    return _fitting(entry.model_copy(update={"intent": Intent(task=task, epoch=epoch, digest=digest)}))


def _closed(entry: LedgerEntry, task: str, receipt: Receipt, notes: Mapping[str, Any]) -> LedgerEntry:
    """Without the intent. What was begun has ended with it."""
    kept = {name: value for name, value in notes.items() if name != BEGUN}
    return _with_receipt(entry.model_copy(update={"intent": None, "notes": kept}), task, receipt)


def _with_receipt(entry: LedgerEntry, task: str, receipt: Receipt) -> LedgerEntry:
    """The oldest receipts make room."""
    others = [(other, each) for other, each in entry.done.items() if other != task]
    return _fitting(entry.model_copy(update={"done": dict([*others, (task, receipt)][-MAX_DONE:])}))


def _fitting(entry: LedgerEntry) -> LedgerEntry:
    """Without its oldest receipts, as far as all together are too many bytes; the newest stays."""
    spare = len(entry.encode()) - MAX_BYTES
    if spare <= 0:
        return entry
    done = dict(entry.done)
    for task in list(done)[:-1]:
        if spare <= 0:
            break
        receipt = done.pop(task)
        # At least so much: there are names and quotation marks too.
        spare -= len(f"{task}{receipt.note}{receipt.url or ''}".encode())
    return entry.model_copy(update={"done": done})
