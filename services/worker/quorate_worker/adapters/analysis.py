"""What the analyzers have in common: from a review to a contribution, by way of one tool."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import metadata

from quorate.agent_definition import Context
from quorate.contract.facts import AgentState, Contribution
from quorate.contract.finding import Finding
from quorate.review import Review, is_language
from quorate_worker.adapters.process import ToolError, ToolMissing, ToolTimeout
from quorate_worker.adapters.workspace import Workspace, workspace

TIMEOUT_S = 120.0
NOT_INSTALLED = "not-installed"
REVOKE = "Read it from the environment or a secret store, and revoke this one"
"""What to do about a secret in code."""

_MAX_TEXT = 2_000


@dataclass
class Analysis:
    """What a tool found, and the files that it could not read, each with the reason."""

    findings: list[Finding] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


Tool = Callable[[Workspace, float], Awaitable[Analysis]]
"""Reads the files of a workspace within so many seconds. Raises ToolError."""


def installed_version(distribution: str) -> str:
    """The version of an installed package, or ``not-installed``."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED


async def analyze(context: Context, tool: Tool, *, name: str, version: str, language: str = "") -> Contribution:
    """Put the changed files of a language (of all, without one) before a tool; say what was read and found.

    Files that the tool is not made for are neither read nor unread. A tool's failure is a state, not an
    exception.
    """
    started = time.perf_counter()
    review = context.review
    files = review.texts(language) if language else review.texts()
    unread = {path: why for path, why in review.unreadable.items() if _wanted(review, path, language)}
    kind = f"{language.capitalize()} file" if language else "text file"

    def contribution(state: AgentState, reason: str | None, done: Analysis) -> Contribution:
        return Contribution(
            state=state,
            version=version,
            reason=reason,
            findings=tuple(done.findings),
            read=tuple(path for path in files if state == "ok" and path not in done.unread),
            unread={clean(path): clean(why) for path, why in (unread | done.unread).items()},
            elapsed_ms=round((time.perf_counter() - started) * 1000),
        )

    if not files:
        why = f"none of its {kind}s came with content" if unread else f"no {kind} in the change"
        return contribution("skipped", why, Analysis())
    try:
        if version == NOT_INSTALLED:
            raise ToolMissing(name)
        async with workspace(files) as space:
            done = await tool(space, min(TIMEOUT_S, context.deadline_at - time.time()))
    except (ToolError, OSError) as error:
        state: AgentState = "timeout" if isinstance(error, ToolTimeout) else "failed"
        nothing = Analysis(unread=dict.fromkeys(files, f"{name} {state}"))
        return contribution(state, clean(str(error)), nothing)
    done.unread |= space.unread
    return contribution("ok", None, done)


def suppressed(finding: Finding, comment: str) -> Finding:
    """The finding as a mere note: the change asked by a comment not to hear of it.

    A change must not silence its reviewers, and people must not read again what they have dismissed.
    """
    return finding.model_copy(
        update={"severity": "info", "message": f"{finding.message} (dismissed in the code by `{comment}`)"}
    )


def clean(text: str) -> str:
    """The text without what cannot be sent: lone surrogates are written out, and what is too long is cut."""
    return text.encode("utf-8", "backslashreplace").decode()[:_MAX_TEXT]


def _wanted(review: Review, path: str, language: str) -> bool:
    if language:
        return is_language(path, language)
    change = review.change_of(path)
    return change is None or not (change.binary or change.submodule or change.symlink)
