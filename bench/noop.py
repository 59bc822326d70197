"""Agents that answer at once, so that what is measured is everything around them."""

from quorate.agent_definition import Agent, Context, agent

KINDS = {"noop-1": 1, "noop-8": 8}
"""The shapes of a task: a kind, and how many agents serve it."""

NAMES = tuple(f"noop-{number}" for number in range(max(KINDS.values())))


def _noop(number: int) -> Agent:
    @agent(NAMES[number], kinds=[kind for kind, agents in KINDS.items() if number < agents])
    async def noop(ctx: Context) -> bool:
        """Says yes."""
        return bool(ctx.input)

    return noop


# The worker looks for agents among a module's variables.
first, second, third, fourth, fifth, sixth, seventh, eighth = map(_noop, range(len(NAMES)))
