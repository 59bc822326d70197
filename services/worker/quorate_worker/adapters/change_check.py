"""Checks of the change itself as agents: they read the diff, and need no tool."""

import asyncio

from quorate.agent_definition import Agent, Context
from quorate.contract.agents import AgentCard
from quorate.contract.facts import Contribution
from quorate_worker.checks import Check

TIMEOUT_S = 120.0
KNOWS_THE_FILES = "large-files"


def check_agent(module: Check) -> Agent:
    """An agent that runs a check. It counts no file as read, since it judges the change and not what stands in files.

    One of them tells all files of the change, so that those which are no analyzer's business are known to be read by
    nobody, and of images and the like why.
    """

    async def run(context: Context) -> Contribution:
        review = context.review
        findings = await asyncio.to_thread(module.check, review)
        if module.NAME != KNOWS_THE_FILES:
            return Contribution(version=module.VERSION, findings=tuple(findings))
        return Contribution(
            version=module.VERSION,
            findings=tuple(findings),
            unread=review.unreadable,
            changed=review.paths,
            renamed=review.renamed,
        )

    card = AgentCard(name=module.NAME, version=module.VERSION, kinds=("code-review",), description=module.DESCRIPTION)
    return Agent(card, run, TIMEOUT_S)
