"""From what an agent returned to its contribution."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json

from quorate.agent_definition import Agent, Report
from quorate.contract.facts import Contribution
from quorate.contract.finding import Ballot, Finding
from quorate.review import Review
from quorate_worker.domain.ignores import Ignores, with_ignore

MAX_VERSION = 64


def clean(text: str) -> str:
    """Text that can be encoded: half a surrogate pair, which Python allows and JSON does not, is written out."""
    return text.encode("utf-8", "backslashreplace").decode()


class BadReport(ValueError):
    """The agent returned something that is neither findings nor an answer."""


def contribution_of(agent: Agent, report: Report, review: Review | None) -> Contribution:
    """A contribution with its coverage. Raises BadReport.

    An agent that returns bare findings has read what it could read of its languages.
    """
    if isinstance(report, Contribution):
        contribution = report
    elif isinstance(report, (list, tuple)) and _is_typed(report):
        findings = tuple(item for item in report if isinstance(item, Finding))
        ballots = tuple(item for item in report if isinstance(item, Ballot))
        if len(report) not in (len(findings), len(ballots)):
            raise BadReport(f"{agent.name} returned a list of findings and other things: return one or the other")
        contribution = Contribution(findings=findings, ballots=ballots, **_coverage(agent, review))
    else:
        contribution = Contribution(answer=report, **_coverage(agent, review))
    version = clean(contribution.version or agent.card.version)[:MAX_VERSION]
    contribution = contribution.model_copy(update={"version": version})
    if review is not None:
        contribution = _with_ignores(agent, _in_scope(contribution, review), review)
    return _sound(agent, contribution)


def _is_typed(report: Sequence[object]) -> bool:
    """Whether a list holds what becomes findings or ballots; an empty one says that nothing was found."""
    return not report or any(isinstance(item, Finding | Ballot) for item in report)


def _sound(agent: Agent, contribution: Contribution) -> Contribution:
    """What others will read: agents can build messages that cannot be sent, or cannot be read again."""
    try:
        try:
            body = contribution.encode()
        except ValueError:
            body = Contribution.model_validate(_cleaned(contribution.model_dump())).encode()
        return Contribution.model_validate(from_json(body, allow_inf_nan=False))
    except (ValueError, RecursionError) as error:
        raise BadReport(f"{agent.name} returned something that is not JSON: {clean(str(error))[:300]}") from error


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def _coverage(agent: Agent, review: Review | None) -> dict[str, Any]:
    if review is None:
        return {}
    return {
        "read": tuple(review.texts(*agent.card.languages)),
        "unread": review.unreadable,
        "changed": review.paths,
        "renamed": review.renamed,
    }


def _in_scope(contribution: Contribution, review: Review) -> Contribution:
    """Keep findings on changed lines and what the change causes elsewhere in its files, unless all were asked for;
    those that are left out are counted."""
    kept: list[Finding] = []
    for finding in contribution.findings:
        if review.in_change(finding):
            kept.append(finding.model_copy(update={"indirect": False}) if finding.indirect else finding)
        elif review.change_of(finding.path) is not None and (finding.indirect or review.scope == "all"):
            kept.append(finding)
    outside = len(contribution.findings) - len(kept)
    return contribution.model_copy(update={"findings": tuple(kept), "outside_change": outside})


def _with_ignores(agent: Agent, contribution: Contribution, review: Review) -> Contribution:
    """The findings as the comments of the reviewed files have them."""
    ignores: dict[str, Ignores] = {}
    findings: list[Finding] = []
    for finding in contribution.findings:
        if finding.path not in ignores:
            ignores[finding.path] = Ignores(review.text(finding.path) or "")
        ignore = ignores[finding.path].about(finding, agent.name)
        findings.append(with_ignore(finding, ignore) if ignore else finding)
    return contribution.model_copy(update={"findings": tuple(findings)})
