"""Reviewing labelled cases on the real path: a broker, the services in this process, and code-review tasks."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bench.security_expected import CaseSet
from bench.security_score import Reported
from bench.security_weakness import weakness_of
from quorate.blobs import Blobs
from quorate.client import Client
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate.contract.result import Result
from quorate.embedded import EmbeddedBroker
from quorate.errors import Misconfigured, QuorateError
from quorate.service import installed_services, running
from quorate.settings import AgentSettings, Settings

BATCH_FILES = 200
BATCH_BYTES = 4 * 1024 * 1024
GRACE_S = 30.0
"""How long after its deadline a review is still waited for."""


class ReviewFailed(QuorateError):
    """A batch of cases got no verdict; the message has the reason."""


@dataclass
class Reviewed:
    """What all batches gave. ``reported`` is by path; ``read`` has the paths that at least one agent read.

    ``agents`` counts the findings of each agent that took part, whatever they are about; ``failures`` counts why
    agents failed, as "agent: reason"; ``elapsed_s`` is wall time, from the first submission to the last result.
    """

    reported: dict[str, list[Reported]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    agents: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0

    def add(self, agent: str, contribution: Contribution, confirmed: set[tuple[str, str, str, str]]) -> None:
        """Take in what one agent said of one batch. ``confirmed`` has path, agent, rule and message."""
        self.agents[agent] += len(contribution.findings)
        self.read.update(contribution.read)
        if contribution.state not in ("ok", "skipped"):
            self.failures[f"{agent}: {contribution.reason or contribution.state}"] += 1
        for finding in contribution.findings:
            self.reported.setdefault(finding.path, []).append(_reported(agent, finding, confirmed))


def _reported(agent: str, finding: Finding, confirmed: set[tuple[str, str, str, str]]) -> Reported:
    return Reported(
        agent=agent,
        rule=finding.rule,
        cwe=weakness_of(agent, finding.rule, finding.cwe),
        line=finding.line,
        message=finding.message,
        confirmed=(finding.path, agent, finding.rule, finding.message) in confirmed,
    )


def confirmed_votes(result: Result) -> set[tuple[str, str, str, str]]:
    """Path, agent, rule and message of each vote behind a confirmed finding."""
    return {
        (finding.path, vote.agent, vote.rule, vote.message)
        for finding in result.findings
        if finding.decision == "confirmed"
        for vote in finding.votes
    }


def only(settings: Settings, wanted: Iterable[str]) -> Settings:
    """The settings with every agent switched off but the wanted ones. Raises Misconfigured."""
    from quorate_worker.app import chosen_agents

    known = {agent.name for agent in chosen_agents(settings)}
    chosen = set(wanted)
    if unknown := sorted(chosen - known) or ([] if chosen else ["without a name"]):
        raise Misconfigured(f"there is no agent {', '.join(unknown)}: choose from {', '.join(sorted(known))}")
    off = {
        name: settings.agents.get(name, AgentSettings()).model_copy(update={"enabled": False})
        for name in known - chosen
    }
    return settings.model_copy(update={"agents": {**settings.agents, **off}})


async def review(
    broker: EmbeddedBroker, cases: CaseSet, settings: Settings, progress: Callable[[str], None]
) -> Reviewed:
    """Submit the cases in batches, one after the other, with the companions in each. Raises QuorateError."""
    # Nothing needs to outlive the run, and what a former version of an agent found must not be taken for this one's.
    settings = settings.model_copy(
        update={
            "nats_url": broker.url,
            "partitions": 1,
            "memory_storage": True,
            "agents_wait_s": 0.0,
            "stop_grace_s": 0.0,
            "cache": False,
        }
    )
    installed = installed_services()
    services = [installed[name] for name in ("worker", "collector", "router")]
    reviewed = Reviewed()
    parts = list(batches(cases.texts))
    async with running(services, settings), Client(broker.url, tenant=settings.tenant) as client:
        began = time.monotonic()
        for number, part in enumerate(parts, 1):
            progress(f"batch {number} of {len(parts)}: {len(part)} files, {time.monotonic() - began:.1f} s so far")
            await _review_batch(client, {**cases.companions, **part}, settings.review_deadline_s, reviewed)
        reviewed.elapsed_s = time.monotonic() - began
    return reviewed


async def _review_batch(client: Client, files: Mapping[str, str], deadline_s: float, reviewed: Reviewed) -> None:
    diff = "".join(addition(path, text) for path, text in files.items())
    task = await client.submit("code-review", {"diff": diff, "title": "Labelled cases"}, deadline_s=deadline_s)
    result = await client.result(task, timeout=deadline_s + GRACE_S)
    if result.state != "completed":
        raise ReviewFailed(f"a batch of {len(files)} files ended as {result.state}: {result.reason or result.summary}")
    confirmed = confirmed_votes(result)
    blobs = Blobs(client.bus)
    for record in await client.facts(task):
        if isinstance(contribution := record.fact, Contribution):
            if contribution.body_ref is not None:
                contribution = Contribution.model_validate(await blobs.get_json(contribution.body_ref))
            reviewed.add(record.key[0], contribution, confirmed)


def batches(texts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The files in their order, in parts of at most 200 files and about 4 MiB."""
    part: dict[str, str] = {}
    size = 0
    for path, text in texts.items():
        if part and (len(part) == BATCH_FILES or size + len(text) > BATCH_BYTES):
            yield part
            part, size = {}, 0
        part[path] = text
        size += len(text)
    if part:
        yield part


def addition(path: str, text: str) -> str:
    """A diff that adds the file, as git writes it."""
    # A blank in a name makes git end the name with a tab.
    end = "\t" if " " in path else ""
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n"
    if not text:
        return head
    lines = text.removesuffix("\n").split("\n")
    body = "".join(f"+{line}\n" for line in lines)
    if not text.endswith("\n"):
        body += "\\ No newline at end of file\n"
    return f"{head}--- /dev/null\n+++ b/{path}{end}\n@@ -0,0 +1,{len(lines)} @@\n{body}"
