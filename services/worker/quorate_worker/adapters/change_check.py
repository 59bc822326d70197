"""Checks of the change itself as agents: they read the diff, and need no tool."""

import asyncio

from quorate.agent_definition import Agent, Context
from quorate.contract.agents import AgentCard
from quorate.contract.facts import Contribution
from quorate_worker.checks import Check

TIMEOUT_S = 120.0
TELLS_UNREADABLE = "large-files"


def check_agent(module: Check) -> Agent:
    """An agent that runs a check. It counts no file as read, since it judges the change and not what stands in files.

    One of them tells which files have no content to read, so that those which are no analyzer's business, such as
    images, are known to be read by nobody.
    """

    async def run(context: Context) -> Contribution:
        review = context.review
        findings = await asyncio.to_thread(module.check, review)
        unread = review.unreadable if module.NAME == TELLS_UNREADABLE else {}
        return Contribution(version=module.VERSION, findings=tuple(findings), unread=unread)

    card = AgentCard(name=module.NAME, version=module.VERSION, kinds=("code-review",), description=module.DESCRIPTION)
    return Agent(card, run, TIMEOUT_S)
