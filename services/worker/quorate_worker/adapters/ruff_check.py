"""`ruff check` as the agents use it: deaf to all configuration, and never stopped by one file."""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.deafness import Left
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.workspace import Workspace

_FLAGS = (
    "--isolated",  # no configuration of the reviewed code
    "--no-cache",
    "--exit-zero",
    "--quiet",
    "--no-fix",
    "--output-format=json",
    "--target-version=py315",  # the newest: older code is valid there, newer code elsewhere is not
    # Whatever was sent is to be read: no folder is left out for its name, and the suffix says nothing new.
    "--no-respect-gitignore",
    "--no-force-exclude",
    "--config=exclude = []",
    '--config=include = ["*"]',
)


async def ruff_check(
    space: Workspace, paths: Sequence[str], left: Left, *flags: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The entries of its JSON for these files, with ``filename`` as the path under review; and the files that it
    failed over, each with the reason. Raises ToolError if it fails over all."""
    suffixes = {PurePosixPath(path).suffix[1:] for path in paths} - {"py", "pyi", ""}
    extensions = (f"--extension={suffix}:python" for suffix in sorted(suffixes))
    argv = (*space.program, "check", *_FLAGS, *extensions, *flags)

    async def items_of(some: Sequence[str]) -> list[dict[str, Any]]:
        output = await space.run([*argv, *(f"./{path}" for path in some)], left(), name="ruff")
        try:
            items = json.loads(output.stdout) if output.code == 0 else None
        except ValueError:
            items = None
        if not isinstance(items, list):
            raise ToolFailed("ruff", f"ended with code {output.code} and no report", output.stderr)
        return items

    items, failed = await all_or_alone(paths, items_of)
    for item in items:
        item["filename"] = str(space.tree.joinpath(item["filename"]).relative_to(space.tree))
    return items, failed
