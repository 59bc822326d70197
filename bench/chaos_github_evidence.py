"""What is there when a chaos run of pull requests is over: the streams, the ledger, and what the double shows."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import nats

from bench.chaos_evidence import Evidence, Kept, collect, lagging, read_all
from bench.chaos_github_courier import Webhook, noted, read
from bench.chaos_github_forge import Forge
from bench.chaos_github_load import Pull
from bench.chaos_github_plan import REPOSITORIES
from quorate.contract import subjects

WRITES = f"$KV.{subjects.LEDGER}.writes.github.>"
FILE = "github.json"


class Seen(NamedTuple):
    """A pull request on GitHub, in the double's own words."""

    reviews: list[dict[str, Any]]
    threads: list[dict[str, Any]]
    comments: list[dict[str, Any]]


@dataclass(frozen=True)
class GitHubSide:
    """``seen`` is by series, ``marked`` are the commits with a status, and ``faults`` counts those that struck."""

    pulls: tuple[Pull, ...]
    webhooks: tuple[Webhook, ...]
    seen: dict[str, Seen]
    marked: frozenset[str]
    faults: dict[str, int]
    writes: int


@dataclass(frozen=True)
class Traces:
    """Everything that the audit reads. ``ledger`` has the writer's entries; ``waiting`` what it has yet to write."""

    streams: Evidence
    ledger: tuple[Kept, ...]
    waiting: dict[str, int]
    github: GitHubSide


async def look_at_github(forge: Forge, pulls: list[Pull], webhooks: list[Webhook], folder: Path) -> None:
    """Keep in ``folder`` what the double shows."""
    seen = {}
    for pull in pulls:
        place = {"repo": pull.repo, "number": pull.number}
        seen[pull.series] = Seen(
            await forge.call("reviews", **place),
            await forge.call("threads", **place),
            await forge.call("comments", **place),
        )
    marked = {status["sha"] for repo in REPOSITORIES for status in await forge.call("statuses", repo=repo)}
    faults: dict[str, int] = {}
    for fault in await forge.call("faults"):
        faults[fault["kind"]] = faults.get(fault["kind"], 0) + fault["hits"]
    journal = await forge.call("journal")
    kept = {
        "pulls": [pull.noted() for pull in pulls],
        "webhooks": noted(webhooks),
        "seen": seen,
        "marked": sorted(marked),
        "faults": faults,
        "writes": sum(entry["method"] not in ("GET", "HEAD") for entry in journal),
    }
    (folder / FILE).write_text(json.dumps(kept))
    (folder / "journal.json").write_text(json.dumps(journal))


def read_github(folder: Path) -> GitHubSide:
    """What was kept. Raises OSError."""
    kept = json.loads((folder / FILE).read_text())
    return GitHubSide(
        pulls=tuple(Pull.read(note) for note in kept["pulls"]),
        webhooks=read(kept["webhooks"]),
        seen={series: Seen(*each) for series, each in kept["seen"].items()},
        marked=frozenset(kept["marked"]),
        faults=kept["faults"],
        writes=kept["writes"],
    )


async def collect_traces(url: str, folder: Path) -> Traces:
    """Read everything. Raises ``nats.errors.Error`` when the broker does not answer."""
    streams = await collect(url)
    client = await nats.connect(url, name="chaos-audit")
    try:
        return Traces(
            streams=streams,
            ledger=await read_all(client, f"KV_{subjects.LEDGER}", WRITES),
            waiting=await lagging(client, subjects.RESULTS),
            github=read_github(folder),
        )
    finally:
        await client.close()
