"""An agent that finds what a test has put into the code, and a process of its own that runs it with all services.

``python -m tests.support.marking SETTINGS`` takes the settings as JSON, and prints where the gateway listens.
"""

import asyncio
import re
import sys

from quorate import Context, Finding, agent
from quorate.service import installed_services, running
from quorate.settings import Settings

SERVICES = ("router", "worker", "collector", "gateway")


@agent("marker")
async def marker(ctx: Context) -> list[Finding]:
    """Reports each line that says BAD, and names what stands behind it."""
    return [
        Finding(path=path, line=number, severity="high", category="bug", rule="bad", message=f"Bad: {found[1]}")
        for path, text in ctx.review.texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := re.search(r"BAD (\w+)", line))
    ]


async def main(settings: Settings) -> None:
    installed = installed_services()
    async with running([installed[name] for name in SERVICES], settings) as bus:
        sys.stdout.write(f"{bus.told['http_url']}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    chosen = Settings.model_validate_json(sys.argv[1])
    asyncio.run(main(chosen.model_copy(update={"agent_modules": ("tests.support.marking",)})))
