"""The reference pages of the agents that come with Quorate, from their own tables; docs/generate.py writes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import yaml

from quorate_collector.domain.lineage import lineage_of
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.semgrep import FOLDER as SEMGREP_RULES
from quorate_worker.adapters.semgrep import SEMGREP
from quorate_worker.builtin import builtin_analyzers
from quorate_worker.checks import CHECKS, Check


class Page(NamedTuple):
    """One agent: what the index says of it, and its page."""

    name: str
    description: str
    reads: str
    needs: str
    text: str


def pages() -> list[Page]:
    """A page for each agent, by name."""
    found = [_of_analyzer(analyzer) for analyzer in builtin_analyzers()]
    found += [_of_check(module) for module in CHECKS]
    return sorted(found, key=lambda page: page.name)


def index(note: str) -> str:
    """The table of all agents."""
    lines = [
        "# Agents",
        "",
        note,
        "",
        "The agents that come with Quorate. All of them run at each review; one that finds no file of its kind in the",
        "change is skipped, and one whose program is not installed says so and stops nobody. `quorate doctor` tells",
        "which programs are there. Switch one off with `enabled = false` in its table `[agents.NAME]`, and name its",
        "program with `command` where it is not found; [add a tool](../../how-to/add-a-tool.md) of your own.",
        "",
        "How right they are: [on labelled programs](../security-evaluation.md), [on real changes](../real-reviews.md).",
        "",
        "| agent | what it finds | reads | needs |",
        "|---|---|---|---|",
    ]
    rows = (f"| [{page.name}]({page.name}.md) | {page.description} | {page.reads} | {page.needs} |" for page in pages())
    return "\n".join([*lines, *rows, ""])


def _of_analyzer(analyzer: Analyzer) -> Page:
    reads = _reads(analyzer)
    program = analyzer.program
    needs = f"`{program.install}`" if program is not None else ""
    facts = [
        ("reads", reads),
        ("program", f"`{program.command}`: {needs}" if program is not None else "none: it is part of Quorate"),
        ("home page", f"<{analyzer.homepage}>" if analyzer.homepage else ""),
        ("lineage", _lineages(analyzer.name, analyzer.rules)),
        ("a file's findings depend on", "that file alone" if analyzer.per_file else "all files of the change"),
        ("time limit", f"{analyzer.timeout_s:g} s for each run of the program"),
    ]
    lines = [*_head(analyzer.name, analyzer.description, facts), *_wrapped(analyzer.notes)]
    if analyzer.name == SEMGREP.name:
        lines += ["", "## Rules", "", *_semgrep_rules()]
    elif analyzer.rules:
        lines += ["", "## Rules", "", *_beginnings(analyzer), "| rule | category | severity | confidence | CWE |"]
        if analyzer.titles:
            lines[-1] += " what it is |"
        lines += ["|---|---|---|---|---|" + ("---|" if analyzer.titles else "")]
        for name, rule in analyzer.rules.items():
            judged = _judged(rule.category, rule.severity, rule.confidence, rule.cwe)
            row = f"| {f'`{name}`' if name else 'any other'} | {judged}"
            lines.append(f"{row} {analyzer.titles.get(name, '')} |" if analyzer.titles else row)
    return Page(analyzer.name, analyzer.description, reads, needs, "\n".join([*lines, ""]))


def _of_check(module: Check) -> Page:
    reads = "the change itself"
    facts = [("reads", reads), ("program", "none: it is part of Quorate"), ("version", module.VERSION)]
    lines = _head(module.NAME, module.DESCRIPTION, facts)
    lines += ["## Rules", "", "| rule | category | severity | confidence | CWE | what it is |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, rule in module.RULES.items():
        judged = _judged(rule.category, rule.severity, rule.confidence, rule.cwe)
        lines.append(f"| `{name}` | {judged} {rule.description} |")
    return Page(module.NAME, module.DESCRIPTION, reads, "", "\n".join([*lines, ""]))


def _semgrep_rules() -> Iterator[str]:
    """They are in files of their own, and each says itself how it is judged."""
    yield "| rule | category | severity | confidence | CWE | what it is |"
    yield "|---|---|---|---|---|---|"
    for file in sorted(SEMGREP_RULES.glob("*.yaml")):
        for rule in yaml.safe_load(file.read_text(encoding="utf-8"))["rules"]:
            about = rule["metadata"]
            number = int(str(about["cwe"]).removeprefix("CWE-")) if "cwe" in about else None
            judged = _judged(about["category"], about["severity"], float(about["confidence"]), number)
            message = str(rule["message"]).strip().replace("|", "\\|").replace("<", "&lt;")
            yield f"| `{rule['id']}` | {judged} {message} |"


def _head(name: str, description: str, facts: Sequence[tuple[str, str]]) -> list[str]:
    lines = [f"# Agent `{name}`", "", f"{description}.", "", "| | |", "|---|---|"]
    return [*lines, *(f"| {what} | {fact} |" for what, fact in facts if fact), ""]


def _reads(analyzer: Analyzer) -> str:
    selection = analyzer.selection
    if selection.is_all:
        return "every text file"
    parts = [f"`*{suffix}`" for suffix in sorted(selection.suffixes)]
    parts += [f"`{pattern}`" for pattern in selection.patterns]
    if selection.interpreters:
        names = ", ".join(f"`{name}`" for name in sorted(selection.interpreters))
        parts.append(f"scripts that begin with `#!` and {names}")
    return ", ".join(dict.fromkeys(parts))


def _lineages(name: str, rules: Mapping[str, Rule]) -> str:
    by_lineage: dict[str, list[str]] = {}
    for rule in rules or {"": None}:
        # A prefix of letters stands for rules that have digits behind them.
        whole = f"{rule}000" if rule.isalpha() else rule
        by_lineage.setdefault(lineage_of(name, whole, {}), []).append(rule)
    if len(by_lineage) == 1:
        return f"`{next(iter(by_lineage))}`"
    return "; ".join(
        f"`{lineage}` ({', '.join(f'`{rule}`' if rule else 'any other' for rule in rules)})"
        for lineage, rules in by_lineage.items()
    )


def _beginnings(analyzer: Analyzer) -> Iterator[str]:
    if not analyzer.titles:
        yield "The longest beginning of a rule's name in this table decides."
        yield ""


def _judged(category: str, severity: str, confidence: float, cwe: int | None) -> str:
    number = f"[{cwe}](https://cwe.mitre.org/data/definitions/{cwe}.html)" if cwe else ""
    return f"{category} | {severity} | {confidence:g} | {number} |"


def _wrapped(text: str) -> list[str]:
    return [text] if text else []
