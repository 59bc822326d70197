"""Endpoints of check runs, commit statuses and SARIF."""

import binascii
import json
import uuid
import zlib
from base64 import b64decode
from typing import Any

from quorate.testing.github_http import Answer, Call, Endpoints, Problem, invalid, not_found
from quorate.testing.github_json import check_run_json, status_json
from quorate.testing.github_pulls import commit_of
from quorate.testing.github_state import CheckRun, Repository, Sarif, Status, instant

endpoints = Endpoints()
RUNS = "/repos/{owner}/{repo}/check-runs"
RUN = RUNS + "/{run:int}"
ANNOTATIONS, TEXT_LIMIT, DESCRIPTION_LIMIT = 50, 65_535, 140
STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = (
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out",
)  # fmt: skip
LEVELS = ("notice", "warning", "failure")
UNPACKED_BYTES = 200_000_000


@endpoints.on("POST", RUNS)
def create(call: Call) -> Answer:
    repository = _for_app(call)
    name, head = call.text("name", required=True), call.text("head_sha", required=True)
    if head not in repository.git.commits:
        raise Problem(422, f"No commit found for SHA: {head}")
    run = CheckRun(call.state.id("check run"), name, head, _slug(call))
    _change(call, run)
    repository.check_runs[run.id] = run
    return Answer(201, check_run_json(call.state, repository, run))


@endpoints.on("PATCH", RUN)
def update(call: Call) -> Answer:
    repository = _for_app(call)
    run = _run(call, repository)
    if run.app != _slug(call):
        raise Problem(403, "Invalid app_id `check_run` - check run belongs to another App.")
    _change(call, run)
    return Answer(200, check_run_json(call.state, repository, run))


def _change(call: Call, run: CheckRun) -> None:
    """Raises Problem 422 before anything is changed."""
    body = call.body
    status, conclusion = body.get("status"), body.get("conclusion")
    if status is not None and status not in STATUSES:
        raise _wrong(f"{status!r} is not a possible status: {', '.join(STATUSES)}")
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise _wrong(f"{conclusion!r} is not a possible conclusion: {', '.join(CONCLUSIONS)}")
    if status == "completed" and conclusion is None and run.conclusion is None:
        raise _wrong("a completed check run needs a conclusion")
    output = body.get("output")
    if output is not None:
        _check_output(output)
    now = instant(call.state.now())
    run.name = call.text("name", default=run.name)
    run.details_url = body.get("details_url", run.details_url)
    run.external_id = call.text("external_id", default=run.external_id)
    run.started_at = body.get("started_at") or run.started_at or now
    if conclusion is not None:
        run.status, run.conclusion, run.completed_at = "completed", conclusion, body.get("completed_at") or now
    elif status is not None:
        run.status = status
    if output is not None:
        run.title, run.summary = output.get("title"), output["summary"]
        run.text = output.get("text", run.text)
        run.annotations += output.get("annotations") or []


def _check_output(output: Any) -> None:
    if not isinstance(output, dict) or not isinstance(output.get("summary"), str) or not output.get("title"):
        raise _wrong("output needs a title and a summary")
    for name in ("summary", "text"):
        if len(output.get(name) or "") > TEXT_LIMIT:
            raise invalid("CheckRun", name, f"{name} exceeds a maximum length of {TEXT_LIMIT}")
    annotations = output.get("annotations") or []
    if len(annotations) > ANNOTATIONS:
        raise _wrong(f"No more than {ANNOTATIONS} items are allowed; {len(annotations)} were supplied.")
    for item in annotations:
        missing = {"path", "start_line", "end_line", "annotation_level", "message"} - item.keys()
        if missing:
            raise _wrong(f"{', '.join(sorted(missing))} of an annotation wasn't supplied.")
        if item["annotation_level"] not in LEVELS or item["end_line"] < item["start_line"]:
            raise _wrong("an annotation has an unknown level or ends before it starts")
        if "start_column" in item and item["start_line"] != item["end_line"]:
            raise _wrong("an annotation over several lines has no columns")


def _wrong(what: str) -> Problem:
    return Problem(422, f"Invalid request.\n\n{what}")


@endpoints.on("GET", RUN)
def run(call: Call) -> Answer:
    repository = call.repository("checks")
    return Answer(200, check_run_json(call.state, repository, _run(call, repository)))


@endpoints.on("GET", RUN + "/annotations")
def annotations(call: Call) -> Answer:
    return call.page(_run(call, call.repository("checks")).annotations, lambda annotation: annotation)


@endpoints.on("GET", "/repos/{owner}/{repo}/commits/{ref:path}/check-runs")
def runs(call: Call) -> Answer:
    repository = call.repository("checks")
    head = commit_of(repository, call.arguments["ref"]).sha
    name, app, status = (call.query.get(key) for key in ("check_name", "app_id", "status"))
    own = str(call.state.access.app.id)
    chosen = [
        run
        for run in reversed(repository.check_runs.values())
        if run.head == head
        and (not name or run.name == name)
        and (not app or app == own)
        and (not status or run.status == status)
    ]
    if call.query.get("filter", "latest") == "latest":
        latest: dict[tuple[str, str], CheckRun] = {}
        for run in chosen:
            latest.setdefault((run.name, run.app), run)
        chosen = list(latest.values())
    return call.page(chosen, lambda run: check_run_json(call.state, repository, run), under="check_runs")


def _run(call: Call, repository: Repository) -> CheckRun:
    found = repository.check_runs.get(call.arguments["run"])
    if found is None:
        raise not_found()
    return found


def _for_app(call: Call) -> Repository:
    if call.identity.kind == "user":
        call.repository("checks")  # what may not be seen is not found, before anything else
        raise Problem(403, "You must authenticate via a GitHub App.")
    return call.repository("checks", level="write", role="admin")


def _slug(call: Call) -> str:
    installation = call.identity.installation
    return installation.slug if installation else ""


@endpoints.on("POST", "/repos/{owner}/{repo}/statuses/{sha}")
def set_status(call: Call) -> Answer:
    repository = call.repository("statuses", level="write", role="write")
    sha, state = call.arguments["sha"], call.text("state", required=True)
    if sha not in repository.git.commits:
        raise Problem(422, f"No commit found for SHA: {sha}")
    if state not in ("error", "failure", "pending", "success"):
        raise invalid("Status", "state", "state is not included in the list", "invalid")
    description = call.body.get("description")
    if description is not None and len(description) > DESCRIPTION_LIMIT:
        raise invalid("Status", "description", f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)")
    context = call.text("context", default="default")
    status = Status(
        id=call.state.id("status"),
        sha=sha,
        state=state,
        context=context,
        description=description,
        target_url=call.body.get("target_url"),
        user=call.identity.account,
        at=call.state.now(),
    )
    repository.statuses.append(status)
    return Answer(201, status_json(status))


@endpoints.on("GET", "/repos/{owner}/{repo}/commits/{ref:path}/statuses")
def statuses(call: Call) -> Answer:
    repository = call.repository("statuses")
    sha = commit_of(repository, call.arguments["ref"]).sha
    return call.page([s for s in reversed(repository.statuses) if s.sha == sha], status_json)


@endpoints.on("POST", "/repos/{owner}/{repo}/code-scanning/sarifs")
def upload(call: Call) -> Answer:
    repository = call.repository("security_events", level="write", role="write")
    if not repository.code_scanning:
        raise Problem(403, "Code Security must be enabled for this repository to use code scanning.")
    commit, ref, packed = (call.text(name, required=True) for name in ("commit_sha", "ref", "sarif"))
    if commit not in repository.git.commits:
        raise Problem(422, f"commit_sha {commit} is not a commit of this repository")
    if not ref.startswith("refs/"):
        raise Problem(422, "ref is not fully qualified: it begins with refs/heads/, refs/tags/ or refs/pull/")
    document = _unpacked(packed, call.state.limits.sarif_bytes)
    number = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{repository.full_name} {call.state.id('sarif')}"))
    repository.sarifs[number] = Sarif(number, commit, ref, call.body.get("tool_name"), document)
    url = f"{call.state.url}/repos/{repository.full_name}/code-scanning/sarifs/{number}"
    return Answer(202, {"id": number, "url": url})


def _unpacked(packed: str, limit: int) -> Any:
    """Raises Problem: 413 too large, 400 not SARIF in gzip in base64."""
    try:
        zipped = b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, "The sarif is not encoded in base64.") from None
    if len(zipped) > limit:
        raise Problem(413, "The sarif field is too large.")
    try:
        unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        text = unzip.decompress(zipped, UNPACKED_BYTES)
        if unzip.unconsumed_tail:
            raise Problem(413, "The sarif field is too large.")
        document: Any = json.loads(text)
    except (zlib.error, ValueError, RecursionError):
        raise Problem(400, "The sarif is not a JSON document in gzip.") from None
    if not isinstance(document, dict) or not isinstance(document.get("runs"), list):
        raise Problem(400, "The sarif has no runs.")
    return document


@endpoints.on("GET", "/repos/{owner}/{repo}/code-scanning/sarifs/{sarif}")
def uploaded(call: Call) -> Answer:
    repository = call.repository("security_events")
    if call.arguments["sarif"] not in repository.sarifs:
        raise not_found()
    url = f"{call.state.url}/repos/{repository.full_name}/code-scanning/analyses?sarif_id={call.arguments['sarif']}"
    return Answer(200, {"processing_status": "complete", "analyses_url": url})
