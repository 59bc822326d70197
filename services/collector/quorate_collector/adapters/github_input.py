"""What a task was given, read back from its log."""

import asyncio

from pydantic import ValidationError

from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus
from quorate.contract.facts import Assigned, Submitted
from quorate.contract.task import CodeReviewInput, ReviewCommandInput
from quorate.diff import FileChange, NotADiff, UnsafePath, parse_diff
from quorate.log import read_fact, read_facts


async def reviewed(bus: Bus, blobs: Blobs, task: str) -> CodeReviewInput | None:
    """What was reviewed, or None where nobody can tell any more. Raises Unavailable."""
    refs = [
        record.fact.input_ref
        for record in await read_facts(bus, task, "assigned.>")
        if isinstance(record.fact, Assigned) and record.fact.kind == "code-review"
    ]
    try:
        for ref in reversed(refs):
            if ref is not None:
                return CodeReviewInput.model_validate(await blobs.get_json(ref))
    except (BadReference, ValidationError):
        return None
    return None


async def changes_of(review: CodeReviewInput | None) -> tuple[FileChange, ...]:
    """The files of the diff; none where it cannot be read, so that nothing can be commented on its line."""
    if review is None or review.diff is None:
        return ()
    try:
        return await asyncio.to_thread(parse_diff, review.diff)
    except (NotADiff, UnsafePath):
        return ()


async def command(bus: Bus, blobs: Blobs, task: str) -> ReviewCommandInput | None:
    """The command that a person wrote, or None where nobody can tell any more. Raises Unavailable."""
    submitted = await read_fact(bus, task, "task", Submitted)
    if submitted is None:
        return None
    try:
        given = submitted.input if submitted.input_ref is None else await blobs.get_json(submitted.input_ref)
        return ReviewCommandInput.model_validate(given)
    except (BadReference, ValidationError):
        return None
