"""Findings, issues and reviews of a series, as tests of following need them."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from quorate.contract.finding import DecidedFinding, Vote
from quorate.contract.history import Dismissal, History, Issue
from quorate_collector.domain.looked import Looked

MESSAGE = "The query is put together from text"


def fingerprint(path: str, category: str, rule: str, message: str) -> str:
    return hashlib.sha256("\0".join((path, category, rule, message)).encode()).hexdigest()[:16]


def finding(
    message: str = MESSAGE,
    line: int | None = 10,
    *,
    path: str = "a.py",
    agents: Iterable[str] = ("bandit",),
    rule: str = "B608",
    **fields: Any,
) -> DecidedFinding:
    """A decided finding that these agents voted for."""
    category, severity = fields.get("category", "security"), fields.get("severity", "high")
    print_ = fingerprint(path, category, rule, message)
    votes = tuple(
        Vote(agent=agent, lineage=agent, rule=rule, severity=severity, confidence=0.9, message=message)
        for agent in agents
    )
    made: dict[str, Any] = {
        "id": print_,
        "path": path,
        "line": line,
        "severity": severity,
        "category": category,
        "message": message,
        "fingerprint": print_,
        "rules": (rule,) if rule else (),
        "votes": votes,
        "decision": "confirmed",
        "reason": "1 lineage found it",
    }
    return DecidedFinding.model_validate(made | fields)


def numbered(findings: Iterable[DecidedFinding]) -> tuple[DecidedFinding, ...]:
    """With ids that are distinct, as the vote gives them."""
    seen: Counter[str] = Counter()
    made = []
    for each in findings:
        seen[each.fingerprint] += 1
        number = seen[each.fingerprint]
        made.append(each if number == 1 else each.model_copy(update={"id": f"{each.fingerprint}-{number}"}))
    return tuple(made)


def issue(message: str = MESSAGE, line: int | None = 10, **fields: Any) -> Issue:
    """An issue as the finding of these fields would be recorded."""
    own = {name: fields.pop(name) for name in ("id", "state", "fingerprints", "decision") if name in fields}
    shown = finding(message, line, **fields)
    made: dict[str, Any] = {
        "id": shown.id,
        "fingerprints": (shown.fingerprint,),
        "path": shown.path,
        "line": shown.line,
        "end_line": shown.end_line,
        "severity": shown.severity,
        "category": shown.category,
        "message": shown.message,
        "cwe": shown.cwe,
        "rules": shown.rules,
        "agents": tuple(vote.agent for vote in shown.votes),
        "decision": shown.decision,
        "first_seen": "c1",
        "last_seen": "c1",
    }
    if own.get("state") == "dismissed":
        made["dismissal"] = Dismissal(by="ada", reason="only constants reach it", agents=made["agents"])
    return Issue.model_validate(made | own)


def history(*issues: Issue, **fields: Any) -> History:
    return History(series="github:o/r#1", issues=issues, **fields)


def looked(
    *agents: str,
    paths: Iterable[str] = ("a.py", "b.py"),
    asked: Iterable[str] = ("bandit", "ruff"),
    renamed: dict[str, str] | None = None,
    changed: Iterable[str] | None = None,
) -> Looked:
    """These agents read these paths, which are all of the change unless ``changed`` says otherwise."""
    read = frozenset(paths)
    return Looked(
        read=dict.fromkeys(agents, read),
        changed=read if changed is None else frozenset(changed),
        asked=frozenset(asked),
        renamed=renamed or {},
    )
