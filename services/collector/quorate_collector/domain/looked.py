"""Looked: who looked at what in a review. Only who looked again can say that an issue is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from quorate.contract.facts import Contribution


@dataclass(frozen=True)
class Looked:
    """``read`` has the changed paths that each agent read that looked, and ``asked`` all that were asked.

    ``changed`` are all changed paths that exist after the change; empty when nobody knows them all. ``renamed`` maps
    new paths to old ones, where that is known.
    """

    read: Mapping[str, frozenset[str]]
    changed: frozenset[str]
    asked: frozenset[str]
    renamed: Mapping[str, str] = field(default_factory=dict)

    def left_change(self, path: str) -> bool:
        """Whether a path is known to be no part of the change: deleted, undone, or only concerned by it."""
        return bool(self.changed) and path not in self.changed

    def absence(self, agent: str, path: str) -> str | None:
        """Why the silence of an agent about a path says nothing, or None where it looked.

        Of a path outside of the change an agent has nothing to read, and may still say something: what the change
        breaks elsewhere. So there it looked if it reported at all.
        """
        if agent not in self.read:
            return f"{agent} did not report" if agent in self.asked else f"{agent} was not asked"
        if path in self.read[agent] or self.left_change(path):
            return None
        return f"{agent} did not read the file"


def looked_at(asked: Iterable[str], contributions: Mapping[str, Contribution]) -> Looked:
    """What the contributions of a run say. An agent that counts no file as read, and is ok, judges the change as a
    whole: it looked at every file that it does not call unread. One that was skipped, and calls no file unread, had
    nothing to look at: it looked, and read nothing."""
    heard = {
        agent: each
        for agent, each in contributions.items()
        if each.state == "ok" or (each.state == "skipped" and not each.unread)
    }
    known = {path for each in heard.values() for path in (*each.read, *each.unread, *each.changed)}
    return Looked(
        read={
            agent: frozenset(each.read or (known - each.unread.keys() if each.state == "ok" else ()))
            for agent, each in heard.items()
        },
        changed=frozenset(path for each in heard.values() for path in each.changed),
        asked=frozenset(asked),
        renamed={new: old for _, each in sorted(heard.items()) for new, old in each.renamed.items()},
    )
