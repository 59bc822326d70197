"""A baseline: the findings that were there when a team began, so that reviews tell of new ones only.

It is a JSON file that people commit and merge: sorted, and one finding on each line.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import Field, ValidationError

from quorate.contract.base import Part
from quorate.contract.finding import DecidedFinding, Severity
from quorate.contract.result import Result
from quorate.errors import Misconfigured

DEFAULT = ".quorate-baseline.json"
"""Its name at the top of a repository."""

VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
MAX_MESSAGE = 200
_DIGITS = 16
_GROUP = 4


class BadBaseline(Misconfigured):
    """The file is no baseline that this version can read; the message says what to do."""


class Entry(Part):
    """A finding that is known. ``count`` is how many of them the file at ``path`` has.

    ``votes`` tells it by each agent's own words: which of several agents speaks for a finding, and so its fingerprint,
    depends on the agents that are there. ``message`` is for people, cut to 200 characters; None for secrets, which a
    message may quote.
    """

    path: str
    rule: str = ""
    severity: Severity
    fingerprint: str
    votes: tuple[str, ...] = ()
    count: int = Field(default=1, ge=1)
    message: str | None = None


@dataclass(frozen=True)
class Baseline:
    """Known findings, one entry for each fingerprint. ``agents`` are those that looked, with their versions.

    ``name`` says where it was read, for people.
    """

    entries: tuple[Entry, ...]
    agents: Mapping[str, str]
    name: str = DEFAULT

    def __len__(self) -> int:
        return sum(entry.count for entry in self.entries)


def baseline_of(result: Result) -> Baseline:
    """Every finding of the result, whatever was decided about it, from agents that read files.

    An agent that read none judges a change, not what stands in files: what it finds in the next one is new.
    """
    agents = {name: agent.version for name, agent in result.coverage.agents.items() if agent.files}
    findings = [finding for finding in result.findings if any(vote.agent in agents for vote in finding.votes)]
    alike: dict[str, list[DecidedFinding]] = defaultdict(list)
    for finding in findings:
        alike[finding.fingerprint].append(finding)
    entries = map(_entry, alike.values())
    return Baseline(tuple(sorted(entries, key=_order)), agents)


def matched(entries: Iterable[Entry], findings: Sequence[DecidedFinding]) -> dict[str, Entry]:
    """The entry of each finding that is known, by the finding's id; an entry has at most its ``count`` of findings.

    Findings with the fingerprint of an entry come first, then those that an agent reported in the same words.
    """
    entries = tuple(entries)
    left = {entry.fingerprint: entry.count for entry in entries}
    by_mark: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        for mark in entry.votes:
            by_mark[mark].append(entry)
    exact = {entry.fingerprint: [entry] for entry in entries}
    found: dict[str, Entry] = {}

    def match(finding: DecidedFinding, candidates: Iterable[Entry]) -> None:
        entry = next((entry for entry in candidates if left[entry.fingerprint]), None)
        if entry is not None:
            left[entry.fingerprint] -= 1
            found[finding.id] = entry

    for finding in findings:
        match(finding, exact.get(finding.fingerprint, ()))
    for finding in findings:
        if finding.id not in found:
            match(finding, itertools.chain.from_iterable(by_mark.get(mark, ()) for mark in _votes(finding)))
    return found


def joined(*parts: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries in the order of the file; of one finding the first that is given."""
    found: dict[str, Entry] = {}
    for entry in itertools.chain(*parts):
        found.setdefault(entry.fingerprint, entry)
    return tuple(sorted(found.values(), key=_order))


def dump(baseline: Baseline) -> str:
    """The text of the file."""
    head = {"version": VERSION, "agents": dict(sorted(baseline.agents.items()))}
    fields = json.dumps(head, ensure_ascii=False)[1:-1]
    lines = ",\n".join(json.dumps(_line(entry), ensure_ascii=True) for entry in baseline.entries)
    return f'{{{fields}, "findings": [\n{lines}\n]}}\n'


def parse(text: str, name: str) -> Baseline:
    """Read the file ``name``. Raises BadBaseline."""
    if text.lstrip().startswith("<<<<<<<") or "\n<<<<<<< " in text:
        raise BadBaseline(f"{name} has the marks of a merge conflict: keep the lines of both sides, or write it anew")
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(name, f"it is no JSON: {error}") from error
    version = body.get("version") if isinstance(body, dict) else None
    if not isinstance(version, int):
        raise _bad(name, "it has no version")
    if version > VERSION:
        raise BadBaseline(f"{name} was written by a newer version of Quorate, in format {version}: update Quorate")
    try:
        entries = joined(Entry.model_validate(_read(item)) for item in body["findings"])
        agents = {str(agent): str(used) for agent, used in body["agents"].items()}
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise _bad(name, f"`findings` and `agents` are not what they should be ({error})") from error
    return Baseline(entries, agents, name)


def _bad(name: str, why: str) -> BadBaseline:
    return BadBaseline(
        f"{name} is no baseline: {why[:300]}. Write it anew with `quorate baseline write`, or use --no-baseline"
    )


def _entry(alike: list[DecidedFinding]) -> Entry:
    finding = alike[0]
    return Entry(
        path=finding.path,
        rule=finding.rules[0] if finding.rules else "",
        severity=finding.severity,
        fingerprint=finding.fingerprint,
        votes=_votes(*alike),
        count=len(alike),
        message=None if finding.category == "secrets" else finding.message[:MAX_MESSAGE],
    )


def _votes(*findings: DecidedFinding) -> tuple[str, ...]:
    """What each agent said, as short as a fingerprint."""
    said = {
        (finding.path, finding.category, vote.agent, vote.rule, vote.message)
        for finding in findings
        for vote in finding.votes
    }
    return tuple(sorted(sha256("\0".join(one).encode(errors="surrogatepass")).hexdigest()[:_DIGITS] for one in said))


def _order(entry: Entry) -> tuple[str, ...]:
    return entry.path, entry.rule, entry.fingerprint


def _line(entry: Entry) -> dict[str, Any]:
    value = entry.model_dump(exclude_defaults=True)
    value["fingerprint"] = _grouped(entry.fingerprint)
    if entry.votes:
        value["votes"] = list(map(_grouped, entry.votes))
    return value


def _grouped(digits: str) -> str:
    """A word of random digits would be taken for a secret by those who look for some."""
    return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def _read(item: dict[str, Any]) -> dict[str, Any]:
    votes = [vote.replace("-", "") for vote in item.get("votes", ())]
    return {**item, "fingerprint": item["fingerprint"].replace("-", ""), "votes": votes}
