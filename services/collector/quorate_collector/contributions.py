"""The contributions that count for a join, read from the log and from the object store."""

from collections import OrderedDict

from pydantic import ValidationError

from quorate.blobs import BadReference, Blobs
from quorate.bus import Bus
from quorate.contract.facts import Contribution
from quorate.errors import Unavailable
from quorate.log import read_facts
from quorate.reducer import Record
from quorate_collector.domain.state import Join

RECENT = 2_000
RECENT_FINDINGS = 50


class Contributions:
    """Those that came by lately are kept. It is only a shortcut: what is not here is read from the log."""

    def __init__(self, bus: Bus, blobs: Blobs) -> None:
        self._bus = bus
        self._blobs = blobs
        self._recent: OrderedDict[tuple[str, ...], Contribution] = OrderedDict()

    def remember(self, record: Record) -> None:
        if isinstance(record.fact, Contribution) and _is_small(record.fact):
            self._recent[(record.task, *record.key)] = record.fact
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)

    async def of(self, task: str, run: str, join: Join) -> dict[str, Contribution]:
        """The contributions that were counted, and no later ones, so that every replica concludes the same."""
        found = {agent: self._recent.pop((task, agent, run), None) for agent in join.answered}
        if not all(found.values()):
            for record in await read_facts(self._bus, task, f"contribution.*.{run}"):
                if record.key[0] in found and isinstance(record.fact, Contribution):
                    found[record.key[0]] = record.fact
        if behind := [agent for agent, each in found.items() if each is None]:
            # They stood in the log when they were counted: this replica of the stream is behind.
            raise Unavailable(f"the contributions of {', '.join(behind)} to {task} cannot be read yet")
        return {agent: await self._whole(each) for agent, each in sorted(found.items()) if each is not None}

    async def _whole(self, contribution: Contribution) -> Contribution:
        if contribution.body_ref is None:
            return contribution
        try:
            return Contribution.model_validate(await self._blobs.get_json(contribution.body_ref))
        except (BadReference, ValidationError) as error:
            return Contribution(
                state="failed", version=contribution.version, reason=f"its report is lost: {error}"[:500]
            )


def _is_small(contribution: Contribution) -> bool:
    answer = contribution.answer
    short = answer is None or isinstance(answer, int | float) or (isinstance(answer, str) and len(answer) <= 1_000)
    return short and len(contribution.findings) <= RECENT_FINDINGS
