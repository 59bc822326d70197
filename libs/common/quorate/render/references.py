"""Where the rules of well-known tools, and weaknesses, are documented.

An address is made only of a rule that looks like one of its tool's, so nothing that comes with a change can choose
where a link leads.
"""

import re

from quorate.contract.finding import DecidedFinding

_PAGES: dict[str, tuple[re.Pattern[str], str]] = {
    "ruff": (re.compile(r"[A-Z]{1,5}\d{2,4}", re.ASCII), "https://docs.astral.sh/ruff/rules/{}"),
    "shellcheck": (re.compile(r"SC\d{4}", re.ASCII), "https://www.shellcheck.net/wiki/{}"),
    "hadolint": (re.compile(r"DL\d{4}", re.ASCII), "https://github.com/hadolint/hadolint/wiki/{}"),
    "zizmor": (re.compile(r"[a-z]{2,40}(?:-[a-z]{1,40}){0,6}", re.ASCII), "https://docs.zizmor.sh/audits/#{}"),
    "mypy": (
        re.compile(r"[a-z]{2,40}(?:-[a-z]{1,40}){0,6}", re.ASCII),
        "https://mypy.readthedocs.io/en/stable/_refs.html#code-{}",
    ),
}


def weakness(cwe: int) -> str:
    """The page of a weakness by its number."""
    return f"https://cwe.mitre.org/data/definitions/{cwe}.html"


def documentation(agent: str, rule: str) -> str | None:
    """The page of an agent's rule; None if it is not known to have one."""
    known = _PAGES.get(agent)
    if known is None or known[0].fullmatch(rule) is None:
        return None
    return known[1].format(rule)


def of_rule(finding: DecidedFinding, rule: str) -> str | None:
    """The page of one of the finding's rules, by the agents that named it."""
    pages = (documentation(vote.agent, rule) for vote in finding.votes if vote.rule == rule)
    return next(filter(None, pages), None)
