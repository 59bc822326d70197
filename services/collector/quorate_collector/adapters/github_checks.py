"""The commit's own marks: a check run of an App, a status of a token, and findings for code scanning."""

import asyncio
import base64
import gzip
from collections.abc import Mapping
from typing import Any

from quorate import crashpoints
from quorate.contract.result import Result
from quorate.github import Refused
from quorate.render import render
from quorate_collector.adapters.github_place import Place
from quorate_collector.domain import checks
from quorate_collector.domain.notes import CheckRun

_LACKING = (403, 404)
"""What GitHub says where a permission or a feature is missing."""


async def check(place: Place, result: Result, head: str) -> None:
    """Say on the commit what came of the review; skipped with a remark where this is not permitted."""
    try:
        if place.github.is_app:
            await _check_run(place, result, head)
        elif not place.is_done("status"):
            await _status(place, result, head)
            await place.done("status")
    except Refused as error:
        if error.status not in _LACKING:
            raise
        place.remarks.append(f"the commit has no check: {error}")
    crashpoints.reached("github.checked")


async def upload(place: Place, result: Result, head: str, files: Mapping[str, str]) -> None:
    """Give the findings to code scanning; skipped with a remark where it is not available."""
    if place.is_done("sarif"):
        return
    body = {
        "commit_sha": head,
        "ref": f"refs/pull/{place.pull.number}/head",
        "sarif": await asyncio.to_thread(_sarif, result, files),
        "tool_name": checks.NAME,
    }
    try:
        await place.write("sarif", "POST", place.repo_path("/code-scanning/sarifs"), body)
    except Refused as error:
        # 413: a proxy on the way takes less than GitHub.
        if error.status not in (*_LACKING, 413):
            raise
        place.remarks.append(f"code scanning did not take the findings: {error}")
    await place.done("sarif")


def _sarif(result: Result, files: Mapping[str, str]) -> str:
    """Within GitHub's limits, as the renderer sees to. Without a time, so that it is the same each time."""
    return base64.b64encode(gzip.compress(render(result, "sarif", files=files).encode(), mtime=0)).decode()


async def _check_run(place: Place, result: Result, head: str) -> None:
    annotations = checks.annotations(result)
    output = await asyncio.to_thread(checks.check_output, result)
    run = await _known_run(place, head)
    if run is None:
        first = annotations[: checks.PER_REQUEST]
        body = {
            "name": checks.NAME,
            "head_sha": head,
            "external_id": place.task,
            "status": "completed",
            "conclusion": checks.conclusion(result),
            "output": output | {"annotations": first},
        }
        made = await place.write("check", "POST", place.repo_path("/check-runs"), body)
        run = CheckRun(task=place.task, run=made["id"], told=len(first))
        await place.remember(place.notes.checking(head, run))
    while run.told < len(annotations):
        following = annotations[run.told : run.told + checks.PER_REQUEST]
        body = {"output": output | {"annotations": following}}
        await place.write("annotations", "PATCH", place.repo_path(f"/check-runs/{run.run}"), body)
        run = run.model_copy(update={"told": run.told + len(following)})
        await place.remember(place.notes.checking(head, run))


async def _known_run(place: Place, head: str) -> CheckRun | None:
    """The check run that an earlier attempt made, with the annotations that GitHub counts."""
    known = place.notes.checks.get(head)
    if not place.is_taken_over:
        return known if known is not None and known.task == place.task else None
    path = place.repo_path(f"/commits/{head}/check-runs")
    # Without the filter only the latest run of each name is told.
    listed = await place.pages(path, {"check_name": checks.NAME, "filter": "all"}, items="check_runs")
    for made in listed:
        if made.get("external_id") == place.task:
            told = (made.get("output") or {}).get("annotations_count") or 0
            return CheckRun(task=place.task, run=made["id"], told=told)
    return None


async def _status(place: Place, result: Result, head: str) -> None:
    body: dict[str, Any] = {
        "state": checks.status_state(result),
        "context": checks.CONTEXT,
        "description": checks.description(result),
    }
    await place.write("status", "POST", place.repo_path(f"/statuses/{head}"), body)
